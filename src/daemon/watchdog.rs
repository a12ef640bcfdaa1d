//! Which threads get on: systemd's watchdog is fed while all do, and the gateway ends itself when one stands still for good.
//!
//! systemd is not everywhere, and a thread that hangs will not come back. So the gateway ends by its own decision, well
//! before systemd's watchdog would kill it: unkeyed, with a goodbye to the server, and with the thread's name as the
//! reason. Whatever started it (systemd, runit, a container, a loop in a shell) starts it anew.

use std::time::{Duration, Instant};

/// The threads are looked at, and systemd's watchdog is fed, at this interval. Each takes steps of 100 ms at most;
/// `WatchdogSec` must be longer.
const FEED: Duration = Duration::from_secs(2);

/// So many looks in a row at a thread that stands still end the gateway: 6 to 8 s. A USB device that is about to die
/// may keep a thread in the kernel for some seconds, and is found again by that thread without a new start. With the
/// seconds for the goodbye that is less than the unit's `WatchdogSec=10`.
const PATIENCE: u32 = 3;

/// All threads that are watched, each with a number that moves while it does.
#[derive(Default)]
pub(super) struct Progress(Vec<(&'static str, Steps)>);

/// Reads how far a thread has got.
type Steps = Box<dyn Fn() -> u64>;

impl Progress {
    /// Watches one more.
    pub(super) fn add(&mut self, thread: &'static str, steps: impl Fn() -> u64 + 'static) {
        self.0.push((thread, Box::new(steps)));
    }

    /// Each thread with its number, always in the same order.
    pub(super) fn steps(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(thread, steps)| (*thread, steps()))
    }
}

/// When systemd's watchdog is fed, when not, and when the gateway must end: every thread must have got on since the
/// last look. A device that is lost is looked for, which is progress: a new start would not bring it back.
pub(super) struct Watchdog {
    next: Instant,
    steps: Vec<u64>,
    hangs: u32,
}

/// What a look at the threads comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Too early to say.
    Wait,
    /// All have got on.
    Feed,
    /// This one has not; nothing is said of the others.
    Hangs(&'static str),
    /// Nor has it for a long time.
    Dead {
        /// Which.
        thread: &'static str,
        /// It has stood still at least so long.
        still: Duration,
    },
}

impl Watchdog {
    pub(super) fn new(now: Instant) -> Self {
        Self { next: now, steps: Vec::new(), hangs: 0 }
    }

    /// `steps` has every thread with a number that moves while it does, always in the same order.
    pub(super) fn look(&mut self, now: Instant, steps: impl Iterator<Item = (&'static str, u64)>) -> Verdict {
        if now < self.next {
            return Verdict::Wait;
        }
        self.next = now + FEED;
        let mut before = std::mem::take(&mut self.steps).into_iter();
        let mut hangs = None;
        for (name, count) in steps {
            if before.next() == Some(count) && hangs.is_none() {
                hangs = Some(name);
            }
            self.steps.push(count);
        }
        let Some(thread) = hangs else {
            self.hangs = 0;
            return Verdict::Feed;
        };
        self.hangs += 1;
        if self.hangs < PATIENCE {
            return Verdict::Hangs(thread);
        }
        Verdict::Dead { thread, still: FEED.saturating_mul(PATIENCE) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks once a `FEED`, with these numbers of engine, playback and capture.
    fn looks<const N: usize>(counts: [[u64; 3]; N]) -> [Verdict; N] {
        let mut now = Instant::now();
        let mut watchdog = Watchdog::new(now);
        counts.map(|[engine, playback, capture]| {
            let steps = [("engine", engine), ("audio-out", playback), ("audio-in", capture)];
            let verdict = watchdog.look(now, steps.into_iter());
            now += FEED;
            verdict
        })
    }

    #[test]
    fn systemd_is_fed_while_every_thread_gets_on() {
        assert_eq!(looks([[0, 0, 0], [1, 1, 1], [9, 2, 7]]), [Verdict::Feed, Verdict::Feed, Verdict::Feed]);
    }

    #[test]
    fn one_thread_that_hangs_starves_the_watchdog_and_is_named() {
        let [_, engine] = looks([[1, 1, 1], [1, 2, 2]]);
        let [_, playback] = looks([[1, 1, 1], [2, 1, 2]]);
        let [_, capture] = looks([[1, 1, 1], [2, 2, 1]]);
        assert_eq!(engine, Verdict::Hangs("engine"));
        assert_eq!(playback, Verdict::Hangs("audio-out"));
        assert_eq!(capture, Verdict::Hangs("audio-in"));
    }

    #[test]
    fn a_thread_that_moves_again_is_fed_for_again() {
        let [.., hangs, moves] = looks([[1, 1, 1], [2, 1, 2], [3, 2, 3]]);
        assert_eq!((hangs, moves), (Verdict::Hangs("audio-out"), Verdict::Feed));
    }

    #[test]
    fn a_thread_that_stands_still_for_good_ends_the_gateway_before_systemd_would() {
        let [.., dead] = looks([[1, 1, 1], [1, 2, 2], [1, 3, 3], [1, 4, 4]]);
        assert_eq!(dead, Verdict::Dead { thread: "engine", still: Duration::from_secs(6) });
        let unit = include_str!("../../cross/zello-gateway@.service");
        let bites = unit.lines().find_map(|line| line.strip_prefix("WatchdogSec=")).unwrap();
        let goodbye = Duration::from_secs(3);
        // Counted from the last meal, which was a look before the first at which the thread stood still.
        assert!(FEED * PATIENCE + goodbye < Duration::from_secs(bites.parse().unwrap()));
    }

    #[test]
    fn a_thread_that_moves_in_between_is_given_all_the_patience_anew() {
        let verdicts = looks([[1, 1, 1], [1, 2, 2], [1, 3, 3], [2, 4, 4], [2, 5, 5], [2, 6, 6]]);
        assert!(!verdicts.iter().any(|verdict| matches!(verdict, Verdict::Dead { .. })), "{verdicts:?}");
    }

    #[test]
    fn between_two_looks_nothing_is_judged() {
        let start = Instant::now();
        let mut watchdog = Watchdog::new(start);
        assert_eq!(watchdog.look(start, [("engine", 1)].into_iter()), Verdict::Feed);
        let early = start + FEED.saturating_sub(Duration::from_millis(1));
        assert_eq!(watchdog.look(early, [("engine", 1)].into_iter()), Verdict::Wait);
        assert_eq!(watchdog.look(start + FEED, [("engine", 1)].into_iter()), Verdict::Hangs("engine"));
    }
}
