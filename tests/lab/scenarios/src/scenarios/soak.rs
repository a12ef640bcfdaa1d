//! Half an hour of traffic on a link that breaks again and again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use zello_gateway::sim::Fault;

use super::endurance::{GROWTH_KIB, Look, Overs, minutes};
use crate::harness::{AMPLE, Lab, Scenario};
use crate::heap::Heap;
use crate::process;
use crate::radio::{Radio, Wiring};
use crate::scene::Scene;
use crate::unit::Gateway;

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "soak",
    about: "Overs both ways while the server cuts each connection (LAB_MINUTES, default 30): memory, heap, threads, files, counts.",
    body: soak,
}];

/// Minutes of traffic when the environment names none.
const MINUTES: u32 = 30;

/// Each connection is cut so long after its log-on, in the middle of whatever is being said.
const CUT_AFTER: Duration = Duration::from_secs(75);

/// Everything has been used once by then: reconnects, both directions, held speech. A shorter run takes a third of it.
const WARM: Duration = Duration::from_secs(5 * 60);

fn soak(lab: &mut Lab) -> Result<()> {
    let radio = Radio::open(Wiring::Gpio, &lab.lines)?;
    let mut scene = Scene::launch(lab, radio, |_| ())?;
    let ms = u64::try_from(CUT_AFTER.as_millis())?;
    // Before the gateway's first log-on, and after that of the phone, which stays.
    scene.server.sim().set_fault(Fault::CloseAfter { ms, code: 1006, reason: String::new(), times: None });
    let result = scene.online(0).and_then(|_| traffic(lab, &mut scene));
    if result.is_err() {
        lab.evidence += &scene.gateway.journal.text();
    }
    result
}

fn traffic(lab: &mut Lab, scene: &mut Scene) -> Result<()> {
    scene.open_air()?;
    let span = Duration::from_secs(60 * u64::from(minutes(MINUTES)?));
    let (daemon, guard) = (Gateway::daemon()?, Gateway::guard()?);
    let overs = Overs::new()?;
    let heap = Heap::watch()?;
    let look = || anyhow::Ok((Look::now(daemon, guard)?, uses(&heap, daemon)?));
    let (mut rounds, mut warm) = (0_u64, None);
    let begin = Instant::now();
    while begin.elapsed() < span {
        one_round(scene, &overs).with_context(|| format!("round {rounds}"))?;
        rounds += 1;
        if warm.is_none() && begin.elapsed() >= WARM.min(span / 3) {
            warm = Some(look()?);
        }
    }
    // What was held is said, what was said is counted.
    scene.quiet()?;
    let (last, last_uses) = look()?;
    ensure!(Gateway::daemon()? == daemon, "the daemon was started again meanwhile");
    Gateway::stop()?;
    let minutes = begin.elapsed().as_secs_f64() / 60.0;
    lab.note(format!("{rounds} rounds in {minutes:.1} min"));
    let (warm, warm_uses) = warm.context("too short")?;
    flat(lab, &warm, &last)?;
    untouched(lab, &warm_uses, &last_uses)?;
    counted(lab, minutes / 60.0, rounds)
}

/// An over each way. One that meets the cut comes later or in two parts; one that nobody hears is no fault.
fn one_round(scene: &mut Scene, overs: &Overs) -> Result<()> {
    let heard = scene.server.heard_so_far().len();
    overs.up(scene)?;
    scene.server.heard(heard + 1, AMPLE)?;
    let saying = scene.server.say(&overs.down);
    scene.server.said(saying)?;
    scene.quiet()
}

/// Memory, threads and files are those of the warm gateway.
fn flat(lab: &mut Lab, warm: &Look, last: &Look) -> Result<()> {
    lab.note(format!(
        "daemon {} -> {} KiB, guard {} -> {} KiB, threads and files {:?} -> {:?}",
        warm.daemon_kib, last.daemon_kib, warm.guard_kib, last.guard_kib, warm.handles, last.handles
    ));
    lab.figures.add("soak: growth of memory after warming up", "KiB", last.kib() - warm.kib());
    ensure!(last.kib() <= warm.kib() + GROWTH_KIB, "memory has grown");
    ensure!(last.handles == warm.handles, "threads or open files have changed");
    Ok(())
}

/// Threads that must not use the heap once they run, and one that does.
const REAL_TIME: [&str; 3] = ["audio-in", "audio-out", "engine"];
const ORDINARY: &str = "net";

/// How often the heap was used so far, by name of the thread.
type Uses = BTreeMap<&'static str, u64>;

fn uses(heap: &Heap, daemon: u32) -> Result<Uses> {
    let calls = heap.calls()?;
    let named = |name| Ok((name, calls.get(&process::thread(daemon, name)?).copied().unwrap_or(0)));
    REAL_TIME.into_iter().chain([ORDINARY]).map(named).collect()
}

/// The real-time threads have not used the heap since; that the other has shows that the probes work.
fn untouched(lab: &mut Lab, warm: &Uses, last: &Uses) -> Result<()> {
    let since: Uses = last.iter().map(|(name, uses)| (*name, uses - warm.get(name).unwrap_or(&0))).collect();
    lab.note(format!("uses of the heap after warming up: {since:?}; before: {warm:?}"));
    let real_time: u64 = REAL_TIME.iter().filter_map(|name| since.get(name)).sum();
    lab.figures.add("soak: uses of the heap by real-time threads", "", real_time as f64);
    ensure!(since.get(ORDINARY).is_some_and(|uses| *uses > 0), "the probes of the heap see nothing");
    ensure!(real_time == 0, "real-time threads have used the heap: {since:?}");
    Ok(())
}

/// Every packet is accounted for, and so is every connection.
fn counted(lab: &mut Lab, hours: f64, rounds: u64) -> Result<()> {
    let figures = Gateway::figures()?;
    let count = |name: &str| figures.get(name).copied().with_context(|| format!("no counter {name}"));
    let sum = |names: &[&str]| names.iter().copied().map(&count).sum::<Result<u64>>();
    let mut told: Vec<String> =
        figures.iter().filter(|(_, n)| **n > 0).map(|(k, n)| format!("{k} {n}")).collect();
    told.sort();
    lab.note(told.join(", "));
    let xruns = sum(&["capture_xruns", "playback_xruns"])?;
    lab.figures.add("soak: xruns per hour", "", xruns as f64 / hours);
    lab.figures.add("soak: links cut", "", count("links_lost")? as f64);

    let (up, up_ends) = (
        count("uplink_packets")?,
        sum(&[
            "uplink_packets_sent",
            "uplink_packets_dropped",
            "uplink_packets_expired",
            "uplink_packets_refused",
        ])?,
    );
    ensure!(up == up_ends, "of {up} packets from the radio {up_ends} are accounted for");
    let (down, down_ends) = (
        count("downlink_packets")?,
        sum(&[
            "downlink_packets_played",
            "downlink_packets_dropped",
            "downlink_packets_late",
            "downlink_packets_expired",
            "downlink_packets_discarded",
            "downlink_packets_invalid",
        ])?,
    );
    ensure!(down == down_ends, "of {down} packets from the channel {down_ends} are accounted for");
    ensure!(count("uplink_overs")? == rounds, "{} overs of {rounds}", count("uplink_overs")?);
    ensure!(count("uplink_overs_lost")? == 0, "overs were lost");
    ensure!(count("links_lost")? > 0, "no link was cut");
    let (logons, lost) = (count("logons")?, count("links_lost")?);
    ensure!(logons == lost + 1 || logons == lost, "{logons} log-ons after {lost} cuts");
    Ok(())
}
