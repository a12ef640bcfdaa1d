//! Streams without end and Opus that is meant to hurt, in virtual time: bounded memory, bounded work, a counter for each
//! drop, and a transmitter that obeys its limit.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::similar_names,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::unchecked_time_subtraction,
    reason = "helpers of a test fail as the test does: by panicking"
)]

#[path = "support/world.rs"]
mod world;

use std::alloc::System;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use world::World;
use world::talk::{Dice, Talk, ms, speech};
use zello_gateway::codec::{Decoder, MAX_PACKET_SAMPLES};
use zello_gateway::engine::ITEMS_AT_ONCE;
use zello_gateway::logic::exchange::DownlinkItem;
use zello_gateway::logic::session::{Action, Fact, Session};
use zello_gateway::sim::account::Service;
use zello_gateway::sim::world::{ConnId, Now};
use zello_gateway::zello::{PacketId, StreamId};
use zello_gateway::{net, sim};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The allocator counts for the whole process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

const TIME_OUT: Duration = ms(5_000);

/// Bytes taken and not given back since the region began.
fn taken(region: &Region<'_, System>) -> isize {
    let seen = region.change();
    // What was reallocated is in both.
    seen.bytes_allocated as isize - seen.bytes_deallocated as isize
}

/// A session that a server is at the other end of, and the engine behind it.
struct Station {
    world: World,
    start: Instant,
    session: Session,
    ports: net::Ports,
    starts_told: u64,
}

impl Station {
    fn online() -> Self {
        let start = Instant::now();
        let (world, ports) = World::networked(start, |config| config.downlink.time_out = TIME_OUT);
        let (zello, uplink) = (&world.config.zello, &world.config.uplink);
        let session = Session::new(start, zello, uplink, Arc::clone(&world.counters), 1);
        let mut station = Self { world, start, session, ports, starts_told: 0 };
        station.takes(Fact::Timeout);
        station.takes(Fact::Connected { auth_token: None });
        station.takes(Fact::Text("{\"seq\":1,\"success\":true}"));
        station.takes(Fact::Text(
            "{\"command\":\"on_channel_status\",\"channel\":\"hill\",\"status\":\"online\"}",
        ));
        station
    }

    fn takes(&mut self, fact: Fact<'_>) {
        self.session.handle(self.start + self.world.now, fact);
        while let Some(action) = self.session.poll() {
            let Action::Tell(item) = action else { continue };
            let starts = u64::from(matches!(*item, DownlinkItem::Start { .. }));
            match self.ports.downlink.enqueue(*item) {
                Ok(()) => self.starts_told += starts,
                Err(dropped) => dropped.count_dropped(&self.world.counters),
            }
        }
    }

    fn passes(&mut self, time: Duration) {
        let until = self.world.now + time;
        self.world.run(until);
        // What the harness keeps is not the gateway's.
        self.world.events.clear();
        self.world.on_air.clear();
    }
}

fn assert_ptt_obeyed(world: &World) {
    let keyed = world.keyed();
    assert!(!keyed.is_empty());
    for keyed in keyed {
        assert!(keyed.end - keyed.start <= TIME_OUT, "{keyed:?}");
    }
}

#[test]
fn a_million_streams_leave_nothing_behind() {
    const STREAMS: u32 = 1_000_000;
    let _alone = ALONE.lock();
    let mut station = Station::online();
    let tells = |station: &mut Station, streams: std::ops::Range<u32>| {
        for id in streams {
            station.takes(Fact::Text(&format!(
                "{{\"command\":\"on_stream_start\",\"type\":\"audio\",\"codec\":\"opus\",\"codec_header\":\"gD4BFA==\",\
                 \"packet_duration\":20,\"stream_id\":{id},\"channel\":\"hill\",\"from\":\"moriarty\",\"for\":false}}"
            )));
            if id % 4 == 0 {
                let [a, b, c, d] = id.to_be_bytes();
                station.takes(Fact::Binary(&[1, a, b, c, d, 0, 0, 0, 1, 0xb8, 0xff, 0xfe]));
            }
            if id % 100 == 0 {
                station.passes(ms(1));
            }
        }
    };
    tells(&mut station, 1..10_000);
    let region = Region::new(ALLOCATOR);
    tells(&mut station, 10_000..STREAMS);
    let taken = taken(&region);
    println!("{taken} bytes more after a million streams");
    // The harness notes 20 heartbeats a second in memory that it has already.
    assert!(taken < 64 * 1024, "{taken} bytes are left of a million streams");

    station.passes(ms(20_000));
    let c = &station.world.counters;
    // A start that finds no room is nothing until its first packet; a packet whose start was dropped begins a stream too.
    let most = station.starts_told + c.downlink_packets.value() - c.downlink_packets_dropped.value();
    assert!((1_000..=most).contains(&c.downlink_streams.value()), "{}", c.downlink_streams.value());
    assert!(c.downlink_packets_dropped.value() > 1_000 && c.downlink_signals_dropped.value() > 1_000);
    assert!(!station.world.is_keyed());
    assert_eq!(station.world.unexplained_packets(), 0);
    assert_ptt_obeyed(&station.world);
}

#[test]
fn a_network_that_keeps_the_queue_full_does_not_keep_the_engine_from_its_duties() {
    let _alone = ALONE.lock();
    let (mut world, mut ports) = World::networked(Instant::now(), |_| {});
    let (done, brought) = (AtomicBool::new(false), AtomicU64::new(0));
    // What the queue holds may be brought in a step's time beside what the step takes, and one more is not counted yet.
    let most = ITEMS_AT_ONCE as u64 + 63 + 1;
    let mut most_in_a_step = 0;
    std::thread::scope(|scope| {
        let flood = || {
            // Falling numbers cost the jitter buffer the most.
            let mut id = u32::MAX / 4;
            while !done.load(Ordering::Relaxed) {
                let payload = [0xb8_u8, 0xff, 0xfe].as_slice().try_into().unwrap();
                let (stream, at) = (StreamId(7), Instant::now());
                id -= 1;
                let packet = DownlinkItem::Packet { stream, id: PacketId(id), at, payload };
                if ports.downlink.enqueue(packet).is_ok() {
                    brought.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        std::thread::Builder::new().spawn_scoped(scope, flood).unwrap();
        // The world looks at the heartbeats.
        while world.counters.downlink_packets.value() < 20_000 && world.now < ms(600_000) {
            let until = world.now + ms(50);
            world.drive(until, |engine, now| {
                let before = brought.load(Ordering::Relaxed);
                let wake = engine.step(now);
                most_in_a_step = (brought.load(Ordering::Relaxed) - before).max(most_in_a_step);
                wake
            });
            world.events.clear();
        }
        done.store(true, Ordering::Relaxed);
    });
    println!("{most_in_a_step} packets were brought in one step");
    assert!(world.counters.downlink_packets.value() > 0);
    assert!(
        most_in_a_step <= most,
        "{most_in_a_step} packets were brought in one step, which takes {ITEMS_AT_ONCE}"
    );
}

#[test]
fn clients_without_restraint_leave_the_simulator_as_small_as_it_was() {
    let _alone = ALONE.lock();
    let now = Now { at: Instant::now(), unix: Duration::from_secs(1_700_000_000) };
    let mut world =
        sim::World::new(sim::Settings { ping_ms: 0, stream_gap_ms: 0, ..sim::Settings::default() });
    let mut say = |client: u64, fact: sim::world::Fact| {
        world.handle(now, ConnId(client), fact);
        while world.poll().is_some() {}
    };
    let logon = |name: u32| {
        let text = format!(
            "{{\"command\":\"logon\",\"seq\":1,\"channels\":[\"hill\"],\"username\":\"{name}\",\"password\":\"p\"}}"
        );
        sim::world::Fact::Text(text)
    };
    let image = "{\"command\":\"send_image\",\"seq\":2,\"channel\":\"hill\",\"type\":\"jpeg\"}";
    let mut live = |rounds: std::ops::Range<u32>| {
        for name in rounds {
            // Each throws the other out.
            for client in [1, 2] {
                say(client, sim::world::Fact::Opened(Service::Enterprise));
                say(client, logon(name));
            }
            say(2, sim::world::Fact::Text(image.to_owned()));
            let mut frame = vec![2];
            frame.extend((22_695 + name).to_be_bytes());
            frame.extend([0, 0, 0, 1]);
            frame.resize(1_000, 7);
            for _ in 0..40 {
                say(2, sim::world::Fact::Binary(frame.clone()));
            }
            say(2, sim::world::Fact::Binary(vec![0; 5]));
            say(2, sim::world::Fact::Text("{\"command\":\"start_stream\"}".to_owned()));
            say(2, sim::world::Fact::Closed);
        }
    };
    live(0..2_000);
    let region = Region::new(ALLOCATOR);
    live(2_000..20_000);
    let taken = taken(&region);
    println!("{taken} bytes more after 18000 rounds");
    assert!(taken < 64 * 1024, "{taken} bytes more");
}

/// 48 frames of 2.5 ms, stereo, full band, each with its own length: as much work as 120 ms can make.
fn bomb(dice: &mut Dice) -> Vec<u8> {
    let mut packet = vec![28 << 3 | 0b111, 0x80 | 0x30];
    packet.extend([80_u8; 47]);
    packet.extend((0..48 * 80).map(|_| dice.roll(256) as u8));
    packet
}

#[test]
fn opus_that_is_meant_to_hurt_costs_bounded_memory_and_the_transmitter_obeys() {
    let _alone = ALONE.lock();
    let mut world = World::with(|config| {
        config.downlink.time_out = TIME_OUT;
        config.downlink.wait = ms(3_000);
    });
    let mut dice = Dice::new(7);
    world.start_at(ms(100), 7);
    // Eight times as fast as it can be said, for 20 s.
    for n in 0..1_300 {
        world.packet_at(ms(100 + u64::from(n) * 15), 7, n, &bomb(&mut dice));
    }
    world.run(ms(1_000));
    let region = Region::new(ALLOCATOR);
    world.run(ms(19_000));
    let taken = taken(&region);
    // 18 s of what the sound card played are the harness's.
    let heard = 2 * 18 * 16_000 * 4;
    println!("{taken} bytes more, the harness's {heard} and the plan among them");
    assert!(taken < heard, "{taken} bytes more");
    let c = &world.counters;
    assert!(c.downlink_packets_expired.value() + c.downlink_packets_discarded.value() > 500);
    world.run(ms(40_000));
    assert!(!world.is_keyed());
    assert_eq!(world.unexplained_packets(), 0);
    assert_ptt_obeyed(&world);
}

#[test]
fn the_worst_opus_costs_a_bounded_multiple_of_speech() {
    let _alone = ALONE.lock();
    let mut dice = Dice::new(3);
    let bombs: Vec<Vec<u8>> = (0..50).map(|_| bomb(&mut dice)).collect();
    let talk = Talk::new(1, ms(0), &speech("phone")[..96_000]);
    let ordinary: Vec<Vec<u8>> = talk.packets.into_iter().map(|packet| packet.opus).collect();
    // The best of several: a busy machine only makes it slower.
    let cost = |packets: &[Vec<u8>]| {
        let once = || {
            let (mut decoder, mut out) = (Decoder::new().unwrap(), [0.0; MAX_PACKET_SAMPLES]);
            let begun = Instant::now();
            let samples: usize = packets.iter().map(|packet| decoder.decode(packet, &mut out).unwrap()).sum();
            begun.elapsed().as_secs_f64() / (samples as f64 / 16_000.0)
        };
        (0..5).map(|_| once()).fold(f64::INFINITY, f64::min)
    };
    let (worst, speech) = (cost(&bombs), cost(&ordinary));
    println!(
        "a second of it: {:.2} ms, of speech {:.2} ms: {:.1} times",
        worst * 1e3,
        speech * 1e3,
        worst / speech
    );
    // Twenty times slower than this machine, a Pi Zero has time for 25 ms a second here.
    assert!(worst / speech < 25.0, "{:.1} times the work of speech", worst / speech);
}
