//! Is what was heard what was said? Finds one sound in another, and the worst stretch of the copy.
//!
//! For the demo's figures and for tests; nothing here is real-time.

use realfft::RealFftPlanner;

/// Samples of a stretch that is judged by itself: 250 ms at 16 kHz, about a syllable.
const STRETCH: usize = 4_000;

/// A stretch quieter than this against the loudest one is a pause and not judged.
const PAUSE: f64 = 0.05;

/// How a copy compares with its original.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likeness {
    /// Where the original begins in the copy, samples.
    pub delay: usize,
    /// Normalised cross-correlation over the whole length, -1 to 1.
    pub correlation: f32,
    /// The same for the worst 250 ms that is not a pause.
    pub worst: f32,
}

/// Finds `original` in `copy`, and how alike they are. `None` when the copy is shorter, or either is silent.
#[must_use]
pub fn find(original: &[f32], copy: &[f32]) -> Option<Likeness> {
    if copy.len() < original.len() || energy(original) == 0.0 {
        return None;
    }
    let delay = best_delay(original, copy)?;
    let copy = copy.get(delay..delay + original.len())?;
    let loudest = original.chunks(STRETCH).map(energy).fold(0.0, f64::max);
    let worst = original
        .chunks(STRETCH)
        .zip(copy.chunks(STRETCH))
        .filter(|(original, _)| energy(original) > PAUSE * loudest)
        .map(|(original, copy)| correlation(original, copy))
        .fold(1.0, f32::min);
    Some(Likeness { delay, correlation: correlation(original, copy), worst })
}

/// The delay at which the copy agrees most with the original, by cross-correlation of the whole.
fn best_delay(original: &[f32], copy: &[f32]) -> Option<usize> {
    let last = copy.len().checked_sub(original.len())?;
    let length = (original.len() + copy.len()).next_power_of_two();
    let mut planner = RealFftPlanner::<f32>::new();
    let forward = planner.plan_fft_forward(length);
    let spectrum = |samples: &[f32]| {
        let mut padded = vec![0.0; length];
        padded.iter_mut().zip(samples).for_each(|(slot, sample)| *slot = *sample);
        let mut spectrum = forward.make_output_vec();
        forward.process(&mut padded, &mut spectrum).ok().map(|()| spectrum)
    };
    let mut product = spectrum(copy)?;
    product.iter_mut().zip(spectrum(original)?).for_each(|(copy, original)| *copy *= original.conj());
    let mut agreement = vec![0.0; length];
    planner.plan_fft_inverse(length).process(&mut product, &mut agreement).ok()?;
    let delays = agreement.iter().take(last + 1).enumerate();
    delays.max_by(|a, b| a.1.total_cmp(b.1)).map(|(delay, _)| delay)
}

fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let product: f64 = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    let norm = (energy(a) * energy(b)).sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "a correlation needs no more digits")]
    let correlation = if norm > 0.0 { (product / norm) as f32 } else { 0.0 };
    correlation
}

fn energy(samples: &[f32]) -> f64 {
    samples.iter().map(|sample| f64::from(*sample).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise that is the same each time.
    fn noise(length: usize) -> Vec<f32> {
        let mut state = 1_u32;
        let mut smooth = 0.0;
        let step = move |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            smooth = 0.9 * smooth + 0.1 * ((state >> 8) as f32 / 8_388_608.0 - 1.0);
            smooth
        };
        (0..length).map(step).collect()
    }

    #[test]
    fn a_delayed_copy_is_found_to_the_sample() {
        let original = noise(16_000);
        let copy = [vec![0.0; 1_237], original.clone(), vec![0.0; 500]].concat();
        let likeness = find(&original, &copy).unwrap();
        assert_eq!(likeness.delay, 1_237);
        assert!(likeness.correlation > 0.999 && likeness.worst > 0.999);
    }

    #[test]
    fn a_lost_block_spoils_its_stretch() {
        let original = noise(16_000);
        let mut copy = original.clone();
        copy.drain(8_000..8_160);
        copy.extend([0.0; 160]);
        assert!(find(&original, &copy).unwrap().worst < 0.9);
    }

    #[test]
    fn a_missing_or_silent_copy_is_no_copy() {
        assert_eq!(find(&noise(100), &[]), None);
        assert_eq!(find(&[0.0; 100], &noise(100)), None);
    }
}
