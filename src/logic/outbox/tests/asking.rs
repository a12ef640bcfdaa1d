//! How the channel is asked for, and what is made of the answer.

use super::*;

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
