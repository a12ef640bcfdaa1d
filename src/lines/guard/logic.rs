//! The guard's decisions, without IO: heartbeats and time in, keying and reports out.
//!
//! Every keyed state carries both of its ends: the moment of silence and the hard time-out. The time-out counts the wish,
//! not the line: a daemon that falls silent and comes back does not gain time by it.
//!
//! A line that fails is closed and opened anew, which releases it; until that succeeds it is lost, and nothing is keyed.
//! Nor is it when the line is back, until a heartbeat has said "not keyed": a wish from before says nothing any more.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::protocol::{Beat, Report};
use crate::lines::HEARTBEAT_LIMIT;

/// The guard acts so much before the promise of [`HEARTBEAT_LIMIT`], for a busy machine wakes it late.
pub const WAKE_MARGIN: Duration = Duration::from_millis(20);

/// Keyed and without a heartbeat for so long: unkeys.
pub const SILENCE: Duration = HEARTBEAT_LIMIT.saturating_sub(WAKE_MARGIN);

/// The line is looked at so often: one that vanished, or moved by itself, must not be found out only at the next wish.
pub const CHECK: Duration = Duration::from_millis(100);

/// A lost line is looked for so often: it is to be released and usable within 1 s of its device's return.
pub const LOOK: Duration = Duration::from_millis(250);

/// A line that refuses its last release is opened anew so often.
pub const RETRY: Duration = Duration::from_millis(20);

/// A guard that is to end leaves a line that refuses to be released after so long.
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
    /// The line did not take the last level, or was not as it should be.
    LineFailed,
    /// The line was opened anew, and is released.
    Found,
    /// The line cannot be opened.
    Missing,
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
    /// Look whether the line is there and has its level.
    Check,
    /// Tell the daemon that the line is lost, and why.
    TellLost,
    /// Close the line, which releases it if anything can, and open it anew, which releases it first of all.
    Reopen,
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
    /// As asked, but the line could not be released.
    LineFailed,
}

/// Why the guard wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// Heartbeats are missing.
    Silence,
    /// Keyed for too long.
    TimeOut,
    /// The line is to be looked at.
    Check,
    /// The lost line is to be looked for.
    Look,
    /// The line is to be released once more before the end.
    Retry,
}

/// The guard's mind.
#[derive(Debug)]
pub struct Logic {
    time_out: Duration,
    state: State,
    check_at: Instant,
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
    /// Released, until a heartbeat says "not keyed": after the time-out, or with a line that came back.
    Cut,
    /// The line is closed and being looked for. `rests`: the last heartbeat said "not keyed".
    Lost { look_at: Instant, rests: bool },
    /// Ending, and the line does not let itself be released.
    Ending { retry_at: Instant, give_up_at: Instant },
    /// Ending.
    Done,
}

impl Logic {
    /// A guard whose line is open and released; it stays keyed at most for `time_out`.
    #[must_use]
    pub fn new(now: Instant, time_out: Duration) -> Self {
        Self { time_out, state: State::Idle, check_at: now + CHECK, actions: VecDeque::new() }
    }

    /// Takes a fact. All actions must have been taken before, or be void by it.
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
            (Fact::Found, state) => self.find(now, state),
            (Fact::Missing, state) => self.miss(now, state),
            (_, same @ (State::Done | State::Ending { .. })) | (Fact::Time, same) => same,
            (Fact::Beat(beat), state) => self.beat(now, beat, state),
            (Fact::PipeClosed | Fact::Terminated, state) => self.end(now, state),
        };
        if now >= self.check_at && self.is_open() {
            self.check_at = now + CHECK;
            self.act([Action::Check]);
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to come back without a fact, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Deadline)> {
        let check = (self.check_at, Deadline::Check);
        match self.state {
            State::Keyed { silent_at, cut_at } => {
                let ends = [(silent_at, Deadline::Silence), (cut_at, Deadline::TimeOut)];
                Some(ends.into_iter().fold(check, |first, next| if next.0 <= first.0 { next } else { first }))
            }
            State::Idle | State::Silent { .. } | State::Cut => Some(check),
            State::Lost { look_at, .. } => Some((look_at, Deadline::Look)),
            State::Ending { retry_at, .. } => Some((retry_at, Deadline::Retry)),
            State::Done => None,
        }
    }

    /// There is a line that can be keyed, or is to be released.
    fn is_open(&self) -> bool {
        match self.state {
            State::Idle | State::Keyed { .. } | State::Silent { .. } | State::Cut => true,
            State::Lost { .. } | State::Ending { .. } | State::Done => false,
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
            State::Lost { look_at, rests } if now >= look_at => {
                self.act([Action::Reopen]);
                State::Lost { look_at: now + LOOK, rests }
            }
            State::Ending { retry_at, give_up_at } if now >= retry_at => {
                self.act([Action::Reopen]);
                State::Ending { retry_at: now + RETRY, give_up_at }
            }
            same @ (State::Idle
            | State::Keyed { .. }
            | State::Silent { .. }
            | State::Cut
            | State::Lost { .. }
            | State::Ending { .. }
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
            (Beat::Key | Beat::Unkey, State::Lost { look_at, .. }) => {
                State::Lost { look_at, rests: beat == Beat::Unkey }
            }
            (Beat::Garbled(byte), State::Lost { look_at, .. }) => {
                self.act([Action::Report(Report::Garbled(byte))]);
                State::Lost { look_at, rests: false }
            }
            (Beat::Garbled(byte), same @ (State::Idle | State::Silent { .. } | State::Cut)) => {
                self.act([Action::Report(Report::Garbled(byte))]);
                same
            }
            (Beat::Key, same @ (State::Keyed { .. } | State::Cut))
            | (_, same @ (State::Ending { .. } | State::Done)) => same,
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

    /// Releases even a line that should be released already: it is the last chance. For a lost one, there is one more.
    fn end(&mut self, now: Instant, state: State) -> State {
        if let State::Lost { .. } = state {
            // A look that is due just now is this one: a second would come after the verdict.
            self.actions.clear();
            self.act([Action::Reopen]);
            return State::Ending { retry_at: now + RETRY, give_up_at: now };
        }
        self.act([Action::Set { keyed: false }]);
        if matches!(state, State::Keyed { .. }) {
            self.act([Action::Report(Report::Unkeyed)]);
        }
        self.act([Action::Exit(Exit::Released)]);
        State::Done
    }

    /// What was to follow the failed level is void.
    fn fail(&mut self, now: Instant, state: State) -> State {
        self.actions.clear();
        match state {
            State::Idle | State::Keyed { .. } | State::Silent { .. } | State::Cut => {
                self.act([Action::TellLost, Action::Reopen]);
                State::Lost { look_at: now + LOOK, rests: matches!(state, State::Idle) }
            }
            State::Done => {
                self.act([Action::TellLost, Action::Reopen]);
                State::Ending { retry_at: now + RETRY, give_up_at: now + GIVE_UP }
            }
            same @ (State::Lost { .. } | State::Ending { .. }) => same,
        }
    }

    /// The line was opened anew, which has released it.
    fn find(&mut self, now: Instant, state: State) -> State {
        self.check_at = now + CHECK;
        match state {
            State::Lost { rests, .. } => {
                self.act([Action::Report(Report::Back)]);
                if rests { State::Idle } else { State::Cut }
            }
            State::Ending { .. } => {
                self.act([Action::Exit(Exit::Released)]);
                State::Done
            }
            same @ (State::Idle | State::Keyed { .. } | State::Silent { .. } | State::Cut | State::Done) => {
                same
            }
        }
    }

    fn miss(&mut self, now: Instant, state: State) -> State {
        match state {
            State::Lost { rests, .. } => State::Lost { look_at: now + LOOK, rests },
            State::Ending { give_up_at, .. } if now >= give_up_at => {
                self.act([Action::Exit(Exit::LineFailed)]);
                State::Done
            }
            State::Ending { give_up_at, .. } => State::Ending { retry_at: now + RETRY, give_up_at },
            same @ (State::Idle | State::Keyed { .. } | State::Silent { .. } | State::Cut | State::Done) => {
                same
            }
        }
    }

    fn act<const N: usize>(&mut self, actions: [Action; N]) {
        self.actions.extend(actions);
    }
}

#[cfg(test)]
mod tests;
