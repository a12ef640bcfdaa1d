//! Streams of the channel one after the other: two talkers, lost stops, lost links, and nothing is ever mixed.
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

use std::time::Duration;

use world::World;
use world::talk::{Talk, ms, samples, speech};
use zello_gateway::logic::exchange::DownlinkItem;

/// Where this talk begins on the air; panics unless it is there whole, bit by bit, and unmixed.
fn place(world: &World, talk: &Talk, from: Duration) -> usize {
    let begin = world::place(&talk.sound(), &world.on_air[samples(from)..]);
    samples(from)
        + begin.unwrap_or_else(|| panic!("stream {} is not on the air, whole and alone", talk.stream))
}

#[test]
fn two_talkers_at_once_are_said_in_turn_and_nothing_is_mixed() {
    let mut world = World::new();
    let first = Talk::new(7, ms(1_000), &speech("phone"));
    let second = Talk::new(8, ms(2_500), &speech("radio"));
    world.channel_says(&first);
    world.channel_says(&second);
    world.run(ms(25_000));
    let (a, b) = (place(&world, &first, ms(0)), place(&world, &second, ms(0)));
    assert!(b >= a + first.sound().len(), "in the order of their starts");
    assert_eq!(world.keyed().len(), 1, "nobody unkeys between them");
    assert_eq!(world.unexplained_packets(), 0);
}

#[test]
fn an_answer_within_the_tail_is_said_in_the_same_transmission() {
    let mut world = World::new();
    let first = Talk::new(7, ms(1_000), &speech("phone"));
    world.channel_says(&first);
    world.run(ms(7_900));
    while world.on_air[world.on_air.len() - samples(ms(60))..].iter().any(|sample| *sample != 0.0) {
        world.run(world.now + ms(10));
    }
    assert!(world.is_keyed(), "in the tail");
    let second = Talk::new(8, world.now, &speech("radio"));
    world.channel_says(&second);
    world.run(ms(20_000));
    assert_eq!(world.keyed().len(), 1);
    place(&world, &second, ms(7_000));
}

#[test]
fn a_stream_whose_stop_is_lost_ends_two_seconds_after_its_last_packet() {
    let mut world = World::new();
    let talk = Talk::new(7, ms(1_000), &speech("phone")).without_stop();
    world.channel_says(&talk);
    world.run(ms(15_000));
    place(&world, &talk, ms(0));
    let unkeyed = world.keyed()[0].end;
    let after = unkeyed - talk.last_at();
    assert!((ms(2_000)..ms(2_250)).contains(&after), "unkeyed {after:?} after the last packet");
    assert_eq!(world.counters.downlink_stops_missing.value(), 1);
}

#[test]
fn a_stream_without_a_packet_ends_after_two_seconds() {
    let mut world = World::new();
    world.start_at(ms(1_000), 7);
    world.run(ms(10_000));
    let [keyed] = world.keyed().try_into().unwrap();
    assert!((ms(2_000)..ms(2_250)).contains(&(keyed.end - keyed.start)), "{keyed:?}");
}

#[test]
fn a_start_and_a_stop_in_one_moment_leave_no_key_behind() {
    let mut world = World::new();
    world.start_at(ms(1_000), 7);
    world.stop_at(ms(1_000), 7);
    world.run(ms(5_000));
    assert!(!world.is_keyed());
}

#[test]
fn packets_whose_start_was_lost_are_said() {
    let mut world = World::new();
    let talk = Talk::new(7, ms(1_000), &speech("phone"));
    for packet in &talk.packets {
        world.packet_at(packet.at, 7, packet.id, &packet.opus);
    }
    world.stop_at(talk.last_at(), 7);
    world.run(ms(15_000));
    place(&world, &talk, ms(0));
}

#[test]
fn a_stop_that_overtakes_the_last_packets_does_not_cut_them() {
    let mut world = World::new();
    let mut talk = Talk::new(7, ms(1_000), &speech("phone"));
    talk.stops = Some(talk.last_at() - ms(50));
    world.channel_says(&talk);
    world.run(ms(15_000));
    place(&world, &talk, ms(0));
}

#[test]
fn when_the_link_is_lost_what_has_arrived_is_said_and_the_key_falls() {
    let mut world = World::new();
    let mut talk = Talk::new(7, ms(1_000), &speech("phone"));
    talk.packets.retain(|packet| packet.at <= ms(4_000));
    world.channel_says(&talk.clone().without_stop());
    world.item_at(ms(4_010), DownlinkItem::LinkLost);
    world.run(ms(10_000));
    place(&world, &talk, ms(0));
    let unkeyed = world.keyed()[0].end;
    assert!(unkeyed < ms(4_800), "no waiting for a stop that cannot come: {unkeyed:?}");
}

#[test]
fn after_a_reconnect_the_same_stream_number_is_another_stream() {
    let mut world = World::new();
    let mut cut = Talk::new(7, ms(1_000), &speech("phone"));
    cut.packets.truncate(20);
    world.channel_says(&cut.clone().without_stop());
    world.item_at(ms(2_300), DownlinkItem::LinkLost);
    let next = Talk::new(7, ms(2_400), &speech("radio"));
    world.channel_says(&next);
    world.run(ms(15_000));
    let (a, b) = (place(&world, &cut, ms(0)), place(&world, &next, ms(0)));
    assert!(b >= a + cut.sound().len());
    assert_eq!(world.unexplained_packets(), 0);
}

#[test]
fn more_talkers_than_can_be_followed_are_counted_not_mixed() {
    let mut world = World::new();
    let talks: Vec<Talk> =
        (0..12).map(|n| Talk::new(n + 1, ms(1_000 + u64::from(n)), &speech("phone")[..16_000])).collect();
    for talk in &talks {
        world.channel_says(talk);
    }
    world.run(ms(40_000));
    let counters = &world.counters;
    assert_eq!(
        counters.downlink_packets.value(),
        talks.iter().map(|talk| talk.packets.len() as u64).sum::<u64>()
    );
    assert_eq!(world.unexplained_packets(), 0);
    let mut from = ms(0);
    for talk in &talks[..8] {
        from = world::talk::duration(place(&world, talk, from));
    }
}
