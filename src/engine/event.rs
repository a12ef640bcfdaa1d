//! What the engine tells people through the watching thread.

use std::time::Duration;

use crate::logic::downlink;

/// Something worth a log line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// The radio hears somebody.
    OverBegan,
    /// The over is complete.
    OverEnded {
        /// From the opening of the squelch to the end of the hang.
        after: Duration,
    },
    /// The transmitter was keyed.
    Keyed,
    /// The transmitter was unkeyed.
    Unkeyed {
        /// How long it was keyed.
        after: Duration,
    },
    /// The time-out timer cut a transmission.
    TimedOut,
    /// The squelch has been open too long, or has closed at last.
    Stuck {
        /// Open too long.
        stuck: bool,
    },
    /// The sound card that the radio speaks through takes no sound, or takes it again.
    PlaybackStalled {
        /// It takes none.
        stalled: bool,
    },
    /// A stream of the channel.
    Stream(downlink::Event),
}
