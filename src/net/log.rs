//! What the session reports, as log lines for people.

mod ledger;

use std::collections::VecDeque;
use std::time::Instant;

use tracing::{debug, info, warn};

use self::ledger::{KINDS, Ledger, Telling};
use crate::logic::backoff::FIRST;
use crate::logic::exchange::OverId;
use crate::logic::outbox::Told;
use crate::logic::session::{LinkState, Report, Trouble};
use crate::quota::Quota;
use crate::zello::CloseReason;

/// Longest name that is written, characters: a server may send megabytes of it.
const LONGEST: usize = 100;

/// Writes reports for people: what lasts is told once, what comes and goes a few times an hour, so that neither a night
/// without network nor a channel that flaps fills the journal. All of it is told at the level DEBUG.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// What has been told since the channel was last online.
    told: VecDeque<String>,
    /// States and troubles in our own words.
    states: Ledger,
    /// Troubles in the words of the server or the system.
    troubles: Ledger,
    /// What the server says while the link lives.
    remarks: Ledger,
    /// Overs that the channel does not take yet.
    refusals: Ledger,
    /// The refusal that was met last.
    refused: Option<(OverId, String)>,
    was_online: bool,
    heard: Quota,
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
            Report::Unreadable(why) => match self.remarks.telling(now, why) {
                None => debug!(why, "frame from the server could not be read"),
                Some(telling) => warn!(why, more = telling.more(), "frame from the server could not be read"),
            },
            Report::Ignored(what) => debug!(what, "event ignored"),
            Report::Complaint(error) => match self.remarks.telling(now, error.as_str()) {
                None => debug!(%error, "the server complains"),
                Some(telling) => warn!(%error, more = telling.more(), "the server complains"),
            },
            Report::Over(told) => self.write_over(now, told),
        }
    }

    fn write_state(&mut self, now: Instant, state: &LinkState) {
        match state {
            LinkState::Waiting { trouble: Some(trouble), wait } => {
                let remedy = trouble.remedy();
                let usual = *trouble == Trouble::Closed(CloseReason::Ended) && *wait <= FIRST;
                match self.telling_of(now, trouble, trouble.to_string()) {
                    None => debug!(%trouble, next_try = ?wait, "still no link to the channel"),
                    // The service does so every few minutes.
                    Some(telling) if usual => info!(%trouble, more = telling.more(), "connecting anew"),
                    Some(telling) => {
                        warn!(%trouble, remedy, next_try = ?wait, more = telling.more(), "no link to the channel");
                    }
                }
            }
            LinkState::Fault { trouble, wait } => {
                let remedy = trouble.remedy();
                // A trouble that was told before it became a fault is told again: somebody has to act.
                match self.telling_of(now, trouble, format!("fault: {trouble}")) {
                    None => debug!(%trouble, next_try = ?wait, "the fault is still there"),
                    Some(telling) => {
                        warn!(%trouble, remedy, next_try = ?wait, more = telling.more(), "fault: somebody must change something");
                    }
                }
            }
            LinkState::Online => {
                self.told.clear();
                self.was_online = true;
                match self.states.telling(now, "online") {
                    None => debug!("online"),
                    Some(telling) => info!(more = telling.more(), "online"),
                }
            }
            LinkState::Joining if self.was_online => match self.states.telling(now, "offline") {
                None => debug!("the channel went offline"),
                Some(telling) => warn!(more = telling.more(), "the channel went offline"),
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

    /// How to tell of a trouble in these words aloud, if at all: once until the channel is online again.
    fn telling_of(&mut self, now: Instant, trouble: &Trouble, words: String) -> Option<Telling> {
        if self.told.contains(&words) {
            return None;
        }
        let ledger = if trouble.is_in_our_words() { &mut self.states } else { &mut self.troubles };
        let telling = ledger.telling(now, &words);
        if self.told.len() >= KINDS {
            self.told.pop_front();
        }
        self.told.push_back(words);
        telling
    }

    fn write_over(&mut self, now: Instant, told: &Told) {
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
                match self.telling_refusal(now, *over, error.as_str()) {
                    None => debug!(over = over.0, %error, ?again_in, ?held, "the over is still not taken"),
                    Some(telling) => {
                        let more = telling.more();
                        info!(over = over.0, %error, ?again_in, ?held, more, "the channel does not take the over yet");
                    }
                }
            }
            Told::StartRefused { over, error: None, again_in: _, held } => {
                match self.telling_refusal(now, *over, "") {
                    None => debug!(over = over.0, ?held, "still no answer to start_stream"),
                    Some(telling) => {
                        warn!(over = over.0, ?held, more = telling.more(), "no answer to start_stream");
                    }
                }
            }
            Told::Cut { over, error: Some(error) } => {
                warn!(over = over.0, %error, "over refused by the server");
            }
            Told::Cut { over, error: None } => warn!(over = over.0, "over ended by the server"),
            Told::Orphan { stream } => match self.refusals.telling(now, "orphan") {
                None => debug!(stream = stream.0, "one more late answer to start_stream"),
                Some(telling) => {
                    let more = telling.more();
                    warn!(stream = stream.0, more, "late answer to start_stream: stream stopped at once");
                }
            },
            Told::Forbidden => warn!("this log-on may only listen: overs of the radio are lost"),
        }
    }

    /// How to tell aloud of an over that is not taken for this reason, if at all: once in a row.
    fn telling_refusal(&mut self, now: Instant, over: OverId, why: &str) -> Option<Telling> {
        if self.refused.as_ref().is_some_and(|(same, known)| *same == over && known == why) {
            return None;
        }
        self.refused = Some((over, why.to_owned()));
        self.refusals.telling(now, why)
    }
}

fn clip(text: &str) -> &str {
    text.char_indices().nth(LONGEST).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;
    use crate::logic::session::{ConnectFailure, ConnectKind};
    use crate::zello::ErrorCode;

    /// Lines for people, and what writes them.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().map_err(|_poisoned| io::ErrorKind::Other)?.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines that these reports make at one time.
    fn lines(reports: impl IntoIterator<Item = Report>) -> Vec<String> {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_max_level(tracing::Level::INFO)
            .with_ansi(false)
            .finish();
        let (mut log, now) = (Log::default(), Instant::now());
        tracing::subscriber::with_default(subscriber, || {
            for report in reports {
                log.write(now, &report);
            }
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn waiting(trouble: Trouble) -> Report {
        Report::State(LinkState::Waiting { trouble: Some(trouble), wait: Duration::from_secs(30) })
    }

    fn fault(trouble: Trouble) -> Report {
        Report::State(LinkState::Fault { trouble, wait: Duration::from_secs(300) })
    }

    fn closed(error: ErrorCode) -> Trouble {
        Trouble::Closed(CloseReason::Error(error))
    }

    #[test]
    fn what_lasts_is_told_once_and_anew_after_the_channel_was_there() {
        let lost = |words: &str| waiting(Trouble::Lost(words.to_owned()));
        let told = lines([
            lost("no network"),
            lost("no name server"),
            lost("no network"),
            Report::State(LinkState::Online),
            lost("no network"),
        ]);
        assert_eq!(told.iter().filter(|line| line.contains("no network")).count(), 2, "{told:#?}");
        assert_eq!(told.len(), 4, "{told:#?}");
    }

    #[test]
    fn however_much_a_server_says_it_is_told_what_becomes_of_the_link() {
        let noise = (0..1_000).flat_map(|n| {
            let words = format!("column {n}");
            [
                Report::Unreadable(words.clone()),
                Report::Complaint(ErrorCode::Other(words.clone())),
                waiting(closed(ErrorCode::Other(words.clone()))),
                waiting(Trouble::Lost(words)),
            ]
        });
        let token = ConnectFailure { kind: ConnectKind::Token, text: "the token has ended".to_owned() };
        let news = [
            Report::State(LinkState::Online),
            Report::State(LinkState::Joining),
            waiting(closed(ErrorCode::Kicked)),
            fault(closed(ErrorCode::Kicked)),
            fault(Trouble::Connect(token)),
        ];
        let told = lines(noise.chain(news));
        for (line, words) in
            told[told.len() - 5..].iter().zip(["online", "offline", "kicked", "kicked", "token"])
        {
            assert!(line.contains(words), "{words}: {line}");
        }
        assert!(told.len() < 400, "{} lines", told.len());
    }

    #[test]
    fn an_over_that_a_busy_channel_does_not_take_is_told_once_and_a_few_times_an_hour() {
        let refused = |over, error: Option<ErrorCode>| {
            let (again_in, held) = (Duration::from_secs(10), Duration::from_secs(2));
            Report::Over(Told::StartRefused { over: OverId(over), error, again_in, held })
        };
        let told = lines((0..360).map(|_| refused(1, Some(ErrorCode::ChannelBusy))));
        assert_eq!(told.len(), 1, "{told:#?}");
        let told = lines((0..1_000).flat_map(|over| {
            let stream = crate::zello::StreamId(over);
            [
                refused(over, Some(ErrorCode::ChannelBusy)),
                refused(over, None),
                refused(over, Some(ErrorCode::Other(over.to_string()))),
                Report::Over(Told::Orphan { stream }),
            ]
        }));
        assert!((6..200).contains(&told.len()), "{} lines", told.len());
        for what in ["channel busy", "no answer", "late answer"] {
            assert_eq!(told.iter().filter(|line| line.contains(what)).count(), 6, "{what}");
        }
    }
}
