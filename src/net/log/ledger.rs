//! How often news are told aloud: no night without network fills the journal, and no server does.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The same news is told at most so often in [`HOUR`].
const TELLINGS: usize = 6;
/// See [`TELLINGS`].
const HOUR: Duration = Duration::from_secs(3_600);
/// Different news that are remembered; the words of a server can be without end.
pub(super) const KINDS: usize = 32;

/// How something is told aloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    Aloud,
    /// Aloud, and then not again for an hour.
    Last,
}

impl Telling {
    /// A field for the log, where there is something to add.
    pub(super) fn more(self) -> Option<&'static str> {
        match self {
            Self::Last => Some("so often that it is not told again for an hour"),
            Self::Aloud => None,
        }
    }
}

/// What has been told of one source of news in the last hour, and when. Whoever has endless words uses up this one only.
#[derive(Debug, Default)]
pub(super) struct Ledger(VecDeque<(Instant, String)>);

impl Ledger {
    /// How to tell of something that comes and goes, if at all.
    pub(super) fn telling(&mut self, now: Instant, words: &str) -> Option<Telling> {
        self.0.retain(|(at, _)| now.saturating_duration_since(*at) < HOUR);
        let times = self.0.iter().filter(|(_, told)| told == words).count();
        if times >= TELLINGS || self.0.len() >= KINDS * TELLINGS {
            return None;
        }
        self.0.push_back((now, words.to_owned()));
        Some(if times + 1 == TELLINGS { Telling::Last } else { Telling::Aloud })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_and_goes_is_told_a_few_times_an_hour() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        let tellings: Vec<Option<Telling>> = (0..10).map(|_| ledger.telling(now, "offline")).collect();
        assert_eq!(tellings.iter().filter(|telling| **telling == Some(Telling::Aloud)).count(), TELLINGS - 1);
        assert_eq!((tellings[5], tellings[6]), (Some(Telling::Last), None));
        assert_eq!(ledger.telling(now, "something else"), Some(Telling::Aloud));
        assert_eq!(ledger.telling(now + HOUR, "offline"), Some(Telling::Aloud));
    }

    #[test]
    fn ever_new_words_fill_neither_journal_nor_memory() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        let told = (0..10_000).filter(|n| ledger.telling(now, &n.to_string()).is_some()).count();
        assert_eq!((told, ledger.0.len()), (KINDS * TELLINGS, KINDS * TELLINGS));
    }
}
