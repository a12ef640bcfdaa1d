//! The wall clock, and the news that somebody has set it.

use std::future::pending;
use std::io;
use std::os::fd::OwnedFd;
use std::time::SystemTime;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tracing::debug;

/// 2100-01-01, seconds since the epoch: the timer is never due, only cancelled.
const FAR_AWAY: i64 = 4_102_444_800;

/// What time it is.
#[expect(clippy::disallowed_methods, reason = "certificates and tokens are told by the wall clock")]
pub(super) fn now() -> SystemTime {
    SystemTime::now()
}

/// Ends when the wall clock is set to another time; a clock that is only trimmed is not. Never ends where the system does
/// not tell.
pub(super) async fn set() {
    let watch = match watch() {
        Ok(watch) => watch,
        Err(refused) => {
            debug!(%refused, "the system does not tell when the clock is set");
            return pending::<()>().await;
        }
    };
    if let Err(refused) = watch.readable().await {
        debug!(%refused, "the system does not tell when the clock is set");
        pending::<()>().await;
    }
}

/// A timer that becomes readable when the clock is set.
#[expect(
    deprecated,
    reason = "its successor is unsafe; what it asks for holds: an owned descriptor stays open as long as it lives"
)]
fn watch() -> io::Result<AsyncFd<OwnedFd>> {
    let timer = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
    let never = Timespec { tv_sec: 0, tv_nsec: 0 };
    let due = Itimerspec { it_interval: never, it_value: Timespec { tv_sec: FAR_AWAY, tv_nsec: 0 } };
    timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET, &due)?;
    AsyncFd::with_interest(timer, Interest::READABLE)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_system_is_willing_to_tell_and_a_clock_that_goes_is_no_news() {
        assert!(watch().is_ok());
        assert!(tokio::time::timeout(Duration::from_millis(20), set()).await.is_err());
    }
}
