//! The overs that wait to be sent, oldest first, and what becomes of each packet: sent, expired or refused.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::counters::Counters;
use crate::logic::exchange::{OverId, UplinkItem};

/// One Opus packet that waits.
#[derive(Debug)]
pub(super) struct Packet {
    pub(super) captured_at: Instant,
    pub(super) payload: Box<[u8]>,
}

/// Whether the rest of an over is still wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Wanted,
    /// The server ended it, or will never take it; what still comes is thrown away.
    Refused,
}

/// An over, or the part of it that is not sent.
#[derive(Debug)]
pub(super) struct Over {
    pub(super) id: OverId,
    pub(super) at: Instant,
    pub(super) continues: Option<OverId>,
    pub(super) ended: bool,
    /// Nothing comes of it: it needs no stream until something does.
    pub(super) quiet: bool,
    pub(super) fate: Fate,
    pub(super) sent: u32,
    pub(super) lost: u32,
    packets: VecDeque<Packet>,
}

impl Over {
    fn new(id: OverId, at: Instant, continues: Option<OverId>) -> Self {
        Self {
            id,
            at,
            continues,
            ended: false,
            quiet: false,
            fate: Fate::Wanted,
            sent: 0,
            lost: 0,
            packets: VecDeque::new(),
        }
    }

    /// There is, or will soon be, something of it to send.
    pub(super) fn wants_stream(&self) -> bool {
        self.fate == Fate::Wanted && !self.quiet && !self.is_done()
    }

    /// Nothing of it is left to send, now or later.
    pub(super) fn is_done(&self) -> bool {
        self.ended && self.packets.is_empty()
    }
}

/// All overs that wait; only the last can still grow.
#[derive(Debug)]
pub(super) struct Queue {
    overs: VecDeque<Over>,
    newest: Option<OverId>,
    counters: Arc<Counters>,
}

impl Queue {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self { overs: VecDeque::new(), newest: None, counters }
    }

    /// Takes an item. An item of an over that is over counts as expired; a missing start or end is made up for,
    /// because the queue from the engine drops what it cannot hold.
    pub(super) fn take(&mut self, item: UplinkItem) {
        match item {
            UplinkItem::Start { over, at, continues } => self.open(over, at, continues),
            UplinkItem::Packet { over, captured_at, payload } => {
                if self.newest.is_none_or(|newest| newest < over) {
                    self.open(over, captured_at, None);
                }
                match self.overs.back_mut().filter(|last| last.id == over && !last.ended) {
                    Some(last) if last.fate == Fate::Wanted => {
                        last.quiet = false;
                        last.packets.push_back(Packet { captured_at, payload: (*payload).into() });
                    }
                    Some(last) => {
                        last.lost += 1;
                        self.counters.uplink_packets_refused.add_one();
                    }
                    None => self.counters.uplink_packets_expired.add_one(),
                }
            }
            UplinkItem::End { over } => {
                if let Some(last) = self.overs.back_mut().filter(|last| last.id == over) {
                    last.ended = true;
                }
            }
        }
    }

    fn open(&mut self, over: OverId, at: Instant, continues: Option<OverId>) {
        if let Some(last) = self.overs.back_mut() {
            last.ended = true;
        }
        // Overs are counted one by one: of those between nothing came.
        let expected = self.newest.map_or(0, |newest| newest.0) + 1;
        self.counters.uplink_overs_lost.add(over.0.saturating_sub(expected).into());
        self.newest = Some(over);
        self.overs.push_back(Over::new(over, at, continues));
    }

    /// The over whose turn it is.
    pub(super) fn front(&self) -> Option<&Over> {
        self.overs.front()
    }

    /// Nothing comes for the over whose turn it is.
    pub(super) fn quieten_front(&mut self) {
        if let Some(front) = self.overs.front_mut() {
            front.quiet = true;
        }
    }

    /// No more will come for the newest over.
    pub(super) fn end_last(&mut self) {
        if let Some(last) = self.overs.back_mut() {
            last.ended = true;
        }
    }

    /// The next packet of the over whose turn it is, as sent.
    pub(super) fn send(&mut self) -> Option<Packet> {
        let front = self.overs.front_mut()?;
        let packet = front.packets.pop_front()?;
        front.sent += 1;
        self.counters.uplink_packets_sent.add_one();
        Some(packet)
    }

    /// There is a packet of the over whose turn it is.
    pub(super) fn has_packet(&self) -> bool {
        self.overs.front().is_some_and(|front| !front.packets.is_empty())
    }

    /// Takes the over whose turn it is out of the queue once nothing of it is left to send.
    pub(super) fn pop_done(&mut self) -> Option<Over> {
        if !self.overs.front()?.is_done() {
            return None;
        }
        let over = self.overs.pop_front()?;
        if over.sent == 0 {
            self.counters.uplink_overs_lost.add_one();
        }
        Some(over)
    }

    /// The rest of the over whose turn it is is thrown away.
    pub(super) fn refuse_front(&mut self) -> Option<OverId> {
        let front = self.overs.front_mut()?;
        refuse(front, &self.counters);
        Some(front.id)
    }

    /// Everything is thrown away; tells each over that the engine still fills or that was wanted.
    pub(super) fn refuse_all(&mut self) -> Vec<OverId> {
        let wanted = self.overs.iter_mut().filter(|over| over.fate == Fate::Wanted);
        wanted
            .map(|over| {
                refuse(over, &self.counters);
                over.id
            })
            .collect()
    }

    /// Drops the oldest packets beyond `limit`, and all that were captured at `eldest` or before.
    pub(super) fn expire(&mut self, limit: usize, eldest: Option<Instant>) {
        let mut surplus = self.len().saturating_sub(limit);
        for over in &mut self.overs {
            let count = over
                .packets
                .iter()
                .enumerate()
                .take_while(|(n, packet)| {
                    *n < surplus || eldest.is_some_and(|eldest| packet.captured_at <= eldest)
                })
                .count();
            over.packets.drain(..count);
            over.lost = over.lost.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
            self.counters.uplink_packets_expired.add(count as u64);
            surplus = surplus.saturating_sub(count);
            if !over.packets.is_empty() {
                break;
            }
        }
    }

    /// When the oldest packet was captured.
    pub(super) fn eldest(&self) -> Option<Instant> {
        self.overs.iter().find_map(|over| over.packets.front()).map(|packet| packet.captured_at)
    }

    /// Packets that wait.
    pub(super) fn len(&self) -> usize {
        self.overs.iter().map(|over| over.packets.len()).sum()
    }

    /// Speech that waits, if a packet plays for `packet`.
    pub(super) fn speech(&self, packet: Duration) -> Duration {
        packet.saturating_mul(u32::try_from(self.len()).unwrap_or(u32::MAX))
    }
}

fn refuse(over: &mut Over, counters: &Counters) {
    over.fate = Fate::Refused;
    over.lost = over.lost.saturating_add(u32::try_from(over.packets.len()).unwrap_or(u32::MAX));
    counters.uplink_packets_refused.add(over.packets.len() as u64);
    over.packets.clear();
}
