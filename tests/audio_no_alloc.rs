//! The steady loops of both audio threads allocate nothing: a counting allocator sees the whole process.

use std::alloc::System;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};
use zello_gateway::audio::{
    CapturedBlock, DeviceStatus, open_capture, open_playback, run_capture, run_playback,
};
use zello_gateway::codec::Block;
use zello_gateway::config::{Audio, AudioDevice, Channel};
use zello_gateway::counters::Counters;
use zello_gateway::queue::{self, Consumer, Producer};

#[path = "support/pulse.rs"]
mod pulse;

use pulse::Pulse;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The bodies run one after the other in a process of their own: nobody else allocates there meanwhile.
#[test]
fn steady_audio_threads_allocate_nothing() {
    let pulse = Pulse::start(&["radio"]);
    let output = pulse.inside("inside_count_allocations").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "body of the test above: needs its devices"]
fn inside_count_allocations() {
    let dir = tempfile::tempdir().unwrap();
    let (speech, recording) = (dir.path().join("speech.wav"), dir.path().join("recording.wav"));
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 44_100,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&speech, spec).unwrap();
    for n in 0..30_000_i16 {
        writer.write_sample(n).unwrap();
    }
    writer.finalize().unwrap();
    let wav = (AudioDevice::Wav(speech), AudioDevice::Wav(recording));
    let alsa = (AudioDevice::Alsa("radio_monitor".to_owned()), AudioDevice::Alsa("radio".to_owned()));
    for (capture, playback) in [wav, alsa] {
        let name = format!("{capture:?}");
        let (blocks, stats) = bridge(&Audio {
            capture,
            playback,
            capture_channel: Channel::Both,
            playback_channel: Channel::Both,
            capture_gain_db: 3.0,
            playback_gain_db: -3.0,
            mixer: None,
        });
        assert!(blocks > 50, "{name}: only {blocks} blocks came");
        assert_eq!((stats.allocations, stats.reallocations, stats.deallocations), (0, 0, 0), "{name}");
    }
}

/// Plays what it captures; the blocks and the allocations of a second after it has settled.
fn bridge(audio: &Audio) -> (usize, Stats) {
    let capture = open_capture(audio).ok().flatten().unwrap_or_else(|| panic!("no capture for {audio:?}"));
    let playback = open_playback(audio).unwrap_or_else(|error| panic!("{error}"));
    let (heard_tx, mut heard_rx) = queue::channel::<CapturedBlock, 64>();
    let (mut play_tx, play_rx) = queue::channel::<Block, 64>();
    let (status, counters, stop) = (DeviceStatus::new(), Counters::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| run_capture(audio, capture, heard_tx, &status, &counters, &stop));
        scope.spawn(|| run_playback(audio, playback, play_rx, &status, &counters, &stop));
        // A null sink takes two seconds until it keeps step.
        let limit = Instant::now() + Duration::from_secs(10);
        while pass_on(&mut heard_rx, &mut play_tx, Duration::from_millis(500)) < 25 && Instant::now() < limit
        {
        }
        let region = Region::new(ALLOCATOR);
        let blocks = pass_on(&mut heard_rx, &mut play_tx, Duration::from_secs(1));
        let seen = region.change();
        stop.store(true, Ordering::Relaxed);
        (blocks, seen)
    })
}

/// The engine's place: passes blocks on for `span`; how many.
fn pass_on(
    from: &mut Consumer<'static, CapturedBlock>,
    to: &mut Producer<'static, Block>,
    span: Duration,
) -> usize {
    let end = Instant::now() + span;
    let mut blocks = 0;
    while Instant::now() < end {
        while let Some(block) = from.dequeue() {
            blocks += 1;
            // A full queue means a slow machine, which is not what is measured here.
            let _full = to.enqueue(block.samples);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    blocks
}
