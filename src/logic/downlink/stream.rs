//! One stream of the channel, from its start to its last word.

use std::time::Instant;

use super::{STOP_MISSING, Slot};
use crate::logic::jitter::{Delay, Jitter};
use crate::zello::StreamId;

/// Whether more may come of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// The talker holds the key, as far as is known.
    Open {
        /// Its start or its last packet.
        heard: Instant,
        /// The server told its start.
        announced: bool,
    },
    /// Its stop came. Packets that the stop overtook are still welcome.
    Stopped,
    /// Nothing came of it for too long. It goes on if something comes.
    Silent,
    /// The link or the number is gone: packets with its number are another stream's.
    Cut,
}

/// A stream and its packets.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: StreamId,
    pub(super) life: Life,
    pub(super) jitter: Jitter<Slot>,
}

impl Stream {
    /// Memory for a stream.
    pub(super) fn spare(packets: usize, delay: &Delay) -> Self {
        Self { id: StreamId(0), life: Life::Cut, jitter: Jitter::new(packets, delay.clone()) }
    }

    /// Makes spare memory into a stream.
    pub(super) fn begin(&mut self, id: StreamId, life: Life, delay: &Delay) {
        self.id = id;
        self.life = life;
        self.jitter.begin(delay);
    }

    /// A packet came.
    pub(super) fn hear(&mut self, at: Instant) {
        match self.life {
            Life::Open { announced, .. } => self.life = Life::Open { heard: at, announced },
            Life::Silent => self.life = Life::Open { heard: at, announced: true },
            Life::Stopped | Life::Cut => {}
        }
    }

    /// When its stop counts as missing.
    pub(super) fn silent_at(&self) -> Option<Instant> {
        match self.life {
            Life::Open { heard, .. } => Some(heard + STOP_MISSING),
            Life::Stopped | Life::Silent | Life::Cut => None,
        }
    }

    /// Whether no more is waited for.
    pub(super) fn has_ended(&self) -> bool {
        match self.life {
            Life::Open { .. } => false,
            Life::Stopped | Life::Silent | Life::Cut => true,
        }
    }
}
