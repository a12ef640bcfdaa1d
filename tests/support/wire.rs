//! The wire between the gateway and the server, and what happens at its ends.

use std::time::Duration;

use zello_gateway::logic::session::{ConnectFailure, ConnectKind, Fact};
use zello_gateway::sim::ConnId;
use zello_gateway::sim::world::{Fact as Told, Frame, Output};
use zello_gateway::zello::BinaryFrame;

use super::network::Connection;
use super::world::talk::ms;
use super::{Deed, Hut};

/// A connection of the gateway.
pub(super) struct Wire {
    pub(super) conn: ConnId,
    pub(super) up: Connection,
    pub(super) down: Connection,
    /// Nothing passes any more, and nobody is told.
    pub(super) frozen: bool,
    /// The gateway has been told that no more is taken.
    pub(super) stalls: bool,
}

/// What arrives later than this finds the send buffer full: the sender is told.
const STALL: Duration = Duration::from_secs(1);

impl Hut {
    pub(super) fn connect(&mut self) {
        self.attempts += 1;
        let attempt = self.attempts;
        self.connecting = Some(attempt);
        if !self.network_up {
            let kind = if self.chance.one_in(2) { ConnectKind::Dns } else { ConnectKind::Tcp };
            return self.do_in(ms(300), Deed::NotConnected { attempt, kind });
        }
        // TCP, TLS and upgrade: three round trips.
        let wait = self.network.least() * 6 + self.server.upgrade_delay();
        self.do_in(wait, Deed::Connected { attempt });
    }

    pub(super) fn connected(&mut self, attempt: u64) {
        if self.connecting.take_if(|current| *current == attempt).is_none() {
            return;
        }
        match self.server.admit("/ws") {
            Err(status) => {
                let failure = ConnectFailure { kind: ConnectKind::Http(status), text: "no".to_owned() };
                self.session.handle(self.instant(), Fact::ConnectFailed(failure));
            }
            Ok(service) => {
                let conn = self.new_conn();
                let seed = self.chance.below(u64::MAX);
                let mut way = [seed, !seed].map(|seed| Connection::new(self.network, seed));
                // The weather of now, not of the first day.
                for way in &mut way {
                    way.carry(self.now);
                }
                let [up, down] = way;
                self.wire = Some(Wire { conn, up, down, frozen: false, stalls: false });
                self.server.handle(self.clock(), conn, Told::Opened(service));
                self.session.handle(self.instant(), Fact::Connected { auth_token: None });
            }
        }
    }

    pub(super) fn new_conn(&mut self) -> ConnId {
        self.conns += 1;
        ConnId(self.conns)
    }

    pub(super) fn send(&mut self, frame: Frame) {
        if let Some(serial) = serial_of(&frame) {
            let before = self.newest_sent.replace(serial);
            assert!(before < Some(serial), "packet {serial} is sent after {before:?} at {:?}", self.now);
        }
        let Some(wire) = self.wire.as_mut().filter(|wire| !wire.frozen) else { return self.lose(&frame) };
        let (at, conn) = (wire.up.carry(self.now), wire.conn);
        if at - self.now > STALL && !std::mem::replace(&mut wire.stalls, true) {
            self.totals.stalls += 1;
            self.session.handle(self.instant(), Fact::Congestion(true));
            self.do_at(at, Deed::Flow(conn));
        }
        self.do_at(at, Deed::Up(conn, frame));
    }

    /// A frame never arrives.
    pub(super) fn lose(&mut self, frame: &Frame) {
        if serial_of(frame).is_some() {
            self.totals.gone_with_the_wire += 1;
        }
    }

    pub(super) fn ping(&mut self) {
        let answers = self.server.answers_pings();
        let Some(wire) = self.wire.as_mut().filter(|wire| !wire.frozen && answers) else { return };
        let (there, conn) = (wire.up.carry(self.now), wire.conn);
        let back = wire.down.carry(there.max(self.now));
        self.do_at(back, Deed::Pong(conn));
    }

    pub(super) fn is_current(&self, conn: ConnId) -> bool {
        self.wire.as_ref().is_some_and(|wire| wire.conn == conn && !wire.frozen)
    }

    pub(super) fn arrive_at_server(&mut self, conn: ConnId, frame: Frame) {
        self.totals.frames_up += 1;
        if let Some(serial) = serial_of(&frame) {
            self.totals.arrived += 1;
            self.mix(serial);
        } else if matches!(frame, Frame::Binary(_)) {
            self.totals.tone_packets += 1;
        }
        let fact = match frame {
            Frame::Text(text) => Told::Text(text),
            Frame::Binary(bytes) => Told::Binary(bytes),
            Frame::Ping => Told::Pong,
        };
        self.server.handle(self.clock(), conn, fact);
    }

    pub(super) fn arrive_at_gateway(&mut self, conn: ConnId, frame: &Frame) {
        if !self.is_current(conn) {
            return;
        }
        self.totals.frames_down += 1;
        let now = self.instant();
        match frame {
            Frame::Text(text) => self.session.handle(now, Fact::Text(text)),
            Frame::Binary(bytes) => self.session.handle(now, Fact::Binary(bytes)),
            Frame::Ping => {
                self.session.handle(now, Fact::SignOfLife);
                self.send(Frame::Ping);
            }
        }
    }

    /// What the server wants.
    pub(super) fn serve(&mut self, output: Output) {
        match output {
            Output::Send(conn, frame) if Some(conn) == self.phone.conn => self.phone_hears(conn, &frame),
            Output::Send(conn, frame) => {
                if let Some(wire) = self.wire.as_mut().filter(|wire| wire.conn == conn && !wire.frozen) {
                    let at = wire.down.carry(self.now);
                    self.do_at(at, Deed::Down(conn, frame));
                }
            }
            Output::Close(conn, code, reason) => self.server_closes(conn, Some((code, reason))),
            Output::Abort(conn) => self.server_closes(conn, None),
            Output::Freeze(_) | Output::Tell(_) => {}
        }
    }

    pub(super) fn server_closes(&mut self, conn: ConnId, close: Option<(u16, String)>) {
        if self.phone.conn.take_if(|phone| *phone == conn).is_some() {
            self.do_in(ms(5_000), Deed::PhoneLogon);
        } else if let Some(wire) = self.wire.as_mut().filter(|wire| wire.conn == conn && !wire.frozen) {
            let at = wire.down.carry(self.now);
            self.do_at(at, Deed::DownClosed(conn, close));
        }
        self.do_in(Duration::ZERO, Deed::UpClosed(conn));
    }
}

/// The number in a packet of the gateway; tones have none.
fn serial_of(frame: &Frame) -> Option<u64> {
    let Frame::Binary(bytes) = frame else { return None };
    let Ok(BinaryFrame::Audio(audio)) = BinaryFrame::parse(bytes) else { return None };
    audio.payload.try_into().ok().map(u64::from_be_bytes)
}
