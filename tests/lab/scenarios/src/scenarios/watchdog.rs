//! systemd's watchdog ends a daemon that stands still.

use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::process::Signal;

use crate::harness::{Lab, Scenario};
use crate::mono;
use crate::radio::Wiring;
use crate::scene::{self, Scene};
use crate::unit::{self, Gateway};

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "watchdog",
    about: "A daemon that stands still is ended by systemd's watchdog and started anew, unkeyed.",
    body: |lab| scene::with(lab, Wiring::Gpio, watchdog),
}];

/// `WatchdogSec` and `TimeoutStopSec` of the unit, and room for a slow machine.
const BITTEN_WITHIN: Duration = Duration::from_secs(40);

fn watchdog(lab: &mut Lab, scene: &mut Scene) -> Result<()> {
    let keyed = scene.key()?;
    let daemon = Gateway::daemon()?;
    let (seen, journal, line) =
        (scene.server.seen.mark(), scene.gateway.journal.tape.mark(), scene.radio.mark());
    let frozen = unit::signal(daemon, Signal::STOP)?;
    scene.radio.keyed(line, false, BITTEN_WITHIN)?;
    let unkeyed = scene.radio.mark();
    scene.server.cut(keyed.saying)?;
    scene.gateway.logged_within(journal, BITTEN_WITHIN, "Watchdog timeout")?;
    let bitten = mono::ms_between(frozen, mono::now()) / 1e3;
    let online = scene.online(seen)?;
    let back = mono::ms_between(frozen, online) / 1e3;
    lab.figures.add("daemon stands still -> bitten by the watchdog", "s", bitten);
    lab.note(format!("bitten after {bitten:.1} s, in the channel again after {back:.1} s"));
    ensure!(Gateway::daemon()? != daemon, "the same daemon still runs");
    ensure!(scene.radio.keyed(unkeyed, true, Duration::ZERO).is_err(), "the radio was keyed again meanwhile");
    scene.works()
}
