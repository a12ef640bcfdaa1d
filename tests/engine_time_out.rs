//! The time-out timer: no transmission is longer than the limit, and the fault ends with the stream that caused it.
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

use world::World;
use world::talk::{Talk, ms, speech};
use zello_gateway::engine::Event;

/// Somebody holds the key on 7 from 1 s to about 7.7 s, longer than the time-out of 3 s.
fn stuck() -> (World, Talk) {
    let mut world = World::with(|config| config.downlink.time_out = ms(3_000));
    let talk = Talk::new(7, ms(1_000), &speech("phone"));
    world.channel_says(&talk);
    (world, talk)
}

#[test]
fn a_stuck_network_key_is_cut_by_the_time_out_timer() {
    let (mut world, _) = stuck();
    world.run(ms(20_000));
    assert_eq!(world.keyed(), [ms(1_000)..ms(4_000)]);
    assert_eq!(world.counters.ptt_time_outs.value(), 1);
    assert!(world.events.contains(&(ms(4_000), Event::TimedOut)));
}

#[test]
fn the_rest_of_its_stream_is_discarded_and_counted() {
    let (mut world, talk) = stuck();
    world.run(ms(20_000));
    let counters = &world.counters;
    let (played, discarded) =
        (counters.downlink_packets_played.value(), counters.downlink_packets_discarded.value());
    assert_eq!(played + discarded, talk.packets.len() as u64);
    assert!(played > 40 && discarded > 40, "{played} played, {discarded} discarded");
    // What the card already had may follow for three blocks.
    assert!(world.played(ms(4_050)..ms(20_000)).iter().all(|sample| *sample == 0.0));
}

#[test]
fn the_next_stream_is_served_normally() {
    let (mut world, talk) = stuck();
    let next = Talk::new(8, ms(10_000), &speech("phone")[..32_000]);
    world.channel_says(&next);
    world.run(ms(20_000));
    assert_eq!(world.keyed().len(), 2);
    assert_eq!(world.keyed()[1].start, ms(10_000));
    let begun =
        world.counters.downlink_packets_played.value() + world.counters.downlink_packets_discarded.value();
    assert_eq!(begun, (talk.packets.len() + next.packets.len()) as u64);
    let sound = next.sound();
    let heard = world.played(ms(10_000)..ms(20_000));
    let begin = world::extent(heard).unwrap().start - world::extent(&sound).unwrap().start;
    assert!(heard[begin..begin + sound.len()] == sound, "whole, bit by bit");
}

#[test]
fn a_stream_that_waits_behind_the_cut_one_is_said_after_it() {
    let (mut world, _) = stuck();
    let next = Talk::new(8, ms(2_000), &speech("phone")[..16_000]);
    world.channel_says(&next);
    world.run(ms(20_000));
    let keyed = world.keyed();
    assert_eq!(keyed.len(), 2);
    assert_eq!(keyed[1].start, ms(4_300), "after the mute");
    let sound = next.sound();
    let heard = world.played(ms(4_300)..ms(20_000));
    let begin = world::extent(heard).unwrap().start - world::extent(&sound).unwrap().start;
    assert!(heard[begin..begin + sound.len()] == sound, "whole, bit by bit");
}

#[test]
fn a_stream_that_never_stops_is_cut_once_and_keys_no_more() {
    let mut world = World::with(|config| config.downlink.time_out = ms(3_000));
    let sound: Vec<f32> = speech("phone").repeat(4);
    world.channel_says(&Talk::new(7, ms(1_000), &sound).without_stop());
    world.run(ms(35_000));
    assert_eq!(world.keyed(), [ms(1_000)..ms(4_000)]);
    assert_eq!(world.unexplained_packets(), 0);
}

#[test]
fn a_server_that_starts_streams_without_end_cannot_hold_the_key() {
    let mut world = World::with(|config| config.downlink.time_out = ms(3_000));
    for n in 0..60 {
        world.start_at(ms(1_000 + 500 * n), 100 + u32::try_from(n).unwrap());
    }
    world.run(ms(60_000));
    assert!(!world.is_keyed(), "it ends when the server does");
    for keyed in world.keyed() {
        assert!(keyed.end - keyed.start <= ms(3_000), "{keyed:?}");
    }
}
