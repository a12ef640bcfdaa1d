//! Every fault of the simulator does what its name says, in virtual time.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of a test fail as the test does: by panicking"
)]

#[path = "support/sim.rs"]
mod support;

use std::time::Duration;

use futures_util::SinkExt;
use serde_json::{Value, json};
use support::{Client, Got, audio, logon, start, stop};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::{Error, Message};
use zello_gateway::codec::Encoder;
use zello_gateway::sim::{Fault, Settings, Sim};
use zello_gateway::zello::toc::packet_duration;

fn server_with(fault: Fault) -> Sim {
    Sim::start(Settings { faults: vec![fault], ..Settings::default() })
}

/// A server with a talker and a listener, both past their greetings.
async fn pair(fault: Fault) -> (Sim, Client, Client) {
    let sim = Sim::start(Settings::default());
    let rx = Client::logged_on(&sim, "rx").await;
    let tx = Client::logged_on(&sim, "tx").await;
    let mut rx = rx;
    rx.json().await;
    sim.set_fault(fault);
    (sim, tx, rx)
}

fn binaries(all: &[Got]) -> Vec<Vec<u8>> {
    all.iter()
        .filter_map(|got| if let Got::Binary(bytes) = got { Some(bytes.clone()) } else { None })
        .collect()
}

fn commands(all: &[Got]) -> Vec<String> {
    let name = |got: &Got| match got {
        Got::Json(value) => Some(value["command"].as_str().unwrap_or("reply").to_owned()),
        Got::Text(_) | Got::Binary(_) | Got::Ping | Got::Close(..) | Got::Lost => None,
    };
    all.iter().filter_map(name).collect()
}

/// Talks `count` packets in one stream; what the listener gets of it, start and stop included.
async fn relay(tx: &mut Client, rx: &mut Client, count: u32) -> Vec<Got> {
    let id = tx.start().await;
    for number in 0..count {
        tx.bytes(&audio(id, 0, &number.to_be_bytes())).await;
    }
    tx.say(stop(id, 3)).await;
    tx.all().await;
    rx.all().await
}

fn packet_ids(all: &[Got]) -> Vec<u32> {
    binaries(all).iter().map(|bytes| u32::from_be_bytes(bytes[5..9].try_into().unwrap())).collect()
}

#[tokio::test(start_paused = true)]
async fn the_upgrade_is_refused_with_429_so_often() {
    let sim = server_with(Fault::RefuseUpgrade { status: 429, times: Some(1) });
    let refused = tokio_tungstenite::client_async("ws://localhost/ws", sim.connect_memory()).await;
    assert!(matches!(refused, Err(Error::Http(answer)) if answer.status() == 429));
    Client::logged_on(&sim, "a").await;
}

#[tokio::test(start_paused = true)]
async fn the_upgrade_and_the_log_on_can_be_slow() {
    let sim = server_with(Fault::SlowUpgrade { ms: 7_000 });
    sim.set_fault(Fault::LogonLate { ms: 3_000 });
    let since = Instant::now();
    Client::logged_on(&sim, "a").await;
    assert_eq!(since.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_log_on_can_stay_unanswered() {
    let sim = server_with(Fault::SilentLogon);
    let mut client = Client::open(&sim, "/ws").await;
    client.say(logon("a")).await;
    assert!(timeout(Duration::from_secs(29), client.got()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_log_on_can_be_answered_with_any_error() {
    let sim = server_with(Fault::LogonError { error: "suspended".into(), times: None });
    let mut client = Client::open(&sim, "/ws").await;
    assert_eq!(client.ask(logon("a")).await, json!({"error": "suspended", "seq": 1}));
}

#[tokio::test(start_paused = true)]
async fn connections_are_closed_with_any_code_and_reason() {
    for (code, reason) in [(1000, ""), (1001, "bye"), (3001, "unable to verify"), (3002, "not authorized")] {
        let sim = server_with(Fault::CloseOnLogon { code, reason: reason.into(), times: None });
        let mut client = Client::open(&sim, "/ws").await;
        client.say(logon("a")).await;
        assert_eq!(client.got().await, Got::Close(code, reason.into()));
    }
    let sim = server_with(Fault::CloseAfter { ms: 5_000, code: 1006, reason: String::new(), times: Some(1) });
    let mut client = Client::logged_on(&sim, "a").await;
    let since = Instant::now();
    assert_eq!(client.got().await, Got::Lost);
    assert_eq!(since.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn after_a_kick_the_account_is_refused_for_a_while() {
    let sim = server_with(Fault::NotAuthorizedAfterKick { ms: 40_000 });
    let mut old = Client::logged_on(&sim, "a").await;
    let _new = Client::logged_on(&sim, "a").await;
    assert_eq!(old.all().await.get(1), Some(&Got::Close(3003, "kicked".into())));
    let mut again = Client::open(&sim, "/ws").await;
    again.say(logon("a")).await;
    assert_eq!(again.got().await, Got::Close(3002, "not authorized".into()));
    sleep(Duration::from_secs(40)).await;
    Client::logged_on(&sim, "a").await;
}

#[tokio::test(start_paused = true)]
async fn channels_stay_offline_or_name_an_error() {
    let error = Fault::StatusError { error: "invalid password".into(), error_type: "configuration".into() };
    for (fault, expected) in [(Fault::StatusOffline, None), (error, Some("configuration"))] {
        let sim = server_with(fault);
        let mut client = Client::open(&sim, "/ws").await;
        client.say(logon("a")).await;
        client.json().await;
        let status = client.json().await;
        assert_eq!((status["status"].as_str(), status["error_type"].as_str()), (Some("offline"), expected));
        assert_eq!(client.ask(start(2)).await["error"], "channel is not ready");
    }
}

#[tokio::test(start_paused = true)]
async fn channels_flap_until_the_fault_is_cleared() {
    let sim = server_with(Fault::StatusFlapping { ms: 1_000 });
    let mut client = Client::logged_on(&sim, "a").await;
    for expected in ["offline", "online", "offline"] {
        assert_eq!(client.json().await["status"], expected);
    }
    sim.clear_faults();
    assert_eq!(client.json().await["status"], "online");
    assert!(timeout(Duration::from_secs(20), client.got()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn channels_come_online_late_and_without_flags() {
    let sim = server_with(Fault::StatusLate { ms: 4_000 });
    sim.set_fault(Fault::StatusWithoutFlags);
    let mut client = Client::open(&sim, "/ws").await;
    client.say(logon("a")).await;
    client.json().await;
    assert_eq!(client.json().await["status"], "offline");
    let since = Instant::now();
    let status = client.json().await;
    assert_eq!(since.elapsed().as_secs(), 4);
    assert_eq!(
        status,
        json!({"command": "on_channel_status", "channel": "Test ch", "status": "online", "users_online": 1})
    );
}

#[tokio::test(start_paused = true)]
async fn a_start_stays_unanswered() {
    let (_sim, mut tx, mut rx) = pair(Fault::StartUnanswered { times: Some(1) }).await;
    tx.say(start(2)).await;
    tx.is_quiet().await;
    rx.is_quiet().await;
    tx.start().await;
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_leaves_an_orphan_and_early_audio_is_not_ready() {
    let (_sim, mut tx, mut rx) = pair(Fault::StartLate { ms: 5_000, times: Some(1) }).await;
    tx.say(start(2)).await;
    tx.bytes(&audio(7, 0, b"early")).await;
    assert_eq!(tx.json().await, json!({"command": "on_error", "error": "channel is not ready"}));
    let since = Instant::now();
    let reply = tx.json().await;
    assert_eq!(since.elapsed().as_secs(), 5);
    let id = u32::try_from(reply["stream_id"].as_u64().unwrap()).unwrap();
    assert_eq!(rx.json().await["stream_id"], id);
    // Whoever has given up must stop it, or the channel stays busy.
    assert_eq!(tx.ask(start(3)).await["error"], "channel busy");
    assert_eq!(tx.ask(stop(id, 4)).await["success"], true);
}

#[tokio::test(start_paused = true)]
async fn a_start_is_refused_so_often() {
    let (_sim, mut tx, _rx) =
        pair(Fault::StartRefused { error: "failed to start stream".into(), times: Some(2) }).await;
    assert_eq!(tx.ask(start(2)).await, json!({"error": "failed to start stream", "seq": 2}));
    assert_eq!(tx.ask(start(3)).await["error"], "failed to start stream");
    tx.start().await;
}

#[tokio::test(start_paused = true)]
async fn too_many_starts_are_woodpecking() {
    let (_sim, mut tx, _rx) = pair(Fault::Woodpecker { starts: 2, within_ms: 10_000 }).await;
    for _ in 0..2 {
        let id = tx.start().await;
        tx.bytes(&audio(id, 0, b"x")).await;
        assert_eq!(tx.ask(stop(id, 3)).await["success"], true);
    }
    assert_eq!(tx.ask(start(4)).await["error"], "woodpecker prohibited");
    sleep(Duration::from_secs(10)).await;
    tx.start().await;
}

#[tokio::test(start_paused = true)]
async fn the_server_ends_a_stream_by_itself_or_by_order() {
    let (sim, mut tx, mut rx) = pair(Fault::StopStreamsAfter { ms: 2_000, times: Some(1) }).await;
    let id = tx.start().await;
    let stopped = json!({"command": "on_stream_stop", "stream_id": id});
    assert_eq!(tx.json().await, stopped);
    rx.json().await;
    assert_eq!(rx.json().await, stopped);
    tx.bytes(&audio(id, 0, b"x")).await;
    assert_eq!(tx.json().await["error"], "invalid stream id");
    let id = tx.start().await;
    sim.end_streams();
    assert_eq!(tx.json().await, json!({"command": "on_stream_stop", "stream_id": id}));
}

#[tokio::test(start_paused = true)]
async fn the_stop_is_missing_or_comes_first() {
    let (sim, mut tx, mut rx) = pair(Fault::MissingStop).await;
    assert_eq!(commands(&relay(&mut tx, &mut rx, 1).await), ["on_stream_start"]);
    sim.clear_fault(&Fault::MissingStop);
    sim.set_fault(Fault::StopBeforeStart);
    let got = commands(&relay(&mut tx, &mut rx, 1).await);
    assert_eq!(got, ["on_stream_stop", "on_stream_start", "on_stream_stop"]);
    sim.clear_faults();
    sim.set_fault(Fault::EarlyStop);
    let got = relay(&mut tx, &mut rx, 3).await;
    assert!(matches!(got[..], [Got::Json(_), Got::Binary(_), Got::Binary(_), Got::Json(_), Got::Binary(_)]));
    assert_eq!(packet_ids(&got), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn streams_are_made_anew_in_stereo_at_48_khz_with_several_frames_a_packet() {
    // 200 ms of speech.
    for (ms, header, packets) in [(60, "gLsDFA==", 4), (120, "gLsGFA==", 2)] {
        let (_sim, mut tx, mut rx) = pair(Fault::OddPackets { ms }).await;
        let (id, mut encoder) = (tx.start().await, Encoder::new(Duration::from_millis(20), 16_000).unwrap());
        for _ in 0..10 {
            let mut packet = [0; 1_275];
            let length = encoder.encode(&[0.1; 320], &mut packet).unwrap();
            tx.bytes(&audio(id, 0, &packet[..length])).await;
        }
        tx.say(stop(id, 3)).await;
        tx.all().await;
        let got = rx.all().await;
        let Got::Json(start) = &got[0] else { panic!("{got:?}") };
        assert_eq!((&start["codec_header"], &start["packet_duration"]), (&json!(header), &json!(ms)));
        assert_eq!(packet_ids(&got), (1..=packets).collect::<Vec<u32>>());
        for packet in binaries(&got) {
            let opus = &packet[9..];
            assert_eq!(packet_duration(opus), Some(Duration::from_millis(ms.into())));
            assert_eq!((opus[0] & 0b111, opus[1] & 63), (0b111, ms / 20), "stereo, and so many frames");
        }
        assert_eq!(commands(&got), ["on_stream_start", "on_stream_stop"]);
    }
    // What Opus does not know stays as it is.
    let (_sim, mut tx, mut rx) = pair(Fault::OddPackets { ms: 50 }).await;
    assert_eq!(binaries(&relay(&mut tx, &mut rx, 1).await)[0][9..], 0_u32.to_be_bytes());
}

#[tokio::test(start_paused = true)]
async fn packets_are_lost_with_their_numbers() {
    let (_sim, mut tx, mut rx) = pair(Fault::PacketLoss { percent: 30 }).await;
    let ids = packet_ids(&relay(&mut tx, &mut rx, 100).await);
    assert!((50..90).contains(&ids.len()), "{ids:?}");
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(ids.iter().max() > Some(&90), "numbers count what is lost too");
}

#[tokio::test(start_paused = true)]
async fn packets_come_twice_or_in_the_wrong_order_and_none_is_missing() {
    for fault in [Fault::PacketDuplicate { percent: 40 }, Fault::PacketReorder { percent: 40 }] {
        let (_sim, mut tx, mut rx) = pair(fault.clone()).await;
        let ids = packet_ids(&relay(&mut tx, &mut rx, 100).await);
        assert_ne!(ids, (1..=100).collect::<Vec<u32>>(), "{fault:?}");
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted, (1..=100).collect::<Vec<u32>>(), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn jitter_delays_and_keeps_the_order() {
    let (_sim, mut tx, mut rx) = pair(Fault::PacketJitter { max_ms: 300 }).await;
    let id = tx.start().await;
    rx.json().await;
    let mut delays = Vec::new();
    for number in 1..=20 {
        tx.bytes(&audio(id, 0, b"x")).await;
        let since = Instant::now();
        assert_eq!(rx.binary().await, audio(id, number, b"x"));
        delays.push(since.elapsed().as_millis());
    }
    assert!(delays.iter().max() > Some(&150) && delays.iter().max() <= Some(&300), "{delays:?}");
    assert!(delays.iter().min() < Some(&100), "{delays:?}");
    let got = relay_after_stop(&mut tx, &mut rx, id).await;
    assert_eq!(got, json!({"command": "on_stream_stop", "stream_id": id}), "the stop waits for the packets");
}

/// Ten packets and the stop at once; the last that the listener gets.
async fn relay_after_stop(tx: &mut Client, rx: &mut Client, id: u32) -> Value {
    for _ in 0..10 {
        tx.bytes(&audio(id, 0, b"x")).await;
    }
    tx.say(stop(id, 9)).await;
    for _ in 0..10 {
        rx.binary().await;
    }
    rx.json().await
}

#[tokio::test(start_paused = true)]
async fn packets_arrive_empty() {
    let (_sim, mut tx, mut rx) = pair(Fault::PacketEmpty { percent: 100 }).await;
    let got = relay(&mut tx, &mut rx, 2).await;
    assert!(binaries(&got).iter().all(|bytes| bytes.len() == 9) && binaries(&got).len() == 2);
}

#[tokio::test(start_paused = true)]
async fn two_talk_at_once_and_a_talker_hears_the_other() {
    let (sim, mut tx, mut rx) = pair(Fault::Overlap).await;
    let mut third = Client::logged_on(&sim, "third").await;
    tx.all().await;
    rx.all().await;
    let one = tx.start().await;
    third.json().await;
    let two = third.start().await;
    assert_eq!(tx.json().await["stream_id"], two);
    tx.bytes(&audio(one, 0, b"1")).await;
    third.bytes(&audio(two, 0, b"2")).await;
    assert_eq!(tx.binary().await, audio(two, 1, b"2"));
    assert_eq!(binaries(&rx.all().await), [audio(one, 1, b"1"), audio(two, 1, b"2")]);
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_status_comes_before_the_reply() {
    let (_sim, mut tx, _rx) = pair(Fault::UsersOnlineStorm { events: 20 }).await;
    tx.say(start(2)).await;
    for _ in 0..20 {
        assert_eq!(tx.json().await["command"], "on_channel_status");
    }
    assert!(tx.json().await["stream_id"].is_u64());
}

#[tokio::test(start_paused = true)]
async fn what_nobody_documents_is_sent() {
    let (sim, mut tx, mut rx) = pair(Fault::UnknownEvents).await;
    let got = commands(&relay(&mut tx, &mut rx, 0).await);
    assert_eq!(got[..3], ["on_future_event", "on_channel_mood", "on_stream_start"]);
    sim.clear_faults();
    sim.set_fault(Fault::UnknownFields);
    assert!(tx.ask(json!({"command": "keepalive", "seq": 5})).await["x_future"].is_object());
    sim.clear_faults();
    sim.set_fault(Fault::Garbage);
    let got = relay(&mut tx, &mut rx, 0).await;
    assert!(got.iter().any(|got| matches!(got, Got::Text(text) if text.is_empty())));
    assert!(got.iter().any(|got| matches!(got, Got::Binary(bytes) if bytes.len() > 1_000_000)));
}

#[tokio::test(start_paused = true)]
async fn pongs_are_missing() {
    let (sim, mut tx, _rx) = pair(Fault::MissingPong).await;
    tx.0.send(Message::Ping(Vec::new().into())).await.unwrap();
    assert!(timeout(Duration::from_secs(25), futures_util::StreamExt::next(&mut tx.0)).await.is_err());
    sim.clear_faults();
    tx.0.send(Message::Ping(Vec::new().into())).await.unwrap();
    let pong = futures_util::StreamExt::next(&mut tx.0).await;
    assert!(matches!(pong, Some(Ok(Message::Pong(_)))), "{pong:?}");
}

#[tokio::test(start_paused = true)]
async fn a_half_open_connection_is_silent_and_stays() {
    let (sim, mut tx, mut rx) = pair(Fault::MissingStop).await;
    sim.freeze_all();
    tx.say(start(2)).await;
    assert!(timeout(Duration::from_secs(300), tx.got()).await.is_err());
    assert!(timeout(Duration::from_secs(300), rx.got()).await.is_err());
    let sim = server_with(Fault::HalfOpen { ms: 1_000 });
    let mut client = Client::logged_on(&sim, "a").await;
    sleep(Duration::from_secs(2)).await;
    client.say(json!({"command": "keepalive", "seq": 2})).await;
    assert!(timeout(Duration::from_secs(300), client.got()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn events_write_the_channel_in_another_case_names_in_other_scripts_and_headers_are_long() {
    let (sim, mut tx, mut rx) = pair(Fault::WrongCase).await;
    sim.set_fault(Fault::LongHeader);
    sim.set_fault(Fault::ForeignNames);
    tx.start().await;
    let begun = rx.json().await;
    assert_eq!(begun["channel"], "TEST CH");
    assert_eq!(begun["from"], "Ватсон 川 ☂ tx");
    assert_eq!(begun["codec_header"], "gD4BFAAAAAAAAAAAAAAAAAAA");
}

#[tokio::test(start_paused = true)]
async fn images_are_sent_again_at_each_log_on() {
    let (sim, mut tx, _rx) = pair(Fault::ImageReplay).await;
    let reply = tx.ask(json!({"seq": 5, "command": "send_image", "type": "jpeg"})).await;
    let id = u32::try_from(reply["image_id"].as_u64().unwrap()).unwrap();
    for kind in [2_u8, 1] {
        let mut frame = audio(id, kind.into(), &[0xff, 0xd8]);
        frame[0] = 2;
        tx.bytes(&frame).await;
    }
    tx.all().await;
    for _ in 0..2 {
        let mut late = Client::logged_on(&sim, "late").await;
        let got = late.all().await;
        assert_eq!(commands(&got), ["on_image"]);
        assert_eq!(binaries(&got).len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn all_connections_can_be_closed_by_order() {
    let (sim, mut tx, mut rx) = pair(Fault::MissingStop).await;
    sim.close_all(1001, "server closed connection");
    for client in [&mut tx, &mut rx] {
        assert_eq!(client.all().await.first(), Some(&Got::Close(1001, "server closed connection".into())));
    }
}
