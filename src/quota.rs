//! How many log lines of a kind others may cause: a server that says too much must fill no journal.

use std::time::{Duration, Instant};

/// Lines of one kind in [`WINDOW`]: one a second. No channel is so lively for long.
pub const LINES: u32 = 60;

/// The time in which [`LINES`] are written; more are left out.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Counts the lines of one kind.
#[derive(Debug, Default)]
pub struct Quota {
    window: Option<Instant>,
    written: u32,
    left_out: u64,
}

impl Quota {
    /// Whether a line may be written at `now`: then, how many were left out since the last one.
    pub fn take(&mut self, now: Instant) -> Option<u64> {
        if self.window.is_none_or(|since| now.saturating_duration_since(since) >= WINDOW) {
            self.window = Some(now);
            self.written = 0;
        }
        if self.written >= LINES {
            self.left_out += 1;
            return None;
        }
        self.written += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_is_cut_and_counted_and_what_comes_later_is_told() {
        let mut quota = Quota::default();
        let start = Instant::now();
        let told = (0..1_000).filter(|_| quota.take(start) == Some(0)).count();
        assert_eq!(told, LINES as usize);
        assert_eq!(quota.take(start + WINDOW), Some(1_000 - u64::from(LINES)));
        assert_eq!(quota.take(start + WINDOW), Some(0));
    }

    #[test]
    fn one_line_a_second_is_never_too_much() {
        let (mut quota, start) = (Quota::default(), Instant::now());
        assert!((0..10_000).all(|n| quota.take(start + Duration::from_secs(n)) == Some(0)));
    }
}
