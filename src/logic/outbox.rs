//! Overs of the radio on their way to the channel: kept until the server takes them, sent in order and once.
//!
//! The outbox decides when to ask for the channel, what to make of the answer, and how fast to send. It owns every
//! packet from the engine until it is on the wire or counted as lost. It never sends sound before the answer, never
//! sends a packet twice, and never keeps more speech than the configuration allows.

mod output;
mod pace;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use self::output::{Attempt, Deadline, Ghost, Output, Told};
pub use self::pace::{
    BURST, BUSY_WAITS, NOT_READY_MAX, PATIENCE, QUIET, STALE, START_REPLY, START_REPLY_MAX, START_SPACING,
    UNANSWERED_MAX, WOODPECKER_WAITS,
};
use self::pace::{is_final, nth};
use self::queue::{Fate, Queue};
use super::exchange::{HELD, OverId, UplinkItem};
use crate::config;
use crate::counters::Counters;
use crate::zello::{ErrorCode, PacketId, StreamId};

/// Whether anything can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Down,
    Up,
    /// Up, and only for listening.
    ListenOnly,
}

/// Why no stream is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    /// Only because starts are spaced.
    Spacing,
    /// Somebody talks, or the channel is not ready.
    Busy,
    /// Too many short overs.
    Woodpecker,
}

#[derive(Debug, Clone, Copy)]
enum Stream {
    Idle { not_before: Instant, pause: Pause },
    Starting { attempt: Attempt, until: Instant },
    Open { id: StreamId, next: u32, quiet_at: Instant, tone: usize },
}

/// See the module.
#[derive(Debug)]
pub struct Outbox {
    packet: Duration,
    hold: Duration,
    /// Configured: this account or this gateway never sends.
    never_sends: bool,
    link: Link,
    /// The link has not taken what was sent last: more would only wait where nothing can be dropped.
    congested: bool,
    stream: Stream,
    queue: Queue,
    counters: Arc<Counters>,
    attempts: u32,
    last_start: Option<Instant>,
    /// The over of the stream that was stopped last, for a roll-over.
    last_over: Option<OverId>,
    /// Packets of the tone before held speech; none: no tone.
    tone: Vec<Box<[u8]>>,
    /// The over of the last stream of held speech.
    last_held: Option<OverId>,
    /// The stream that is asked for goes on where one of held speech has just been stopped.
    follows_held: bool,
    /// When a listener has played all that was sent.
    played_at: Instant,
    unanswered: u32,
    reply_limit: Duration,
    refusals: usize,
    woodpeckers: usize,
    not_ready_since: Option<Instant>,
    outputs: VecDeque<Output>,
}

impl Outbox {
    /// An outbox without link. `never_sends`: the configuration says so, or the account is anonymous.
    #[must_use]
    pub fn new(now: Instant, uplink: &config::Uplink, never_sends: bool, counters: Arc<Counters>) -> Self {
        Self {
            packet: uplink.packet.max(Duration::from_millis(1)),
            hold: uplink.hold,
            never_sends,
            link: Link::Down,
            congested: false,
            stream: Stream::Idle { not_before: now, pause: Pause::Spacing },
            queue: Queue::new(Arc::clone(&counters)),
            counters,
            attempts: 0,
            last_start: None,
            last_over: None,
            tone: Vec::new(),
            last_held: None,
            follows_held: false,
            played_at: now,
            unanswered: 0,
            reply_limit: START_REPLY,
            refusals: 0,
            woodpeckers: 0,
            not_ready_since: None,
            outputs: VecDeque::new(),
        }
    }

    /// Tells listeners held speech from live: these packets, each as long as one of speech, go before it.
    #[must_use]
    pub fn with_held_tone(self, tone: Vec<Box<[u8]>>) -> Self {
        Self { tone, ..self }
    }

    /// The next thing to do. Drain after each call of the others.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The channel is online; no start before `not_before`.
    pub fn handle_online(&mut self, now: Instant, not_before: Instant) {
        if self.link == Link::Down {
            self.link = Link::Up;
            self.unanswered = 0;
            self.not_ready_since = None;
            self.reply_limit = START_REPLY;
            self.stream = Stream::Idle { not_before, pause: Pause::Spacing };
        }
        self.settle(now);
    }

    /// The channel is gone, with the connection or without. An over that was cut goes on in a new stream later.
    pub fn handle_offline(&mut self, now: Instant) {
        self.link = Link::Down;
        self.congested = false;
        self.stream = Stream::Idle { not_before: now, pause: Pause::Spacing };
        // What follows comes after a pause: it is no roll-over for those who listen.
        self.last_over = None;
        self.settle(now);
    }

    /// The link stalls, or takes more again. What waits meanwhile is held speech.
    pub fn handle_congestion(&mut self, now: Instant, congested: bool) {
        self.congested = congested;
        self.settle(now);
    }

    /// The channel went offline on a connection that lives: gives back what the server may still hold.
    pub fn handle_channel_offline(&mut self, now: Instant) {
        if let Stream::Open { id, .. } = self.stream {
            self.outputs.push_back(Output::Stop { stream: id });
        }
        self.handle_offline(now);
    }

    /// The gateway ends: gives the channel back, counts what is left as lost.
    pub fn handle_shutdown(&mut self, now: Instant) {
        self.handle_channel_offline(now);
        self.queue.end_last();
        self.queue.expire(0, None);
        self.settle(now);
    }

    /// Takes an item from the engine.
    pub fn handle_item(&mut self, now: Instant, item: UplinkItem) {
        self.queue.take(item);
        if let Stream::Open { quiet_at, .. } = &mut self.stream {
            *quiet_at = now + QUIET;
        }
        self.settle(now);
    }

    /// The answer to a start; later than its time, it is an orphan that is stopped at once.
    pub fn handle_start_reply(
        &mut self,
        now: Instant,
        attempt: Attempt,
        outcome: Result<Option<StreamId>, ErrorCode>,
    ) {
        self.unanswered = 0;
        let awaited = matches!(self.stream, Stream::Starting { attempt: current, .. } if current == attempt);
        match outcome {
            Ok(Some(id)) if awaited => {
                self.refusals = 0;
                self.woodpeckers = 0;
                self.not_ready_since = None;
                let tone = self.begin_tone(now);
                self.stream = Stream::Open { id, next: 0, quiet_at: now + QUIET, tone };
            }
            // Said twice.
            Ok(Some(stream)) if self.is_open(stream) => {}
            Ok(Some(stream)) => {
                // A slow server deserves more patience, else every stream of it would be an orphan.
                self.reply_limit = (self.reply_limit * 2).min(START_REPLY_MAX);
                self.outputs.push_back(Output::Stop { stream });
                self.outputs.push_back(Output::Told(Told::Orphan { stream }));
            }
            // Success without a number is no stream (protocol section 4.2: clients treat 0 as failure).
            Ok(None) if awaited => self.refused(now, ErrorCode::FailedToStartStream),
            Err(error) if awaited => self.refused(now, error),
            Ok(None) | Err(_) => {}
        }
        self.settle(now);
    }

    /// An error of class Stream that answers no request of ours.
    pub fn handle_error(&mut self, now: Instant, error: &ErrorCode) {
        match (self.stream, error) {
            (_, ErrorCode::ListenOnlyConnection) => self.forbid(now),
            (
                Stream::Starting { .. },
                ErrorCode::ChannelBusy
                | ErrorCode::FailedToStartStream
                | ErrorCode::FailedToStartSendingMessage
                | ErrorCode::WoodpeckerProhibited,
            ) => self.refused(now, error.clone()),
            (Stream::Open { id, .. }, ErrorCode::WoodpeckerProhibited) => {
                self.outputs.push_back(Output::Stop { stream: id });
                self.refused(now, error.clone());
            }
            (
                Stream::Open { .. },
                ErrorCode::InvalidStreamId
                | ErrorCode::FailedToSendData
                | ErrorCode::InvalidAudioPacket
                | ErrorCode::ChannelIsNotReady,
            ) => self.cut(now, Some(error.clone())),
            // A late word on something that is over: `empty message`, `failed to stop stream` and the like.
            (Stream::Idle { .. } | Stream::Starting { .. } | Stream::Open { .. }, _) => {}
        }
        self.settle(now);
    }

    /// A stream ended that is not one that we hear. True if it was ours.
    pub fn handle_own_stop(&mut self, now: Instant, stopped: StreamId) -> bool {
        let ours = self.is_open(stopped);
        if ours {
            self.cut(now, None);
            self.settle(now);
        }
        ours
    }

    /// Another talker has finished: what waited for that need not wait longer.
    pub fn handle_channel_free(&mut self, now: Instant) {
        if let Stream::Idle { not_before, pause: Pause::Busy } = self.stream {
            let spaced = self.last_start.map_or(now, |start| start + START_SPACING);
            self.stream = Stream::Idle { not_before: not_before.min(spaced.max(now)), pause: Pause::Spacing };
            self.settle(now);
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.stream {
            Stream::Starting { until, .. } if until <= now => self.unanswered(now),
            Stream::Open { id, quiet_at, .. } if quiet_at <= now && !self.queue.has_packet() => {
                self.queue.quieten_front();
                self.give_back(now, id);
            }
            Stream::Idle { .. } | Stream::Starting { .. } | Stream::Open { .. } => {}
        }
        self.settle(now);
    }

    /// The next moment at which [`Outbox::handle_timeout`] is due, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Deadline)> {
        let stale = self.queue.eldest().map(|eldest| (eldest + STALE, Deadline::Stale));
        let next = match self.stream {
            Stream::Idle { .. } => self.next_start().map(|at| (at, Deadline::NextStart)),
            Stream::Starting { until, .. } => Some((until, Deadline::StartReply)),
            Stream::Open { .. } if self.queue.has_packet() => {
                (!self.congested).then(|| (self.pace(), Deadline::Pace))
            }
            Stream::Open { quiet_at, .. } => Some((quiet_at, Deadline::Quiet)),
        };
        stale.into_iter().chain(next).min()
    }

    /// Speech that waits to be sent.
    #[must_use]
    pub fn held(&self) -> Duration {
        self.queue.speech(self.packet)
    }

    fn is_open(&self, stream: StreamId) -> bool {
        matches!(self.stream, Stream::Open { id, .. } if id == stream)
    }

    /// Brings everything to where it should be at `now`.
    fn settle(&mut self, now: Instant) {
        if self.never_sends || self.link == Link::ListenOnly {
            for over in self.queue.refuse_all() {
                self.outputs.push_back(Output::Refused { over });
            }
        }
        self.queue.expire(self.limit(), now.checked_sub(STALE));
        loop {
            match self.stream {
                Stream::Idle { .. } => {
                    self.bury(now);
                    if self.next_start().is_none_or(|at| at > now) {
                        return;
                    }
                    self.start(now);
                }
                Stream::Starting { .. } => return,
                Stream::Open { .. } => {
                    self.send(now);
                    if !self.stop(now) {
                        return;
                    }
                }
            }
        }
    }

    /// Most packets to keep. A refusal and a dead link are for `hold`; an answer on its way deserves patience.
    fn limit(&self) -> usize {
        let refused = match self.stream {
            Stream::Idle { pause, .. } => self.link != Link::Up || pause != Pause::Spacing,
            Stream::Starting { .. } | Stream::Open { .. } => false,
        };
        let speech = if refused { self.hold } else { self.hold.max(PATIENCE) };
        usize::try_from(speech.as_nanos() / self.packet.as_nanos().max(1)).unwrap_or(usize::MAX)
    }

    /// Takes leave of overs of which nothing is left and for which no stream is open.
    fn bury(&mut self, now: Instant) {
        while let Some(over) = self.queue.pop_done() {
            // A refused over has been told already, and one without a packet is nothing to tell of.
            if over.fate == Fate::Wanted && over.sent + over.lost > 0 {
                self.outputs.push_back(Output::Told(told(&over, self.packet, now)));
            }
        }
    }

    /// When the next stream may be started; `None` if there is no reason to.
    fn next_start(&self) -> Option<Instant> {
        let front = self.queue.front().filter(|over| over.wants_stream())?;
        let Stream::Idle { not_before, pause } = self.stream else { return None };
        if self.link != Link::Up || self.never_sends || self.congested {
            return None;
        }
        let rolls_over = front.continues.is_some() && front.continues == self.last_over;
        match self.last_start {
            Some(start) if !(rolls_over && pause == Pause::Spacing) => {
                Some(not_before.max(start + START_SPACING))
            }
            Some(_) | None => Some(not_before),
        }
    }

    fn start(&mut self, now: Instant) {
        self.attempts = self.attempts.wrapping_add(1);
        let attempt = Attempt(self.attempts);
        self.last_start = Some(now);
        let continues = self.queue.front().and_then(|front| front.continues);
        self.follows_held = continues.is_some() && continues == self.last_over && continues == self.last_held;
        self.last_over = None;
        self.stream = Stream::Starting { attempt, until: now + self.reply_limit };
        self.outputs.push_back(Output::Start { attempt });
    }

    /// Where in its tone a stream of the over whose turn it is begins: at the end, unless this is held speech.
    fn begin_tone(&mut self, now: Instant) -> usize {
        let eldest = self.queue.eldest().filter(|_| self.queue.has_packet());
        if eldest.is_none_or(|eldest| now.saturating_duration_since(eldest) < HELD) {
            return self.tone.len();
        }
        self.last_held = self.queue.front().map(|front| front.id);
        if self.follows_held {
            return self.tone.len();
        }
        self.counters.uplink_overs_held.add_one();
        0
    }

    /// Sends what real time and [`BURST`] allow.
    fn send(&mut self, now: Instant) {
        while !self.congested && self.queue.has_packet() && self.pace() <= now {
            let Stream::Open { id: stream, next, tone, .. } = &mut self.stream else { return };
            let (captured_at, payload) = if let Some(packet) = self.tone.get(*tone) {
                *tone += 1;
                (now, packet.clone())
            } else {
                let Some(packet) = self.queue.send() else { return };
                (packet.captured_at, packet.payload)
            };
            let (stream, id) = (*stream, PacketId(*next));
            *next = next.wrapping_add(1);
            self.played_at = self.played_at.max(now) + self.packet;
            self.outputs.push_back(Output::Packet { stream, id, captured_at, payload });
        }
    }

    /// When the next packet may go.
    fn pace(&self) -> Instant {
        let next = self.played_at + self.packet;
        next.checked_sub(BURST).unwrap_or(next)
    }

    /// Ends the open stream if its over is done. True if it was.
    fn stop(&mut self, now: Instant) -> bool {
        let Stream::Open { id, .. } = self.stream else { return false };
        let Some(over) = self.queue.pop_done() else { return false };
        self.give_back(now, id);
        self.outputs.push_back(Output::Told(told(&over, self.packet, now)));
        self.last_over = Some(over.id);
        true
    }

    fn give_back(&mut self, now: Instant, stream: StreamId) {
        self.outputs.push_back(Output::Stop { stream });
        self.stream = Stream::Idle { not_before: now, pause: Pause::Spacing };
    }

    /// A start had no answer in time.
    fn unanswered(&mut self, now: Instant) {
        self.unanswered += 1;
        self.tell_refused(None, Duration::ZERO);
        self.stream = Stream::Idle { not_before: now, pause: Pause::Spacing };
        if self.unanswered >= UNANSWERED_MAX {
            self.unanswered = 0;
            self.outputs.push_back(Output::Reconnect(Ghost::StartsUnanswered));
            // No further start until the session has made the new connection.
            self.link = Link::Down;
        }
    }

    /// The server does not give the channel: `error` says whether it ever will.
    fn refused(&mut self, now: Instant, error: ErrorCode) {
        if error.forbids_sending() {
            return self.forbid(now);
        }
        if is_final(&error) {
            return self.cut(now, Some(error));
        }
        let (pause, wait) = if error == ErrorCode::WoodpeckerProhibited {
            self.woodpeckers += 1;
            (Pause::Woodpecker, nth(&WOODPECKER_WAITS, self.woodpeckers))
        } else {
            self.refusals += 1;
            (Pause::Busy, nth(&BUSY_WAITS, self.refusals))
        };
        self.tell_refused(Some(error.clone()), wait);
        self.stream = Stream::Idle { not_before: now + wait, pause };
        if error == ErrorCode::ChannelIsNotReady {
            let since = *self.not_ready_since.get_or_insert(now);
            if now.saturating_duration_since(since) >= NOT_READY_MAX {
                self.not_ready_since = None;
                self.outputs.push_back(Output::Reconnect(Ghost::NotReady));
                self.link = Link::Down;
            }
        } else {
            self.not_ready_since = None;
        }
    }

    /// The server ended the over whose turn it is, or will never take it.
    fn cut(&mut self, now: Instant, error: Option<ErrorCode>) {
        self.stream = Stream::Idle { not_before: now, pause: Pause::Spacing };
        if let Some(over) = self.queue.refuse_front() {
            self.outputs.push_back(Output::Refused { over });
            self.outputs.push_back(Output::Told(Told::Cut { over, error }));
        }
    }

    /// This log-on is for listening only.
    fn forbid(&mut self, now: Instant) {
        self.stream = Stream::Idle { not_before: now, pause: Pause::Spacing };
        if self.link == Link::Up {
            self.link = Link::ListenOnly;
            self.outputs.push_back(Output::Told(Told::Forbidden));
        }
    }

    fn tell_refused(&mut self, error: Option<ErrorCode>, again_in: Duration) {
        if let Some(front) = self.queue.front() {
            let (over, held) = (front.id, self.held());
            self.outputs.push_back(Output::Told(Told::StartRefused { over, error, again_in, held }));
        }
    }
}

fn told(over: &queue::Over, packet: Duration, now: Instant) -> Told {
    if over.sent == 0 && over.lost > 0 {
        Told::Lost { over: over.id, packets: over.lost }
    } else {
        Told::Sent {
            over: over.id,
            packets: over.sent,
            speech: packet.saturating_mul(over.sent),
            lost: over.lost,
            took: now.saturating_duration_since(over.at),
        }
    }
}
