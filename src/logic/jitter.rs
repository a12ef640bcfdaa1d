//! The jitter buffer of one stream: packets come when they like, sound leaves without a gap.
//!
//! A stream is played when as much is buffered as the network's jitter asks for ([`Delay`]), or when it is complete.
//! What came in time is always played: after a stall the whole late burst is said, and the stream's delay grows by the
//! stall. Nothing is cut or compressed to catch up; a radio has no other party waiting for an answer within
//! a second, and the delay goes back at the next stream.
//!
//! Two kinds of gap:
//! * *lost*: a later packet is there. Exactly the missing time is concealed.
//! * *dry*: nothing is there. Up to [`CONCEAL_MAX`] is concealed, then there is silence until the (grown) target is
//!   buffered again. If the missing packet turns out to be lost, what was filled in counts as its time.
//!
//! A packet that was concealed and comes after all shows that packets overtake each other by more than is buffered:
//! the stream pauses until the target is buffered, so that the next one comes in time.

mod delay;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use delay::Delay;

use crate::zello::PacketId;

/// Longest concealment of a dry buffer: beyond this libopus has faded to silence anyhow.
pub const CONCEAL_MAX: Duration = Duration::from_millis(120);

/// A dry buffer is concealed in steps of one SILK frame, so that a packet that comes meanwhile is soon heard.
const CONCEAL_STEP: Duration = Duration::from_millis(20);

/// Time of one [`Next::Silence`]: the engine's block.
pub const SILENCE_STEP: Duration = Duration::from_millis(10);

/// Missing ids that would play longer than this are a jump of the numbering and no loss: no live stream is silent for so long.
pub const GAP_MAX: Duration = Duration::from_secs(2);

/// A packet so far behind the newest is a repetition and tells nothing about the network.
const LATE_MOST: i32 = 32;

/// What is to be played next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// This packet.
    Packet(T),
    /// Invented sound of this duration, a multiple of 2.5 ms, at most 120 ms.
    Conceal(Duration),
    /// [`SILENCE_STEP`] of silence: the buffer fills.
    Silence,
    /// Nothing more: the stream has ended and all of it was played.
    End,
}

/// Why a packet is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejected {
    /// Its turn is over, or it is there already.
    Late,
    /// The buffer holds as many packets as it can.
    Full,
}

/// The packets of one stream that wait for their turn; `T` is what the owner keeps of each.
#[derive(Debug)]
pub struct Jitter<T> {
    /// Sorted by id.
    queue: VecDeque<Entry<T>>,
    capacity: usize,
    /// Speech in the queue.
    buffered: Duration,
    /// When the queue last stopped being empty.
    filled_at: Option<Instant>,
    newest: Option<PacketId>,
    phase: Phase,
    delay: Delay,
}

#[derive(Debug)]
struct Entry<T> {
    id: PacketId,
    at: Instant,
    span: Duration,
    item: T,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Waits until the target is buffered; `Some`: the stream ran dry there.
    Filling(Option<Head>),
    /// Plays.
    Playing(Head),
}

/// Where the stream is.
#[derive(Debug, Clone, Copy)]
struct Head {
    next: PacketId,
    /// How long the last packet played: what a missing one is taken for.
    span: Duration,
    /// Filled in since the last packet because the buffer was dry.
    filled_in: Duration,
    /// Taken for lost last.
    given_up: Option<PacketId>,
}

impl<T> Jitter<T> {
    /// A buffer for at most `capacity` packets; takes all its memory here.
    #[must_use]
    pub fn new(capacity: usize, delay: Delay) -> Self {
        Self {
            queue: VecDeque::with_capacity(capacity),
            capacity,
            buffered: Duration::ZERO,
            filled_at: None,
            newest: None,
            phase: Phase::Filling(None),
            delay,
        }
    }

    /// Begins another stream with what is known about the network. The owner empties the buffer first.
    pub fn begin(&mut self, delay: &Delay) {
        self.queue.clear();
        self.buffered = Duration::ZERO;
        self.filled_at = None;
        self.newest = None;
        self.phase = Phase::Filling(None);
        self.delay.clone_from(delay);
        self.delay.next_stream();
    }

    /// What is known about the network.
    #[must_use]
    pub fn delay(&self) -> &Delay {
        &self.delay
    }

    /// Speech that waits.
    #[must_use]
    pub fn buffered(&self) -> Duration {
        self.buffered
    }

    /// When the packet came that is next.
    #[must_use]
    pub fn eldest(&self) -> Option<Instant> {
        self.queue.front().map(|entry| entry.at)
    }

    /// Packets that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether no packet has come yet.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.newest.is_none()
    }

    /// Whether a packet with this id would be taken.
    ///
    /// # Errors
    /// [`Rejected`] says why not.
    pub fn place(&self, id: PacketId) -> Result<usize, Rejected> {
        if self.head().is_some_and(|head| steps(head.next, id) < 0) {
            return Err(Rejected::Late);
        }
        let later = self.queue.iter().rev().take_while(|entry| steps(id, entry.id) > 0).count();
        let index = self.queue.len() - later;
        let before = index.checked_sub(1).and_then(|before| self.queue.get(before));
        if before.is_some_and(|before| before.id == id) {
            return Err(Rejected::Late);
        }
        if self.queue.len() >= self.capacity { Err(Rejected::Full) } else { Ok(index) }
    }

    /// Takes a packet that came at `at` and plays for `span`.
    ///
    /// # Errors
    /// Gives the item back with the reason when it is not taken.
    pub fn insert(
        &mut self,
        at: Instant,
        id: PacketId,
        span: Duration,
        item: T,
    ) -> Result<(), (Rejected, T)> {
        let ahead = self.newest.map_or(0, |newest| steps(newest, id));
        // A packet that came too late teaches the most.
        if self.newest != Some(id) && ahead > -LATE_MOST {
            self.delay.arrived(at, ahead, span);
        }
        let index = match self.place(id) {
            Ok(index) => index,
            Err(why) => {
                self.learn_from_late(id);
                return Err((why, item));
            }
        };
        if self.newest.is_none() || ahead > 0 {
            self.newest = Some(id);
        }
        if self.queue.is_empty() {
            self.filled_at = Some(at);
        }
        self.buffered += span;
        self.queue.insert(index, Entry { id, at, span, item });
        Ok(())
    }

    /// A packet that was taken for lost was only overtaken: a pause now saves the next one from the same fate.
    fn learn_from_late(&mut self, id: PacketId) {
        match self.phase {
            Phase::Playing(head) if head.given_up == Some(id) => self.phase = Phase::Filling(Some(head)),
            Phase::Playing(_) | Phase::Filling(_) => {}
        }
    }

    /// Gives up the oldest packet; playing goes on behind it without concealment.
    pub fn drop_oldest(&mut self) -> Option<T> {
        let entry = self.pop()?;
        if let Phase::Playing(head) | Phase::Filling(Some(head)) = &mut self.phase {
            head.next = PacketId(entry.id.0.wrapping_add(1));
        }
        Some(entry.item)
    }

    /// What is to be played now; `ended` when no more packets will come. Each answer but the last takes its time to play;
    /// the next call is made when it is over.
    pub fn pull(&mut self, now: Instant, ended: bool) -> Next<T> {
        match self.phase {
            Phase::Filling(_) if self.queue.is_empty() && ended => Next::End,
            Phase::Filling(head) if self.may_start(now, ended) => match head.or_else(|| self.front_head()) {
                Some(head) => self.play(head, ended),
                None => Next::Silence,
            },
            Phase::Filling(head) => {
                self.phase = Phase::Filling(head.map(|head| head.filled_in_by(SILENCE_STEP)));
                Next::Silence
            }
            Phase::Playing(head) => self.play(head, ended),
        }
    }

    fn play(&mut self, mut head: Head, ended: bool) -> Next<T> {
        while let Some(front) = self.queue.front() {
            let missing = u32::try_from(steps(head.next, front.id)).unwrap_or(0);
            if missing == 0 || head.span.saturating_mul(missing) > GAP_MAX {
                break;
            }
            let conceal = head.span.saturating_sub(head.filled_in);
            head.filled_in = head.filled_in.saturating_sub(head.span);
            head.given_up = Some(head.next);
            head.next = PacketId(head.next.0.wrapping_add(1));
            self.phase = Phase::Playing(head);
            if !conceal.is_zero() {
                return Next::Conceal(conceal);
            }
        }
        if let Some(Entry { id, span, item, .. }) = self.pop() {
            let next = PacketId(id.0.wrapping_add(1));
            self.phase =
                Phase::Playing(Head { next, span, filled_in: Duration::ZERO, given_up: head.given_up });
            return Next::Packet(item);
        }
        if ended { Next::End } else { self.fill_in(head) }
    }

    /// The buffer is dry, and the stream goes on.
    fn fill_in(&mut self, head: Head) -> Next<T> {
        let conceal = CONCEAL_MAX.saturating_sub(head.filled_in).min(CONCEAL_STEP).min(head.span);
        if conceal.is_zero() {
            self.phase = Phase::Filling(Some(head.filled_in_by(SILENCE_STEP)));
            return Next::Silence;
        }
        self.phase = Phase::Playing(head.filled_in_by(conceal));
        Next::Conceal(conceal)
    }

    /// The target is what must be buffered on top of the packet that is played first.
    fn may_start(&self, now: Instant, ended: bool) -> bool {
        let Some(front) = self.queue.front() else { return false };
        let waited = self.filled_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let filled = self.stretch() + self.on_its_way(now);
        ended || filled >= self.delay.target() + front.span || waited >= self.delay.most()
    }

    /// How much of the packet after the newest has been spoken by now, as far as one can know; else a target would be
    /// rounded up to whole packets. One that is overdue counts nothing.
    fn on_its_way(&self, now: Instant) -> Duration {
        let Some(newest) = self.queue.back() else { return Duration::ZERO };
        let since = now.saturating_duration_since(newest.at);
        if since < newest.span { since } else { Duration::ZERO }
    }

    /// Playing time of the queue with its gaps.
    fn stretch(&self) -> Duration {
        let (Some(front), Some(back)) = (self.queue.front(), self.queue.back()) else {
            return Duration::ZERO;
        };
        let ids = usize::try_from(steps(front.id, back.id)).unwrap_or(0) + 1;
        let missing = u32::try_from(ids.saturating_sub(self.queue.len())).unwrap_or(0);
        let gaps = front.span.saturating_mul(missing);
        if gaps > GAP_MAX { self.buffered } else { self.buffered + gaps }
    }

    fn front_head(&self) -> Option<Head> {
        let front = self.queue.front()?;
        Some(Head { next: front.id, span: front.span, filled_in: Duration::ZERO, given_up: None })
    }

    fn head(&self) -> Option<Head> {
        match self.phase {
            Phase::Playing(head) => Some(head),
            Phase::Filling(head) => head,
        }
    }

    fn pop(&mut self) -> Option<Entry<T>> {
        let entry = self.queue.pop_front()?;
        self.buffered = self.buffered.saturating_sub(entry.span);
        Some(entry)
    }
}

impl Head {
    fn filled_in_by(self, time: Duration) -> Self {
        Self { filled_in: self.filled_in.saturating_add(time), ..self }
    }
}

/// How far `to` is ahead of `from`; ids may wrap.
fn steps(from: PacketId, to: PacketId) -> i32 {
    i32::from_ne_bytes(to.0.wrapping_sub(from.0).to_ne_bytes())
}

#[cfg(test)]
mod tests;
