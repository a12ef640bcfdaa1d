//! An open stream: its pace, and all that ends it.

use super::*;

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
