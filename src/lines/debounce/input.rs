//! The debouncing loop of every input that has edges: GPIO lines, pins of sound chips, modem lines.

use std::time::{Duration, Instant};

use super::Debounce;
use crate::lines::{CosEdge, LineError};

/// An input line as the debouncing loop sees it, so that the loop runs on faked lines and time too.
pub(in crate::lines) trait Input {
    /// The time.
    fn now(&self) -> Instant;
    /// The level as it is.
    fn level(&mut self) -> Result<bool, LineError>;
    /// Waits at most `limit` for an edge: the level after it, and when it was.
    fn edge(&mut self, limit: Duration) -> Result<Option<(bool, Instant)>, LineError>;
}

/// An input with its debouncer.
#[derive(Debug)]
pub(in crate::lines) struct Debounced<I> {
    input: I,
    debounce: Debounce,
    told_first: bool,
}

impl<I: Input> Debounced<I> {
    /// Counts a level that has lasted `needed`.
    pub(in crate::lines) fn new(input: I, needed: Duration) -> Self {
        Self { input, debounce: Debounce::new(needed), told_first: false }
    }

    /// As [`CosLine::wait`](crate::lines::CosLine::wait).
    pub(in crate::lines) fn wait(&mut self, limit: Duration) -> Result<Option<CosEdge>, LineError> {
        let end = self.input.now() + limit;
        if !self.told_first {
            self.told_first = true;
            let open = self.input.level()?;
            return Ok(self.debounce.handle_level(open, self.input.now()));
        }
        loop {
            let pending = self.debounce.poll_timeout();
            let until = pending.map_or(end, |(at, _)| at.min(end));
            let told = match self.input.edge(until.saturating_duration_since(self.input.now()))? {
                Some((open, at)) => self.debounce.handle_level(open, at),
                None => self.confirm(pending)?,
            };
            if told.is_some() || self.input.now() >= end {
                return Ok(told);
            }
        }
    }

    /// Looks at the line itself when a change is due, and when nothing happens: the kernel's queue of edges is short
    /// and drops some in a storm of chatter.
    fn confirm(&mut self, pending: Option<(Instant, bool)>) -> Result<Option<CosEdge>, LineError> {
        let level = self.input.level()?;
        let now = self.input.now();
        Ok(match pending {
            Some((at, open)) if now >= at && level == open => self.debounce.handle_timeout(now),
            Some((at, _)) if now >= at => {
                self.debounce.cancel();
                None
            }
            Some(_) => None,
            None => self.debounce.handle_level(level, now),
        })
    }
}

#[cfg(test)]
mod tests;
