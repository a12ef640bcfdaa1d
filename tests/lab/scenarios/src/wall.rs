//! The guest's wall clock, set to another time and right again.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::time::{ClockId, Timespec, clock_gettime, clock_settime};

/// A wall clock that is wrong; put right when this is dropped.
pub(crate) struct Stepped(i64);

impl Stepped {
    /// So many seconds ahead.
    pub(crate) fn by(seconds: i64) -> Result<Self> {
        step(seconds)?;
        Ok(Self(seconds))
    }

    /// So long after the beginning of 1970, as a machine without a clock module has it after power-on.
    pub(crate) fn to(since_epoch: Duration) -> Result<Self> {
        let wanted = i64::try_from(since_epoch.as_secs())?;
        Self::by(wanted - clock_gettime(ClockId::Realtime).tv_sec)
    }
}

impl Drop for Stepped {
    fn drop(&mut self) {
        drop(step(-self.0));
    }
}

fn step(seconds: i64) -> Result<()> {
    let now = clock_gettime(ClockId::Realtime);
    clock_settime(ClockId::Realtime, Timespec { tv_sec: now.tv_sec + seconds, ..now })
        .context("cannot set the clock")
}
