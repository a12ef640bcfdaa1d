//! USB devices that go and come back, idle and keyed.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::harness::{AMPLE, Lab, Scenario};
use crate::journal::Entry;
use crate::mono;
use crate::radio::Wiring;
use crate::scene::{self, Scene};
use crate::unit::Gateway;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "unplug-hid-idle",
        about: "A fob (HID and card) is pulled while idle: named in the journal, back within 2 s of its return.",
        body: |lab| scene::with(lab, Wiring::Hid, |lab, scene| unplug(lab, scene, Wiring::Hid, false)),
    },
    Scenario {
        name: "unplug-hid-keyed",
        about: "The same while keyed: unkeyed, and released first when it is back.",
        body: |lab| scene::with(lab, Wiring::Hid, |lab, scene| unplug(lab, scene, Wiring::Hid, true)),
    },
    Scenario {
        name: "unplug-serial-idle",
        about: "An AIOC (serial port and card) is pulled while idle.",
        body: |lab| scene::with(lab, Wiring::Serial, |lab, scene| unplug(lab, scene, Wiring::Serial, false)),
    },
    Scenario {
        name: "unplug-serial-keyed",
        about: "The same while keyed: unkeyed, and released first when it is back.",
        body: |lab| scene::with(lab, Wiring::Serial, |lab, scene| unplug(lab, scene, Wiring::Serial, true)),
    },
];

/// The promise: everything is in use again so soon after the device's return.
pub(super) const BACK_WITHIN: Duration = Duration::from_secs(2);

/// The journal and the looks at it may tell a return so much later.
pub(super) const TOLD_WITHIN: Duration = Duration::from_secs(1);

fn unplug(lab: &mut Lab, scene: &mut Scene, wiring: Wiring, keyed: bool) -> Result<()> {
    let journal = scene.gateway.journal.tape.mark();
    let talk = if keyed { Some(scene.key()?.saying) } else { None };
    let unplugged = scene.radio.unplug()?;
    for fault in ["sound device lost", "COS is lost", "PTT is lost"] {
        let told = scene.gateway.logged(journal, fault)?;
        lab.note(format!("told: {told}"));
    }
    if let Some(saying) = talk {
        scene.server.cut(saying)?;
    }
    ensure!(!scene.radio.is_keyed()?, "the radio is keyed without power");
    lab.note(format!("{:.1} s without its device", mono::ms_between(unplugged, mono::now()) / 1e3));

    let (journal, line) = (scene.gateway.journal.tape.mark(), scene.radio.mark());
    let plugged = scene.radio.plug()?;
    let back = back(scene, journal)?;
    let took = mono::ms_between(plugged, back);
    lab.figures.add(&format!("plugged in again -> in use ({})", wiring.name()), "ms", took);
    lab.note(format!("in use {took:.0} ms after the host had found it"));
    ensure!(
        back <= plugged + BACK_WITHIN + TOLD_WITHIN,
        "in use only {took:.0} ms after the host had found it"
    );
    // Talk that had to wait is said when all is back; but the line is released before anything else.
    ensure!(
        scene.radio.first_level(line) == Some(false),
        "the line was not released first, when it was back"
    );
    scene.quiet()?;
    ensure!(Gateway::restarts()? == 0, "the gateway was started again");
    scene.works()
}

/// When card and lines are in use again, as the journal tells.
fn back(scene: &Scene, journal: usize) -> Result<Duration> {
    let mut last = Duration::ZERO;
    for words in ["sound device is back", "COS is back", "PTT is back"] {
        let pick = |entry: &Entry| entry.text.contains(words).then_some(entry.at);
        last = last.max(scene.gateway.journal.tape.wait(journal, AMPLE, words, pick)?);
    }
    Ok(last)
}
