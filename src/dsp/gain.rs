//! A fixed gain.

/// Amplifies by a constant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gain(f32);

impl Gain {
    /// A gain of `db` decibels; 0 changes nothing, not a bit.
    #[must_use]
    pub fn from_db(db: f32) -> Self {
        Self(if db == 0.0 { 1.0 } else { 10.0_f32.powf(db / 20.0) })
    }

    /// Amplifies in place.
    pub fn process(self, sound: &mut [f32]) {
        if self != Self(1.0) {
            for sample in sound {
                *sample *= self.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_decibels_are_ten_times_and_none_is_the_same() {
        let mut sound = [0.01, -0.05];
        Gain::from_db(20.0).process(&mut sound);
        assert!((sound[0] - 0.1).abs() < 1e-6 && (sound[1] + 0.5).abs() < 1e-6);
        let before = sound.map(f32::to_bits);
        Gain::from_db(0.0).process(&mut sound);
        assert_eq!(sound.map(f32::to_bits), before);
    }
}
