//! Streams of the channel and of the gateway, on a link that is online.

use super::bench::{Bench, secs};
use super::*;

#[test]
fn streams_are_told_to_the_engine_and_only_ours_to_hear() {
    let mut bench = Bench::online();
    let start = |id: u32, channel: &str, from: &str, to: &str| {
        format!(
            r#"{{"command":"on_stream_start","type":"audio","codec":"opus","codec_header":"gD4BPA==","packet_duration":60,"stream_id":{id},"channel":"{channel}","from":"{from}","for":{to}}}"#
        )
    };
    bench.text(&start(10, "BAKER STREET 221b", "watson", "false"));
    bench.text(&start(11, "Baker Street 221B", "SHERLOCK", "false"));
    bench.text(&start(12, "Elsewhere", "watson", "false"));
    bench.text(&start(13, "Baker Street 221B", "watson", r#""mycroft""#));
    bench.text(&start(14, "Baker Street 221B", "watson", r#""sherlock""#));
    for id in 10..15 {
        bench.fact(Fact::Binary(&[1, 0, 0, 0, id, 0, 0, 0, 1, 0x48]));
        bench.text(&format!(r#"{{"command":"on_stream_stop","stream_id":{id}}}"#));
    }
    let (at, streams) = (bench.now, [StreamId(10), StreamId(14)]);
    let payload = heapless::Vec::from_slice(&[0x48]).unwrap();
    let mut wanted: Vec<_> = streams.map(|stream| DownlinkItem::Start { stream, at }).into();
    for stream in streams {
        let payload = payload.clone();
        wanted.push(DownlinkItem::Packet { stream, id: PacketId(1), at, payload });
        wanted.push(DownlinkItem::Stop { stream });
    }
    assert_eq!(bench.told(), wanted.iter().collect::<Vec<_>>());
}

#[test]
fn a_stream_of_ours_that_the_server_ends_is_told_to_the_engine() {
    let mut bench = Bench::online();
    bench.wait(FIRST_START, true);
    bench.start_over();
    bench.packet();
    bench.text(r#"{"stream_id":7,"success":true,"seq":2}"#);
    bench.text(r#"{"command":"on_stream_stop","stream_id":7}"#);
    assert_eq!(bench.told(), [&DownlinkItem::OverRefused { over: OverId(1) }]);
    assert_eq!(bench.texts().len(), 2, "no stop_stream");
}

#[test]
fn an_over_starts_at_once_when_the_other_talker_stops() {
    let mut bench = Bench::online();
    bench.wait(secs(1), true);
    bench.text(
        r#"{"command":"on_stream_start","stream_id":10,"channel":"Baker Street 221B","from":"watson"}"#,
    );
    bench.start_over();
    bench.text(r#"{"error":"channel busy","seq":2}"#);
    bench.wait(Duration::from_millis(1_600), true);
    bench.text(r#"{"error":"channel busy","seq":3}"#);
    bench.wait(Duration::from_millis(600), true);
    let before = bench.texts().len();
    bench.text(r#"{"command":"on_stream_stop","stream_id":10}"#);
    assert_eq!(bench.texts().len(), before + 1);
}

#[test]
fn starts_without_an_answer_make_a_new_connection() {
    let mut bench = Bench::online();
    bench.wait(FIRST_START, true);
    bench.start_over();
    bench.wait(outbox::START_REPLY * outbox::UNANSWERED_MAX + secs(1), true);
    assert_eq!(bench.connects(), 2);
    assert_eq!(bench.counters.links_lost.value(), 1);
}

#[test]
fn what_a_gateway_has_no_use_for_is_ignored() {
    let mut bench = Bench::online();
    let before = bench.connects();
    for text in [
        r#"{"command":"on_text_message","channel":"x","from":"y","message_id":1,"text":"hi"}"#,
        r#"{"command":"on_image","channel":"x","from":"y","message_id":1,"type":"jpeg"}"#,
        r#"{"command":"on_location","channel":"x","from":"y","message_id":1,"latitude":1,"longitude":2}"#,
        r#"{"command":"on_transcription","text":"x"}"#,
        r#"{"command":"on_something_new","seq":4}"#,
        r#"{"success":true,"seq":4711}"#,
        r#"{"error":"failed to stop stream","seq":4712}"#,
        r#"{"command":"on_error","error":"something new"}"#,
        r#"{"command":"on_error","error":"invalid json"}"#,
        "[]",
        "nonsense",
        "",
        r#"{"command":17}"#,
    ] {
        bench.text(text);
    }
    bench.fact(Fact::Binary(&[]));
    bench.fact(Fact::Binary(&[9; 40]));
    bench.fact(Fact::Binary(&[1, 0, 0, 0, 99, 0, 0, 0, 1, 0x48]));
    bench.fact(Fact::Binary(&[2, 0, 0, 0, 99, 0, 0, 0, 1, 0xff]));
    for _ in 0..1_000 {
        bench.text(ONLINE_STATUS);
    }
    assert_eq!((bench.connects(), bench.told().len()), (before, 0));
    assert_eq!(*bench.state(), LinkState::Online);
    assert_eq!(bench.counters.frames_invalid.value(), 6);
}

#[test]
fn a_packet_too_long_for_opus_is_counted_and_dropped() {
    let mut bench = Bench::online();
    bench
        .text(r#"{"command":"on_stream_start","stream_id":1,"channel":"Baker Street 221B","from":"watson"}"#);
    let mut frame = vec![1, 0, 0, 0, 1, 0, 0, 0, 1];
    frame.resize(100_000, 0x48);
    bench.fact(Fact::Binary(&frame));
    assert_eq!(bench.counters.downlink_packets_invalid.value(), 1);
}

/// Tells the packet 1 of a stream; true if it is played.
fn is_played(bench: &mut Bench, stream: u8) -> bool {
    let before = bench.told().len();
    bench.fact(Fact::Binary(&[1, 0, 0, 0, stream, 0, 0, 0, 1, 0x48]));
    bench.told().len() > before
}

#[test]
fn packets_that_the_stop_overtook_are_played_and_no_others() {
    let mut bench = Bench::online();
    let start = |stream: u8| {
        format!(
            r#"{{"command":"on_stream_start","stream_id":{stream},"channel":"Baker Street 221B","from":"watson"}}"#
        )
    };
    let stop = |stream: u8| format!(r#"{{"command":"on_stream_stop","stream_id":{stream}}}"#);
    bench.text(&stop(1));
    assert!(!is_played(&mut bench, 1), "no start came: nobody knows whether it is ours to hear");
    bench.text(&start(1));
    bench.text(&stop(1));
    assert!(is_played(&mut bench, 1));
    bench.wait(talkers::STRAGGLE / 2, true);
    assert!(is_played(&mut bench, 1));
    bench.wait(talkers::STRAGGLE / 2, true);
    assert!(!is_played(&mut bench, 1), "long over");
    assert_eq!(bench.counters.downlink_packets_ignored.value(), 2);

    // The last few, and not those of another session.
    for stream in 2..=u8::try_from(talkers::STOPPED_MAX).unwrap() + 2 {
        bench.text(&start(stream));
        bench.text(&stop(stream));
    }
    assert!(!is_played(&mut bench, 2) && is_played(&mut bench, 3));
    bench.fact(Fact::Lost("cut".to_owned()));
    bench.come_online();
    assert!(!is_played(&mut bench, 3));
}

#[test]
fn streams_without_an_end_are_bounded() {
    let mut bench = Bench::online();
    for id in 1..=100 {
        bench.text(&format!(
            r#"{{"command":"on_stream_start","stream_id":{id},"channel":"Baker Street 221B","from":"watson"}}"#
        ));
    }
    let stops = bench.told().iter().filter(|item| matches!(item, DownlinkItem::Stop { .. })).count();
    assert_eq!(stops, 100 - talkers::STREAMS_MAX);
}
