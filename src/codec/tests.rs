use super::*;
use proptest::prelude::*;

/// Three voice-like partials that swell and fade, so that a shift in time shows in the correlation.
fn voice(rate: u32, ms: u32) -> Vec<f32> {
    let tau = std::f32::consts::TAU;
    let sample = |n: u32| {
        let t = n as f32 / rate as f32;
        let swell = 0.6 + 0.4 * (tau * 3.1 * t).sin();
        let sound = (tau * 400.0 * t).sin() + 0.6 * (tau * 810.0 * t).sin() + 0.3 * (tau * 1630.0 * t).sin();
        0.2 * swell * sound
    };
    (0..rate * ms / 1_000).map(sample).collect()
}

/// Best normalised correlation of `got` with `want` over delays of up to `most` samples.
fn likeness(want: &[f32], got: &[f32], most: usize) -> f32 {
    (0..most)
        .map(|delay| {
            let got = &got[delay.min(got.len())..];
            let (mut cross, mut a, mut b) = (0.0, 1e-9, 1e-9);
            for (x, y) in want.iter().zip(got) {
                cross += x * y;
                a += x * x;
                b += y * y;
            }
            cross / f32::sqrt(a * b)
        })
        .fold(-1.0, f32::max)
}

#[test]
fn speech_survives_every_packet_duration() {
    for ms in [20, 40, 60] {
        let mut encoder = Encoder::new(Duration::from_millis(ms), 16_000).unwrap();
        let mut decoder = Decoder::new().unwrap();
        let source = voice(SAMPLE_RATE_HZ, 1_200);
        let (mut heard, mut bytes) = (Vec::new(), 0);
        for pcm in source.chunks_exact(encoder.packet_samples()) {
            let mut packet = [0; 1_024];
            let len = encoder.encode(pcm, &mut packet).unwrap();
            bytes += len;
            let mut out = [0.0; MAX_PACKET_SAMPLES];
            let samples = decoder.decode(&packet[..len], &mut out).unwrap();
            assert_eq!(samples, pcm.len());
            heard.extend_from_slice(&out[..samples]);
        }
        let alike = likeness(&source, &heard, 200);
        assert!(alike > 0.95, "{ms} ms packets: correlation {alike}");
        let bit_rate = bytes as f32 * 8.0 / 1.2;
        assert!((8_000.0..20_000.0).contains(&bit_rate), "{ms} ms packets: {bit_rate} bit/s");
        assert!(encoder.lookahead() > 0 && encoder.lookahead() < 200);
    }
}

#[test]
fn every_kind_of_packet_that_phones_send_becomes_mono_at_16_khz() {
    let kinds = [Application::Voip, Application::Audio, Application::LowDelay];
    let mut tocs = std::collections::BTreeSet::new();
    for rate in [8_000, 12_000, 16_000, 24_000, 48_000_u32] {
        for channels in [Channels::Mono, Channels::Stereo] {
            for application in kinds {
                for (tenths_ms, bit_rate) in [
                    (25, 96_000),
                    (50, 64_000),
                    (100, 32_000),
                    (200, 12_000),
                    (200, 40_000),
                    (400, 12_000),
                    (400, 48_000),
                    (600, 16_000),
                    (600, 32_000),
                    (800, 32_000),
                    (1_000, 24_000),
                    (1_200, 24_000),
                ] {
                    let mut opus = opus::Encoder::new(rate, channels, application).unwrap();
                    opus.set_bitrate(Bitrate::Bits(bit_rate)).unwrap();
                    let mono = voice(rate, 480);
                    let frame = (rate * tenths_ms / 10_000) as usize;
                    let expected = (SAMPLE_RATE_HZ * tenths_ms / 10_000) as usize;
                    let mut decoder = Decoder::new().unwrap();
                    let mut heard = Vec::new();
                    for pcm in mono.chunks_exact(frame) {
                        let pcm: Vec<f32> =
                            pcm.iter().flat_map(|s| [*s; 2].into_iter().take(channels as usize)).collect();
                        let mut packet = [0; 4_000];
                        let len = opus.encode_float(&pcm, &mut packet).unwrap();
                        tocs.insert(packet[0]);
                        let mut out = [0.0; MAX_PACKET_SAMPLES];
                        assert_eq!(decoder.decode(&packet[..len], &mut out), Ok(expected));
                        assert_eq!(
                            crate::zello::toc::packet_duration(&packet[..len]),
                            Some(Duration::from_micros(u64::from(tenths_ms) * 100)),
                        );
                        heard.extend_from_slice(&out[..expected]);
                    }
                    let alike = likeness(&voice(SAMPLE_RATE_HZ, 480), &heard, 200);
                    assert!(
                        alike > 0.5,
                        "{rate} Hz, {channels:?}, {application:?}, {tenths_ms}/10 ms at {bit_rate} bit/s: {alike}"
                    );
                }
            }
        }
    }
    let configurations: std::collections::BTreeSet<u8> = tocs.iter().map(|toc| toc >> 3).collect();
    assert!(configurations.iter().any(|c| *c < 12), "SILK was tried");
    assert!(configurations.iter().any(|c| (12..16).contains(c)), "hybrid was tried");
    assert!(configurations.iter().any(|c| *c >= 16), "CELT was tried");
    assert!(tocs.iter().any(|toc| toc & 4 != 0), "stereo was tried");
    assert!(tocs.iter().any(|toc| toc & 3 != 0), "more than one frame was tried");
}

#[test]
fn three_frames_of_20_ms_in_one_packet_are_60_ms() {
    // Code 3, constant size, 3 frames of CELT wide band 20 ms, each two bytes.
    let packet = [0b1011_1011, 3, 0x12, 0x34, 0x12, 0x34, 0x12, 0x34];
    let mut out = [0.0; MAX_PACKET_SAMPLES];
    assert_eq!(Decoder::new().unwrap().decode(&packet, &mut out), Ok(960));
}

#[test]
fn a_lost_packet_is_concealed_and_the_next_one_is_clean() {
    let mut encoder = Encoder::new(Duration::from_millis(60), 24_000).unwrap();
    let mut decoder = Decoder::new().unwrap();
    let source = voice(SAMPLE_RATE_HZ, 1_200);
    let mut heard = Vec::new();
    for (number, pcm) in source.chunks_exact(960).enumerate() {
        let mut packet = [0; 1_024];
        let len = encoder.encode(pcm, &mut packet).unwrap();
        let mut out = [0.0; 960];
        if number == 9 {
            assert_eq!(decoder.conceal(&mut out), Ok(960));
            let energy: f32 = out.iter().map(|s| s * s).sum();
            assert!(energy > 0.01, "a gap of silence was left: {energy}");
        } else {
            decoder.decode(&packet[..len], &mut out).unwrap();
        }
        heard.extend_from_slice(&out);
    }
    let alike = likeness(&source[12 * 960..], &heard[12 * 960..], 200);
    assert!(alike > 0.9, "correlation after the loss: {alike}");
}

#[test]
fn concealment_fills_any_multiple_of_a_quarter_block() {
    let mut decoder = Decoder::new().unwrap();
    for samples in [40, 80, 160, 320, 960, MAX_PACKET_SAMPLES] {
        assert_eq!(decoder.conceal(&mut vec![1.0; samples]), Ok(samples));
    }
}

#[test]
fn a_reset_encoder_makes_the_same_packets_again() {
    let source = voice(SAMPLE_RATE_HZ, 240);
    let mut encoder = Encoder::new(Duration::from_millis(60), 16_000).unwrap();
    let mut over = || {
        encoder.reset();
        let mut packets = Vec::new();
        for pcm in source.chunks_exact(960) {
            let mut packet = [0; 1_024];
            let len = encoder.encode(pcm, &mut packet).unwrap();
            packets.push(packet[..len].to_vec());
        }
        packets
    };
    assert_eq!(over(), over());
}

#[test]
fn wrong_settings_and_lengths_are_named() {
    assert_eq!(Encoder::new(Duration::from_millis(30), 16_000).unwrap_err().why, "must be 20, 40 or 60 ms");
    assert!(Encoder::new(Duration::from_millis(20), u32::MAX).is_err());
    let mut encoder = Encoder::new(Duration::from_millis(20), 16_000).unwrap();
    assert!(encoder.encode(&[0.0; 160], &mut [0; 100]).is_err());
    assert!(encoder.encode(&[0.0; 320], &mut []).is_err());
    let mut decoder = Decoder::new().unwrap();
    let empty = decoder.decode(&[], &mut [0.0; MAX_PACKET_SAMPLES]).unwrap_err();
    assert_eq!(empty.to_string(), "libopus: decode: empty packet");
    assert_eq!(decoder.decode(&[0x48], &mut [0.0; 10]).unwrap_err().why, "buffer too small");
    assert!(decoder.conceal(&mut [0.0; 7]).is_err());
}

proptest! {
    #[test]
    fn no_bytes_from_the_channel_make_the_decoder_panic(packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..20)) {
        let mut decoder = Decoder::new().unwrap();
        let mut out = [0.0; MAX_PACKET_SAMPLES];
        for packet in packets {
            match decoder.decode(&packet, &mut out) {
                Ok(samples) => {
                    prop_assert!(samples > 0 && samples <= MAX_PACKET_SAMPLES);
                    prop_assert!(out[..samples].iter().all(|s| s.is_finite()));
                }
                Err(error) => prop_assert!(!error.why.is_empty()),
            }
        }
    }
}
