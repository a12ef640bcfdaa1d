//! How loud a block is.

/// Told for silence, where the logarithm has no value, dBFS. Below the noise of any 16-bit converter.
pub const SILENCE_DBFS: f32 = -120.0;

/// Samples that are measured side by side.
const LANES: usize = 8;

/// Level of a stretch of sound. 0 dBFS is full scale for the peak, and the power of a full-scale square wave for the
/// RMS: a full-scale sine reads −3 dBFS.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Level {
    /// Mean square, full scale 1.
    pub mean_square: f32,
    /// Largest magnitude, full scale 1.
    pub peak: f32,
}

impl Level {
    /// Measures; of no samples: silence.
    #[must_use]
    pub fn of(sound: &[f32]) -> Self {
        // Side by side, because a processor adds several at once but may not reorder one long sum by itself.
        let (mut sums, mut peaks) = ([0.0_f32; LANES], [0.0_f32; LANES]);
        let (whole, rest) = sound.split_at(sound.len() - sound.len() % LANES);
        for part in whole.chunks_exact(LANES).chain(std::iter::once(rest)) {
            for ((sample, sum), peak) in part.iter().zip(&mut sums).zip(&mut peaks) {
                *sum += sample * sample;
                *peak = peak.max(sample.abs());
            }
        }
        let sum: f32 = sums.iter().sum();
        let peak = peaks.into_iter().fold(0.0, f32::max);
        let mean_square = if sound.is_empty() { 0.0 } else { sum / sound.len() as f32 };
        Self { mean_square, peak }
    }

    /// Root of the mean square, dBFS, at least [`SILENCE_DBFS`].
    #[must_use]
    pub fn rms_dbfs(self) -> f32 {
        // `max` also turns the not-a-number of a broken sample into silence.
        (10.0 * self.mean_square.log10()).max(SILENCE_DBFS)
    }

    /// Peak, dBFS, at least [`SILENCE_DBFS`].
    #[must_use]
    pub fn peak_dbfs(self) -> f32 {
        (20.0 * self.peak.log10()).max(SILENCE_DBFS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::tests::tone;

    #[test]
    fn a_full_scale_sine_has_its_peak_at_0_and_its_rms_at_minus_3_dbfs() {
        let level = Level::of(&tone(1_000.0, 1.0, 1.0));
        assert!(level.peak_dbfs().abs() < 0.01, "{level:?}");
        assert!((level.rms_dbfs() + 3.01).abs() < 0.01, "{level:?}");
    }

    #[test]
    fn a_tenth_of_the_amplitude_is_20_db_less() {
        let level = Level::of(&tone(1_000.0, 0.1, 1.0));
        assert!((level.rms_dbfs() + 23.01).abs() < 0.01, "{level:?}");
    }

    #[test]
    fn silence_and_broken_samples_have_a_number() {
        assert_eq!(Level::of(&[0.0; 160]).rms_dbfs().to_bits(), SILENCE_DBFS.to_bits());
        assert_eq!(Level::of(&[]).peak_dbfs().to_bits(), SILENCE_DBFS.to_bits());
        assert_eq!(Level::of(&[f32::NAN]).rms_dbfs().to_bits(), SILENCE_DBFS.to_bits());
    }
}
