//! A phone talks and listens through the simulator: speech arrives whole, paced, and without what was lost.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of a test fail as the test does: by panicking"
)]

#[path = "support/sim.rs"]
mod support;

use std::time::Duration;

use support::Client;
use tokio::time::Instant;
use zello_gateway::sim::{Fault, Login, Phone, PhoneError, Seen, Settings, Sim, StopReason};
use zello_gateway::zello::{CodecHeader, ErrorCode, Event, PacketId};

async fn phone(sim: &Sim, name: &str) -> Phone {
    Phone::over(sim.connect_memory(), "ws://localhost/ws", &Login::new(name, "Test ch")).await.unwrap()
}

/// A second of two tones, which survive Opus.
fn tones() -> Vec<f32> {
    (0..16_000_u16)
        .map(|sample| f32::from(sample) / 16_000.0 * std::f32::consts::TAU)
        .map(|turn| 0.3 * (turn * 440.0).sin() + 0.2 * (turn * 1_250.0).sin())
        .collect()
}

/// Strength of a frequency in 16 kHz sound, as a share of full scale.
fn strength(sound: &[f32], hertz: f32) -> f32 {
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (sample, value) in (0_u16..).zip(sound) {
        let turn = f32::from(sample) / 16_000.0 * std::f32::consts::TAU * hertz;
        sine += value * turn.sin();
        cosine += value * turn.cos();
    }
    2.0 * sine.hypot(cosine) / sound.len() as f32
}

#[tokio::test(start_paused = true)]
async fn speech_arrives_whole_and_in_real_time() {
    let sim = Sim::start(Settings::default());
    let mut events = sim.events();
    let (tx, rx) = (phone(&sim, "tx").await, phone(&sim, "rx").await);
    let since = Instant::now();
    let talk = tx.talk(&tones()).await.unwrap();
    assert_eq!((talk.packets, since.elapsed().as_millis()), (17, 17 * 60));
    let heard = rx.hear(1).await.unwrap();
    assert_eq!((heard[0].from.as_str(), heard[0].stream, heard[0].packets.len()), ("tx", talk.stream, 17));
    assert_eq!(heard[0].duration(), Duration::from_millis(17 * 60));
    for pair in heard[0].packets.windows(2) {
        assert_eq!((pair[1].at - pair[0].at).as_millis(), 60);
    }
    let speech = heard[0].speech().unwrap();
    let middle = &speech[3_000..13_000];
    assert!(strength(middle, 440.0) > 0.2 && strength(middle, 1_250.0) > 0.13, "{}", strength(middle, 440.0));
    assert!(strength(middle, 2_000.0) < 0.02);
    assert!(tx.heard().is_empty(), "nobody hears themselves");
    let mut stops = 0;
    while let Ok(event) = events.try_recv() {
        if let Seen::StreamStopped { packets, why, .. } = event.what {
            assert_eq!((packets, why), (17, StopReason::Sender));
            stops += 1;
        }
    }
    assert_eq!(stops, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_is_concealed_and_keeps_its_time() {
    let sim = Sim::start(Settings::default());
    let (tx, rx) = (phone(&sim, "tx").await, phone(&sim, "rx").await);
    sim.set_fault(Fault::PacketLoss { percent: 20 });
    tx.talk(&tones()).await.unwrap();
    let heard = rx.hear(1).await.unwrap();
    let (first, last) = (heard[0].packets[0].id.0, heard[0].packets.last().unwrap().id.0);
    let spanned = (last - first + 1) as usize;
    assert!(heard[0].packets.len() < spanned, "nothing was lost: choose another seed");
    assert_eq!(heard[0].speech().unwrap().len(), spanned * 960);
}

#[tokio::test(start_paused = true)]
async fn prepared_packets_pass_untouched_and_the_stop_can_be_withheld() {
    let sim = Sim::start(Settings::default());
    let (tx, rx) = (phone(&sim, "tx").await, phone(&sim, "rx").await);
    let header = CodecHeader { sample_rate_hz: 48_000, frames_per_packet: 3, frame_ms: 60 };
    let stream = tx.start(header, 60.0).await.unwrap();
    let since = Instant::now();
    tx.send_packet(stream, PacketId(0), b"stereo").unwrap();
    let heard = rx.hear(1).await.unwrap();
    assert_eq!(since.elapsed().as_secs(), 10, "the server ends a stream whose packets cease");
    assert_eq!(heard[0].packets[0].opus, b"stereo");
    let is_stop = |event: &Event| *event == Event::StreamStop { stream_id: stream };
    assert!(tx.events().iter().any(|(_, event)| is_stop(event)), "its sender is told too");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_named() {
    let sim = Sim::start(Settings::default());
    let (one, two) = (phone(&sim, "one").await, phone(&sim, "two").await);
    one.start(CodecHeader::single(16_000, 60), 60.0).await.unwrap();
    let refusal = two.talk(&tones()).await.unwrap_err();
    assert!(matches!(&refusal, PhoneError::Refused { error: ErrorCode::ChannelBusy, .. }), "{refusal}");
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_hangs_up_closes_properly() {
    let sim = Sim::start(Settings::default());
    let mut other = Client::logged_on(&sim, "other").await;
    let phone = phone(&sim, "phone").await;
    assert_eq!(other.json().await["users_online"], 2);
    phone.hang_up().await;
    assert_eq!(other.json().await["users_online"], 1);
}
