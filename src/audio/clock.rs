//! Devices without hardware keep real time by absolute deadlines: no drift, and no sound lost when a thread is late.
//!
//! The arithmetic takes `now`; only the devices read the clock.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{AudioError, Playback, Write};
use crate::codec::{BLOCK, Block};

/// A source later than this does not catch up in a burst, which no queue could hold: its time line shifts.
const SLACK: Duration = Duration::from_millis(100);

/// Sound that a virtual playback device holds: as many blocks as a usual card.
const CAPACITY: Duration = Duration::from_millis(60);

/// Sound that it starts with.
const PRIME: Duration = Duration::from_millis(30);

/// When each block of a virtual capture device is complete.
#[derive(Debug, Default)]
pub(super) struct CaptureClock {
    due: Option<Instant>,
}

impl CaptureClock {
    /// The moment when the next block is complete.
    pub(super) fn next(&mut self, now: Instant) -> Instant {
        let due = match self.due {
            Some(due) if now < due + SLACK => due + BLOCK,
            Some(_) | None => now + BLOCK,
        };
        self.due = Some(due);
        due
    }
}

/// When a virtual playback device runs dry.
#[derive(Debug, Default)]
pub(super) struct PlaybackClock {
    dry_at: Option<Instant>,
}

impl PlaybackClock {
    /// Sound left in the device.
    pub(super) fn reserve(&self, now: Instant) -> Duration {
        self.dry_at.map_or(PRIME, |dry_at| dry_at.saturating_duration_since(now))
    }

    /// How long until there is room for a block.
    pub(super) fn until_room(&self, now: Instant) -> Duration {
        (self.reserve(now) + BLOCK).saturating_sub(CAPACITY)
    }

    /// A block is written.
    pub(super) fn write(&mut self, now: Instant) -> Write {
        let (dry_at, write) = match self.dry_at {
            None => (now + PRIME, Write::Whole),
            Some(dry_at) if dry_at < now => (now, Write::AfterXrun),
            Some(dry_at) => (dry_at, Write::Whole),
        };
        self.dry_at = Some(dry_at + BLOCK);
        write
    }
}

/// Plays to nobody, at the pace of a card.
#[derive(Debug, Default)]
pub(super) struct NoPlayback {
    clock: PlaybackClock,
}

impl Playback for NoPlayback {
    fn wait(&mut self) -> Result<(), AudioError> {
        sleep(self.clock.until_room(Instant::now()));
        Ok(())
    }

    fn reserve(&self) -> Duration {
        self.clock.reserve(Instant::now())
    }

    fn write(&mut self, _block: &Block) -> Result<Write, AudioError> {
        self.wait()?;
        Ok(self.clock.write(Instant::now()))
    }

    fn delay(&self) -> Duration {
        self.reserve()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_reader_gets_the_blocks_that_are_due_and_time_does_not_drift() {
        let start = Instant::now();
        let mut clock = CaptureClock::default();
        assert_eq!(clock.next(start), start + BLOCK);
        // 45 ms late: four blocks are due at once, and the fifth at its own time.
        let late = start + BLOCK + Duration::from_millis(45);
        let due: Vec<_> = (0..5).map(|_| clock.next(late)).collect();
        assert_eq!(due.last(), Some(&(start + 6 * BLOCK)));
        assert!(due[3] <= late && due[4] > late);
    }

    #[test]
    fn a_reader_that_slept_long_goes_on_from_now() {
        let start = Instant::now();
        let mut clock = CaptureClock::default();
        clock.next(start);
        let late = start + Duration::from_secs(5);
        assert_eq!(clock.next(late), late + BLOCK);
    }

    #[test]
    fn a_virtual_card_fills_up_then_takes_a_block_every_ten_milliseconds() {
        let start = Instant::now();
        let mut clock = PlaybackClock::default();
        for _ in 0..3 {
            assert_eq!(clock.until_room(start), Duration::ZERO);
            assert_eq!(clock.write(start), Write::Whole);
        }
        assert_eq!(clock.reserve(start), CAPACITY);
        assert_eq!(clock.until_room(start), BLOCK);
        assert_eq!(clock.until_room(start + BLOCK), Duration::ZERO);
    }

    #[test]
    fn a_virtual_card_that_ran_dry_says_so_once() {
        let start = Instant::now();
        let mut clock = PlaybackClock::default();
        clock.write(start);
        let late = start + Duration::from_secs(1);
        assert_eq!(clock.reserve(late), Duration::ZERO);
        assert_eq!(clock.write(late), Write::AfterXrun);
        assert_eq!(clock.write(late), Write::Whole);
        assert_eq!(clock.reserve(late), 2 * BLOCK);
    }
}
