//! Whatever radio and channel do: never keyed with an over open, no key without an end, no packet lost without a
//! counter, no heartbeat missing. (The world looks at the first and the last of these at every step.)
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

use std::sync::OnceLock;
use std::time::Duration;

use proptest::prelude::*;
use world::World;
use world::talk::{Dice, Talk, ms, speech};
use zello_gateway::audio::DeviceState;
use zello_gateway::config::{Busy, Cos, Vox};
use zello_gateway::logic::exchange::DownlinkItem;

/// Things happen until here; then there is time for all to end.
const BUSY: u64 = 6_000;

#[derive(Debug, Clone)]
enum Happening {
    Squelch { at: u64, lasts: u64 },
    Talk { at: u64, stream: u32, packets: usize, short: bool, jitter: u64, lost_one_in: u64, stops: bool },
    Garbage { at: u64, stream: u32, id: u32, bytes: Vec<u8> },
    LinkLost { at: u64 },
    CardLost { at: u64, lasts: u64 },
    MicrophoneLost { at: u64, lasts: u64 },
}

fn happening() -> impl Strategy<Value = Happening> {
    let at = || 0..BUSY;
    prop_oneof![
        6 => (at(), 1_u64..3_000).prop_map(|(at, lasts)| Happening::Squelch { at, lasts }),
        8 => (at(), 1_u32..6, 0_usize..60, any::<bool>(), 0_u64..400, 1_u64..20, prop::bool::weighted(0.8)).prop_map(
            |(at, stream, packets, short, jitter, lost_one_in, stops)| Happening::Talk {
                at, stream, packets, short, jitter, lost_one_in, stops,
            }
        ),
        2 => (at(), 1_u32..6, any::<u32>(), prop::collection::vec(any::<u8>(), 0..100))
            .prop_map(|(at, stream, id, bytes)| Happening::Garbage { at, stream, id, bytes }),
        1 => at().prop_map(|at| Happening::LinkLost { at }),
        1 => (at(), 1_u64..2_000).prop_map(|(at, lasts)| Happening::CardLost { at, lasts }),
        1 => (at(), 1_u64..2_000).prop_map(|(at, lasts)| Happening::MicrophoneLost { at, lasts }),
    ]
}

/// The settings that matter here.
#[derive(Debug, Clone)]
struct Times {
    lead: u64,
    tail: u64,
    time_out: u64,
    mute: u64,
    hang: u64,
    stuck: u64,
    wait: u64,
    pre_roll: u64,
    busy: Busy,
    vox: bool,
}

fn times() -> impl Strategy<Value = Times> {
    let busy = prop_oneof![Just(Busy::Wait), Just(Busy::Override), Just(Busy::Drop)];
    let few = prop_oneof![Just(0_u64), 1_u64..500];
    (
        (few.clone(), few.clone(), 1_000_u64..4_000, few.clone(), few.clone()),
        (1_000_u64..4_000, 0_u64..4_000, few, busy, prop::bool::weighted(0.2)),
    )
        .prop_map(|((lead, tail, time_out, mute, hang), (stuck, wait, pre_roll, busy, vox))| Times {
            lead,
            tail,
            time_out,
            mute,
            hang,
            stuck,
            wait,
            pre_roll,
            busy,
            vox,
        })
}

fn world_with(times: &Times) -> World {
    let mut world = World::with(|config| {
        let (up, down) = (&mut config.uplink, &mut config.downlink);
        (down.lead, down.tail, down.rx_mute) = (ms(times.lead), ms(times.tail), ms(times.mute));
        (down.time_out, down.wait, down.busy) = (ms(times.time_out), ms(times.wait), times.busy);
        (up.hang, up.stuck, up.pre_roll) = (ms(times.hang), ms(times.stuck), ms(times.pre_roll));
        up.roll_over = ms(1_500);
        if times.vox {
            config.cos = Cos::Vox(Vox { threshold_dbfs: -35.0, attack: ms(20), release: ms(100) });
        }
    });
    let said: &[f32] = &speech("radio");
    world.radio_hears(ms(300), said);
    world
}

/// Encoded once: it costs more than all the rest.
fn voice(short: bool) -> &'static Talk {
    static VOICES: OnceLock<[Talk; 2]> = OnceLock::new();
    let [long, brief] = VOICES.get_or_init(|| {
        let said = speech("phone");
        [ms(60), ms(20)].map(|span| Talk::in_packets_of(span, 0, Duration::ZERO, &said[..64_000]))
    });
    if short { brief } else { long }
}

fn happens(world: &mut World, happening: &Happening) {
    match *happening {
        Happening::Squelch { at, lasts } => world.squelch(ms(at)..ms(at + lasts)),
        Happening::Talk { at, stream, packets, short, jitter, lost_one_in, stops } => {
            let voice = voice(short);
            let packets = voice.packets.iter().take(packets).map(|packet| packet.opus.clone()).collect();
            let mut dice = Dice::new(at);
            let talk = Talk::packed(voice.span, stream, ms(at), packets)
                .losing(|_| dice.roll(lost_one_in) == 1)
                .late_by(|id| ms(u64::from(id * 7_919) % (jitter + 1)));
            world.channel_says(&if stops { talk } else { talk.without_stop() });
        }
        Happening::Garbage { at, stream, id, ref bytes } => world.packet_at(ms(at), stream, id, bytes),
        Happening::LinkLost { at } => world.item_at(ms(at), DownlinkItem::LinkLost),
        Happening::CardLost { at, lasts } => {
            world.playback_at(ms(at), DeviceState::Lost);
            world.playback_at(ms(at + lasts), DeviceState::Running);
        }
        Happening::MicrophoneLost { at, lasts } => {
            world.microphone_at(ms(at), false);
            world.microphone_at(ms(at + lasts), true);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn the_promises_hold_whatever_happens(
        times in times(),
        happenings in prop::collection::vec(happening(), 1..14),
    ) {
        let mut world = world_with(&times);
        for happening in &happenings {
            happens(&mut world, happening);
        }
        world.run(ms(BUSY));
        // All that waits, all that is late, and a missing stop.
        let mut end = ms(BUSY + 4_000);
        world.run(end);
        while world.is_keyed() && end < ms(60_000) {
            end += ms(1_000);
            world.run(end);
        }
        prop_assert!(!world.is_keyed(), "silence on the channel unkeys");
        let limit = ms(times.time_out);
        for keyed in world.keyed() {
            prop_assert!(keyed.end - keyed.start <= limit, "{keyed:?} is longer than {limit:?}");
        }
        prop_assert_eq!(world.counters.uplink_packets_dropped.value(), 0);
        let sent: usize = world.overs.iter().map(|over| over.packets.len()).sum();
        prop_assert_eq!(world.counters.uplink_packets.value(), sent as u64);
        prop_assert!(world.unexplained_packets() >= 0, "no packet has two fates");
        let receiving = world.overs.iter().any(|over| over.ended.is_none());
        if !receiving {
            prop_assert_eq!(world.unexplained_packets(), 0, "each packet has its fate");
        }
    }
}
