//! What may be on the wire, from the server's side: the protocol's rules for a gateway, and every packet once, in order.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use zello_gateway::logic::outbox::{BURST, START_SPACING};
use zello_gateway::logic::session::FIRST_START;
use zello_gateway::zello::{BinaryFrame, Command, Reply, Request, Seq, ServerMessage};

/// The service's limit, and less: connects in a minute.
const CONNECTS_A_MINUTE: usize = 20;

/// A stream of the gateway that the server has granted.
#[derive(Debug, Default)]
struct Stream {
    packets: u32,
    began: Option<Instant>,
    /// The server gave its number twice: nobody knows which of the two is meant.
    unsure: bool,
}

/// One connection, and what went over those before.
#[derive(Debug, Default)]
pub struct Wire {
    /// Of this connection.
    logon: Option<Seq>,
    logged_on_at: Option<Instant>,
    starts: Vec<Seq>,
    streams: BTreeMap<u32, Stream>,
    /// Of all of them.
    connects: Vec<Instant>,
    last_start: Option<Instant>,
    /// Overs may be cut in two, and then starts follow each other at once.
    pub rolls_over: bool,
    pub never_sends: bool,
    /// Packets on the wire.
    pub sent: u32,
    last_number: Option<u32>,
}

impl Wire {
    pub fn connect(&mut self, now: Instant) {
        let minute = Duration::from_secs(60);
        self.connects.retain(|at| now.saturating_duration_since(*at) < minute);
        assert!(self.connects.len() < CONNECTS_A_MINUTE, "the service is hammered");
        self.connects.push(now);
    }

    /// A connection is there: nothing of the last one counts.
    pub fn connected(&mut self) {
        (self.logon, self.logged_on_at) = (None, None);
        self.starts.clear();
        self.streams.clear();
    }

    /// What the server says.
    pub fn server_says(&mut self, now: Instant, text: &str) {
        let Ok(ServerMessage::Reply(Reply { seq: Some(seq), outcome })) = ServerMessage::parse(text) else {
            return;
        };
        if self.logon == Some(seq) && outcome.is_ok() {
            self.logged_on_at = self.logged_on_at.or(Some(now));
        } else if self.starts.contains(&seq) {
            if let Some(id) = outcome.ok().and_then(|success| success.stream_id) {
                let again = self.streams.contains_key(&id.0);
                self.streams.insert(id.0, Stream { unsure: again, ..Stream::default() });
            }
            self.starts.retain(|start| *start != seq);
        }
    }

    /// A text frame of the gateway; tells what a kind server would answer.
    pub fn text(&mut self, now: Instant, text: &str) -> Option<(Seq, bool)> {
        let request = Request::parse(text).expect("the gateway speaks the protocol");
        let seq = request.seq.expect("each request has a number");
        match request.command {
            Command::Logon(_) => {
                assert!(self.logon.replace(seq).is_none(), "logged on twice");
                Some((seq, true))
            }
            Command::StartStream(_) => {
                self.start(now, seq);
                Some((seq, false))
            }
            Command::StopStream { stream_id, .. } => {
                let id = stream_id.expect("a stop names its stream").0;
                assert!(self.streams.remove(&id).is_some(), "stopped {id}, which was never granted");
                None
            }
            Command::SendTextMessage { .. }
            | Command::SendLocation(_)
            | Command::SendImage(_)
            | Command::Keepalive
            | Command::EndDispatchCall { .. }
            | Command::Unknown(_) => panic!("a gateway does not say {text}"),
        }
    }

    fn start(&mut self, now: Instant, seq: Seq) {
        assert!(!self.never_sends, "asked for the channel, and is only to listen");
        let logged_on_at = self.logged_on_at.expect("logged on before the first stream");
        assert!(now >= logged_on_at + FIRST_START, "the first stream comes too soon");
        if !self.rolls_over {
            let spaced = self.last_start.is_none_or(|last| now >= last + START_SPACING);
            assert!(spaced, "two starts within {START_SPACING:?}");
        }
        self.last_start = Some(now);
        self.starts.push(seq);
    }

    /// A binary frame of the gateway: the payload is a packet's number.
    pub fn binary(&mut self, now: Instant, bytes: &[u8], packet: Duration) {
        let Ok(BinaryFrame::Audio(audio)) = BinaryFrame::parse(bytes) else {
            panic!("a gateway sends nothing but sound: {bytes:?}")
        };
        let number = u32::from_be_bytes(audio.payload.try_into().expect("a numbered packet"));
        assert!(self.last_number.is_none_or(|last| last < number), "{number} is sent out of turn");
        self.last_number = Some(number);
        self.sent += 1;
        let id = audio.stream_id.0;
        let stream = self.streams.get_mut(&id).expect("no sound before the server's answer");
        if stream.unsure {
            return;
        }
        assert_eq!(audio.packet_id.0, stream.packets, "packets of a stream are counted from 0");
        stream.packets += 1;
        let lasts = now - *stream.began.get_or_insert(now);
        assert!(packet * stream.packets <= lasts + BURST + packet, "faster than speech");
    }
}
