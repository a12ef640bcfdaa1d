//! What became of streams and packets: exact counts, and events for the log.

use crate::counters::Counters;
use crate::zello::StreamId;

/// Events kept for the log; more in one step of the engine are of no use to anybody.
const EVENTS_MAX: usize = 32;

/// Something worth a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A stream is there.
    Started {
        /// Which.
        stream: StreamId,
    },
    /// Its turn has come.
    Began {
        /// Which.
        stream: StreamId,
        /// It had to wait for it.
        held: bool,
    },
    /// It has been said to the end.
    Ended {
        /// Which.
        stream: StreamId,
    },
    /// It ended by silence: its stop never came.
    StopMissing {
        /// Which.
        stream: StreamId,
    },
    /// Packets that could not be kept while they waited.
    Expired {
        /// Of which stream.
        stream: StreamId,
        /// How many.
        packets: u32,
    },
    /// Packets thrown away because of a time-out or `busy = "drop"`.
    Discarded {
        /// Of which stream.
        stream: StreamId,
        /// How many.
        packets: u32,
    },
    /// Packets that came after their turn, or twice.
    Late {
        /// Of which stream.
        stream: StreamId,
        /// How many.
        packets: u32,
    },
    /// Packets that are not Opus.
    Invalid {
        /// Of which stream.
        stream: StreamId,
        /// How many.
        packets: u32,
    },
}

/// Numbers since they were last taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Streams that began.
    pub streams: u64,
    /// Streams that had to wait.
    pub held: u64,
    /// Streams that ended by silence.
    pub stops_missing: u64,
    /// Packets that came; markers of a loss are none.
    pub packets: u64,
    /// Packets after their turn, or twice.
    pub late: u64,
    /// Packets that could not be kept.
    pub expired: u64,
    /// Packets thrown away on purpose.
    pub discarded: u64,
    /// Packets that are not Opus.
    pub invalid: u64,
}

impl Counts {
    /// Adds these numbers to the gateway's counters.
    pub fn add_to(&self, counters: &Counters) {
        counters.downlink_streams.add(self.streams);
        counters.downlink_streams_held.add(self.held);
        counters.downlink_stops_missing.add(self.stops_missing);
        counters.downlink_packets.add(self.packets);
        counters.downlink_packets_late.add(self.late);
        counters.downlink_packets_expired.add(self.expired);
        counters.downlink_packets_discarded.add(self.discarded);
        counters.downlink_packets_invalid.add(self.invalid);
    }
}

/// Collects both.
#[derive(Debug, Default)]
pub(super) struct Reports {
    counts: Counts,
    events: heapless::Deque<Event, EVENTS_MAX>,
}

impl Reports {
    pub(super) fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    pub(super) fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Keeps an event; packets of one stream with one fate are one event.
    pub(super) fn push(&mut self, event: Event) {
        match (self.events.back_mut(), event) {
            (Some(Event::Expired { stream, packets }), Event::Expired { stream: same, packets: more })
            | (
                Some(Event::Discarded { stream, packets }),
                Event::Discarded { stream: same, packets: more },
            )
            | (Some(Event::Late { stream, packets }), Event::Late { stream: same, packets: more })
            | (Some(Event::Invalid { stream, packets }), Event::Invalid { stream: same, packets: more })
                if *stream == same =>
            {
                *packets = packets.saturating_add(more);
            }
            (_, event) => {
                if self.events.is_full() {
                    self.events.pop_front();
                }
                let _room_was_made = self.events.push_back(event);
            }
        }
    }

    pub(super) fn started(&mut self, stream: StreamId) {
        self.counts.streams += 1;
        self.push(Event::Started { stream });
    }

    pub(super) fn began(&mut self, stream: StreamId, held: bool) {
        self.counts.held += u64::from(held);
        self.push(Event::Began { stream, held });
    }

    pub(super) fn stop_missing(&mut self, stream: StreamId) {
        self.counts.stops_missing += 1;
        self.push(Event::StopMissing { stream });
    }

    pub(super) fn packet(&mut self) {
        self.counts.packets += 1;
    }

    pub(super) fn late(&mut self, stream: StreamId) {
        self.counts.late += 1;
        self.push(Event::Late { stream, packets: 1 });
    }

    pub(super) fn invalid(&mut self, stream: StreamId) {
        self.counts.invalid += 1;
        self.push(Event::Invalid { stream, packets: 1 });
    }

    pub(super) fn expired(&mut self, stream: StreamId) {
        self.counts.expired += 1;
        self.push(Event::Expired { stream, packets: 1 });
    }

    pub(super) fn discarded(&mut self, stream: StreamId, packets: u32) {
        self.counts.discarded += u64::from(packets);
        self.push(Event::Discarded { stream, packets });
    }
}
