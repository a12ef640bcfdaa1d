//! The way out: frames to clients, with what a bad network and an odd server do to them.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::json::put;
use super::session::Session;
use super::{ConnId, Deadline, Fault, Frame, Now, Output, World};
use crate::zello::frame::HEADER_LEN;
use crate::zello::{AudioFrame, BinaryFrame, PacketId, StreamId};

impl World {
    /// Sends a reply or an event.
    pub(super) fn event(&mut self, now: Now, conn: ConnId, mut event: Value) {
        if self.faults.has(&Fault::UnknownFields) {
            put(&mut event, "x_future", json!({"nested": [1, "two", null]}));
        }
        self.deliver(now, conn, Frame::Text(event.to_string()), Duration::ZERO);
    }

    /// Sends a frame after `delay`, never before one that was sent earlier.
    pub(super) fn deliver(&mut self, now: Now, conn: ConnId, frame: Frame, delay: Duration) {
        let Some(client) = self.clients.get_mut(&conn).filter(|client| !client.frozen) else { return };
        let due = client.last_due.max(now.at + delay);
        if client.in_flight == 0 && due <= now.at {
            return self.outputs.push_back(Output::Send(conn, frame));
        }
        client.in_flight += 1;
        client.last_due = due;
        self.schedule.add(due, Deadline::Deliver(conn, frame));
    }

    pub(super) fn deliver_due(&mut self, conn: ConnId, frame: Frame) {
        let Some(client) = self.clients.get_mut(&conn) else { return };
        client.in_flight = client.in_flight.saturating_sub(1);
        if !client.frozen {
            self.outputs.push_back(Output::Send(conn, frame));
        }
    }

    /// Sends one packet to one listener.
    pub(super) fn deliver_packet(&mut self, now: Now, conn: ConnId, audio: AudioFrame<'_>) {
        let percent = |pick: fn(&Fault) -> Option<u8>| self.faults.read(pick).unwrap_or(0);
        let lost =
            percent(|fault| if let Fault::PacketLoss { percent } = fault { Some(*percent) } else { None });
        let twice =
            percent(
                |fault| if let Fault::PacketDuplicate { percent } = fault { Some(*percent) } else { None },
            );
        let swapped =
            percent(|fault| if let Fault::PacketReorder { percent } = fault { Some(*percent) } else { None });
        let empty =
            percent(|fault| if let Fault::PacketEmpty { percent } = fault { Some(*percent) } else { None });
        if self.random.chance(lost) {
            return;
        }
        let mut bytes = BinaryFrame::Audio(audio).to_vec();
        if self.random.chance(empty) {
            bytes.truncate(HEADER_LEN);
        }
        if self.faults.has(&Fault::EarlyStop) {
            // Each waits for the next one, and the last one for the stop.
            let earlier = self.clients.get_mut(&conn).and_then(|client| client.held.replace(bytes));
            if let Some(bytes) = earlier {
                self.deliver_bytes(now, conn, bytes);
            }
            return;
        }
        let again = self.random.chance(twice).then(|| bytes.clone());
        let hold = self.random.chance(swapped);
        let Some(client) = self.clients.get_mut(&conn) else { return };
        let earlier = client.held.take();
        if hold && earlier.is_none() {
            client.held = Some(bytes);
        } else {
            self.deliver_bytes(now, conn, bytes);
        }
        for bytes in [again, earlier].into_iter().flatten() {
            self.deliver_bytes(now, conn, bytes);
        }
    }

    /// Sends what waits for a packet to change places with, or for the stop.
    pub(super) fn flush_held(&mut self, now: Now, conn: ConnId) {
        let held = self.clients.get_mut(&conn).and_then(|client| client.held.take());
        if let Some(bytes) = held {
            self.deliver_bytes(now, conn, bytes);
        }
    }

    fn deliver_bytes(&mut self, now: Now, conn: ConnId, bytes: Vec<u8>) {
        let jitter = self
            .faults
            .read(|fault| if let Fault::PacketJitter { max_ms } = fault { Some(*max_ms) } else { None });
        let delay = jitter.map_or(Duration::ZERO, |max| Duration::from_millis(self.random.up_to(max)));
        self.deliver(now, conn, Frame::Binary(bytes), delay);
    }

    /// What no document names, and what is no message at all, while those faults are in force.
    pub(super) fn babble(&mut self, now: Now, conn: ConnId) {
        if self.faults.has(&Fault::UnknownEvents) {
            self.event(
                now,
                conn,
                json!({"command": "on_future_event", "detail": {"list": [1, 2]}, "seq": 1}),
            );
            self.event(now, conn, json!({"command": "on_channel_mood", "channel": 7}));
        }
        if self.faults.has(&Fault::Garbage) {
            let nobody =
                AudioFrame { stream_id: StreamId(1), packet_id: PacketId(1), payload: &[0x48, 0xff] };
            let frames = [
                Frame::Text(String::new()),
                Frame::Text("{\"command\":".into()),
                Frame::Text("[1,2]".into()),
                Frame::Text("{\"command\":\"on_stream_start\",\"stream_id\":\"x\"}".into()),
                Frame::Text(format!("{{\"command\":\"on_error\",\"error\":\"{}\"}}", "x".repeat(1 << 20))),
                Frame::Binary(Vec::new()),
                Frame::Binary(vec![1, 0, 0]),
                Frame::Binary(vec![9; 64]),
                Frame::Binary(vec![1; 1 << 20]),
                Frame::Binary(BinaryFrame::Audio(nobody).to_vec()),
            ];
            for frame in frames {
                self.deliver(now, conn, frame, Duration::ZERO);
            }
        }
    }

    /// Status events between a request and its reply.
    pub(super) fn storm(&mut self, now: Now, conn: ConnId) {
        let events = self
            .faults
            .read(|fault| if let Fault::UsersOnlineStorm { events } = fault { Some(*events) } else { None });
        let Some(channel) = self.session(conn).and_then(Session::first_online) else { return };
        for number in 0..events.unwrap_or(0) {
            let mut status = self.online_status(&channel);
            put(&mut status, "users_online", number + 1);
            self.event(now, conn, status);
        }
    }
}
