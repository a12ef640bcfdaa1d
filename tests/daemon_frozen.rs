//! A thread that stands still: the transmitter is released where it must be, and not disturbed where it need not; the
//! thread is named, and the gateway ends by itself, so that it is started anew.
//!
//! The real program runs; one thread of it is frozen from outside.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may fail anywhere")]

use rustix::process::Signal;

#[path = "support/daemon.rs"]
mod daemon;
#[path = "support/freeze.rs"]
mod freeze;
#[path = "support/keyed.rs"]
mod keyed;

use daemon::{epoch, send, until};
use freeze::{Frozen, may_freeze_a_gateway};
use keyed::{BUSY_S, Keyed, TALK_S, keyed};

impl Keyed {
    /// Freezes a thread, demands that the line is released within `limit_s`, and tells what was logged meanwhile.
    async fn is_released_within(&self, thread: &str, limit_s: f64) -> Frozen {
        let since = epoch();
        let frozen = Frozen::thread(self.daemon.pid(), thread);
        let took = self.released().await - since;
        println!("{thread} stands still: released {took:.3} s after");
        assert!(
            took < limit_s + BUSY_S,
            "released {took} s after {thread} stood still\n{}",
            self.daemon.log()
        );
        frozen
    }

    /// Demands that the gateway ends by itself and names the thread.
    async fn ends_for(mut self, thread: &str, frozen: Frozen) {
        until(
            "the end of a gateway with a frozen thread",
            || frozen.has_ended().then_some(()),
            || self.daemon.log(),
        )
        .await;
        let status = self.daemon.ended().await;
        let log = self.daemon.log();
        assert_eq!(status.code(), Some(1), "{log}");
        assert!(log.contains(&format!("the {thread} thread has stood still for more than 6 s")), "{log}");
        assert_eq!(self.site.ptt().last().map(|(_, keyed)| *keyed), Some(false), "{log}");
    }

    /// Freezes a thread that the transmitter does not need: the talk is said to its end.
    async fn is_not_disturbed_by(&self, thread: &str) -> Frozen {
        let frozen = Frozen::thread(self.daemon.pid(), thread);
        let ptt = self.site.until_ptt(&self.daemon, &[true, false]).await;
        let keyed = ptt.last().unwrap().0 - ptt.first().unwrap().0;
        assert!(
            (TALK_S..TALK_S + 1.5 + BUSY_S).contains(&keyed),
            "keyed for {keyed} s\n{}",
            self.daemon.log()
        );
        frozen
    }
}

/// All at once: a gateway needs seconds to be sure that a thread does not come back.
#[tokio::test]
async fn each_thread_that_stands_still_for_good_is_named_and_ends_the_gateway_unkeyed() {
    if !may_freeze_a_gateway() {
        return;
    }
    tokio::join!(
        engine(),
        playback(),
        net(),
        bystander("audio-in"),
        bystander("cos"),
        bystander("guard-watch")
    );
}

/// Released by the guard.
async fn engine() {
    let keyed = keyed().await;
    let frozen = keyed.is_released_within("engine", 0.25).await;
    keyed.daemon.until_logged("the guard heard no heartbeat").await;
    keyed.ends_for("engine", frozen).await;
}

/// Released by the engine.
async fn playback() {
    let keyed = keyed().await;
    let frozen = keyed.is_released_within("audio-out", 0.5).await;
    let warning = keyed.daemon.until_logged("the sound card takes no sound").await;
    assert!(warning.contains("WARN"), "{warning}");
    keyed.ends_for("audio-out", frozen).await;
}

/// The stream ends by silence.
async fn net() {
    let keyed = keyed().await;
    // Two seconds after the last packet, and what was still to be said then.
    let frozen = keyed.is_released_within("net", 2.0 + 0.8 + 0.15).await;
    keyed.daemon.until_logged("a stream ended by silence").await;
    keyed.ends_for("net", frozen).await;
}

/// The transmission goes on without it.
async fn bystander(thread: &str) {
    let keyed = keyed().await;
    let frozen = keyed.is_not_disturbed_by(thread).await;
    keyed.ends_for(thread, frozen).await;
}

#[tokio::test]
async fn a_playback_thread_that_moves_again_says_the_rest() {
    if !may_freeze_a_gateway() {
        return;
    }
    let keyed = keyed().await;
    let frozen = keyed.is_released_within("audio-out", 0.5).await;
    drop(frozen);
    keyed.daemon.until_logged("the sound card takes sound again").await;
    keyed.site.until_ptt(&keyed.daemon, &[true, false, true, false]).await;
    keyed.daemon.stop().await;
    assert!(keyed.site.counter("playback_stalls") >= 1);
}

#[tokio::test]
async fn a_frozen_main_thread_disturbs_no_transmission_and_stops_in_order_when_it_moves_again() {
    if !may_freeze_a_gateway() {
        return;
    }
    let keyed = keyed().await;
    let frozen = keyed.is_not_disturbed_by("main").await;
    keyed.daemon.signal(Signal::HUP);
    drop(frozen);
    let Keyed { mut daemon, .. } = keyed;
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.log());
    assert!(daemon.log().contains("asked to end"), "{}", daemon.log());
}

#[tokio::test]
async fn a_frozen_guard_is_killed_and_its_line_released_by_the_gateway_which_ends() {
    let Keyed { site, mut daemon, .. } = keyed().await;
    let since = epoch();
    send(daemon.guard_pid(), Signal::STOP);
    let ptt = site.until_ptt(&daemon, &[true, false]).await;
    let took = ptt.last().unwrap().0 - since;
    println!("the guard stands still: released {took:.3} s after");
    assert!(took < 1.2 + BUSY_S, "released {took} s after\n{}", daemon.log());
    assert_eq!(daemon.ended().await.code(), Some(1), "{}", daemon.log());
    let log = daemon.log();
    assert!(log.contains("takes no heartbeats") && log.contains("released by the daemon itself"), "{log}");
}
