//! A bad network: jitter, loss, packets that overtake each other, bursts after a stall. What arrived is said.
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

use world::talk::{Dice, Talk, ms, samples, speech};
use world::{World, place};
use zello_gateway::dsp::compare;

fn talk() -> Talk {
    Talk::new(7, ms(1_000), &speech("phone"))
}

fn live_through(talk: &Talk) -> World {
    let mut world = World::new();
    world.channel_says(talk);
    world.run(ms(13_000));
    assert!(!world.is_keyed());
    assert_eq!(world.unexplained_packets(), 0);
    assert_eq!(world.counters.downlink_packets.value(), talk.packets.len() as u64);
    world
}

#[test]
fn jitter_that_the_lead_in_covers_is_not_heard_at_all() {
    for seed in 0..3 {
        let mut dice = Dice::new(seed);
        let talk = talk().late_by(|_| ms(dice.roll(100))).in_order();
        let world = live_through(&talk);
        assert!(place(&talk.sound(), &world.on_air).is_some(), "seed {seed}: bit by bit");
    }
}

#[test]
fn whatever_the_jitter_each_packet_that_came_is_said() {
    for seed in 0..3 {
        let mut dice = Dice::new(seed);
        let talk = talk().late_by(|_| ms(dice.roll(700))).in_order();
        let world = live_through(&talk);
        assert_eq!(world.counters.downlink_packets_played.value(), talk.packets.len() as u64, "seed {seed}");
    }
}

/// What was spoken after a quarter of a second of the stall, when the decoder has found its way, and in the second after.
fn after_the_stall(world: &World) -> compare::Likeness {
    let spoken = &speech("phone")[samples(ms(2_250))..samples(ms(5_500))];
    compare::find(spoken, world.played(ms(5_000)..ms(10_500))).unwrap()
}

#[test]
fn the_burst_after_a_stall_is_said_whole() {
    let stalled = talk().stalled(ms(3_000), ms(4_800));
    let world = live_through(&stalled);
    assert_eq!(world.counters.downlink_packets_played.value(), stalled.packets.len() as u64);
    assert_eq!(world.keyed().len(), 1, "the transmitter stays on meanwhile");
    let likeness = after_the_stall(&world);
    assert!(likeness.worst > 0.8, "{likeness:?}");
}

#[test]
fn after_a_stall_so_long_that_the_stream_seemed_over_the_burst_is_said_all_the_same() {
    let stalled = talk().stalled(ms(3_000), ms(5_500));
    let world = live_through(&stalled);
    assert_eq!(world.counters.downlink_packets_played.value(), stalled.packets.len() as u64);
    assert_eq!(world.keyed().len(), 2, "the transmitter was off meanwhile");
    let likeness = after_the_stall(&world);
    assert!(likeness.worst > 0.8, "{likeness:?}");
}

#[test]
fn lost_packets_are_concealed_for_exactly_their_time() {
    let lossy = talk().losing(|id| id % 9 == 4 && id < 100);
    let lost = talk().packets.len() - lossy.packets.len();
    let world = live_through(&lossy);
    assert_eq!(world.counters.downlink_packets_played.value(), lossy.packets.len() as u64);
    assert_eq!(world.counters.downlink_blocks_concealed.value(), 6 * lost as u64);
    // Words stand where they stood: the first and the last second are as far apart as they were spoken.
    let original = speech("phone");
    let (first, last) = (samples(ms(300)), original.len() - samples(ms(1_500)));
    let delay = |from: usize| {
        let around = &world.on_air[samples(ms(1_000)) + from..][..samples(ms(1_700))];
        compare::find(&original[from..from + samples(ms(1_000))], around).unwrap()
    };
    let (first, last) = (delay(first), delay(last));
    assert!(first.correlation > 0.6 && last.correlation > 0.6, "{first:?} {last:?}");
    assert!(first.delay.abs_diff(last.delay) <= samples(ms(1)), "{first:?} {last:?}");
}

#[test]
fn packets_that_overtake_each_other_are_put_in_order() {
    let swapped = talk().late_by(|id| if id % 5 == 0 { ms(70) } else { ms(0) });
    let world = live_through(&swapped);
    assert!(place(&swapped.sound(), &world.on_air).is_some(), "bit by bit");
}

#[test]
fn packets_that_come_twice_are_said_once_and_counted() {
    let mut twice = talk();
    let copies: Vec<_> = twice.packets.iter().step_by(3).cloned().collect();
    let once = twice.sound();
    twice.packets.extend(copies.iter().cloned());
    let mut world = World::new();
    world.channel_says(&twice);
    world.run(ms(13_000));
    assert!(place(&once, &world.on_air).is_some(), "bit by bit");
    assert_eq!(world.counters.downlink_packets_late.value(), copies.len() as u64);
}

#[test]
fn numbers_that_begin_anywhere_and_wrap_around_are_no_gap() {
    let mut wrapping = talk();
    for packet in &mut wrapping.packets {
        packet.id = packet.id.wrapping_add(u32::MAX - 20);
    }
    let world = live_through(&wrapping);
    assert!(place(&wrapping.sound(), &world.on_air).is_some(), "bit by bit");
}

#[test]
fn numbers_that_jump_far_ahead_are_no_gap_of_hours() {
    let mut jumping = talk();
    for packet in jumping.packets.iter_mut().skip(50) {
        packet.id += 1_000_000;
    }
    let world = live_through(&jumping);
    assert_eq!(world.counters.downlink_packets_played.value(), jumping.packets.len() as u64);
    assert!(world.keyed()[0].end < ms(9_500), "{:?}", world.keyed());
}

#[test]
fn markers_of_a_loss_are_concealed_like_the_loss() {
    let lossy = talk().losing(|id| id == 30);
    let mut world = World::new();
    world.channel_says(&lossy);
    world.packet_at(ms(1_000) + ms(60) * 31, 7, 30, &[]);
    world.run(ms(13_000));
    assert_eq!(world.counters.downlink_blocks_concealed.value(), 6);
    assert_eq!(world.counters.downlink_packets.value(), lossy.packets.len() as u64);
    assert_eq!(world.unexplained_packets(), 0);
}
