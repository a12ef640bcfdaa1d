//! Sentences about the half-duplex rule, then properties that hold for any run of facts.

use proptest::prelude::*;

use super::*;

const SETTINGS: Settings = Settings {
    lead: Duration::from_millis(200),
    tail: Duration::from_millis(150),
    time_out: Duration::from_secs(180),
    rx_mute: Duration::from_millis(300),
    busy: Busy::Wait,
    hang: Duration::from_millis(500),
    stuck: Duration::from_secs(300),
};

/// A radio with a clock that moves only when told.
struct Bench {
    radio: Radio,
    now: Instant,
}

impl Bench {
    fn new(settings: Settings) -> Self {
        Self { radio: Radio::new(settings), now: Instant::now() }
    }

    fn tell(&mut self, input: Input) -> Vec<Output> {
        self.radio.handle(self.now, input);
        std::iter::from_fn(|| self.radio.poll()).collect()
    }

    /// Advances to the next deadline.
    fn next(&mut self) -> (Deadline, Vec<Output>) {
        let (at, why) = self.radio.poll_timeout().expect("a deadline");
        self.now = at;
        (why, self.tell(Input::Timeout))
    }

    fn after(&mut self, ms: u64) -> Vec<Output> {
        self.now += Duration::from_millis(ms);
        self.tell(Input::Timeout)
    }

    fn speaking(settings: Settings) -> Self {
        let mut bench = Self::new(settings);
        assert_eq!(bench.tell(Input::Talk(true)), [Output::Ptt(true)]);
        assert_eq!(bench.next(), (Deadline::Lead, vec![]));
        assert!(bench.radio.is_speaking());
        bench
    }
}

#[test]
fn an_over_lasts_from_the_opening_of_the_squelch_to_the_end_of_the_hang() {
    let mut bench = Bench::new(SETTINGS);
    let opened = bench.now;
    assert_eq!(bench.tell(Input::Carrier(true)), [Output::OverOpen(opened)]);
    assert_eq!(bench.after(2_000), []);
    assert_eq!(bench.tell(Input::Carrier(false)), []);
    assert_eq!(bench.next(), (Deadline::Hang, vec![Output::OverClose]));
}

#[test]
fn chatter_shorter_than_the_hang_stays_one_over() {
    let mut bench = Bench::new(SETTINGS);
    bench.tell(Input::Carrier(true));
    for _ in 0..10 {
        assert_eq!(bench.tell(Input::Carrier(false)), []);
        assert_eq!(bench.after(499), []);
        assert_eq!(bench.tell(Input::Carrier(true)), []);
    }
    assert!(bench.radio.is_receiving());
}

#[test]
fn talk_keys_at_once_speaks_after_the_lead_and_unkeys_after_the_tail() {
    let mut bench = Bench::speaking(SETTINGS);
    let last_sound = bench.now + Duration::from_millis(40);
    assert_eq!(bench.tell(Input::Drained(last_sound)), []);
    assert_eq!(bench.radio.poll_timeout(), Some((last_sound + SETTINGS.tail, Deadline::Tail)));
    assert_eq!(bench.next(), (Deadline::Tail, vec![Output::Ptt(false)]));
}

#[test]
fn cos_is_not_believed_while_keyed_nor_in_the_mute_after() {
    let mut bench = Bench::speaking(SETTINGS);
    assert_eq!(bench.tell(Input::Carrier(true)), []);
    bench.tell(Input::Drained(bench.now));
    assert_eq!(bench.next().1, [Output::Ptt(false)]);
    assert_eq!(bench.after(100), []);
    assert_eq!(bench.tell(Input::Carrier(false)), []);
    assert_eq!(bench.next(), (Deadline::Muted, vec![]));
}

#[test]
fn somebody_who_still_talks_when_the_mute_ends_is_heard() {
    let mut bench = Bench::speaking(SETTINGS);
    bench.tell(Input::Carrier(true));
    bench.tell(Input::Drained(bench.now));
    bench.next();
    let (why, outputs) = bench.next();
    assert_eq!((why, outputs), (Deadline::Muted, vec![Output::OverOpen(bench.now)]));
}

#[test]
fn talk_waits_while_the_radio_receives_and_is_said_after_the_hang() {
    let mut bench = Bench::new(SETTINGS);
    bench.tell(Input::Carrier(true));
    assert_eq!(bench.tell(Input::Talk(true)), []);
    assert_eq!(bench.tell(Input::Carrier(false)), []);
    assert_eq!(bench.next(), (Deadline::Hang, vec![Output::OverClose, Output::Ptt(true)]));
}

#[test]
fn override_closes_the_over_and_keys() {
    let mut bench = Bench::new(Settings { busy: Busy::Override, ..SETTINGS });
    bench.tell(Input::Carrier(true));
    assert_eq!(bench.tell(Input::Talk(true)), [Output::OverClose, Output::Ptt(true)]);
}

#[test]
fn drop_discards_what_comes_while_the_radio_receives() {
    let mut bench = Bench::new(Settings { busy: Busy::Drop, ..SETTINGS });
    bench.tell(Input::Carrier(true));
    assert_eq!(bench.tell(Input::Talk(true)), [Output::Discard(Discard::Busy)]);
    assert_eq!(bench.after(1_000), []);
}

#[test]
fn new_talk_in_the_tail_is_said_without_unkeying() {
    let mut bench = Bench::speaking(SETTINGS);
    bench.tell(Input::Drained(bench.now));
    assert_eq!(bench.tell(Input::Talk(true)), []);
    assert!(bench.radio.is_speaking());
}

#[test]
fn new_talk_in_the_mute_waits_until_the_radio_has_been_listened_to() {
    let mut bench = Bench::speaking(SETTINGS);
    bench.tell(Input::Drained(bench.now));
    bench.next();
    assert_eq!(bench.tell(Input::Talk(true)), []);
    assert_eq!(bench.next(), (Deadline::Muted, vec![Output::Ptt(true)]));
}

#[test]
fn a_stuck_network_key_is_cut_by_the_time_out_timer() {
    let mut bench = Bench::speaking(SETTINGS);
    assert_eq!(
        bench.next(),
        (Deadline::TimeOut, vec![Output::Discard(Discard::TimeOut), Output::Ptt(false)])
    );
    assert_eq!(bench.next(), (Deadline::Muted, vec![]));
    assert_eq!(bench.tell(Input::Talk(true)), [Output::Ptt(true)]);
}

#[test]
fn a_time_out_in_the_lead_or_tail_unkeys_too() {
    let short = Settings { time_out: Duration::from_millis(100), ..SETTINGS };
    let mut bench = Bench::new(short);
    bench.tell(Input::Talk(true));
    assert_eq!(bench.next().0, Deadline::TimeOut);
    assert!(!bench.radio.is_keyed());

    let mut bench = Bench::speaking(Settings { time_out: Duration::from_millis(250), ..SETTINGS });
    bench.tell(Input::Drained(bench.now));
    assert_eq!(bench.next().0, Deadline::TimeOut);
    assert!(!bench.radio.is_keyed());
}

#[test]
fn a_stuck_squelch_ends_the_over_and_the_channel_is_still_heard() {
    let mut bench = Bench::new(SETTINGS);
    bench.tell(Input::Carrier(true));
    assert_eq!(bench.next(), (Deadline::Stuck, vec![Output::OverClose, Output::Stuck(true)]));
    assert_eq!(bench.tell(Input::Talk(true)), [Output::Ptt(true)]);
    bench.next();
    bench.tell(Input::Drained(bench.now));
    bench.next();
    assert_eq!(bench.next(), (Deadline::Muted, vec![]));
    assert_eq!(bench.tell(Input::Carrier(false)), [Output::Stuck(false)]);
    assert!(matches!(bench.tell(Input::Carrier(true)).as_slice(), [Output::OverOpen(_)]));
}

#[test]
fn chatter_does_not_put_off_the_stuck_limit() {
    let mut bench = Bench::new(SETTINGS);
    bench.tell(Input::Carrier(true));
    let (limit, _) = bench.radio.poll_timeout().unwrap();
    bench.tell(Input::Carrier(false));
    bench.after(100);
    bench.tell(Input::Carrier(true));
    assert_eq!(bench.radio.poll_timeout(), Some((limit, Deadline::Stuck)));
}

#[test]
fn a_lost_sound_card_unkeys_and_nothing_is_keyed_without_it() {
    let mut bench = Bench::speaking(SETTINGS);
    assert_eq!(bench.tell(Input::Playback(false)), [Output::Ptt(false)]);
    bench.next();
    assert_eq!(bench.tell(Input::Talk(true)), []);
    assert_eq!(bench.tell(Input::Playback(true)), [Output::Ptt(true)]);
}

#[test]
fn a_lost_line_unkeys_and_both_line_and_sound_card_make_a_transmitter() {
    let mut bench = Bench::speaking(SETTINGS);
    assert_eq!(bench.tell(Input::Line(false)), [Output::Ptt(false)]);
    bench.next();
    bench.tell(Input::Playback(false));
    assert_eq!(bench.tell(Input::Talk(true)), []);
    assert_eq!(bench.tell(Input::Line(true)), []);
    assert_eq!(bench.tell(Input::Playback(true)), [Output::Ptt(true)]);
}

#[test]
fn without_a_line_the_channel_does_not_override_the_radio() {
    let mut bench = Bench::new(Settings { busy: Busy::Override, ..SETTINGS });
    bench.tell(Input::Line(false));
    bench.tell(Input::Carrier(true));
    assert_eq!(bench.tell(Input::Talk(true)), []);
    assert_eq!(bench.tell(Input::Line(true)), [Output::OverClose, Output::Ptt(true)]);
}

#[test]
fn shutdown_unkeys_closes_the_over_and_nothing_starts_again() {
    let mut keyed = Bench::speaking(SETTINGS);
    assert_eq!(keyed.tell(Input::Shutdown), [Output::Ptt(false)]);
    keyed.next();
    assert_eq!(keyed.tell(Input::Talk(true)), []);

    let mut receiving = Bench::new(SETTINGS);
    receiving.tell(Input::Carrier(true));
    assert_eq!(receiving.tell(Input::Shutdown), [Output::OverClose]);
    assert_eq!(receiving.tell(Input::Carrier(true)), []);
}

/// A fact, or the passing of milliseconds.
#[derive(Debug, Clone, Copy)]
enum Fact {
    Tell(Input),
    DrainedIn(u64),
    Pass(u64),
}

fn fact() -> impl Strategy<Value = Fact> {
    prop_oneof![
        4 => any::<bool>().prop_map(|open| Fact::Tell(Input::Carrier(open))),
        4 => any::<bool>().prop_map(|talk| Fact::Tell(Input::Talk(talk))),
        2 => (0_u64..100).prop_map(Fact::DrainedIn),
        1 => any::<bool>().prop_map(|works| Fact::Tell(Input::Playback(works))),
        1 => any::<bool>().prop_map(|there| Fact::Tell(Input::Line(there))),
        1 => Just(Fact::Tell(Input::Timeout)),
        4 => (1_u64..2_000).prop_map(Fact::Pass),
        1 => (1_u64..400_000).prop_map(Fact::Pass),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    let ms = |top: u64| (0..=top).prop_map(Duration::from_millis);
    (ms(1_000), ms(1_000), 1_000_u64..200_000, ms(1_000), 0..3_u8, ms(2_000), 1_000_u64..400_000).prop_map(
        |(lead, tail, time_out, rx_mute, busy, hang, stuck)| Settings {
            lead,
            tail,
            time_out: Duration::from_millis(time_out),
            rx_mute,
            busy: [Busy::Wait, Busy::Override, Busy::Drop][usize::from(busy)],
            hang,
            stuck: Duration::from_millis(stuck),
        },
    )
}

/// What an observer outside knows, from outputs alone.
#[derive(Default)]
struct Observer {
    keyed_since: Option<Instant>,
    over: bool,
}

impl Observer {
    fn see(&mut self, now: Instant, outputs: &[Output]) {
        for output in outputs {
            match output {
                Output::Ptt(true) => {
                    assert!(self.keyed_since.replace(now).is_none(), "keyed twice");
                    assert!(!self.over, "keyed while an over of the radio is open");
                }
                Output::Ptt(false) => assert!(self.keyed_since.take().is_some(), "unkeyed twice"),
                Output::OverOpen(_) => {
                    assert!(!std::mem::replace(&mut self.over, true), "opened twice");
                    assert!(self.keyed_since.is_none(), "an over opened while keyed");
                }
                Output::OverClose => assert!(std::mem::replace(&mut self.over, false), "closed twice"),
                Output::Discard(_) | Output::Stuck(_) => {}
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_keyed_and_uplinking_at_once_and_every_key_up_ends(settings in settings(), facts in proptest::collection::vec(fact(), 1..120)) {
        let mut bench = Bench::new(settings);
        let mut observer = Observer::default();
        let mut last_deadline: Option<Instant> = None;
        for fact in facts {
            let outputs = match fact {
                Fact::Tell(input) => bench.tell(input),
                Fact::DrainedIn(ms) => bench.tell(Input::Drained(bench.now + Duration::from_millis(ms))),
                Fact::Pass(ms) => {
                    let until = bench.now + Duration::from_millis(ms);
                    while let Some((at, _)) = bench.radio.poll_timeout().filter(|(at, _)| *at <= until) {
                        prop_assert!(last_deadline.is_none_or(|last| at >= last) || at >= bench.now, "deadlines move forward");
                        last_deadline = Some(at);
                        bench.now = bench.now.max(at);
                        let outputs = bench.tell(Input::Timeout);
                        observer.see(bench.now, &outputs);
                    }
                    bench.now = until;
                    bench.tell(Input::Timeout)
                }
            };
            observer.see(bench.now, &outputs);
            prop_assert_eq!(bench.radio.is_keyed(), observer.keyed_since.is_some());
            prop_assert_eq!(bench.radio.is_receiving(), observer.over);
            if let Some(since) = observer.keyed_since {
                let (at, _) = bench.radio.poll_timeout().expect("keyed implies a deadline");
                prop_assert!(at <= since + settings.time_out, "the deadline is within the time-out");
                prop_assert!(bench.now < since + settings.time_out, "never keyed beyond the time-out");
            }
        }
        // Whatever happened, time alone unkeys, and a shutdown leaves nothing open.
        let outputs = bench.tell(Input::Shutdown);
        observer.see(bench.now, &outputs);
        prop_assert!(observer.keyed_since.is_none() && !observer.over);
    }
}
