//! A thread that panics while the radio is keyed: the transmitter is released at once, the log names the thread and has
//! the panic's words, and gateway and guard end, so that a new start begins clean.
//!
//! The real program runs; the panic is put into one thread of it from outside.

#![cfg(target_arch = "x86_64")]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may fail anywhere")]

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

#[path = "support/daemon.rs"]
mod daemon;
#[path = "support/freeze.rs"]
mod freeze;
#[path = "support/keyed.rs"]
mod keyed;
#[path = "support/panic.rs"]
mod panic;

use daemon::until;
use freeze::may_freeze_a_gateway;
use keyed::{BUSY_S, Keyed, keyed};
use panic::{Functions, PLACE, WORDS};

/// The transmitter is released within this, seconds.
const RELEASED_S: f64 = 0.25;

/// Lets a thread panic that calls this function again and again, in the gateway or else in its guard; what was logged.
async fn panics(thread: &str, function: &[&str], of_the_guard: bool) -> Option<String> {
    let functions = may_freeze_a_gateway().then(Functions::of_the_gateway)??;
    let mut keyed = keyed().await;
    let guard = keyed.daemon.guard_pid();
    let end_of_guard =
        pidfd_open(Pid::from_raw(guard.try_into().unwrap()).unwrap(), PidfdFlags::empty()).unwrap();
    let process = if of_the_guard { guard } else { keyed.daemon.pid() };
    let since = functions.panic_at(function, process, thread).await;
    let took = keyed.released().await - since;
    println!("{}{thread} panics: released {took:.3} s after", if of_the_guard { "guard: " } else { "" });
    let Keyed { site, daemon, .. } = &mut keyed;
    let status = daemon.ended().await;
    let log = daemon.log();
    assert!(took < RELEASED_S + BUSY_S, "released {took} s after {thread} panicked\n{log}");
    // What systemd, or whatever else started it, starts anew.
    assert_eq!(status.code(), Some(1), "{log}");
    let guard_ended = || {
        let mut end = [PollFd::new(&end_of_guard, PollFlags::IN)];
        (poll(&mut end, Some(&Timespec::default())).unwrap() > 0).then_some(())
    };
    until("the end of the guard", guard_ended, || log.clone()).await;
    assert_eq!(site.ptt().last().map(|(_, keyed)| *keyed), Some(false), "{log}");
    Some(log)
}

async fn a_panic_ends_all(thread: &str, function: &[&str]) {
    let Some(log) = panics(thread, function, false).await else { return };
    assert!(
        log.contains(&format!("thread '{thread}'")) && log.contains(&format!("panicked at {PLACE}:1:1")),
        "{log}"
    );
    assert!(log.contains(&format!("the {thread} thread ended: panicked: {WORDS}")), "{log}");
}

#[tokio::test]
async fn the_engine_panics() {
    a_panic_ends_all("engine", &["6engine", "7Speaker10next_block"]).await;
}

#[tokio::test]
async fn the_capture_panics() {
    a_panic_ends_all("audio-in", &["WavCapture", "4read"]).await;
}

#[tokio::test]
async fn the_playback_panics() {
    a_panic_ends_all("audio-out", &["WavPlayback", "5write"]).await;
}

#[tokio::test]
async fn the_network_panics() {
    a_panic_ends_all("net", &["5logic7session", "7Session12poll_timeout"]).await;
}

#[tokio::test]
async fn the_cos_panics() {
    a_panic_ends_all("cos", &["FifoCos", "4wait"]).await;
}

#[tokio::test]
async fn the_watcher_of_the_guard_panics() {
    a_panic_ends_all("guard-watch", &["10GuardWatch4poll"]).await;
}

#[tokio::test]
async fn the_main_thread_panics() {
    a_panic_ends_all("main", &["6daemon5watch10log_events"]).await;
}

#[tokio::test]
async fn the_guard_panics() {
    let Some(log) = panics("main", &["5guard5logic", "5Logic6handle"], true).await else { return };
    assert!(log.contains("the guard itself broke") && log.contains(WORDS), "{log}");
}
