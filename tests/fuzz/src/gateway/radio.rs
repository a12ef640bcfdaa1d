//! The rules of the radio, written down a second time: when an over of the radio is open, when the transmitter may be keyed,
//! when it must be, and when it must not.
//!
//! Overs are foretold exactly from COS and from the key as it was seen. The key itself depends on what a jitter buffer
//! holds; of it only what is certain is demanded.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use zello_gateway::config::{Busy, Config};
use zello_gateway::logic::downlink::{STOP_MISSING, STREAMS_MAX};
use zello_gateway::logic::exchange::DownlinkItem;
use zello_gateway::logic::jitter::GAP_MAX;
use zello_gateway::zello::toc::packet_duration;

/// Blocks under way, a clock that is looked at every now and then, and the tone before held speech.
const SLACK: Duration = Duration::from_secs(1);

/// An over of the radio, as it should be.
#[derive(Debug, Clone, Copy)]
struct Over {
    stuck_at: Instant,
    /// The squelch is closed; the over ends then.
    hang_until: Option<Instant>,
}

/// What the channel has said since the radio last had nothing to say.
#[derive(Debug, Default)]
struct Talk {
    ids: BTreeSet<u32>,
    /// Streams that may have begun.
    begun: usize,
    /// Streams that surely go on, and since when.
    certain: BTreeMap<u32, Instant>,
    /// Longest that all of it can take to say, and when it last grew.
    speech: Duration,
    last: Option<Instant>,
    seen: BTreeSet<(u32, u32)>,
}

/// See the module.
pub struct Radio {
    lead: Duration,
    tail: Duration,
    time_out: Duration,
    rx_mute: Duration,
    hang: Duration,
    stuck_after: Duration,
    jitter_max: Duration,
    busy: Busy,
    carrier: bool,
    stuck: bool,
    over: Option<Over>,
    keyed_at: Option<Instant>,
    muted_until: Option<Instant>,
    pub playback: bool,
    pub line: bool,
    pub ended: bool,
    talk: Talk,
}

impl Radio {
    pub fn new(config: &Config) -> Self {
        let (up, down) = (&config.uplink, &config.downlink);
        Self {
            lead: down.lead,
            tail: down.tail,
            time_out: down.time_out,
            rx_mute: down.rx_mute,
            hang: up.hang,
            stuck_after: up.stuck,
            jitter_max: down.jitter_max,
            busy: down.busy,
            carrier: false,
            stuck: false,
            over: None,
            keyed_at: None,
            muted_until: None,
            playback: true,
            line: true,
            ended: false,
            talk: Talk::default(),
        }
    }

    pub fn is_keyed(&self) -> bool {
        self.keyed_at.is_some()
    }

    pub fn has_over(&self) -> bool {
        self.over.is_some()
    }

    /// Something is going on, or was until a moment ago.
    pub fn is_busy(&self) -> bool {
        self.is_keyed() || self.over.is_some() || self.carrier || self.muted_until.is_some()
    }

    pub fn cos(&mut self, open: bool) {
        self.carrier = open;
        self.stuck &= open;
    }

    pub fn is_open(&self) -> bool {
        self.carrier
    }

    /// The engine got this.
    pub fn channel(&mut self, now: Instant, item: &DownlinkItem) {
        let talk = &mut self.talk;
        match item {
            DownlinkItem::Start { stream, .. } => {
                talk.grow(now, STOP_MISSING + self.jitter_max);
                talk.begun += 1;
                // A number that is in use may be the same stream, told twice.
                if talk.ids.insert(stream.0) {
                    talk.certain.insert(stream.0, now);
                }
                talk.forget_if_crowded();
            }
            DownlinkItem::Packet { stream, id, payload, .. } => {
                let Some(span) = packet_duration(payload) else { return };
                // The first of a stream, and one behind a gap, may cost a wait.
                let follows = talk.seen.contains(&(stream.0, id.0.wrapping_sub(1)));
                let wait = if follows { span } else { GAP_MAX.max(STOP_MISSING) };
                talk.grow(now, span + wait + self.jitter_max);
                talk.seen.insert((stream.0, id.0));
                talk.begun += usize::from(talk.ids.insert(stream.0));
                talk.forget_if_crowded();
            }
            DownlinkItem::Stop { stream } => {
                talk.certain.remove(&stream.0);
            }
            DownlinkItem::LinkLost => {
                talk.certain.clear();
                talk.ids.clear();
            }
            DownlinkItem::OverRefused { .. } => {}
        }
    }

    /// The engine wishes the transmitter to be keyed or not.
    pub fn beat(&mut self, now: Instant, keyed: bool) {
        self.talk.certain.retain(|_, at| now < *at + STOP_MISSING);
        self.muted_until = self.muted_until.filter(|until| now < *until);
        self.close_over(now);
        match (self.keyed_at, keyed) {
            (None, false) => {}
            (None, true) => self.may_key(now),
            (Some(since), true) => self.may_stay_keyed(now, since),
            (Some(since), false) => self.unkeyed(now, since),
        }
    }

    /// The engine has done all that it wants to do at `now`.
    pub fn settle(&mut self, now: Instant) {
        self.beat(now, self.is_keyed());
        self.open_over(now);
        assert!(!(self.is_keyed() && self.over.is_some()), "keyed while an over is open");
        if !self.is_keyed() {
            self.may_rest();
        }
    }

    fn has_transmitter(&self) -> bool {
        self.playback && self.line && !self.ended
    }

    fn may_key(&mut self, now: Instant) {
        assert!(self.has_transmitter(), "keyed without a transmitter");
        assert!(self.muted_until.is_none(), "keyed again before the radio could answer");
        assert!(self.talk.last.is_some(), "keyed, and nobody talks");
        let over = self.over.take();
        assert!(over.is_none() || self.busy == Busy::Override, "keyed over somebody on the air");
        self.keyed_at = Some(now);
    }

    fn may_stay_keyed(&self, now: Instant, since: Instant) {
        assert!(self.has_transmitter(), "still keyed without a transmitter");
        assert!(now < since + self.time_out, "keyed beyond the time-out");
        let last = self.talk.last.expect("somebody has talked").max(since);
        let silent_at = last + self.lead + self.talk.speech + self.tail + SLACK;
        assert!(now <= silent_at, "keyed for {:?} behind the last word", now - last);
    }

    fn unkeyed(&mut self, now: Instant, since: Instant) {
        if now >= since + self.time_out {
            // One of them is cut, nobody knows which.
            self.talk.certain.clear();
        } else if self.has_transmitter() {
            let going_on: Vec<_> = self.talk.certain.iter().filter(|(_, at)| **at < now).collect();
            assert!(going_on.is_empty(), "let go while {going_on:?} talk");
            if self.talk.last != Some(now) {
                self.talk = Talk::default();
            }
        }
        self.keyed_at = None;
        self.muted_until = Some(now + self.rx_mute).filter(|until| now < *until);
    }

    /// Not keyed: is there no reason to?
    fn may_rest(&mut self) {
        let over = self.over.is_some();
        if over && self.busy == Busy::Drop {
            self.talk.certain.clear();
        }
        let goes_first = over && self.busy == Busy::Override;
        let free = !over && self.muted_until.is_none();
        let must = (free || goes_first) && !self.talk.certain.is_empty() && self.has_transmitter();
        assert!(!must, "{:?} talk, the radio is free, and nobody keys", self.talk.certain);
    }

    /// An over ends when its squelch has been closed for the hang, is stuck, or the gateway ends.
    fn close_over(&mut self, now: Instant) {
        let Some(over) = &mut self.over else { return };
        over.hang_until = match (self.carrier, over.hang_until) {
            (true, _) => None,
            (false, None) => Some(now + self.hang),
            (false, until) => until,
        };
        let is_stuck = self.carrier && now >= over.stuck_at;
        self.stuck |= is_stuck;
        if self.ended || is_stuck || over.hang_until.is_some_and(|until| now >= until) {
            self.over = None;
        }
    }

    fn open_over(&mut self, now: Instant) {
        let free = self.keyed_at.is_none() && self.muted_until.is_none() && !self.ended;
        if self.over.is_none() && free && self.carrier && !self.stuck {
            self.over = Some(Over { stuck_at: now + self.stuck_after, hang_until: None });
        }
    }
}

impl Talk {
    /// Of more streams than are followed nobody knows which one goes.
    fn forget_if_crowded(&mut self) {
        if self.begun > STREAMS_MAX {
            self.certain.clear();
        }
    }

    fn grow(&mut self, now: Instant, speech: Duration) {
        self.last = Some(now);
        self.speech += speech;
    }
}
