//! After start the engine allocates nothing, whatever happens: a counting allocator looks at every step.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::similar_names,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unchecked_time_subtraction,
    reason = "helpers of a test fail as the test does: by panicking"
)]

use std::alloc::System;
use std::hint::black_box;
use std::time::Instant;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use zello_gateway::audio::DeviceState;
use zello_gateway::config::{Busy, Cos, Vox};
use zello_gateway::engine::Engine;
use zello_gateway::lines::LineError;
use zello_gateway::logic::exchange::{DownlinkItem, OverId};

#[path = "support/world.rs"]
mod world;

use world::talk::{Dice, Talk, ms, speech};
use world::{Hand, World};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What an engine lives through.
type Life = fn() -> World;

/// Calls of the allocator, of any kind, within the engine's steps until `until`.
fn calls(
    world: &mut World,
    until: u64,
    step: impl Fn(&mut Engine<Hand>, Instant) -> Result<Instant, LineError>,
) -> usize {
    let mut calls = 0;
    world.drive(ms(until), |engine, now| {
        let region = Region::new(ALLOCATOR);
        let wake = step(engine, now);
        let seen = region.change();
        calls += seen.allocations + seen.reallocations + seen.deallocations;
        wake
    });
    calls
}

/// One test, because the allocator counts for the whole process.
#[test]
fn the_engine_allocates_nothing_after_start() {
    let on_purpose = calls(&mut World::new(), 100, |engine, now| {
        drop(black_box(Box::new(0_u8)));
        engine.step(now)
    });
    assert!(on_purpose >= 20, "an allocation in every step is seen, {on_purpose} were");

    let lives: [(&str, Life); 8] = [
        ("idle", World::new),
        ("an uplink over that rolls over, and one that is refused", uplink),
        ("streams with losses, jitter, repetitions and a stall", downlink),
        ("squelch by sound", vox),
        ("radio and channel at once, override", || conflict(Busy::Override)),
        ("radio and channel at once, drop", || conflict(Busy::Drop)),
        ("talk that had to wait, and the tone before it", held),
        ("garbage, time-out, lost card, lost link, stuck squelch", faults),
    ];
    for (life, begin) in lives {
        let mut world = begin();
        let calls = calls(&mut world, 14_000, Engine::step);
        assert_eq!(calls, 0, "{life}");
        let counters = &world.counters;
        let lived = counters.uplink_packets.value() + counters.downlink_packets_played.value();
        assert_eq!(lived > 20, life != "idle", "{life}: {lived} packets");
    }
}

fn uplink() -> World {
    let mut world = World::with(|config| config.uplink.roll_over = ms(2_000));
    world.radio_hears(ms(500), &speech("radio"));
    world.squelch(ms(503)..ms(6_000));
    world.squelch(ms(8_000)..ms(12_000));
    // The first over has four parts.
    world.item_at(ms(9_000), DownlinkItem::OverRefused { over: OverId(5) });
    world
}

fn downlink() -> World {
    let mut world = World::new();
    let mut dice = Dice::new(5);
    let mut talk = Talk::new(7, ms(500), &speech("phone"))
        .losing(|id| id % 7 == 3)
        .late_by(|_| ms(dice.roll(400)))
        .stalled(ms(3_000), ms(4_500));
    talk.packets.extend_from_within(10..20);
    world.channel_says(&talk);
    let second = Talk::in_packets_of(ms(20), 8, ms(2_000), &speech("radio")[..64_000]);
    world.channel_says(&second.without_stop());
    world
}

fn vox() -> World {
    let vox = Vox { threshold_dbfs: -35.0, attack: ms(20), release: ms(600) };
    let mut world = World::with(|config| config.cos = Cos::Vox(vox));
    world.radio_hears(ms(500), &speech("radio"));
    world.microphone_at(ms(6_000), false);
    world
}

fn conflict(busy: Busy) -> World {
    let mut world = World::with(|config| config.downlink.busy = busy);
    world.radio_hears(ms(500), &speech("radio"));
    world.squelch(ms(503)..ms(5_000));
    world.channel_says(&Talk::new(7, ms(3_000), &speech("phone")[..32_000]));
    world.squelch(ms(5_600)..ms(6_500));
    world.channel_says(&Talk::new(8, ms(10_000), &speech("phone")[..32_000]));
    world
}

fn held() -> World {
    let mut world = World::with(|config| config.downlink.held_tone = true);
    world.squelch(ms(503)..ms(11_503));
    world.channel_says(&Talk::new(7, ms(1_000), &speech("phone")[..32_000]));
    world
}

fn faults() -> World {
    let mut world = World::with(|config| {
        config.downlink.time_out = ms(2_000);
        config.uplink.stuck = ms(2_000);
        config.downlink.wait = ms(1_000);
    });
    let talk = Talk::new(7, ms(500), &speech("phone"));
    world.channel_says(&talk);
    for n in 0..12 {
        world.start_at(ms(3_000), 20 + n);
        world.packet_at(ms(3_000), 20 + n, 1, &[0xff; 4_000]);
        world.packet_at(ms(3_000), 20 + n, 2, &[0x5b, 0, 1, 2]);
    }
    world.playback_at(ms(4_000), DeviceState::Lost);
    world.playback_at(ms(5_000), DeviceState::Running);
    world.item_at(ms(6_000), DownlinkItem::LinkLost);
    world.cos_at(ms(9_000), true);
    world.channel_says(&Talk::new(9, ms(10_000), &speech("phone")[..48_000]));
    world
}
