//! The rows of the matrix, and how each fault is made.

use std::any::Any;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::Signal;
use zello_gateway::sim::{Fault as ServerFault, Sim};

use super::End::{Anew, RunsOn};
use super::{Fault, Ptt, Row};
use crate::frozen::Frozen;
use crate::harness::AMPLE;
use crate::mono;
use crate::process;
use crate::scene::{Keyed, Scene, UNKEYED_WITHIN};
use crate::shell;
use crate::tape::until;
use crate::unit::{self, Gateway, UNIT};
use crate::wall::Stepped;

const PROMISED: Ptt = Ptt::Off(UNKEYED_WITHIN);

/// A stream without packets ends after 2 s, when what the jitter buffer held and the tail have been said.
const SILENCE: Ptt = Ptt::Off(Duration::from_millis(3_500));

/// A guard that takes no heartbeats is given up after 1 s and killed; then the daemon releases.
const GUARD_STUCK: Ptt = Ptt::Off(Duration::from_millis(1_500));

/// A sound card or its thread that takes no sound for 500 ms holds no key.
const STALLED: Ptt = Ptt::Off(Duration::from_millis(750));

/// The gateway ends itself when a thread has stood still for three looks, 2 s each.
const ENDS_ITSELF: Ptt = Ptt::Off(Duration::from_millis(8_500));

/// `WatchdogSec` of the unit, and the unit's own release after it.
const WATCHDOG: Ptt = Ptt::Off(Duration::from_secs(14));

/// Rows that take a moment each.
pub(super) const QUICK: &[Row] = &[
    Row {
        name: "daemon aborts",
        inject: |_, _| signalled(Signal::ABORT),
        ptt: PROMISED,
        told: "status=6/ABRT",
        end: Anew,
    },
    Row { name: "daemon crashes", inject: crashes, ptt: PROMISED, told: "status=11/SEGV", end: Anew },
    Row { name: "out of memory", inject: out_of_memory, ptt: PROMISED, told: "oom-kill", end: Anew },
    Row {
        name: "SIGHUP",
        inject: |_, _| signalled(Signal::HUP),
        ptt: PROMISED,
        told: "asked to end",
        end: Anew,
    },
    Row {
        name: "SIGINT",
        inject: |_, _| signalled(Signal::INT),
        ptt: PROMISED,
        told: "asked to end",
        end: Anew,
    },
    Row { name: "systemctl restart", inject: restart, ptt: PROMISED, told: "asked to end", end: Anew },
    Row {
        name: "engine stands still",
        inject: engine,
        ptt: PROMISED,
        told: "heard no heartbeat",
        end: RunsOn,
    },
    Row {
        name: "guard stands still",
        inject: guard,
        ptt: GUARD_STUCK,
        told: "the guard ended without a release",
        end: Anew,
    },
    Row {
        name: "server never sends stop",
        inject: |scene, keyed| Ok(no_stop(scene, keyed)),
        ptt: SILENCE,
        told: "stop never came",
        end: RunsOn,
    },
    Row { name: "network gone", inject: no_network, ptt: SILENCE, told: "stop never came", end: RunsOn },
    Row {
        name: "clock 6 h ahead",
        inject: |_, _| stepped(SIX_HOURS),
        ptt: Ptt::Stays,
        told: "transmitter unkeyed",
        end: RunsOn,
    },
    Row {
        name: "clock 6 h back",
        inject: |_, _| stepped(-SIX_HOURS),
        ptt: Ptt::Stays,
        told: "transmitter unkeyed",
        end: RunsOn,
    },
];

/// Daemon and guard together; only the watchdog is left.
pub(super) const TRIO: &[Row] = &[Row {
    name: "daemon and guard stand still",
    inject: both,
    ptt: WATCHDOG,
    told: "Watchdog timeout",
    end: Anew,
}];

/// Threads that nobody misses at once. What is keyed meanwhile is unkeyed by rule, or when the gateway ends.
pub(super) const STANDING: &[Row] = &[
    Row {
        name: "audio-out stands still",
        inject: |_, _| stands_still("audio-out"),
        ptt: STALLED,
        told: STOOD_STILL,
        end: Anew,
    },
    Row {
        name: "audio-in stands still",
        inject: |_, _| stands_still("audio-in"),
        ptt: ENDS_ITSELF,
        told: STOOD_STILL,
        end: Anew,
    },
    Row {
        name: "net stands still",
        inject: |_, _| stands_still("net"),
        ptt: SILENCE,
        told: STOOD_STILL,
        end: Anew,
    },
    Row {
        name: "cos stands still",
        inject: |_, _| stands_still("cos"),
        ptt: ENDS_ITSELF,
        told: STOOD_STILL,
        end: Anew,
    },
    // Nobody is left to look but systemd.
    Row {
        name: "main stands still",
        inject: |_, _| stands_still("zello-gateway"),
        ptt: WATCHDOG,
        told: "Watchdog timeout",
        end: Anew,
    },
];

const STOOD_STILL: &str = "a thread still stands still";

/// A fault that ends by itself.
fn done(since: Duration) -> Fault {
    Fault { since, until_seen: None, until_back: None }
}

/// One that `hold` ends when it is dropped, as soon as PTT has been seen to.
fn held(since: Duration, hold: impl Any) -> Fault {
    Fault { since, until_seen: Some(Box::new(hold)), until_back: None }
}

/// The daemon gets a signal.
fn signalled(signal: Signal) -> Result<Fault> {
    unit::signal(Gateway::daemon()?, signal).map(done)
}

/// Rust's handler looks at the first, finds no overflown stack, and takes itself away: the instruction shall fault again.
fn crashes(_: &Scene, _: &Keyed) -> Result<Fault> {
    let daemon = Gateway::daemon()?;
    unit::signal(daemon, Signal::SEGV)?;
    until("Rust's handler gone", AMPLE, || {
        process::is_caught(daemon, Signal::SEGV).ok().filter(|caught| !caught)
    })?;
    unit::signal(daemon, Signal::SEGV).map(done)
}

fn restart(_: &Scene, _: &Keyed) -> Result<Fault> {
    let since = mono::now();
    shell::run("systemctl", &["restart", "--no-block", UNIT])?;
    Ok(done(since))
}

fn guard(_: &Scene, _: &Keyed) -> Result<Fault> {
    unit::signal(Gateway::guard()?, Signal::STOP).map(done)
}

fn both(_: &Scene, _: &Keyed) -> Result<Fault> {
    let (daemon, guard) = (Gateway::daemon()?, Gateway::guard()?);
    let since = unit::signal(daemon, Signal::STOP)?;
    unit::signal(guard, Signal::STOP)?;
    Ok(done(since))
}

fn engine(_: &Scene, _: &Keyed) -> Result<Fault> {
    let frozen = Frozen::thread(Gateway::daemon()?, "engine")?;
    Ok(held(frozen.since, frozen))
}

/// Stands still until it is killed.
fn stands_still(name: &str) -> Result<Fault> {
    let frozen = Frozen::thread(Gateway::daemon()?, name)?;
    Ok(Fault { since: frozen.since, until_seen: None, until_back: Some(Box::new(frozen)) })
}

/// Memory for the guard and what systemd runs at the end, and none for the daemon.
const LITTLE: &str = "4M";

/// The limit of memory of the unit, lifted when this is dropped.
struct MemoryLimit(PathBuf);

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        // Gone with the unit's end, or to be lifted.
        drop(fs::write(&self.0, "max"));
    }
}

fn out_of_memory(_: &Scene, _: &Keyed) -> Result<Fault> {
    let limit = Gateway::memory_limit()?;
    let since = mono::now();
    // The kernel takes back what it can, and kills whoever has most of the rest.
    fs::write(&limit, LITTLE).with_context(|| format!("cannot set {}", limit.display()))?;
    Ok(held(since, MemoryLimit(limit)))
}

/// The server's fault, cleared when this is dropped.
struct NoStops(Sim);

impl Drop for NoStops {
    fn drop(&mut self) {
        self.0.clear_fault(&ServerFault::MissingStop);
    }
}

fn no_stop(scene: &Scene, keyed: &Keyed) -> Fault {
    let sim = scene.server.sim();
    sim.set_fault(ServerFault::MissingStop);
    let stops = NoStops(sim);
    let since = mono::now();
    keyed.saying.hush();
    held(since, stops)
}

/// The loopback network, up again when this is dropped.
struct Down;

impl Drop for Down {
    fn drop(&mut self) {
        drop(link("up"));
    }
}

/// Nothing arrives any more, and nobody is told: a half-open connection.
fn no_network(_: &Scene, _: &Keyed) -> Result<Fault> {
    let since = mono::now();
    let down = Down;
    link("down")?;
    Ok(held(since, down))
}

fn link(state: &str) -> Result<()> {
    shell::run("/lab/busybox", &["ip", "link", "set", "lo", state]).map(drop)
}

const SIX_HOURS: i64 = 6 * 3_600;

fn stepped(seconds: i64) -> Result<Fault> {
    let since = mono::now();
    Ok(held(since, Stepped::by(seconds)?))
}
