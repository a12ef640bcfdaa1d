//! Voice: who may talk, and the relay of their packets.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::json::put;
use super::recode::Recoder;
use super::{ConnId, Deadline, Fault, Now, Seen, StopReason, World};
use crate::zello::{AudioFrame, CodecHeader, PacketId, Seq, StartStream, StreamId};

/// Shortest frame that the service takes (protocol section 4.2: 5 ms was refused).
const MIN_FRAME_MS: u8 = 10;

/// Length of the long codec header seen in Work traffic.
const LONG_HEADER_LEN: usize = 18;

/// A transmission.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) owner: ConnId,
    from: String,
    channel: String,
    priority: i64,
    listeners: Vec<ConnId>,
    packets: u32,
    last_packet: Instant,
    /// Packets passed on.
    relayed: u32,
    recoder: Option<Recoder>,
}

/// What a good request asks for.
struct Wish {
    channel: String,
    header: String,
    duration: Value,
    to: Option<String>,
    priority: i64,
}

impl World {
    pub(super) fn start_stream(
        &mut self,
        now: Now,
        conn: ConnId,
        seq: Option<Seq>,
        start: &StartStream,
        (raw, text): (&Value, &str),
        late: bool,
    ) {
        let wish = match self.judge_start(conn, start, raw) {
            Ok(wish) => wish,
            Err(error) => return self.fail(now, conn, seq, error),
        };
        if !late && self.start_is_delayed(now, conn, text) {
            return;
        }
        if let Some(client) = self.clients.get_mut(&conn) {
            client.starting = false;
        }
        if let Some(error) = self.start_goes_wrong(now, conn) {
            return self.fail(now, conn, seq, &error);
        }
        if let Err(error) = self.clear_channel(now, conn, &wish) {
            return self.fail(now, conn, seq, &error);
        }
        let id = self.begin_stream(now, conn, &wish);
        self.succeed(now, conn, seq, json!({"stream_id": id}));
        self.announce(now, id, &wish);
    }

    /// Checks a request by itself and against its session.
    fn judge_start(&self, conn: ConnId, start: &StartStream, raw: &Value) -> Result<Wish, &'static str> {
        let session = self.session(conn).ok_or("not logged in")?;
        if session.admitted.listen_only {
            return Err("listen only connection");
        }
        let duration = raw.get("packet_duration").filter(|value| !value.is_null());
        let (Some(kind), Some(codec), Some(header), Some(duration)) =
            (&start.kind, &start.codec, &start.codec_header, duration)
        else {
            return Err("not enough params");
        };
        let parsed = CodecHeader::from_base64(header).ok_or("invalid request")?;
        let is_duration = duration.as_f64().is_some_and(|ms| ms > 0.0);
        let is_header = parsed.sample_rate_hz > 0 && parsed.frames_per_packet > 0;
        if kind != "audio" || codec != "opus" || !is_duration || !is_header || parsed.frame_ms < MIN_FRAME_MS
        {
            return Err("invalid request");
        }
        Ok(Wish {
            channel: self.channel_of(conn, start.channel.as_deref())?,
            header: header.clone(),
            duration: duration.clone(),
            to: start.to.clone(),
            priority: raw.get("talk_priority").and_then(Value::as_i64).unwrap_or(session.admitted.priority),
        })
    }

    /// The channel that a request means: the named one, or the only one. It must be online.
    pub(super) fn channel_of(&self, conn: ConnId, named: Option<&str>) -> Result<String, &'static str> {
        let session = self.session(conn).ok_or("not logged in")?;
        let channel = match (named, session.channels.as_slice()) {
            (Some(named), _) => named,
            (None, [only]) => only.name.as_str(),
            (None, _) => return Err("not enough params"),
        };
        if session.is_online(channel) { Ok(channel.to_owned()) } else { Err("channel is not ready") }
    }

    /// Faults by which the answer does not come, or comes late; true when one has taken the request.
    fn start_is_delayed(&mut self, now: Now, conn: ConnId, text: &str) -> bool {
        let unanswered =
            self.faults.take(|fault| if let Fault::StartUnanswered { .. } = fault { Some(()) } else { None });
        if unanswered.is_some() {
            return true;
        }
        let wait =
            self.faults.take(|fault| if let Fault::StartLate { ms, .. } = fault { Some(*ms) } else { None });
        let Some(ms) = wait else { return false };
        if let Some(client) = self.clients.get_mut(&conn) {
            client.starting = true;
        }
        self.schedule.add(now.at + Duration::from_millis(ms), Deadline::Command(conn, text.to_owned()));
        true
    }

    /// Faults that refuse a start.
    fn start_goes_wrong(&mut self, now: Now, conn: ConnId) -> Option<String> {
        let refusal = self.faults.take(|fault| {
            if let Fault::StartRefused { error, .. } = fault { Some(error.clone()) } else { None }
        });
        let rule = self.faults.read(|fault| {
            if let Fault::Woodpecker { starts, within_ms } = fault {
                Some((*starts, *within_ms))
            } else {
                None
            }
        });
        let session = self.clients.get_mut(&conn).and_then(|client| client.session.as_mut())?;
        if let Some((limit, within_ms)) = rule {
            let within = Duration::from_millis(within_ms);
            session.starts.retain(|start| now.at.duration_since(*start) < within);
            session.starts.push_back(now.at);
            if session.starts.len() > limit {
                return Some("woodpecker prohibited".into());
            }
        }
        refusal
    }

    /// Half duplex: one talker a channel, unless the new one has higher priority.
    fn clear_channel(&mut self, now: Now, conn: ConnId, wish: &Wish) -> Result<(), String> {
        let overlap = self.faults.has(&Fault::Overlap);
        let talking = |stream: &Stream| stream.channel == wish.channel && (!overlap || stream.owner == conn);
        let active: Vec<(u32, i64, ConnId)> = self
            .streams
            .iter()
            .filter(|(_, stream)| talking(stream))
            .map(|(id, stream)| (*id, stream.priority, stream.owner))
            .collect();
        if active.iter().any(|(_, priority, owner)| *owner == conn || *priority >= wish.priority) {
            return Err(self.settings.busy_error.clone());
        }
        for (stream, ..) in active {
            self.end_stream(now, stream, StopReason::Interrupted);
        }
        Ok(())
    }

    fn begin_stream(&mut self, now: Now, conn: ConnId, wish: &Wish) -> u32 {
        let id = self.next_id();
        let from = match self.clients.get_mut(&conn).and_then(|client| client.session.as_mut()) {
            Some(session) => {
                session.had_stream = true;
                session.name().to_owned()
            }
            None => String::new(),
        };
        let listeners = self.audience(conn, &from, &wish.channel, wish.to.as_deref());
        let (channel, priority) = (wish.channel.clone(), wish.priority);
        let seen = Seen::StreamStarted {
            stream: id,
            from: from.clone(),
            channel: channel.clone(),
            listeners: listeners.len(),
        };
        let recoder = self
            .faults
            .read(|fault| if let Fault::OddPackets { ms } = fault { Recoder::new(*ms) } else { None });
        let stream = Stream {
            owner: conn,
            from,
            channel,
            priority,
            listeners,
            packets: 0,
            last_packet: now.at,
            relayed: 0,
            recoder,
        };
        self.streams.insert(id, stream);
        self.tell(seen);
        self.plan_stream_end(now, id);
        id
    }

    fn plan_stream_end(&mut self, now: Now, id: u32) {
        let after = |ms: u64| now.at + Duration::from_millis(ms);
        if self.settings.stream_gap_ms > 0 {
            self.schedule.add(after(self.settings.stream_gap_ms), Deadline::StreamGap(id));
        }
        if self.settings.stream_limit_ms > 0 {
            self.schedule.add(after(self.settings.stream_limit_ms), Deadline::StreamLimit(id));
        }
        let limit = self
            .faults
            .take(|fault| if let Fault::StopStreamsAfter { ms, .. } = fault { Some(*ms) } else { None });
        if let Some(ms) = limit {
            self.schedule.add(after(ms), Deadline::StreamLimit(id));
        }
    }

    /// Who hears `conn`: all others online in the channel, or the one it is for.
    pub(super) fn audience(&self, conn: ConnId, from: &str, channel: &str, to: Option<&str>) -> Vec<ConnId> {
        let rule = self.settings.channels.iter().find(|rule| rule.name == channel);
        let talkers = rule.and_then(|rule| rule.talkers.as_ref());
        if talkers.is_some_and(|talkers| !talkers.iter().any(|talker| talker == from)) {
            return Vec::new();
        }
        let is_meant = |other: &ConnId| match to {
            Some(to) => self.session(*other).is_some_and(|session| session.name() == to),
            None => true,
        };
        self.members(channel).into_iter().filter(|other| *other != conn && is_meant(other)).collect()
    }

    /// Tells the listeners that a stream begins.
    fn announce(&mut self, now: Now, id: u32, wish: &Wish) {
        let Some(stream) = self.streams.get(&id) else { return };
        let listeners = stream.listeners.clone();
        let mut start = json!({
            "command": "on_stream_start",
            "type": "audio",
            "codec": "opus",
            "codec_header": wish.header,
            "packet_duration": wish.duration,
            "stream_id": id,
            "channel": self.spelled(&wish.channel),
            "from": self.called(&stream.from),
        });
        if let Some(recoder) = &stream.recoder {
            let header = recoder.header();
            put(&mut start, "codec_header", header.to_base64());
            put(&mut start, "packet_duration", header.packet_ms());
        }
        self.add_for(&mut start, wish.to.as_deref());
        if self.settings.stream_key {
            put(&mut start, "key", STANDARD.encode([0x5a_u8; 32]));
        }
        if self.faults.has(&Fault::LongHeader) {
            let mut header = STANDARD.decode(&wish.header).unwrap_or_default();
            header.resize(LONG_HEADER_LEN.max(header.len()), 0);
            put(&mut start, "codec_header", STANDARD.encode(header));
        }
        for listener in listeners {
            self.babble(now, listener);
            if self.faults.has(&Fault::StopBeforeStart) {
                self.event(now, listener, stop_of(id));
            }
            self.event(now, listener, start.clone());
        }
    }

    /// Adds `for`: the one recipient, or `false`.
    pub(super) fn add_for(&self, event: &mut Value, to: Option<&str>) {
        match to {
            Some(to) => put(event, "for", to),
            None if self.settings.omit_for => {}
            None => put(event, "for", false),
        }
    }

    pub(super) fn handle_audio(&mut self, now: Now, conn: ConnId, audio: AudioFrame<'_>) {
        let id = audio.stream_id.0;
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| stream.owner == conn) else {
            let starting = self.clients.get(&conn).is_some_and(|client| client.starting);
            let is_early =
                id == 0 || starting || self.session(conn).is_some_and(|session| !session.had_stream);
            let error = if is_early { "channel is not ready" } else { "invalid stream id" };
            return self.fail(now, conn, None, error);
        };
        stream.packets += 1;
        stream.last_packet = now.at;
        let seen = Seen::Packet { stream: id, from: stream.from.clone(), bytes: audio.payload.len() };
        let recoded = stream.recoder.as_mut().map(|recoder| recoder.push(audio.payload));
        self.tell(seen);
        match recoded {
            Some(()) => self.relay_recoded(now, id, false),
            None => self.relay(now, id, audio.payload),
        }
    }

    /// Passes the packets on that are made anew.
    fn relay_recoded(&mut self, now: Now, id: u32, is_last: bool) {
        while let Some(payload) =
            self.streams.get_mut(&id).and_then(|stream| stream.recoder.as_mut()?.pull(is_last))
        {
            self.relay(now, id, &payload);
        }
    }

    /// Passes a packet on under the next number.
    fn relay(&mut self, now: Now, id: u32, payload: &[u8]) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.relayed += 1;
        let audio = AudioFrame { stream_id: StreamId(id), packet_id: PacketId(stream.relayed), payload };
        for listener in stream.listeners.clone() {
            self.deliver_packet(now, listener, audio);
        }
    }

    pub(super) fn stop_stream(&mut self, now: Now, conn: ConnId, seq: Option<Seq>, id: Option<StreamId>) {
        let Some(StreamId(id)) = id else { return self.fail(now, conn, seq, "not enough params") };
        let Some(stream) = self.streams.get(&id).filter(|stream| stream.owner == conn) else {
            return self.fail(now, conn, seq, "invalid stream id");
        };
        let is_empty = stream.packets == 0;
        self.end_stream(now, id, StopReason::Sender);
        if is_empty && self.settings.empty_message_fails {
            return self.fail(now, conn, seq, "empty message");
        }
        self.succeed(now, conn, seq, json!({}));
        if is_empty {
            // The official SDK's own test stops an empty stream and wants success: the complaint comes as an event.
            self.fail(now, conn, None, "empty message");
        }
    }

    /// Ends a stream that has had no packet for too long.
    pub(super) fn check_gap(&mut self, now: Now, id: u32) {
        let Some(stream) = self.streams.get(&id) else { return };
        let due = stream.last_packet + Duration::from_millis(self.settings.stream_gap_ms);
        if due <= now.at {
            self.end_stream(now, id, StopReason::Gap);
        } else {
            self.schedule.add(due, Deadline::StreamGap(id));
        }
    }

    /// Ends a stream, told to its listeners, and to its sender unless that one has ended it.
    pub(super) fn end_stream(&mut self, now: Now, id: u32, why: StopReason) {
        self.relay_recoded(now, id, true);
        let Some(stream) = self.streams.remove(&id) else { return };
        for listener in stream.listeners {
            if !self.faults.has(&Fault::EarlyStop) {
                self.flush_held(now, listener);
            }
            if !self.faults.has(&Fault::MissingStop) {
                self.event(now, listener, stop_of(id));
            }
            self.flush_held(now, listener);
        }
        match why {
            StopReason::Sender | StopReason::Gone => {}
            StopReason::Gap | StopReason::Limit | StopReason::Interrupted | StopReason::Ordered => {
                self.event(now, stream.owner, stop_of(id));
            }
        }
        self.tell(Seen::StreamStopped { stream: id, from: stream.from, packets: stream.packets, why });
    }
}

fn stop_of(id: u32) -> Value {
    json!({"command": "on_stream_stop", "stream_id": id})
}
