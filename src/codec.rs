//! Opus at the engine's rate: encode, decode, conceal (libopus, bundled). Nothing here allocates after `new`.

use std::time::Duration;

/// The engine's sample rate: 16 kHz mono, the wide band that phones use (protocol section 4.2).
pub const SAMPLE_RATE_HZ: u32 = 16_000;

/// Samples in a block: the engine's step, 10 ms.
pub const BLOCK_SAMPLES: usize = 160;

/// Time of a block.
pub const BLOCK: Duration = Duration::from_millis(10);

/// One block of mono sound, full scale ±1.
pub type Block = [f32; BLOCK_SAMPLES];

/// Samples of the longest Opus packet (120 ms) at the engine's rate.
pub const MAX_PACKET_SAMPLES: usize = 1_920;

/// libopus refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("libopus: {what}: {why}")]
pub struct CodecError {
    /// What was tried.
    pub what: &'static str,
    /// What libopus said.
    pub why: String,
}

/// Makes Opus packets of a fixed duration out of speech.
pub struct Encoder(());

impl Encoder {
    /// An encoder for VoIP at `bitrate_bps`, packets of `packet` (20, 40 or 60 ms).
    ///
    /// # Errors
    /// [`CodecError`] when libopus refuses the settings.
    pub fn new(packet: Duration, bitrate_bps: u32) -> Result<Self, CodecError> {
        let _ = (packet, bitrate_bps);
        todo!()
    }

    /// Samples of a packet.
    #[must_use]
    pub fn packet_samples(&self) -> usize {
        todo!()
    }

    /// Encodes exactly one packet's samples; the length of the packet in `out`.
    ///
    /// # Errors
    /// [`CodecError`] when `pcm` has another length or libopus refuses.
    pub fn encode(&mut self, pcm: &[f32], out: &mut [u8]) -> Result<usize, CodecError> {
        let _ = (pcm, out);
        todo!()
    }

    /// Samples by which decoded sound comes later than what was encoded.
    #[must_use]
    pub fn lookahead(&self) -> usize {
        todo!()
    }

    /// Forgets the past: the next packet begins a stream.
    pub fn reset(&mut self) {
        todo!()
    }
}

/// Turns Opus packets of any rate, bandwidth, frame count and channel count into mono at the engine's rate.
pub struct Decoder(());

impl Decoder {
    /// A decoder.
    ///
    /// # Errors
    /// [`CodecError`] when libopus has no memory.
    pub fn new() -> Result<Self, CodecError> {
        todo!()
    }

    /// Decodes a packet into `out` ([`MAX_PACKET_SAMPLES`] suffice); the number of samples.
    ///
    /// # Errors
    /// [`CodecError`] for bytes that are no Opus packet.
    pub fn decode(&mut self, packet: &[u8], out: &mut [f32]) -> Result<usize, CodecError> {
        let _ = (packet, out);
        todo!()
    }

    /// Invents sound for a missing stretch as long as `out` (a multiple of 2.5 ms, at most 120 ms).
    ///
    /// # Errors
    /// [`CodecError`] when libopus refuses.
    pub fn conceal(&mut self, out: &mut [f32]) -> Result<usize, CodecError> {
        let _ = out;
        todo!()
    }

    /// Forgets the past: the next packet begins a stream.
    pub fn reset(&mut self) {
        todo!()
    }
}

/// Version text of the bundled libopus.
#[must_use]
pub fn libopus_version() -> &'static str {
    opus::version()
}
