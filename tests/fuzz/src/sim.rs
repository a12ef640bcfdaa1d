//! The simulator, and clients that send it anything: it answers, it never panics, it sends nothing to who is gone, and what
//! it sends is understood by the gateway's own parser.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;
use zello_gateway::sim::account::Service;
use zello_gateway::sim::world::{ConnId, Fact, Frame, Now, Output, World};
use zello_gateway::sim::{Fault, Mode, Settings};
use zello_gateway::zello::{BinaryFrame, ServerMessage};

use super::input::{Input, text};

const CLIENTS: u8 = 4;

pub fn sim(bytes: &[u8]) {
    let mut input = Input(bytes);
    let mut server = Server::new(&mut input);
    let mut left = 256;
    while !input.is_empty() && left > 0 {
        left -= 1;
        let client = ConnId(u64::from(input.byte() % CLIENTS) + 1);
        server.happen(client, &mut input);
    }
    // Every deadline comes to its end, and the server to rest but for its pings.
    server.pass(Duration::from_secs(600));
}

struct Server {
    world: World,
    now: Now,
    open: BTreeSet<ConnId>,
    streams: Vec<u64>,
    /// What the server sends is no message, on purpose.
    babbles: bool,
}

impl Server {
    fn new(input: &mut Input<'_>) -> Self {
        let settings = Settings {
            mode: input.one(&[Mode::ByPath, Mode::Consumer, Mode::Work, Mode::Enterprise]),
            stream_gap_ms: input.one(&[10_000, 0, 500]),
            stream_limit_ms: input.one(&[0, 5_000]),
            offline_first: input.is(),
            empty_message_fails: input.is(),
            omit_for: input.is(),
            stream_key: input.is(),
            ..Settings::default()
        };
        let now = Now { at: Instant::now(), unix: Duration::from_secs(1_700_000_000) };
        Self { world: World::new(settings), now, open: BTreeSet::new(), streams: Vec::new(), babbles: false }
    }

    fn happen(&mut self, client: ConnId, input: &mut Input<'_>) {
        let fact = match input.byte() % 20 {
            0 | 1 => return self.connect(client, input),
            2 => Fact::Closed,
            3 => Fact::Pong,
            4 => Fact::Text(text(input.short()).to_owned()),
            5 => Fact::Binary(input.short().to_vec()),
            6..9 => Fact::Text(logon(input)),
            9..12 => Fact::Text(start(input)),
            12 => self.stop(input),
            13..16 => self.audio(input),
            16 => Fact::Text(message(input)),
            17 => self.image(input),
            18 => return self.set_fault(input),
            _ => return self.pass(input.time()),
        };
        // The shell tells nothing of connections that are not there.
        if self.open.contains(&client) {
            if fact == Fact::Closed {
                self.open.remove(&client);
            }
            self.world.handle(self.now, client, fact);
            self.drain();
        }
    }

    fn connect(&mut self, client: ConnId, input: &mut Input<'_>) {
        let path = input.one(&["/ws", "/ws/mesh", "/ws/acme", "/ws/", "/", "/ws/a/b"]);
        if self.open.contains(&client) {
            return;
        }
        let admitted: Result<Service, u16> = self.world.admit(path);
        if let Ok(service) = admitted {
            self.open.insert(client);
            self.world.handle(self.now, client, Fact::Opened(service));
            self.drain();
        }
    }

    fn stream(&self, input: &mut Input<'_>) -> u64 {
        let back = usize::from(input.byte());
        match self.streams.len().checked_sub(back % 4 + 1) {
            Some(index) => self.streams[index],
            None => u64::from(input.word()),
        }
    }

    fn stop(&self, input: &mut Input<'_>) -> Fact {
        let id = self.stream(input);
        Fact::Text(json!({"command": "stop_stream", "seq": input.byte(), "stream_id": id}).to_string())
    }

    fn audio(&self, input: &mut Input<'_>) -> Fact {
        let mut bytes = vec![1];
        bytes.extend((self.stream(input) as u32).to_be_bytes());
        bytes.extend(input.number().to_be_bytes());
        bytes.extend(input.bytes(6));
        Fact::Binary(bytes)
    }

    fn image(&self, input: &mut Input<'_>) -> Fact {
        let mut bytes = vec![2];
        bytes.extend((self.stream(input) as u32).to_be_bytes());
        bytes.extend((1 + u32::from(input.byte() % 3)).to_be_bytes());
        bytes.extend(input.bytes(9));
        Fact::Binary(bytes)
    }

    fn set_fault(&mut self, input: &mut Input<'_>) {
        let (ms, times, percent) = (u64::from(input.word()), input.one(&[None, Some(1)]), input.byte() % 101);
        let (code, reason) = (input.one(&[1000, 1006, 3002]), String::new());
        let error = input.one(&["channel busy", "kicked", ""]).to_owned();
        let fault = match input.byte() % 43 {
            0 => Fault::RefuseUpgrade { status: 429, times },
            1 => Fault::SilentLogon,
            2 => Fault::LogonLate { ms },
            3 => Fault::LogonError { error, times },
            4 => Fault::CloseOnLogon { code, reason, times },
            5 => Fault::CloseAfter { ms, code, reason, times },
            6 => Fault::NotAuthorizedAfterKick { ms },
            7 => Fault::StatusOffline,
            8 => Fault::StatusLate { ms },
            9 => Fault::StatusFlapping { ms: ms.max(500) },
            10 => Fault::StatusError { error, error_type: "configuration".to_owned() },
            11 => Fault::StatusWithoutFlags,
            12 => Fault::StartUnanswered { times },
            13 => Fault::StartLate { ms, times },
            14 => Fault::StartRefused { error, times },
            15 => Fault::Woodpecker { starts: usize::from(percent % 4), within_ms: ms },
            16 => Fault::StopStreamsAfter { ms, times },
            17 => Fault::MissingStop,
            18 => Fault::StopBeforeStart,
            19 => Fault::Overlap,
            20 => Fault::PacketLoss { percent },
            21 => Fault::PacketDuplicate { percent },
            22 => Fault::PacketReorder { percent },
            23 => Fault::PacketJitter { max_ms: ms },
            24 => Fault::PacketEmpty { percent },
            25 => Fault::UsersOnlineStorm { events: u32::from(percent % 8) },
            26 => Fault::UnknownEvents,
            27 => Fault::UnknownFields,
            28 => Fault::HalfOpen { ms },
            29 => Fault::WrongCase,
            30 => Fault::ImageReplay,
            31 => Fault::LongHeader,
            39 => Fault::EarlyStop,
            40 => Fault::OddPackets { ms: percent },
            41 => Fault::ForeignNames,
            32..36 => return self.world.faults().clear_all(),
            36 => {
                self.world.freeze_all();
                return self.drain();
            }
            37 => {
                self.world.close_all(self.now, 1001, "");
                return self.drain();
            }
            38 => {
                self.world.end_streams(self.now);
                return self.drain();
            }
            _ => {
                self.babbles = true;
                self.world.say_to_all(self.now, text(input.short()));
                return self.drain();
            }
        };
        self.world.faults().set(fault);
    }

    fn pass(&mut self, wait: Duration) {
        let end = self.now.at + wait;
        let mut wakes = 0;
        while let Some((at, _)) = self.world.poll_timeout().filter(|(at, _)| *at <= end) {
            wakes += 1;
            assert!(wakes < 20_000, "the server goes round in circles");
            self.set_time(at.max(self.now.at));
            self.world.handle_timeout(self.now);
            self.drain();
        }
        self.set_time(end);
    }

    fn set_time(&mut self, at: Instant) {
        self.now.unix += at - self.now.at;
        self.now.at = at;
    }

    fn drain(&mut self) {
        let mut outputs = 0;
        while let Some(output) = self.world.poll() {
            outputs += 1;
            assert!(outputs <= 4_096, "one frame is answered by thousands");
            match output {
                Output::Send(client, frame) => {
                    assert!(self.open.contains(&client), "{frame:?} for a client that is gone");
                    self.check(&frame);
                }
                Output::Close(client, ..) | Output::Abort(client) => {
                    assert!(self.open.remove(&client), "closed twice");
                }
                Output::Freeze(client) => assert!(self.open.contains(&client)),
                Output::Tell(_) => {}
            }
        }
    }

    fn check(&mut self, frame: &Frame) {
        match frame {
            Frame::Text(text) => match ServerMessage::parse(text) {
                Ok(_) => {
                    let message: serde_json::Value = serde_json::from_str(text).unwrap();
                    let id = message.get("stream_id").or(message.get("image_id"));
                    self.streams.extend(id.and_then(serde_json::Value::as_u64));
                }
                Err(unreadable) => assert!(self.babbles, "{unreadable}: {text}"),
            },
            Frame::Binary(bytes) => assert!(BinaryFrame::parse(bytes).is_ok(), "{bytes:?}"),
            Frame::Ping => {}
        }
    }
}

const TOKEN: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJXa002In0.c2lnbmF0dXJl";

fn logon(input: &mut Input<'_>) -> String {
    let name = input.one(&["watson", "sherlock", "gateway", "", "Ω"]);
    let mut logon = json!({"command": "logon", "seq": input.byte(), "username": name, "password": "p"});
    logon["channels"] = match input.byte() % 6 {
        0..3 => json!(["hill"]),
        3 => json!(["hill", "vale"]),
        4 => json!([" hill"]),
        _ => json!([]),
    };
    match input.byte() % 4 {
        0 | 1 => logon["auth_token"] = json!(TOKEN),
        2 => logon["refresh_token"] = json!(TOKEN),
        _ => {}
    }
    if input.byte() % 8 == 7 {
        logon["listen_only"] = json!(true);
    }
    logon.to_string()
}

fn start(input: &mut Input<'_>) -> String {
    let mut start = json!({
        "command": "start_stream", "seq": input.byte(), "type": "audio", "codec": "opus",
        "codec_header": input.one(&["gD4BPA==", "gD4BFA==", "", "AAAA"]), "packet_duration": 60,
    });
    if input.is() {
        start["channel"] = json!(input.one(&["hill", "vale", "moor"]));
    }
    if input.byte() % 4 == 3 {
        start["for"] = json!(input.one(&["watson", "sherlock"]));
    }
    if input.is() {
        start["talk_priority"] = json!(input.byte());
    }
    start.to_string()
}

fn message(input: &mut Input<'_>) -> String {
    let (seq, channel) = (input.byte(), input.one(&["hill", "vale"]));
    let message = match input.byte() % 3 {
        0 => {
            json!({"command": "send_text_message", "seq": seq, "channel": channel, "text": text(input.short())})
        }
        1 => json!({"command": "send_image", "seq": seq, "channel": channel, "type": "jpeg", "width": 9}),
        _ => {
            json!({"command": "send_location", "seq": seq, "channel": channel, "latitude": 1.5, "longitude": -0.1})
        }
    };
    message.to_string()
}
