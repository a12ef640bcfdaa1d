//! Slices in, slices out: filters, levels, limiter, VOX. Nothing here allocates or knows a device.
//!
//! Sound is mono `f32` at the engine's 16 kHz, full scale ±1.

pub mod compare;
pub mod filter;
pub mod gain;
pub mod level;
pub mod limiter;
pub mod tone;
pub mod vox;

use filter::HighPass;
use gain::Gain;
use level::Level;
use limiter::Limiter;

/// From the radio to the encoder: gain, high-pass, level, limiter.
#[derive(Debug, Clone)]
pub struct UplinkChain {
    gain: Gain,
    high_pass: HighPass,
    limiter: Limiter,
}

impl UplinkChain {
    /// A chain without gain.
    #[must_use]
    pub fn new() -> Self {
        Self::with_gain_db(0.0)
    }

    /// A chain that first amplifies by `gain_db`.
    #[must_use]
    pub fn with_gain_db(gain_db: f32) -> Self {
        Self { gain: Gain::from_db(gain_db), high_pass: HighPass::sub_audible(), limiter: Limiter::new() }
    }

    /// Works on a block in place; the level of what can be heard, before the limiter.
    pub fn process(&mut self, block: &mut [f32]) -> Level {
        self.gain.process(block);
        self.high_pass.process(block);
        let level = Level::of(block);
        self.limiter.process(block, level.peak);
        level
    }
}

impl Default for UplinkChain {
    fn default() -> Self {
        Self::new()
    }
}

/// From the decoder to the radio: gain, level, limiter.
#[derive(Debug, Clone)]
pub struct DownlinkChain {
    gain: Gain,
    limiter: Limiter,
}

impl DownlinkChain {
    /// A chain without gain.
    #[must_use]
    pub fn new() -> Self {
        Self::with_gain_db(0.0)
    }

    /// A chain that first amplifies by `gain_db`.
    #[must_use]
    pub fn with_gain_db(gain_db: f32) -> Self {
        Self { gain: Gain::from_db(gain_db), limiter: Limiter::new() }
    }

    /// Works on a block in place; its level before the limiter.
    pub fn process(&mut self, block: &mut [f32]) -> Level {
        self.gain.process(block);
        let level = Level::of(block);
        self.limiter.process(block, level.peak);
        level
    }
}

impl Default for DownlinkChain {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{BLOCK_SAMPLES, SAMPLE_RATE_HZ};

    /// `seconds` of a sine of `amplitude`.
    pub(super) fn tone(hz: f32, amplitude: f32, seconds: f32) -> Vec<f32> {
        let step = std::f64::consts::TAU * f64::from(hz) / f64::from(SAMPLE_RATE_HZ);
        let mut phase = 0.0_f64;
        let mut tone = vec![0.0; samples(seconds)];
        for sample in &mut tone {
            #[expect(clippy::cast_possible_truncation, reason = "sound is f32")]
            {
                *sample = amplitude * phase.sin() as f32;
            }
            phase += step;
        }
        tone
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
    fn samples(seconds: f32) -> usize {
        (seconds * SAMPLE_RATE_HZ as f32) as usize
    }

    #[test]
    fn speech_frequencies_pass_the_uplink_as_they_are_and_ctcss_does_not() {
        let through = |hz| {
            let mut sound = tone(hz, 0.5, 1.0);
            let mut chain = UplinkChain::new();
            for block in sound.chunks_mut(BLOCK_SAMPLES) {
                chain.process(block);
            }
            // Against the second half of the input: the filter has settled.
            Level::of(&sound[8_000..]).rms_dbfs() - Level::of(&tone(hz, 0.5, 0.5)).rms_dbfs()
        };
        for hz in [500.0, 1_000.0, 2_000.0, 3_400.0, 7_000.0] {
            assert!(through(hz).abs() < 0.2, "{hz} Hz is changed by {} dB", through(hz));
        }
        assert!(through(67.0) < -60.0, "67 Hz is left at {} dB", through(67.0));
        assert!(through(123.0) < -35.0, "123 Hz is left at {} dB", through(123.0));
    }

    #[test]
    fn a_loud_downlink_stays_below_the_ceiling_and_a_quiet_one_is_untouched() {
        let mut loud = tone(440.0, 0.9, 0.5);
        let mut chain = DownlinkChain::with_gain_db(6.0);
        let level = chain.process(&mut loud);
        assert!(level.peak > 1.0, "the level tells what came: {level:?}");
        assert!(loud.iter().all(|s| s.abs() <= limiter::CEILING));

        let quiet = tone(440.0, 0.5, 0.5);
        let mut out = quiet.clone();
        DownlinkChain::new().process(&mut out);
        assert_eq!(out, quiet, "bit for bit");
    }
}
