//! A line that is active before the gateway starts: left so by somebody who is no more.

use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::process::Signal;

use crate::harness::{AMPLE, Lab, Scenario};
use crate::mono;
use crate::radio::Wiring;
use crate::scene::{self, Scene};
use crate::tape::until;
use crate::unit::{self, Gateway, Setup};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "left-active-gpio",
        about: "PTT is active when the gateway starts: released first of all, by GPIO.",
        body: |lab| left_active(lab, Wiring::Gpio),
    },
    Scenario {
        name: "left-active-hid",
        about: "The same by HID.",
        body: |lab| left_active(lab, Wiring::Hid),
    },
    Scenario {
        name: "left-active-serial",
        about: "The same by modem lines.",
        body: |lab| left_active(lab, Wiring::Serial),
    },
];

fn left_active(lab: &mut Lab, wiring: Wiring) -> Result<()> {
    // Nobody starts it again, and nobody releases the line when it is dead.
    let forsaken = |setup: &mut Setup| setup.service = String::from("Restart=no\nExecStopPost=\n");
    scene::with_setup(lab, wiring, forsaken, |lab, scene| {
        scene.radio.clings(true)?;
        let result = release_first(lab, scene, wiring);
        scene.radio.clings(false)?;
        result?;
        scene.works()
    })
}

fn release_first(lab: &mut Lab, scene: &Scene, wiring: Wiring) -> Result<()> {
    let keyed = scene.key()?;
    let (daemon, guard) = (Gateway::daemon()?, Gateway::guard()?);
    unit::signal(guard, Signal::KILL)?;
    unit::signal(daemon, Signal::KILL)?;
    until("the unit's end", AMPLE, || {
        Gateway::property("ActiveState").ok().filter(|state| state == "failed")
    })?;
    scene.server.cut(keyed.saying)?;
    ensure!(scene.radio.is_keyed()?, "the line has not stayed active, so there is nothing to show");

    let (line, seen) = (scene.radio.mark(), scene.server.seen.mark());
    Gateway::start()?;
    let released = scene.radio.keyed(line, false, AMPLE)?;
    let online = scene.online(seen)?;
    let started = Gateway::started_at()?;
    let figure = format!("start with an active line -> released ({})", wiring.name());
    lab.figures.add(&figure, "ms", mono::ms_between(started, released));
    let told = lab.figures.line(&figure);
    lab.note(told);
    ensure!(released < online, "released only after the log-on");
    ensure!(scene.radio.keyed(line, true, Duration::ZERO).is_err(), "keyed meanwhile");
    ensure!(!scene.radio.is_keyed()?, "the radio is keyed after the start");
    Ok(())
}
