//! Somebody talks on the channel: speech as Opus packets with their times of arrival, good network or bad.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot prepare itself has failed"
)]

use std::path::Path;
use std::time::Duration;

use zello_gateway::audio::load_wav;
use zello_gateway::codec::{Decoder, Encoder, MAX_PACKET_SAMPLES, SAMPLE_RATE_HZ};
use zello_gateway::dsp::DownlinkChain;

/// Milliseconds of virtual time.
pub const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// The samples of a time.
pub fn samples(time: Duration) -> usize {
    usize::try_from(time.as_micros()).unwrap() * SAMPLE_RATE_HZ as usize / 1_000_000
}

/// The time of samples.
pub fn duration(samples: usize) -> Duration {
    Duration::from_micros(samples as u64 * 1_000_000 / u64::from(SAMPLE_RATE_HZ))
}

/// A recording of `tests/data/speech`.
pub fn speech(name: &str) -> Vec<f32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/speech/{name}.wav"));
    load_wav(&path).unwrap()
}

/// Numbers that look random and are the same each time.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Below `limit`.
    pub fn roll(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit.max(1)
    }
}

/// A packet on its way to the gateway.
#[derive(Debug, Clone)]
pub struct Packet {
    pub at: Duration,
    pub id: u32,
    pub opus: Vec<u8>,
}

/// A stream of the channel.
#[derive(Debug, Clone)]
pub struct Talk {
    pub stream: u32,
    pub begins: Duration,
    /// In the order of their numbers, unless the network is told otherwise.
    pub packets: Vec<Packet>,
    pub stops: Option<Duration>,
    pub span: Duration,
}

impl Talk {
    /// Speech in packets of 60 ms, each sent when it has been spoken; the stop follows the last.
    pub fn new(stream: u32, begins: Duration, sound: &[f32]) -> Self {
        Self::in_packets_of(ms(60), stream, begins, sound)
    }

    /// As [`Self::new`], in packets of 20, 40 or 60 ms.
    pub fn in_packets_of(span: Duration, stream: u32, begins: Duration, sound: &[f32]) -> Self {
        Self::packed(span, stream, begins, encode(span, 16_000, sound))
    }

    /// Packets that somebody else made.
    pub fn packed(span: Duration, stream: u32, begins: Duration, packets: Vec<Vec<u8>>) -> Self {
        let number = |(n, opus)| Packet { at: begins + span * (n + 1), id: n, opus };
        let packets: Vec<Packet> = (0..).zip(packets).map(number).collect();
        let stops = packets.last().map(|last| last.at);
        Self { stream, begins, packets, stops, span }
    }

    /// Some packets never come.
    pub fn losing(mut self, mut lost: impl FnMut(u32) -> bool) -> Self {
        self.packets.retain(|packet| !lost(packet.id));
        self
    }

    /// Packets come later by what `late` says of their number; the stop after all of them.
    pub fn late_by(mut self, mut late: impl FnMut(u32) -> Duration) -> Self {
        for packet in &mut self.packets {
            packet.at += late(packet.id);
        }
        self.stop_after_all()
    }

    /// No packet overtakes another, as over TCP: one that is late holds up those behind it.
    pub fn in_order(mut self) -> Self {
        let mut latest = Duration::ZERO;
        for packet in &mut self.packets {
            latest = latest.max(packet.at);
            packet.at = latest;
        }
        self
    }

    /// Nothing comes between these two times; then everything at once.
    pub fn stalled(mut self, from: Duration, to: Duration) -> Self {
        for packet in self.packets.iter_mut().filter(|packet| (from..to).contains(&packet.at)) {
            packet.at = to;
        }
        self.stop_after_all()
    }

    /// The stop is lost.
    pub fn without_stop(mut self) -> Self {
        self.stops = None;
        self
    }

    /// When the last packet comes.
    pub fn last_at(&self) -> Duration {
        self.packets.iter().map(|packet| packet.at).max().unwrap_or(self.begins)
    }

    /// What a radio must say, to the bit, when every packet comes in time.
    pub fn sound(&self) -> Vec<f32> {
        limited(&decode(self.packets.iter().map(|packet| packet.opus.as_slice())))
    }

    fn stop_after_all(mut self) -> Self {
        self.stops = self.stops.map(|_| self.last_at());
        self
    }
}

/// Sound as Opus packets of the gateway's own encoder; with one packet of silence to flush it.
pub fn encode(span: Duration, bitrate_bps: u32, sound: &[f32]) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(span, bitrate_bps).unwrap();
    let packet = encoder.packet_samples();
    let mut padded = sound.to_vec();
    padded.resize((sound.len() + encoder.lookahead()).div_ceil(packet) * packet, 0.0);
    let mut bytes = [0; 1_024];
    let packets = padded.chunks(packet);
    packets
        .map(|pcm| encoder.encode(pcm, &mut bytes).map(|length| bytes[..length].to_vec()).unwrap())
        .collect()
}

/// Packets of one stream as sound.
pub fn decode<'a>(packets: impl IntoIterator<Item = &'a [u8]>) -> Vec<f32> {
    let mut decoder = Decoder::new().unwrap();
    let mut pcm = [0.0; MAX_PACKET_SAMPLES];
    let mut sound = Vec::new();
    for packet in packets {
        let count = decoder.decode(packet, &mut pcm).unwrap();
        sound.extend_from_slice(&pcm[..count]);
    }
    sound
}

/// Sound through the downlink's level and limiter.
pub fn limited(sound: &[f32]) -> Vec<f32> {
    let mut chain = DownlinkChain::new();
    let mut limited = sound.to_vec();
    for block in limited.chunks_mut(zello_gateway::codec::BLOCK_SAMPLES) {
        chain.process(block);
    }
    limited
}
