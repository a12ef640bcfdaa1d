//! The speech of the repository as a radio, a card and a phone give it.

use std::path::PathBuf;

use zello_gateway::audio::{self, Converter, Frames, SampleFormat};
use zello_gateway::codec::{self, Encoder, SAMPLE_RATE_HZ};
use zello_gateway::config::{Channel, Uplink};

/// What most cards give: 48 kHz, 16 bit, stereo.
pub(crate) const CARD_HZ: u32 = 48_000;
/// Layout of the card's frames.
pub(crate) const CARD: Frames = Frames { format: SampleFormat::S16, channels: 2, voice: Channel::Both };

/// One of the two recordings, said again and again for so many samples; 16 kHz mono.
pub(crate) fn load(name: &str, samples: usize) -> Vec<f32> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/speech").join(name);
    let said = audio::load_wav(&path).expect("the speech of the repository");
    said.into_iter().cycle().take(samples).collect()
}

/// Noise of a converter's last bits: what a squelched radio sounds like. Digital silence would be too easy.
pub(crate) fn hiss(samples: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let next = move |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 16) as f32 / 32_768.0 - 1.0) * 3.0 / 32_768.0
    };
    (0..samples).map(next).collect()
}

/// The same sound as a card at 48 kHz gives it.
pub(crate) fn as_captured(sound: &[f32]) -> Vec<u8> {
    let mut converter = Converter::new(SAMPLE_RATE_HZ, CARD_HZ, sound.len()).expect("a usual rate");
    converter.push(sound);
    let frames = sound.len() * (CARD_HZ / SAMPLE_RATE_HZ) as usize;
    let mut bytes = vec![0; frames * CARD.bytes()];
    CARD.encode(converter.take_all().as_slice(), &mut bytes);
    bytes
}

/// The speech as a phone sends it.
pub(crate) fn as_packets(speech: &[f32], uplink: &Uplink) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(uplink.packet, uplink.bitrate_bps).expect("the default settings");
    let mut packet = [0; 1_275];
    speech
        .chunks_exact(encoder.packet_samples())
        .map(|pcm| encoder.encode(pcm, &mut packet).map(|length| packet[..length].to_vec()))
        .collect::<Result<_, codec::CodecError>>()
        .expect("speech can be encoded")
}
