//! The tone that tells held speech from live: what follows was spoken a while ago.

use crate::codec::SAMPLE_RATE_HZ;

/// Two falling notes, Hz: a courtesy tone of a repeater is mostly one note or rises. Both pass every voice channel.
const NOTES_HZ: [f32; 2] = [1_000.0, 750.0];

/// Samples of a note, 60 ms: short, and long enough to have a pitch behind a radio's noise.
const NOTE: usize = SAMPLE_RATE_HZ as usize * 60 / 1_000;

/// Samples of the silence behind the notes, 60 ms: a word does not grow out of the tone, and a decoder that gets the speech of
/// another encoder next has nothing left to ring.
const PAUSE: usize = SAMPLE_RATE_HZ as usize * 60 / 1_000;

/// Samples in which a note comes and goes, 5 ms: no click.
const FADE: usize = SAMPLE_RATE_HZ as usize * 5 / 1_000;

/// −14 dBFS: as loud as speech, well below the limiter.
const AMPLITUDE: f32 = 0.2;

/// Samples of [`held`].
pub const HELD_SAMPLES: usize = NOTES_HZ.len() * NOTE + PAUSE;

/// The tone and the pause after it.
#[must_use]
pub fn held() -> Box<[f32]> {
    let notes = NOTES_HZ.into_iter().flat_map(|hz| (0..NOTE).map(move |n| note(hz, n)));
    notes.chain(std::iter::repeat_n(0.0, PAUSE)).collect()
}

/// The `n`th sample of a note.
fn note(hz: f32, n: usize) -> f32 {
    let turn = std::f32::consts::TAU * hz * n as f32 / SAMPLE_RATE_HZ as f32;
    AMPLITUDE * fade(n) * turn.sin()
}

/// From 0 to 1 and back, in the shape of a raised cosine.
fn fade(n: usize) -> f32 {
    let from_end = n.min(NOTE - 1 - n);
    if from_end >= FADE {
        return 1.0;
    }
    0.5 - 0.5 * (std::f32::consts::PI * from_end as f32 / FADE as f32).cos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::level::Level;

    /// How much of a sound is this frequency: 1 is all.
    fn share(sound: &[f32], hz: f32) -> f32 {
        let (mut re, mut im, mut power) = (0.0, 0.0, 0.0);
        for (n, sample) in sound.iter().enumerate() {
            let turn = std::f32::consts::TAU * hz * n as f32 / SAMPLE_RATE_HZ as f32;
            re += sample * turn.cos();
            im += sample * turn.sin();
            power += sample * sample;
        }
        2.0 * (re * re + im * im) / (power * sound.len() as f32)
    }

    #[test]
    fn it_is_two_clean_notes_and_a_pause() {
        let tone = held();
        assert_eq!(tone.len(), HELD_SAMPLES);
        assert!(share(&tone[..NOTE], 1_000.0) > 0.9, "{}", share(&tone[..NOTE], 1_000.0));
        assert!(share(&tone[NOTE..2 * NOTE], 750.0) > 0.9);
        assert!(share(&tone[..NOTE], 750.0) < 0.01);
        assert!(tone[2 * NOTE..].iter().all(|sample| *sample == 0.0));
    }

    #[test]
    fn it_is_as_loud_as_speech_and_does_not_click() {
        let tone = held();
        let level = Level::of(&tone[..2 * NOTE]);
        assert!((-20.0..-14.0).contains(&level.rms_dbfs()), "{}", level.rms_dbfs());
        assert!(level.peak <= AMPLITUDE);
        for edge in [0, NOTE - 1, NOTE, 2 * NOTE - 1] {
            assert!(tone[edge].abs() < 1e-6, "sample {edge} is {}", tone[edge]);
        }
    }
}
