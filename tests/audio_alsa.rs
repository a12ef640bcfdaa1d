//! Capture and playback through real libasound devices: a private PulseAudio with null sinks behind ALSA's plugin.
//!
//! libasound reads its environment once for each process, so each test runs its body in a process of its own.

use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use zello_gateway::audio::{
    self, CapturedBlock, DeviceState, DeviceStatus, open_capture, open_playback, run_capture, run_playback,
};
use zello_gateway::codec::{BLOCK_SAMPLES, Block};
use zello_gateway::config::{Audio, AudioDevice, Channel};
use zello_gateway::counters::Counters;
use zello_gateway::queue;

#[path = "support/pulse.rs"]
mod pulse;

use pulse::Pulse;

fn settings(capture: &str, playback: &str) -> Audio {
    Audio {
        capture: AudioDevice::Alsa(capture.to_owned()),
        playback: AudioDevice::Alsa(playback.to_owned()),
        capture_channel: Channel::Left,
        playback_channel: Channel::Both,
        capture_gain_db: 0.0,
        playback_gain_db: 0.0,
        mixer: None,
    }
}

/// Noise in the band of speech, the same on every run, between two stretches of silence.
fn burst() -> Vec<f32> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut low = [0.0_f32; 2];
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let white = (state >> 40) as f32 / 8_388_608.0 - 1.0;
        low[0] += 0.4 * (white - low[0]);
        low[1] += 0.4 * (low[0] - low[1]);
        low[1]
    });
    let silence = || std::iter::repeat_n(0.0, 100 * BLOCK_SAMPLES);
    silence().chain(noise.take(100 * BLOCK_SAMPLES)).chain(silence()).collect()
}

/// Normalised correlation of `a` with as much of `b`; 1 is the same sound.
fn likeness(a: &[f32], b: &[f32]) -> f32 {
    let b = b.get(..a.len()).unwrap_or(b);
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    product(a, b) / (product(a, a) * product(b, b)).sqrt().max(1e-9)
}

/// Where in `heard`, among the `places`, it is most like `sent`, and how like.
fn find(sent: &[f32], heard: &[f32], places: Range<usize>) -> (usize, f32) {
    let likely = places
        .map(|at| (at, likeness(sent, heard.get(at..).unwrap_or_default())))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    likely.unwrap_or_default()
}

#[test]
fn a_burst_that_is_played_is_heard_through_real_devices() {
    let pulse = Pulse::start(&["radio"]);
    let output = pulse.inside("inside_play_and_hear").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "body of a test above: needs its devices"]
fn inside_play_and_hear() {
    let audio = settings("radio_monitor", "radio");
    let (capture, playback) = (open_capture(&audio).unwrap().unwrap(), open_playback(&audio).unwrap());
    let (heard_tx, mut heard_rx) = queue::channel::<CapturedBlock, 512>();
    let (mut play_tx, play_rx) = queue::channel::<Block, 32>();
    let (status_in, status_out) = (DeviceStatus::new(), DeviceStatus::new());
    let (counters, stop) = (Counters::default(), AtomicBool::new(false));
    let sent = burst();
    let mut heard = Vec::new();
    let mut gaps = 0;
    let mut delay = Duration::ZERO;
    std::thread::scope(|scope| {
        scope.spawn(|| run_capture(&audio, capture, heard_tx, &status_in, &counters, &stop));
        scope.spawn(|| run_playback(&audio, playback, play_rx, &status_out, &counters, &stop));
        let mut blocks = sent.chunks_exact(BLOCK_SAMPLES);
        let limit = Instant::now() + Duration::from_secs(10);
        // Paced by capture, as the engine is.
        while heard.len() < sent.len() + 50 * BLOCK_SAMPLES && Instant::now() < limit {
            let Some(block) = heard_rx.dequeue() else {
                std::thread::sleep(Duration::from_millis(2));
                continue;
            };
            assert!(block.captured_at <= Instant::now());
            gaps += usize::from(block.after_gap);
            heard.extend(block.samples);
            let next = blocks.next().map_or([0.0; BLOCK_SAMPLES], |block| block.try_into().unwrap());
            play_tx.enqueue(next).unwrap();
            delay = delay.max(status_out.delay());
        }
        assert_eq!((status_in.state(), status_out.state()), (DeviceState::Running, DeviceState::Running));
        stop.store(true, Ordering::Relaxed);
    });
    // What was lost to a busy machine has been counted; without that the whole burst must be there.
    let excused = counters.all().map(|(_, n)| n).sum::<u64>();
    let mut from = 100 * BLOCK_SAMPLES;
    let mut spoilt = 0;
    for (number, part) in sent.chunks(10 * BLOCK_SAMPLES).enumerate().skip(10).take(10) {
        let reach = if number == 10 { 50 } else { 5 } * BLOCK_SAMPLES;
        let (at, likeness) = find(part, &heard, from..from + reach);
        let late = (at - number * part.len()) as f64 / 16.0;
        println!("part {number}: likeness {likeness}, {late} ms after it was played, delay told {delay:?}");
        spoilt += u64::from(likeness < 0.95);
        from = if likeness < 0.95 { from } else { at } + part.len();
    }
    println!("gaps {gaps}, {:?}", counters.all().filter(|(_, n)| *n > 0).collect::<Vec<_>>());
    assert!(spoilt <= excused && spoilt < 5, "{spoilt} of 10 parts are not as they were sent");
    // The first block of all is told to follow a gap.
    assert!(gaps as u64 <= 1 + counters.capture_xruns.value());
}

#[test]
fn a_device_that_goes_away_is_told_as_lost_and_found_again_when_it_returns() {
    let mut pulse = Pulse::start(&["radio"]);
    let mut inside = pulse.inside("inside_lose_and_find").stdout(Stdio::piped()).spawn().unwrap();
    let mut text = String::new();
    for line in BufReader::new(inside.stdout.take().unwrap()).lines().map(Result::unwrap) {
        match line.as_str() {
            RUNNING => pulse.unplug(),
            LOST => pulse.plug_in(),
            _ => text = text + &line + "\n",
        }
    }
    assert!(inside.wait().unwrap().success() && text.contains("1 passed"), "{text}");
}

const RUNNING: &str = "now the devices run";
const LOST: &str = "now the devices are lost";

#[test]
#[ignore = "body of a test above: needs its devices"]
fn inside_lose_and_find() {
    let audio = settings("radio_monitor", "radio");
    let (capture, playback) = (open_capture(&audio).unwrap().unwrap(), open_playback(&audio).unwrap());
    let (heard_tx, mut heard_rx) = queue::channel::<CapturedBlock, 512>();
    let (_play_tx, play_rx) = queue::channel::<Block, 32>();
    let both = [DeviceStatus::new(), DeviceStatus::new()];
    let (counters, stop) = (Counters::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| run_capture(&audio, capture, heard_tx, &both[0], &counters, &stop));
        scope.spawn(|| run_playback(&audio, playback, play_rx, &both[1], &counters, &stop));
        let are = |state| both.iter().all(|status| status.state() == state);
        await_until(|| are(DeviceState::Running) && heard_rx.dequeue().is_some());
        println!("\n{RUNNING}");
        await_until(|| are(DeviceState::Lost));
        while heard_rx.dequeue().is_some() {}
        println!("{LOST}");
        await_until(|| are(DeviceState::Running) && !heard_rx.is_empty());
        stop.store(true, Ordering::Relaxed);
    });
    assert!(heard_rx.dequeue().unwrap().after_gap);
    assert_eq!(counters.audio_devices_lost.value(), 2);
}

/// Waits for other threads and processes, for ten seconds at most.
fn await_until(mut condition: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < limit, "it does not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_device_that_does_not_exist_is_refused_with_its_name_and_a_remedy() {
    let audio = settings("hw:CARD=Nowhere,DEV=0", "hw:CARD=Nowhere,DEV=0");
    for error in [open_capture(&audio).err().unwrap(), open_playback(&audio).err().unwrap()] {
        let text = error.to_string();
        assert!(text.contains("hw:CARD=Nowhere,DEV=0") && text.contains("zello-gateway devices"), "{text}");
    }
    // A machine without sound cards has an empty list, not an error.
    assert!(audio::list().iter().all(|card| card.name.starts_with("hw:CARD=")));
}
