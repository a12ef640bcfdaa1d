//! Speech encoded anew, as senders with other habits do it: full band, stereo, several frames in a packet.

use opus::{Application, Bitrate, Channels, Decoder, Encoder};

use crate::zello::CodecHeader;

/// Opus's own rate.
const RATE_HZ: u16 = 48_000;
/// Samples of a millisecond, both channels.
const SAMPLES_PER_MS: usize = 2 * RATE_HZ as usize / 1_000;
/// The longest frame of Opus's full band; longer packets hold several.
const FRAME_MS: u8 = 20;
/// The longest Opus packet.
const MAX_MS: u8 = 120;
/// Room for a packet of six frames.
const MAX_PACKET_BYTES: usize = 6 * 1_275;

/// The speech of one stream.
#[derive(Debug)]
pub(super) struct Recoder {
    decoder: Decoder,
    encoder: Encoder,
    ms: u8,
    /// What is not yet a packet.
    sound: Vec<f32>,
}

impl Recoder {
    /// For packets of `ms`; none where Opus has no such packets.
    pub(super) fn new(ms: u8) -> Option<Self> {
        if ms == 0 || ms > MAX_MS || ms % FRAME_MS != 0 {
            return None;
        }
        let (rate, stereo) = (RATE_HZ.into(), Channels::Stereo);
        let decoder = Decoder::new(rate, stereo).ok()?;
        // This one knows frames of 20 ms at most.
        let mut encoder = Encoder::new(rate, stereo, Application::LowDelay).ok()?;
        encoder.set_bitrate(Bitrate::Bits(64_000)).ok()?;
        encoder.set_force_channels(Some(stereo)).ok()?;
        Some(Self { decoder, encoder, ms, sound: Vec::new() })
    }

    /// What the stream's start says of its packets.
    pub(super) fn header(&self) -> CodecHeader {
        CodecHeader { sample_rate_hz: RATE_HZ, frames_per_packet: self.ms / FRAME_MS, frame_ms: FRAME_MS }
    }

    /// Takes a packet. What is no Opus has no sound.
    pub(super) fn push(&mut self, opus: &[u8]) {
        let kept = self.sound.len();
        self.sound.resize(kept + usize::from(MAX_MS) * SAMPLES_PER_MS, 0.0);
        let room = self.sound.get_mut(kept..).unwrap_or_default();
        let samples = self.decoder.decode_float(opus, room, false).unwrap_or(0);
        self.sound.truncate(kept + 2 * samples);
    }

    /// The next packet; of the last one what is missing is silence.
    pub(super) fn pull(&mut self, is_last: bool) -> Option<Vec<u8>> {
        let samples = usize::from(self.ms) * SAMPLES_PER_MS;
        if is_last && !self.sound.is_empty() {
            self.sound.resize(self.sound.len().next_multiple_of(samples), 0.0);
        }
        let packet = self.encoder.encode_vec_float(self.sound.get(..samples)?, MAX_PACKET_BYTES).ok();
        self.sound.drain(..samples);
        packet
    }
}
