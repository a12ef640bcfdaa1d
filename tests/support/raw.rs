//! A server in a test's hands, for the real daemon: it says what a test tells it, to the byte.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot prepare itself has failed"
)]

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

#[path = "daemon.rs"]
pub(crate) mod daemon;

use daemon::{AMPLE, CHANNEL, Daemon, Site};

/// A server that says exactly what a test tells it.
pub(crate) struct Raw {
    pub(crate) listener: TcpListener,
    pub(crate) site: Site,
}

impl Raw {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let site = Site::new(listener.local_addr().unwrap().port());
        Self { listener, site }
    }

    /// The next connection, upgraded.
    pub(crate) async fn accept(&self) -> Client {
        let (stream, _) =
            tokio::time::timeout(AMPLE, self.listener.accept()).await.expect("a connection").unwrap();
        Client(tokio_tungstenite::accept_async(stream).await.unwrap())
    }

    /// The next connection, with a log-on that succeeded and a channel that is online.
    pub(crate) async fn accept_online(&self) -> Client {
        let mut client = self.accept().await;
        let logon = client.command().await;
        assert_eq!(logon["command"], "logon");
        client.say(&json!({"seq": logon["seq"], "success": true})).await;
        client.say(&status("online")).await;
        client
    }
}

pub(crate) struct Client(pub(crate) WebSocketStream<TcpStream>);

impl Client {
    pub(crate) async fn command(&mut self) -> Value {
        let text = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => panic!("the gateway's connection is lost: {error}"),
                    None => panic!("the gateway closed its connection"),
                }
            }
        };
        tokio::time::timeout(AMPLE, text).await.expect("a command of the gateway")
    }

    pub(crate) async fn say(&mut self, message: &Value) {
        self.send(Message::text(message.to_string())).await;
    }

    pub(crate) async fn bytes(&mut self, bytes: Vec<u8>) {
        self.send(Message::binary(bytes)).await;
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// A whole over of nothing but silence, with its start and stop.
    pub(crate) async fn over(&mut self, stream: u32) {
        self.say(&start(stream)).await;
        for packet in 1..=5 {
            self.bytes(audio(stream, packet, SILENCE)).await;
        }
        self.say(&json!({"command": "on_stream_stop", "stream_id": stream})).await;
    }
}

/// 20 ms of silence at 16 kHz: CELT, wide band, mono, one frame.
pub(crate) const SILENCE: &[u8] = &[0xb8, 0xff, 0xfe];

pub(crate) fn status(status: &str) -> Value {
    json!({"command": "on_channel_status", "channel": CHANNEL, "status": status, "users_online": 2,
           "images_supported": true, "texting_supported": true, "locations_supported": true})
}

pub(crate) fn start(stream: u32) -> Value {
    json!({"command": "on_stream_start", "type": "audio", "codec": "opus", "codec_header": "gD4BFA==",
           "packet_duration": 20, "stream_id": stream, "channel": CHANNEL, "from": "watson"})
}

pub(crate) fn audio(stream: u32, packet: u32, opus: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(packet.to_be_bytes());
    bytes.extend(opus);
    bytes
}

/// Demands that the gateway is alive, released, and does its work: the next over is said.
pub(crate) async fn assert_serves(raw: &Raw, client: &mut Client, daemon: &mut Daemon) {
    assert!(daemon.is_alive(), "{}", daemon.log());
    let before: Vec<bool> = raw.site.ptt().iter().map(|(_, keyed)| *keyed).collect();
    assert_ne!(before.last(), Some(&true), "{}", daemon.log());
    client.over(4_000_000_000).await;
    raw.site.until_ptt(daemon, &[before, vec![true, false]].concat()).await;
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
}
