//! Any Opus that a phone may send is said: other rates, stereo, long, short and many-framed packets. What is no Opus
//! harms nobody.
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

use opus::{Application, Bitrate, Channels, Encoder, Signal};
use world::talk::{Dice, Talk, ms, samples, speech};
use world::{World, place, worst_likeness};

/// One way to make Opus.
struct Way {
    name: &'static str,
    rate: u32,
    channels: Channels,
    application: Application,
    /// Tenths of a millisecond.
    span: usize,
    /// Frames in each packet.
    frames: usize,
}

const WAYS: [Way; 8] = [
    Way {
        name: "48 kHz stereo",
        rate: 48_000,
        channels: Channels::Stereo,
        application: Application::Audio,
        span: 200,
        frames: 1,
    },
    Way {
        name: "24 kHz mono",
        rate: 24_000,
        channels: Channels::Mono,
        application: Application::Voip,
        span: 200,
        frames: 1,
    },
    Way {
        name: "8 kHz, narrow band",
        rate: 8_000,
        channels: Channels::Mono,
        application: Application::Voip,
        span: 600,
        frames: 1,
    },
    Way {
        name: "120 ms",
        rate: 16_000,
        channels: Channels::Mono,
        application: Application::Voip,
        span: 1_200,
        frames: 2,
    },
    Way {
        name: "three frames",
        rate: 48_000,
        channels: Channels::Mono,
        application: Application::LowDelay,
        span: 600,
        frames: 3,
    },
    Way {
        name: "10 ms",
        rate: 16_000,
        channels: Channels::Mono,
        application: Application::Voip,
        span: 100,
        frames: 1,
    },
    Way {
        name: "5 ms",
        rate: 48_000,
        channels: Channels::Stereo,
        application: Application::LowDelay,
        span: 50,
        frames: 1,
    },
    Way {
        name: "2.5 ms",
        rate: 16_000,
        channels: Channels::Mono,
        application: Application::LowDelay,
        span: 25,
        frames: 1,
    },
];

impl Way {
    /// Speech in this kind of packets, from 1 s on.
    fn talk(&self, sound: &[f32]) -> Talk {
        let mut encoder = Encoder::new(self.rate, self.channels, self.application).unwrap();
        encoder.set_bitrate(Bitrate::Bits(64_000)).unwrap();
        encoder.set_force_channels(Some(self.channels)).unwrap();
        encoder.set_signal(Signal::Voice).unwrap();
        let channels = if self.channels == Channels::Stereo { 2 } else { 1 };
        let pcm: Vec<f32> =
            at_rate(sound, self.rate as usize).iter().flat_map(|sample| vec![*sample; channels]).collect();
        let packet = self.rate as usize * self.span / 10_000 * channels;
        let packets: Vec<Vec<u8>> =
            pcm.chunks_exact(packet).map(|pcm| encoder.encode_vec_float(pcm, 1_500).unwrap()).collect();
        for packet in &packets {
            assert_eq!(frames(packet), self.frames, "{}: the encoder makes what is meant", self.name);
            assert_eq!(packet[0] >> 2 & 1 == 1, channels == 2, "{}: stereo is stereo", self.name);
        }
        let span = ms(self.span as u64) / 10;
        Talk::packed(span, 7, ms(1_000), packets)
    }
}

/// Frames of a packet, from its first two bytes (RFC 6716, section 3.2).
fn frames(packet: &[u8]) -> usize {
    match packet[0] & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => usize::from(packet[1] & 63),
    }
}

/// 16 kHz speech at another rate, by straight lines: good enough for ears that compare shapes.
fn at_rate(sound: &[f32], rate: usize) -> Vec<f32> {
    let length = sound.len() * rate / 16_000;
    let sample = |n: usize| {
        let (whole, part) = (n * 16_000 / rate, (n * 16_000 % rate) as f32 / rate as f32);
        let next = sound.get(whole + 1).unwrap_or(&0.0);
        sound[whole] * (1.0 - part) + next * part
    };
    (0..length).map(sample).collect()
}

#[test]
fn every_kind_of_opus_is_said_whole() {
    let spoken = &speech("phone")[..samples(ms(3_000))];
    for way in &WAYS {
        let talk = way.talk(spoken);
        let mut world = World::new();
        world.channel_says(&talk);
        world.run(ms(6_000));
        let begin = place(&talk.sound(), &world.on_air);
        assert!(begin.is_some(), "{}: not on the air bit by bit", way.name);
        let worst = worst_likeness(&spoken[..samples(ms(2_800))], &world.on_air, begin.unwrap());
        assert!(
            worst > 0.7,
            "{}: the worst quarter of a second is like what was said by {worst} only",
            way.name
        );
        assert!(!world.is_keyed(), "{}", way.name);
    }
}

#[test]
fn losses_of_every_kind_of_opus_are_concealed_for_their_time() {
    let spoken = &speech("phone")[..samples(ms(3_000))];
    for way in &WAYS {
        let whole = way.talk(spoken);
        let talk = whole.clone().losing(|id| id % 12 == 7);
        let lost = whole.packets.len() - talk.packets.len();
        let mut world = World::new();
        world.channel_says(&talk);
        world.run(ms(6_000));
        assert_eq!(world.counters.downlink_packets_played.value(), talk.packets.len() as u64, "{}", way.name);
        let concealed = world.counters.downlink_blocks_concealed.value();
        let blocks = (whole.span * u32::try_from(lost).unwrap()).as_millis() / 10;
        assert_eq!(u128::from(concealed), blocks, "{}: blocks for {lost} packets", way.name);
        // The last half second stands where it stands without losses.
        let end = &spoken[samples(ms(2_300))..samples(ms(2_800))];
        let expected = samples(ms(1_200)) + samples(ms(2_300));
        let near = &world.on_air[expected..expected + samples(ms(700))];
        let likeness = zello_gateway::dsp::compare::find(end, near).unwrap();
        assert!(likeness.correlation > 0.6, "{}: {likeness:?}", way.name);
    }
}

#[test]
fn kinds_that_follow_each_other_in_one_stream_are_said() {
    let spoken = &speech("phone")[..samples(ms(480))];
    let mut world = World::new();
    let (mut id, mut at) = (0, ms(1_000));
    world.start_at(at, 7);
    for way in &WAYS {
        for packet in way.talk(spoken).packets {
            at += ms(way.span as u64) / 10;
            world.packet_at(at, 7, id, &packet.opus);
            id += 1;
        }
    }
    world.stop_at(at, 7);
    world.run(ms(10_000));
    assert_eq!(world.counters.downlink_packets_played.value(), u64::from(id));
    assert!(!world.is_keyed());
}

#[test]
fn what_is_no_opus_is_counted_and_keys_nothing_for_long() {
    let mut dice = Dice::new(3);
    let mut world = World::new();
    let mut garbage = 0;
    for n in 0..2_000 {
        let length = 1 + dice.roll(200) as usize;
        let bytes: Vec<u8> = (0..length).map(|_| dice.roll(256) as u8).collect();
        let (stream, id) = (dice.roll(5) as u32, dice.roll(u64::from(u32::MAX)) as u32);
        world.packet_at(ms(1_000 + 5 * n), stream, id, &bytes);
        garbage += 1;
    }
    // The longest that can come, and such as claim to be longer than Opus allows.
    world.packet_at(ms(12_000), 9, 1, &[0xff; 4_000]);
    world.packet_at(ms(12_000), 9, 2, &[0x1b, 0x3f]);
    world.packet_at(ms(12_000), 9, 3, &[0x03]);
    world.run(ms(60_000));
    assert!(!world.is_keyed());
    assert_eq!(world.counters.downlink_packets.value(), garbage + 3);
    assert!(world.counters.downlink_packets_invalid.value() > 0);
    assert_eq!(world.unexplained_packets(), 0);
    assert!(world.on_air.iter().all(|sample| sample.abs() <= 1.0), "no garbage is louder than full scale");
}

#[test]
fn garbage_within_a_stream_does_not_take_the_speech_around_it_away() {
    let mut world = World::new();
    let talk = Talk::new(7, ms(1_000), &speech("phone"));
    world.channel_says(&talk);
    let mut dice = Dice::new(1);
    for n in 0..100 {
        // Of the same stream, with numbers that it has not reached or will never have, too long to be Opus.
        let id = 200 + dice.roll(1_000_000) as u32;
        world.packet_at(ms(1_030 + 60 * n), 7, id, &[0x1b, 0x3f, 1, 2, 3]);
    }
    world.run(ms(20_000));
    assert!(place(&talk.sound(), &world.on_air).is_some(), "bit by bit");
    assert_eq!(world.counters.downlink_packets_invalid.value(), 100);
}
