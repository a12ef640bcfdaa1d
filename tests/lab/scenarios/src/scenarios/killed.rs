//! The worst moments: somebody dies while the radio is keyed.

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;

use crate::harness::{AMPLE, Lab, Scenario};
use crate::mono;
use crate::radio::Wiring;
use crate::scene::{self, Scene, UNKEYED_WITHIN};
use crate::unit::{self, Gateway, Setup};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "daemon-killed-gpio",
        about: "The daemon is killed while keyed: GPIO unkeyed within 250 ms, again and again; systemd starts it anew.",
        body: |lab| daemon_killed(lab, Wiring::Gpio, KILLS),
    },
    Scenario {
        name: "daemon-killed-hid",
        about: "The same by HID, which keeps its level when nobody holds it.",
        body: |lab| daemon_killed(lab, Wiring::Hid, KILLS),
    },
    Scenario {
        name: "daemon-killed-serial",
        about: "The same by modem lines.",
        body: |lab| daemon_killed(lab, Wiring::Serial, KILLS),
    },
    Scenario {
        name: "guard-killed-gpio",
        about: "The guard is killed while keyed: everything ends, is unkeyed and starts anew.",
        body: |lab| scene::with(lab, Wiring::Gpio, |lab, scene| guard_killed(lab, scene, Wiring::Gpio)),
    },
    Scenario {
        name: "guard-killed-hid",
        about: "The same by HID.",
        body: |lab| scene::with(lab, Wiring::Hid, |lab, scene| guard_killed(lab, scene, Wiring::Hid)),
    },
    Scenario {
        name: "guard-killed-serial",
        about: "The same by modem lines.",
        body: |lab| scene::with(lab, Wiring::Serial, |lab, scene| guard_killed(lab, scene, Wiring::Serial)),
    },
    Scenario {
        name: "daemon-frozen-gpio",
        about: "The daemon stands still while keyed: unkeyed within 250 ms; it goes on afterwards.",
        body: |lab| scene::with(lab, Wiring::Gpio, |lab, scene| daemon_frozen(lab, scene, Wiring::Gpio)),
    },
    Scenario {
        name: "daemon-frozen-hid",
        about: "The same by HID.",
        body: |lab| scene::with(lab, Wiring::Hid, |lab, scene| daemon_frozen(lab, scene, Wiring::Hid)),
    },
    Scenario {
        name: "daemon-frozen-serial",
        about: "The same by modem lines.",
        body: |lab| scene::with(lab, Wiring::Serial, |lab, scene| daemon_frozen(lab, scene, Wiring::Serial)),
    },
];

/// One kill proves little.
const KILLS: u32 = 20;

/// The unit's own two seconds times many repeats would prove nothing more.
fn restarts_soon(setup: &mut Setup) {
    setup.service = String::from("RestartSec=100ms\n");
}

fn daemon_killed(lab: &mut Lab, wiring: Wiring, repeats: u32) -> Result<()> {
    scene::with_setup(lab, wiring, restarts_soon, |lab, scene| {
        for round in 1..=repeats {
            one_kill(lab, scene, wiring).with_context(|| format!("kill {round} of {repeats}"))?;
        }
        let restarts = Gateway::restarts()?;
        ensure!(restarts == repeats, "systemd has started it again {restarts} times after {repeats} kills");
        let line = lab.figures.line(&figure("daemon killed", wiring));
        lab.note(line);
        scene.works()
    })
}

fn figure(what: &str, wiring: Wiring) -> String {
    format!("{what} -> unkeyed ({})", wiring.name())
}

fn one_kill(lab: &mut Lab, scene: &Scene, wiring: Wiring) -> Result<()> {
    let keyed = scene.key()?;
    let (daemon, guard) = (Gateway::daemon()?, Gateway::guard()?);
    let (line, seen) = (scene.radio.mark(), scene.server.seen.mark());
    let killed = unit::signal(daemon, Signal::KILL)?;
    let unkeyed = scene.radio.keyed(line, false, AMPLE)?;
    let took = mono::ms_between(killed, unkeyed);
    lab.figures.add(&figure("daemon killed", wiring), "ms", took);
    ensure!(
        unkeyed <= killed + UNKEYED_WITHIN,
        "unkeyed {took:.1} ms after daemon {daemon} was killed; its guard was {guard}"
    );
    scene.server.cut(keyed.saying)?;
    scene.online(seen)?;
    ensure!(!scene.radio.is_keyed()?, "the radio is keyed after the restart");
    Ok(())
}

fn guard_killed(lab: &mut Lab, scene: &mut Scene, wiring: Wiring) -> Result<()> {
    let keyed = scene.key()?;
    let (line, seen, journal) =
        (scene.radio.mark(), scene.server.seen.mark(), scene.gateway.journal.tape.mark());
    let killed = unit::signal(Gateway::guard()?, Signal::KILL)?;
    let unkeyed = scene.radio.keyed(line, false, AMPLE)?;
    lab.figures.add(&figure("guard killed", wiring), "ms", mono::ms_between(killed, unkeyed));
    let line = lab.figures.line(&figure("guard killed", wiring));
    lab.note(line);
    scene.gateway.logged(journal, "guard")?;
    scene.server.cut(keyed.saying)?;
    scene.online(seen)?;
    ensure!(!scene.radio.is_keyed()?, "the radio is keyed after the restart");
    scene.works()
}

fn daemon_frozen(lab: &mut Lab, scene: &mut Scene, wiring: Wiring) -> Result<()> {
    const ROUNDS: usize = 5;
    for _ in 0..ROUNDS {
        let keyed = scene.key()?;
        let daemon = Gateway::daemon()?;
        let line = scene.radio.mark();
        let frozen = unit::signal(daemon, Signal::STOP)?;
        let unkeyed = scene.radio.keyed(line, false, AMPLE);
        // Thawed whatever happened; it finds a talk that has ended.
        let cut = scene.server.cut(keyed.saying);
        unit::signal(daemon, Signal::CONT)?;
        let took = mono::ms_between(frozen, unkeyed?);
        lab.figures.add(&figure("daemon frozen", wiring), "ms", took);
        ensure!(
            took <= UNKEYED_WITHIN.as_secs_f64() * 1e3,
            "unkeyed {took:.1} ms after the daemon stood still"
        );
        cut?;
        // What it had still to say may key once more; then it is over.
        scene.quiet()?;
    }
    let line = lab.figures.line(&figure("daemon frozen", wiring));
    lab.note(line);
    scene.works()
}
