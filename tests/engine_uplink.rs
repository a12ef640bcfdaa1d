//! What the radio hears becomes overs, whole: pre-roll, hang, roll-over, refusal.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::similar_names,
    clippy::cast_possible_truncation,
    clippy::unchecked_time_subtraction,
    reason = "helpers of a test fail as the test does: by panicking"
)]

#[path = "support/world.rs"]
mod world;

use std::sync::Arc;
use std::time::{Duration, Instant};

use world::talk::{duration, ms, samples, speech};
use world::{World, assert_same, worst_likeness};
use zello_gateway::engine::Event;
use zello_gateway::logic::exchange::{DownlinkItem, OverId, UplinkItem};
use zello_gateway::logic::outbox::{Outbox, Output};
use zello_gateway::net;
use zello_gateway::zello::StreamId;

/// A world in which somebody speaks on the air from 1 s on, and how long.
fn spoken() -> (World, Duration) {
    spoken_with(|_| {})
}

fn spoken_with(change: impl FnOnce(&mut zello_gateway::config::Config)) -> (World, Duration) {
    let mut world = World::with(change);
    let said = speech("radio");
    world.radio_hears(ms(1_000), &said);
    (world, duration(said.len()))
}

#[test]
fn an_over_is_whole_to_the_sample_block() {
    let (mut world, length) = spoken();
    world.squelch(ms(1_003)..ms(8_003));
    world.run(ms(10_000));

    let [over] = world.overs.as_slice() else { panic!("one over, not {}", world.overs.len()) };
    // 200 ms of pre-roll before the last whole block at 1 s; the hang's 500 ms after 8 s.
    assert_same(&over.opus(), &world.encoded(ms(800)..ms(8_500)));
    assert_eq!((over.opened_at, over.began, over.ended), (ms(1_003), ms(1_003), Some(ms(8_503))));
    let original = world.filtered(ms(1_000)..ms(1_000) + length);
    let worst = worst_likeness(&original, &over.sound(), samples(ms(200)));
    assert!(worst > 0.8, "the worst quarter of a second is like its source by {worst} only");
    assert_eq!(world.counters.uplink_packets.value(), over.packets.len() as u64);
    assert_eq!(world.counters.uplink_packets_dropped.value(), 0);
    assert!(world.keyed().is_empty(), "nobody talked on the channel");
    let told: Vec<Event> = world.events.iter().map(|(_, event)| *event).collect();
    assert_eq!(told, [Event::OverBegan, Event::OverEnded { after: ms(7_500) }]);
}

/// A network task, and how it takes overs when it is awake.
struct Task {
    ports: net::Ports,
    outbox: Outbox,
}

impl Task {
    fn wake(&mut self, now: Instant) {
        while let Some(item) = self.ports.uplink.dequeue() {
            self.outbox.handle_item(now, item);
            self.answer(now);
        }
        while let Some((at, _)) = self.outbox.poll_timeout() {
            self.outbox.handle_timeout(at);
            self.answer(at);
        }
    }

    fn answer(&mut self, now: Instant) {
        while let Some(output) = self.outbox.poll() {
            if let Output::Start { attempt } = output {
                self.outbox.handle_start_reply(now, attempt, Ok(Some(StreamId(attempt.0))));
            }
        }
    }
}

#[test]
fn an_over_is_lost_if_the_network_task_gets_nothing_of_it_and_not_if_only_its_start_is_missing() {
    let start = Instant::now();
    let (mut world, ports) = World::networked(start, |_| {});
    let counters = Arc::clone(&world.counters);
    let mut outbox = Outbox::new(start, &world.config.uplink, false, Arc::clone(&counters));
    outbox.handle_online(start, start);
    let mut task = Task { ports, outbox };
    // The queue is full after 4 s.
    world.squelch(ms(1_003)..ms(7_003));
    // Begins while it is, goes on when it is not, and fills it again.
    world.squelch(ms(9_003)..ms(18_003));
    // Finds no room at all.
    world.squelch(ms(19_003)..ms(20_003));
    world.squelch(ms(22_003)..ms(23_003));
    for awake in [10_000, 21_000, 25_000] {
        world.run(ms(awake));
        task.wake(start + ms(awake));
    }
    assert_eq!(counters.uplink_overs.value(), 4);
    assert_eq!(counters.uplink_overs_lost.value(), 1);
    let (sent, dropped) = (counters.uplink_packets_sent.value(), counters.uplink_packets_dropped.value());
    assert!(dropped > 50, "{dropped}");
    assert_eq!(counters.uplink_packets.value(), sent + dropped);
}

#[test]
fn what_a_network_task_that_stands_still_leaves_no_room_for_is_counted() {
    let (mut world, mut net) = World::networked(Instant::now(), |_| {});
    world.squelch(ms(1_003)..ms(8_003));
    world.squelch(ms(10_003)..ms(11_003));
    world.run(ms(13_000));
    let mut packets = 0;
    while let Some(item) = net.uplink.dequeue() {
        packets += u64::from(matches!(item, UplinkItem::Packet { .. }));
    }
    let c = &world.counters;
    assert!(packets > 0 && c.uplink_packets.value() > packets);
    assert_eq!(c.uplink_packets_dropped.value(), c.uplink_packets.value() - packets);
    assert_eq!(c.uplink_signals_dropped.value(), 3, "the end of one over, and both ends of the other");
    assert_eq!(c.uplink_overs_lost.value(), 0, "what is lost of an over is the outbox's to say");
}

#[test]
fn packets_leave_as_soon_as_they_are_spoken() {
    let (mut world, _) = spoken();
    world.squelch(ms(1_003)..ms(8_003));
    world.run(ms(10_000));
    let packets = &world.overs[0].packets;
    // The last one holds what is left of the over and waits for the hang; the first ones are pre-roll.
    for packet in &packets[4..packets.len() - 2] {
        assert_eq!(packet.at, packet.captured_at, "not a step later than captured");
    }
    for pair in packets.windows(2) {
        assert!(pair[0].captured_at < pair[1].captured_at, "in order");
    }
}

#[test]
fn the_first_syllable_is_there_although_the_squelch_opens_late() {
    for late in [40, 120, 190] {
        let (mut world, _) = spoken();
        let open = ms(1_003 + late);
        world.squelch(open..ms(3_003));
        world.run(ms(4_000));
        let [over] = world.overs.as_slice() else { panic!("one over, not {}", world.overs.len()) };
        let heard = over.sound();
        // Everything from the very first sample of speech on, which lies behind what remains of the pre-roll.
        let original = world.filtered(ms(1_000)..ms(1_500));
        let worst = worst_likeness(&original, &heard, samples(ms(200 - late)));
        assert!(
            worst > 0.8,
            "squelch {late} ms late: the first half second is like its source by {worst} only"
        );
        assert_same(&over.opus(), &world.encoded(ms(800 + late)..ms(3_500)));
    }
}

#[test]
fn without_pre_roll_nothing_from_before_the_squelch_is_sent() {
    let (mut world, _) = spoken_with(|config| config.uplink.pre_roll = Duration::ZERO);
    world.squelch(ms(1_503)..ms(3_003));
    world.run(ms(4_000));
    assert_same(&world.overs[0].opus(), &world.encoded(ms(1_500)..ms(3_500)));
}

#[test]
fn squelch_chatter_shorter_than_the_hang_stays_one_over() {
    let (mut world, _) = spoken();
    world.squelch(ms(1_003)..ms(2_003));
    for n in 0..8 {
        // Closed for 490 ms each time.
        world.squelch(ms(2_493 + 500 * n)..ms(2_503 + 500 * n));
    }
    world.run(ms(9_000));
    let [over] = world.overs.as_slice() else { panic!("one over, not {}", world.overs.len()) };
    assert_eq!(over.ended, Some(ms(6_503)), "500 ms after the squelch closed at last");
    assert_same(&over.opus(), &world.encoded(ms(800)..ms(6_500)));
}

#[test]
fn a_squelch_closed_for_longer_than_the_hang_makes_two_overs() {
    let (mut world, _) = spoken();
    world.squelch(ms(1_003)..ms(2_003));
    world.squelch(ms(2_513)..ms(3_003));
    world.run(ms(5_000));
    assert_eq!(world.overs.len(), 2);
    assert_same(&world.overs[0].opus(), &world.encoded(ms(800)..ms(2_500)));
    // The hang ended at 2.503 s: what lies before is in the first over and not said twice.
    assert_same(&world.overs[1].opus(), &world.encoded(ms(2_500)..ms(3_500)));
    assert_eq!(world.overs[1].continues, None);
}

#[test]
fn a_long_over_rolls_over_without_losing_or_repeating_a_packet() {
    let (mut world, _) = spoken_with(|config| config.uplink.roll_over = ms(2_000));
    world.squelch(ms(1_003)..ms(8_003));
    world.run(ms(10_000));

    let overs = &world.overs;
    assert_eq!(overs.len(), 4, "7.7 s in parts of at most 2 s");
    let together: Vec<&[u8]> = overs.iter().flat_map(|over| over.opus()).collect();
    assert_same(&together, &world.encoded(ms(800)..ms(8_500)));
    for pair in overs.windows(2) {
        assert_eq!(pair[1].continues, Some(pair[0].id));
        assert_eq!(pair[0].ended, Some(pair[1].began), "no gap");
        assert!(!pair[1].packets.is_empty() && pair[1].packets[0].at == pair[1].began);
        assert!(pair[0].packets.len() * 60 <= 2_000);
    }
    assert_eq!(world.counters.uplink_overs.value(), 1, "one person spoke once");
}

#[test]
fn a_refused_over_sends_no_more_and_the_next_one_does() {
    let (mut world, _) = spoken();
    world.squelch(ms(1_003)..ms(4_003));
    world.squelch(ms(5_003)..ms(6_003));
    world.run(ms(2_000));
    let refused = world.overs[0].id;
    world.item_at(ms(2_000), DownlinkItem::OverRefused { over: refused });
    world.run(ms(8_000));
    let sent = world.overs[0].packets.len();
    assert!(world.overs[0].packets.iter().all(|packet| packet.at <= ms(2_000)), "{sent} packets");
    assert_eq!(world.overs[0].ended, Some(ms(4_503)), "its end is told when the squelch has closed");
    assert_same(&world.overs[1].opus(), &world.encoded(ms(4_800)..ms(6_500)));
}

#[test]
fn the_refusal_of_an_over_that_is_long_gone_harms_nobody() {
    let (mut world, _) = spoken();
    world.squelch(ms(1_003)..ms(8_003));
    world.item_at(ms(2_000), DownlinkItem::OverRefused { over: OverId(0) });
    world.item_at(ms(2_000), DownlinkItem::OverRefused { over: OverId(77) });
    world.run(ms(10_000));
    assert_same(&world.overs[0].opus(), &world.encoded(ms(800)..ms(8_500)));
}

#[test]
fn packets_of_every_duration_are_whole() {
    for packet in [20, 40] {
        let (mut world, _) = spoken_with(|config| config.uplink.packet = ms(packet));
        world.squelch(ms(1_003)..ms(3_003));
        world.run(ms(4_000));
        assert_same(&world.overs[0].opus(), &world.encoded(ms(800)..ms(3_500)));
    }
}
