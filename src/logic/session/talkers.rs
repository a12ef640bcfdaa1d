//! The streams that the channel sends us: which are played, which are ignored.

use std::collections::VecDeque;

use super::credentials::Credentials;
use crate::zello::{StreamId, StreamStart};

/// Streams known at a time; a channel has one talker, or few where stops were lost.
pub(super) const STREAMS_MAX: usize = 16;

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
pub(super) struct Talkers(VecDeque<StreamId>);

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
        if self.has(start.stream_id) {
            return Verdict::Ignore("it has begun already");
        }
        let evicted = if self.0.len() >= STREAMS_MAX { self.0.pop_front() } else { None };
        self.0.push_back(start.stream_id);
        Verdict::Play { evicted }
    }

    /// A stream ends. True if it was played.
    pub(super) fn end(&mut self, stream: StreamId) -> bool {
        let before = self.0.len();
        self.0.retain(|known| *known != stream);
        self.0.len() < before
    }

    pub(super) fn has(&self, stream: StreamId) -> bool {
        self.0.contains(&stream)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
