//! The whole gateway but for its threads, sockets and devices: any bytes become a row of facts, and a reference of a few
//! pages says at every step what may be. In the end the world turns kind, and the gateway must work as on its first day.
//!
//! * [`radio`]: when an over is open, when the transmitter may be keyed, must be, and must not.
//! * [`wire`]: what a server may hear, and every packet once and in order.
//! * [`rig`]: joins engine and session; every packet has one fate.

pub mod radio;
mod rig;
pub mod wire;

use std::sync::LazyLock;
use std::time::Duration;

use serde_json::json;
use zello_gateway::config::{Busy, Config};
use zello_gateway::logic::session::{ConnectFailure, ConnectKind, Fact, LinkState};

use self::rig::{Link, Rig, Wish};
use super::config::usual;
use super::input::{Input, text};

/// The day ends after so much time, so that no bytes keep the fuzzer for long.
const DAY: Duration = Duration::from_secs(60);
/// The longest wait of a gateway that was thrown out again and again, or throttled; and a quarter.
const LONGEST_WAIT: Duration = Duration::from_secs(20 * 60);

pub fn gateway(bytes: &[u8]) {
    let mut input = Input(bytes);
    let config = config(&mut input);
    let mut world = World::new(config, &mut input);
    let start = world.rig.now;
    while !input.is_empty() && world.rig.now - start < DAY {
        world.happen(&mut input);
        world.serve();
    }
    world.turns_kind_in_the_end();
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

static USUAL: LazyLock<Config> = LazyLock::new(usual);

/// Settings of the bytes' choice; without bytes nearly the defaults.
pub fn config(input: &mut Input<'_>) -> Config {
    let mut config = USUAL.clone();
    config.zello.listen_only = input.byte() % 16 == 15;
    let (up, down) = (&mut config.uplink, &mut config.downlink);
    up.bitrate_bps = 8_000;
    up.pre_roll = ms(input.one(&[200, 0]));
    up.hang = ms(input.one(&[500, 0, 50]));
    up.hold = ms(input.one(&[60_000, 0, 2_000]));
    up.roll_over = ms(input.one(&[200_000, 1_500]));
    up.stuck = ms(input.one(&[300_000, 4_000]));
    down.lead = ms(input.one(&[200, 0]));
    down.tail = ms(input.one(&[150, 0]));
    down.time_out = ms(input.one(&[180_000, 3_000]));
    down.rx_mute = ms(input.one(&[300, 0]));
    down.busy = input.one(&[Busy::Wait, Busy::Override, Busy::Drop]);
    down.wait = ms(input.one(&[3_000, 0]));
    down.jitter_max = ms(input.one(&[800, 60]));
    config
}

/// A gateway, and a server with moods.
struct World {
    rig: Rig,
    /// Answers as it should.
    kind: bool,
    next_stream: u32,
    /// Of the talker on the channel.
    next_packet: u32,
}

impl World {
    fn new(config: Config, input: &mut Input<'_>) -> Self {
        let seed = u64::from(input.byte());
        Self { rig: Rig::new(config, seed), kind: true, next_stream: 1_000, next_packet: 0 }
    }

    fn happen(&mut self, input: &mut Input<'_>) {
        match input.byte() % 32 {
            0..8 => {
                let wait = input.time();
                self.rig.pass(wait.min(ms(20_000)));
            }
            8..11 => self.rig.cos(true),
            11..13 => self.rig.cos(false),
            13..15 => self.talk(input),
            15 => {
                let stream = talker(input);
                self.say(&start(stream));
            }
            16..19 => self.packets(input),
            19 => {
                let stream = talker(input);
                self.say(&json!({"command": "on_stream_stop", "stream_id": stream}).to_string());
            }
            20 => self.kind = !self.kind,
            21 => self.answer(input),
            22 => self.say(&status(input)),
            23 => {
                let error = input.one(ERRORS);
                self.say(&json!({"command": "on_error", "error": error}).to_string());
            }
            24 => self.say(text(input.short())),
            25 => {
                let bytes = input.short();
                self.rig.network(Fact::Binary(bytes), input.is());
            }
            26 => self.lose(input),
            27 => self.rig.playback(input.is()),
            28 => self.rig.line(input.is()),
            29 => self.rig.microphone = input.is(),
            30 => self.rig.network(Fact::SignOfLife, true),
            _ => {
                // Our own stream, ended by the server.
                let stream = self.next_stream;
                self.say(&json!({"command": "on_stream_stop", "stream_id": stream}).to_string());
            }
        }
    }

    /// What a kind server does of its own accord.
    fn serve(&mut self) {
        if self.kind && std::mem::take(&mut self.rig.pinged) {
            self.rig.network(Fact::SignOfLife, true);
        }
        while self.kind && !self.rig.wishes.is_empty() {
            match self.rig.wishes.remove(0) {
                Wish::Connect => self.rig.network(Fact::Connected { auth_token: None }, false),
                Wish::Logon(seq) => {
                    self.say(&json!({"seq": seq, "success": true}).to_string());
                    self.say(&online());
                }
                Wish::Stream(seq) => {
                    self.next_stream += 1;
                    let id = self.next_stream;
                    self.say(&json!({"seq": seq, "success": true, "stream_id": id}).to_string());
                }
            }
        }
    }

    fn say(&mut self, text: &str) {
        self.rig.network(Fact::Text(text), false);
    }

    /// Somebody talks, all in order, at the pace of speech.
    fn talk(&mut self, input: &mut Input<'_>) {
        let (stream, count) = (talker(input), input.byte() % 32);
        self.say(&start(stream));
        for _ in 0..count {
            self.packet(stream, 0, SILENCE, false);
            self.rig.pass(ms(20));
            self.serve();
        }
        if input.byte() % 4 > 0 {
            self.say(&json!({"command": "on_stream_stop", "stream_id": stream}).to_string());
        }
    }

    /// Packets at once, out of order, of any content.
    fn packets(&mut self, input: &mut Input<'_>) {
        let (stream, count, skip) = (talker(input), input.byte(), i8::from_ne_bytes([input.byte()]));
        let opus = match input.byte() % 8 {
            0..5 => SILENCE,
            5 => LONG,
            6 => &[],
            _ => input.short(),
        };
        let count = if count > 250 { 400 } else { u16::from(count % 16) };
        for _ in 0..count {
            self.packet(stream, i32::from(skip), opus, count > 16);
        }
        self.rig.pass(ms(10));
    }

    fn packet(&mut self, stream: u32, skip: i32, opus: &[u8], flood: bool) {
        self.next_packet = self.next_packet.wrapping_add(1).wrapping_add_signed(skip);
        let mut bytes = vec![1];
        bytes.extend(stream.to_be_bytes());
        bytes.extend(self.next_packet.to_be_bytes());
        bytes.extend(opus);
        self.rig.network(Fact::Binary(&bytes), flood);
    }

    /// Any answer to what was asked, late ones too.
    fn answer(&mut self, input: &mut Input<'_>) {
        let index = usize::from(input.byte()) % self.rig.wishes.len().max(1);
        let wish = self.rig.wishes.get(index).copied();
        if !input.is() {
            self.rig.wishes.truncate(index);
        }
        let seq = match wish {
            Some(Wish::Connect) => {
                let fact = if input.is() { Fact::Connected { auth_token: None } } else { failure(input) };
                return self.rig.network(fact, false);
            }
            Some(Wish::Logon(seq) | Wish::Stream(seq)) => seq,
            None => u64::from(input.byte()),
        };
        let reply = match input.byte() % 4 {
            0 => json!({"seq": seq, "success": true}),
            1 => json!({"seq": seq, "success": true, "stream_id": input.byte()}),
            2 => json!({"seq": seq, "success": true, "stream_id": self.next_stream}),
            _ => json!({"seq": seq, "error": input.one(ERRORS)}),
        };
        self.say(&reply.to_string());
    }

    fn lose(&mut self, input: &mut Input<'_>) {
        let fact = match input.byte() % 4 {
            0 => Fact::Lost("cut".to_owned()),
            1 => Fact::Closed { code: Some(input.one(&[1000, 1001, 1006, 3002, 3003])), reason: "" },
            2 => Fact::Closed { code: Some(input.one(&[1000, 3003, 4000])), reason: input.one(ERRORS) },
            _ => failure(input),
        };
        self.rig.network(fact, false);
    }

    /// From here on everything is well: nothing may be left of what was.
    fn turns_kind_in_the_end(mut self) {
        self.kind = true;
        self.rig.microphone = true;
        self.rig.playback(true);
        self.rig.line(true);
        self.rig.cos(false);
        self.comes_online();
        self.comes_to_rest();
        self.is_heard();
        self.hears();
        self.rig.shut_down();
        assert_eq!(self.rig.held_up(), 0, "what was not sent is counted");
        assert!(!self.rig.radio.is_keyed());
        self.rig.finish();
    }

    fn comes_online(&mut self) {
        let start = self.rig.now;
        self.rig.hurries = true;
        loop {
            self.serve();
            if matches!(self.rig.state, LinkState::Online) && !self.rig.forbidden {
                break;
            }
            if self.rig.forbidden && self.rig.link == Link::Up {
                self.rig.network(Fact::Lost("kindly".to_owned()), false);
            }
            assert!(self.rig.now - start < LONGEST_WAIT, "still {}", self.rig.state);
            self.rig.pass(Duration::from_secs(1));
        }
        self.rig.hurries = false;
        self.rig.pass(ms(50));
    }

    /// What waited is said, what was held is sent, and nobody is keyed.
    fn comes_to_rest(&mut self) {
        let start = self.rig.now;
        while self.rig.held_up() > 0 || self.rig.held_down() > 0 || self.rig.radio.is_busy() {
            assert!(
                self.rig.now - start < Duration::from_secs(200),
                "{} up, {} down, keyed: {}",
                self.rig.held_up(),
                self.rig.held_down(),
                self.rig.radio.is_keyed()
            );
            self.rig.pass(ms(500));
            self.serve();
        }
        // The server's last "no" is forgotten.
        for _ in 0..12 {
            self.rig.pass(Duration::from_secs(1));
            self.serve();
        }
    }

    /// An over of the radio is sent whole.
    fn is_heard(&mut self) {
        let (given, sent) = (self.rig.given, self.rig.wire.sent);
        self.rig.cos(true);
        assert!(self.rig.radio.has_over());
        self.rig.pass(ms(600));
        self.rig.cos(false);
        for _ in 0..40 {
            self.serve();
            self.rig.pass(ms(100));
        }
        let (given, sent) = (self.rig.given - given, self.rig.wire.sent - sent);
        // Who may only listen refuses the over as it begins.
        assert!(given >= 10 || self.rig.config.zello.listen_only, "{given} packets of an over of 0.6 s");
        assert_eq!(sent, if self.rig.config.zello.listen_only { 0 } else { given });
    }

    /// Somebody on the channel is said whole.
    fn hears(&mut self) {
        const STREAM: u32 = 0x7fff_fff0;
        let played = self.rig.counters.downlink_packets_played.value();
        self.say(&start(STREAM));
        assert!(self.rig.radio.is_keyed(), "keyed at once");
        for _ in 0..20 {
            self.packet(STREAM, 0, SILENCE, false);
            self.rig.pass(ms(20));
        }
        self.say(&json!({"command": "on_stream_stop", "stream_id": STREAM}).to_string());
        self.rig.pass(ms(3_000));
        assert_eq!(self.rig.counters.downlink_packets_played.value() - played, 20);
        assert!(!self.rig.radio.is_keyed());
    }
}

/// 20 ms of silence: CELT, wide band, mono, one frame.
const SILENCE: &[u8] = &[0xb8, 0xff, 0xfe];
/// 120 ms in six frames, stereo.
const LONG: &[u8] = &[0xbf, 0x06, 0xff, 0xfe, 0xff, 0xfe, 0xff, 0xfe, 0xff, 0xfe, 0xff, 0xfe, 0xff, 0xfe];

const ERRORS: &[&str] = &[
    "channel busy",
    "failed to start stream",
    "channel is not ready",
    "woodpecker prohibited",
    "listen only connection",
    "invalid stream id",
    "failed to send data",
    "invalid audio packet",
    "internal server error",
    "server closed connection",
    "not authorized",
    "invalid password",
    "kicked",
    "banned",
    "not logged in",
    "channel_closed",
    "invalid request",
    "no permission",
    "something new",
    "",
];

/// Few of them, so that they meet.
fn talker(input: &mut Input<'_>) -> u32 {
    u32::from(input.byte() % 12)
}

fn start(stream: u32) -> String {
    let start = json!({
        "command": "on_stream_start", "type": "audio", "codec": "opus", "codec_header": "gD4BFA==",
        "packet_duration": 20, "stream_id": stream, "channel": "hill", "from": "watson", "for": false,
    });
    start.to_string()
}

fn online() -> String {
    json!({"command": "on_channel_status", "channel": "hill", "status": "online", "users_online": 2})
        .to_string()
}

fn status(input: &mut Input<'_>) -> String {
    let mut status = json!({
        "command": "on_channel_status", "channel": input.one(&["hill", "HILL", "vale"]), "users_online": 2,
        "status": input.one(&["online", "offline", "offline", "mad"]),
    });
    if input.is() {
        status["error"] = json!(input.one(ERRORS));
        status["error_type"] = json!(input.one(&["configuration", "unknown", "unknown"]));
    }
    status.to_string()
}

fn failure(input: &mut Input<'_>) -> Fact<'static> {
    let kind = input.one(&[
        ConnectKind::Dns,
        ConnectKind::Tcp,
        ConnectKind::Tls,
        ConnectKind::Http(429),
        ConnectKind::Http(404),
        ConnectKind::Http(503),
        ConnectKind::TimedOut,
    ]);
    Fact::ConnectFailed(ConnectFailure { kind, text: "no".to_owned() })
}
