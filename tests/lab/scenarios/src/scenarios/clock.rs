//! A machine without a clock module: it wakes in the past, and the network tells the time later.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::harness::{Lab, Scenario};
use crate::mono;
use crate::radio::{Radio, Wiring};
use crate::scene::Scene;
use crate::server::Event;
use crate::wall::Stepped;

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "clock-unset",
    about: "Started in 2020 the gateway waits and says so; the moment the clock is set it logs on.",
    body: clock_unset,
}];

/// 2020-01-01, since 1970-01-01.
const LONG_AGO: Duration = Duration::from_secs(1_577_836_800);

/// Nothing is tried for so long: the clock is looked at every 5 s even if nobody tells that it was set.
const WATCHED: Duration = Duration::from_secs(7);

/// The kernel tells at once.
const ONLINE_WITHIN: Duration = Duration::from_secs(1);

fn clock_unset(lab: &mut Lab) -> Result<()> {
    let past = Stepped::to(LONG_AGO)?;
    let radio = Radio::open(Wiring::Gpio, &lab.lines)?;
    let mut scene = Scene::launch(lab, radio, |_| ())?;
    let result = waits(lab, &mut scene, past);
    if result.is_err() {
        lab.evidence += &scene.gateway.journal.text();
    }
    result
}

fn waits(lab: &mut Lab, scene: &mut Scene, past: Stepped) -> Result<()> {
    scene.gateway.logged(0, "the clock of this machine is not set")?;
    let early = scene.server.seen.wait(0, WATCHED, "a log-on too early", Event::is_logon);
    ensure!(early.is_err(), "logged on with a clock in 2020");
    let set = mono::now();
    drop(past);
    let online = scene.online(0)?;
    let figure = "clock set -> logged on";
    lab.figures.add(figure, "ms", mono::ms_between(set, online));
    let line = lab.figures.line(figure);
    lab.note(line);
    ensure!(online.saturating_sub(set) <= ONLINE_WITHIN, "the news that the clock was set has not come");
    scene.works()
}
