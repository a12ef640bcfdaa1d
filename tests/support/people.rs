//! Those who talk: somebody with a radio, and somebody with a phone on the channel.

use serde_json::{Value, json};
use zello_gateway::sim::ConnId;
use zello_gateway::sim::world::{Fact as Told, Frame};
use zello_gateway::zello::{AudioFrame, BinaryFrame, PacketId, StreamId};

use super::world::talk::ms;
use super::{Deed, Hut};

/// Speech in a packet of the phone, ms.
const PACKET_MS: u64 = 60;

/// Somebody with a phone.
#[derive(Default)]
pub(super) struct Phone {
    pub(super) conn: Option<ConnId>,
    /// A stream is asked for, of so many packets.
    asks: Option<u32>,
    talks: bool,
    seq: u64,
}

/// The next packet of a talk.
#[derive(Debug, Clone, Copy)]
pub(super) struct PhonePacket {
    conn: ConnId,
    stream: u32,
    number: u32,
    left: u32,
}

impl Hut {
    /// Somebody speaks on the air; once in a while a squelch stays open.
    pub(super) fn radio_over(&mut self) {
        if self.night {
            return;
        }
        if !self.squelch {
            let lasts = match self.chance.below(300) {
                0..4 => ms(120_000),
                4..20 => ms(25_000),
                _ => ms(100) + self.some(ms(5_000)),
            };
            self.may_be_answered(Deed::PhoneTalk);
            self.act(Deed::Squelch(true));
            self.do_in(lasts, Deed::Squelch(false));
        }
        // People answer each other, then nobody says anything for a long time.
        let mean = if self.chance.one_in(6) { ms(6_000_000) } else { ms(20_000) };
        let wait = self.some(mean);
        self.do_in(ms(1_000) + wait, Deed::RadioOver);
    }

    /// Somebody speaks; who has said nothing for a long time may have something to say to it.
    fn may_be_answered(&mut self, answer: Deed) {
        if self.chance.one_in(6) {
            self.plan.retain(|_, planned| std::mem::discriminant(planned) != std::mem::discriminant(&answer));
            let wait = self.some(ms(10_000));
            self.do_in(wait, answer);
        }
    }

    pub(super) fn phone_logs_on(&mut self) {
        let Ok(service) = self.server.admit("/ws") else { return self.do_in(ms(60_000), Deed::PhoneLogon) };
        let conn = self.new_conn();
        self.phone = Phone { conn: Some(conn), ..Phone::default() };
        self.server.handle(self.clock(), conn, Told::Opened(service));
        let channel = self.config.zello.channel.clone();
        self.phone_asks(json!({
            "command": "logon", "username": "watson", "password": "secret", "channels": [channel],
        }));
    }

    pub(super) fn phone_asks(&mut self, mut request: Value) {
        let Some(conn) = self.phone.conn else { return };
        self.phone.seq += 1;
        request["seq"] = self.phone.seq.into();
        self.server.handle(self.clock(), conn, Told::Text(request.to_string()));
    }

    /// Somebody speaks on the channel; once in a while for longer than the transmitter may.
    pub(super) fn phone_talks(&mut self) {
        if self.night {
            return;
        }
        if self.phone.asks.take().is_some() {
            // It was never answered.
            self.totals.phone_talks_refused += 1;
        }
        if !self.phone.talks {
            let packets = match self.chance.below(100) {
                0 => 1_000,
                1..5 => 1,
                _ => 5 + self.chance.exponential(80) as u32,
            };
            self.may_be_answered(Deed::RadioOver);
            self.totals.phone_talks += 1;
            self.phone_asks(json!({
                "command": "start_stream", "type": "audio", "codec": "opus", "codec_header": "gD4BPA==",
                "packet_duration": 60, "channel": self.config.zello.channel.clone(),
            }));
            self.phone.asks = Some(packets);
        }
        let mean = if self.chance.one_in(6) { ms(6_000_000) } else { ms(20_000) };
        let wait = self.some(mean);
        self.do_in(ms(1_000) + wait, Deed::PhoneTalk);
    }

    pub(super) fn phone_hears(&mut self, conn: ConnId, frame: &Frame) {
        match frame {
            Frame::Ping => self.server.handle(self.clock(), conn, Told::Pong),
            Frame::Binary(_) => {}
            Frame::Text(text) => {
                let Ok(said) = serde_json::from_str::<Value>(text) else { return };
                if said["seq"].as_u64() != Some(self.phone.seq) {
                    return;
                }
                let Some(packets) = self.phone.asks.take() else { return };
                if let Some(stream) = said["stream_id"].as_u64().and_then(|id| u32::try_from(id).ok()) {
                    self.phone.talks = true;
                    let packet = PhonePacket { conn, stream, number: 0, left: packets };
                    return self.do_in(ms(PACKET_MS), Deed::PhonePacket(packet));
                }
                self.totals.phone_talks_refused += 1;
                if said["error"] == "not logged in" {
                    self.do_in(ms(5_000), Deed::PhoneLogon);
                }
            }
        }
    }

    pub(super) fn phone_packet(&mut self, packet: PhonePacket) {
        let PhonePacket { conn, stream, number, left } = packet;
        if self.phone.conn != Some(conn) {
            return;
        }
        if left == 0 {
            self.phone.talks = false;
            return self.phone_asks(json!({
                "command": "stop_stream", "stream_id": stream, "channel": self.config.zello.channel.clone(),
            }));
        }
        let payload = &self.voice[number as usize % self.voice.len()];
        let frame = AudioFrame { stream_id: StreamId(stream), packet_id: PacketId(number), payload };
        let bytes = BinaryFrame::Audio(frame).to_vec();
        self.server.handle(self.clock(), conn, Told::Binary(bytes));
        let next = PhonePacket { number: number + 1, left: left - 1, ..packet };
        self.do_in(ms(PACKET_MS), Deed::PhonePacket(next));
    }
}
