//! `CLOCK_MONOTONIC`, the one clock that the kernel's traces, the simulator and this program share.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Time since the clock's zero.
pub(crate) fn now() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// An `Instant` on the same scale: it counts the same clock, but keeps its zero to itself.
pub(crate) fn of(at: impl Into<Instant>) -> Duration {
    let (at, instant, mono) = (at.into(), Instant::now(), now());
    if at > instant { mono + (at - instant) } else { mono.saturating_sub(instant - at) }
}

/// Milliseconds from `from` to `to`; negative when `to` was earlier.
pub(crate) fn ms_between(from: Duration, to: Duration) -> f64 {
    (to.as_secs_f64() - from.as_secs_f64()) * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_found_on_the_kernels_clock() {
        let before = now();
        let at = of(Instant::now());
        let after = now();
        assert!(before <= at + Duration::from_micros(200) && at <= after + Duration::from_micros(200));
        let past = of(Instant::now().checked_sub(Duration::from_secs(1)).unwrap());
        assert!((ms_between(past, now()) - 1_000.0).abs() < 100.0);
    }
}
