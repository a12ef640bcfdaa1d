//! Opus at the engine's rate: encode, decode, conceal (libopus, bundled). Nothing here allocates after `new`.

use std::time::Duration;

use opus::{Application, Bitrate, Channels, Signal};

/// The engine's sample rate: 16 kHz mono, the wide band that phones use (protocol section 4.2).
pub const SAMPLE_RATE_HZ: u32 = 16_000;

/// Samples in a block: the engine's step, 10 ms.
pub const BLOCK_SAMPLES: usize = 160;

/// Time of a block.
pub const BLOCK: Duration = Duration::from_millis(10);

/// One block of mono sound, full scale ±1.
pub type Block = [f32; BLOCK_SAMPLES];

/// Samples of so much sound at the engine's rate; a part of a sample is cut off.
#[must_use]
pub fn samples_in(time: Duration) -> usize {
    usize::try_from(time.as_micros() * u128::from(SAMPLE_RATE_HZ) / 1_000_000).unwrap_or(usize::MAX)
}

/// How long so many samples last at the engine's rate.
#[must_use]
pub fn time_of(samples: usize) -> Duration {
    Duration::from_secs_f64(samples as f64 / f64::from(SAMPLE_RATE_HZ))
}

/// Samples of the longest Opus packet (120 ms) at the engine's rate.
pub const MAX_PACKET_SAMPLES: usize = 1_920;

/// Room for any packet that the encoder makes, bytes (RFC 6716: a frame has at most 1275; ours are one or a few frames
/// of speech).
const MAX_PACKET_BYTES: usize = 1_275;

/// Effort of the encoder, 0 to 10.
///
/// Encoding is nearly all the work that the gateway does. Measured on x86-64 with libopus 1.6.1 at 16 kbit/s, a second of
/// speech costs 4.4 ms at 5 and 6.5 ms at 10; a Pi Zero is some twenty times slower, so 10 would take an eighth of
/// its only core. What 10 adds is hard to hear behind a 3 kHz radio channel.
pub const COMPLEXITY: i32 = 5;

/// libopus refused. Holds no memory of its own, so that garbage from the channel costs the engine no allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("libopus: {what}: {why}")]
pub struct CodecError {
    /// What was tried.
    pub what: &'static str,
    /// What libopus said.
    pub why: &'static str,
}

impl CodecError {
    /// For `map_err`: names what was tried.
    fn on(what: &'static str) -> impl Fn(opus::Error) -> Self {
        move |error| Self { what, why: error.code().description() }
    }
}

/// Makes Opus packets of a fixed duration out of speech.
#[derive(Debug)]
pub struct Encoder {
    opus: opus::Encoder,
    packet_samples: usize,
    lookahead: usize,
}

impl Encoder {
    /// An encoder for voice at `bitrate_bps`, packets of `packet` (20, 40 or 60 ms).
    ///
    /// VBR is constrained: the average holds within a packet or two, which a thin mobile link likes. In-band FEC is off,
    /// because a `WebSocket` runs over TCP, where packets come late but are not lost. DTX is off, because some
    /// clients take missing packets for losses.
    ///
    /// # Errors
    /// [`CodecError`] when libopus refuses the settings.
    pub fn new(packet: Duration, bitrate_bps: u32) -> Result<Self, CodecError> {
        let packet_samples = match packet.as_micros() {
            20_000 => 320,
            40_000 => 640,
            60_000 => 960,
            _ => return Err(CodecError { what: "packet duration", why: "must be 20, 40 or 60 ms" }),
        };
        let bits = i32::try_from(bitrate_bps)
            .map_err(|_| CodecError { what: "bit rate", why: "must be 500 to 512000 bit/s" })?;
        let mut opus = opus::Encoder::new(SAMPLE_RATE_HZ, Channels::Mono, Application::Voip)
            .map_err(CodecError::on("make an encoder"))?;
        opus.set_bitrate(Bitrate::Bits(bits)).map_err(CodecError::on("set the bit rate"))?;
        opus.set_signal(Signal::Voice).map_err(CodecError::on("set the signal type"))?;
        opus.set_complexity(COMPLEXITY).map_err(CodecError::on("set the complexity"))?;
        opus.set_vbr(true).map_err(CodecError::on("set variable bit rate"))?;
        opus.set_vbr_constraint(true).map_err(CodecError::on("constrain the bit rate"))?;
        opus.set_inband_fec(false).map_err(CodecError::on("turn off in-band FEC"))?;
        opus.set_dtx(false).map_err(CodecError::on("turn off DTX"))?;
        let lookahead = opus.get_lookahead().map_err(CodecError::on("read the look-ahead"))?;
        Ok(Self { opus, packet_samples, lookahead: usize::try_from(lookahead).unwrap_or(0) })
    }

    /// Samples of a packet.
    #[must_use]
    pub fn packet_samples(&self) -> usize {
        self.packet_samples
    }

    /// Encodes exactly one packet's samples; the length of the packet in `out`.
    ///
    /// # Errors
    /// [`CodecError`] when `pcm` has another length or libopus refuses.
    pub fn encode(&mut self, pcm: &[f32], out: &mut [u8]) -> Result<usize, CodecError> {
        if pcm.len() != self.packet_samples {
            return Err(CodecError { what: "encode", why: "not the samples of exactly one packet" });
        }
        self.opus.encode_float(pcm, out).map_err(CodecError::on("encode"))
    }

    /// Samples by which decoded sound comes later than what was encoded.
    #[must_use]
    pub fn lookahead(&self) -> usize {
        self.lookahead
    }

    /// Forgets the past: the next packet begins a stream.
    pub fn reset(&mut self) {
        // Resetting a live encoder cannot fail; if it did, the next stream would only begin with a trace of the last.
        drop(self.opus.reset_state());
    }
}

/// Encodes a whole short sound as one stream: packets of `packet` (20, 40 or 60 ms), the last one filled with silence.
///
/// # Errors
/// [`CodecError`] when libopus refuses the settings.
pub fn encode_whole(packet: Duration, bitrate_bps: u32, sound: &[f32]) -> Result<Vec<Box<[u8]>>, CodecError> {
    let mut encoder = Encoder::new(packet, bitrate_bps)?;
    let (mut pcm, mut out) = (vec![0.0; encoder.packet_samples()], [0; MAX_PACKET_BYTES]);
    let whole = |part: &[f32]| {
        pcm.fill(0.0);
        pcm.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
        let length = encoder.encode(&pcm, &mut out)?;
        Ok(out.get(..length).unwrap_or_default().into())
    };
    sound.chunks(samples_in(packet).max(1)).map(whole).collect()
}

/// Turns Opus packets of any rate, bandwidth, frame count and channel count into mono at the engine's rate.
#[derive(Debug)]
pub struct Decoder {
    opus: opus::Decoder,
}

impl Decoder {
    /// A decoder.
    ///
    /// # Errors
    /// [`CodecError`] when libopus has no memory.
    pub fn new() -> Result<Self, CodecError> {
        let opus =
            opus::Decoder::new(SAMPLE_RATE_HZ, Channels::Mono).map_err(CodecError::on("make a decoder"))?;
        Ok(Self { opus })
    }

    /// Decodes a packet into `out` ([`MAX_PACKET_SAMPLES`] suffice); the number of samples.
    ///
    /// # Errors
    /// [`CodecError`] for bytes that are no Opus packet.
    pub fn decode(&mut self, packet: &[u8], out: &mut [f32]) -> Result<usize, CodecError> {
        if packet.is_empty() {
            // For libopus no bytes mean a lost packet, and it would invent as much sound as there is room.
            return Err(CodecError { what: "decode", why: "empty packet" });
        }
        self.opus.decode_float(packet, out, false).map_err(CodecError::on("decode"))
    }

    /// Invents sound for a missing stretch as long as `out` (a multiple of 2.5 ms, at most 120 ms).
    ///
    /// # Errors
    /// [`CodecError`] when libopus refuses.
    pub fn conceal(&mut self, out: &mut [f32]) -> Result<usize, CodecError> {
        self.opus.decode_float(&[], out, false).map_err(CodecError::on("conceal"))
    }

    /// Forgets the past: the next packet begins a stream.
    pub fn reset(&mut self) {
        // As for the encoder: cannot fail on a live decoder.
        drop(self.opus.reset_state());
    }
}

/// Version text of the bundled libopus.
#[must_use]
pub fn libopus_version() -> &'static str {
    opus::version()
}

#[cfg(test)]
mod tests;
