//! A wake-up between threads: ringing never blocks, locks or allocates (one `write` to an eventfd).
//!
//! The queues wake nobody; who must react at once to an item waits at a bell. Many rings before a wait count as one.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::{read, write};

/// One end of a bell; clones ring and wait at the same one.
#[derive(Debug, Clone)]
pub struct Bell(Arc<OwnedFd>);

impl Bell {
    /// Makes a bell.
    ///
    /// # Errors
    /// The system's error when it has no file descriptor left.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?)))
    }

    /// Rings: whoever waits, or waits next, wakes.
    pub fn ring(&self) {
        // The only refusal is a counter near 2^64, which still leaves the bell ringing.
        let _full = write(&*self.0, &1_u64.to_ne_bytes());
    }

    /// Takes all rings so far; true if there was one.
    #[must_use]
    pub fn take(&self) -> bool {
        read(&*self.0, &mut [0_u8; 8]).is_ok()
    }

    /// Waits until the bell rings or `limit` has passed; true if it rang.
    #[must_use]
    pub fn wait(&self, limit: Duration) -> bool {
        let Ok(limit) = Timespec::try_from(limit) else { return self.take() };
        // An interrupted poll is a wake-up like any other: the caller looks at its queues and comes back.
        let _interrupted = poll(&mut [PollFd::new(&*self.0, PollFlags::IN)], Some(&limit));
        self.take()
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Bell {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_before_the_wait_is_not_lost_and_many_count_as_one() {
        let bell = Bell::new().unwrap();
        bell.clone().ring();
        bell.ring();
        assert!(bell.wait(Duration::from_secs(60)));
        assert!(!bell.wait(Duration::ZERO));
    }
}
