//! What the engine and the network task tell each other, through two bounded queues.

use std::time::{Duration, Instant};

use crate::counters::Counters;
use crate::zello::{PacketId, StreamId};

/// Longest Opus packet that our own encoder makes, bytes (60 ms at 64 kbit/s is 480; VBR may double it).
pub const UPLINK_PAYLOAD_MAX: usize = 1_024;

/// Longest Opus packet taken from the channel, bytes (60 ms at Opus's highest rate of 510 kbit/s is 3825).
pub const DOWNLINK_PAYLOAD_MAX: usize = 4_000;

/// Speech that is this old when it begins to be said is held speech: it waited for a link, a channel or a radio.
///
/// Older than anything live can be by the way it takes: 8 s for the slowest awaited answer and 2 s of pre-roll, or 5 s of
/// lead-in and 5 s in the jitter buffer, each at the most that can be configured.
pub const HELD: Duration = Duration::from_secs(10);

/// The engine's own number for an over of the radio, or for its part after a roll-over: from 1 on, none left out, so
/// that an over of which nothing comes is missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OverId(pub u32);

/// From the engine to the network task: overs of the radio. The engine does not care whether there is a network;
/// the outbox keeps what cannot be sent yet.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "items live in rings of fixed slots; a box would allocate")]
pub enum UplinkItem {
    /// An over begins.
    Start {
        /// Its number.
        over: OverId,
        /// When COS opened, or when the roll-over fell.
        at: Instant,
        /// It goes on where this over was cut by a roll-over.
        continues: Option<OverId>,
    },
    /// One Opus packet of an over, in order.
    Packet {
        /// Of which over.
        over: OverId,
        /// When its last sample was captured.
        captured_at: Instant,
        /// The Opus packet.
        payload: heapless::Vec<u8, UPLINK_PAYLOAD_MAX>,
    },
    /// The over is complete.
    End {
        /// Which.
        over: OverId,
    },
}

impl UplinkItem {
    /// Counts an item that found no room. The outbox begins an over with its first packet, and ends it by silence.
    pub fn count_dropped(&self, counters: &Counters) {
        match self {
            Self::Packet { .. } => counters.uplink_packets_dropped.add_one(),
            Self::Start { .. } | Self::End { .. } => counters.uplink_signals_dropped.add_one(),
        }
    }
}

/// From the network task to the engine: what happens on the channel. Streams of our own user and of other channels
/// never come here.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "items live in rings of fixed slots; a box would allocate")]
pub enum DownlinkItem {
    /// Somebody begins to talk.
    Start {
        /// Stream of the server.
        stream: StreamId,
        /// When `on_stream_start` was read from the socket.
        at: Instant,
    },
    /// One Opus packet.
    Packet {
        /// Of which stream.
        stream: StreamId,
        /// Its number in the stream; gaps are losses.
        id: PacketId,
        /// When it was read from the socket.
        at: Instant,
        /// The Opus packet; empty: known to be lost.
        payload: heapless::Vec<u8, DOWNLINK_PAYLOAD_MAX>,
    },
    /// The talk is over.
    Stop {
        /// Which stream.
        stream: StreamId,
    },
    /// The connection is gone: no open stream gets more packets.
    LinkLost,
    /// The server ended or refused our over for good: the rest of it is not wanted.
    OverRefused {
        /// Which over.
        over: OverId,
    },
}

impl DownlinkItem {
    /// Counts an item that found no room. A stream begins with its first packet, and silence ends it: nothing stays keyed.
    pub fn count_dropped(&self, counters: &Counters) {
        match self {
            // The engine counts the packets that it gets.
            Self::Packet { payload, .. } if !payload.is_empty() => {
                counters.downlink_packets.add_one();
                counters.downlink_packets_dropped.add_one();
            }
            Self::Packet { .. }
            | Self::Start { .. }
            | Self::Stop { .. }
            | Self::LinkLost
            | Self::OverRefused { .. } => counters.downlink_signals_dropped.add_one(),
        }
    }
}
