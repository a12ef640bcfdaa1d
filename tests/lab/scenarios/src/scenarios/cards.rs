//! A sound card that goes and comes back, with PTT on GPIO that stays.

use anyhow::{Result, ensure};

use super::unplug::{BACK_WITHIN, TOLD_WITHIN};
use crate::card::LOOPBACK;
use crate::harness::{AMPLE, Lab, Scenario};
use crate::journal::Entry;
use crate::mono;
use crate::radio::Wiring;
use crate::scene::{self, Scene};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "unplug-card-idle",
        about: "The sound card goes while idle: named in the journal, back within 2 s of its return.",
        body: |lab| scene::with(lab, Wiring::Gpio, |lab, scene| unplug(lab, scene, false)),
    },
    Scenario {
        name: "unplug-card-keyed",
        about: "The sound card goes while keyed: PTT off.",
        body: |lab| scene::with(lab, Wiring::Gpio, |lab, scene| unplug(lab, scene, true)),
    },
];

fn unplug(lab: &mut Lab, scene: &mut Scene, keyed: bool) -> Result<()> {
    let journal = scene.gateway.journal.tape.mark();
    let talk = if keyed { Some(scene.key()?.saying) } else { None };
    let line = scene.radio.mark();
    let gone = mono::now();
    let mut pulled = LOOPBACK.pull();
    if let Some(saying) = talk {
        let unkeyed = scene.radio.keyed(line, false, AMPLE)?;
        let took = mono::ms_between(gone, unkeyed);
        lab.figures.add("sound card gone -> unkeyed", "ms", took);
        lab.note(format!("unkeyed {took:.0} ms after the card was pulled"));
        scene.server.cut(saying)?;
    }
    let fault = scene.gateway.logged(journal, "sound device lost")?;
    ensure!(fault.contains("CARD=Loopback"), "the fault does not name the card: {fault}");
    pulled.gone()?;

    let journal = scene.gateway.journal.tape.mark();
    drop(pulled);
    let bound = mono::now();
    let mut roles = Vec::new();
    let mut last = bound;
    for role in ["capture", "playback"] {
        let pick = |entry: &Entry| {
            (entry.text.contains("sound device is back") && entry.text.contains(role)).then_some(entry.at)
        };
        let at = scene.gateway.journal.tape.wait(journal, AMPLE, &format!("{role} back"), pick)?;
        roles.push(format!("{role} after {:.0} ms", mono::ms_between(bound, at)));
        last = last.max(at);
    }
    lab.figures.add("sound card back -> in use", "ms", mono::ms_between(bound, last));
    lab.note(format!("in use again: {}", roles.join(", ")));
    ensure!(last <= bound + BACK_WITHIN + TOLD_WITHIN, "in use again too late: {}", roles.join(", "));
    scene.quiet()?;
    scene.works()
}
