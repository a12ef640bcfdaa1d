//! The whole daemon between two real libasound devices: what the radio says and hears goes through sound cards.
//!
//! The cards are null sinks of a private PulseAudio. libasound reads its environment once for each process, so the test
//! runs its body in a process of its own.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use zello_gateway::audio::{
    CapturedBlock, DeviceStatus, open_capture, open_playback, run_capture, run_playback,
};
use zello_gateway::codec::{BLOCK_SAMPLES, Block};
use zello_gateway::config::{Audio, AudioDevice, Channel};
use zello_gateway::counters::Counters;
use zello_gateway::queue::{self, Consumer, Producer};

#[path = "support/daemon.rs"]
mod daemon;
#[path = "support/pulse.rs"]
mod pulse;

use daemon::{Server, Site, as_sent, assert_whole, epoch, samples, until, until_heard, until_overs, voice};
use pulse::Pulse;

#[test]
fn the_daemon_bridges_real_sound_devices_both_ways() {
    let pulse = Pulse::start(&["radio_rx", "radio_tx"]);
    // A machine that is too busy for sound in real time says so in its xruns, and gets another chance.
    for attempt in 1..=3 {
        let output = pulse.inside("inside_between_two_cards").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        println!("{text}");
        if output.status.success() {
            assert!(text.contains("1 passed"), "{text}");
            return;
        }
        assert!(text.contains(TOO_BUSY) && attempt < 3, "{text}");
    }
}

/// Said by the body when sound was lost for want of time, which the counters tell.
const TOO_BUSY: &str = "this machine is too busy for sound in real time";

/// The radio's own side of both cards: it talks into `radio_rx` and listens to `radio_tx`.
fn radio() -> Audio {
    Audio {
        capture: AudioDevice::Alsa("radio_tx_monitor".to_owned()),
        playback: AudioDevice::Alsa("radio_rx".to_owned()),
        capture_channel: Channel::Left,
        playback_channel: Channel::Both,
        capture_gain_db: 0.0,
        playback_gain_db: 0.0,
        mixer: None,
    }
}

/// What the radio hears the gateway say, with the wall clock of its first sample.
#[derive(Default)]
struct Ear {
    sound: Vec<f32>,
    began: Option<f64>,
}

impl Ear {
    fn listen(&mut self, blocks: &mut Consumer<'static, CapturedBlock>) {
        while let Some(block) = blocks.dequeue() {
            let age = block.captured_at.elapsed().as_secs_f64() + samples_s(BLOCK_SAMPLES);
            self.began.get_or_insert_with(|| epoch() - age);
            self.sound.extend(block.samples);
        }
    }
}

fn samples_s(count: usize) -> f64 {
    count as f64 / 16_000.0
}

/// Says a sound into the card at the card's pace; the queue holds 320 ms.
async fn say(sound: &[f32], mouth: &mut Producer<'static, Block>) {
    for block in sound.chunks_exact(BLOCK_SAMPLES) {
        let block: Block = block.try_into().unwrap();
        until("room in the radio's sound card", || mouth.enqueue(block).ok(), String::new).await;
    }
}

#[tokio::test]
#[ignore = "body of the test above: needs its devices"]
async fn inside_between_two_cards() {
    let audio = radio();
    let (capture, playback) = (open_capture(&audio).unwrap().unwrap(), open_playback(&audio).unwrap());
    let (heard_tx, mut heard) = queue::channel::<CapturedBlock, 512>();
    let (mut mouth, said) = queue::channel::<Block, 32>();
    let stop = AtomicBool::new(false);
    let (counters, states) = (Counters::default(), [DeviceStatus::new(), DeviceStatus::new()]);
    // Scoped threads cannot meet an async body; the devices end with the process otherwise.
    let (stop, counters, states): (&AtomicBool, &Counters, &[DeviceStatus; 2]) =
        (Box::leak(Box::new(stop)), Box::leak(Box::new(counters)), Box::leak(Box::new(states)));
    let mut threads = Vec::new();
    #[expect(clippy::disallowed_methods, reason = "the supervisor of threads is the daemon's")]
    {
        let settings = audio.clone();
        threads.push(std::thread::spawn(move || {
            run_capture(&settings, capture, heard_tx, &states[0], counters, stop);
        }));
        threads.push(std::thread::spawn(move || {
            run_playback(&audio, playback, said, &states[1], counters, stop);
        }));
    }
    // A monitor is silent for its first seconds.
    until("sound of the card", || heard.dequeue(), String::new).await;

    let server = Server::start().await;
    let phone = server.phone().await;
    let mut site = Site::hearing(server.port, &[]);
    (site.capture, site.playback) = ("radio_rx_monitor".to_owned(), "radio_tx".to_owned());
    let daemon = site.start_online().await;

    // Up: the gateway's own monitor begins when it begins; until then the over is silence and does no harm.
    let spoken = voice("radio.wav", 4.0);
    site.squelch("on").await;
    until_heard(&phone, &daemon, Duration::from_millis(300)).await;
    let before = Instant::now();
    say(&daemon::after_silence(0.3, &spoken), &mut mouth).await;
    say(&vec![0.0; samples(0.5)], &mut mouth).await;
    println!("said in {:?}", before.elapsed());
    let so_far = phone.heard().pop().unwrap().duration();
    until_heard(&phone, &daemon, so_far + Duration::from_millis(900)).await;
    site.squelch("off").await;
    let over = until_overs(&phone, &daemon, 1).await.pop().unwrap();

    // Down: recorded from the card that the transmitter's sound goes to.
    while heard.dequeue().is_some() {}
    let mut ear = Ear::default();
    let answer = voice("phone.wav", 4.0);
    let talking = tokio::spawn({
        let answer = answer.clone();
        async move { phone.talk(&answer).await.map(drop) }
    });
    let released = || {
        ear.listen(&mut heard);
        Some(site.ptt()).filter(|ptt| ptt.len() == 2)
    };
    let ptt = until("the end of the transmission", released, || daemon.log()).await;
    talking.await.unwrap().unwrap();
    // What the card still holds when PTT goes off.
    let limit = ear.sound.len() + samples(1.0);
    until(
        "the rest of the sound",
        || {
            ear.listen(&mut heard);
            (ear.sound.len() > limit).then_some(())
        },
        String::new,
    )
    .await;
    daemon.stop().await;
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().unwrap();
    }

    let lost = ["capture_xruns", "playback_xruns", "capture_blocks_dropped", "playback_blocks_missing"];
    let lost: u64 = lost.iter().map(|name| site.counter(name)).sum();
    let lost = lost + counters.capture_xruns.value() + counters.playback_xruns.value();
    if lost > 0 {
        println!("{lost} xruns and late blocks: {TOO_BUSY}");
    }
    let up = assert_whole("the phone", &as_sent(&spoken), &over.speech().unwrap());
    let down = assert_whole("the radio", &answer, &ear.sound);
    println!("up: {up:?}\ndown: {down:?}");
    let first_word = ear.began.unwrap() + samples_s(down.delay);
    let last_word = first_word + samples_s(answer.len());
    let (lead, tail) = (first_word - ptt[0].0, ptt[1].0 - last_word);
    println!("keyed {lead:.3} s before the first word, until {tail:.3} s after the last");
    // The sound server tells its delay to some 50 ms.
    assert!(lead > 0.0 && tail > -0.1, "keyed {lead:.3} s before the first word, {tail:.3} s after the last");
}
