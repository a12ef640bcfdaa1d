//! What the server says, taken apart: replies by their number, events by what they mean here.

use std::time::Instant;

use super::state::{FIRST_START, ONLINE, Stage, State};
use super::talkers::Verdict;
use super::trouble::{Place, Trouble};
use super::{Action, LinkState, Report, Session};
use crate::logic::exchange::DownlinkItem;
use crate::zello::{
    AudioFrame, BinaryFrame, ChannelStatus, ErrorClass, ErrorCode, Event, Reply, Seq, ServerMessage,
    StreamId, StreamStart, Success,
};

impl Session {
    pub(super) fn receive_text(&mut self, now: Instant, text: &str) {
        match ServerMessage::parse(text) {
            Ok(ServerMessage::Reply(reply)) => self.receive_reply(now, reply),
            Ok(ServerMessage::Event(event)) => self.receive_event(now, event),
            Err(unreadable) => {
                self.counters.frames_invalid.add_one();
                self.report(Report::Unreadable(unreadable.to_string()));
            }
        }
    }

    pub(super) fn receive_binary(&mut self, now: Instant, bytes: &[u8]) {
        match BinaryFrame::parse(bytes) {
            Ok(BinaryFrame::Audio(frame)) => self.receive_audio(now, frame),
            Ok(BinaryFrame::Image(_)) => {}
            Err(unreadable) => {
                self.counters.frames_invalid.add_one();
                self.report(Report::Unreadable(unreadable.to_string()));
            }
        }
    }

    fn receive_audio(&mut self, now: Instant, frame: AudioFrame<'_>) {
        // Packets of our own streams, of other channels, of streams that nobody announced or that are long over.
        if !self.talkers.has(now, frame.stream_id) {
            return self.counters.downlink_packets_ignored.add_one();
        }
        match frame.payload.try_into() {
            Ok(payload) => self.actions.push_back(Action::tell(DownlinkItem::Packet {
                stream: frame.stream_id,
                id: frame.packet_id,
                at: now,
                payload,
            })),
            Err(_too_long) => {
                self.counters.downlink_packets.add_one();
                self.counters.downlink_packets_invalid.add_one();
            }
        }
    }

    fn receive_reply(&mut self, now: Instant, reply: Reply) {
        let Some(seq) = reply.seq else {
            // A failure without a number can only be read as an event.
            if let Err(error) = reply.outcome {
                self.receive_error(now, error);
            }
            return;
        };
        match self.state {
            State::Linked(linked) => match linked.stage {
                Stage::LoggingOn { seq: awaited, .. } if awaited == seq => {
                    self.receive_logon_reply(now, reply.outcome);
                }
                Stage::LoggingOn { .. } | Stage::Joining { .. } | Stage::Online { .. } => {
                    self.receive_stream_reply(now, seq, reply.outcome);
                }
            },
            State::Waiting { .. } | State::Fault { .. } | State::Connecting { .. } | State::Closed => {}
        }
    }

    fn receive_logon_reply(&mut self, now: Instant, outcome: Result<Success, ErrorCode>) {
        match outcome {
            Ok(success) => {
                self.counters.logons.add_one();
                self.credentials.accepted(success.refresh_token);
                self.go(Stage::Joining { logged_on_at: now, until: now + ONLINE, was_online: false });
                self.report(Report::State(LinkState::Joining));
            }
            Err(error) => self.lose(now, Trouble::Refused { place: Place::Logon, error }),
        }
    }

    fn receive_stream_reply(&mut self, now: Instant, seq: Seq, outcome: Result<Success, ErrorCode>) {
        let Some(index) = self.starts.iter().position(|(known, _)| *known == seq) else {
            // The answer to a stop: whatever it says, the stream is over.
            if let Err(error) = outcome {
                self.report(Report::Complaint(error));
            }
            return;
        };
        let Some((_, attempt)) = self.starts.remove(index) else { return };
        match outcome {
            Err(error) if ends_session(&error, true) => {
                self.lose(now, Trouble::Refused { place: Place::Stream, error });
            }
            Ok(success) => self.outbox.handle_start_reply(now, attempt, Ok(success.stream_id)),
            Err(error) => self.outbox.handle_start_reply(now, attempt, Err(error)),
        }
    }

    fn receive_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::ChannelStatus(status) => self.receive_status(now, status),
            Event::StreamStart(start) => self.receive_stream_start(now, &start),
            Event::StreamStop { stream_id } => self.receive_stream_stop(now, stream_id),
            Event::Error(error) => self.receive_error(now, error),
            Event::TextMessage(_) => self.ignore("on_text_message"),
            Event::Location(_) => self.ignore("on_location"),
            Event::Image(_) => self.ignore("on_image"),
            Event::Transcription(_) => self.ignore("on_transcription"),
            Event::DispatchCallStatus(_) => self.ignore("on_dispatch_call_status"),
            Event::Unknown { command, .. } => self.ignore(&command),
        }
    }

    fn receive_stream_start(&mut self, now: Instant, start: &StreamStart) {
        let stream = start.stream_id;
        match self.talkers.begin(start, &self.credentials) {
            Verdict::Play { evicted } => {
                if let Some(stream) = evicted {
                    self.actions.push_back(Action::tell(DownlinkItem::Stop { stream }));
                }
                self.actions.push_back(Action::tell(DownlinkItem::Start { stream, at: now }));
                self.report(Report::Heard { stream, from: short(&start.from), direct: start.to.is_some() });
            }
            Verdict::Ignore(why) => {
                self.report(Report::StreamIgnored { stream, from: short(&start.from), why });
            }
        }
    }

    fn receive_stream_stop(&mut self, now: Instant, stream: StreamId) {
        // Numbers are not promised to be unique over both directions; what we hear has precedence.
        if self.talkers.end(now, stream) {
            self.actions.push_back(Action::tell(DownlinkItem::Stop { stream }));
        } else if self.outbox.handle_own_stop(now, stream) {
            return;
        }
        self.outbox.handle_channel_free(now);
    }

    fn receive_error(&mut self, now: Instant, error: ErrorCode) {
        if ends_session(&error, false) {
            return self.lose(now, Trouble::Refused { place: Place::Event, error });
        }
        if error == ErrorCode::ChannelClosed {
            self.leave_channel(now);
        }
        self.outbox.handle_error(now, &error);
        self.report(Report::Complaint(error));
    }

    fn receive_status(&mut self, now: Instant, status: ChannelStatus) {
        if !self.credentials.is_my_channel(&status.channel) {
            return;
        }
        if status.online {
            return self.enter_channel(now);
        }
        match status.error {
            error if status.configuration => self.lose(now, Trouble::Channel(error)),
            Some(ErrorCode::Kicked) => {
                self.lose(now, Trouble::Refused { place: Place::Event, error: ErrorCode::Kicked });
            }
            None => self.leave_channel(now),
            // Without `configuration` this is an outage of the service, which passes (protocol section 5.1).
            Some(error @ ErrorCode::UnableToVerify) => {
                self.report(Report::Complaint(error));
                self.leave_channel(now);
            }
            Some(error) => match error.class(false) {
                ErrorClass::Fatal => self.lose(now, Trouble::Channel(Some(error))),
                ErrorClass::Transient | ErrorClass::Stream | ErrorClass::Bug => {
                    self.report(Report::Complaint(error));
                    self.leave_channel(now);
                }
            },
        }
    }

    /// The channel is online; told again on every join and leave.
    fn enter_channel(&mut self, now: Instant) {
        let State::Linked(linked) = self.state else { return };
        match linked.stage {
            Stage::Joining { logged_on_at, was_online, .. } => {
                if !was_online {
                    self.judge.online();
                }
                self.go(Stage::Online { logged_on_at, since: now });
                self.outbox.handle_online(now, now.max(logged_on_at + FIRST_START));
                self.report(Report::State(LinkState::Online));
            }
            Stage::LoggingOn { .. } | Stage::Online { .. } => {}
        }
    }

    /// The channel is offline on a connection that lives; it has some time to come back.
    fn leave_channel(&mut self, now: Instant) {
        let State::Linked(linked) = self.state else { return };
        match linked.stage {
            Stage::Online { logged_on_at, since } => {
                self.judge.was_online(now.saturating_duration_since(since));
                self.outbox.handle_channel_offline(now);
                self.go(Stage::Joining { logged_on_at, until: now + ONLINE, was_online: true });
                self.report(Report::State(LinkState::Joining));
            }
            Stage::LoggingOn { .. } | Stage::Joining { .. } => {}
        }
    }

    fn go(&mut self, stage: Stage) {
        if let State::Linked(linked) = &mut self.state {
            linked.stage = stage;
        }
    }

    fn ignore(&mut self, what: &str) {
        self.report(Report::Ignored(short(what)));
    }
}

/// As much of a name as a log line should hold; a server may send names of any length.
fn short(name: &str) -> String {
    name.chars().take(64).collect()
}

/// Whether the connection is of no use after this error.
///
/// `internal server error` as the answer to a stream request is retried on the same connection, as is everything
/// that no document names: pings find out whether the connection lives.
fn ends_session(error: &ErrorCode, answers_stream_request: bool) -> bool {
    if matches!(error, ErrorCode::NotLoggedIn) {
        return true;
    }
    match error.class(answers_stream_request) {
        ErrorClass::Fatal => true,
        ErrorClass::Transient if *error == ErrorCode::InternalServerError => !answers_stream_request,
        ErrorClass::Transient => {
            !matches!(error, ErrorCode::ChannelIsNotReady | ErrorCode::ChannelClosed | ErrorCode::Other(_))
        }
        ErrorClass::Stream | ErrorClass::Bug => false,
    }
}
