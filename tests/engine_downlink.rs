//! What the channel says is said by the radio, whole: lead-in, every block, tail.
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

use world::talk::{Talk, duration, ms, samples, speech};
use world::{World, extent, worst_likeness};
use zello_gateway::engine::Event;

/// Speech of the channel from 1 s on, in a world that has lived through it.
fn said() -> (World, Talk) {
    let mut world = World::new();
    let talk = Talk::new(7, ms(1_000), &speech("phone"));
    world.channel_says(&talk);
    world.run(ms(10_000));
    (world, talk)
}

#[test]
fn an_over_is_whole_to_the_last_bit() {
    let (world, talk) = said();
    let sound = talk.sound();
    let at = extent(&world.on_air).unwrap();
    let silent = extent(&sound).unwrap().start;
    let begin = at.start - silent;
    assert_eq!(begin % samples(ms(10)), 0, "a whole block");
    assert!(world.on_air[begin..begin + sound.len()] == sound, "block by block, bit by bit");
    assert!(world.on_air[begin + sound.len()..].iter().all(|sample| *sample == 0.0), "and silence after it");
    let original = speech("phone");
    let worst = worst_likeness(&original, &world.on_air, begin);
    assert!(worst > 0.8, "the worst quarter of a second is like what the phone said by {worst} only");
    let counters = &world.counters;
    assert_eq!(counters.downlink_packets_played.value(), talk.packets.len() as u64);
    assert_eq!(counters.downlink_blocks_concealed.value(), 0);
    assert_eq!(world.unexplained_packets(), 0);
}

#[test]
fn the_transmitter_is_keyed_the_moment_the_stream_starts() {
    let (world, _) = said();
    assert_eq!(world.keyed()[0].start, ms(1_000));
    assert_eq!(world.counters.ptt_keyings.value(), 1);
}

#[test]
fn the_lead_in_is_silent_and_the_tail_follows_the_last_sample() {
    let (world, talk) = said();
    let keyed = world.keyed()[0].clone();
    let begin = extent(&world.on_air).unwrap().start;
    assert!(duration(begin) >= keyed.start + ms(200), "first sound {begin} in the lead-in");
    // The first two packets come 60 and 120 ms after the start: the lead-in covers the buffering entirely, and what
    // is left is the way through the playback queue.
    assert!(duration(begin) <= keyed.start + ms(200 + 40), "first sound {begin} too late");
    let end = duration(begin + talk.sound().len());
    let tail = keyed.end - end;
    assert!((ms(140)..=ms(170)).contains(&tail), "tail of {tail:?}");
}

#[test]
fn the_tail_waits_for_a_slow_sound_card() {
    let mut world = World::new();
    world.set_playback_delay(ms(120));
    let talk = Talk::new(7, ms(1_000), &speech("phone"));
    world.channel_says(&talk);
    world.run(ms(10_000));
    let begin = extent(&world.on_air).unwrap().start;
    // What the card takes is heard 120 ms later.
    let end = duration(begin + talk.sound().len()) + ms(120);
    let tail = world.keyed()[0].end - end;
    assert!((ms(140)..=ms(170)).contains(&tail), "tail of {tail:?}");
}

#[test]
fn a_short_word_is_said_even_when_it_is_over_before_the_lead_in() {
    let mut world = World::new();
    let talk = Talk::in_packets_of(ms(20), 7, ms(1_000), &speech("phone")[..samples(ms(100))]);
    assert!(talk.stops.unwrap() < ms(1_200));
    world.channel_says(&talk);
    world.run(ms(3_000));
    assert_eq!(world.counters.downlink_packets_played.value(), talk.packets.len() as u64);
    assert!(!world.is_keyed());
}

#[test]
fn people_read_in_the_log_what_happened() {
    let (world, _) = said();
    let told: Vec<&Event> = world.events.iter().map(|(_, event)| event).collect();
    assert!(
        matches!(
            told.as_slice(),
            [
                Event::Keyed,
                Event::Stream(_started),
                Event::Stream(_began),
                Event::Stream(_ended),
                Event::Unkeyed { .. }
            ]
        ),
        "{told:?}"
    );
}
