//! The speech of the repository as a radio, a card and a phone give it.

use std::path::{Path, PathBuf};

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

/// The same sound at the card's rate, sample for sample in its place.
fn at_card_rate(sound: &[f32]) -> Vec<f32> {
    let mut converter = Converter::new(SAMPLE_RATE_HZ, CARD_HZ, sound.len() + 1_000).expect("a usual rate");
    let late = (converter.delay().as_secs_f64() * f64::from(CARD_HZ)).round() as usize;
    converter.push(sound);
    converter.push(&[0.0; 1_000]);
    let whole = sound.len() * (CARD_HZ / SAMPLE_RATE_HZ) as usize;
    converter.take_all().skip(late).take(whole).collect()
}

/// The same sound as a card at 48 kHz gives it.
pub(crate) fn as_captured(sound: &[f32]) -> Vec<u8> {
    let sound = at_card_rate(sound);
    let mut bytes = vec![0; sound.len() * CARD.bytes()];
    CARD.encode(&sound, &mut bytes);
    bytes
}

/// The same sound as a file at 48 kHz, 16 bit, mono.
pub(crate) fn record(path: &Path, sound: &[f32]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: CARD_HZ,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, spec).expect("a file");
    for sample in at_card_rate(sound) {
        file.write_sample((sample * 32_767.0).clamp(-32_768.0, 32_767.0) as i16).expect("a sample");
    }
    file.finalize().expect("a whole file");
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
