//! Keeps peaks below full scale, so that neither codec nor sound card clips.

use crate::codec::SAMPLE_RATE_HZ;

/// No sample leaves louder than this: −1 dBFS.
pub const CEILING: f32 = 0.891_250_9;

/// The gain recovers by two thirds in this time: between syllables, not within one.
const RELEASE_SECONDS: f32 = 0.1;

/// A gain this near to one is one: quiet speech passes unchanged, bit for bit.
const UNITY: f32 = 0.9999;

/// A peak limiter without look-ahead. Below the ceiling nothing changes; at a louder peak the gain falls at once to what that
/// peak allows and then recovers slowly.
#[derive(Debug, Clone)]
pub struct Limiter {
    gain: f32,
    release: f32,
}

impl Limiter {
    /// At rest.
    #[must_use]
    pub fn new() -> Self {
        Self { gain: 1.0, release: 1.0 / (RELEASE_SECONDS * SAMPLE_RATE_HZ as f32) }
    }

    /// Limits in place. `peak` is the largest magnitude in `sound`, known from its level.
    pub fn process(&mut self, sound: &mut [f32], peak: f32) {
        if self.gain >= 1.0 && peak <= CEILING {
            return;
        }
        for sample in sound {
            self.gain += (1.0 - self.gain) * self.release;
            if self.gain > UNITY {
                self.gain = 1.0;
            }
            let magnitude = sample.abs();
            if magnitude * self.gain > CEILING {
                self.gain = CEILING / magnitude;
            }
            *sample = (*sample * self.gain).clamp(-CEILING, CEILING);
        }
    }
}

impl Default for Limiter {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::level::Level;
    use crate::dsp::tests::tone;

    fn limit(limiter: &mut Limiter, sound: &mut [f32]) {
        for block in sound.chunks_mut(160) {
            let peak = Level::of(block).peak;
            limiter.process(block, peak);
        }
    }

    #[test]
    fn below_the_ceiling_not_a_bit_changes() {
        let sound = tone(1_000.0, 0.89, 1.0);
        let mut out = sound.clone();
        limit(&mut Limiter::new(), &mut out);
        assert_eq!(out, sound);
    }

    #[test]
    fn no_peak_passes_the_ceiling() {
        let mut sound = tone(300.0, 4.0, 0.5);
        limit(&mut Limiter::new(), &mut sound);
        assert!(sound.iter().all(|s| s.abs() <= CEILING));
        assert!(Level::of(&sound[4_000..]).peak > 0.85, "it stays loud");
    }

    #[test]
    fn a_steadily_loud_tone_keeps_its_shape() {
        let loud = tone(1_000.0, 1.5, 1.0);
        let mut out = loud.clone();
        limit(&mut Limiter::new(), &mut out);
        let (mut cross, mut a, mut b) = (0.0, 0.0, 0.0);
        for (x, y) in loud.iter().zip(&out).skip(8_000) {
            cross += x * y;
            a += x * x;
            b += y * y;
        }
        assert!(cross / f32::sqrt(a * b) > 0.999, "not clipped but turned down");
    }

    #[test]
    fn after_a_shout_the_gain_comes_back_whole() {
        let mut limiter = Limiter::new();
        limit(&mut limiter, &mut tone(1_000.0, 2.0, 0.1));
        limit(&mut limiter, &mut tone(1_000.0, 0.1, 1.5));
        let quiet = tone(1_000.0, 0.5, 0.1);
        let mut out = quiet.clone();
        limit(&mut limiter, &mut out);
        assert_eq!(out, quiet);
    }
}
