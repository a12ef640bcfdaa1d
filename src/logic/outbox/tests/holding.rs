//! Held speech: how much of it, how old, and the tone before it.

use super::*;

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

#[test]
fn speech_of_long_ago_is_not_sent() {
    let mut bench = Bench::new(ms(60_000));
    bench.over(1, 3);
    bench.wait(STALE + ms(1));
    assert_eq!(bench.counters.uplink_packets_expired.value(), 3);
    assert_eq!(bench.counters.uplink_overs_lost.value(), 1);
    assert_eq!(bench.outbox.poll_timeout(), None);
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
