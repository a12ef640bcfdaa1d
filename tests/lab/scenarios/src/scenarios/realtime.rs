//! The real-time class, granted and refused.

use anyhow::{Context as _, Result, ensure};

use crate::harness::{AMPLE, Lab, Scenario};
use crate::process;
use crate::radio::Wiring;
use crate::scene;
use crate::tape::until;
use crate::unit::{Gateway, Setup};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "realtime-granted",
        about: "Sound, engine and guard run in the real-time class, the rest does not.",
        body: granted,
    },
    Scenario {
        name: "realtime-refused",
        about: "Without the right to it the gateway says so once, and works.",
        body: refused,
    },
];

/// Threads that sound depends on.
const FAST: [&str; 3] = ["audio-in", "audio-out", "engine"];

fn granted(lab: &mut Lab) -> Result<()> {
    scene::with(lab, Wiring::Gpio, |lab, _| {
        let (daemon, guard) = (Gateway::daemon()?, Gateway::guard()?);
        let all_fast = || {
            let classes = process::classes(daemon).ok()?;
            FAST.iter().all(|name| classes.get(*name).is_some_and(|class| class.is_fifo())).then_some(classes)
        };
        let classes = until("SCHED_FIFO of audio-in, audio-out and engine", AMPLE, all_fast)?;
        let told: Vec<String> =
            classes.iter().map(|(name, class)| format!("{name} {}", class.priority)).collect();
        lab.note(format!("priorities (0: ordinary): {}", told.join(", ")));
        let net = classes.get("net").context("there is no thread net")?;
        ensure!(!net.is_fifo(), "the network thread is in the real-time class");
        let guards = process::classes(guard)?;
        ensure!(guards.values().any(|class| class.is_fifo()), "the guard is an ordinary process: {guards:?}");
        Ok(())
    })
}

fn refused(lab: &mut Lab) -> Result<()> {
    let no_right = |setup: &mut Setup| setup.service = String::from("LimitRTPRIO=0\n");
    scene::with_setup(lab, Wiring::Gpio, no_right, |_, scene| {
        scene.gateway.logged(0, "LimitRTPRIO=")?;
        scene.works()?;
        let classes = process::classes(Gateway::daemon()?)?;
        ensure!(
            classes.values().all(|class| !class.is_fifo()),
            "the drop-in has refused nothing: {classes:?}"
        );
        let entries = scene.gateway.journal.tape.since(0);
        let said = entries.iter().filter(|entry| entry.text.contains("LimitRTPRIO=")).count();
        ensure!(said == 1, "said {said} times");
        Ok(())
    })
}
