//! The guard's promises, by example and by chance, in virtual time.

use proptest::prelude::*;

use super::*;

const TIME_OUT: Duration = Duration::from_secs(2);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A guard with a line that obeys until it is told not to.
#[expect(clippy::struct_excessive_bools, reason = "independent facts about a line")]
struct Bench {
    logic: Logic,
    now: Instant,
    start: Instant,
    line_works: bool,
    /// It is open, and was not unplugged since.
    open: bool,
    /// Of the radio itself, whoever can change it.
    keyed: bool,
    lost: bool,
    /// Everything done but looks, with milliseconds after the start.
    done: Vec<(u128, Action)>,
    exit: Option<Exit>,
}

impl Bench {
    fn new() -> Self {
        let now = Instant::now();
        let logic = Logic::new(now, TIME_OUT);
        Self {
            logic,
            now,
            start: now,
            line_works: true,
            open: true,
            keyed: false,
            lost: false,
            done: Vec::new(),
            exit: None,
        }
    }

    /// The device vanishes. The radio may stay keyed: a USB reset need not take the power away.
    fn unplug(&mut self) {
        self.line_works = false;
        self.open = false;
    }

    fn is_usable(&self) -> bool {
        self.line_works && self.open
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
            if action != Action::Check {
                self.done.push(((self.now - self.start).as_millis(), action.clone()));
            }
            self.act(&action);
        }
        assert!(
            self.exit.is_some() || self.logic.poll_timeout().is_some(),
            "there is always a deadline before the end"
        );
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Set { keyed } => {
                assert!(!(keyed && self.lost), "a lost line is not keyed");
                if self.is_usable() {
                    self.keyed = keyed;
                } else {
                    self.logic.handle(self.now, Fact::LineFailed);
                }
            }
            Action::Check if self.is_usable() => {}
            Action::Check => self.logic.handle(self.now, Fact::LineFailed),
            Action::TellLost => self.lost = true,
            Action::Reopen if self.line_works => {
                self.open = true;
                self.keyed = false;
                self.logic.handle(self.now, Fact::Found);
            }
            Action::Reopen => {
                self.open = false;
                self.logic.handle(self.now, Fact::Missing);
            }
            Action::Report(Report::Back) => self.lost = false,
            Action::Report(_) => {}
            Action::Exit(exit) => self.exit = Some(exit),
        }
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
            Action::Check | Action::TellLost | Action::Reopen | Action::Report(_) | Action::Exit(_) => None,
        };
        self.done.iter().filter_map(level).collect()
    }

    fn last_report(&self) -> Option<&Report> {
        self.done.iter().rev().find_map(|(_, action)| match action {
            Action::Report(report) => Some(report),
            Action::Set { .. } | Action::Check | Action::TellLost | Action::Reopen | Action::Exit(_) => None,
        })
    }

    /// When the line was opened anew.
    fn reopenings(&self) -> Vec<u128> {
        self.done.iter().filter(|(_, action)| *action == Action::Reopen).map(|(at, _)| *at).collect()
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
fn a_line_that_refuses_once_is_opened_anew_at_once_and_waits_for_a_new_wish() {
    let mut bench = Bench::new();
    bench.talk(ms(100));
    bench.unplug();
    bench.line_works = true;
    bench.talk(ms(200));
    assert!(!bench.keyed && !bench.lost);
    assert_eq!(bench.reopenings(), [200]);
    assert_eq!(bench.levels(), [(0, true)], "the wish of before the loss keys nothing");
    bench.beat(false);
    bench.talk(ms(100));
    assert!(bench.keyed);
}

#[test]
fn a_device_that_vanishes_is_noticed_keyed_or_not_and_looked_for_four_times_a_second() {
    for keyed in [true, false] {
        let mut bench = Bench::new();
        bench.beat(keyed);
        bench.unplug();
        for _ in 0..12 {
            bench.pass(ms(50));
            bench.beat(keyed);
        }
        assert!(bench.lost, "{keyed}");
        assert_eq!(bench.reopenings(), [100, 350, 600]);
        bench.line_works = true;
        bench.pass(LOOK);
        assert!(!bench.lost && !bench.keyed);
        assert_eq!(bench.reopenings().last(), Some(&850));
        assert_eq!(bench.last_report(), Some(&Report::Back));
    }
}

#[test]
fn a_wish_for_the_lost_line_counts_if_it_is_taken_back_before_the_return() {
    for (last, keys) in [(false, true), (true, false)] {
        let mut bench = Bench::new();
        bench.beat(true);
        bench.unplug();
        bench.pass(ms(300));
        bench.beat(false);
        bench.beat(true);
        bench.beat(last);
        bench.line_works = true;
        bench.pass(LOOK);
        assert!(!bench.keyed && !bench.lost);
        bench.beat(true);
        assert_eq!(bench.keyed, keys, "the last wish before the return was {last}");
    }
}

#[test]
fn garbage_for_a_lost_line_is_told_and_is_no_fresh_wish() {
    let mut bench = Bench::new();
    bench.unplug();
    bench.pass(ms(150));
    bench.fact(Fact::Beat(Beat::Garbled(b'x')));
    assert_eq!(bench.last_report(), Some(&Report::Garbled(b'x')));
    bench.line_works = true;
    bench.pass(LOOK);
    bench.beat(true);
    assert!(!bench.keyed);
}

#[test]
fn a_new_transmission_on_the_line_that_came_back_has_the_whole_time() {
    let mut bench = Bench::new();
    bench.talk(ms(1_500));
    bench.unplug();
    bench.pass(ms(300));
    bench.line_works = true;
    bench.beat(false);
    bench.pass(LOOK);
    bench.talk(ms(1_900));
    assert!(bench.keyed);
}

#[test]
fn a_closed_pipe_with_a_lost_line_is_the_end_after_one_more_look() {
    for returns in [true, false] {
        let mut bench = Bench::new();
        bench.beat(true);
        bench.unplug();
        bench.pass(ms(200));
        bench.line_works = returns;
        bench.fact(Fact::PipeClosed);
        let exit = if returns { Exit::Released } else { Exit::LineFailed };
        assert_eq!((bench.exit, bench.keyed), (Some(exit), !returns));
    }
}

#[test]
fn a_look_that_is_due_as_the_pipe_closes_is_the_last_one() {
    let mut bench = Bench::new();
    bench.beat(true);
    bench.unplug();
    bench.pass(ms(200));
    // The guard runs late: no deadline has woken it. Its end must not come between two looks.
    bench.now += 2 * LOOK;
    bench.fact(Fact::PipeClosed);
    assert_eq!(bench.exit, Some(Exit::LineFailed));
}

#[test]
fn a_line_that_refuses_its_last_release_is_opened_anew_until_it_obeys() {
    let mut bench = Bench::new();
    bench.beat(true);
    bench.line_works = false;
    bench.fact(Fact::PipeClosed);
    bench.pass(ms(70));
    assert_eq!((bench.exit, bench.keyed), (None, true));
    bench.line_works = true;
    bench.pass(RETRY);
    assert_eq!((bench.exit, bench.keyed), (Some(Exit::Released), false));
}

#[test]
fn a_line_whose_device_is_gone_at_the_end_is_given_up() {
    for fact in [Fact::Terminated, Fact::PipeClosed] {
        let mut bench = Bench::new();
        bench.beat(true);
        bench.unplug();
        bench.fact(fact);
        bench.pass(GIVE_UP + ms(100));
        assert_eq!(bench.exit, Some(Exit::LineFailed));
    }
}

/// Every state with every fact (but the two answers to a reopening): none keys but a wish, none forgets its deadline, none
/// loses a release.
#[test]
fn every_fact_is_taken_in_every_state() {
    type Prepare = fn(&mut Bench);
    let states: [(&str, Prepare); 6] = [
        ("idle", |_| {}),
        ("keyed", |bench| bench.beat(true)),
        ("silent", |bench| {
            bench.beat(true);
            bench.pass(SILENCE);
        }),
        ("cut", |bench| bench.talk(TIME_OUT + ms(50))),
        ("lost", |bench| {
            bench.beat(true);
            bench.unplug();
            bench.pass(CHECK);
        }),
        ("ending", |bench| {
            bench.beat(true);
            bench.line_works = false;
            bench.fact(Fact::PipeClosed);
        }),
    ];
    let facts = [
        Fact::Beat(Beat::Key),
        Fact::Beat(Beat::Unkey),
        Fact::Beat(Beat::Garbled(0)),
        Fact::PipeClosed,
        Fact::Terminated,
        Fact::LineFailed,
        Fact::Time,
    ];
    for (name, prepare) in states {
        for fact in facts {
            let mut bench = Bench::new();
            prepare(&mut bench);
            let before = bench.levels().len();
            bench.fact(fact);
            let keys = bench.levels()[before..].iter().any(|(_, keyed)| *keyed);
            let may_key = fact == Fact::Beat(Beat::Key) && matches!(name, "idle" | "silent");
            assert_eq!(keys, may_key, "{name}, {fact:?}");
            if bench.exit == Some(Exit::LineFailed) {
                assert_eq!(name, "lost", "only without a device it ends without a release");
                continue;
            }
            bench.line_works = true;
            bench.fact(Fact::PipeClosed);
            bench.pass(LOOK);
            assert_eq!((bench.exit.is_some(), bench.keyed), (true, false), "{name}, {fact:?}");
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Beat(Beat),
    LineBreaks,
    Unplugged,
    LineMends,
    Ends(Fact),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        24 => Just(Event::Beat(Beat::Key)),
        6 => Just(Event::Beat(Beat::Unkey)),
        2 => any::<u8>().prop_map(|byte| Event::Beat(Beat::from_byte(byte))),
        2 => Just(Event::LineBreaks),
        2 => Just(Event::Unplugged),
        6 => Just(Event::LineMends),
        1 => prop::sample::select(vec![Fact::PipeClosed, Fact::Terminated]).prop_map(Event::Ends),
    ]
}

/// Mostly as often as heartbeats come, sometimes longer than any limit.
fn pause() -> impl Strategy<Value = u64> {
    prop_oneof![10 => 0..60_u64, 2 => 60..600_u64, 1 => 600..3_000_u64]
}

/// What the guard may know of the wishes.
struct Wishes {
    heard_at: Instant,
    /// The first of the wishes "keyed" since the last "not keyed".
    keyed_since: Option<Instant>,
    /// The line came back while that wish lasted.
    stale: bool,
    works_since: Instant,
}

impl Wishes {
    fn note(&mut self, now: Instant, beat: Beat) {
        match beat {
            Beat::Key => {
                self.heard_at = now;
                self.keyed_since = self.keyed_since.or(Some(now));
            }
            Beat::Unkey => (self.keyed_since, self.stale) = (None, false),
            Beat::Garbled(_) => {}
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_transmitter_is_not_left_keyed(events in prop::collection::vec((pause(), event()), 1..200)) {
        let mut bench = Bench::new();
        let mut wishes = Wishes { heard_at: bench.start, keyed_since: None, stale: false, works_since: bench.start };
        for (after, event) in events {
            let seen = bench.done.len();
            bench.pass(ms(after));
            if bench.exit.is_some() {
                break;
            }
            // A line that cannot be moved for a while is released as soon as it can be found out and opened anew.
            if bench.keyed && bench.line_works && bench.now - wishes.works_since > CHECK + LOOK {
                prop_assert!(bench.now - wishes.heard_at <= HEARTBEAT_LIMIT, "keyed without a heartbeat");
                prop_assert!(wishes.keyed_since.is_some_and(|since| bench.now - since <= TIME_OUT), "keyed for too long");
            }
            wishes.stale |= wishes.keyed_since.is_some() && came_back(&bench.done[seen..]);
            match event {
                Event::Beat(beat) => {
                    let (seen, was_stale) = (bench.done.len(), wishes.stale && beat == Beat::Key);
                    wishes.note(bench.now, beat);
                    bench.fact(Fact::Beat(beat));
                    prop_assert!(!(was_stale && keys(&bench.done[seen..])), "keyed by a wish from before the return");
                    wishes.stale |= wishes.keyed_since.is_some() && came_back(&bench.done[seen..]);
                    prop_assert!(beat == Beat::Key || !bench.keyed || !bench.is_usable());
                }
                Event::LineBreaks => bench.line_works = false,
                Event::Unplugged => bench.unplug(),
                Event::LineMends if !bench.line_works => (bench.line_works, wishes.works_since) = (true, bench.now),
                Event::LineMends => {}
                Event::Ends(fact) => bench.fact(fact),
            }
        }
        // In the end, with a line that works, it is released. What ended without one is what no program can release.
        let given_up = bench.exit == Some(Exit::LineFailed);
        bench.line_works = true;
        bench.pass(TIME_OUT + LOOK);
        if bench.exit.is_none() {
            prop_assert!(!bench.keyed);
            bench.fact(Fact::PipeClosed);
        }
        prop_assert!(bench.exit.is_some());
        prop_assert!(given_up || (!bench.keyed && bench.exit == Some(Exit::Released)));
    }
}

fn came_back(done: &[(u128, Action)]) -> bool {
    done.iter().any(|(_, action)| *action == Action::Report(Report::Back))
}

fn keys(done: &[(u128, Action)]) -> bool {
    done.iter().any(|(_, action)| *action == Action::Set { keyed: true })
}
