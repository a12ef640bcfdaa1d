//! The channel's talk on its way to the radio: every stream, one after the other.
//!
//! Streams speak in the order of their start, whole, one at a time. What cannot be said now waits: `wait_seconds` of
//! talk are kept, then the oldest goes and is counted. Nothing is mixed. A stream ends with its stop, with the
//! link, or when it has been silent for [`STOP_MISSING`]; what it has brought until then is said all the same.
//! The server loses and swaps starts and stops (protocol section 9, number 10), and what finds no room in the queue to
//! here is lost as well. Therefore:
//! * packets after the stop still count while their stream is being said or waits; later they are late. The session
//!   lets them pass for a short time;
//! * a packet of an unknown stream starts it: its start found no room. The session lets none pass whose start the
//!   server never told: only the start says that a talker is ours to hear;
//! * a stream that fell silent and comes back goes on.
//!
//! All memory is taken by [`Downlink::new`]; nothing that a server sends makes it grow.

mod report;
mod store;
mod stream;

use std::time::{Duration, Instant};

use report::Reports;
pub use report::{Counts, Event};
use store::{PacketStore, Slot};
use stream::{Life, Stream};

use super::exchange::{DOWNLINK_PAYLOAD_MAX, DownlinkItem, HELD};
use super::jitter::{Delay, Next, Rejected};
use crate::config;
use crate::zello::toc::packet_duration;
use crate::zello::{PacketId, StreamId};

/// A stream whose stop never comes ends so long after its last packet (design.md, Rules of the radio).
pub const STOP_MISSING: Duration = Duration::from_secs(2);

/// Streams that are followed at once. A channel has one talker; the others wait while the radio is busy. Half a minute
/// has hardly more overs, even short ones. Of more than that the one that has waited longest goes.
pub const STREAMS_MAX: usize = 16;

/// Streams that are over and remembered, so that what still comes of them is not taken for a new one.
const CLOSED_MAX: usize = 2 * STREAMS_MAX;

/// Bytes kept for each second of talk: Opus at 64 kbit/s.
const BYTES_PER_SECOND: f32 = 8_000.0;

/// Shortest packets for which there is room in full; phones send 20 ms and more.
const SHORT_PACKET: Duration = Duration::from_millis(10);

/// Why [`Downlink::handle_timeout`] is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// A stream has been silent for [`STOP_MISSING`].
    StopMissing(StreamId),
}

/// What is thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discard {
    /// The rest of the stream whose turn it is, what is still to come included.
    TimeOut,
    /// Every stream that is there, what is still to come included.
    Busy,
}

/// What the radio says next.
#[derive(Debug, PartialEq, Eq)]
pub enum Pull<'a> {
    /// Another stream: reset the decoder, pull again.
    Begin {
        /// Its first word came a while ago: the radio was busy.
        held: bool,
    },
    /// Decode this packet.
    Packet(&'a [u8]),
    /// Invent sound: a multiple of 2.5 ms, at most 120 ms.
    Conceal(Duration),
    /// 10 ms of silence: the stream is buffering; stay keyed.
    Silence,
    /// Nothing more to say now.
    Done,
}

/// All streams of the channel.
#[derive(Debug)]
pub struct Downlink {
    /// The first `live` are followed, in the order of their start; the others are spare. The first may be speaking.
    streams: Vec<Stream>,
    live: usize,
    speaking: bool,
    closed: heapless::Vec<(StreamId, Closed), CLOSED_MAX>,
    store: PacketStore,
    scratch: Box<[u8]>,
    delay: Delay,
    /// Talk that may wait, and, apart from it, talk that the speaking stream may have buffered.
    limit: Duration,
    reports: Reports,
}

/// What a stream that is over was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closed {
    Said,
    Discarded,
}

impl Downlink {
    /// Nothing on the channel. Takes all memory.
    #[must_use]
    pub fn new(settings: config::Downlink) -> Self {
        // Even with `wait_seconds = 0` a stream must be able to fill its buffer while the transmitter comes up.
        let limit = settings.wait.max(settings.lead + settings.jitter_max + STOP_MISSING);
        let delay = Delay::new(settings.jitter_min, settings.jitter_max);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bytes of some minutes of talk"
        )]
        let bytes =
            (2.0 * limit.as_secs_f32() * BYTES_PER_SECOND) as usize + STREAMS_MAX * DOWNLINK_PAYLOAD_MAX;
        let packets = usize::try_from(limit.as_micros() / SHORT_PACKET.as_micros()).unwrap_or(0) + 64;
        Self {
            streams: (0..STREAMS_MAX).map(|_| Stream::spare(packets, &delay)).collect(),
            live: 0,
            speaking: false,
            closed: heapless::Vec::new(),
            store: PacketStore::new(bytes),
            scratch: vec![0; DOWNLINK_PAYLOAD_MAX].into_boxed_slice(),
            delay,
            limit,
            reports: Reports::default(),
        }
    }

    /// Takes what has happened on the channel.
    pub fn handle(&mut self, now: Instant, item: &DownlinkItem) {
        match item {
            DownlinkItem::Start { stream, at } => self.handle_start(*stream, *at),
            DownlinkItem::Packet { stream, id, at, payload } => {
                self.handle_packet(*stream, *id, *at, payload);
            }
            DownlinkItem::Stop { stream } => self.handle_stop(*stream),
            DownlinkItem::LinkLost => self.handle_link_lost(),
            DownlinkItem::OverRefused { .. } => {}
        }
        self.handle_timeout(now);
    }

    /// Ends streams that have been silent for too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        for stream in self.streams.iter_mut().take(self.live) {
            if stream.silent_at().is_some_and(|at| now >= at) {
                stream.life = Life::Silent;
                self.reports.stop_missing(stream.id);
            }
        }
        self.forget_empty();
    }

    /// When [`Self::handle_timeout`] must be called, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Deadline)> {
        let due = |stream: &Stream| Some((stream.silent_at()?, Deadline::StopMissing(stream.id)));
        self.live().iter().filter_map(due).min_by_key(|(at, _)| *at)
    }

    /// Whether the channel talks or talk waits: the moment to key, because the lead-in overlaps buffering.
    #[must_use]
    pub fn wants_radio(&self) -> bool {
        self.live > 0
    }

    /// What the radio says next. To be called when keyed and past the lead-in, each time that the last answer has been played.
    pub fn pull(&mut self, now: Instant) -> Pull<'_> {
        loop {
            let Some(stream) = self.streams.get_mut(..self.live).and_then(<[_]>::first_mut) else {
                self.speaking = false;
                return Pull::Done;
            };
            if !self.speaking {
                self.speaking = true;
                let eldest = stream.jitter.eldest();
                let held = eldest.is_some_and(|at| now.saturating_duration_since(at) >= HELD);
                self.reports.began(stream.id, held);
                return Pull::Begin { held };
            }
            match stream.jitter.pull(now, stream.has_ended()) {
                Next::Packet(slot) => return Pull::Packet(self.store.take(slot, &mut self.scratch)),
                Next::Conceal(time) => return Pull::Conceal(time),
                Next::Silence => return Pull::Silence,
                Next::End => self.finish(),
            }
        }
    }

    /// Throws talk away and counts it, and what is still to come of these streams too.
    pub fn discard(&mut self, now: Instant, why: Discard) {
        self.handle_timeout(now);
        let streams = match why {
            Discard::TimeOut => self.live.min(1),
            Discard::Busy => self.live,
        };
        for _ in 0..streams {
            self.discard_first();
        }
    }

    /// What happened, for the log. Events that nobody fetches give way to newer ones; [`Self::take_counts`] is exact.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.reports.poll()
    }

    /// What happened since the last call, in numbers.
    pub fn take_counts(&mut self) -> Counts {
        self.reports.take_counts()
    }

    fn handle_start(&mut self, id: StreamId, at: Instant) {
        self.reopen_id(id);
        if let Some(stream) = self.live_mut().iter_mut().rev().find(|stream| stream.id == id) {
            match stream.life {
                // Its first packet overtook it, or it is told twice.
                Life::Open { heard, announced } if !announced || stream.jitter.is_untouched() => {
                    stream.life = Life::Open { heard, announced: true };
                    return;
                }
                // The number is given to another stream: this one's stop was lost.
                Life::Open { .. } => stream.life = Life::Cut,
                Life::Stopped | Life::Silent | Life::Cut => {}
            }
        }
        // Where there is no room, its first packet makes some.
        let _followed = self.begin(id, at, true);
    }

    fn handle_packet(&mut self, id: StreamId, number: PacketId, at: Instant, payload: &[u8]) {
        if payload.is_empty() {
            // The server marks a loss. The gap in the numbers tells the same.
            return;
        }
        self.reports.packet();
        let Some(span) = packet_duration(payload) else { return self.reports.invalid(id) };
        let index = match self.find(id) {
            Some(index) => index,
            None => match self.closed.iter().find(|(closed, _)| *closed == id) {
                Some((_, Closed::Said)) => return self.reports.late(id),
                Some((_, Closed::Discarded)) => return self.reports.discarded(id, 1),
                None => match self.begin(id, at, false) {
                    Some(index) => index,
                    None => return self.reports.expired(id),
                },
            },
        };
        self.keep(index, number, at, span, payload);
    }

    /// Puts a packet into its stream's buffer, at the cost of the oldest if need be.
    fn keep(&mut self, index: usize, number: PacketId, at: Instant, span: Duration, payload: &[u8]) {
        let Some(stream) = self.live_mut().get_mut(index) else { return };
        let id = stream.id;
        if stream.jitter.place(number) == Err(Rejected::Full) {
            self.expire_from(index);
        }
        let slot = loop {
            if let Some(slot) = self.store.put(payload) {
                break slot;
            }
            if !self.expire_oldest(usize::from(self.speaking)) && !self.expire_oldest(0) {
                return self.reports.expired(id);
            }
        };
        let Some(stream) = self.streams.get_mut(index) else { return self.store.free(slot) };
        match stream.jitter.insert(at, number, span, slot) {
            Ok(()) => {
                // Only what can be said is a sign of life: repetitions must not hold the key.
                stream.hear(at);
                self.keep_to_limit();
            }
            Err((why, slot)) => {
                self.store.free(slot);
                match why {
                    Rejected::Late => self.reports.late(id),
                    Rejected::Full => self.reports.expired(id),
                }
            }
        }
    }

    fn handle_stop(&mut self, id: StreamId) {
        let index = self.find(id);
        if let Some(stream) = index.and_then(|index| self.live_mut().get_mut(index)) {
            stream.life = Life::Stopped;
        }
        self.forget_empty();
    }

    fn handle_link_lost(&mut self) {
        for stream in self.live_mut() {
            stream.life = Life::Cut;
        }
        // The next session gives numbers of its own.
        self.closed.clear();
        self.forget_empty();
    }

    fn live(&self) -> &[Stream] {
        self.streams.get(..self.live).unwrap_or_default()
    }

    fn live_mut(&mut self) -> &mut [Stream] {
        self.streams.get_mut(..self.live).unwrap_or_default()
    }

    /// The newest stream with this number that can still get packets.
    fn find(&self, id: StreamId) -> Option<usize> {
        self.live().iter().rposition(|stream| stream.id == id && stream.life != Life::Cut)
    }

    fn begin(&mut self, id: StreamId, at: Instant, announced: bool) -> Option<usize> {
        if self.live >= self.streams.len() {
            self.make_room(!announced);
        }
        let stream = self.streams.get_mut(self.live)?;
        stream.begin(id, Life::Open { heard: at, announced }, &self.delay);
        self.live += 1;
        self.reports.started(id);
        Some(self.live - 1)
    }

    /// Takes a stream that waits out of the row: one without talk, or, for talk that is here, the one that has waited
    /// longest.
    fn make_room(&mut self, for_talk: bool) {
        let speaking = usize::from(self.speaking);
        let empty = self.live().iter().skip(speaking).position(|stream| stream.jitter.is_empty());
        let index = match empty {
            Some(empty) => speaking + empty,
            None if for_talk => speaking,
            None => return,
        };
        while self.expire_from(index) {}
        if let Some(stream) = self.live().get(index) {
            let (id, life) = (stream.id, stream.life);
            // One that is still open begins anew with its next packet.
            if life == Life::Stopped {
                self.close(id, Closed::Said);
            }
            self.remove(index);
        }
    }

    /// The first stream has been said.
    fn finish(&mut self) {
        if let Some(stream) = self.streams.first() {
            let (id, life) = (stream.id, stream.life);
            self.delay.clone_from(stream.jitter.delay());
            self.reports.push(Event::Ended { stream: id });
            // A silent stream may come back, and a cut one's number is free.
            if life == Life::Stopped {
                self.close(id, Closed::Said);
            }
        }
        self.remove(0);
    }

    fn discard_first(&mut self) {
        let Some(stream) = self.streams.get_mut(..self.live).and_then(<[_]>::first_mut) else { return };
        let (id, life) = (stream.id, stream.life);
        let mut packets = 0;
        while let Some(slot) = stream.jitter.drop_oldest() {
            self.store.free(slot);
            packets += 1;
        }
        self.reports.discarded(id, packets);
        match life {
            Life::Open { .. } | Life::Silent => self.close(id, Closed::Discarded),
            Life::Stopped => self.close(id, Closed::Said),
            Life::Cut => {}
        }
        self.remove(0);
    }

    /// Forgets streams that have ended with nothing left to say. The speaking one stays until it is pulled to its end:
    /// its last packet may be playing.
    fn forget_empty(&mut self) {
        let mut index = usize::from(self.speaking);
        while let Some(stream) = self.live().get(index) {
            if stream.has_ended() && stream.jitter.is_empty() {
                if stream.life == Life::Stopped {
                    self.close(stream.id, Closed::Said);
                }
                self.remove(index);
            } else {
                index += 1;
            }
        }
    }

    /// Takes an emptied stream out of the row; its memory becomes spare.
    fn remove(&mut self, index: usize) {
        if index == 0 {
            self.speaking = false;
        }
        if let Some(behind) = self.streams.get_mut(index..self.live) {
            behind.rotate_left(1);
            self.live -= 1;
        }
    }

    fn close(&mut self, id: StreamId, how: Closed) {
        self.reopen_id(id);
        if self.closed.is_full() {
            self.closed.remove(0);
        }
        let _room_was_made = self.closed.push((id, how));
    }

    fn reopen_id(&mut self, id: StreamId) {
        self.closed.retain(|(closed, _)| *closed != id);
    }

    /// Keeps waiting talk, and what the speaking stream has buffered, below the limit.
    fn keep_to_limit(&mut self) {
        let speaking = usize::from(self.speaking);
        while self.live().iter().skip(speaking).map(|stream| stream.jitter.buffered()).sum::<Duration>()
            > self.limit
        {
            if !self.expire_oldest(speaking) {
                break;
            }
        }
        while self.live().iter().take(speaking).any(|stream| stream.jitter.buffered() > self.limit) {
            self.expire_from(0);
        }
        self.forget_empty();
    }

    /// Drops the oldest packet of the first stream from `from` on that has one; false when none has.
    fn expire_oldest(&mut self, from: usize) -> bool {
        let oldest = self.live().iter().skip(from).position(|stream| !stream.jitter.is_empty());
        oldest.is_some_and(|index| self.expire_from(from + index))
    }

    fn expire_from(&mut self, index: usize) -> bool {
        let Some(stream) = self.streams.get_mut(index) else { return false };
        let Some(slot) = stream.jitter.drop_oldest() else { return false };
        self.store.free(slot);
        self.reports.expired(stream.id);
        true
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
