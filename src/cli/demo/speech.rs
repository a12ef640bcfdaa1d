//! What is said in the demo: a person's own recording, or the built-in sentences.

use std::path::Path;

use anyhow::{Context as _, ensure};

use crate::audio;
use crate::codec::{Decoder, MAX_PACKET_SAMPLES, SAMPLE_RATE_HZ};

/// So much of a recording is spoken: twice this and all pauses stay under 30 s.
const LONGEST_SPEECH_S: usize = 8;

/// The recordings of `tests/data/speech` as Opus packets, each behind its length: a tenth of their size.
const RADIO: &[u8] = include_bytes!("speech/radio.packets");
const PHONE: &[u8] = include_bytes!("speech/phone.packets");

/// What is said, 16 kHz mono.
pub(super) struct Speech {
    pub(super) radio: Vec<f32>,
    pub(super) phone: Vec<f32>,
}

impl Speech {
    /// Loads a person's own recording, or the built-in ones.
    pub(super) fn load(own: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = own else {
            let said = |packets| decode(packets).context("the built-in speech cannot be read");
            return Ok(Self { radio: said(RADIO)?, phone: said(PHONE)? });
        };
        let mut speech = audio::load_wav(path)?;
        speech.truncate(LONGEST_SPEECH_S * SAMPLE_RATE_HZ as usize);
        ensure!(speech.iter().any(|sample| sample.abs() > 0.01), "{} is silent", path.display());
        Ok(Self { radio: speech.clone(), phone: speech })
    }
}

/// Packets, each behind its length as two bytes, big end first.
fn decode(mut packets: &[u8]) -> anyhow::Result<Vec<f32>> {
    let mut decoder = Decoder::new()?;
    let mut speech = Vec::new();
    let mut scratch = [0.0; MAX_PACKET_SAMPLES];
    while let Some((length, rest)) = packets.split_first_chunk() {
        let (packet, rest) =
            rest.split_at_checked(u16::from_be_bytes(*length).into()).context("a packet is cut")?;
        let samples = decoder.decode(packet, &mut scratch)?;
        speech.extend(scratch.iter().take(samples));
        packets = rest;
    }
    Ok(speech)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::codec::Encoder;
    use crate::dsp::compare;

    const BITRATE_BPS: u32 = 32_000;

    fn project(path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
    }

    fn recording(name: &str) -> Vec<f32> {
        audio::load_wav(&project(&format!("tests/data/speech/{name}.wav"))).unwrap()
    }

    #[test]
    fn the_built_in_sentences_are_those_of_the_recordings() {
        let built_in = Speech::load(None).unwrap();
        for (name, speech) in [("radio", built_in.radio), ("phone", built_in.phone)] {
            let likeness = compare::find(&recording(name), &speech).unwrap();
            assert!(likeness.correlation > 0.95, "{name}: {likeness:?}");
        }
    }

    #[test]
    fn a_recording_is_cut_where_a_packet_is() {
        assert!(decode(&RADIO[..RADIO.len() - 1]).is_err());
        assert!(decode(&[]).unwrap().is_empty());
    }

    /// `cargo test --lib -- --ignored makes_the_packets` after a recording was changed.
    #[test]
    #[ignore = "writes files of the project"]
    fn makes_the_packets_of_the_recordings() {
        for name in ["radio", "phone"] {
            let mut encoder = Encoder::new(Duration::from_millis(20), BITRATE_BPS).unwrap();
            let mut speech = recording(name);
            // What the encoder holds back must come out, too.
            speech.resize(speech.len() + encoder.lookahead(), 0.0);
            speech.resize(speech.len().next_multiple_of(encoder.packet_samples()), 0.0);
            let (mut packets, mut packet) = (Vec::new(), [0; 1_500]);
            for pcm in speech.chunks(encoder.packet_samples()) {
                let length = encoder.encode(pcm, &mut packet).unwrap();
                packets.extend(u16::try_from(length).unwrap().to_be_bytes());
                packets.extend(&packet[..length]);
            }
            fs::write(project(&format!("src/cli/demo/speech/{name}.packets")), packets).unwrap();
        }
    }
}
