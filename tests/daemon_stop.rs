//! However the gateway ends while it is keyed, the transmitter is released, and the server is told where that can be.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may fail anywhere"
)]

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use tokio::net::TcpListener;
use zello_gateway::sim::{Phone, Seen, Settings, Sim, StopReason};

#[path = "support/daemon.rs"]
mod daemon;

use daemon::{Daemon, Server, Site, epoch, send, until, until_heard, voice};

/// Design.md's bound is 250 ms; a machine that is busy with other tests runs the guard later than an idle one.
const RELEASED_WITHIN_S: f64 = 0.4;

/// A gateway that is keyed by a phone's long over.
struct Keyed {
    server: Server,
    site: Site,
    daemon: Daemon,
    _talking: tokio::task::JoinHandle<()>,
}

async fn keyed() -> Keyed {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let site = Site::new(listener.local_addr().unwrap().port());
    let sim = Sim::start_with_journal(Settings::default(), &site.path("journal")).unwrap();
    let server = Server::serving(listener, sim);
    let phone: Phone = server.phone().await;
    let daemon = site.start_online().await;
    let talking = tokio::spawn(async move {
        let speech = voice("phone.wav", 6.0);
        // Whether the whole of it is heard is not the question.
        let _cut = phone.talk(&[speech.clone(), speech].concat()).await;
    });
    site.until_ptt(&daemon, &[true]).await;
    Keyed { server, site, daemon, _talking: talking }
}

/// The close frame of the gateway's connection, as the simulator's journal has it.
async fn until_closed(site: &Site) -> serde_json::Value {
    let frame = || {
        let text = fs::read_to_string(site.path("journal")).unwrap();
        let entries = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        entries.into_iter().find(|entry| entry["kind"] == "close" && entry["dir"] == "in")
    };
    until("a close frame in the simulator's journal", frame, || {
        fs::read_to_string(site.path("journal")).unwrap()
    })
    .await
}

async fn ends_well_on(signal: Signal) {
    let Keyed { mut server, site, mut daemon, .. } = keyed().await;
    let asked = epoch();
    daemon.signal(signal);
    let status = daemon.ended().await;
    assert_eq!(status.code(), Some(0), "{}", daemon.log());
    let ptt = site.until_ptt(&daemon, &[true, false]).await;
    println!("{signal:?}: released {:.3} s after", ptt[1].0 - asked);
    assert!(ptt[1].0 - asked < RELEASED_WITHIN_S, "{ptt:?}, asked at {asked}");
    assert_eq!(until_closed(&site).await["code"], 1000);
    server
        .until_seen("the end of the connection", |event| matches!(event.what, Seen::Closed(_)).then_some(()))
        .await;
    let log = daemon.log();
    assert!(log.contains("asked to end") && log.contains("transmitter unkeyed"), "{log}");
    assert!(!log.contains("ERROR"), "{log}");
}

#[tokio::test]
async fn sigterm_while_keyed_releases_the_transmitter_and_says_goodbye() {
    ends_well_on(Signal::TERM).await;
}

#[tokio::test]
async fn sigint_while_keyed_releases_the_transmitter_and_says_goodbye() {
    ends_well_on(Signal::INT).await;
}

#[tokio::test]
async fn sighup_while_keyed_releases_the_transmitter_and_says_goodbye() {
    ends_well_on(Signal::HUP).await;
}

#[tokio::test]
async fn a_crash_while_keyed_releases_the_transmitter() {
    // As by abort(), by a bad instruction, and by a bad address.
    for crash in [Signal::ABORT, Signal::ILL, Signal::SEGV] {
        let Keyed { server: _server, site, mut daemon, .. } = keyed().await;
        let crashed = epoch();
        daemon.signal(crash);
        let id = daemon.pid();
        // The first bad address is taken for an overflow of the stack, which would come again at once.
        let crashes_again = || {
            let dead = is_zombie(id);
            if !dead && crash == Signal::SEGV {
                daemon.signal(crash);
            }
            dead.then_some(())
        };
        until("the crash", crashes_again, || daemon.log()).await;
        assert_eq!(daemon.ended().await.code(), None, "{}", daemon.log());
        let ptt = site.until_ptt(&daemon, &[true, false]).await;
        println!("{crash:?}: released {:.3} s after", ptt[1].0 - crashed);
        assert!(ptt[1].0 - crashed < RELEASED_WITHIN_S, "{ptt:?}, crashed at {crashed}");
    }
}

#[tokio::test]
async fn a_second_sigterm_during_the_stop_changes_nothing() {
    let Keyed { server: _server, site, mut daemon, .. } = keyed().await;
    for _ in 0..3 {
        daemon.signal(Signal::TERM);
    }
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.log());
    site.until_ptt(&daemon, &[true, false]).await;
    assert_eq!(until_closed(&site).await["code"], 1000);
}

#[tokio::test]
async fn a_stop_during_the_start_is_orderly_too() {
    let server = Server::start().await;
    let site = Site::new(server.port);
    let mut daemon = site.start();
    daemon.until_logged("devices and lines are open").await;
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.log());
    assert_eq!(site.ptt(), []);
}

#[tokio::test]
async fn sigkill_while_keyed_releases_the_transmitter() {
    let Keyed { server: _server, site, mut daemon, .. } = keyed().await;
    let killed = epoch();
    daemon.signal(Signal::KILL);
    assert_eq!(daemon.ended().await.code(), None);
    let ptt = site.until_ptt(&daemon, &[true, false]).await;
    println!("SIGKILL: released {:.3} s after", ptt[1].0 - killed);
    assert!(ptt[1].0 - killed < RELEASED_WITHIN_S, "{ptt:?}, killed at {killed}");
}

#[tokio::test]
async fn a_gateway_that_stands_still_while_keyed_is_released_by_its_guard() {
    let Keyed { server: _server, site, daemon, .. } = keyed().await;
    let stopped = epoch();
    daemon.signal(Signal::STOP);
    let ptt = site.until_ptt(&daemon, &[true, false]).await;
    println!("SIGSTOP: released {:.3} s after", ptt[1].0 - stopped);
    assert!(ptt[1].0 - stopped < RELEASED_WITHIN_S, "{ptt:?}, stopped at {stopped}");
}

#[tokio::test]
async fn a_guard_that_is_killed_while_keyed_ends_the_gateway_which_releases_the_line_itself() {
    let Keyed { server: _server, site, mut daemon, .. } = keyed().await;
    let killed = epoch();
    send(daemon.guard_pid(), Signal::KILL);
    let status = daemon.ended().await;
    let log = daemon.log();
    let ptt = site.ptt();
    assert_eq!(ptt.iter().map(|(_, keyed)| *keyed).collect::<Vec<_>>(), [true, false], "{log}");
    println!("guard killed: released {:.3} s after", ptt[1].0 - killed);
    assert!(ptt[1].0 - killed < RELEASED_WITHIN_S, "{ptt:?}, killed at {killed}");
    assert!(log.contains("released by the daemon itself"), "{log}");
    assert_eq!(status.code(), Some(1), "{log}");
    let error = log.lines().find(|line| line.contains("ERROR"));
    assert!(error.is_some_and(|line| line.contains("guard")), "{log}");
}

#[tokio::test]
async fn a_start_after_a_kill_while_keyed_finds_the_line_released() {
    let Keyed { server: _server, site, mut daemon, .. } = keyed().await;
    // Both at once, as by the kernel when memory is short: nobody is left to release the line.
    let guard = daemon.guard_pid();
    send(guard, Signal::STOP);
    daemon.signal(Signal::KILL);
    send(guard, Signal::KILL);
    daemon.ended().await;
    assert!(site.is_keyed());
    let again = site.start_online().await;
    site.until_ptt(&again, &[true, false]).await;
    again.stop().await;
}

#[tokio::test]
async fn a_start_after_guard_and_gateway_stood_still_together_ends_the_guard_and_releases_the_line() {
    let Keyed { server: _server, site, mut daemon, .. } = keyed().await;
    let guard = daemon.guard_pid();
    send(guard, Signal::STOP);
    daemon.signal(Signal::STOP);
    // As systemd's watchdog does with a gateway that stands still; with `KillMode=process` it leaves the guard as it is.
    daemon.signal(Signal::KILL);
    daemon.killed();
    assert!(site.is_keyed());
    let again = site.start_online().await;
    let warning = again.until_logged("the guard of a dead gateway stood still").await;
    assert!(warning.contains("WARN") && warning.contains(&format!("guard={guard}")), "{warning}");
    site.until_ptt(&again, &[true, false]).await;
    assert!(!fs::exists(format!("/proc/{guard}")).unwrap_or(true) || is_zombie(guard));
    again.stop().await;
}

/// In a container nobody may be there to take leave of it.
fn is_zombie(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}

#[tokio::test]
async fn a_stop_during_an_over_of_the_radio_ends_its_stream_properly() {
    let speech = voice("radio.wav", 6.0);
    let mut server = Server::start().await;
    let phone = server.phone().await;
    let site = Site::hearing(server.port, &speech);
    let daemon = site.start_online().await;
    site.squelch("on").await;
    until_heard(&phone, &daemon, Duration::from_secs(1)).await;
    daemon.stop().await;
    let stopped = |seen: &Seen| {
        if let Seen::StreamStopped { why, packets, .. } = seen { Some((*why, *packets)) } else { None }
    };
    let (why, packets) = server.until_seen("the stream's stop", |event| stopped(&event.what)).await;
    assert_eq!(why, StopReason::Sender);
    assert_eq!(
        site.counter("uplink_packets"),
        u64::from(packets),
        "every packet was sent before the goodbye"
    );
}
