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

    /// Mono samples of whole frames, full scale ±1, until either side ends; how many.
    pub fn decode(self, bytes: &[u8], sound: &mut [f32]) -> usize {
        // One loop for each format: what is the same for all samples is decided before it.
        match self.format {
            SampleFormat::S16 => {
                self.decode_by(bytes, sound, |sample| f32::from(i16::from_le_bytes(sample)) / 32_768.0)
            }
            // Shifted to the top of 32 bits, all wider integers share one scale and the sign comes for free.
            SampleFormat::S24In3 => self.decode_by(bytes, sound, |[a, b, c]| from_i32([0, a, b, c])),
            SampleFormat::S24In4 => self.decode_by(bytes, sound, |[a, b, c, _]| from_i32([0, a, b, c])),
            SampleFormat::S32 => self.decode_by(bytes, sound, from_i32),
            SampleFormat::F32 => self.decode_by(bytes, sound, f32::from_le_bytes),
        }
    }

    fn decode_by<const N: usize>(
        self,
        bytes: &[u8],
        sound: &mut [f32],
        read: impl Fn([u8; N]) -> f32,
    ) -> usize {
        let frames = bytes.chunks_exact(self.bytes());
        let count = frames.len().min(sound.len());
        let at = |frame: &[u8], channel: usize| {
            let sample = frame.get(channel * N..).and_then(<[u8]>::first_chunk);
            sample.map_or(0.0, |sample| read(*sample))
        };
        let slots = sound.iter_mut().zip(frames);
        match if self.channels == 1 { Channel::Left } else { self.voice } {
            Channel::Left => slots.for_each(|(slot, frame)| *slot = at(frame, 0)),
            Channel::Right => slots.for_each(|(slot, frame)| *slot = at(frame, 1)),
            Channel::Both => {
                let part = 1.0 / self.channels as f32;
                slots.for_each(|(slot, frame)| {
                    *slot = (0..self.channels).map(|channel| at(frame, channel)).sum::<f32>() * part;
                });
            }
        }
        count
    }

    /// Writes mono samples as frames, clamped to full scale, until either side ends; the bytes written.
    ///
    /// What is not a number becomes silence.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "clamped to the target's range; `as` cuts what `rounded` has added"
    )]
    pub fn encode(self, sound: &[f32], out: &mut [u8]) -> usize {
        let s24 = |sample| (rounded(sample * 8_388_607.0) as i32).to_le_bytes();
        match self.format {
            SampleFormat::S16 => {
                self.encode_by(sound, out, |sample| (rounded(sample * 32_767.0) as i16).to_le_bytes())
            }
            SampleFormat::S24In3 => self.encode_by(sound, out, |sample| {
                let [a, b, c, _] = s24(sample);
                [a, b, c]
            }),
            SampleFormat::S24In4 => self.encode_by(sound, out, s24),
            SampleFormat::S32 => self.encode_by(sound, out, |sample| {
                ((f64::from(sample) * 2_147_483_647.0).round() as i32).to_le_bytes()
            }),
            SampleFormat::F32 => self.encode_by(sound, out, f32::to_le_bytes),
        }
    }

    fn encode_by<const N: usize>(
        self,
        sound: &[f32],
        out: &mut [u8],
        write: impl Fn(f32) -> [u8; N],
    ) -> usize {
        let written = (out.len() / self.bytes()).min(sound.len()) * self.bytes();
        let out = out.get_mut(..written).unwrap_or_default();
        // Most of the day the radio has nothing to say; silence is zero in every format.
        if sound.iter().all(|sample| *sample == 0.0) {
            out.fill(0);
            return written;
        }
        let frames = out.chunks_exact_mut(self.bytes());
        for (frame, sample) in frames.zip(sound) {
            let sample = write(if sample.is_nan() { 0.0 } else { sample.clamp(-1.0, 1.0) });
            for (channel, slot) in frame.chunks_exact_mut(N).enumerate() {
                let sounds = match self.voice {
                    Channel::Left => channel == 0 || self.channels == 1,
                    Channel::Right => channel == 1 || self.channels == 1,
                    Channel::Both => true,
                };
                slot.copy_from_slice(if sounds { &sample } else { &[0; N] });
            }
        }
        written
    }
}

/// The nearest whole number after a cut towards zero. `f32::round` is a function call where the processor has no
/// instruction for it, and this runs 48,000 times a second.
fn rounded(value: f32) -> f32 {
    value + 0.5_f32.copysign(value)
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
            let written = layout.encode(&[0.0, 0.5, -0.5, 1.0, -1.0], &mut bytes);
            assert_eq!(written, 5 * format.bytes());
            let mut sound = [9.0; 7];
            assert_eq!(layout.decode(&bytes[..written], &mut sound), 5);
            for (got, want) in sound.into_iter().zip([0.0, 0.5, -0.5, 1.0, -1.0]) {
                assert!((got - want).abs() < 1e-4, "{format}: {got} for {want}");
            }
        }
    }

    #[test]
    fn too_loud_is_clamped_and_nonsense_is_silence() {
        let layout = frames(SampleFormat::S16, 1, Channel::Left);
        let mut bytes = [0; 8];
        layout.encode(&[7.0, -7.0, f32::NAN, f32::INFINITY], &mut bytes);
        let values: Vec<i16> = bytes.chunks(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
        assert_eq!(values, [32_767, -32_767, 0, 32_767]);
    }

    #[test]
    fn negative_24_bit_samples_keep_their_sign() {
        let half_down = (-4_194_304_i32).to_le_bytes();
        for (format, length) in [(SampleFormat::S24In3, 3), (SampleFormat::S24In4, 4)] {
            let mut got = [0.0];
            frames(format, 1, Channel::Left).decode(&half_down[..length], &mut got);
            assert_eq!(got, [-0.5], "{format}");
        }
    }

    #[test]
    fn the_voice_is_taken_from_the_channel_that_the_configuration_names() {
        let mut bytes = Vec::new();
        for sample in [0.5_f32, -0.25] {
            bytes.extend(sample.to_le_bytes());
        }
        let take = |voice| {
            let mut got = [0.0];
            frames(SampleFormat::F32, 2, voice).decode(&bytes, &mut got);
            got[0]
        };
        assert_eq!(take(Channel::Left), 0.5);
        assert_eq!(take(Channel::Right), -0.25);
        assert_eq!(take(Channel::Both), 0.125);
    }

    #[test]
    fn the_voice_goes_only_to_the_channels_that_the_configuration_names() {
        let put = |voice| {
            let mut bytes = [0; 8];
            frames(SampleFormat::F32, 2, voice).encode(&[0.5], &mut bytes);
            [0, 4].map(|at| f32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()))
        };
        assert_eq!(put(Channel::Left), [0.5, 0.0]);
        assert_eq!(put(Channel::Right), [0.0, 0.5]);
        assert_eq!(put(Channel::Both), [0.5, 0.5]);
    }
}
