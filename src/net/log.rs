//! What the session reports, as log lines for people.

use tracing::{debug, info, warn};

use crate::logic::outbox::Told;
use crate::logic::session::{LinkState, Report};

/// Writes reports; says the same trouble loudly only once, so that a night without network fills no journal.
#[derive(Debug, Default)]
pub(super) struct Log {
    last_trouble: Option<String>,
    was_online: bool,
}

impl Log {
    pub(super) fn write(&mut self, report: &Report) {
        match report {
            Report::State(state) => self.write_state(state),
            Report::Heard { stream, from, direct } => info!(from, stream = stream.0, direct, "stream heard"),
            Report::StreamIgnored { stream, from, why } => {
                debug!(from, stream = stream.0, why, "stream ignored");
            }
            Report::Unreadable(why) => warn!(why, "frame from the server could not be read"),
            Report::Ignored(what) => debug!(what, "event ignored"),
            Report::Complaint(error) => warn!(%error, "the server complains"),
            Report::Over(told) => write_over(told),
        }
    }

    fn write_state(&mut self, state: &LinkState) {
        match state {
            LinkState::Waiting { trouble: Some(trouble), wait } => {
                let remedy = trouble.remedy();
                if self.is_news(trouble.to_string()) {
                    warn!(%trouble, remedy, next_try = ?wait, "no link to the channel");
                } else {
                    debug!(%trouble, next_try = ?wait, "still no link to the channel");
                }
            }
            LinkState::Fault { trouble, wait } => {
                let remedy = trouble.remedy();
                if self.is_news(trouble.to_string()) {
                    warn!(%trouble, remedy, next_try = ?wait, "fault: somebody must change something");
                } else {
                    debug!(%trouble, next_try = ?wait, "the fault is still there");
                }
            }
            LinkState::Online => {
                self.last_trouble = None;
                self.was_online = true;
                info!("online");
            }
            LinkState::Joining if self.was_online => {
                self.was_online = false;
                warn!("the channel went offline");
            }
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

    fn is_news(&mut self, trouble: String) -> bool {
        let news = self.last_trouble.as_ref() != Some(&trouble);
        self.last_trouble = Some(trouble);
        news
    }
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
