//! The states of the half-duplex rule; each carries its own deadlines.

use std::time::Instant;

/// Why the half-duplex rule wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// The squelch has been open for `stuck_seconds`.
    Stuck,
    /// The squelch has been closed for `hang_ms`.
    Hang,
    /// The transmitter is up: the first word may be said.
    Lead,
    /// The longest transmission has been reached.
    TimeOut,
    /// The silence after the last word is over.
    Tail,
    /// COS is believed again.
    Muted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nobody talks.
    Idle,
    /// The radio hears somebody.
    Receiving { stuck: Instant },
    /// The squelch closed a moment ago; the over may go on.
    Hang { until: Instant, stuck: Instant },
    /// Keyed and silent: the transmitter comes up.
    Lead { until: Instant, time_out: Instant },
    /// Keyed: the channel is heard on the air.
    Speaking { time_out: Instant },
    /// Keyed and silent after the last word.
    Tail { until: Instant, time_out: Instant },
    /// Unkeyed a moment ago: what COS says may be our own tail.
    Muted { until: Instant },
}

impl State {
    pub(super) fn is_keyed(&self) -> bool {
        self.time_out().is_some()
    }

    /// When the transmission ends at the latest; of keyed states only.
    pub(super) fn time_out(&self) -> Option<Instant> {
        match *self {
            Self::Lead { time_out, .. } | Self::Speaking { time_out } | Self::Tail { time_out, .. } => {
                Some(time_out)
            }
            Self::Idle | Self::Receiving { .. } | Self::Hang { .. } | Self::Muted { .. } => None,
        }
    }

    pub(super) fn deadline(&self) -> Option<(Instant, Deadline)> {
        match *self {
            Self::Idle => None,
            Self::Receiving { stuck } => Some((stuck, Deadline::Stuck)),
            Self::Hang { until, .. } => Some((until, Deadline::Hang)),
            Self::Lead { until, time_out } => {
                Some(first((until, Deadline::Lead), (time_out, Deadline::TimeOut)))
            }
            Self::Speaking { time_out } => Some((time_out, Deadline::TimeOut)),
            Self::Tail { until, time_out } => {
                Some(first((until, Deadline::Tail), (time_out, Deadline::TimeOut)))
            }
            Self::Muted { until } => Some((until, Deadline::Muted)),
        }
    }
}

fn first(a: (Instant, Deadline), b: (Instant, Deadline)) -> (Instant, Deadline) {
    if a.0 <= b.0 { a } else { b }
}
