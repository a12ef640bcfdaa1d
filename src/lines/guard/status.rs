//! What the engine may know about the PTT line at any moment, without asking the guard.

use std::sync::atomic::{AtomicU32, Ordering};

/// Whether there is a transmitter: told by the thread that hears the guard's reports. Reading never waits.
#[derive(Debug, Default)]
pub struct PttStatus {
    /// Counts losses and returns in turn; so it is odd while the line is lost.
    changes: AtomicU32,
}

/// A look at the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PttSight(u32);

impl PttSight {
    /// The line is there.
    #[must_use]
    pub fn is_there(self) -> bool {
        self.0 % 2 == 0
    }
}

impl PttStatus {
    /// A look. Two that differ mean that the line was lost between them, even if it is there in both: what was keyed
    /// before is not keyed any more.
    #[must_use]
    pub fn look(&self) -> PttSight {
        PttSight(self.changes.load(Ordering::Relaxed))
    }

    /// The line is lost. One thread alone may tell.
    pub fn lose(&self) {
        self.change(true);
    }

    /// The line is back.
    pub fn find(&self) {
        self.change(false);
    }

    fn change(&self, there: bool) {
        if self.look().is_there() == there {
            self.changes.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_between_two_looks_is_seen_though_the_line_is_back() {
        let status = PttStatus::default();
        let before = status.look();
        assert!(before.is_there());
        status.find();
        assert_eq!(status.look(), before, "it was there already");
        status.lose();
        status.lose();
        assert!(!status.look().is_there());
        status.find();
        assert!(status.look().is_there() && status.look() != before);
    }
}
