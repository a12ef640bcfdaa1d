//! How long to wait before the next connect: growing, jittered, and reset only by a channel that is `online`.
//!
//! A gateway that resets at the mere connect hammers a service that accepts and then refuses; one did so 33 times in
//! 6.5 minutes (protocol section 2). One that is let in and thrown out again and again would hammer too: links that are
//! online for a moment only, one after another, count as failures among themselves.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// First wait after an ordinary failure. Log-on takes well below a second more, so that a network that is back is
/// used within 2 s while the back-off is young (design: "Measured, not felt").
pub const FIRST: Duration = Duration::from_millis(500);
/// Longest wait after an ordinary failure: nobody on a hill wants to wait longer for a network that is back.
pub const CAP: Duration = Duration::from_secs(60);
/// First wait after HTTP 429, the service's limit of connects (protocol section 8).
pub const THROTTLED_FIRST: Duration = Duration::from_secs(60);
/// Longest wait after HTTP 429: the cool-off that was measured in the field (protocol section 1).
pub const THROTTLED_CAP: Duration = Duration::from_secs(15 * 60);
/// First wait after another log-on of the same account threw us out (protocol section 2, close code 3003).
pub const KICKED_FIRST: Duration = Duration::from_secs(30);
/// Longest wait between two gateways that fight for one account.
pub const KICKED_CAP: Duration = Duration::from_secs(15 * 60);
/// Kicks are forgotten when the channel was online for so long without another. Well above [`KICKED_CAP`]: of two
/// that fight, one is online while the other waits.
pub const KICKS_FORGOTTEN: Duration = Duration::from_secs(60 * 60);
/// So many kicks are no accident: a person must find out who else uses the account.
pub const KICKS_MANY: u32 = 3;
/// A link that was online for less is a brief one. The service recycles its sockets every few minutes (protocol
/// section 9), and that must cost no wait.
pub const STEADY: Duration = Duration::from_secs(30);
/// Wait after close code 3002, which passes by itself after a kick (protocol section 2).
pub const UNWELCOME: Duration = Duration::from_secs(45);
/// The clock is looked at so often while it is not set; no connect is made. The system tells when it is set, and this
/// is for the case that it does not.
pub const CLOCK_LOOK: Duration = Duration::from_secs(5);
/// Pause of the probe while a person must change something (protocol section 8: at least 5 minutes).
pub const PROBE: Duration = Duration::from_secs(5 * 60);
/// Most connects in [`BUDGET_WINDOW`], whatever their outcome. The service allows 50 a minute from one address
/// (protocol section 1), and more than one gateway may live behind it.
pub const BUDGET: usize = 20;
/// See [`BUDGET`].
pub const BUDGET_WINDOW: Duration = Duration::from_secs(60);

/// Why there is no link, as far as the wait goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Anything that passes by itself.
    Ordinary,
    /// HTTP 429 at the upgrade.
    Throttled,
    /// The same account logged on elsewhere.
    Kicked,
    /// Not authorised in the wake of a kick.
    Unwelcome,
    /// The clock of this machine is not set; nothing was tried.
    Clock,
    /// A person must change something.
    Fatal,
}

/// Counts failures and tells the next wait.
#[derive(Debug)]
pub struct Backoff {
    random: SplitMix,
    failures: u32,
    /// Brief links, one after another.
    brief: u32,
    /// The link that ends was a brief one.
    ends_brief: bool,
    throttled: u32,
    kicks: u32,
    connects: VecDeque<Instant>,
}

impl Backoff {
    /// A young back-off; the same seed gives the same waits.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            random: SplitMix(seed),
            failures: 0,
            brief: 0,
            ends_brief: false,
            throttled: 0,
            kicks: 0,
            connects: VecDeque::with_capacity(BUDGET),
        }
    }

    /// When to connect again after a failure at `now`.
    pub fn next(&mut self, now: Instant, cause: Cause) -> Instant {
        if std::mem::take(&mut self.ends_brief) {
            self.failures = self.brief;
            self.brief = self.brief.saturating_add(1);
        }
        let wait = match cause {
            // Downwards only: the first wait stays within its promise.
            Cause::Ordinary => {
                let full = grown(FIRST, CAP, &mut self.failures);
                full.mul_f64(0.5 + 0.5 * self.random.unit())
            }
            Cause::Throttled => {
                let least = grown(THROTTLED_FIRST, THROTTLED_CAP, &mut self.throttled);
                self.stretched(least)
            }
            Cause::Kicked => {
                let least = grown(KICKED_FIRST, KICKED_CAP, &mut self.kicks);
                self.stretched(least)
            }
            Cause::Unwelcome => self.stretched(UNWELCOME),
            Cause::Clock => return now + CLOCK_LOOK,
            Cause::Fatal => self.stretched(PROBE),
        };
        (now + wait).max(self.budget(now))
    }

    /// A connect begins.
    pub fn connecting(&mut self, now: Instant) {
        if self.connects.len() >= BUDGET {
            self.connects.pop_front();
        }
        self.connects.push_back(now);
    }

    /// The earliest next connect when what was wrong has passed.
    #[must_use]
    pub fn soonest(&self, now: Instant) -> Instant {
        now.max(self.budget(now))
    }

    /// Kicks that are not forgotten.
    #[must_use]
    pub fn kicks(&self) -> u32 {
        self.kicks
    }

    /// The channel was online for `how_long` before it went, or the link was lost.
    pub fn was_online(&mut self, how_long: Duration) {
        self.ends_brief = how_long < STEADY;
        if how_long >= STEADY {
            self.failures = 0;
            self.brief = 0;
            self.throttled = 0;
        }
        if how_long >= KICKS_FORGOTTEN {
            self.kicks = 0;
        }
    }

    /// Waits that are a least are lengthened by up to a quarter, so that gateways do not come in step.
    fn stretched(&mut self, least: Duration) -> Duration {
        least.mul_f64(1.0 + 0.25 * self.random.unit())
    }

    /// The earliest moment that the budget allows.
    fn budget(&self, now: Instant) -> Instant {
        match self.connects.front() {
            Some(oldest) if self.connects.len() >= BUDGET => *oldest + BUDGET_WINDOW,
            Some(_) | None => now,
        }
    }
}

/// `first`, doubled for each time before, at most `cap`.
fn grown(first: Duration, cap: Duration, times: &mut u32) -> Duration {
    let wait = first.saturating_mul(1_u32.checked_shl(*times).unwrap_or(u32::MAX)).min(cap);
    *times = times.saturating_add(1);
    wait
}

/// Steele, Lea and Flood's `SplitMix64`: enough randomness for a wait, and the same for the same seed.
#[derive(Debug)]
struct SplitMix(u64);

impl SplitMix {
    /// At least 0, below 1.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        // The upper 53 bits fill the mantissa.
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn waits(cause: Cause, count: usize, seed: u64) -> Vec<Duration> {
        let (mut backoff, now) = (Backoff::new(seed), Instant::now());
        (0..count).map(|_| backoff.next(now, cause) - now).collect()
    }

    proptest! {
        #[test]
        fn an_ordinary_wait_begins_below_a_second_and_grows_to_its_cap(seed: u64) {
            let waits = waits(Cause::Ordinary, 40, seed);
            prop_assert!(waits[0] >= FIRST / 2 && waits[0] <= FIRST);
            for (n, wait) in waits.iter().enumerate() {
                let full = CAP.min(FIRST * (1 << n.min(10)));
                prop_assert!(*wait >= full / 2 && *wait <= full);
            }
        }

        #[test]
        fn a_least_wait_is_never_undercut(seed: u64) {
            for (cause, least, cap) in [
                (Cause::Throttled, THROTTLED_FIRST, THROTTLED_CAP),
                (Cause::Kicked, KICKED_FIRST, KICKED_CAP),
                (Cause::Unwelcome, UNWELCOME, UNWELCOME),
                (Cause::Fatal, PROBE, PROBE),
            ] {
                let waits = waits(cause, 12, seed);
                prop_assert!(waits.iter().all(|wait| *wait >= least && *wait <= cap.mul_f64(1.25)));
                prop_assert!(waits[11] >= cap);
            }
        }
    }

    #[test]
    fn online_makes_it_young_again_and_brief_links_in_a_row_make_it_old() {
        let (mut backoff, now) = (Backoff::new(7), Instant::now());
        for _ in 0..8 {
            backoff.connecting(now);
            backoff.next(now, Cause::Ordinary);
        }
        assert!(backoff.next(now, Cause::Ordinary) - now > Duration::from_secs(20));
        let mut brief = || {
            backoff.was_online(STEADY / 2);
            backoff.next(now, Cause::Ordinary) - now
        };
        assert!(brief() <= FIRST);
        assert!((0..7).map(|_| brief()).last() > Some(Duration::from_secs(20)));
        backoff.was_online(STEADY);
        assert!(backoff.next(now, Cause::Ordinary) - now <= FIRST);
    }

    #[test]
    fn a_clock_that_is_not_set_is_looked_at_and_makes_nothing_older() {
        let (mut backoff, now) = (Backoff::new(7), Instant::now());
        for _ in 0..100 {
            assert_eq!(backoff.next(now, Cause::Clock), now + CLOCK_LOOK);
        }
        assert!(backoff.next(now, Cause::Ordinary) - now <= FIRST);
    }

    #[test]
    fn two_gateways_that_kick_each_other_slow_down_although_each_gets_online() {
        let (mut backoff, now) = (Backoff::new(7), Instant::now());
        let first = backoff.next(now, Cause::Kicked) - now;
        backoff.was_online(KICKED_CAP.mul_f64(1.25));
        assert!(backoff.next(now, Cause::Kicked) - now > first.mul_f64(1.5));
        backoff.was_online(KICKS_FORGOTTEN);
        assert!(backoff.next(now, Cause::Kicked) - now < first.mul_f64(1.5));
    }

    #[test]
    fn a_service_that_drops_us_soon_after_online_is_not_hammered() {
        for online in [Duration::ZERO, Duration::from_secs(5), STEADY] {
            let (mut backoff, mut now) = (Backoff::new(7), Instant::now());
            let (begin, mut connects) = (now, 0);
            while now - begin < Duration::from_secs(3_600) {
                backoff.connecting(now);
                connects += 1;
                now += online;
                backoff.was_online(online);
                now = backoff.next(now, Cause::Ordinary);
            }
            assert!(connects <= 130, "{connects} connects an hour, each online for {online:?}");
        }
    }

    #[test]
    fn no_cause_breaks_the_budget_of_a_minute() {
        let (mut backoff, begin) = (Backoff::new(7), Instant::now());
        let mut now = begin;
        for _ in 0..3 * BUDGET {
            now = backoff.soonest(now);
            backoff.connecting(now);
        }
        assert!(now - begin >= 2 * BUDGET_WINDOW, "{:?}", now - begin);
    }
}
