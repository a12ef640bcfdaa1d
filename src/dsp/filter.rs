//! The high-pass that takes DC and sub-audible signalling out of the radio's sound.

use biquad::{Biquad, Coefficients, DirectForm2Transposed, Q_BUTTERWORTH_F32, Type};

use crate::codec::SAMPLE_RATE_HZ;

/// Where the filter has lost 3 dB. Sub-audible tones (CTCSS) reach up to 254.1 Hz and codes (DCS) to about 134 Hz, voice in
/// a radio channel begins at 300 Hz (ANSI/TIA-603: transmitters filter voice below 300 Hz to make room for them).
pub const CUTOFF_HZ: f32 = 280.0;

/// Quality factors of the three second-order sections of a sixth-order Butterworth filter: `1 / (2 cos θ)` for θ = 15°, 45°, 75°.
const Q: [f32; 3] = [0.517_638_1, Q_BUTTERWORTH_F32, 1.931_851_7];

/// Smaller states are set to zero: what rings on after silence would become denormal numbers, which cost some processors
/// a hundred times the time. −400 dBFS.
const NOTHING: f32 = 1e-20;

/// Sixth-order Butterworth high-pass: flat above, 36 dB per octave below. At 67 Hz 75 dB, at 151 Hz 32 dB, at 203.5 Hz 17 dB,
/// at the highest and rarely used tone 254.1 Hz still 6 dB; at 350 Hz, less than 0.3 dB.
#[derive(Debug, Clone)]
pub struct HighPass {
    sections: Option<[DirectForm2Transposed<f32>; 3]>,
}

impl HighPass {
    /// The filter for received speech.
    #[must_use]
    pub fn sub_audible() -> Self {
        // In halves of the rate, because `from_params` of biquad 0.5 gets the frequency wrong by a factor of four.
        let cutoff = CUTOFF_HZ / (SAMPLE_RATE_HZ as f32 / 2.0);
        let section = |q| {
            let section = Coefficients::from_normalized_params(Type::HighPass, cutoff, q);
            section.map(DirectForm2Transposed::new).ok()
        };
        let [a, b, c] = Q.map(section);
        // All three exist: the cut-off is below half the rate (a test looks).
        Self { sections: a.zip(b).zip(c).map(|((a, b), c)| [a, b, c]) }
    }

    /// Filters in place.
    pub fn process(&mut self, sound: &mut [f32]) {
        let Some([a, b, c]) = &mut self.sections else { return };
        for sample in sound {
            *sample = c.run(b.run(a.run(*sample)));
        }
        for section in [a, b, c] {
            if !(section.s1.abs() > NOTHING || section.s2.abs() > NOTHING) {
                section.reset_state();
            }
            if !(section.s1.is_finite() && section.s2.is_finite()) {
                // A broken sample from a driver must not silence the gateway for ever.
                section.reset_state();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::level::Level;
    use crate::dsp::tests::tone;

    /// Gain at a frequency, dB.
    fn response(hz: f32) -> f32 {
        let mut sound = tone(hz, 0.5, 2.0);
        HighPass::sub_audible().process(&mut sound);
        Level::of(&sound[16_000..]).rms_dbfs() - Level::of(&tone(hz, 0.5, 1.0)).rms_dbfs()
    }

    #[test]
    fn the_response_is_that_of_a_sixth_order_butterworth() {
        for hz in [150.0, 203.5, 254.1, 280.0, 300.0, 350.0, 500.0_f32] {
            let ideal = -10.0 * (1.0 + (CUTOFF_HZ / hz).powi(12)).log10();
            let is = response(hz);
            assert!((is - ideal).abs() < 0.3, "{hz} Hz: {is} dB instead of {ideal} dB");
        }
    }

    #[test]
    fn direct_current_vanishes() {
        let mut sound = vec![0.3; 16_000];
        HighPass::sub_audible().process(&mut sound);
        assert!(sound[8_000..].iter().all(|s| s.abs() < 1e-5));
    }

    #[test]
    fn silence_after_sound_becomes_exactly_silent() {
        let mut filter = HighPass::sub_audible();
        filter.process(&mut tone(1_000.0, 1.0, 0.1));
        let mut silence = vec![0.0; 160];
        for _ in 0..100 {
            silence.fill(0.0);
            filter.process(&mut silence);
        }
        assert!(silence.iter().all(|s| *s == 0.0));
    }

    #[test]
    fn one_broken_sample_does_not_spoil_the_next_block() {
        let mut filter = HighPass::sub_audible();
        filter.process(&mut [f32::NAN; 4]);
        let mut sound = tone(1_000.0, 0.5, 0.1);
        filter.process(&mut sound);
        assert!(sound.iter().all(|s| s.is_finite()));
    }
}
