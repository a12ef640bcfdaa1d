//! Between the 16 kHz of speech and the 48 kHz of a sound card. Written here, so that a mistake of the gateway's own
//! conversion shows.

/// 48 kHz in 16 kHz.
const RATIO: usize = 3;

/// Taps on each side of the middle, at 48 kHz.
const REACH: usize = 48;

/// A low-pass at 7.6 kHz for 48 kHz, by a Hann window: 1 at 0 Hz.
fn taps() -> Vec<f32> {
    let cutoff = 7_600.0 / 48_000.0;
    let reach = REACH as f64;
    let tap = |n: usize| {
        let x = n as f64 - reach;
        let phase = 2.0 * std::f64::consts::PI * cutoff * x;
        let sinc = if x == 0.0 { 1.0 } else { phase.sin() / phase };
        let window = 0.5 + 0.5 * (std::f64::consts::PI * x / (reach + 1.0)).cos();
        2.0 * cutoff * sinc * window
    };
    #[expect(clippy::cast_possible_truncation, reason = "filter taps need no more digits")]
    let taps = (0..=2 * REACH).map(|n| tap(n) as f32).collect();
    taps
}

/// 16 kHz to 48 kHz, without delay.
pub(crate) fn up(sound: &[f32]) -> Vec<f32> {
    let taps: Vec<f32> = taps().into_iter().map(|tap| tap * RATIO as f32).collect();
    let mut high = vec![0.0; sound.len() * RATIO];
    // Each sample is spread by the taps; the first of them lies `REACH` before it.
    for (number, sample) in sound.iter().enumerate() {
        let first = number * RATIO;
        let skipped = REACH.saturating_sub(first);
        let slots = high.iter_mut().skip((first + skipped).saturating_sub(REACH));
        slots.zip(taps.iter().skip(skipped)).for_each(|(slot, tap)| *slot += sample * tap);
    }
    high
}

/// 48 kHz to 16 kHz, without delay.
pub(crate) fn down(sound: &[f32]) -> Vec<f32> {
    let taps = taps();
    (0..sound.len()).step_by(RATIO).map(|at| filtered(sound, at, &taps)).collect()
}

fn filtered(sound: &[f32], at: usize, taps: &[f32]) -> f32 {
    let first = at.saturating_sub(REACH);
    let skipped = REACH.saturating_sub(at);
    let part = sound.get(first..sound.len().min(at + REACH + 1)).unwrap_or_default();
    part.iter().zip(taps.iter().skip(skipped)).map(|(sample, tap)| sample * tap).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use zello_gateway::dsp::compare;

    #[test]
    fn there_and_back_is_the_same_sound_at_the_same_place() {
        let mut state = 1_u32;
        let mut smooth = 0.0;
        let noise = (0..8_000).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            smooth = 0.9 * smooth + 0.1 * ((state >> 8) as f32 / 8_388_608.0 - 1.0);
            smooth
        });
        let noise: Vec<f32> = noise.collect();
        let high = up(&noise);
        assert_eq!(high.len(), 24_000);
        let likeness = compare::find(&noise, &down(&high));
        assert!(likeness.is_some_and(|l| l.delay == 0 && l.correlation > 0.99), "{likeness:?}");
    }
}
