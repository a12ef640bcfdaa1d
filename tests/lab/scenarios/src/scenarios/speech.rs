//! Speech both ways through kernel sound, compared with what was said.

use std::time::Duration;

use anyhow::{Result, ensure};
use zello_gateway::sim::Seen;

use crate::harness::{AMPLE, Lab, Scenario};
use crate::mono;
use crate::radio::Wiring;
use crate::scene::{self, Scene};
use crate::server::{Event, USER, Words};
use crate::sound::Speech;
use crate::speech;
use crate::unit::Gateway;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "speech-gpio",
        about: "Speech is whole both ways, with PTT and COS on GPIO.",
        body: |lab| scene::with(lab, Wiring::Gpio, both_ways),
    },
    Scenario {
        name: "speech-hid",
        about: "The same with PTT and COS of a CM108-type fob and its card.",
        body: |lab| scene::with(lab, Wiring::Hid, both_ways),
    },
    Scenario {
        name: "speech-serial",
        about: "The same with PTT and COS by modem lines of an AIOC and its card.",
        body: |lab| scene::with(lab, Wiring::Serial, both_ways),
    },
    Scenario { name: "vox", about: "An over opened by its sound is whole.", body: vox },
];

/// A radio is a little open before anybody speaks, and for a moment after.
const BREATH: Duration = Duration::from_millis(200);

/// A machine that is too slow for sound in real time gets so many chances.
const ATTEMPTS: usize = 3;

/// Packets of the first second are held back by the wait for the server, and catch up.
const LIVE_AFTER: Duration = Duration::from_secs(1);

fn both_ways(lab: &mut Lab, scene: &mut Scene) -> Result<()> {
    scene.open_air()?;
    let again = undisturbed(lab, scene, |lab, scene| up(lab, scene, true))? + undisturbed(lab, scene, down)?;
    excused(scene, again)
}

/// Tries again when sound was not whole; how often that was needed.
fn undisturbed(
    lab: &mut Lab,
    scene: &mut Scene,
    mut try_once: impl FnMut(&mut Lab, &mut Scene) -> Result<()>,
) -> Result<usize> {
    let mut again = 0;
    loop {
        match try_once(lab, scene) {
            Ok(()) => return Ok(again),
            Err(error) if again + 1 == ATTEMPTS => return Err(error),
            Err(error) => lab.note(format!("again, for the machine may have lost sound: {error:#}")),
        }
        again += 1;
    }
}

/// Sound that was not whole is excused only if a sound card's counters say that this machine was too slow for it.
fn excused(scene: &mut Scene, again: usize) -> Result<()> {
    if again == 0 {
        return Ok(());
    }
    let own = scene.air()?.xruns();
    Gateway::stop()?;
    let figures = Gateway::figures()?;
    let names = ["capture_xruns", "playback_xruns", "capture_blocks_dropped", "playback_blocks_missing"];
    let lost: u64 = names.iter().filter_map(|name| figures.get(*name)).sum();
    ensure!(own + lost > 0, "sound was not whole, and no counter tells why");
    Ok(())
}

/// The radio speaks; with `cos`, its squelch line tells.
fn up(lab: &mut Lab, scene: &mut Scene, cos: bool) -> Result<()> {
    let voice = speech::radio()?;
    let ready = Speech::new(&voice);
    let (seen, overs) = (scene.server.seen.mark(), scene.server.heard_so_far().len());
    if cos {
        scene.radio.squelch(true)?;
        std::thread::sleep(BREATH);
    }
    let began = say(scene, &ready, voice.len())?;
    scene.radio.squelch(false)?;
    let over = scene.server.heard(overs + 1, AMPLE)?.pop();
    let over = over.ok_or_else(|| anyhow::anyhow!("no over was heard"))?;
    let likeness = speech::whole("the phone", &speech::as_sent(&voice), &over.speech()?)?;
    lab.note(format!("up: correlation {:.3}, worst syllable {:.3}", likeness.correlation, likeness.worst));

    let arrivals: Vec<Duration> = scene.server.seen.since(seen).iter().filter_map(arrival).collect();
    ensure!(arrivals.len() == over.packets.len(), "{} packets of {}", over.packets.len(), arrivals.len());
    let packet = 16 * 60;
    for (number, at) in arrivals.into_iter().enumerate() {
        // Of the sound that was said, the packet's first sample is this one.
        let Some(first) = (number * packet).checked_sub(likeness.delay) else { continue };
        if speech::span(first) > LIVE_AFTER && first < voice.len() {
            let captured = began + speech::span(first);
            lab.figures.add(
                "capture -> wire, oldest sample of a packet of 60 ms",
                "ms",
                mono::ms_between(captured, at),
            );
        }
    }
    Ok(())
}

fn arrival(event: &Event) -> Option<Duration> {
    matches!(&event.what, Seen::Packet { from, .. } if from == USER).then_some(event.at)
}

/// Says it all into the card, and waits until it is through; when it began.
fn say(scene: &Scene, voice: &Speech, samples: usize) -> Result<Duration> {
    scene.air()?.say(voice);
    let began = scene.air()?.said(AMPLE)?;
    let end = began + speech::span(samples) + BREATH;
    std::thread::sleep(end.saturating_sub(mono::now()));
    Ok(began)
}

/// The phone speaks.
fn down(lab: &mut Lab, scene: &mut Scene) -> Result<()> {
    let voice = speech::phone()?;
    scene.air()?.forget();
    let (ear, line) = (scene.air()?.mark(), scene.radio.mark());
    let saying = scene.server.say(&Words::new(&voice)?);
    let keyed = scene.radio.keyed(line, true, AMPLE)?;
    let unkeyed = scene.radio.keyed(line, false, AMPLE)?;
    scene.server.said(saying)?;
    // What the card still holds when the line is let go.
    let rest = scene.air()?.mark();
    scene.air()?.hear(rest, Duration::from_millis(500))?;
    let (sound, began) = scene.air()?.heard(ear)?;
    let likeness = speech::whole("the radio", &voice, &sound)?;
    let first_word = began + speech::span(likeness.delay);
    let lead = mono::ms_between(keyed, first_word);
    let tail = mono::ms_between(first_word + speech::span(voice.len()), unkeyed);
    lab.note(format!(
        "down: correlation {:.3}, worst syllable {:.3}, keyed {lead:.0} ms before the first word, until {tail:.0} ms after the last",
        likeness.correlation, likeness.worst
    ));
    ensure!(
        lead > 0.0 && tail > 0.0,
        "keyed {lead:.0} ms before the first word, until {tail:.0} ms after the last"
    );
    Ok(())
}

fn vox(lab: &mut Lab) -> Result<()> {
    let by_level = |setup: &mut crate::unit::Setup| {
        setup.lines = String::from("[ptt.gpio]\nline = 17\n[cos.vox]\nthreshold_dbfs = -35.0\n");
    };
    scene::with_setup(lab, Wiring::Gpio, by_level, |lab, scene| {
        scene.open_air()?;
        let again =
            undisturbed(lab, scene, |lab, scene| up(lab, scene, false))? + undisturbed(lab, scene, down)?;
        excused(scene, again)
    })
}
