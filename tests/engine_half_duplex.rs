//! The radio never receives and transmits at once: COS is not believed while keyed, and talk waits for the radio.
//!
//! That the transmitter is never keyed while an over is open is checked by the world at every step.
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
use world::{World, extent};
use zello_gateway::config::Busy;

fn phone(begins: u64) -> Talk {
    Talk::new(7, ms(begins), &speech("phone"))
}

#[test]
fn cos_is_not_believed_while_keyed_nor_in_the_mute_after() {
    let mut world = World::new();
    world.channel_says(&phone(1_000));
    // A squelch that hears our own transmitter, and its tail.
    world.squelch(ms(1_100)..ms(3_000));
    world.run(ms(5_000));
    let keyed = world.keyed();
    world.run(ms(7_000));
    assert!(world.is_keyed(), "the test speaks long enough");
    world.cos_at(ms(7_000), true);
    world.run(ms(9_500));
    let unkeyed = world.keyed()[0].end;
    assert!(unkeyed > ms(7_500) && keyed.len() == 1);
    assert_eq!(world.overs.len(), 1, "what is still open after the mute is believed");
    assert_eq!(world.overs[0].began, unkeyed + ms(300));
}

#[test]
fn a_squelch_tail_within_the_mute_starts_no_over() {
    let mut world = World::new();
    world.channel_says(&phone(1_000));
    world.run(ms(7_500));
    while world.is_keyed() {
        world.run(world.now + ms(1));
    }
    let unkeyed = world.now;
    world.squelch(unkeyed + ms(5)..unkeyed + ms(290));
    world.run(unkeyed + ms(2_000));
    assert!(world.overs.is_empty());
}

#[test]
fn talk_waits_until_the_radio_has_finished_and_is_then_said_whole() {
    let mut world = World::new();
    world.radio_hears(ms(500), &speech("radio"));
    world.squelch(ms(503)..ms(6_503));
    let talk = phone(2_000);
    world.channel_says(&talk);
    world.run(ms(20_000));
    assert_eq!(world.overs[0].opus(), world.encoded(ms(300)..ms(7_000)), "the over is untouched");
    let [keyed] = world.keyed().try_into().unwrap();
    assert_eq!(keyed.start, ms(7_003), "keyed when the hang is over");
    let sound = talk.sound();
    let begin = extent(&world.on_air).unwrap().start - extent(&sound).unwrap().start;
    assert!(world.on_air[begin..begin + sound.len()] == sound, "whole, bit by bit");
    assert!(duration(begin) >= keyed.start + ms(200));
    assert_eq!(world.unexplained_packets(), 0);
}

#[test]
fn what_waits_longer_than_the_limit_is_counted_and_the_newest_is_said() {
    let mut world = World::with(|config| config.downlink.wait = ms(4_000));
    world.squelch(ms(500)..ms(12_000));
    let talk = phone(2_000);
    world.channel_says(&talk);
    world.run(ms(25_000));
    let counters = &world.counters;
    let (expired, played) =
        (counters.downlink_packets_expired.value(), counters.downlink_packets_played.value());
    assert_eq!(expired + played, talk.packets.len() as u64);
    assert!((4_000 / 60 - 1..=4_000 / 60).contains(&played), "{played} packets of 60 ms");
    // The end is what is said, not the beginning.
    let whole = talk.sound();
    let last_words = &whole[whole.len() - samples(ms(2_500))..];
    let end = extent(&world.on_air).unwrap().end;
    let heard = &world.on_air[end - extent(last_words).unwrap().end..];
    let likeness = zello_gateway::dsp::compare::find(last_words, &heard[..last_words.len()]).unwrap();
    assert!(likeness.worst > 0.98, "{likeness:?}");
}

#[test]
fn override_keys_over_the_radio_and_closes_its_over_first() {
    let mut world = World::with(|config| config.downlink.busy = Busy::Override);
    world.radio_hears(ms(500), &speech("radio"));
    world.squelch(ms(503)..ms(12_000));
    let talk = phone(2_000);
    world.channel_says(&talk);
    world.run(ms(15_000));
    assert_eq!(world.overs[0].ended, Some(ms(2_000)));
    // The world looks after each step; edges come before sound, so the block of 2 s is not in it.
    assert_eq!(world.overs[0].opus(), world.encoded(ms(300)..ms(1_990)));
    let keyed = world.keyed()[0].clone();
    assert_eq!(keyed.start, ms(2_000));
    assert_eq!(world.counters.downlink_packets_played.value(), talk.packets.len() as u64);
    assert_eq!(world.overs[1].began, keyed.end + ms(300), "the radio still receives: another over");
}

#[test]
fn drop_discards_talk_while_the_radio_receives_and_says_the_next() {
    let mut world = World::with(|config| config.downlink.busy = Busy::Drop);
    world.squelch(ms(500)..ms(4_000));
    let dropped = phone(2_000);
    world.channel_says(&dropped);
    let next = Talk::new(8, ms(10_000), &speech("phone"));
    world.channel_says(&next);
    world.run(ms(20_000));
    let counters = &world.counters;
    assert_eq!(counters.downlink_packets_discarded.value(), dropped.packets.len() as u64);
    assert_eq!(counters.downlink_packets_played.value(), next.packets.len() as u64);
    assert_eq!(world.keyed().len(), 1, "half of a stream is not said when the radio falls silent");
    assert_eq!(world.keyed()[0].start, ms(10_000));
    assert_eq!(world.overs[0].ended, Some(ms(4_500)));
}

#[test]
fn when_both_begin_in_one_moment_only_one_gets_the_radio() {
    let mut world = World::new();
    world.squelch(ms(1_000)..ms(3_000));
    world.channel_says(&phone(1_000));
    world.run(ms(15_000));
    assert_eq!((world.overs.len(), world.keyed().len()), (1, 1));
    assert_eq!(world.keyed()[0].start, ms(3_500));
}
