//! Squelch by sound level, for radios that tell nothing else.

use std::time::Instant;

use super::level::Level;
use crate::codec::BLOCK;
use crate::config;

/// Opens when blocks have been loud for the attack time, closes when none was for the release time.
///
/// Its clock is that of the blocks; a quiet block starts the attack anew, so that clicks open nothing.
#[derive(Debug, Clone)]
pub struct Vox {
    settings: config::Vox,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    /// Loud blocks follow each other since then.
    Attack {
        since: Instant,
    },
    /// Open; the last loud block ended then.
    Open {
        loud: Instant,
    },
}

impl Vox {
    /// Closed.
    #[must_use]
    pub fn new(settings: config::Vox) -> Self {
        Self { settings, state: State::Closed }
    }

    /// Whether the squelch is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self.state {
            State::Closed | State::Attack { .. } => false,
            State::Open { .. } => true,
        }
    }

    /// Takes the level of the block that ended at `now`; `Some` when the squelch opens (true) or closes (false).
    pub fn handle(&mut self, now: Instant, level: Level) -> Option<bool> {
        let was_open = self.is_open();
        let is_loud = level.rms_dbfs() > self.settings.threshold_dbfs;
        self.state = match self.state {
            State::Closed if is_loud => self.attack(now, now.checked_sub(BLOCK).unwrap_or(now)),
            State::Attack { since } if is_loud => self.attack(now, since),
            State::Open { .. } if is_loud => State::Open { loud: now },
            State::Closed | State::Attack { .. } => State::Closed,
            State::Open { loud } => self.release(now, loud),
        };
        (self.is_open() != was_open).then_some(!was_open)
    }

    /// When the squelch closes if no loud block, or no block at all, comes until then.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Closed | State::Attack { .. } => None,
            State::Open { loud } => Some(loud + self.settings.release),
        }
    }

    /// Closes a squelch whose time is over although no block came; `Some(false)` then.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<bool> {
        let State::Open { loud } = self.state else { return None };
        self.state = self.release(now, loud);
        (!self.is_open()).then_some(false)
    }

    fn attack(&self, now: Instant, since: Instant) -> State {
        let lasted = now.saturating_duration_since(since);
        if lasted >= self.settings.attack { State::Open { loud: now } } else { State::Attack { since } }
    }

    fn release(&self, now: Instant, loud: Instant) -> State {
        let quiet = now.saturating_duration_since(loud);
        if quiet >= self.settings.release { State::Closed } else { State::Open { loud } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const LOUD: f32 = -20.0;
    const QUIET: f32 = -60.0;

    struct Clocked {
        vox: Vox,
        now: Instant,
    }

    impl Clocked {
        fn new(attack_ms: u64) -> Self {
            let settings = config::Vox {
                threshold_dbfs: -35.0,
                attack: Duration::from_millis(attack_ms),
                release: Duration::from_millis(600),
            };
            Self { vox: Vox::new(settings), now: Instant::now() }
        }

        /// So many blocks of a level; the edges with the number of the block, from 1.
        fn blocks(&mut self, count: u32, dbfs: f32) -> Vec<(u32, bool)> {
            let level = Level { mean_square: 10.0_f32.powf(dbfs / 10.0), peak: 1.0 };
            (1..=count)
                .filter_map(|n| {
                    self.now += BLOCK;
                    self.vox.handle(self.now, level).map(|open| (n, open))
                })
                .collect()
        }
    }

    #[test]
    fn it_opens_after_the_attack_and_closes_after_the_release() {
        let mut squelch = Clocked::new(20);
        assert_eq!(squelch.blocks(50, QUIET), []);
        assert_eq!(squelch.blocks(100, LOUD), [(2, true)]);
        assert_eq!(squelch.blocks(100, QUIET), [(60, false)]);
    }

    #[test]
    fn without_attack_the_first_loud_block_opens() {
        assert_eq!(Clocked::new(0).blocks(1, LOUD), [(1, true)]);
    }

    #[test]
    fn clicks_do_not_open() {
        let mut squelch = Clocked::new(20);
        for _ in 0..20 {
            assert_eq!(squelch.blocks(1, LOUD), []);
            assert_eq!(squelch.blocks(1, QUIET), []);
        }
    }

    #[test]
    fn pauses_within_speech_do_not_close() {
        let mut squelch = Clocked::new(20);
        assert_eq!(squelch.blocks(10, LOUD), [(2, true)]);
        for _ in 0..10 {
            assert_eq!(squelch.blocks(59, QUIET), []);
            assert_eq!(squelch.blocks(1, LOUD), []);
        }
        assert!(squelch.vox.is_open());
    }

    #[test]
    fn it_closes_even_when_no_block_comes_any_more() {
        let mut squelch = Clocked::new(20);
        squelch.blocks(10, LOUD);
        let close = squelch.vox.poll_timeout().unwrap();
        assert_eq!(close, squelch.now + Duration::from_millis(600));
        assert_eq!(squelch.vox.handle_timeout(squelch.now + BLOCK), None);
        assert_eq!(squelch.vox.handle_timeout(close), Some(false));
        assert_eq!(squelch.vox.handle_timeout(close), None);
        assert_eq!(squelch.vox.poll_timeout(), None);
    }
}
