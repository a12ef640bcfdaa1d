//! What the outbox wants done, what it tells, and why it wants to be woken.

use std::time::{Duration, Instant};

use crate::logic::exchange::OverId;
use crate::zello::{ErrorCode, PacketId, StreamId};

/// One try to start a stream; pairs the server's answer with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt(pub u32);

/// What the session has to do, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Ask for the channel.
    Start {
        /// Comes back with the answer.
        attempt: Attempt,
    },
    /// Send one packet.
    Packet {
        /// On which stream.
        stream: StreamId,
        /// Its number in the stream.
        id: PacketId,
        /// When its last sample was captured; of a tone: when it was sent.
        captured_at: Instant,
        /// The Opus packet.
        payload: Box<[u8]>,
    },
    /// Give the channel back.
    Stop {
        /// Which stream.
        stream: StreamId,
    },
    /// The rest of this over is not wanted: tell the engine.
    Refused {
        /// Which over.
        over: OverId,
    },
    /// The connection takes no overs: make a new one.
    Reconnect(Ghost),
    /// For the log.
    Told(Told),
}

/// A connection that lives and yet takes no overs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ghost {
    /// Several starts in a row had no answer.
    StartsUnanswered,
    /// The channel claimed not to be ready for too long.
    NotReady,
}

/// What became of an over; for the log.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// All of it that was still there has been sent.
    Sent {
        /// Which.
        over: OverId,
        /// Packets on the wire.
        packets: u32,
        /// The same as speech.
        speech: Duration,
        /// Packets of it that were dropped.
        lost: u32,
        /// From COS until nothing more could come.
        took: Duration,
    },
    /// Nothing of it was sent.
    Lost {
        /// Which.
        over: OverId,
        /// Packets dropped.
        packets: u32,
    },
    /// The server does not take it at this moment.
    StartRefused {
        /// Which.
        over: OverId,
        /// Its words; absent: it did not answer.
        error: Option<ErrorCode>,
        /// Tried again after this.
        again_in: Duration,
        /// Speech that waits.
        held: Duration,
    },
    /// The server ended it.
    Cut {
        /// Which.
        over: OverId,
        /// Its words, if any.
        error: Option<ErrorCode>,
    },
    /// An answer came after its time; the stream was stopped at once.
    Orphan {
        /// Which stream.
        stream: StreamId,
    },
    /// Nothing can be sent on this log-on.
    Forbidden,
}

/// Why the outbox wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deadline {
    /// The answer to a start is overdue.
    StartReply,
    /// The next start may be made.
    NextStart,
    /// Real time has caught up: the next packet may go.
    Pace,
    /// Nothing comes for an open over.
    Quiet,
    /// Held speech is too old.
    Stale,
}
