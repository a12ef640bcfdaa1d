//! What a device or program tells, in order; and bounded waits for the next thing on it.

use std::fmt::Debug;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Entries that a failed wait shows.
const SHOWN: usize = 15;

/// A record that grows at its end. Clones share it.
#[derive(Debug)]
pub(crate) struct Tape<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    entries: Mutex<Vec<T>>,
    news: Condvar,
}

impl<T> Clone for Tape<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone + Debug> Tape<T> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared { entries: Mutex::new(Vec::new()), news: Condvar::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn record(&self, entry: T) {
        self.lock().push(entry);
        self.0.news.notify_all();
    }

    /// Where the tape stands; what comes later is after the mark.
    pub(crate) fn mark(&self) -> usize {
        self.lock().len()
    }

    pub(crate) fn since(&self, mark: usize) -> Vec<T> {
        self.lock().get(mark..).unwrap_or_default().to_vec()
    }

    /// The first entry after `mark` that `pick` takes, waited for until `limit` has passed.
    pub(crate) fn wait<R>(
        &self,
        mark: usize,
        limit: Duration,
        what: &str,
        mut pick: impl FnMut(&T) -> Option<R>,
    ) -> Result<R> {
        let end = Instant::now() + limit;
        let mut seen = mark;
        let mut entries = self.lock();
        loop {
            while let Some(entry) = entries.get(seen) {
                seen += 1;
                if let Some(found) = pick(entry) {
                    return Ok(found);
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("{what}: not within {limit:?}; {}", told(entries.get(mark..).unwrap_or_default()));
            }
            entries = self.0.news.wait_timeout(entries, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn told<T: Debug>(entries: &[T]) -> String {
    if entries.is_empty() {
        return "nothing came at all".to_owned();
    }
    let last = entries.get(entries.len().saturating_sub(SHOWN)..).unwrap_or_default();
    let lines: Vec<String> = last.iter().map(|entry| format!("    {entry:?}")).collect();
    format!("{} came, at last:\n{}", entries.len(), lines.join("\n"))
}

/// Looks at something that gives no sign, until `ready` has an answer or `limit` has passed.
pub(crate) fn until<T>(what: &str, limit: Duration, mut ready: impl FnMut() -> Option<T>) -> Result<T> {
    const LOOK: Duration = Duration::from_millis(10);
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = ready() {
            return Ok(found);
        }
        if Instant::now() >= end {
            bail!("{what}: not within {limit:?}");
        }
        std::thread::sleep(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_after_the_mark_only() {
        let tape = Tape::new();
        tape.record(1);
        let mark = tape.mark();
        tape.record(2);
        let first = tape.wait(mark, Duration::ZERO, "a number", |n| Some(*n));
        assert_eq!(first.ok(), Some(2));
    }

    #[test]
    fn a_wait_ends_by_what_another_thread_tells() {
        let tape = Tape::new();
        let teller = tape.clone();
        let thread = std::thread::spawn(move || teller.record("here"));
        let found = tape.wait(0, Duration::from_secs(20), "a word", |word| (*word == "here").then_some(()));
        assert!(found.is_ok());
        assert!(thread.join().is_ok());
    }

    #[test]
    fn a_wait_in_vain_says_what_came_instead() {
        let tape = Tape::new();
        tape.record("other");
        let error = tape.wait(0, Duration::ZERO, "the word", |word| (*word == "here").then_some(()));
        let text = error.err().map(|e| e.to_string()).unwrap_or_default();
        assert!(text.contains("the word") && text.contains("other"), "{text}");
    }
}
