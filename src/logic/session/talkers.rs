//! The streams that the channel sends us: which are played, which are ignored.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::credentials::Credentials;
use crate::zello::{StreamId, StreamStart};

/// Streams known at a time; a channel has one talker, or few where stops were lost.
pub(super) const STREAMS_MAX: usize = 16;
/// Streams whose last packets the stop may have overtaken: those that ended last.
pub(super) const STOPPED_MAX: usize = 4;
/// A packet that the stop overtook is as late at most: what comes later has no talk left that it could belong to.
pub(super) const STRAGGLE: Duration = Duration::from_secs(2);

/// What to do with a stream that begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Play it; the oldest stream had to make room.
    Play { evicted: Option<StreamId> },
    /// Ignore it, for this reason.
    Ignore(&'static str),
}

/// The streams that are played.
#[derive(Debug, Default)]
pub(super) struct Talkers {
    talking: VecDeque<StreamId>,
    /// Stopped just now, and when.
    stopped: VecDeque<(StreamId, Instant)>,
}

impl Talkers {
    /// A stream begins.
    pub(super) fn begin(&mut self, start: &StreamStart, who: &Credentials) -> Verdict {
        if who.is_me(&start.from) {
            return Verdict::Ignore("it is our own");
        }
        if !who.is_my_channel(&start.channel) {
            return Verdict::Ignore("it is on another channel");
        }
        if start.to.as_ref().is_some_and(|to| !who.is_me(to)) {
            return Verdict::Ignore("it is for somebody else");
        }
        if self.talking.contains(&start.stream_id) {
            return Verdict::Ignore("it has begun already");
        }
        self.stopped.retain(|(stream, _)| *stream != start.stream_id);
        let evicted = if self.talking.len() >= STREAMS_MAX { self.talking.pop_front() } else { None };
        self.talking.push_back(start.stream_id);
        Verdict::Play { evicted }
    }

    /// A stream ends. True if it was played.
    pub(super) fn end(&mut self, now: Instant, stream: StreamId) -> bool {
        let before = self.talking.len();
        self.talking.retain(|known| *known != stream);
        let was_played = self.talking.len() < before;
        if was_played {
            if self.stopped.len() >= STOPPED_MAX {
                self.stopped.pop_front();
            }
            self.stopped.push_back((stream, now));
        }
        was_played
    }

    /// Whether packets of this stream are played.
    pub(super) fn has(&self, now: Instant, stream: StreamId) -> bool {
        let straggles = |at: Instant| now.saturating_duration_since(at) < STRAGGLE;
        self.talking.contains(&stream)
            || self.stopped.iter().any(|(stopped, at)| *stopped == stream && straggles(*at))
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
