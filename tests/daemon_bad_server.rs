//! Whatever a server sends or does not send, the gateway lives, and the transmitter is released.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

use futures_util::SinkExt;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

#[path = "support/raw.rs"]
mod raw;

use raw::daemon::{self, AMPLE, CHANNEL};
use raw::{Raw, SILENCE, assert_serves, audio, start};

#[tokio::test]
async fn garbage_is_told_and_passed_over() {
    let raw = Raw::new().await;
    let mut daemon = raw.site.start();
    let mut client = raw.accept_online().await;
    daemon.until_logged(" online").await;
    let texts = [
        "",
        "{",
        "null",
        "[]",
        "0",
        "\"on_stream_start\"",
        "{}",
        "{\"command\":7}",
        "{\"seq\":\"x\"}",
        "\u{fffd}\0",
    ];
    for text in texts {
        client.send(Message::text(text)).await;
    }
    for bytes in [&[][..], &[1], &[1, 2, 3], &[0; 9], &[255; 64], &[2, 0, 0, 0, 1, 0, 0, 0, 1]] {
        client.bytes(bytes.to_vec()).await;
    }
    for command in
        ["on_stream_start", "on_stream_stop", "on_channel_status", "on_error", "on_text_message", "on_new"]
    {
        client.say(&json!({"command": command, "stream_id": "seven", "channel": 9, "from": null})).await;
    }
    assert_serves(&raw, &mut client, &mut daemon).await;
    daemon.stop().await;
    assert!(raw.site.counter("frames_invalid") > 0);
}

#[tokio::test]
async fn huge_frames_neither_end_nor_key_the_gateway() {
    const HUGE: usize = 2 * 1024 * 1024;
    let raw = Raw::new().await;
    let mut daemon = raw.site.start();
    let mut client = raw.accept_online().await;
    daemon.until_logged(" online").await;
    client.bytes(vec![1; HUGE]).await;
    client.bytes(vec![2; HUGE]).await;
    client.send(Message::text("{".repeat(HUGE))).await;
    client.say(&json!({"command": "on_text_message", "channel": CHANNEL, "from": "watson", "text": "x".repeat(HUGE)})).await;
    assert_serves(&raw, &mut client, &mut daemon).await;
    daemon.stop().await;
}

#[tokio::test]
async fn packets_and_stops_of_unknown_streams_key_nothing() {
    let raw = Raw::new().await;
    let mut daemon = raw.site.start();
    let mut client = raw.accept_online().await;
    daemon.until_logged(" online").await;
    for stream in [0, 1, 7, u32::MAX] {
        client.bytes(audio(stream, 1, SILENCE)).await;
        client.say(&json!({"command": "on_stream_stop", "stream_id": stream})).await;
    }
    for wrong in [json!(-1), json!(4_294_967_296_u64), json!(1.5), json!("1"), json!(null)] {
        let mut message = start(1);
        message["stream_id"] = wrong;
        client.say(&message).await;
    }
    // Replies to what was never asked.
    client.say(&json!({"seq": 99_999, "success": true, "stream_id": 5})).await;
    client.say(&json!({"seq": 99_998, "error": "channel busy"})).await;
    assert_serves(&raw, &mut client, &mut daemon).await;
    daemon.stop().await;
    assert_eq!(raw.site.counter("ptt_keyings"), 1, "only the over of the check was said");
}

#[tokio::test]
async fn packets_that_are_no_opus_are_counted_and_the_transmitter_is_released() {
    let raw = Raw::new().await;
    let mut daemon = raw.site.start();
    let mut client = raw.accept_online().await;
    daemon.until_logged(" online").await;
    client.say(&start(7)).await;
    for (number, payload) in (1..).zip([&[][..], &[0xff], &[0x03], &[0xff; 1_400], &[0xb8, 0xff, 0xfe]]) {
        client.bytes(audio(7, number, payload)).await;
    }
    // The same numbers again, and far jumps.
    for number in [1, 1, 3, 1_000_000, u32::MAX, 2] {
        client.bytes(audio(7, number, SILENCE)).await;
    }
    client.say(&json!({"command": "on_stream_stop", "stream_id": 7})).await;
    raw.site.until_ptt(&daemon, &[true, false]).await;
    assert_serves(&raw, &mut client, &mut daemon).await;
    daemon.stop().await;
    assert!(raw.site.counter("downlink_packets_invalid") > 0);
}

#[tokio::test]
async fn a_stream_whose_packets_and_stop_never_come_releases_the_transmitter() {
    let raw = Raw::new().await;
    let mut daemon = raw.site.start();
    let mut client = raw.accept_online().await;
    daemon.until_logged(" online").await;
    client.say(&start(7)).await;
    let ptt = raw.site.until_ptt(&daemon, &[true, false]).await;
    let keyed = ptt.last().unwrap().0 - ptt.first().unwrap().0;
    println!("keyed for {keyed:.3} s");
    assert!(keyed < 5.0, "keyed for {keyed} s by a stream of nothing");
    assert_serves(&raw, &mut client, &mut daemon).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_server_that_says_nothing_at_all_is_given_up_and_tried_again() {
    let raw = Raw::new().await;
    let mut daemon = raw.site.start();
    // It takes the connection and never answers the upgrade; the kernel holds the next ones.
    let silent = tokio::time::timeout(AMPLE, raw.listener.accept()).await.unwrap().unwrap();
    let warning = daemon.until_logged("no link to the channel").await;
    assert!(
        warning.contains("WARN") && warning.contains("check that this machine reaches the internet"),
        "{warning}"
    );
    drop(silent);
    let mut client = raw.accept_online().await;
    daemon.until_logged(" online").await;
    assert_serves(&raw, &mut client, &mut daemon).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_gateway_stops_in_time_while_a_server_says_nothing() {
    let raw = Raw::new().await;
    let mut daemon = raw.site.start();
    let mut client = raw.accept().await;
    assert_eq!(client.command().await["command"], "logon");
    let asked = std::time::Instant::now();
    daemon.signal(rustix::process::Signal::TERM);
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.log());
    // A close frame that is not answered is waited for a second.
    assert!(asked.elapsed() < std::time::Duration::from_secs(5), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_server_that_talks_http_is_named() {
    let raw = Raw::new().await;
    let daemon = raw.site.start();
    let (mut stream, _) = tokio::time::timeout(AMPLE, raw.listener.accept()).await.unwrap().unwrap();
    let page = b"HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\nlost\n";
    tokio::io::AsyncWriteExt::write_all(&mut stream, page).await.unwrap();
    let warning = daemon.until_logged("404").await;
    assert!(warning.contains("WARN") && warning.contains("check url, server or network"), "{warning}");
    daemon.stop().await;
}

/// The memory that a process has in use, KiB.
fn resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_flood_of_frames_changes_no_limit_of_the_transmitter() {
    /// Frames of one stream, which then never stops; a new one begins.
    const STREAM: u32 = 20_000;
    const FLOOD: std::time::Duration = std::time::Duration::from_secs(4);
    let mut raw = Raw::new().await;
    raw.site.more = "[downlink]\ntime_out_seconds = 1\n".to_owned();
    let mut daemon = raw.site.start();
    let mut client = raw.accept_online().await;
    daemon.until_logged(" online").await;
    let calm = resident_kib(daemon.pid());
    let began = std::time::Instant::now();
    let (mut frames, mut most) = (0, 0);
    while began.elapsed() < FLOOD {
        let (stream, packet) = (1 + frames / STREAM, 1 + frames % STREAM);
        if packet == 1 {
            client.0.feed(Message::text(start(stream).to_string())).await.unwrap();
        }
        client.0.feed(Message::binary(audio(stream, packet, SILENCE))).await.unwrap();
        frames += 1;
        if frames % 1_000 == 0 {
            client.0.flush().await.unwrap();
            most = most.max(resident_kib(daemon.pid()));
            tokio::task::yield_now().await;
        }
    }
    println!("{} frames a second; {calm} KiB before, {most} KiB at most", frames / 4);
    let released = || (!raw.site.is_keyed()).then_some(());
    daemon::until("the end of the last transmission", released, || daemon.log()).await;
    let ptt = raw.site.ptt();
    assert!(ptt.len() >= 2, "it was keyed at all: {ptt:?}");
    for keyed in ptt.chunks(2) {
        let took = keyed[1].0 - keyed[0].0;
        assert!(keyed[0].1 && !keyed[1].1 && took < 1.3, "keyed for {took} s: {ptt:?}");
    }
    assert!(most < calm + 32 * 1024, "{calm} KiB before, {most} KiB at most");
    assert!(daemon.is_alive() && !daemon.log().contains("heard no heartbeat"), "{}", daemon.log());
    daemon.stop().await;
    assert!(raw.site.counter("ptt_time_outs") > 0);
}

#[tokio::test]
async fn a_gateway_that_finds_no_memory_while_keyed_ends_and_its_guard_releases() {
    let raw = Raw::new().await;
    let mut daemon = raw.site.start();
    let mut client = raw.accept_online().await;
    daemon.until_logged(" online").await;
    client.say(&start(7)).await;
    raw.site.until_ptt(&daemon, &[true]).await;
    let none = Rlimit { current: Some(1), maximum: None };
    let process = Pid::from_raw(i32::try_from(daemon.pid()).unwrap());
    // Counts what the allocator takes into use, too; of what it has only reserved, megabytes would be at hand.
    prlimit(process, Resource::Data, none).unwrap();
    let asked = daemon::epoch();
    // More than the gateway has at hand. It may be gone before all of it is written.
    drop(client.0.send(Message::binary(vec![2; 4 * 1024 * 1024])).await);
    assert_eq!(daemon.ended().await.code(), None, "{}", daemon.log());
    assert!(daemon.log().contains("memory allocation"), "{}", daemon.log());
    let ptt = raw.site.until_ptt(&daemon, &[true, false]).await;
    println!("no memory: released {:.3} s after", ptt[1].0 - asked);
    assert!(ptt[1].0 - asked < 0.6, "{ptt:?}, asked at {asked}");
}
