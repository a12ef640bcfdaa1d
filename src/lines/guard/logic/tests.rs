//! The guard's promises, by example and by chance, in virtual time.

use proptest::prelude::*;

use super::*;

const TIME_OUT: Duration = Duration::from_secs(2);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A guard with a line that obeys until it is told not to.
struct Bench {
    logic: Logic,
    now: Instant,
    start: Instant,
    line_works: bool,
    keyed: bool,
    /// How often the line did not obey.
    refusals: u32,
    /// Everything done, with milliseconds after the start.
    done: Vec<(u128, Action)>,
    exit: Option<Exit>,
}

impl Bench {
    fn new() -> Self {
        let now = Instant::now();
        let logic = Logic::new(TIME_OUT);
        Self {
            logic,
            now,
            start: now,
            line_works: true,
            keyed: false,
            refusals: 0,
            done: Vec::new(),
            exit: None,
        }
    }

    /// Time passes; the guard is woken at each of its deadlines.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some((at, _)) = self.logic.poll_timeout().filter(|(at, _)| *at <= end) {
            if self.exit.is_some() {
                break;
            }
            assert!(at >= self.now, "deadlines move forward");
            self.now = at;
            self.fact(Fact::Time);
        }
        self.now = end;
    }

    fn fact(&mut self, fact: Fact) {
        self.logic.handle(self.now, fact);
        while let Some(action) = self.logic.poll() {
            assert_eq!(self.exit, None, "nothing follows the end");
            self.done.push(((self.now - self.start).as_millis(), action.clone()));
            match action {
                Action::Set { keyed } if self.line_works => self.keyed = keyed,
                Action::Set { .. } => {
                    self.refusals += 1;
                    self.logic.handle(self.now, Fact::LineFailed);
                }
                Action::Report(_) => {}
                Action::Exit(exit) => self.exit = Some(exit),
            }
        }
        assert!(
            !self.keyed || self.exit.is_some() || self.logic.poll_timeout().is_some(),
            "keyed means a deadline"
        );
    }

    fn beat(&mut self, keyed: bool) {
        self.fact(Fact::Beat(Beat::new(keyed)));
    }

    /// The wish "keyed", every 50 ms, for `time`.
    fn talk(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.beat(true);
            self.pass(ms(50));
        }
    }

    /// When which level was set.
    fn levels(&self) -> Vec<(u128, bool)> {
        let level = |(at, action): &(u128, Action)| match action {
            Action::Set { keyed } => Some((*at, *keyed)),
            Action::Report(_) | Action::Exit(_) => None,
        };
        self.done.iter().filter_map(level).collect()
    }

    fn last_report(&self) -> Option<&Report> {
        self.done.iter().rev().find_map(|(_, action)| match action {
            Action::Report(report) => Some(report),
            Action::Set { .. } | Action::Exit(_) => None,
        })
    }
}

#[test]
fn heartbeats_key_and_unkey_and_repeats_change_nothing() {
    let mut bench = Bench::new();
    bench.beat(false);
    bench.talk(ms(500));
    bench.beat(false);
    bench.beat(false);
    assert_eq!(bench.levels(), [(0, true), (500, false)]);
    assert_eq!(bench.last_report(), Some(&Report::Unkeyed));
}

#[test]
fn silence_unkeys_in_time_for_the_quarter_of_a_second() {
    let mut bench = Bench::new();
    bench.talk(ms(300));
    bench.pass(ms(1_000));
    assert_eq!(bench.levels(), [(0, true), (480, false)], "the last heartbeat was at 250 ms");
    assert_eq!(bench.last_report(), Some(&Report::Silent));
    assert!(SILENCE < HEARTBEAT_LIMIT);
}

#[test]
fn a_heartbeat_read_late_is_no_silence() {
    let mut bench = Bench::new();
    bench.beat(true);
    bench.now += ms(900);
    bench.beat(true);
    assert_eq!(bench.levels(), [(0, true)]);
}

#[test]
fn a_daemon_that_comes_back_from_silence_keys_again_but_gains_no_time() {
    let mut bench = Bench::new();
    bench.talk(ms(1_000));
    bench.pass(ms(500));
    bench.talk(ms(3_000));
    assert_eq!(bench.levels(), [(0, true), (1_180, false), (1_500, true), (2_000, false)]);
    assert_eq!(bench.last_report(), Some(&Report::TimeOut));
}

#[test]
fn after_the_hard_time_out_only_an_unkeyed_heartbeat_gives_the_line_back() {
    let mut bench = Bench::new();
    bench.talk(ms(4_000));
    bench.pass(ms(4_000));
    bench.talk(ms(1_000));
    assert_eq!(bench.levels(), [(0, true), (2_000, false)]);
    bench.beat(false);
    bench.talk(ms(50));
    assert!(bench.keyed);
}

#[test]
fn a_time_out_that_falls_into_silence_is_kept_too() {
    let mut bench = Bench::new();
    bench.talk(ms(1_900));
    bench.pass(ms(400));
    bench.talk(ms(1_000));
    assert_eq!(bench.levels().last(), Some(&(2_000, false)));
}

#[test]
fn a_closed_pipe_or_a_signal_releases_and_ends() {
    for fact in [Fact::PipeClosed, Fact::Terminated] {
        let mut bench = Bench::new();
        bench.talk(ms(100));
        bench.fact(fact);
        assert_eq!(bench.levels(), [(0, true), (100, false)]);
        assert_eq!(bench.exit, Some(Exit::Released));
    }
}

#[test]
fn the_line_is_released_at_the_end_even_when_it_should_be_released_already() {
    let mut bench = Bench::new();
    bench.fact(Fact::PipeClosed);
    assert_eq!(bench.levels(), [(0, false)]);
}

#[test]
fn garbage_unkeys_and_is_told() {
    let mut bench = Bench::new();
    bench.talk(ms(100));
    bench.fact(Fact::Beat(Beat::Garbled(b'x')));
    assert_eq!(bench.levels(), [(0, true), (100, false)]);
    assert_eq!(bench.last_report(), Some(&Report::Garbled(b'x')));
}

#[test]
fn a_line_that_refuses_to_key_is_released_and_the_guard_ends() {
    let mut bench = Bench::new();
    bench.line_works = false;
    bench.beat(true);
    bench.line_works = true;
    bench.pass(ms(100));
    assert_eq!(bench.levels(), [(0, true), (0, false)]);
    assert_eq!(bench.exit, Some(Exit::LineFailed));
}

#[test]
fn a_line_that_refuses_to_be_released_is_tried_again_until_it_is() {
    let mut bench = Bench::new();
    bench.talk(ms(100));
    bench.line_works = false;
    bench.beat(false);
    bench.pass(ms(70));
    bench.beat(true);
    bench.line_works = true;
    bench.pass(ms(100));
    assert!(!bench.keyed);
    assert_eq!(bench.exit, Some(Exit::LineFailed));
    assert!(bench.levels()[1..].iter().all(|(_, keyed)| !keyed), "a wish to key is not heard any more");
}

#[test]
fn a_line_whose_device_is_gone_is_given_up() {
    for fact in [Fact::Beat(Beat::Unkey), Fact::PipeClosed] {
        let mut bench = Bench::new();
        bench.beat(true);
        bench.line_works = false;
        bench.fact(fact);
        bench.pass(GIVE_UP + ms(100));
        assert_eq!(bench.exit, Some(Exit::LineFailed));
    }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Beat(Beat),
    LineBreaks,
    LineMends,
    Ends(Fact),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => Just(Event::Beat(Beat::Key)),
        3 => Just(Event::Beat(Beat::Unkey)),
        1 => any::<u8>().prop_map(|byte| Event::Beat(Beat::from_byte(byte))),
        1 => Just(Event::LineBreaks),
        2 => Just(Event::LineMends),
        1 => prop::sample::select(vec![Fact::PipeClosed, Fact::Terminated]).prop_map(Event::Ends),
    ]
}

/// Mostly as often as heartbeats come, sometimes longer than any limit.
fn pause() -> impl Strategy<Value = u64> {
    prop_oneof![10 => 0..60_u64, 2 => 60..600_u64, 1 => 600..3_000_u64]
}

proptest! {
    #[test]
    fn whatever_happens_the_transmitter_is_not_left_keyed(events in prop::collection::vec((pause(), event()), 1..200)) {
        let mut bench = Bench::new();
        let mut heard_at = bench.start;
        let mut wished_since: Option<Instant> = None;
        for (after, event) in events {
            bench.pass(ms(after));
            if bench.keyed && bench.refusals == 0 {
                prop_assert!(bench.now - heard_at <= HEARTBEAT_LIMIT, "keyed without a heartbeat");
                prop_assert!(wished_since.is_some_and(|since| bench.now - since <= TIME_OUT), "keyed for too long");
            }
            if bench.exit.is_some() {
                break;
            }
            match event {
                Event::Beat(beat) => {
                    match beat {
                        Beat::Key => {
                            heard_at = bench.now;
                            wished_since = wished_since.or(Some(bench.now));
                        }
                        Beat::Unkey => wished_since = None,
                        Beat::Garbled(_) => {}
                    }
                    bench.fact(Fact::Beat(beat));
                    prop_assert!(beat == Beat::Key || !bench.keyed || bench.refusals > 0);
                }
                Event::LineBreaks => bench.line_works = false,
                Event::LineMends => bench.line_works = true,
                Event::Ends(fact) => bench.fact(fact),
            }
        }
        // In the end, with a line that works, it is released.
        bench.line_works = true;
        bench.pass(TIME_OUT + GIVE_UP);
        if bench.exit.is_none() {
            bench.fact(Fact::PipeClosed);
        }
        bench.pass(GIVE_UP);
        // A line that refused for the whole time of trying is the one thing that no program can release.
        prop_assert!(!bench.keyed || u128::from(bench.refusals) * RETRY.as_millis() >= GIVE_UP.as_millis());
        prop_assert!(bench.exit.is_some());
        prop_assert_eq!(bench.exit == Some(Exit::LineFailed), bench.refusals > 0);
    }
}
