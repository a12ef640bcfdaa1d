//! The session with the service: connect, log on, join, keep alive, reconnect; and what goes over it.
//!
//! It decides and does nothing: the shell in `net` brings facts and carries out actions. It never has two connects
//! under way, and forgets past failures only when the channel stays online.

mod credentials;
mod judge;
mod receive;
mod state;
mod talkers;
#[cfg(test)]
mod tests;
mod trouble;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use self::credentials::Credentials;
use self::judge::{Judge, Sentence};
use self::state::{Linked, Stage, State};
use self::talkers::Talkers;
use super::exchange::{DownlinkItem, UplinkItem};
use super::outbox::{Attempt, Outbox, Output, Told};
use crate::config;
use crate::counters::Counters;
use crate::secret::Secret;
use crate::zello::{
    AudioFrame, BinaryFrame, CloseReason, CodecHeader, Command, ErrorCode, Request, Seq, StartStream,
    StreamId,
};
pub use state::{CONNECT, Deadline, FIRST_START, LOGON_REPLY, LinkState, ONLINE, PING_EVERY, SILENCE};
pub use trouble::{ConnectFailure, ConnectKind, Place, Trouble};

/// Sample rate of our packets: the engine's, and what phones send.
const RATE_HZ: u16 = 16_000;
/// Starts whose answer may still come; the outbox asks for a new connection long before.
const STARTS_MAX: usize = 16;
/// WebSocket's code for an orderly end.
const NORMAL_CLOSURE: u16 = 1000;

/// Something that happened.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a fact lives on the stack, for one call")]
pub enum Fact<'a> {
    /// The connect has succeeded.
    Connected {
        /// Fresh from the key, where the gateway owns one.
        auth_token: Option<Secret>,
    },
    /// The connect has failed.
    ConnectFailed(ConnectFailure),
    /// A text frame.
    Text(&'a str),
    /// A binary frame.
    Binary(&'a [u8]),
    /// A ping or a pong.
    SignOfLife,
    /// The server closed the connection.
    Closed {
        /// From the close frame, if there was one.
        code: Option<u16>,
        /// From the close frame.
        reason: &'a str,
    },
    /// The transport failed.
    Lost(String),
    /// The transport does not take what was sent (true), or has taken all of it (false).
    Congestion(bool),
    /// The engine has something for the channel.
    Uplink(UplinkItem),
    /// The wall clock was set: what was refused for the time of day is worth another try.
    ClockSet,
    /// The deadline of [`Session::poll_timeout`] has passed.
    Timeout,
    /// The gateway ends.
    Shutdown,
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Connect, and mint a token if there is a key.
    Connect,
    /// Send a text frame.
    SendText(String),
    /// Send a binary frame.
    SendBinary(Vec<u8>),
    /// Send a WebSocket ping.
    Ping,
    /// Give up the connection or the connect: a close frame if there is a socket, and no fact of it any more.
    Hangup {
        /// For the close frame.
        code: u16,
        /// For the close frame.
        reason: &'static str,
    },
    /// For the engine.
    Tell(Box<DownlinkItem>),
    /// For the log and the status.
    Report(Report),
}

impl Action {
    fn tell(item: DownlinkItem) -> Self {
        Self::Tell(Box::new(item))
    }
}

/// Something to be told to people.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// The session has come to another state.
    State(LinkState),
    /// Somebody talks.
    Heard {
        /// Which stream.
        stream: StreamId,
        /// Who.
        from: String,
        /// Only to us.
        direct: bool,
    },
    /// A stream is not played.
    StreamIgnored {
        /// Which stream.
        stream: StreamId,
        /// Who.
        from: String,
        /// Why.
        why: &'static str,
    },
    /// A frame could not be read.
    Unreadable(String),
    /// Something came that a radio gateway has no use for.
    Ignored(String),
    /// The server complains, and the session goes on.
    Complaint(ErrorCode),
    /// What became of an over.
    Over(Told),
}

/// See the module.
#[derive(Debug)]
pub struct Session {
    state: State,
    credentials: Credentials,
    judge: Judge,
    outbox: Outbox,
    talkers: Talkers,
    header: CodecHeader,
    next_seq: Seq,
    starts: VecDeque<(Seq, Attempt)>,
    counters: Arc<Counters>,
    actions: VecDeque<Action>,
}

impl Session {
    /// A session that connects at its first time-out, which is due at once. The seed makes its waits.
    #[must_use]
    pub fn new(
        now: Instant,
        zello: &config::Zello,
        uplink: &config::Uplink,
        counters: Arc<Counters>,
        seed: u64,
    ) -> Self {
        let never_sends = zello.listen_only || zello.user.is_none();
        let packet_ms = u8::try_from(uplink.packet.as_millis()).unwrap_or(u8::MAX);
        Self {
            state: State::Waiting { until: now, by_clock: false },
            credentials: Credentials::new(zello),
            judge: Judge::new(seed),
            outbox: Outbox::new(now, uplink, never_sends, Arc::clone(&counters)),
            talkers: Talkers::default(),
            header: CodecHeader::single(RATE_HZ, packet_ms),
            next_seq: 1,
            starts: VecDeque::new(),
            counters,
            actions: VecDeque::new(),
        }
    }

    /// Puts these packets before held speech.
    #[must_use]
    pub fn with_held_tone(self, tone: Vec<Box<[u8]>>) -> Self {
        Self { outbox: self.outbox.with_held_tone(tone), ..self }
    }

    /// Takes a fact.
    pub fn handle(&mut self, now: Instant, fact: Fact<'_>) {
        match fact {
            Fact::Connected { auth_token } => self.log_on(now, auth_token),
            Fact::ConnectFailed(failure) => {
                if matches!(self.state, State::Connecting { .. }) {
                    self.lose(now, Trouble::Connect(failure));
                }
            }
            Fact::Text(text) => {
                if self.hear(now) {
                    self.receive_text(now, text);
                }
            }
            Fact::Binary(bytes) => {
                if self.hear(now) {
                    self.receive_binary(now, bytes);
                }
            }
            Fact::SignOfLife => {
                self.hear(now);
            }
            Fact::Closed { code, reason } => {
                self.lose(now, Trouble::Closed(CloseReason::from_frame(code, reason)));
            }
            Fact::Lost(text) => self.lose(now, Trouble::Lost(text)),
            Fact::Congestion(congested) => {
                if matches!(self.state, State::Linked(_)) {
                    self.outbox.handle_congestion(now, congested);
                }
            }
            Fact::Uplink(item) => self.outbox.handle_item(now, item),
            Fact::ClockSet => self.clock_set(now),
            Fact::Timeout => self.time_out(now),
            Fact::Shutdown => self.shut_down(now),
        }
        self.forward(now);
    }

    /// The next thing to do. Drain after each fact.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Fact::Timeout`] is due, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Deadline)> {
        let outbox = self.outbox.poll_timeout().map(|(at, why)| (at, Deadline::Outbox(why)));
        match self.state {
            State::Closed => None,
            State::Waiting { .. } | State::Fault { .. } | State::Connecting { .. } | State::Linked(_) => {
                self.state.deadline().into_iter().chain(outbox).min()
            }
        }
    }

    /// The next log-on would show the token that a person pasted.
    #[must_use]
    pub fn shows_pasted_token(&self) -> bool {
        self.credentials.shows_pasted_token()
    }

    /// Nothing will happen any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Notes a sign of life. True if there is a link.
    fn hear(&mut self, now: Instant) -> bool {
        match &mut self.state {
            State::Linked(linked) => {
                linked.heard_at = now;
                true
            }
            State::Waiting { .. } | State::Fault { .. } | State::Connecting { .. } | State::Closed => false,
        }
    }

    fn connect(&mut self, now: Instant) {
        self.state = State::Connecting { until: now + CONNECT };
        self.actions.push_back(Action::Connect);
        self.report(Report::State(LinkState::Connecting));
    }

    fn log_on(&mut self, now: Instant, minted: Option<Secret>) {
        if !matches!(self.state, State::Connecting { .. }) {
            return self.hang_up("not wanted any more");
        }
        self.count_connect(now);
        self.next_seq = 1;
        self.starts.clear();
        let logon = self.credentials.logon(minted);
        let seq = self.send(Command::Logon(logon));
        self.state = State::Linked(Linked {
            heard_at: now,
            ping_at: now + PING_EVERY,
            stage: Stage::LoggingOn { seq, until: now + LOGON_REPLY },
        });
        self.report(Report::State(LinkState::LoggingOn));
    }

    /// Ends what link or connect there is, and waits as the trouble asks for.
    fn lose(&mut self, now: Instant, trouble: Trouble) {
        match self.state {
            State::Waiting { .. } | State::Fault { .. } | State::Closed => return,
            State::Connecting { .. } => {
                let nothing_tried = matches!(
                    &trouble,
                    Trouble::Connect(ConnectFailure { kind: ConnectKind::Clock | ConnectKind::Token, .. })
                );
                if !nothing_tried {
                    self.count_connect(now);
                }
            }
            State::Linked(linked) => self.drop_link(now, &linked),
        }
        let hang_up = !matches!(trouble, Trouble::Connect(_) | Trouble::Closed(_) | Trouble::Lost(_));
        let Sentence { until, fault, by_clock } = self.judge.judge(now, &trouble, &mut self.credentials);
        let wait = until.saturating_duration_since(now);
        if fault {
            self.state = State::Fault { until, by_clock };
            self.report(Report::State(LinkState::Fault { trouble, wait }));
        } else {
            self.state = State::Waiting { until, by_clock };
            self.report(Report::State(LinkState::Waiting { trouble: Some(trouble), wait }));
        }
        // Last, because it may take a while on a dead link.
        if hang_up {
            self.hang_up("reconnecting");
        }
    }

    fn drop_link(&mut self, now: Instant, linked: &Linked) {
        let was_in = match linked.stage {
            Stage::LoggingOn { .. } => false,
            Stage::Joining { .. } => true,
            Stage::Online { since, .. } => {
                // What came last proves how long it was alive: a dead link is noticed much later.
                self.judge.was_online(linked.heard_at.saturating_duration_since(since));
                true
            }
        };
        if was_in {
            self.counters.links_lost.add_one();
            self.actions.push_back(Action::tell(DownlinkItem::LinkLost));
        }
        self.talkers.clear();
        self.starts.clear();
        self.outbox.handle_offline(now);
    }

    /// A connect was made, whatever came of it.
    fn count_connect(&mut self, now: Instant) {
        self.judge.connecting(now);
        self.counters.connects.add_one();
    }

    fn clock_set(&mut self, now: Instant) {
        match &mut self.state {
            State::Waiting { until, by_clock: true } | State::Fault { until, by_clock: true } => {
                *until = self.judge.soonest(now);
            }
            State::Waiting { .. }
            | State::Fault { .. }
            | State::Connecting { .. }
            | State::Linked(_)
            | State::Closed => {}
        }
    }

    fn time_out(&mut self, now: Instant) {
        self.outbox.handle_timeout(now);
        let Some((_, deadline)) = self.state.deadline().filter(|(at, _)| *at <= now) else { return };
        match deadline {
            Deadline::Reconnect | Deadline::Probe => self.connect(now),
            Deadline::Ping => {
                if let State::Linked(linked) = &mut self.state {
                    linked.ping_at = now + PING_EVERY;
                }
                self.actions.push_back(Action::Ping);
                // Another deadline may have passed as well.
                self.time_out(now);
            }
            Deadline::Connect | Deadline::LogonReply | Deadline::Online | Deadline::Silence => {
                self.lose(now, Trouble::TimedOut(deadline));
            }
            Deadline::Outbox(_) => {}
        }
    }

    fn shut_down(&mut self, now: Instant) {
        self.outbox.handle_shutdown(now);
        self.forward(now);
        match self.state {
            State::Closed => return,
            State::Waiting { .. } | State::Fault { .. } => {}
            State::Connecting { .. } | State::Linked(_) => self.hang_up(""),
        }
        self.state = State::Closed;
        self.report(Report::State(LinkState::Closed));
    }

    /// Makes actions of what the outbox wants.
    fn forward(&mut self, now: Instant) {
        while let Some(output) = self.outbox.poll() {
            match output {
                Output::Start { attempt } => {
                    let start = StartStream::opus(self.credentials.channel(), self.header);
                    let seq = self.send(Command::StartStream(start));
                    self.starts.push_back((seq, attempt));
                    if self.starts.len() > STARTS_MAX {
                        self.starts.pop_front();
                    }
                }
                Output::Packet { stream, id, captured_at: _, payload } => {
                    let frame = AudioFrame { stream_id: stream, packet_id: id, payload: &payload };
                    self.actions.push_back(Action::SendBinary(BinaryFrame::Audio(frame).to_vec()));
                }
                Output::Stop { stream } => {
                    let channel = Some(self.credentials.channel().to_owned());
                    self.send(Command::StopStream { stream_id: Some(stream), channel });
                }
                Output::Refused { over } => {
                    self.actions.push_back(Action::tell(DownlinkItem::OverRefused { over }));
                }
                Output::Reconnect(ghost) => self.lose(now, Trouble::Ghost(ghost)),
                Output::Told(told) => self.report(Report::Over(told)),
            }
        }
    }

    fn send(&mut self, command: Command) -> Seq {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.actions.push_back(Action::SendText(Request { seq: Some(seq), command }.to_json()));
        seq
    }

    fn hang_up(&mut self, reason: &'static str) {
        self.actions.push_back(Action::Hangup { code: NORMAL_CLOSURE, reason });
    }

    fn report(&mut self, report: Report) {
        self.actions.push_back(Action::Report(report));
    }
}
