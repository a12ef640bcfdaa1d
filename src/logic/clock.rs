//! Whether the clock of this machine can be believed at all.
//!
//! A Pi before the 5 has no clock that goes on without power: it starts in 1970, or where it was switched off, until the
//! network tells the time. With such a clock no certificate and no token is right.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// 2025-01-01, seconds since the epoch: no build of this program is older, for the Rust that it needs is not. An earlier
/// time is certainly wrong.
pub const EARLIEST: Duration = Duration::from_secs(1_735_689_600);

/// Has somebody set the clock?
#[must_use]
pub fn is_set(wall: SystemTime) -> bool {
    wall.duration_since(UNIX_EPOCH).is_ok_and(|since| since >= EARLIEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_starts_in_1970_or_before_is_not_set() {
        let day = Duration::from_secs(86_400);
        for wall in [UNIX_EPOCH, UNIX_EPOCH - day, UNIX_EPOCH + day, UNIX_EPOCH + EARLIEST - day] {
            assert!(!is_set(wall), "{wall:?}");
        }
    }

    #[test]
    fn a_clock_that_is_right_or_a_little_wrong_is_set() {
        for days in [0, 365, 36_500] {
            let wall = UNIX_EPOCH + EARLIEST + Duration::from_secs(days * 86_400);
            assert!(is_set(wall), "{wall:?}");
        }
    }
}
