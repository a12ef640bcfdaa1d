//! Frames of the hardware's format and channels, to and from mono floats. Pure; nothing allocates.

use std::fmt;

use crate::config::Channel;

/// Layout of one sample in a frame, little-endian as on every ARM Linux.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleFormat {
    /// 16 bit.
    S16,
    /// 32 bit.
    S32,
    /// 24 bit in three bytes.
    S24In3,
    /// 24 bit in the low three of four bytes.
    S24In4,
    /// 32 bit float.
    F32,
}

impl SampleFormat {
    /// All, in order of preference: the least work first, and what most cards are made for.
    pub const ALL: [Self; 5] = [Self::S16, Self::S32, Self::S24In3, Self::S24In4, Self::F32];

    /// Bytes of one sample.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::S16 => 2,
            Self::S24In3 => 3,
            Self::S32 | Self::S24In4 | Self::F32 => 4,
        }
    }

    /// Reads one sample; full scale is ±1. Bytes of another length than [`Self::bytes`] are silence.
    fn decode(self, bytes: &[u8]) -> f32 {
        match (self, bytes) {
            (Self::S16, &[a, b]) => f32::from(i16::from_le_bytes([a, b])) / 32_768.0,
            // Shifted to the top of 32 bits, all integer widths share one scale and the sign comes for free.
            (Self::S24In3, &[a, b, c]) | (Self::S24In4, &[a, b, c, _]) => from_i32([0, a, b, c]),
            (Self::S32, &[a, b, c, d]) => from_i32([a, b, c, d]),
            (Self::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            (Self::S16 | Self::S24In3 | Self::S24In4 | Self::S32 | Self::F32, _) => 0.0,
        }
    }

    /// Writes one sample, clamped to full scale; a NaN becomes silence.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "clamped to the target's range; `as` saturates the last bit"
    )]
    fn encode(self, sample: f32, out: &mut [u8]) {
        let sample = if sample.is_nan() { 0.0 } else { sample.clamp(-1.0, 1.0) };
        let s24 = || ((sample * 8_388_607.0).round() as i32).to_le_bytes();
        let bytes = match self {
            Self::S16 => {
                let [a, b] = ((sample * 32_767.0).round() as i16).to_le_bytes();
                [a, b, 0, 0]
            }
            Self::S24In3 | Self::S24In4 => s24(),
            Self::S32 => ((f64::from(sample) * 2_147_483_647.0).round() as i32).to_le_bytes(),
            Self::F32 => sample.to_le_bytes(),
        };
        for (slot, byte) in out.iter_mut().zip(bytes) {
            *slot = byte;
        }
    }
}

impl fmt::Display for SampleFormat {
    /// ALSA's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::S16 => "S16_LE",
            Self::S32 => "S32_LE",
            Self::S24In3 => "S24_3LE",
            Self::S24In4 => "S24_LE",
            Self::F32 => "FLOAT_LE",
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "24 bits are more than any radio has")]
fn from_i32(bytes: [u8; 4]) -> f32 {
    i32::from_le_bytes(bytes) as f32 / 2_147_483_648.0
}

/// The voice in one frame of any number of channels.
pub(super) fn pick(frame: impl ExactSizeIterator<Item = f32> + Clone, channel: Channel) -> f32 {
    let mut left_first = frame.clone();
    match channel {
        Channel::Left => left_first.next().unwrap_or(0.0),
        Channel::Right => left_first.nth(1).unwrap_or(0.0),
        Channel::Both => {
            let channels = frame.len().max(1);
            frame.sum::<f32>() / channels as f32
        }
    }
}

/// How mono sound lies in the frames of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frames {
    /// Of each sample.
    pub format: SampleFormat,
    /// In each frame; at least 1.
    pub channels: usize,
    /// Which of them carry the voice; ignored where there is only one.
    pub voice: Channel,
}

impl Frames {
    /// Bytes of one frame.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.format.bytes() * self.channels
    }

    /// Mono samples of whole frames; a rest is left out.
    pub fn decode(self, bytes: &[u8]) -> impl Iterator<Item = f32> + '_ {
        let voice = if self.channels == 1 { Channel::Left } else { self.voice };
        bytes.chunks_exact(self.bytes()).map(move |frame| {
            pick(frame.chunks_exact(self.format.bytes()).map(|sample| self.format.decode(sample)), voice)
        })
    }

    /// Writes mono samples as frames until either side ends; the bytes written.
    pub fn encode(self, samples: impl Iterator<Item = f32>, out: &mut [u8]) -> usize {
        let mut written = 0;
        for (frame, sample) in out.chunks_exact_mut(self.bytes()).zip(samples) {
            for (index, slot) in frame.chunks_exact_mut(self.format.bytes()).enumerate() {
                let sounds = match self.voice {
                    Channel::Left => index == 0,
                    Channel::Right => index == 1,
                    Channel::Both => true,
                };
                self.format.encode(if sounds || self.channels == 1 { sample } else { 0.0 }, slot);
            }
            written += self.bytes();
        }
        written
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values have exact representations")]
mod tests {
    use super::*;

    const fn frames(format: SampleFormat, channels: usize, voice: Channel) -> Frames {
        Frames { format, channels, voice }
    }

    #[test]
    fn every_format_gives_back_what_was_written() {
        for format in SampleFormat::ALL {
            let layout = frames(format, 1, Channel::Both);
            let mut bytes = [0; 5 * 4];
            let written = layout.encode([0.0, 0.5, -0.5, 1.0, -1.0].into_iter(), &mut bytes);
            assert_eq!(written, 5 * format.bytes());
            for (got, want) in layout.decode(&bytes[..written]).zip([0.0, 0.5, -0.5, 1.0, -1.0]) {
                assert!((got - want).abs() < 1e-4, "{format}: {got} for {want}");
            }
        }
    }

    #[test]
    fn too_loud_is_clamped_and_nonsense_is_silence() {
        let layout = frames(SampleFormat::S16, 1, Channel::Left);
        let mut bytes = [0; 8];
        layout.encode([7.0, -7.0, f32::NAN, f32::INFINITY].into_iter(), &mut bytes);
        let values: Vec<i16> = bytes.chunks(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
        assert_eq!(values, [32_767, -32_767, 0, 32_767]);
    }

    #[test]
    fn negative_24_bit_samples_keep_their_sign() {
        let half_down = (-4_194_304_i32).to_le_bytes();
        for (format, length) in [(SampleFormat::S24In3, 3), (SampleFormat::S24In4, 4)] {
            let got: Vec<f32> = frames(format, 1, Channel::Left).decode(&half_down[..length]).collect();
            assert_eq!(got, [-0.5], "{format}");
        }
    }

    #[test]
    fn the_voice_is_taken_from_the_channel_that_the_configuration_names() {
        let mut bytes = Vec::new();
        for sample in [0.5_f32, -0.25] {
            bytes.extend(sample.to_le_bytes());
        }
        let take = |voice| frames(SampleFormat::F32, 2, voice).decode(&bytes).next();
        assert_eq!(take(Channel::Left), Some(0.5));
        assert_eq!(take(Channel::Right), Some(-0.25));
        assert_eq!(take(Channel::Both), Some(0.125));
    }

    #[test]
    fn the_voice_goes_only_to_the_channels_that_the_configuration_names() {
        let put = |voice| {
            let mut bytes = [0; 8];
            frames(SampleFormat::F32, 2, voice).encode([0.5].into_iter(), &mut bytes);
            [0, 4].map(|at| f32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()))
        };
        assert_eq!(put(Channel::Left), [0.5, 0.0]);
        assert_eq!(put(Channel::Right), [0.0, 0.5]);
        assert_eq!(put(Channel::Both), [0.5, 0.5]);
    }
}
