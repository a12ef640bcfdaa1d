//! The half-duplex rule: who has the radio, the people on the air or the people on the channel.
//!
//! Facts in ([`Input`]), actions out ([`Output`]). While the transmitter is keyed, and `rx_mute` after, COS is not
//! believed; every state that keys the transmitter carries the instant at which it must end.

mod state;

use std::time::{Duration, Instant};

use heapless::Deque;
pub use state::Deadline;
use state::State;

use super::downlink::Discard;
use crate::config::{self, Busy};

/// A fact for the half-duplex rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// COS changed: the radio hears somebody, or no longer does.
    Carrier(bool),
    /// The channel has something to say (level, not edge).
    Talk(bool),
    /// Nothing more to say; the last sound leaves the sound card at this instant.
    Drained(Instant),
    /// The playback device works, or is lost: without it nothing is keyed.
    Playback(bool),
    /// The PTT line is there, or its device is lost: without it nothing is keyed.
    Line(bool),
    /// Time has passed; harmless at any time.
    Timeout,
    /// The gateway ends: unkey, close the over, never key again.
    Shutdown,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Key or unkey the transmitter.
    Ptt(bool),
    /// An over of the radio begins; COS opened at this instant.
    OverOpen(Instant),
    /// The over is complete.
    OverClose,
    /// Throw away what the channel says.
    Discard(Discard),
    /// The squelch is open for longer than `stuck_seconds` (true), or has closed at last (false).
    Stuck(bool),
}

/// The times of the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Keyed and silent before the first word.
    pub lead: Duration,
    /// Keyed and silent after the last.
    pub tail: Duration,
    /// Longest transmission.
    pub time_out: Duration,
    /// COS is not believed for so long after unkeying.
    pub rx_mute: Duration,
    /// What to do when the radio receives while the channel talks.
    pub busy: Busy,
    /// A squelch closed for less than this does not end the over.
    pub hang: Duration,
    /// A squelch open longer than this is a fault.
    pub stuck: Duration,
}

impl Settings {
    /// Takes the times from the configuration.
    #[must_use]
    pub fn new(uplink: &config::Uplink, downlink: &config::Downlink) -> Self {
        Self {
            lead: downlink.lead,
            tail: downlink.tail,
            time_out: downlink.time_out,
            rx_mute: downlink.rx_mute,
            busy: downlink.busy,
            hang: uplink.hang,
            stuck: uplink.stuck,
        }
    }
}

/// Most actions that one fact can cause; more cannot be lost because the caller drains after each fact.
const OUTPUTS_MAX: usize = 8;

/// The half-duplex state machine.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each as it was last told")]
pub struct Radio {
    settings: Settings,
    state: State,
    /// COS as last told, believed or not.
    carrier: bool,
    /// The open squelch was declared a fault; forgotten when it closes.
    stuck: bool,
    talk: bool,
    playback: bool,
    line: bool,
    ended: bool,
    outputs: Deque<Output, OUTPUTS_MAX>,
}

impl Radio {
    /// A radio at rest: unkeyed, squelch closed, nothing to say.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            state: State::Idle,
            carrier: false,
            stuck: false,
            talk: false,
            playback: true,
            line: true,
            ended: false,
            outputs: Deque::new(),
        }
    }

    /// Takes a fact. Drain [`Self::poll`] before the next one.
    pub fn handle(&mut self, now: Instant, input: Input) {
        self.handle_at(now, now, input);
    }

    /// As [`Self::handle`], for a COS edge that happened at `at`, a moment before it was read.
    pub fn handle_edge(&mut self, now: Instant, at: Instant, open: bool) {
        self.handle_at(now, at, Input::Carrier(open));
    }

    fn handle_at(&mut self, now: Instant, at: Instant, input: Input) {
        match input {
            Input::Carrier(open) => self.carrier(open),
            Input::Talk(talk) => self.talk = talk,
            Input::Playback(works) => self.playback = works,
            Input::Line(there) => self.line = there,
            Input::Drained(last_sound) => self.drained(last_sound),
            Input::Shutdown => self.ended = true,
            Input::Timeout => {}
        }
        // Each step is one transition; the chain ends because every state either waits for a fact or for a deadline
        // that lies ahead. The bound is a belt for a machine that must never spin.
        for _ in 0..OUTPUTS_MAX {
            match self.step(now, at) {
                Some(next) => self.state = next,
                None => break,
            }
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call with [`Input::Timeout`], and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Deadline)> {
        self.state.deadline()
    }

    /// The transmitter is keyed.
    #[must_use]
    pub fn is_keyed(&self) -> bool {
        self.state.is_keyed()
    }

    /// The lead-in is over and the channel may be heard on the air.
    #[must_use]
    pub fn is_speaking(&self) -> bool {
        matches!(self.state, State::Speaking { .. })
    }

    /// An over of the radio is open.
    #[must_use]
    pub fn is_receiving(&self) -> bool {
        matches!(self.state, State::Receiving { .. } | State::Hang { .. })
    }

    fn carrier(&mut self, open: bool) {
        self.carrier = open;
        if !open && self.stuck {
            self.stuck = false;
            self.out(Output::Stuck(false));
        }
    }

    fn drained(&mut self, last_sound: Instant) {
        if let State::Speaking { time_out } = self.state {
            self.talk = false;
            self.state = State::Tail { until: last_sound + self.settings.tail, time_out };
        }
    }

    /// One transition, or none when the state is at rest.
    fn step(&mut self, now: Instant, at: Instant) -> Option<State> {
        if self.state.time_out().is_some_and(|limit| self.must_unkey(now, limit)) {
            return Some(self.unkey(now));
        }
        match self.state {
            State::Idle => self.when_idle(now, at),
            State::Receiving { stuck } => self.when_receiving(now, stuck),
            State::Hang { until, stuck } => self.when_hanging(now, until, stuck),
            State::Lead { until, time_out } => (now >= until).then_some(State::Speaking { time_out }),
            State::Speaking { .. } => None,
            State::Tail { time_out, .. } if self.talk => Some(State::Speaking { time_out }),
            State::Tail { until, .. } => (now >= until).then(|| self.unkey(now)),
            State::Muted { until } => (now >= until).then_some(State::Idle),
        }
    }

    fn when_idle(&mut self, now: Instant, at: Instant) -> Option<State> {
        if self.ended {
            return None;
        }
        if self.carrier && !self.stuck {
            self.out(Output::OverOpen(at));
            return Some(State::Receiving { stuck: now + self.settings.stuck });
        }
        self.may_key().then(|| self.key(now))
    }

    fn when_receiving(&mut self, now: Instant, stuck: Instant) -> Option<State> {
        if !self.carrier && !self.ended {
            return Some(State::Hang { until: now + self.settings.hang, stuck });
        }
        if self.ended {
            return Some(self.close_over());
        }
        if now >= stuck {
            self.stuck = true;
            let idle = self.close_over();
            self.out(Output::Stuck(true));
            return Some(idle);
        }
        self.contend(now)
    }

    fn when_hanging(&mut self, now: Instant, until: Instant, stuck: Instant) -> Option<State> {
        if self.carrier && !self.ended {
            return Some(State::Receiving { stuck });
        }
        if self.ended || now >= until {
            return Some(self.close_over());
        }
        self.contend(now)
    }

    /// The channel talks while the radio receives.
    fn contend(&mut self, now: Instant) -> Option<State> {
        if !self.talk {
            return None;
        }
        match self.settings.busy {
            Busy::Override if self.has_transmitter() => {
                self.close_over();
                Some(self.key(now))
            }
            Busy::Wait | Busy::Override => None,
            Busy::Drop => {
                self.talk = false;
                self.out(Output::Discard(Discard::Busy));
                None
            }
        }
    }

    /// A time-out, the loss of the sound card or of the line, and the end of the gateway unkey at once, whatever is being said.
    fn must_unkey(&mut self, now: Instant, time_out: Instant) -> bool {
        if now >= time_out {
            self.talk = false;
            self.out(Output::Discard(Discard::TimeOut));
            return true;
        }
        !self.has_transmitter() || self.ended
    }

    fn may_key(&self) -> bool {
        self.talk && self.has_transmitter() && !self.ended
    }

    /// Sound and line lead to a radio that can say something.
    fn has_transmitter(&self) -> bool {
        self.playback && self.line
    }

    fn key(&mut self, now: Instant) -> State {
        self.out(Output::Ptt(true));
        State::Lead { until: now + self.settings.lead, time_out: now + self.settings.time_out }
    }

    fn unkey(&mut self, now: Instant) -> State {
        self.out(Output::Ptt(false));
        State::Muted { until: now + self.settings.rx_mute }
    }

    fn close_over(&mut self) -> State {
        self.out(Output::OverClose);
        State::Idle
    }

    fn out(&mut self, output: Output) {
        let fits = self.outputs.push_back(output);
        debug_assert!(fits.is_ok(), "the caller drains outputs after each fact");
    }
}

#[cfg(test)]
mod tests;
