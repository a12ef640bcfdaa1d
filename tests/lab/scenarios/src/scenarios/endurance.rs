//! Minutes of traffic both ways: processor, memory, lost sound.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::harness::{AMPLE, Lab, Scenario};
use crate::mono;
use crate::process;
use crate::radio::Wiring;
use crate::scene::{self, Scene};
use crate::server::Words;
use crate::sound::Speech;
use crate::speech;
use crate::unit::Gateway;

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "endurance",
    about: "Minutes of overs both ways (LAB_MINUTES, default 3): processor, memory, xruns.",
    body: |lab| scene::with(lab, Wiring::Gpio, endurance),
}];

/// Minutes of traffic when the environment names none.
const MINUTES: u32 = 3;

/// Memory may grow so much between the first and the last minute: pages that are touched late, not a leak.
pub(super) const GROWTH_KIB: f64 = 256.0;

/// What a gateway uses at one moment.
pub(super) struct Look {
    at: Instant,
    cpu: Duration,
    pub(super) daemon_kib: u64,
    pub(super) guard_kib: u64,
    /// Threads and open files of the daemon.
    pub(super) handles: (usize, usize),
}

impl Look {
    pub(super) fn now(daemon: u32, guard: u32) -> Result<Self> {
        Ok(Self {
            at: Instant::now(),
            cpu: process::cpu(daemon)? + process::cpu(guard)?,
            daemon_kib: process::resident_kib(daemon)?,
            guard_kib: process::resident_kib(guard)?,
            handles: process::threads_and_files(daemon)?,
        })
    }

    /// Resident memory of both processes.
    pub(super) fn kib(&self) -> f64 {
        (self.daemon_kib + self.guard_kib) as f64
    }
}

/// How long traffic lasts.
pub(super) fn minutes(default: u32) -> Result<u32> {
    match std::env::var("LAB_MINUTES") {
        Ok(text) => text.parse().context("LAB_MINUTES is a whole number of minutes"),
        Err(_) => Ok(default),
    }
}

/// An over each way, ready to be said.
pub(super) struct Overs {
    up: Speech,
    pub(super) down: Words,
    up_span: Duration,
    /// Of both.
    span: Duration,
}

impl Overs {
    pub(super) fn new() -> Result<Self> {
        let (up, down) = (speech::radio()?, speech::phone()?);
        Ok(Self {
            up_span: speech::span(up.len()),
            span: speech::span(up.len() + down.len()),
            up: Speech::new(&up),
            down: Words::new(&down)?,
        })
    }

    /// The radio says its part.
    pub(super) fn up(&self, scene: &mut Scene) -> Result<()> {
        scene.air()?.forget();
        scene.radio.squelch(true)?;
        scene.air()?.say(&self.up);
        let began = scene.air()?.said(AMPLE)?;
        std::thread::sleep((began + self.up_span).saturating_sub(mono::now()));
        scene.radio.squelch(false).map(drop)
    }
}

fn endurance(lab: &mut Lab, scene: &mut Scene) -> Result<()> {
    scene.open_air()?;
    let span = Duration::from_secs(60 * u64::from(minutes(MINUTES)?));
    let (daemon, guard) = (Gateway::daemon()?, Gateway::guard()?);
    let overs = Overs::new()?;
    let (heard, mut bridged) = (scene.server.heard_so_far().len(), Duration::ZERO);
    let mut rounds = 0;
    // Warm: every buffer and code path has been used once.
    bridged_round(scene, &overs, heard + rounds)?;
    rounds += 1;
    let mut looks = vec![Look::now(daemon, guard)?];
    let end = Instant::now() + span;
    while Instant::now() < end {
        bridged += bridged_round(scene, &overs, heard + rounds)?;
        rounds += 1;
        looks.push(Look::now(daemon, guard)?);
    }
    ensure!(Gateway::daemon()? == daemon, "the daemon was started again meanwhile");
    let (first, last) = (looks.first().context("no look")?, looks.last().context("no look")?);
    let hours = last.at.duration_since(first.at).as_secs_f64() / 3_600.0;
    let cpu = last.cpu.saturating_sub(first.cpu).as_secs_f64();
    lab.figures.add(
        "processor time of daemon and guard per second of bridged speech",
        "ms",
        cpu / bridged.as_secs_f64() * 1e3,
    );
    lab.figures.add("processor share of daemon and guard under traffic", "%", cpu / hours / 36.0);
    lab.figures.add("resident memory of the daemon", "MB", last.daemon_kib as f64 / 1_024.0);
    lab.figures.add("resident memory of the guard", "MB", last.guard_kib as f64 / 1_024.0);

    Gateway::stop()?;
    let figures = Gateway::figures()?;
    let count = |name: &str| figures.get(name).copied().with_context(|| format!("no counter {name}"));
    let xruns = count("capture_xruns")? + count("playback_xruns")?;
    lab.figures.add("xruns per hour", "", xruns as f64 / hours);
    for name in [
        "capture_xruns",
        "playback_xruns",
        "capture_blocks_dropped",
        "playback_blocks_missing",
        "downlink_blocks_concealed",
    ] {
        lab.note(format!("{name}: {}", count(name)?));
    }
    lab.note(format!(
        "{rounds} rounds, {:.0} s of speech bridged in {:.0} s",
        bridged.as_secs_f64(),
        hours * 3_600.0
    ));
    lab.note(format!(
        "daemon {} -> {} KiB, guard {} -> {} KiB",
        first.daemon_kib, last.daemon_kib, first.guard_kib, last.guard_kib
    ));
    ensure!(
        count("uplink_overs_lost")? == 0 && count("uplink_packets_dropped")? == 0,
        "overs or packets were lost"
    );
    let minute =
        |from: Instant, to: Instant| looks.iter().filter(move |look| look.at >= from && look.at <= to);
    let most = |looks: &mut dyn Iterator<Item = &Look>| looks.map(Look::kib).fold(0.0, f64::max);
    let early = most(&mut minute(first.at, first.at + Duration::from_secs(60)));
    let late = most(&mut minute(last.at.checked_sub(Duration::from_secs(60)).unwrap_or(first.at), last.at));
    ensure!(late <= early + GROWTH_KIB, "memory has grown from {early} to {late} KiB");
    Ok(())
}

/// One over each way; speech bridged.
fn bridged_round(scene: &mut Scene, overs: &Overs, heard: usize) -> Result<Duration> {
    overs.up(scene)?;
    scene.server.heard(heard + 1, AMPLE)?;
    let line = scene.radio.mark();
    let saying = scene.server.say(&overs.down);
    scene.radio.keyed(line, true, AMPLE)?;
    scene.radio.keyed(line, false, AMPLE)?;
    scene.server.said(saying)?;
    Ok(overs.span)
}
