//! The fault matrix of PTT: everything that can fail while the radio is keyed, on every kind of line. The worst moments, a
//! killed daemon and a killed guard, have files of their own.

mod rows;

use std::any::Any;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::harness::{AMPLE, Lab, Scenario};
use crate::mono;
use crate::radio::Wiring;
use crate::scene::{self, Keyed, Scene};
use crate::unit::{Gateway, Setup};
use rows::{QUICK, STANDING, TRIO};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "faults-gpio",
        about: "Whatever fails while keyed, GPIO is unkeyed within its bound, the journal names it, and the gateway is back.",
        body: |lab| matrix(lab, Wiring::Gpio, &[QUICK, TRIO]),
    },
    Scenario {
        name: "faults-hid",
        about: "The same by HID.",
        body: |lab| matrix(lab, Wiring::Hid, &[QUICK, TRIO]),
    },
    Scenario {
        name: "faults-serial",
        about: "The same by modem lines.",
        body: |lab| matrix(lab, Wiring::Serial, &[QUICK, TRIO]),
    },
    Scenario {
        name: "threads-gpio",
        about: "Each thread for itself stands still while keyed: unkeyed by rule or by the end, and back: GPIO.",
        body: |lab| matrix(lab, Wiring::Gpio, &[STANDING]),
    },
    Scenario {
        name: "threads-hid",
        about: "The same by HID.",
        body: |lab| matrix(lab, Wiring::Hid, &[STANDING]),
    },
    Scenario {
        name: "threads-serial",
        about: "The same by modem lines.",
        body: |lab| matrix(lab, Wiring::Serial, &[STANDING]),
    },
];

/// Something that fails while the radio is keyed.
struct Row {
    name: &'static str,
    /// Makes it fail.
    inject: fn(&Scene, &Keyed) -> Result<Fault>,
    ptt: Ptt,
    /// Words of the journal that name it.
    told: &'static str,
    end: End,
}

/// What becomes of PTT.
enum Ptt {
    /// Unkeyed so soon.
    Off(Duration),
    /// Nothing: the talk is said to its end.
    Stays,
}

/// What becomes of the gateway.
#[derive(PartialEq, Eq)]
enum End {
    /// The same daemon goes on.
    RunsOn,
    /// systemd has started another.
    Anew,
}

/// Something has failed.
struct Fault {
    since: Duration,
    /// Ends the fault when dropped: as soon as PTT has been seen to.
    until_seen: Option<Box<dyn Any>>,
    /// The same, but when the gateway is back.
    #[expect(dead_code, reason = "its drop is its use")]
    until_back: Option<Box<dyn Any>>,
}

/// A talk that nothing disturbs is watched for so long.
const WATCHED: Duration = Duration::from_millis(500);

/// How often each row is tried: `LAB_REPEATS`, once by default.
fn repeats() -> Result<usize> {
    match std::env::var("LAB_REPEATS") {
        Ok(text) => text.parse().context("LAB_REPEATS is a whole number"),
        Err(_) => Ok(1),
    }
}

fn matrix(lab: &mut Lab, wiring: Wiring, tables: &[&[Row]]) -> Result<()> {
    let repeats = repeats()?;
    // The unit's own two seconds times many rows would prove nothing more.
    let restarts_soon = |setup: &mut Setup| setup.service = String::from("RestartSec=100ms\n");
    scene::with_setup(lab, wiring, restarts_soon, |lab, scene| {
        let mut failures = Vec::new();
        for row in tables.iter().copied().flatten() {
            let figure = format!("{} -> unkeyed ({})", row.name, wiring.name());
            for _ in 0..repeats {
                if let Err(error) = try_row(lab, scene, row, &figure) {
                    lab.note(format!("{} FAILS: {error:#}", row.name));
                    failures.push(format!("{}: {error:#}", row.name));
                    scene.begin_anew()?;
                }
            }
            let line = match row.ptt {
                Ptt::Off(_) => lab.figures.line(&figure),
                Ptt::Stays => format!("{}: undisturbed", row.name),
            };
            lab.note(line);
        }
        ensure!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
        scene.works()
    })
}

fn try_row(lab: &mut Lab, scene: &mut Scene, row: &Row, figure: &str) -> Result<()> {
    let keyed = scene.key()?;
    let daemon = Gateway::daemon()?;
    let (line, seen, journal) =
        (scene.radio.mark(), scene.server.seen.mark(), scene.gateway.journal.tape.mark());
    let fault = (row.inject)(scene, &keyed);
    let outcome = fault.and_then(|fault| Ok((see_to(scene, row, line, &fault)?, fault)));
    let (took, fault) = match outcome {
        Ok((took, mut fault)) => {
            fault.until_seen = None;
            scene.server.cut(keyed.saying)?;
            (took, fault)
        }
        Err(error) => {
            drop(scene.server.cut(keyed.saying));
            return Err(error);
        }
    };
    let told = scene.gateway.logged(journal, row.told)?;
    match row.end {
        // What had still to be said may key once more.
        End::RunsOn => scene.quiet()?,
        End::Anew => drop(scene.online(seen).context("not back in service")?),
    }
    drop(fault);
    let same = Gateway::daemon()? == daemon;
    ensure!(same == (row.end == End::RunsOn), "the daemon is {}", if same { "the same" } else { "another" });
    ensure!(!scene.radio.is_keyed()?, "the radio is keyed afterwards");
    if let (Ptt::Off(within), Some(took)) = (&row.ptt, took) {
        let ms = took.as_secs_f64() * 1e3;
        lab.figures.add(figure, "ms", ms);
        ensure!(took <= *within, "unkeyed only after {ms:.1} ms; told: {told}");
    }
    Ok(())
}

/// Waits for what becomes of PTT; how long it took to be off.
fn see_to(scene: &Scene, row: &Row, line: usize, fault: &Fault) -> Result<Option<Duration>> {
    match row.ptt {
        Ptt::Off(_) => {
            let unkeyed = scene.radio.keyed(line, false, AMPLE)?;
            Ok(Some(unkeyed.saturating_sub(fault.since)))
        }
        Ptt::Stays => {
            if let Ok(at) = scene.radio.keyed(line, false, WATCHED) {
                bail!("unkeyed {:.1} ms after the fault", mono::ms_between(fault.since, at));
            }
            Ok(None)
        }
    }
}
