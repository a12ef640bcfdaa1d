//! The two audio threads: a device on one side, a bounded queue on the other, and a search every second after a loss.
//!
//! Per block they allocate nothing, lock nothing and log nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::mixer::{self, Side};
use super::{AudioError, Capture, DeviceState, DeviceStatus, Playback, Read, Write};
use crate::codec::{BLOCK_SAMPLES, Block};
use crate::config;
use crate::counters::Counters;
use crate::queue::{Consumer, Producer};

/// A lost device is looked for so often.
const SEARCH_EVERY: Duration = Duration::from_secs(1);

/// A search looks for the order to stop so often.
const STOP_EVERY: Duration = Duration::from_millis(50);

/// Below this much sound in the device an empty queue is filled up with silence: a block and a half, for a thread that
/// is scheduled late. Above it the device's own buffer bridges an engine that is late.
const LOW_WATER: Duration = Duration::from_millis(15);

/// A block of it.
const SILENCE: Block = [0.0; BLOCK_SAMPLES];

/// Longest nap between two looks at an empty queue; half a block, so that a block does not wait for long.
const NAP: Duration = Duration::from_millis(5);

/// 10 ms from the radio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CapturedBlock {
    /// The sound.
    pub samples: Block,
    /// When its last sample was captured.
    pub captured_at: Instant,
    /// Sound between this and the block before it was lost.
    pub after_gap: bool,
}

/// What both threads share with the rest of the program.
struct Around<'a> {
    role: &'static str,
    device: String,
    status: &'a DeviceStatus,
    counters: &'a Counters,
    stop: &'a AtomicBool,
    search_every: Duration,
}

/// Moves sound from `device` into `blocks` until `stop`; a lost device is looked for every second.
///
/// `device` comes from [`open_capture`](super::open_capture) with the same `audio`. A full queue drops the block and
/// counts it.
pub fn run_capture(
    audio: &config::Audio,
    device: Box<dyn Capture>,
    blocks: Producer<'static, CapturedBlock>,
    status: &DeviceStatus,
    counters: &Counters,
    stop: &AtomicBool,
) {
    let around = Around {
        role: "capture",
        device: audio.capture.to_string(),
        status,
        counters,
        stop,
        search_every: SEARCH_EVERY,
    };
    // A card that was unplugged comes back with the mixer that it was made with.
    let open = || super::open_capture(audio).inspect(|_| mixer::set_side(audio, Side::Capture));
    around.capture(device, blocks, open);
}

/// Moves sound from `blocks` to `device` until `stop`; a lost device is looked for every second.
///
/// `device` comes from [`open_playback`](super::open_playback) with the same `audio`. The device never stops: an empty
/// queue plays silence, which is counted once the engine has begun to deliver. What waits in the queue when a lost
/// device is back is stale and thrown away.
pub fn run_playback(
    audio: &config::Audio,
    device: Box<dyn Playback>,
    blocks: Consumer<'static, Block>,
    status: &DeviceStatus,
    counters: &Counters,
    stop: &AtomicBool,
) {
    let around = Around {
        role: "playback",
        device: audio.playback.to_string(),
        status,
        counters,
        stop,
        search_every: SEARCH_EVERY,
    };
    let open = || super::reopen_playback(audio).inspect(|_| mixer::set_side(audio, Side::Playback)).map(Some);
    around.playback(device, blocks, open);
}

impl Around<'_> {
    fn capture(
        &self,
        mut device: Box<dyn Capture>,
        mut blocks: Producer<'static, CapturedBlock>,
        mut open: impl FnMut() -> Result<Option<Box<dyn Capture>>, AudioError>,
    ) {
        let mut gap = true;
        self.status.set_state(DeviceState::Running);
        while !self.stopped() {
            match self.capture_block(&mut *device, &mut blocks, gap) {
                Ok(dropped) => gap = dropped,
                Err(error) => {
                    // Closed first: a card that came back under its old name must find it free.
                    drop(device);
                    let Some(found) = self.search(&error, &mut open) else { return };
                    device = found;
                    gap = true;
                }
            }
        }
    }

    /// One period; whether the block was dropped.
    fn capture_block(
        &self,
        device: &mut dyn Capture,
        blocks: &mut Producer<'static, CapturedBlock>,
        gap: bool,
    ) -> Result<bool, AudioError> {
        let mut samples = [0.0; BLOCK_SAMPLES];
        let xrun = match device.read(&mut samples)? {
            Read::Whole => false,
            Read::AfterXrun => true,
        };
        if xrun {
            self.counters.capture_xruns.add_one();
        }
        let now = Instant::now();
        let captured_at = now.checked_sub(device.age()).unwrap_or(now);
        let dropped = blocks.enqueue(CapturedBlock { samples, captured_at, after_gap: gap || xrun }).is_err();
        if dropped {
            self.counters.capture_blocks_dropped.add_one();
        }
        Ok(dropped)
    }

    fn playback(
        &self,
        mut device: Box<dyn Playback>,
        mut blocks: Consumer<'static, Block>,
        mut open: impl FnMut() -> Result<Option<Box<dyn Playback>>, AudioError>,
    ) {
        let mut begun = false;
        self.status.set_state(DeviceState::Running);
        while !self.stopped() {
            match self.playback_step(&mut *device, &mut blocks, begun) {
                Ok(delivered) => begun |= delivered,
                Err(error) => {
                    drop(device);
                    let Some(found) = self.search(&error, &mut open) else { return };
                    device = found;
                    while blocks.dequeue().is_some() {}
                    begun = false;
                }
            }
        }
    }

    /// One block, or a nap; whether the engine had delivered.
    fn playback_step(
        &self,
        device: &mut dyn Playback,
        blocks: &mut Consumer<'static, Block>,
        begun: bool,
    ) -> Result<bool, AudioError> {
        device.wait()?;
        let delivered = blocks.dequeue();
        if delivered.is_none() {
            let spare = device.reserve().saturating_sub(LOW_WATER);
            if !spare.is_zero() {
                sleep(spare.min(NAP));
                return Ok(false);
            }
            if begun {
                self.counters.playback_blocks_missing.add_one();
            }
        }
        let write = device.write(delivered.as_ref().unwrap_or(&SILENCE))?;
        match write {
            Write::Whole => {}
            Write::AfterXrun => self.counters.playback_xruns.add_one(),
        }
        self.status.set_delay(device.delay());
        Ok(delivered.is_some())
    }

    /// Tells the loss once, then looks for the device every second; `None` when the program stops.
    fn search<D>(
        &self,
        lost: &AudioError,
        mut open: impl FnMut() -> Result<Option<D>, AudioError>,
    ) -> Option<D> {
        self.status.set_state(DeviceState::Lost);
        self.status.set_delay(Duration::ZERO);
        self.counters.audio_devices_lost.add_one();
        let (role, device) = (self.role, self.device.as_str());
        tracing::warn!(
            role,
            device,
            error = lost as &dyn std::error::Error,
            "sound device lost, looking for it"
        );
        loop {
            self.rest();
            if self.stopped() {
                return None;
            }
            match open() {
                Ok(found) => {
                    tracing::info!(role, device, "sound device is back");
                    self.status.set_state(DeviceState::Running);
                    return found;
                }
                Err(error) => {
                    tracing::debug!(role, device, error = &error as &dyn std::error::Error, "not found yet");
                }
            }
        }
    }

    /// Sleeps until the next look, or until the program stops.
    fn rest(&self) {
        let mut slept = Duration::ZERO;
        while slept < self.search_every && !self.stopped() {
            sleep(STOP_EVERY);
            slept += STOP_EVERY;
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
