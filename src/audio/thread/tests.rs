use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::*;
use crate::audio::Lost;
use crate::queue;

fn gone() -> AudioError {
    AudioError::Lost { device: "fake".to_owned(), reason: Lost::Stalled }
}

struct World {
    status: DeviceStatus,
    counters: Counters,
    stop: Arc<AtomicBool>,
}

impl World {
    fn new() -> Self {
        Self { status: DeviceStatus::new(), counters: Counters::default(), stop: Arc::default() }
    }

    fn around(&self) -> Around<'_> {
        let (status, counters, stop) = (&self.status, &self.counters, &*self.stop);
        Around {
            role: "test",
            device: "fake".to_owned(),
            status,
            counters,
            stop,
            search_every: Duration::ZERO,
        }
    }
}

/// Captures blocks of 1, 2, 3 …; an `Err` of the script is a loss, its end stops the thread.
struct FakeCapture {
    script: VecDeque<Result<Read, ()>>,
    stop: Arc<AtomicBool>,
    count: f32,
}

impl FakeCapture {
    fn boxed(world: &World, script: &[Result<Read, ()>]) -> Box<dyn Capture> {
        Box::new(Self { script: script.iter().copied().collect(), stop: Arc::clone(&world.stop), count: 0.0 })
    }
}

impl Capture for FakeCapture {
    fn read(&mut self, block: &mut Block) -> Result<Read, AudioError> {
        let step = self.script.pop_front();
        if self.script.is_empty() {
            self.stop.store(step != Some(Err(())), Ordering::Relaxed);
        }
        self.count += 1.0;
        block.fill(self.count);
        step.unwrap_or(Ok(Read::Whole)).map_err(|()| gone())
    }

    fn age(&self) -> Duration {
        Duration::from_millis(7)
    }
}

fn drain(queue: &mut Consumer<'static, CapturedBlock>) -> Vec<(f32, bool)> {
    std::iter::from_fn(|| queue.dequeue()).map(|block| (block.samples[0], block.after_gap)).collect()
}

#[test]
fn captured_blocks_come_in_order_with_their_gaps_and_their_time() {
    let world = World::new();
    let (tx, mut rx) = queue::channel::<_, 8>();
    let before = Instant::now();
    let device =
        FakeCapture::boxed(&world, &[Ok(Read::Whole), Ok(Read::Whole), Ok(Read::AfterXrun), Ok(Read::Whole)]);
    world.around().capture(device, tx, || Ok(None));
    let captured_at = rx.peek().unwrap().captured_at;
    assert!(
        captured_at + Duration::from_millis(7) >= before && captured_at < before + Duration::from_secs(1)
    );
    assert_eq!(drain(&mut rx), [(1.0, true), (2.0, false), (3.0, true), (4.0, false)]);
    assert_eq!(world.counters.capture_xruns.value(), 1);
    assert_eq!(world.status.state(), DeviceState::Running);
}

#[test]
fn a_full_queue_drops_the_new_block_counts_it_and_waits_for_nobody() {
    let world = World::new();
    let (tx, mut rx) = queue::channel::<_, 3>();
    world.around().capture(FakeCapture::boxed(&world, &[Ok(Read::Whole); 5]), tx, || Ok(None));
    assert_eq!(drain(&mut rx), [(1.0, true), (2.0, false)]);
    assert_eq!(world.counters.capture_blocks_dropped.value(), 3);
}

#[test]
fn a_lost_capture_device_is_found_again_and_the_gap_is_told() {
    let world = World::new();
    let (tx, mut rx) = queue::channel::<_, 8>();
    let mut tries = 0;
    world.around().capture(FakeCapture::boxed(&world, &[Ok(Read::Whole), Err(())]), tx, || {
        tries += 1;
        assert_eq!(world.status.state(), DeviceState::Lost);
        // It is back at the second look.
        if tries < 2 { Err(gone()) } else { Ok(Some(FakeCapture::boxed(&world, &[Ok(Read::Whole); 2]))) }
    });
    assert_eq!(tries, 2);
    assert_eq!(drain(&mut rx), [(1.0, true), (1.0, true), (2.0, false)]);
    assert_eq!(world.counters.audio_devices_lost.value(), 1);
    assert_eq!(world.status.state(), DeviceState::Running);
}

#[test]
fn a_search_ends_when_the_program_stops() {
    let world = World::new();
    let (tx, _rx) = queue::channel::<_, 3>();
    world.around().capture(FakeCapture::boxed(&world, &[Err(())]), tx, || {
        world.stop.store(true, Ordering::Relaxed);
        Err(gone())
    });
    assert_eq!(world.status.state(), DeviceState::Lost);
}

#[test]
fn a_thread_gets_on_with_every_block_and_with_every_look_for_a_lost_device() {
    let world = World::new();
    let (tx, _rx) = queue::channel::<_, 8>();
    world.around().capture(FakeCapture::boxed(&world, &[Ok(Read::Whole); 3]), tx, || Ok(None));
    assert_eq!(world.status.steps(), 3, "one a block");
    let world = World::new();
    let (tx, _rx) = queue::channel::<_, 8>();
    let around = Around { search_every: Duration::from_millis(1), ..world.around() };
    let mut seen = Vec::new();
    around.capture(FakeCapture::boxed(&world, &[Err(())]), tx, || {
        seen.push(world.status.steps());
        world.stop.store(seen.len() == 3, Ordering::Relaxed);
        Err(gone())
    });
    assert_eq!(seen, [2, 3, 4], "one for the block that failed, then one a look");
}

/// Keeps what is played; its reserve is what the test says.
#[derive(Clone, Default)]
struct FakePlayback {
    played: Arc<Mutex<Vec<f32>>>,
    reserve: Duration,
    xrun: bool,
}

impl Playback for FakePlayback {
    fn wait(&mut self) -> Result<(), AudioError> {
        Ok(())
    }

    fn reserve(&self) -> Duration {
        self.reserve
    }

    fn write(&mut self, block: &Block) -> Result<Write, AudioError> {
        self.played.lock().map_err(|_poisoned| gone())?.push(block[0]);
        Ok(if std::mem::take(&mut self.xrun) { Write::AfterXrun } else { Write::Whole })
    }

    fn delay(&self) -> Duration {
        Duration::from_millis(30)
    }
}

fn block(value: f32) -> Block {
    [value; BLOCK_SAMPLES]
}

#[test]
fn an_empty_queue_plays_silence_that_is_counted_once_the_engine_delivers() {
    let world = World::new();
    let (_tx, mut rx) = queue::channel::<Block, 8>();
    let mut device = FakePlayback::default();
    for begun in [false, true] {
        assert!(!world.around().playback_step(&mut device, &mut rx, begun).unwrap());
        assert_eq!(world.counters.playback_blocks_missing.value(), u64::from(begun));
    }
    assert_eq!(*device.played.lock().unwrap(), [0.0, 0.0]);
}

#[test]
fn an_engine_that_is_late_is_waited_for_while_the_device_has_sound() {
    let world = World::new();
    let (_tx, mut rx) = queue::channel::<Block, 8>();
    let mut device =
        FakePlayback { reserve: LOW_WATER + Duration::from_micros(10), ..FakePlayback::default() };
    assert!(!world.around().playback_step(&mut device, &mut rx, true).unwrap());
    assert!(device.played.lock().unwrap().is_empty());
    assert_eq!(world.counters.playback_blocks_missing.value(), 0);
}

#[test]
fn the_delay_counts_what_waits_in_the_queue() {
    let world = World::new();
    let (mut tx, mut rx) = queue::channel::<Block, 8>();
    for value in [0.1, 0.2, 0.3] {
        tx.enqueue(block(value)).unwrap();
    }
    let mut device = FakePlayback { xrun: true, ..FakePlayback::default() };
    assert!(world.around().playback_step(&mut device, &mut rx, true).unwrap());
    assert_eq!(world.status.delay(), device.delay());
    assert_eq!(world.counters.playback_xruns.value(), 1);
}

/// Is lost at the first write.
struct Broken;

impl Playback for Broken {
    fn wait(&mut self) -> Result<(), AudioError> {
        Err(gone())
    }

    fn reserve(&self) -> Duration {
        Duration::ZERO
    }

    fn write(&mut self, _block: &Block) -> Result<Write, AudioError> {
        Err(gone())
    }

    fn delay(&self) -> Duration {
        Duration::ZERO
    }
}

#[test]
fn what_waited_for_a_lost_playback_device_is_stale_when_it_is_back() {
    let world = World::new();
    let (mut tx, rx) = queue::channel::<Block, 8>();
    tx.enqueue(block(0.5)).unwrap();
    let found = FakePlayback::default();
    let played = Arc::clone(&found.played);
    let mut spare = Some(found);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            world.around().playback(Box::new(Broken), rx, || Ok(spare.take().map(|d| Box::new(d) as _)));
        });
        while played.lock().unwrap().is_empty() {
            std::thread::yield_now();
        }
        world.stop.store(true, Ordering::Relaxed);
    });
    assert!(played.lock().unwrap().iter().all(|sample| *sample == 0.0));
    assert_eq!(world.counters.audio_devices_lost.value(), 1);
}
