//! What can be made to go wrong. Each fault has been seen in the field (protocol section 11.2).

use std::mem::discriminant;

use serde::Deserialize;

/// One thing that goes wrong, from when it is set until it is cleared or used up.
///
/// In a configuration file a fault is a name (`"missing_stop"`) or a table (`{ start_late = { ms = 3000 } }`). Where
/// there is `times`, the fault ends after so many uses; left out, it stays.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The upgrade is answered with this HTTP status: 429 is the service's connect-rate limit.
    RefuseUpgrade {
        /// HTTP status.
        status: u16,
        /// Uses.
        times: Option<u32>,
    },
    /// The answer to the upgrade comes late.
    SlowUpgrade {
        /// Milliseconds.
        ms: u64,
    },
    /// `logon` is never answered.
    SilentLogon,
    /// `logon` is answered late.
    LogonLate {
        /// Milliseconds.
        ms: u64,
    },
    /// `logon` is answered with an error.
    LogonError {
        /// Error string of the reply.
        error: String,
        /// Uses.
        times: Option<u32>,
    },
    /// `logon` is answered by closing the connection; 1006 cuts it without a close frame.
    CloseOnLogon {
        /// Close code.
        code: u16,
        /// Reason text of the close frame.
        #[serde(default)]
        reason: String,
        /// Uses.
        times: Option<u32>,
    },
    /// A connection is closed some time after its log-on; 1006 cuts it without a close frame.
    CloseAfter {
        /// Milliseconds after the log-on.
        ms: u64,
        /// Close code.
        code: u16,
        /// Reason text of the close frame.
        #[serde(default)]
        reason: String,
        /// Uses.
        times: Option<u32>,
    },
    /// For a while after a kick, the account's log-ons are closed with 3002 `not authorized`.
    NotAuthorizedAfterKick {
        /// Milliseconds after the kick.
        ms: u64,
    },
    /// Channels stay offline, without an error.
    StatusOffline,
    /// Channels are offline first and online after a while.
    StatusLate {
        /// Milliseconds after the log-on.
        ms: u64,
    },
    /// Channels go offline and online in turn.
    StatusFlapping {
        /// Milliseconds of each state.
        ms: u64,
    },
    /// Channels are offline with this error and `error_type`.
    StatusError {
        /// Error string of the status.
        error: String,
        /// `configuration` or `unknown`.
        error_type: String,
    },
    /// Status events lack the three capability flags, as on old servers.
    StatusWithoutFlags,
    /// `start_stream` is never answered.
    StartUnanswered {
        /// Uses.
        times: Option<u32>,
    },
    /// `start_stream` is answered late; audio that comes earlier earns `channel is not ready` each.
    StartLate {
        /// Milliseconds.
        ms: u64,
        /// Uses.
        times: Option<u32>,
    },
    /// `start_stream` is answered with an error.
    StartRefused {
        /// Error string of the reply.
        error: String,
        /// Uses.
        times: Option<u32>,
    },
    /// More starts than `starts` within the time are answered with `woodpecker prohibited`.
    Woodpecker {
        /// Starts allowed.
        starts: usize,
        /// Milliseconds of the window.
        within_ms: u64,
    },
    /// The server ends each stream after a while, told to its sender by `on_stream_stop`.
    StopStreamsAfter {
        /// Milliseconds after the start.
        ms: u64,
        /// Uses.
        times: Option<u32>,
    },
    /// Listeners are not told that a stream is over.
    MissingStop,
    /// Listeners get an `on_stream_stop` before the `on_stream_start`.
    StopBeforeStart,
    /// Listeners get an `on_stream_stop` before the last packet.
    EarlyStop,
    /// Several may talk on a channel at once, and those who talk hear the others.
    Overlap,
    /// Relayed packets are lost; their ids are missing.
    PacketLoss {
        /// Of a hundred packets.
        percent: u8,
    },
    /// Relayed packets arrive twice.
    PacketDuplicate {
        /// Of a hundred packets.
        percent: u8,
    },
    /// Relayed packets change places with the one after.
    PacketReorder {
        /// Of a hundred packets.
        percent: u8,
    },
    /// Relayed packets are late by a random time; the order stays, as on one TCP connection.
    PacketJitter {
        /// Milliseconds at most.
        max_ms: u64,
    },
    /// Relayed packets arrive without payload, 9 bytes: the mark of a lost packet.
    PacketEmpty {
        /// Of a hundred packets.
        percent: u8,
    },
    /// Streams arrive as other senders make them: 48 kHz, stereo, several frames of 20 ms in a packet.
    OddPackets {
        /// Milliseconds of a packet: 60 for three frames, at most 120; others than multiples of 20 are no Opus.
        ms: u8,
    },
    /// Status events come between each request and its reply.
    UsersOnlineStorm {
        /// How many.
        events: u32,
    },
    /// Events that no document names are sent after the log-on and before each stream.
    UnknownEvents,
    /// Every text frame carries fields that no document names.
    UnknownFields,
    /// Text and binary frames that are no messages are sent after the log-on and before each stream.
    Garbage,
    /// Pings of the client are not answered.
    MissingPong,
    /// Some time after the log-on the connection falls silent, both ways, and stays open.
    HalfOpen {
        /// Milliseconds after the log-on.
        ms: u64,
    },
    /// Events write the channel in the other case.
    WrongCase,
    /// Events name their senders in other scripts than Latin.
    ForeignNames,
    /// Images of the channel are sent again at each log-on.
    ImageReplay,
    /// Stream starts carry a codec header of 18 bytes.
    LongHeader,
}

impl Fault {
    /// The uses left, where they are counted.
    fn times_mut(&mut self) -> Option<&mut u32> {
        match self {
            Self::RefuseUpgrade { times, .. }
            | Self::LogonError { times, .. }
            | Self::CloseOnLogon { times, .. }
            | Self::CloseAfter { times, .. }
            | Self::StartUnanswered { times }
            | Self::StartLate { times, .. }
            | Self::StartRefused { times, .. }
            | Self::StopStreamsAfter { times, .. } => times.as_mut(),
            Self::SlowUpgrade { .. }
            | Self::SilentLogon
            | Self::LogonLate { .. }
            | Self::NotAuthorizedAfterKick { .. }
            | Self::StatusOffline
            | Self::StatusLate { .. }
            | Self::StatusFlapping { .. }
            | Self::StatusError { .. }
            | Self::StatusWithoutFlags
            | Self::Woodpecker { .. }
            | Self::MissingStop
            | Self::StopBeforeStart
            | Self::EarlyStop
            | Self::Overlap
            | Self::PacketLoss { .. }
            | Self::PacketDuplicate { .. }
            | Self::PacketReorder { .. }
            | Self::PacketJitter { .. }
            | Self::PacketEmpty { .. }
            | Self::OddPackets { .. }
            | Self::UsersOnlineStorm { .. }
            | Self::UnknownEvents
            | Self::UnknownFields
            | Self::Garbage
            | Self::MissingPong
            | Self::HalfOpen { .. }
            | Self::WrongCase
            | Self::ForeignNames
            | Self::ImageReplay
            | Self::LongHeader => None,
        }
    }
}

/// The faults in force, at most one of a kind.
#[derive(Debug, Clone, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// The faults of a configuration.
    #[must_use]
    pub fn new(faults: &[Fault]) -> Self {
        let mut all = Self::default();
        for fault in faults {
            all.set(fault.clone());
        }
        all
    }

    /// Puts a fault in force, in place of one of its kind.
    pub fn set(&mut self, fault: Fault) {
        self.clear(&fault);
        self.0.push(fault);
    }

    /// Ends the fault of this one's kind.
    pub fn clear(&mut self, kind: &Fault) {
        self.0.retain(|one| discriminant(one) != discriminant(kind));
    }

    /// Ends all faults.
    pub fn clear_all(&mut self) {
        self.0.clear();
    }

    /// Whether a fault of this one's kind is in force.
    #[must_use]
    pub fn has(&self, kind: &Fault) -> bool {
        self.0.iter().any(|one| discriminant(one) == discriminant(kind))
    }

    /// What `pick` reads from a fault in force, without using it up.
    #[must_use]
    pub fn read<T>(&self, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(pick)
    }

    /// What `pick` reads from a fault in force; one of its uses is gone.
    pub fn take<T>(&mut self, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let (place, found) = self.0.iter().enumerate().find_map(|(place, one)| Some((place, pick(one)?)))?;
        let left = self.0.get_mut(place).and_then(Fault::times_mut);
        if let Some(times) = left {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.0.remove(place);
            }
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(fault: &Fault) -> Option<String> {
        if let Fault::StartRefused { error, .. } = fault { Some(error.clone()) } else { None }
    }

    #[test]
    fn a_fault_with_times_ends_after_so_many_uses() {
        let mut faults = Faults::default();
        faults.set(Fault::StartRefused { error: "channel busy".into(), times: Some(2) });
        assert_eq!(faults.take(refusal).as_deref(), Some("channel busy"));
        assert!(faults.take(refusal).is_some());
        assert_eq!(faults.take(refusal), None);
    }

    #[test]
    fn setting_a_fault_replaces_the_one_of_its_kind() {
        let mut faults = Faults::new(&[Fault::StartRefused { error: "old".into(), times: None }]);
        faults.set(Fault::StartRefused { error: "new".into(), times: None });
        assert_eq!(faults.read(refusal).as_deref(), Some("new"));
        faults.clear(&Fault::StartRefused { error: String::new(), times: None });
        assert!(faults.read(refusal).is_none());
    }
}
