//! What does not come from the engine: sound within an over, the start or the end of one, or all of it.

use super::*;

#[test]
fn an_over_goes_on_in_a_new_stream_after_a_gap() {
    let mut bench = Bench::online(ms(60_000));
    bench.start(1, None);
    bench.reply(1, 70);
    bench.talk(1, 3);
    bench.wait(QUIET);
    assert_eq!(*bench.last(), stop(70), "the channel is given back");
    bench.wait(ms(60_000));
    assert_eq!(bench.starts().len(), 1, "there is nothing to say");
    bench.talk(1, 2);
    bench.reply(2, 71);
    bench.talk(1, 1);
    bench.wait(QUIET);
    bench.talk(1, 1);
    bench.reply(3, 72);
    bench.end(1);
    assert_eq!(bench.sent(), (0..7).collect::<Vec<_>>());
    assert!(bench.saw(&stop(71)) && *bench.last() == stop(72));
    let told = bench.wire.iter().filter(|(_, output)| matches!(output, Output::Told(_)));
    let told: Vec<_> = told.map(|(_, output)| output).collect();
    let [Output::Told(Told::Sent { over: OverId(1), packets: 7, lost: 0, .. })] = told[..] else {
        panic!("one over, sent whole, not {told:?}")
    };
    assert_eq!(bench.counters.uplink_packets_expired.value(), 0);
    assert_eq!(bench.counters.uplink_overs_lost.value(), 0);
    check_wire(&bench).unwrap();
}

#[test]
fn what_is_said_after_a_gap_waits_for_the_link() {
    let mut bench = Bench::online(ms(60_000));
    bench.start(1, None);
    bench.reply(1, 70);
    bench.talk(1, 2);
    bench.wait(QUIET);
    bench.do_it(Outbox::handle_offline);
    bench.talk(1, 2);
    bench.do_it(|outbox, now| outbox.handle_online(now, now));
    bench.reply(2, 71);
    bench.end(1);
    assert_eq!(bench.sent(), [0, 1, 2, 3]);
}

#[test]
fn an_over_ends_with_the_engine_or_with_the_next_one_though_it_was_quiet() {
    for ends in [true, false] {
        let mut bench = Bench::online(ms(60_000));
        bench.start(1, None);
        bench.reply(1, 70);
        bench.talk(1, 2);
        bench.wait(QUIET);
        if ends {
            bench.end(1);
        } else {
            bench.start(2, None);
        }
        // The engine never does so.
        bench.packet(1);
        assert_eq!(bench.counters.uplink_packets_expired.value(), 1);
        bench.over(3, 1);
        bench.reply(2, 71);
        bench.wait(ms(500));
        bench.reply(3, 72);
        assert_eq!(bench.sent(), [0, 1, 3]);
    }
}

#[test]
fn an_over_is_lost_only_if_nothing_of_it_is_heard() {
    let mut bench = Bench::online(ms(60_000));
    // No start came of the first.
    bench.packet(1);
    bench.reply(1, 70);
    bench.end(1);
    assert_eq!(bench.sent(), [0]);
    assert_eq!(bench.counters.uplink_overs_lost.value(), 0);
    // Nothing came of the next two, and nothing but its start and its end of the one after.
    bench.wait(ms(1_000));
    bench.over(4, 0);
    assert_eq!(bench.counters.uplink_overs_lost.value(), 2);
    bench.reply(2, 71);
    assert_eq!(bench.counters.uplink_overs_lost.value(), 3);
    // Nor did more than the end of this one.
    bench.end(5);
    bench.wait(ms(1_000));
    bench.over(6, 1);
    bench.reply(3, 72);
    assert_eq!(bench.sent(), [0, 1]);
    assert_eq!(bench.counters.uplink_overs_lost.value(), 4);
}
