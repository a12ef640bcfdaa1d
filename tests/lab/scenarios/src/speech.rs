//! Voices, and whether what arrived is what was said.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use zello_gateway::codec::{BLOCK_SAMPLES, SAMPLE_RATE_HZ};
use zello_gateway::dsp::UplinkChain;
use zello_gateway::dsp::compare::{self, Likeness};

const RADIO: &[u8] = include_bytes!("../../../data/speech/radio.wav");
const PHONE: &[u8] = include_bytes!("../../../data/speech/phone.wav");

/// What is said at the radio, 16 kHz.
pub(crate) fn radio() -> Result<Vec<f32>> {
    samples(RADIO).context("radio.wav is broken")
}

/// What is said at the phone, 16 kHz.
pub(crate) fn phone() -> Result<Vec<f32>> {
    samples(PHONE).context("phone.wav is broken")
}

/// The span of so many samples at 16 kHz.
pub(crate) fn span(samples: usize) -> Duration {
    Duration::from_secs_f64(samples as f64 / f64::from(SAMPLE_RATE_HZ))
}

/// The samples of a WAV file of 16 bit, mono, 16 kHz.
fn samples(wav: &[u8]) -> Option<Vec<f32>> {
    let mut rest = wav.get(12..)?;
    loop {
        let (name, length) = (rest.get(..4)?, rest.get(4..8)?);
        let length = usize::try_from(u32::from_le_bytes(length.try_into().ok()?)).ok()?;
        let body = rest.get(8..8 + length)?;
        if name == b"data" {
            let sample =
                |pair: &[u8]| pair.try_into().map(i16::from_le_bytes).map(|s| f32::from(s) / 32_768.0);
            return body.chunks_exact(2).map(|pair| sample(pair).ok()).collect();
        }
        rest = rest.get(8 + length + length % 2..)?;
    }
}

/// What the uplink makes of a sound before it is encoded: nothing below speech.
pub(crate) fn as_sent(sound: &[f32]) -> Vec<f32> {
    let mut chain = UplinkChain::new();
    let mut sent = Vec::with_capacity(sound.len());
    for part in sound.chunks(BLOCK_SAMPLES) {
        let mut block = [0.0; BLOCK_SAMPLES];
        block.iter_mut().zip(part).for_each(|(slot, sample)| *slot = *sample);
        chain.process(&mut block);
        sent.extend(block.iter().take(part.len()));
    }
    sent
}

/// Demands that the whole of `original` is in `copy`, first syllable and last.
pub(crate) fn whole(what: &str, original: &[f32], copy: &[f32]) -> Result<Likeness> {
    let Some(likeness) = compare::find(original, copy) else {
        bail!("{what}: {:?} heard of {:?}, or silence", span(copy.len()), span(original.len()));
    };
    // Opus at 16 kbit/s copies a voice with about 0.95; a lost or shifted syllable is near 0.
    if likeness.correlation < 0.85 || likeness.worst < 0.5 {
        bail!("{what}: not whole: {likeness:?}");
    }
    Ok(likeness)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_voices_are_there() {
        for voice in [radio(), phone()] {
            let voice = voice.unwrap_or_default();
            assert!(span(voice.len()) > Duration::from_secs(4));
            let loudest = voice.iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
            assert!((0.4..0.6).contains(&loudest), "{loudest}");
        }
        assert_eq!(samples(b"RIFF"), None);
    }

    #[test]
    fn a_voice_is_whole_in_itself_and_not_in_half_of_itself() {
        let voice = radio().unwrap_or_default();
        assert!(whole("itself", &voice, &voice).is_ok());
        let mut half = voice.clone();
        half.truncate(voice.len() / 2);
        half.resize(voice.len(), 0.0);
        assert!(whole("half", &voice, &half).is_err());
    }
}
