//! What the server does: facts and the time in, things to do out. No IO, no clock.
//!
//! One [`World`] is one server with all its connections. Whoever drives it hands over a [`Fact`], then takes every
//! [`Output`], then waits for the next fact or for [`World::poll_timeout`].

mod channel;
mod delivery;
mod message;
mod recode;
mod session;
mod stream;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::message::Picture;
use self::session::{AccountKey, Session};
use self::stream::Stream;
use super::account::{Accounts, Service};
use super::fault::Faults;
use super::random::Random;
use super::schedule::Schedule;
use super::{Fault, Settings};
use crate::zello::{BinaryFrame, Command, Request, Seq};

/// Number of a connection, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// The time of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// For deadlines.
    pub at: Instant,
    /// Since the epoch, for tokens.
    pub unix: Duration,
}

/// What happened on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The upgrade is done.
    Opened(Service),
    /// A text frame came.
    Text(String),
    /// A binary frame came.
    Binary(Vec<u8>),
    /// A pong came.
    Pong,
    /// The client has closed, or is lost.
    Closed,
}

/// A frame to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// JSON, mostly.
    Text(String),
    /// Audio or image.
    Binary(Vec<u8>),
    /// A ping.
    Ping,
}

/// What there is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send a frame.
    Send(ConnId, Frame),
    /// Send a close frame and close.
    Close(ConnId, u16, String),
    /// Cut the connection without a close frame.
    Abort(ConnId),
    /// Keep the connection open, read nothing, send nothing.
    Freeze(ConnId),
    /// Tell whoever watches.
    Tell(Seen),
}

/// What a watcher is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A client has connected.
    Opened(ConnId),
    /// A client has logged on.
    LoggedOn(ConnId, Option<String>),
    /// A request was refused with this error.
    Refused(ConnId, String),
    /// A stream has begun.
    StreamStarted {
        /// Its number.
        stream: u32,
        /// Who talks.
        from: String,
        /// Where.
        channel: String,
        /// How many hear it.
        listeners: usize,
    },
    /// A packet of a stream came in.
    Packet {
        /// Of which stream.
        stream: u32,
        /// Who talks.
        from: String,
        /// Bytes of the Opus packet.
        bytes: usize,
    },
    /// A stream is over.
    StreamStopped {
        /// Which.
        stream: u32,
        /// Who talked.
        from: String,
        /// Packets that came in.
        packets: u32,
        /// Why.
        why: StopReason,
    },
    /// A text came in.
    Text {
        /// Who wrote.
        from: String,
        /// What.
        text: String,
    },
    /// A connection is over.
    Closed(ConnId),
}

/// Why a stream is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// Its sender stopped it.
    Sender,
    /// Its sender is gone.
    Gone,
    /// No packet came for too long.
    Gap,
    /// It took too long, or a fault ended it.
    Limit,
    /// Somebody with higher priority talks.
    Interrupted,
    /// A test ended it.
    Ordered,
}

/// Why the world wants to be woken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deadline {
    /// A ping is due.
    Ping(ConnId),
    /// The pong to the ping of this number must be there.
    PongLimit(ConnId, u64),
    /// A frame that was held back is due.
    Deliver(ConnId, Frame),
    /// A command that was held back is due.
    Command(ConnId, String),
    /// Channels of the log-on of this number come online.
    Online(ConnId, u64),
    /// Channels of the log-on of this number change state.
    Flap(ConnId, u64),
    /// A connection ends.
    Close(ConnId, u64, u16, String),
    /// A connection falls silent.
    Freeze(ConnId, u64),
    /// A packet of this stream must have come.
    StreamGap(u32),
    /// This stream must be over.
    StreamLimit(u32),
}

/// One connection.
#[derive(Debug)]
struct Client {
    service: Service,
    session: Option<Session>,
    /// Pings sent, and pongs received for them.
    pings: u64,
    pongs: u64,
    frozen: bool,
    /// A `start_stream` waits for its late answer.
    starting: bool,
    /// Frames held back, and when the last of them is due.
    in_flight: u32,
    last_due: Instant,
    /// A packet that changes places with the next.
    held: Option<Vec<u8>>,
}

/// The server.
#[derive(Debug)]
pub struct World {
    settings: Settings,
    faults: Faults,
    accounts: Accounts,
    clients: BTreeMap<ConnId, Client>,
    streams: BTreeMap<u32, Stream>,
    pictures: Vec<Picture>,
    kicks: BTreeMap<AccountKey, Instant>,
    logons: u64,
    last_id: u32,
    schedule: Schedule<Deadline>,
    outputs: VecDeque<Output>,
    random: Random,
}

impl World {
    /// A server without clients.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            faults: Faults::new(&settings.faults),
            accounts: Accounts::new(&settings),
            clients: BTreeMap::new(),
            streams: BTreeMap::new(),
            pictures: Vec::new(),
            kicks: BTreeMap::new(),
            logons: 0,
            // Not from 1: an id that is mistaken for a count or a sequence number shows.
            last_id: 22_694,
            schedule: Schedule::default(),
            outputs: VecDeque::new(),
            random: Random::new(settings.seed),
            settings,
        }
    }

    /// The faults in force.
    pub fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// Whether the pings of clients are answered.
    #[must_use]
    pub fn answers_pings(&self) -> bool {
        !self.faults.has(&Fault::MissingPong)
    }

    /// How long the answer to an upgrade request waits.
    #[must_use]
    pub fn upgrade_delay(&self) -> Duration {
        let late =
            self.faults.read(|fault| if let Fault::SlowUpgrade { ms } = fault { Some(*ms) } else { None });
        Duration::from_millis(late.unwrap_or(0))
    }

    /// Judges an upgrade request by its path.
    ///
    /// # Errors
    /// The HTTP status with which it is refused.
    pub fn admit(&mut self, path: &str) -> Result<Service, u16> {
        let refusal = self
            .faults
            .take(|fault| if let Fault::RefuseUpgrade { status, .. } = fault { Some(*status) } else { None });
        match refusal {
            Some(status) => Err(status),
            None => Service::of_path(self.settings.mode, path).ok_or(404),
        }
    }

    /// Takes a fact.
    pub fn handle(&mut self, now: Now, conn: ConnId, fact: Fact) {
        match fact {
            Fact::Opened(service) => self.open(now, conn, service),
            Fact::Closed => self.leave(now, conn),
            Fact::Text(_) | Fact::Binary(_) | Fact::Pong if self.is_deaf(conn) => {}
            Fact::Text(text) => self.handle_text(now, conn, &text, false),
            Fact::Binary(bytes) => self.handle_binary(now, conn, &bytes),
            Fact::Pong => {
                if let Some(client) = self.clients.get_mut(&conn) {
                    client.pongs = client.pings;
                }
            }
        }
    }

    /// What there is to do next.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When and why the world wants [`World::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, &Deadline)> {
        self.schedule.next()
    }

    /// Does what is due; without harm when nothing is.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some(deadline) = self.schedule.due(now.at) {
            match deadline {
                Deadline::Ping(conn) => self.ping(now, conn),
                Deadline::PongLimit(conn, ping) => {
                    if self.clients.get(&conn).is_some_and(|client| client.pongs < ping && !client.frozen) {
                        self.hang_up(now, conn, 1006, "");
                    }
                }
                Deadline::Deliver(conn, frame) => self.deliver_due(conn, frame),
                Deadline::Command(conn, text) => self.handle_text(now, conn, &text, true),
                Deadline::Online(conn, logon) => self.come_online(now, conn, logon),
                Deadline::Flap(conn, logon) => self.flap(now, conn, logon),
                Deadline::Close(conn, logon, code, reason) => {
                    if self.is_logon(conn, logon) {
                        self.hang_up(now, conn, code, &reason);
                    }
                }
                Deadline::Freeze(conn, logon) => {
                    if self.is_logon(conn, logon) {
                        self.freeze(conn);
                    }
                }
                Deadline::StreamGap(stream) => self.check_gap(now, stream),
                Deadline::StreamLimit(stream) => self.end_stream(now, stream, StopReason::Limit),
            }
        }
    }

    /// Closes every connection; 1006 cuts them.
    pub fn close_all(&mut self, now: Now, code: u16, reason: &str) {
        let all = self.connections();
        // First all are closed and told nothing more, then forgotten: nobody hears of the others leaving.
        for conn in &all {
            self.outputs.push_back(ending(*conn, code, reason));
            if let Some(client) = self.clients.get_mut(conn) {
                client.frozen = true;
            }
        }
        for conn in all {
            self.leave(now, conn);
        }
    }

    /// Every connection falls silent and stays open.
    pub fn freeze_all(&mut self) {
        for conn in self.connections() {
            self.freeze(conn);
        }
    }

    /// Ends every stream, told to its sender too.
    pub fn end_streams(&mut self, now: Now) {
        let streams: Vec<u32> = self.streams.keys().copied().collect();
        for stream in streams {
            self.end_stream(now, stream, StopReason::Ordered);
        }
    }

    /// Sends text to every client as it stands.
    pub fn say_to_all(&mut self, now: Now, text: &str) {
        for conn in self.connections() {
            self.deliver(now, conn, Frame::Text(text.to_owned()), Duration::ZERO);
        }
    }

    fn connections(&self) -> Vec<ConnId> {
        self.clients.keys().copied().collect()
    }

    fn open(&mut self, now: Now, conn: ConnId, service: Service) {
        let client = Client {
            service,
            session: None,
            pings: 0,
            pongs: 0,
            frozen: false,
            starting: false,
            in_flight: 0,
            last_due: now.at,
            held: None,
        };
        self.clients.insert(conn, client);
        self.tell(Seen::Opened(conn));
        self.plan_ping(now, conn);
    }

    fn plan_ping(&mut self, now: Now, conn: ConnId) {
        if self.settings.ping_ms > 0 {
            let at = now.at + Duration::from_millis(self.settings.ping_ms);
            self.schedule.add(at, Deadline::Ping(conn));
        }
    }

    fn ping(&mut self, now: Now, conn: ConnId) {
        let Some(client) = self.clients.get_mut(&conn) else { return };
        client.pings += 1;
        let limit = now.at + Duration::from_millis(self.settings.pong_limit_ms);
        self.schedule.add(limit, Deadline::PongLimit(conn, client.pings));
        self.deliver(now, conn, Frame::Ping, Duration::ZERO);
        self.plan_ping(now, conn);
    }

    fn freeze(&mut self, conn: ConnId) {
        if let Some(client) = self.clients.get_mut(&conn) {
            client.frozen = true;
            self.outputs.push_back(Output::Freeze(conn));
        }
    }

    fn is_deaf(&self, conn: ConnId) -> bool {
        self.clients.get(&conn).is_none_or(|client| client.frozen)
    }

    /// Reads a command; `late` when it was held back and is due.
    fn handle_text(&mut self, now: Now, conn: ConnId, text: &str, late: bool) {
        let Some(raw) = serde_json::from_str::<Value>(text).ok().filter(Value::is_object) else {
            return self.event(now, conn, json!({"command": "on_error", "error": "invalid json"}));
        };
        let seq = raw.get("seq").and_then(Value::as_u64);
        let is_named = raw.get("command").is_some_and(Value::is_string);
        let command = match Request::parse(text) {
            Ok(request) => request.command,
            Err(_) if !is_named => return self.fail(now, conn, seq, "unknown command"),
            Err(_) => return self.fail(now, conn, seq, "invalid request"),
        };
        if let Command::Logon(logon) = command {
            return self.log_on(now, conn, seq, &logon, text, late);
        }
        if self.session(conn).is_none() {
            return self.fail(now, conn, seq, "not logged in");
        }
        if !late {
            self.storm(now, conn);
        }
        match command {
            Command::Logon(_) => {}
            Command::StartStream(start) => self.start_stream(now, conn, seq, &start, (&raw, text), late),
            Command::StopStream { stream_id, .. } => self.stop_stream(now, conn, seq, stream_id),
            Command::SendTextMessage { channel, text, to } => {
                self.relay_text(now, conn, seq, channel.as_deref(), text.as_deref(), to.as_deref());
            }
            Command::SendLocation(location) => self.relay_location(now, conn, seq, &location),
            Command::SendImage(image) => self.relay_image(now, conn, seq, &image),
            Command::Keepalive | Command::EndDispatchCall { .. } => self.succeed(now, conn, seq, json!({})),
            Command::Unknown(_) => self.fail(now, conn, seq, "unknown command"),
        }
    }

    fn handle_binary(&mut self, now: Now, conn: ConnId, bytes: &[u8]) {
        if self.session(conn).is_none() {
            return self.fail(now, conn, None, "not logged in");
        }
        match BinaryFrame::parse(bytes) {
            Ok(BinaryFrame::Audio(audio)) => self.handle_audio(now, conn, audio),
            Ok(BinaryFrame::Image(image)) => self.handle_picture(now, conn, image),
            Err(_) => self.fail(now, conn, None, "invalid audio packet"),
        }
    }

    /// Answers with success, if an answer is wanted.
    fn succeed(&mut self, now: Now, conn: ConnId, seq: Option<Seq>, mut with: Value) {
        let (Some(seq), Some(fields)) = (seq, with.as_object_mut()) else { return };
        fields.insert("seq".into(), seq.into());
        fields.insert("success".into(), true.into());
        self.event(now, conn, with);
    }

    /// Answers with an error, by an event where the request has no number.
    fn fail(&mut self, now: Now, conn: ConnId, seq: Option<Seq>, error: &str) {
        self.tell(Seen::Refused(conn, error.to_owned()));
        let answer = match seq {
            Some(seq) => json!({"error": error, "seq": seq}),
            None => json!({"command": "on_error", "error": error}),
        };
        self.event(now, conn, answer);
    }

    fn tell(&mut self, seen: Seen) {
        self.outputs.push_back(Output::Tell(seen));
    }

    /// The next number: streams, images and messages share one row (protocol section 11.2).
    fn next_id(&mut self) -> u32 {
        // Clients pack ids as signed numbers.
        self.last_id = if self.last_id >= 0x7fff_ffff { 1 } else { self.last_id + 1 };
        self.last_id
    }
}

/// Ends a connection: 1006 is never sent, it is what the other side sees of a cut.
fn ending(conn: ConnId, code: u16, reason: &str) -> Output {
    match code {
        1006 => Output::Abort(conn),
        code => Output::Close(conn, code, reason.to_owned()),
    }
}
