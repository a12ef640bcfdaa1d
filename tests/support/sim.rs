//! A small raw client of the simulator: sends exact frames, and asserts on exact answers.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use zello_gateway::sim::Sim;

/// No answer within this (virtual) time is no answer.
const QUIET: Duration = Duration::from_millis(50);

/// What a client receives.
#[derive(Debug, Clone, PartialEq)]
pub enum Got {
    Json(Value),
    Text(String),
    Binary(Vec<u8>),
    Ping,
    Close(u16, String),
    Lost,
}

pub struct Client(pub WebSocketStream<DuplexStream>);

impl Client {
    pub async fn open(sim: &Sim, path: &str) -> Self {
        let url = format!("ws://localhost{path}");
        Self(tokio_tungstenite::client_async(url, sim.connect_memory()).await.unwrap().0)
    }

    /// Logs on at `/ws` and takes reply and status.
    pub async fn logged_on(sim: &Sim, name: &str) -> Self {
        let mut client = Self::open(sim, "/ws").await;
        client.say(logon(name)).await;
        assert_eq!(client.json().await["success"], true);
        assert_eq!(client.json().await["status"], "online");
        client
    }

    pub async fn say(&mut self, message: Value) {
        self.text(&message.to_string()).await;
    }

    pub async fn text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub async fn bytes(&mut self, bytes: &[u8]) {
        self.0.send(Message::binary(bytes.to_vec())).await.unwrap();
    }

    /// Sends and takes the next text frame.
    pub async fn ask(&mut self, message: Value) -> Value {
        self.say(message).await;
        self.json().await
    }

    /// Starts a stream as the official SDK does; its id.
    pub async fn start(&mut self) -> u32 {
        let reply = self.ask(start(2)).await;
        u32::try_from(reply["stream_id"].as_u64().unwrap_or_else(|| panic!("{reply}"))).unwrap()
    }

    pub async fn got(&mut self) -> Got {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(value) => Got::Json(value),
                Err(_) => Got::Text(text.to_string()),
            },
            Some(Ok(Message::Binary(bytes))) => Got::Binary(bytes.to_vec()),
            Some(Ok(Message::Ping(_))) => Got::Ping,
            Some(Ok(Message::Close(Some(frame)))) => Got::Close(frame.code.into(), frame.reason.to_string()),
            Some(Ok(Message::Close(None))) => Got::Close(1005, String::new()),
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => panic!("unexpected frame"),
            Some(Err(_)) | None => Got::Lost,
        }
    }

    pub async fn json(&mut self) -> Value {
        match self.got().await {
            Got::Json(value) => value,
            other => panic!("expected JSON, got {other:?}"),
        }
    }

    pub async fn binary(&mut self) -> Vec<u8> {
        match self.got().await {
            Got::Binary(bytes) => bytes,
            other => panic!("expected binary, got {other:?}"),
        }
    }

    /// Everything that arrives until there is quiet.
    pub async fn all(&mut self) -> Vec<Got> {
        let mut all = Vec::new();
        while let Ok(got) = timeout(QUIET, self.got()).await {
            let is_end = got == Got::Lost;
            all.push(got);
            if is_end {
                break;
            }
        }
        all
    }

    /// Asserts that nothing more arrives.
    pub async fn is_quiet(&mut self) {
        assert_eq!(self.all().await, []);
    }
}

pub fn logon(name: &str) -> Value {
    json!({"command": "logon", "seq": 1, "channel": "Test ch", "username": name, "password": "p"})
}

pub fn start(seq: u64) -> Value {
    json!({"type": "audio", "codec": "opus", "codec_header": "gD4BFA==", "packet_duration": 20, "seq": seq, "command": "start_stream"})
}

pub fn stop(id: u32, seq: u64) -> Value {
    json!({"stream_id": id, "seq": seq, "command": "stop_stream"})
}

/// An audio frame with payload `opus`.
pub fn audio(id: u32, packet: u32, opus: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend(id.to_be_bytes());
    bytes.extend(packet.to_be_bytes());
    bytes.extend(opus);
    bytes
}

/// A token of the right shape.
pub const TOKEN: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJXa002In0.c2lnbmF0dXJl";
