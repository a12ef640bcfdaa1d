//! What the engine may know about a sound device at any moment, without asking its thread.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// How a sound device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceState {
    /// Not opened yet.
    Opening,
    /// Sound flows.
    Running,
    /// Gone; looked for every second. Without playback the radio must not be keyed.
    Lost,
}

/// State, delay and progress of one device, shared between its thread and the engine. Reading never waits.
#[derive(Debug, Default)]
pub struct DeviceStatus {
    state: AtomicU8,
    delay_us: AtomicU32,
    steps: AtomicU64,
}

const RUNNING: u8 = 1;
const LOST: u8 = 2;

impl DeviceStatus {
    /// A device that is not opened yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: AtomicU8::new(0), delay_us: AtomicU32::new(0), steps: AtomicU64::new(0) }
    }

    /// How the device is.
    #[must_use]
    pub fn state(&self) -> DeviceState {
        match self.state.load(Ordering::Relaxed) {
            RUNNING => DeviceState::Running,
            LOST => DeviceState::Lost,
            _ => DeviceState::Opening,
        }
    }

    /// Playback: time until a block that the thread takes from its queue leaves the device. Capture: zero.
    #[must_use]
    pub fn delay(&self) -> Duration {
        Duration::from_micros(u64::from(self.delay_us.load(Ordering::Relaxed)))
    }

    /// Moves while the thread does: with every block, and with every look for a lost device. A number that stands still
    /// for seconds is a thread that hangs.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// Tells that the thread has got on: for its thread, and for tests that stand in for it.
    pub fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells how the device is: for its thread, and for tests that stand in for it.
    pub fn set_state(&self, state: DeviceState) {
        let state = match state {
            DeviceState::Opening => 0,
            DeviceState::Running => RUNNING,
            DeviceState::Lost => LOST,
        };
        self.state.store(state, Ordering::Relaxed);
    }

    /// Tells the delay: for its thread, and for tests that stand in for it.
    pub fn set_delay(&self, delay: Duration) {
        self.delay_us.store(u32::try_from(delay.as_micros()).unwrap_or(u32::MAX), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_thread_sets_is_what_the_engine_reads() {
        let status = DeviceStatus::new();
        assert_eq!(status.state(), DeviceState::Opening);
        for state in [DeviceState::Running, DeviceState::Lost, DeviceState::Opening] {
            status.set_state(state);
            assert_eq!(status.state(), state);
        }
        status.set_delay(Duration::from_micros(31_416));
        assert_eq!(status.delay(), Duration::from_micros(31_416));
    }
}
