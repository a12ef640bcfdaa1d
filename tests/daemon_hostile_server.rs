//! A server that says as much as it can costs the gateway bounded memory, a bounded log, and no promise.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::fs;
use std::time::Instant;

use futures_util::SinkExt;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;

#[path = "support/raw.rs"]
mod raw;

use raw::daemon::Daemon;
use raw::{Client, Raw, SILENCE, assert_serves, audio, start};

/// The daemon's own limit in these tests, seconds.
const TIME_OUT: f64 = 5.0;

/// Memory that the daemon may take on top of what it has when it is at work: buffers of the socket, a log line.
const GROWTH_KIB: u64 = 4 * 1024;

/// A gateway that is online and has said its first over.
async fn at_work() -> (Raw, Daemon, Client) {
    let mut raw = Raw::new().await;
    raw.site.more = format!("[downlink]\ntime_out_seconds = {TIME_OUT}\n");
    let mut daemon = raw.site.start();
    let mut client = raw.accept_online().await;
    daemon.until_logged(" online").await;
    assert_serves(&raw, &mut client, &mut daemon).await;
    (raw, daemon, client)
}

/// A line of `/proc/PID/status`, KiB.
fn memory(daemon: &Daemon, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Processor time of the daemon, clock ticks of 10 ms.
fn ticks(daemon: &Daemon) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", daemon.pid())).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
    fields.map(|field| field.parse::<u64>().unwrap()).sum()
}

/// The transmitter was never keyed for longer than the limit, and is not keyed.
fn assert_ptt_obeyed(raw: &Raw) {
    let ptt = raw.site.ptt();
    for pair in ptt.windows(2) {
        let [(from, keyed), (to, _)] = pair else { unreachable!("pairs") };
        assert!(!keyed || to - from <= TIME_OUT + 0.5, "keyed for {} s", to - from);
    }
    assert!(!raw.site.is_keyed());
}

#[tokio::test]
async fn a_hundred_thousand_frames_as_fast_as_they_go_are_counted_and_forgotten() {
    const ROUNDS: u32 = 25_000;
    let (raw, mut daemon, mut client) = at_work().await;
    let (before, lines, worked) = (memory(&daemon, "VmRSS"), daemon.log().lines().count(), ticks(&daemon));
    client.say(&start(7)).await;
    raw::daemon::until("the key", || raw.site.is_keyed().then_some(()), || daemon.log()).await;
    let begun = Instant::now();
    for n in 0..ROUNDS {
        let frames = [
            Message::text("{\"command\":7}"),
            Message::text(json!({"command": "on_error", "error": "something new"}).to_string()),
            Message::binary(audio(3_000_000_000, n, SILENCE)),
            Message::binary(audio(7, n, SILENCE)),
        ];
        for frame in frames {
            client.0.feed(frame).await.unwrap();
        }
    }
    client.0.flush().await.unwrap();
    client.say(&json!({"command": "on_stream_stop", "stream_id": 7})).await;
    let took = begun.elapsed();
    // The check comes behind all of it, and what was kept of stream 7 is said first.
    raw::daemon::until("the end of the flood", || (!raw.site.is_keyed()).then_some(()), || daemon.log())
        .await;
    assert_serves(&raw, &mut client, &mut daemon).await;
    assert_ptt_obeyed(&raw);

    let grown = memory(&daemon, "VmHWM").saturating_sub(before);
    let said = daemon.log().lines().count() - lines;
    let each = (ticks(&daemon) - worked) * 10_000 / u64::from(4 * ROUNDS);
    println!(
        "{} frames taken in {took:?}: {each} µs of processor time each, {grown} KiB more, {said} log lines",
        4 * ROUNDS
    );
    assert!(grown <= GROWTH_KIB, "{grown} KiB more than before");
    assert!(said <= 500, "{said} lines of log");
    let log = daemon.stop().await;
    assert!(!log.contains("panicked"));
    let count = |name: &str| raw.site.counter(name);
    assert_eq!(count("frames_invalid"), u64::from(ROUNDS));
    assert_eq!(count("downlink_packets_ignored"), u64::from(ROUNDS));
    // 10 packets are of the two checks.
    let came = count("downlink_packets");
    assert_eq!(came, u64::from(ROUNDS) + 10);
    let fates = ["played", "dropped", "late", "expired", "discarded", "invalid"];
    let explained: u64 = fates.iter().map(|fate| count(&format!("downlink_packets_{fate}"))).sum();
    assert_eq!(explained, came, "each packet has one fate");
}

/// The head of a frame: `first` byte, then a length of 64 bits.
fn head(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first, 127];
    head.extend(length.to_be_bytes());
    head
}

#[tokio::test]
async fn a_frame_of_a_gibibyte_is_refused_by_its_head_and_the_gateway_comes_back() {
    let (raw, mut daemon, mut client) = at_work().await;
    let before = memory(&daemon, "VmRSS");
    // Binary, text, and one with a length that no machine has.
    for (first, length) in [(0x82, 1 << 30), (0x81, 1 << 30), (0x82, u64::MAX >> 1)] {
        let tcp = client.0.get_mut();
        tcp.write_all(&head(first, length)).await.unwrap();
        // It may be gone before all of this is read.
        drop(tcp.write_all(&vec![0; 64 * 1024]).await);
        client = raw.accept_online().await;
    }
    let refused = daemon.until_logged("too long").await;
    assert!(refused.contains("WARN"), "{refused}");
    assert_serves(&raw, &mut client, &mut daemon).await;
    assert_ptt_obeyed(&raw);
    let grown = memory(&daemon, "VmHWM").saturating_sub(before);
    println!("{grown} KiB more; {refused}");
    assert!(grown <= GROWTH_KIB, "{grown} KiB more than before");
    daemon.stop().await;
}

#[tokio::test]
async fn a_message_that_never_ends_is_refused_when_it_is_too_long() {
    const PIECE: usize = 1 << 20;
    let (raw, mut daemon, mut client) = at_work().await;
    let before = memory(&daemon, "VmRSS");
    let (tcp, piece) = (client.0.get_mut(), vec![0; PIECE]);
    for n in 0..64 {
        // The first piece tells the kind; none is the last.
        let sent = tcp.write_all(&head(if n == 0 { 0x02 } else { 0x00 }, PIECE as u64)).await;
        if sent.is_err() || tcp.write_all(&piece).await.is_err() {
            break;
        }
    }
    client = raw.accept_online().await;
    assert_serves(&raw, &mut client, &mut daemon).await;
    let grown = memory(&daemon, "VmHWM").saturating_sub(before);
    println!("{grown} KiB more");
    // 8 MiB are a message; while its memory grows there are two of it.
    assert!(grown <= 24 * 1024, "{grown} KiB more than before");
    daemon.stop().await;
}
