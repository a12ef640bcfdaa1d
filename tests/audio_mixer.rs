//! `set_mixer` on a mixer of libasound: what is switched is switched, and steps without decibels are told.
//!
//! The card is a null sink of a private PulseAudio. libasound reads its environment once for each process, so the test
//! runs its body in a process of its own.

#![expect(clippy::unwrap_used, clippy::unwrap_in_result, reason = "a test may fail anywhere")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use zello_gateway::audio::set_mixer;
use zello_gateway::config::{Audio, AudioDevice, Channel, MixerGoals, MixerLevel};

#[path = "support/pulse.rs"]
mod pulse;

use pulse::Pulse;

#[test]
fn a_real_mixer_is_set_and_what_it_cannot_do_is_told() {
    let pulse = Pulse::start(&["radio"]);
    let output = pulse.inside("inside_with_a_mixer").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    println!("{text}");
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn is_on() -> bool {
    let mixer = alsa::mixer::Mixer::new("hw:Radio", false).unwrap();
    let master = mixer.find_selem(&alsa::mixer::SelemId::new("Master", 0)).unwrap();
    master.get_playback_switch(alsa::mixer::SelemChannelId::mono()).unwrap() == 1
}

#[test]
#[ignore = "the body of the test above"]
fn inside_with_a_mixer() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let goals = MixerGoals {
        sidetone: Some("Mic".to_owned()),
        off: vec!["Master".to_owned()],
        playback: Some(MixerLevel { control: "Master".to_owned(), db: -10.0 }),
        ..MixerGoals::default()
    };
    let audio = Audio {
        capture: AudioDevice::None,
        playback: AudioDevice::Alsa("hw:CARD=Radio,DEV=0".to_owned()),
        capture_channel: Channel::Left,
        playback_channel: Channel::Both,
        capture_gain_db: 0.0,
        playback_gain_db: 0.0,
        mixer: Some(goals),
    };
    assert!(is_on());
    tracing::subscriber::with_default(subscriber, || set_mixer(&audio));
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    println!("{text}");
    assert!(!is_on(), "{text}");
    assert!(text.contains("mixer set") && text.contains("Master off"), "{text}");
    assert!(
        text.contains("there is no control \"Mic\"") && text.contains("The sidetone may still be on"),
        "{text}"
    );
    assert!(text.contains("does not tell what the steps of \"Master\" are in dB"), "{text}");
}
