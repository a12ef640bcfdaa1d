//! The guard's decisions, without IO: heartbeats and time in, keying and reports out.
//!
//! Every keyed state carries both of its ends: the moment of silence and the hard time-out. The time-out counts the wish,
//! not the line: a daemon that falls silent and comes back does not gain time by it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::protocol::{Beat, Report};
use crate::lines::HEARTBEAT_LIMIT;

/// The guard acts so much before the promise of [`HEARTBEAT_LIMIT`], for a busy machine wakes it late.
pub const WAKE_MARGIN: Duration = Duration::from_millis(20);

/// Keyed and without a heartbeat for so long: unkeys.
pub const SILENCE: Duration = HEARTBEAT_LIMIT.saturating_sub(WAKE_MARGIN);

/// A line that refuses to be released is tried again so often.
pub const RETRY: Duration = Duration::from_millis(20);

/// A line that refuses to be released is given up after so long: its device is gone, and the daemon must know.
pub const GIVE_UP: Duration = Duration::from_secs(1);

/// What happens to the guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// A heartbeat.
    Beat(Beat),
    /// The daemon's end of the pipe is closed.
    PipeClosed,
    /// Somebody asked the guard to end.
    Terminated,
    /// The line did not take the last level.
    LineFailed,
    /// Time passed.
    Time,
}

/// What the guard does; in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Set the line.
    Set {
        /// Keyed or released.
        keyed: bool,
    },
    /// Tell the daemon.
    Report(Report),
    /// End the process.
    Exit(Exit),
}

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// As asked, with the line released.
    Released,
    /// The line failed.
    LineFailed,
}

/// Why the guard wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// Heartbeats are missing.
    Silence,
    /// Keyed for too long.
    TimeOut,
    /// The line is to be released once more.
    Retry,
}

/// The guard's mind.
#[derive(Debug)]
pub struct Logic {
    time_out: Duration,
    state: State,
    actions: VecDeque<Action>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Released, as wished.
    Idle,
    /// Keyed, as wished.
    Keyed { silent_at: Instant, cut_at: Instant },
    /// Released because heartbeats were missing; the last wish was "keyed".
    Silent { cut_at: Instant },
    /// Released by the time-out, until a heartbeat says "not keyed".
    Cut,
    /// The line does not take its level; only releasing it matters any more.
    Failing { retry_at: Instant, give_up_at: Instant },
    /// Ending.
    Done,
}

impl Logic {
    /// A guard whose line is released; it stays keyed at most for `time_out`.
    #[must_use]
    pub fn new(time_out: Duration) -> Self {
        Self { time_out, state: State::Idle, actions: VecDeque::new() }
    }

    /// Takes a fact. All actions must have been taken before.
    pub fn handle(&mut self, now: Instant, fact: Fact) {
        // A heartbeat that lay in the pipe while the guard could not run is no silence.
        self.state = match (fact, self.state) {
            (Fact::Beat(Beat::Key), State::Keyed { cut_at, .. }) if now < cut_at => {
                State::Keyed { silent_at: now + SILENCE, cut_at }
            }
            _ => self.expire(now),
        };
        self.state = match (fact, self.state) {
            (Fact::LineFailed, state) => self.fail(now, state),
            (_, same @ (State::Done | State::Failing { .. })) | (Fact::Time, same) => same,
            (Fact::Beat(beat), state) => self.beat(now, beat, state),
            (Fact::PipeClosed | Fact::Terminated, state) => self.end(state),
        };
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to come back without a fact, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Deadline)> {
        match self.state {
            State::Keyed { silent_at, cut_at } if silent_at <= cut_at => Some((silent_at, Deadline::Silence)),
            State::Keyed { cut_at, .. } => Some((cut_at, Deadline::TimeOut)),
            State::Failing { retry_at, .. } => Some((retry_at, Deadline::Retry)),
            State::Idle | State::Silent { .. } | State::Cut | State::Done => None,
        }
    }

    /// What the clock alone decides.
    fn expire(&mut self, now: Instant) -> State {
        match self.state {
            State::Keyed { cut_at, .. } if now >= cut_at => self.release(Report::TimeOut, State::Cut),
            State::Keyed { silent_at, cut_at } if now >= silent_at => {
                self.release(Report::Silent, State::Silent { cut_at })
            }
            State::Silent { cut_at } if now >= cut_at => State::Cut,
            State::Failing { retry_at, give_up_at } if now >= retry_at => {
                self.act([Action::Set { keyed: false }, Action::Exit(Exit::LineFailed)]);
                State::Failing { retry_at: now + RETRY, give_up_at }
            }
            same @ (State::Idle
            | State::Keyed { .. }
            | State::Silent { .. }
            | State::Cut
            | State::Failing { .. }
            | State::Done) => same,
        }
    }

    fn beat(&mut self, now: Instant, beat: Beat, state: State) -> State {
        match (beat, state) {
            (Beat::Key, State::Idle) => self.key(now, now + self.time_out),
            (Beat::Key, State::Silent { cut_at }) => self.key(now, cut_at),
            (Beat::Unkey, State::Keyed { .. }) => self.release(Report::Unkeyed, State::Idle),
            (Beat::Unkey, State::Idle | State::Silent { .. } | State::Cut) => State::Idle,
            (Beat::Garbled(byte), State::Keyed { cut_at, .. }) => {
                self.release(Report::Garbled(byte), State::Silent { cut_at })
            }
            (Beat::Garbled(byte), same @ (State::Idle | State::Silent { .. } | State::Cut)) => {
                self.act([Action::Report(Report::Garbled(byte))]);
                same
            }
            (Beat::Key, same @ (State::Keyed { .. } | State::Cut))
            | (_, same @ (State::Failing { .. } | State::Done)) => same,
        }
    }

    fn key(&mut self, now: Instant, cut_at: Instant) -> State {
        self.act([Action::Set { keyed: true }, Action::Report(Report::Keyed)]);
        State::Keyed { silent_at: now + SILENCE, cut_at }
    }

    fn release(&mut self, report: Report, next: State) -> State {
        self.act([Action::Set { keyed: false }, Action::Report(report)]);
        next
    }

    /// Releases even a line that should be released already: it is the last chance.
    fn end(&mut self, state: State) -> State {
        self.act([Action::Set { keyed: false }]);
        if matches!(state, State::Keyed { .. }) {
            self.act([Action::Report(Report::Unkeyed)]);
        }
        self.act([Action::Exit(Exit::Released)]);
        State::Done
    }

    /// What was to follow the failed level is void. A release is tried at once, then by the clock.
    fn fail(&mut self, now: Instant, state: State) -> State {
        self.actions.clear();
        match state {
            State::Failing { give_up_at, .. } if now >= give_up_at => {
                self.act([Action::Exit(Exit::LineFailed)]);
                State::Done
            }
            State::Failing { give_up_at, .. } => State::Failing { retry_at: now + RETRY, give_up_at },
            State::Idle | State::Keyed { .. } | State::Silent { .. } | State::Cut | State::Done => {
                State::Failing { retry_at: now, give_up_at: now + GIVE_UP }
            }
        }
    }

    fn act<const N: usize>(&mut self, actions: [Action; N]) {
        self.actions.extend(actions);
    }
}

#[cfg(test)]
mod tests;
