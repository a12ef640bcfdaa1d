//! The states of a session, their deadlines, and how they are told.

use std::fmt;
use std::time::{Duration, Instant};

use super::trouble::Trouble;
use crate::logic::outbox;
use crate::zello::Seq;

/// A connect, TLS and upgrade included, takes no longer over the worst mobile link.
pub const CONNECT: Duration = Duration::from_secs(15);
/// The reply to `logon` takes no longer; some faults of the service never answer (protocol section 11.1).
pub const LOGON_REPLY: Duration = Duration::from_secs(10);
/// From log-on, or from the channel's going offline, to `online` (protocol section 8, `channel is not ready`).
pub const ONLINE: Duration = Duration::from_secs(30);
/// Own pings find half-open sockets (protocol section 9: each 10 to 20 s).
pub const PING_EVERY: Duration = Duration::from_secs(15);
/// Two lost pongs and a slow third; with the pings' pace a half-open link is noticed within 45 s.
pub const SILENCE: Duration = Duration::from_secs(40);
/// From log-on to the first `start_stream` (protocol section 4.2).
pub const FIRST_START: Duration = Duration::from_millis(800);

/// Why the session wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deadline {
    /// The wait before the next connect is over.
    Reconnect,
    /// The pause before the next probe of a fault is over.
    Probe,
    /// The connect takes too long.
    Connect,
    /// The reply to `logon` is overdue.
    LogonReply,
    /// The channel does not come online.
    Online,
    /// The next ping is due.
    Ping,
    /// Nothing has come for too long, not even a pong.
    Silence,
    /// Of the outbox.
    Outbox(outbox::Deadline),
}

impl Deadline {
    /// What is wrong when this deadline passes.
    pub(super) fn complaint(self) -> &'static str {
        match self {
            Self::Connect => "no connection within 15 s",
            Self::LogonReply => "no reply to the log-on within 10 s",
            Self::Online => "the channel did not come online within 30 s",
            Self::Silence => "nothing heard from the server for 40 s: the link is dead",
            Self::Reconnect | Self::Probe | Self::Ping | Self::Outbox(_) => "a deadline passed",
        }
    }
}

/// Where a session stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum State {
    /// No link; connects at `until`, or when the clock is set if that may help.
    Waiting { until: Instant, by_clock: bool },
    /// A person must change something; tries at `until` all the same, or when the clock is set if that may help.
    Fault { until: Instant, by_clock: bool },
    /// The one connect is under way.
    Connecting { until: Instant },
    /// There is a socket.
    Linked(Linked),
    /// Ended for good.
    Closed,
}

/// A socket that lives as far as we know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Linked {
    pub(super) heard_at: Instant,
    pub(super) ping_at: Instant,
    pub(super) stage: Stage,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stage {
    /// `logon` is sent.
    LoggingOn { seq: Seq, until: Instant },
    /// Logged on; the channel is not online, or no longer.
    Joining { logged_on_at: Instant, until: Instant, was_online: bool },
    /// Everything works.
    Online { logged_on_at: Instant, since: Instant },
}

impl State {
    /// The next deadline of the session itself.
    pub(super) fn deadline(&self) -> Option<(Instant, Deadline)> {
        match self {
            Self::Waiting { until, .. } => Some((*until, Deadline::Reconnect)),
            Self::Fault { until, .. } => Some((*until, Deadline::Probe)),
            Self::Connecting { until } => Some((*until, Deadline::Connect)),
            Self::Linked(linked) => Some(linked.deadline()),
            Self::Closed => None,
        }
    }
}

impl Linked {
    fn deadline(&self) -> (Instant, Deadline) {
        let ping = (self.ping_at, Deadline::Ping);
        let silence = (self.heard_at + SILENCE, Deadline::Silence);
        let own = match self.stage {
            Stage::LoggingOn { until, .. } => (until, Deadline::LogonReply),
            Stage::Joining { until, .. } => (until, Deadline::Online),
            Stage::Online { .. } => silence,
        };
        ping.min(silence).min(own)
    }
}

/// Where a session stands, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// Not connected; tries again by itself.
    Waiting {
        /// Why; absent before the first connect.
        trouble: Option<Trouble>,
        /// The next connect comes after this.
        wait: Duration,
    },
    /// Connecting.
    Connecting,
    /// Connected; the server looks at the credentials.
    LoggingOn,
    /// Logged on; the channel is not online.
    Joining,
    /// The channel can be heard, and talked to unless listen-only.
    Online,
    /// A person must change something.
    Fault {
        /// What is wrong.
        trouble: Trouble,
        /// Tried again after this all the same.
        wait: Duration,
    },
    /// Ended.
    Closed,
}

impl fmt::Display for LinkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { trouble: None, .. } => f.write_str("not connected"),
            Self::Waiting { trouble: Some(trouble), .. } => write!(f, "not connected: {trouble}"),
            Self::Connecting => f.write_str("connecting"),
            Self::LoggingOn => f.write_str("logging on"),
            Self::Joining => f.write_str("waiting for the channel"),
            Self::Online => f.write_str("online"),
            Self::Fault { trouble, .. } => write!(f, "fault: {trouble}"),
            Self::Closed => f.write_str("closed"),
        }
    }
}
