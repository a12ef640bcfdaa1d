//! What the session reports, as log lines for people.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use tracing::{debug, info, warn};

use crate::logic::backoff::FIRST;
use crate::logic::outbox::Told;
use crate::logic::session::{LinkState, Report, Trouble};
use crate::quota::Quota;
use crate::zello::CloseReason;

/// Longest name that is written, characters: a server may send megabytes of it.
const LONGEST: usize = 100;

/// The same news is told at most so often in [`HOUR`].
const TELLINGS: usize = 6;
/// See [`TELLINGS`].
const HOUR: Duration = Duration::from_secs(3_600);
/// Different news that are remembered; the words of a server can be without end.
const KINDS: usize = 32;

/// Writes reports for people: what lasts is told once, what comes and goes a few times an hour, so that neither a night
/// without network nor a channel that flaps fills the journal. All of it is told at the level DEBUG.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// What has been told since the channel was last online.
    told: VecDeque<String>,
    /// What has been told in the last hour, and when.
    recent: VecDeque<(Instant, String)>,
    was_online: bool,
    heard: Quota,
}

/// How something is told aloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Telling {
    Aloud,
    /// Aloud, and then not again for an hour.
    Last,
}

impl Log {
    pub(super) fn write(&mut self, now: Instant, report: &Report) {
        match report {
            Report::State(state) => self.write_state(now, state),
            Report::Heard { stream, from, direct } => {
                let Some(left_out) = self.heard.take(now) else { return };
                if left_out > 0 {
                    warn!(left_out, "more streams begin than are told");
                }
                info!(from = clip(from), stream = stream.0, direct, "stream heard");
            }
            Report::StreamIgnored { stream, from, why } => {
                debug!(from = clip(from), stream = stream.0, why, "stream ignored");
            }
            Report::Unreadable(why) => match self.telling(now, why) {
                None => debug!(why, "frame from the server could not be read"),
                Some(telling) => warn!(why, more = more(telling), "frame from the server could not be read"),
            },
            Report::Ignored(what) => debug!(what, "event ignored"),
            Report::Complaint(error) => match self.telling(now, error.as_str()) {
                None => debug!(%error, "the server complains"),
                Some(telling) => warn!(%error, more = more(telling), "the server complains"),
            },
            Report::Over(told) => write_over(told),
        }
    }

    fn write_state(&mut self, now: Instant, state: &LinkState) {
        match state {
            LinkState::Waiting { trouble: Some(trouble), wait } => {
                let remedy = trouble.remedy();
                let usual = *trouble == Trouble::Closed(CloseReason::Ended) && *wait <= FIRST;
                match self.telling_of(now, trouble) {
                    None => debug!(%trouble, next_try = ?wait, "still no link to the channel"),
                    // The service does so every few minutes.
                    Some(telling) if usual => info!(%trouble, more = more(telling), "connecting anew"),
                    Some(telling) => {
                        warn!(%trouble, remedy, next_try = ?wait, more = more(telling), "no link to the channel");
                    }
                }
            }
            LinkState::Fault { trouble, wait } => {
                let remedy = trouble.remedy();
                // A trouble that was told before it became a fault is told again: somebody has to act.
                match self.telling_of(now, format_args!("fault: {trouble}")) {
                    None => debug!(%trouble, next_try = ?wait, "the fault is still there"),
                    Some(telling) => {
                        warn!(%trouble, remedy, next_try = ?wait, more = more(telling), "fault: somebody must change something");
                    }
                }
            }
            LinkState::Online => {
                self.told.clear();
                self.was_online = true;
                match self.telling(now, "online") {
                    None => debug!("online"),
                    Some(telling) => info!(more = more(telling), "online"),
                }
            }
            LinkState::Joining if self.was_online => match self.telling(now, "offline") {
                None => debug!("the channel went offline"),
                Some(telling) => warn!(more = more(telling), "the channel went offline"),
            },
            LinkState::Waiting { trouble: None, .. }
            | LinkState::Connecting
            | LinkState::LoggingOn
            | LinkState::Joining => debug!(%state, "link"),
            LinkState::Closed => info!("link closed"),
        }
        if !matches!(state, LinkState::Online) {
            self.was_online = false;
        }
    }

    /// How to tell of a trouble aloud, if at all: once until the channel is online again.
    fn telling_of(&mut self, now: Instant, trouble: impl fmt::Display) -> Option<Telling> {
        let words = trouble.to_string();
        if self.told.contains(&words) {
            return None;
        }
        let telling = self.telling(now, &words);
        if self.told.len() >= KINDS {
            self.told.pop_front();
        }
        self.told.push_back(words);
        telling
    }

    /// How to tell of something that comes and goes, if at all.
    fn telling(&mut self, now: Instant, words: &str) -> Option<Telling> {
        self.recent.retain(|(at, _)| now.saturating_duration_since(*at) < HOUR);
        let times = self.recent.iter().filter(|(_, told)| told == words).count();
        if times >= TELLINGS || self.recent.len() >= KINDS * TELLINGS {
            return None;
        }
        self.recent.push_back((now, words.to_owned()));
        Some(if times + 1 == TELLINGS { Telling::Last } else { Telling::Aloud })
    }
}

/// A field for the log, where there is something to add.
fn more(telling: Telling) -> Option<&'static str> {
    match telling {
        Telling::Last => Some("so often that it is not told again for an hour"),
        Telling::Aloud => None,
    }
}

fn clip(text: &str) -> &str {
    text.char_indices().nth(LONGEST).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

fn write_over(told: &Told) {
    match told {
        Told::Sent { over, packets, speech, lost: 0, took } => {
            info!(over = over.0, packets, ?speech, ?took, "over sent");
        }
        Told::Sent { over, packets, speech, lost, took } => {
            warn!(over = over.0, packets, ?speech, lost, ?took, "over sent in part");
        }
        Told::Lost { over, packets } => {
            warn!(over = over.0, packets, "over lost: the channel did not take it");
        }
        Told::StartRefused { over, error: Some(error), again_in, held } => {
            info!(over = over.0, %error, ?again_in, ?held, "the channel does not take the over yet");
        }
        Told::StartRefused { over, error: None, again_in: _, held } => {
            warn!(over = over.0, ?held, "no answer to start_stream");
        }
        Told::Cut { over, error: Some(error) } => warn!(over = over.0, %error, "over refused by the server"),
        Told::Cut { over, error: None } => warn!(over = over.0, "over ended by the server"),
        Told::Orphan { stream } => {
            warn!(stream = stream.0, "late answer to start_stream: stream stopped at once");
        }
        Told::Forbidden => warn!("this log-on may only listen: overs of the radio are lost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_told_once_and_anew_after_the_channel_was_there() {
        let (mut log, now) = (Log::default(), Instant::now());
        let tell = |log: &mut Log, words: &str| log.telling_of(now, words);
        assert_eq!(tell(&mut log, "no network"), Some(Telling::Aloud));
        assert_eq!(tell(&mut log, "no name server"), Some(Telling::Aloud));
        assert_eq!(tell(&mut log, "no network"), None);
        log.write(now, &Report::State(LinkState::Online));
        assert_eq!(tell(&mut log, "no network"), Some(Telling::Aloud));
    }

    #[test]
    fn what_comes_and_goes_is_told_a_few_times_an_hour() {
        let (mut log, now) = (Log::default(), Instant::now());
        let tellings: Vec<Option<Telling>> = (0..10).map(|_| log.telling(now, "offline")).collect();
        assert_eq!(tellings.iter().filter(|telling| **telling == Some(Telling::Aloud)).count(), TELLINGS - 1);
        assert_eq!((tellings[5], tellings[6]), (Some(Telling::Last), None));
        assert_eq!(log.telling(now, "something else"), Some(Telling::Aloud));
        assert_eq!(log.telling(now + HOUR, "offline"), Some(Telling::Aloud));
    }

    #[test]
    fn a_server_with_ever_new_words_fills_neither_journal_nor_memory() {
        let (mut log, now) = (Log::default(), Instant::now());
        for n in 0..10_000 {
            log.telling(now, &n.to_string());
            log.telling_of(now, n);
        }
        assert_eq!((log.told.len(), log.recent.len()), (KINDS, KINDS * TELLINGS));
    }
}
