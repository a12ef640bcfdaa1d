#![allow(
    clippy::cast_possible_truncation,
    clippy::wildcard_enum_match_arm,
    reason = "small numbers; a test looks for one kind"
)]

mod gap;

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::config;

const PACKET: Duration = Duration::from_millis(60);

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn settings(hold: Duration) -> config::Uplink {
    config::Uplink {
        packet: PACKET,
        bitrate_bps: 16_000,
        pre_roll: ms(200),
        hang: ms(500),
        hold,
        held_tone: false,
        roll_over: ms(55_000),
        stuck: ms(300_000),
    }
}

/// An outbox, its clock, and what it put on the wire.
struct Bench {
    outbox: Outbox,
    counters: Arc<Counters>,
    now: Instant,
    begin: Instant,
    next_packet: u32,
    /// Milliseconds and what was done.
    wire: Vec<(u64, Output)>,
}

impl Bench {
    fn new(hold: Duration) -> Self {
        let (now, counters) = (Instant::now(), Arc::new(Counters::default()));
        Self {
            outbox: Outbox::new(now, &settings(hold), false, Arc::clone(&counters)),
            counters,
            now,
            begin: now,
            next_packet: 0,
            wire: Vec::new(),
        }
    }

    fn online(hold: Duration) -> Self {
        let mut bench = Self::new(hold);
        bench.do_it(|outbox, now| outbox.handle_online(now, now));
        bench
    }

    fn do_it(&mut self, what: impl FnOnce(&mut Outbox, Instant)) {
        what(&mut self.outbox, self.now);
        let at = u64::try_from((self.now - self.begin).as_millis()).unwrap();
        while let Some(output) = self.outbox.poll() {
            self.wire.push((at, output));
        }
    }

    fn item(&mut self, item: UplinkItem) {
        self.do_it(|outbox, now| outbox.handle_item(now, item));
    }

    fn start(&mut self, over: u32, continues: Option<u32>) {
        let at = self.now;
        self.item(UplinkItem::Start { over: OverId(over), at, continues: continues.map(OverId) });
    }

    /// The next packet; its payload is its number among all.
    fn packet(&mut self, over: u32) {
        let payload = heapless::Vec::from_slice(&self.next_packet.to_be_bytes()).unwrap();
        self.next_packet += 1;
        let captured_at = self.now;
        self.item(UplinkItem::Packet { over: OverId(over), captured_at, payload });
    }

    fn end(&mut self, over: u32) {
        self.item(UplinkItem::End { over: OverId(over) });
    }

    fn over(&mut self, over: u32, packets: u32) {
        self.start(over, None);
        for _ in 0..packets {
            self.packet(over);
        }
        self.end(over);
    }

    /// `count` packets in real time.
    fn talk(&mut self, over: u32, count: u32) {
        for _ in 0..count {
            self.wait(PACKET);
            self.packet(over);
        }
    }

    fn reply(&mut self, attempt: u32, stream: u32) {
        self.do_it(|outbox, now| {
            outbox.handle_start_reply(now, Attempt(attempt), Ok(Some(StreamId(stream))));
        });
    }

    fn refuse(&mut self, attempt: u32, error: ErrorCode) {
        self.do_it(|outbox, now| outbox.handle_start_reply(now, Attempt(attempt), Err(error)));
    }

    /// Lets time pass, from deadline to deadline.
    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut wakes = 0;
        while let Some((at, why)) = self.outbox.poll_timeout().filter(|(at, _)| *at <= end) {
            wakes += 1;
            assert!(wakes < 100_000, "woken for nothing by {why:?}");
            self.now = self.now.max(at);
            self.do_it(Outbox::handle_timeout);
        }
        self.now = end;
    }

    /// Lets time pass until the next start, for a while.
    fn wait_for_start(&mut self) {
        let before = self.starts().len();
        for _ in 0..2_000 {
            if self.starts().len() > before {
                return;
            }
            self.wait(ms(10));
        }
    }

    fn starts(&self) -> Vec<u64> {
        let is_start = |output: &Output| matches!(output, Output::Start { .. });
        self.wire.iter().filter(|(_, output)| is_start(output)).map(|(at, _)| *at).collect()
    }

    /// Numbers of the packets on the wire.
    fn sent(&self) -> Vec<u32> {
        let packets = self.wire.iter().filter_map(|(_, output)| match output {
            Output::Packet { payload, .. } => Some(u32::from_be_bytes((**payload).try_into().unwrap())),
            _ => None,
        });
        packets.collect()
    }

    fn saw(&self, wanted: &Output) -> bool {
        self.wire.iter().any(|(_, output)| output == wanted)
    }

    fn last(&self) -> &Output {
        &self.wire.iter().rfind(|(_, output)| !matches!(output, Output::Told(_))).unwrap().1
    }
}

fn stop(stream: u32) -> Output {
    Output::Stop { stream: StreamId(stream) }
}

#[test]
fn an_over_is_started_at_once_and_sent_when_the_answer_comes() {
    let mut bench = Bench::online(ms(60_000));
    bench.start(1, None);
    assert_eq!(bench.starts(), [0]);
    bench.talk(1, 5);
    assert!(bench.sent().is_empty());
    bench.reply(1, 70);
    assert_eq!(bench.sent(), [0, 1, 2, 3, 4]);
    bench.talk(1, 1);
    bench.end(1);
    assert_eq!(bench.sent(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(*bench.last(), stop(70));
    assert_eq!(bench.counters.uplink_packets_sent.value(), 6);
}

#[test]
fn a_late_over_bursts_one_second_and_then_keeps_the_pace_of_speech() {
    let mut bench = Bench::new(ms(60_000));
    bench.over(1, 100);
    bench.do_it(|outbox, now| outbox.handle_online(now, now));
    bench.reply(1, 70);
    assert_eq!(bench.sent().len(), 16);
    bench.wait(ms(600));
    assert_eq!(bench.sent().len(), 26);
    bench.wait(ms(6_000));
    assert_eq!(bench.sent(), (0..100).collect::<Vec<_>>());
    assert_eq!(*bench.last(), stop(70));
}

#[test]
fn a_roll_over_goes_on_without_a_pause_and_without_loss() {
    let mut bench = Bench::online(ms(60_000));
    bench.start(1, None);
    bench.reply(1, 70);
    bench.talk(1, 2);
    bench.end(1);
    bench.start(2, Some(1));
    assert_eq!(bench.starts(), [0, 120]);
    bench.talk(2, 2);
    bench.reply(2, 71);
    bench.end(2);
    assert_eq!(bench.sent(), [0, 1, 2, 3]);
    assert!(bench.saw(&stop(70)) && *bench.last() == stop(71));
}

#[test]
fn quick_overs_are_spaced_and_none_is_lost() {
    for hold in [Duration::ZERO, ms(60_000)] {
        let mut bench = Bench::online(hold);
        bench.over(1, 2);
        bench.reply(1, 70);
        bench.wait(ms(100));
        bench.over(2, 2);
        bench.wait(ms(1_000));
        assert_eq!(bench.starts(), [0, 500]);
        bench.reply(2, 71);
        assert_eq!(bench.sent(), [0, 1, 2, 3]);
    }
}

#[test]
fn a_late_answer_is_an_orphan_that_is_stopped_and_nothing_is_sent_twice() {
    let mut bench = Bench::online(ms(60_000));
    bench.start(1, None);
    bench.talk(1, 3);
    bench.wait(ms(2_000));
    assert_eq!(bench.starts().len(), 2);
    bench.reply(1, 70);
    assert!(bench.saw(&stop(70)));
    assert!(bench.sent().is_empty());
    bench.reply(2, 71);
    bench.end(1);
    assert_eq!(bench.sent(), [0, 1, 2]);
    assert_eq!(*bench.last(), stop(71));
}

#[test]
fn a_server_that_always_answers_late_gets_more_patience() {
    let mut bench = Bench::online(ms(60_000));
    bench.over(1, 3);
    // Every answer comes 3 s after its question.
    bench.wait(ms(3_000));
    bench.reply(1, 70);
    bench.wait(ms(2_000));
    bench.reply(2, 71);
    bench.wait(ms(2_000));
    bench.reply(3, 72);
    assert_eq!(bench.sent(), [0, 1, 2]);
}

#[test]
fn three_starts_without_an_answer_ask_for_a_new_connection() {
    let mut bench = Bench::online(ms(60_000));
    bench.over(1, 3);
    bench.wait(ms(5_900));
    assert_eq!(bench.starts(), [0, 2_000, 4_000]);
    bench.wait(ms(10_000));
    assert_eq!(bench.starts().len(), 3);
    assert!(bench.saw(&Output::Reconnect(Ghost::StartsUnanswered)));
    bench.do_it(Outbox::handle_offline);
    bench.do_it(|outbox, now| outbox.handle_online(now, now));
    bench.reply(4, 70);
    assert_eq!(bench.sent(), [0, 1, 2]);
}

#[test]
fn a_busy_channel_is_asked_again_ever_more_rarely_and_at_once_when_it_is_free() {
    let mut bench = Bench::online(ms(60_000));
    bench.over(1, 3);
    bench.refuse(1, ErrorCode::ChannelBusy);
    bench.wait(ms(600));
    assert_eq!(bench.starts(), [0, 500]);
    bench.refuse(2, ErrorCode::FailedToStartStream);
    bench.wait(ms(1_100));
    bench.refuse(3, ErrorCode::ChannelBusy);
    bench.wait(ms(700));
    bench.do_it(Outbox::handle_channel_free);
    assert_eq!(bench.starts(), [0, 500, 1_600, 2_400]);
    bench.reply(4, 70);
    assert_eq!(bench.sent(), [0, 1, 2]);
}

#[test]
fn a_channel_that_stays_busy_is_asked_every_three_seconds() {
    let mut bench = Bench::online(ms(60_000));
    bench.over(1, 3);
    for attempt in 1..=30 {
        bench.refuse(attempt, ErrorCode::ChannelBusy);
        bench.wait_for_start();
    }
    let starts = bench.starts();
    assert_eq!(starts[..5], [0, 500, 1_500, 3_500, 6_500]);
    assert!(starts[4..].windows(2).all(|pair| pair[1] - pair[0] == 3_000), "{starts:?}");
}

#[test]
fn with_nothing_to_hold_a_busy_channel_costs_the_packets_of_the_wait_only() {
    let mut bench = Bench::online(Duration::ZERO);
    bench.start(1, None);
    bench.talk(1, 2);
    bench.refuse(1, ErrorCode::ChannelBusy);
    bench.talk(1, 9);
    assert_eq!(bench.starts().len(), 2);
    bench.talk(1, 1);
    bench.reply(2, 70);
    bench.end(1);
    assert_eq!(bench.sent().len() as u64 + bench.counters.uplink_packets_expired.value(), 12);
    assert!(!bench.sent().is_empty());
    assert_eq!(bench.counters.uplink_overs_lost.value(), 0);
}

#[test]
fn woodpecker_is_answered_by_growing_pauses() {
    let mut bench = Bench::online(ms(60_000));
    bench.over(1, 3);
    for attempt in 1..=4 {
        bench.refuse(attempt, ErrorCode::WoodpeckerProhibited);
        // Another talker's end does not cut this wait short.
        bench.do_it(Outbox::handle_channel_free);
        bench.wait_for_start();
    }
    assert_eq!(bench.starts(), [0, 1_500, 4_500, 12_500, 20_500]);
}

#[test]
fn a_channel_that_is_never_ready_needs_a_new_connection_after_half_a_minute() {
    let mut bench = Bench::online(ms(60_000));
    bench.over(1, 3);
    let ghost = Output::Reconnect(Ghost::NotReady);
    for attempt in 1..60 {
        if bench.saw(&ghost) {
            break;
        }
        bench.refuse(attempt, ErrorCode::ChannelIsNotReady);
        bench.wait_for_start();
    }
    let (at, _) = bench.wire.iter().find(|(_, output)| *output == ghost).unwrap();
    assert!((30_000..34_000).contains(at), "{at}");
}

#[test]
fn a_listen_only_connection_takes_no_overs_until_the_next_log_on() {
    let mut bench = Bench::online(ms(60_000));
    bench.over(1, 3);
    bench.refuse(1, ErrorCode::ListenOnlyConnection);
    bench.over(2, 2);
    bench.wait(ms(10_000));
    assert_eq!(bench.starts().len(), 1);
    assert!(
        bench.saw(&Output::Refused { over: OverId(1) }) && bench.saw(&Output::Refused { over: OverId(2) })
    );
    assert_eq!(bench.counters.uplink_overs_lost.value(), 2);
    assert_eq!(bench.counters.uplink_packets_refused.value(), 5);
    bench.do_it(Outbox::handle_offline);
    bench.do_it(|outbox, now| outbox.handle_online(now, now));
    bench.over(3, 1);
    assert_eq!(bench.starts().len(), 2);
}

#[test]
fn a_stream_that_the_server_ends_is_not_stopped_and_its_rest_is_refused() {
    let mut bench = Bench::online(ms(60_000));
    bench.start(1, None);
    bench.reply(1, 70);
    bench.talk(1, 2);
    bench.do_it(|outbox, now| assert!(outbox.handle_own_stop(now, StreamId(70))));
    assert_eq!(*bench.last(), Output::Refused { over: OverId(1) });
    bench.talk(1, 2);
    bench.end(1);
    bench.wait(ms(1_000));
    assert_eq!(bench.sent(), [0, 1]);
    assert_eq!(bench.starts().len(), 1);
    assert_eq!(bench.counters.uplink_packets_refused.value(), 2);
    bench.over(2, 1);
    bench.reply(2, 71);
    assert_eq!(bench.sent(), [0, 1, 4]);
}

#[test]
fn a_refused_packet_ends_the_stream() {
    for error in [ErrorCode::InvalidStreamId, ErrorCode::FailedToSendData, ErrorCode::ChannelIsNotReady] {
        let mut bench = Bench::online(ms(60_000));
        bench.start(1, None);
        bench.reply(1, 70);
        bench.talk(1, 1);
        bench.do_it(|outbox, now| outbox.handle_error(now, &error));
        assert!(bench.saw(&Output::Refused { over: OverId(1) }), "{error}");
    }
}

#[test]
fn an_over_cut_by_the_link_goes_on_with_its_rest() {
    let mut bench = Bench::online(ms(60_000));
    bench.start(1, None);
    bench.reply(1, 70);
    bench.talk(1, 3);
    bench.do_it(Outbox::handle_offline);
    bench.talk(1, 3);
    bench.end(1);
    bench.over(2, 2);
    bench.wait(ms(5_000));
    bench.do_it(|outbox, now| outbox.handle_online(now, now + ms(800)));
    assert_eq!(bench.starts().len(), 1);
    bench.wait(ms(800));
    bench.reply(2, 71);
    bench.wait(ms(800));
    bench.reply(3, 72);
    assert_eq!(bench.sent(), (0..8).collect::<Vec<_>>());
}

#[test]
fn held_speech_is_bounded_and_the_oldest_goes_first() {
    let mut bench = Bench::new(ms(600));
    bench.over(1, 8);
    bench.over(2, 8);
    assert_eq!(bench.outbox.held(), ms(600));
    assert_eq!(bench.counters.uplink_packets_expired.value(), 6);
    bench.over(3, 9);
    assert_eq!(bench.counters.uplink_overs_lost.value(), 1);
    bench.do_it(|outbox, now| outbox.handle_online(now, now));
    bench.reply(1, 70);
    bench.wait(ms(500));
    bench.reply(2, 71);
    assert_eq!(bench.sent(), (15..25).collect::<Vec<_>>());
}

/// An outbox with a tone of three packets before held speech; no link.
fn with_tone() -> Bench {
    let mut bench = Bench::new(ms(60_000));
    let tone = [[0xff, 0xff, 0xff, 0], [0xff, 0xff, 0xff, 1], [0xff, 0xff, 0xff, 2]];
    bench.outbox = Outbox::new(bench.now, &settings(ms(60_000)), false, Arc::clone(&bench.counters))
        .with_held_tone(tone.map(Into::into).to_vec());
    bench
}

/// The packets of the tone, as [`Bench::sent`] has them.
const TONE: [u32; 3] = [0xffff_ff00, 0xffff_ff01, 0xffff_ff02];

#[test]
fn held_speech_is_told_from_live_by_a_tone_before_it() {
    let mut bench = with_tone();
    bench.over(1, 40);
    bench.wait(HELD);
    bench.do_it(|outbox, now| outbox.handle_online(now, now));
    bench.reply(1, 70);
    assert_eq!(bench.sent().len(), 16, "the tone is paced as speech is");
    bench.wait(ms(3_000));
    assert_eq!(bench.sent(), TONE.into_iter().chain(0..40).collect::<Vec<_>>());
    check_wire(&bench).unwrap();
    assert_eq!(*bench.last(), stop(70));
    assert_eq!(bench.counters.uplink_packets_sent.value(), 40, "a tone is no speech of the radio");
    assert_eq!(bench.counters.uplink_overs_held.value(), 1);
    // The next one is live.
    bench.start(2, None);
    bench.talk(2, 2);
    bench.reply(2, 71);
    assert_eq!(bench.sent().len(), 45);
    assert_eq!(bench.counters.uplink_overs_held.value(), 1);
}

#[test]
fn what_only_waited_for_an_answer_has_no_tone() {
    let mut bench = with_tone();
    bench.do_it(|outbox, now| outbox.handle_online(now, now));
    bench.start(1, None);
    bench.talk(1, 34);
    bench.reply(1, 70);
    bench.talk(1, 30);
    bench.reply(2, 71);
    bench.wait(ms(10_000));
    assert_eq!(bench.sent(), (0..64).collect::<Vec<_>>());
}

#[test]
fn each_stream_of_held_speech_has_its_tone_but_a_roll_over_has_none() {
    let mut bench = with_tone();
    bench.over(1, 2);
    bench.start(2, Some(1));
    bench.packet(2);
    bench.end(2);
    bench.over(3, 2);
    bench.wait(HELD);
    bench.do_it(|outbox, now| outbox.handle_online(now, now));
    for attempt in 1..=3 {
        bench.reply(attempt, 70 + attempt);
        bench.wait(ms(1_000));
    }
    assert_eq!(bench.sent(), [&TONE[..], &[0, 1, 2], &TONE[..], &[3, 4]].concat());
    assert_eq!(bench.counters.uplink_overs_held.value(), 2);
}

#[test]
fn the_rest_of_an_over_that_was_cut_has_its_tone_when_it_is_late() {
    let mut bench = with_tone();
    bench.do_it(|outbox, now| outbox.handle_online(now, now));
    bench.start(1, None);
    bench.reply(1, 70);
    bench.talk(1, 3);
    bench.do_it(Outbox::handle_offline);
    bench.talk(1, 3);
    bench.end(1);
    // Its roll-over comes after a pause: for those who listen it is no continuation.
    bench.start(2, Some(1));
    bench.packet(2);
    bench.end(2);
    bench.wait(HELD);
    bench.do_it(|outbox, now| outbox.handle_online(now, now));
    bench.reply(2, 71);
    bench.do_it(Outbox::handle_offline);
    bench.wait(ms(5_000));
    bench.do_it(|outbox, now| outbox.handle_online(now, now));
    bench.reply(3, 72);
    bench.wait(ms(1_000));
    bench.reply(4, 73);
    bench.wait(ms(1_000));
    let sent = bench.sent();
    assert_eq!(sent[..9], [&[0, 1, 2], &TONE[..], &[3, 4, 5]].concat());
    assert_eq!(sent[9..], [&TONE[..], &[6]].concat());
}

#[test]
fn a_channel_that_is_busy_for_long_gets_all_overs_in_order_and_paced() {
    let mut bench = Bench::online(ms(60_000));
    bench.over(1, 20);
    for attempt in 1..100 {
        if bench.now - bench.begin >= ms(30_000) {
            break;
        }
        bench.refuse(attempt, ErrorCode::ChannelBusy);
        bench.over(attempt + 1, 2);
        bench.wait_for_start();
    }
    let tries = bench.starts().len();
    assert!(tries < 15, "{tries} tries in half a minute");
    assert_eq!(bench.counters.uplink_packets_expired.value(), 0);
    while bench.outbox.held() > Duration::ZERO {
        let attempt = bench.starts().len() as u32;
        bench.reply(attempt, 70 + attempt);
        bench.wait(ms(500));
    }
    assert_eq!(bench.sent(), (0..bench.next_packet).collect::<Vec<_>>());
    check_wire(&bench).unwrap();
}

#[test]
fn speech_of_long_ago_is_not_sent() {
    let mut bench = Bench::new(ms(60_000));
    bench.over(1, 3);
    bench.wait(STALE + ms(1));
    assert_eq!(bench.counters.uplink_packets_expired.value(), 3);
    assert_eq!(bench.counters.uplink_overs_lost.value(), 1);
    assert_eq!(bench.outbox.poll_timeout(), None);
}

#[test]
fn a_missing_end_or_start_from_the_engine_is_made_up_for() {
    let mut bench = Bench::online(ms(60_000));
    bench.packet(1);
    bench.reply(1, 70);
    bench.talk(1, 1);
    bench.wait(QUIET + ms(100));
    assert_eq!(*bench.last(), stop(70));
    bench.start(2, None);
    bench.reply(2, 71);
    bench.start(3, None);
    assert!(bench.saw(&stop(71)));
}

#[test]
fn what_a_stalled_link_does_not_take_is_held_and_nothing_is_asked_for() {
    let mut bench = Bench::online(ms(1_200));
    bench.start(1, None);
    bench.reply(1, 70);
    bench.talk(1, 2);
    bench.do_it(|outbox, now| outbox.handle_congestion(now, true));
    bench.talk(1, 70);
    bench.end(1);
    bench.over(2, 3);
    assert_eq!(bench.sent(), [0, 1]);
    let held = PATIENCE.as_millis() as u64 / 60;
    assert_eq!(bench.counters.uplink_packets_expired.value(), 73 - held, "the oldest go first");
    assert_eq!(bench.starts().len(), 1);
    bench.do_it(|outbox, now| outbox.handle_congestion(now, false));
    bench.wait_for_start();
    bench.reply(2, 71);
    bench.wait(ms(2_000));
    assert_eq!(bench.sent()[2..], (25..75).collect::<Vec<_>>());
    check_wire(&bench).unwrap();
    // A new connection begins without a stall.
    bench.do_it(|outbox, now| outbox.handle_congestion(now, true));
    bench.do_it(Outbox::handle_offline);
    bench.do_it(|outbox, now| outbox.handle_online(now, now));
    bench.over(3, 1);
    assert_eq!(bench.starts().len(), 3);
}

#[test]
fn shutdown_gives_the_channel_back_and_counts_the_rest() {
    let mut bench = Bench::online(ms(60_000));
    bench.start(1, None);
    bench.reply(1, 70);
    for _ in 0..20 {
        bench.packet(1);
    }
    bench.do_it(Outbox::handle_shutdown);
    assert_eq!(*bench.last(), stop(70));
    let counted = bench.counters.uplink_packets_sent.value() + bench.counters.uplink_packets_expired.value();
    assert_eq!(counted, 20);
}

/// What can happen to an outbox.
#[derive(Debug, Clone)]
enum Move {
    Start { rolls_over: bool },
    Talk(u32),
    End,
    Wait(u64),
    Grant,
    GrantOld(u32),
    Refuse(ErrorCode),
    Complain(ErrorCode),
    OwnStop,
    Free,
    Congestion(bool),
    Offline,
    Online,
}

fn moves() -> impl Strategy<Value = Move> {
    let errors = prop_oneof![
        Just(ErrorCode::ChannelBusy),
        Just(ErrorCode::WoodpeckerProhibited),
        Just(ErrorCode::ChannelIsNotReady),
        Just(ErrorCode::InvalidRequest),
        Just(ErrorCode::InvalidStreamId),
        Just(ErrorCode::EmptyMessage),
        Just(ErrorCode::Other("what".to_owned())),
    ];
    prop_oneof![
        3 => any::<bool>().prop_map(|rolls_over| Move::Start { rolls_over }),
        6 => (1..30_u32).prop_map(Move::Talk),
        2 => Just(Move::End),
        4 => (1..5_000_u64).prop_map(Move::Wait),
        6 => Just(Move::Grant),
        1 => (1..20_u32).prop_map(Move::GrantOld),
        1 => errors.clone().prop_map(Move::Refuse),
        1 => errors.prop_map(Move::Complain),
        1 => Just(Move::OwnStop),
        1 => Just(Move::Free),
        2 => any::<bool>().prop_map(Move::Congestion),
        1 => Just(Move::Offline),
        3 => Just(Move::Online),
    ]
}

fn play(bench: &mut Bench, moves: &[Move]) {
    let (mut over, mut open) = (0, false);
    for one in moves {
        let attempt = bench.starts().len() as u32;
        match one {
            Move::Start { rolls_over } => {
                if open {
                    bench.end(over);
                }
                over += 1;
                bench.start(over, (*rolls_over && over > 1).then(|| over - 1));
                open = true;
            }
            Move::Talk(count) if open => bench.talk(over, *count),
            Move::Talk(_) => {}
            Move::End => {
                bench.end(over);
                open = false;
            }
            Move::Wait(time) => bench.wait(ms(*time)),
            Move::Grant => bench.reply(attempt, 1_000 + attempt),
            Move::GrantOld(old) => bench.reply(*old, 1_000 + *old),
            Move::Refuse(error) => bench.refuse(attempt, error.clone()),
            Move::Complain(error) => bench.do_it(|outbox, now| outbox.handle_error(now, error)),
            Move::OwnStop => bench.do_it(|outbox, now| {
                outbox.handle_own_stop(now, StreamId(1_000 + attempt));
            }),
            Move::Free => bench.do_it(Outbox::handle_channel_free),
            Move::Congestion(congested) => {
                bench.do_it(|outbox, now| outbox.handle_congestion(now, *congested));
            }
            Move::Offline => bench.do_it(Outbox::handle_offline),
            Move::Online => bench.do_it(|outbox, now| outbox.handle_online(now, now + ms(100))),
        }
    }
}

/// Packets only on a stream that is open, starts one at a time and spaced, never more than [`BURST`] ahead.
fn check_wire(bench: &Bench) -> Result<(), TestCaseError> {
    let (mut played, mut open) = (0_u64, None);
    for (at, output) in &bench.wire {
        match output {
            Output::Packet { stream, id, .. } => {
                let (known, next) = open.unwrap_or((*stream, 0));
                // A new stream begins with its first packet.
                let expected = if known == *stream { next } else { 0 };
                prop_assert_eq!(id.0, expected);
                open = Some((*stream, expected + 1));
                played = played.max(*at) + 60;
                prop_assert!(played - at <= 1_000);
            }
            Output::Stop { stream } => {
                if open.is_some_and(|(known, _)| known == *stream) {
                    open = None;
                }
            }
            Output::Start { .. } | Output::Refused { .. } | Output::Reconnect(_) | Output::Told(_) => {}
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_packet_is_sent_once_in_order_or_counted(
        moves in proptest::collection::vec(moves(), 1..80),
        hold in prop_oneof![Just(0_u64), Just(900), Just(60_000)],
    ) {
        let mut bench = Bench::new(ms(hold));
        play(&mut bench, &moves);
        check_wire(&bench)?;
        let sent = bench.sent();
        prop_assert!(sent.is_sorted_by(|a, b| a < b), "{:?}", sent);
        prop_assert_eq!(bench.counters.uplink_packets_sent.value(), sent.len() as u64);
        let lost = bench.counters.uplink_packets_expired.value() + bench.counters.uplink_packets_refused.value();
        let kept = bench.outbox.held().as_millis() as u64 / 60;
        prop_assert_eq!(sent.len() as u64 + lost + kept, u64::from(bench.next_packet));
    }

    #[test]
    fn whatever_happened_a_working_channel_empties_the_outbox(
        moves in proptest::collection::vec(moves(), 1..60),
    ) {
        let mut bench = Bench::new(ms(60_000));
        play(&mut bench, &moves);
        bench.end(u32::MAX);
        bench.do_it(|outbox, _| outbox.queue.end_last());
        bench.do_it(Outbox::handle_offline);
        bench.do_it(|outbox, now| outbox.handle_online(now, now));
        for _ in 0..400 {
            let attempt = bench.starts().len() as u32;
            bench.reply(attempt, 5_000 + attempt);
            bench.wait(ms(1_000));
        }
        prop_assert_eq!(bench.outbox.held(), Duration::ZERO);
        prop_assert_eq!(bench.outbox.poll_timeout(), None);
    }
}
