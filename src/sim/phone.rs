//! A phone: a Zello client that talks and listens, for tests and the demo.
//!
//! It is no part of the gateway and shares none of its session logic; what it hears it keeps as packets with the time
//! of their arrival, and decodes when asked.

mod heard;
mod line;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

pub use self::heard::{Heard, HeardPacket};
use self::line::{Order, run};
use crate::codec::{CodecError, Encoder, SAMPLE_RATE_HZ};
use crate::secret::Secret;
use crate::zello::{
    AudioFrame, BinaryFrame, CodecHeader, Command, ErrorCode, Event, Logon, PacketId, Request, StartStream,
    StreamId, Success,
};

/// How long a phone waits for any answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What phones send: one frame of 60 ms at 16 kHz (protocol section 4.2).
const PACKET_MS: u8 = 60;

/// Bit rate of a phone's voice.
const BITRATE_BPS: u32 = 16_000;

/// Bytes of the longest Opus packet of one frame.
const MAX_PACKET_BYTES: usize = 1_275;

/// Who a phone is, and where.
#[derive(Debug, Clone)]
pub struct Login {
    /// User name.
    pub username: String,
    /// Password.
    pub password: Secret,
    /// A token, where the server wants one.
    pub auth_token: Option<Secret>,
    /// The one channel.
    pub channel: String,
}

impl Login {
    /// A log-on as an open simulator takes it.
    #[must_use]
    pub fn new(username: &str, channel: &str) -> Self {
        Self {
            username: username.to_owned(),
            password: Secret::new("secret"),
            auth_token: None,
            channel: channel.to_owned(),
        }
    }
}

/// What a phone cannot do.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    /// No connection.
    #[error("cannot connect to {url}: {why}")]
    Connect {
        /// Where to.
        url: String,
        /// What went wrong.
        why: String,
    },
    /// The server answered with an error.
    #[error("the server refused {what}: {error}")]
    Refused {
        /// The command.
        what: String,
        /// The error string.
        error: ErrorCode,
    },
    /// The connection is over.
    #[error("the connection is lost")]
    Lost,
    /// No answer.
    #[error("no answer to {0} within 10 s")]
    Silent(String),
    /// The speech cannot be encoded.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// One over that a phone has said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Talk {
    /// The stream's number.
    pub stream: StreamId,
    /// The request was sent.
    pub asked: Instant,
    /// The reply was there, and the first packet was sent.
    pub started: Instant,
    /// The last packet was sent.
    pub ended: Instant,
    /// Packets sent.
    pub packets: u32,
}

/// What a phone knows, shared with its connection.
#[derive(Debug, Default)]
struct Memory {
    heard: Vec<Heard>,
    events: Vec<(Instant, Event)>,
    stray_packets: usize,
    is_online: bool,
    is_lost: bool,
}

#[derive(Debug, Default)]
struct Shared {
    memory: Mutex<Memory>,
    news: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A phone that is logged on. Dropping it cuts the connection.
#[derive(Debug)]
pub struct Phone {
    channel: String,
    shared: Arc<Shared>,
    orders: mpsc::UnboundedSender<Order>,
    task: JoinHandle<()>,
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Phone {
    /// Connects to a `ws://` address, logs on, and waits until the channel is online.
    ///
    /// # Errors
    /// [`PhoneError`] when any of it fails.
    pub async fn connect(url: &str, login: &Login) -> Result<Self, PhoneError> {
        let refuse = |why: String| PhoneError::Connect { url: url.to_owned(), why };
        let rest =
            url.strip_prefix("ws://").ok_or_else(|| refuse("only ws:// is known to a phone".into()))?;
        let host = rest.split('/').next().unwrap_or(rest);
        let stream = TcpStream::connect(host).await.map_err(|error| refuse(error.to_string()))?;
        stream.set_nodelay(true).map_err(|error| refuse(error.to_string()))?;
        Self::over(stream, url, login).await
    }

    /// The same over a stream that is there already; `url` is what the upgrade asks for.
    ///
    /// # Errors
    /// [`PhoneError`] when the upgrade or the log-on fails.
    pub async fn over<S>(stream: S, url: &str, login: &Login) -> Result<Self, PhoneError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (socket, _) = tokio_tungstenite::client_async(url, stream)
            .await
            .map_err(|error| PhoneError::Connect { url: url.to_owned(), why: error.to_string() })?;
        let shared = Arc::new(Shared::default());
        let (orders, orders_rx) = mpsc::unbounded_channel();
        let task = tokio::spawn(run(socket, shared.clone(), orders_rx));
        let phone = Self { channel: login.channel.clone(), shared, orders, task };
        let greeting = Logon {
            username: Some(login.username.clone()),
            password: Some(login.password.clone()),
            auth_token: login.auth_token.clone(),
            channels: vec![login.channel.clone()],
            ..Logon::default()
        };
        phone.ask(Command::Logon(greeting)).await?;
        phone.wait_for("on_channel_status", |memory| memory.is_online.then_some(())).await?;
        Ok(phone)
    }

    /// Says 16 kHz mono speech as one over, paced in real time; the last packet is filled with silence.
    ///
    /// # Errors
    /// [`PhoneError`] when the channel is busy or the connection is lost.
    pub async fn talk(&self, speech: &[f32]) -> Result<Talk, PhoneError> {
        let talk = self.talk_without_stop(speech).await?;
        self.stop(talk.stream).await?;
        Ok(talk)
    }

    /// The same, but the stop is withheld.
    ///
    /// # Errors
    /// [`PhoneError`] when the channel is busy or the connection is lost.
    pub async fn talk_without_stop(&self, speech: &[f32]) -> Result<Talk, PhoneError> {
        let packets = encode(speech)?;
        let asked = Instant::now();
        let stream = self.start(CodecHeader::single(16_000, PACKET_MS), f64::from(PACKET_MS)).await?;
        let started = Instant::now();
        let pace = Duration::from_millis(PACKET_MS.into());
        let ended = self.say(stream, &packets, pace).await?;
        Ok(Talk { stream, asked, started, ended, packets: u32::try_from(packets.len()).unwrap_or(u32::MAX) })
    }

    /// Sends prepared packets, one each `pace`; when the last one was sent.
    ///
    /// # Errors
    /// [`PhoneError::Lost`] without connection.
    pub async fn say(
        &self,
        stream: StreamId,
        packets: &[Vec<u8>],
        pace: Duration,
    ) -> Result<Instant, PhoneError> {
        let mut due = Instant::now();
        for (number, packet) in (1_u32..).zip(packets) {
            sleep_until(due).await;
            self.send_packet(stream, PacketId(number), packet)?;
            due += pace;
        }
        // The over lasts until its last packet would have been spoken.
        sleep_until(due).await;
        Ok(Instant::now())
    }

    /// Asks for a stream of any shape.
    ///
    /// # Errors
    /// [`PhoneError::Refused`] with the server's error, or no answer.
    pub async fn start(&self, header: CodecHeader, packet_ms: f64) -> Result<StreamId, PhoneError> {
        let start =
            StartStream { packet_duration: Some(packet_ms), ..StartStream::opus(&self.channel, header) };
        let success = self.ask(Command::StartStream(start)).await?;
        success.stream_id.ok_or_else(|| PhoneError::Silent("start_stream".into()))
    }

    /// Ends a stream.
    ///
    /// # Errors
    /// [`PhoneError::Refused`] when the server has ended it already, or no answer.
    pub async fn stop(&self, stream: StreamId) -> Result<(), PhoneError> {
        let stop = Command::StopStream { stream_id: Some(stream), channel: Some(self.channel.clone()) };
        self.ask(stop).await.map(drop)
    }

    /// Sends one packet.
    ///
    /// # Errors
    /// [`PhoneError::Lost`] without connection.
    pub fn send_packet(&self, stream: StreamId, number: PacketId, opus: &[u8]) -> Result<(), PhoneError> {
        let frame = AudioFrame { stream_id: stream, packet_id: number, payload: opus };
        self.send_bytes(BinaryFrame::Audio(frame).to_vec())
    }

    /// Sends any bytes as a binary frame.
    ///
    /// # Errors
    /// [`PhoneError::Lost`] without connection.
    pub fn send_bytes(&self, bytes: Vec<u8>) -> Result<(), PhoneError> {
        self.orders.send(Order::Binary(bytes)).map_err(|_| PhoneError::Lost)
    }

    /// Sends a command and waits for its reply.
    ///
    /// # Errors
    /// [`PhoneError::Refused`] with the server's error, or no answer.
    pub async fn ask(&self, command: Command) -> Result<Success, PhoneError> {
        let text = Request { seq: None, command }.to_json();
        let fields: Value = serde_json::from_str(&text).unwrap_or_else(|_| json!({}));
        self.ask_raw(fields).await
    }

    /// Sends any JSON object, to which `seq` is added, and waits for its reply.
    ///
    /// # Errors
    /// [`PhoneError::Refused`] with the server's error, or no answer.
    pub async fn ask_raw(&self, fields: Value) -> Result<Success, PhoneError> {
        let what = fields.get("command").and_then(Value::as_str).unwrap_or("a request").to_owned();
        let (reply_tx, reply_rx) = oneshot::channel();
        self.orders.send(Order::Ask(fields, reply_tx)).map_err(|_| PhoneError::Lost)?;
        let Ok(reply) = timeout(PATIENCE, reply_rx).await else { return Err(PhoneError::Silent(what)) };
        reply.map_err(|_| PhoneError::Lost)?.map_err(|error| PhoneError::Refused { what, error })
    }

    /// All overs heard so far, and what is heard of one that goes on.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        self.shared.lock().heard.clone()
    }

    /// All events so far, with the time of their arrival.
    #[must_use]
    pub fn events(&self) -> Vec<(Instant, Event)> {
        self.shared.lock().events.clone()
    }

    /// Packets that belonged to no stream that was announced.
    #[must_use]
    pub fn stray_packets(&self) -> usize {
        self.shared.lock().stray_packets
    }

    /// Waits until `count` overs are over; all that was heard.
    ///
    /// # Errors
    /// [`PhoneError::Lost`] when the connection ends before.
    pub async fn hear(&self, count: usize) -> Result<Vec<Heard>, PhoneError> {
        loop {
            let news = self.shared.news.notified();
            {
                let memory = self.shared.lock();
                if memory.heard.iter().filter(|heard| heard.stopped.is_some()).count() >= count {
                    return Ok(memory.heard.clone());
                }
                if memory.is_lost {
                    return Err(PhoneError::Lost);
                }
            }
            news.await;
        }
    }

    /// Closes the connection properly.
    pub async fn hang_up(mut self) {
        if self.orders.send(Order::HangUp).is_ok() {
            let _over = timeout(PATIENCE, &mut self.task).await;
        }
    }

    async fn wait_for<T>(&self, what: &str, ready: impl Fn(&Memory) -> Option<T>) -> Result<T, PhoneError> {
        let waiting = async {
            loop {
                let news = self.shared.news.notified();
                {
                    let memory = self.shared.lock();
                    if let Some(found) = ready(&memory) {
                        return Ok(found);
                    }
                    if memory.is_lost {
                        return Err(PhoneError::Lost);
                    }
                }
                news.await;
            }
        };
        timeout(PATIENCE, waiting).await.unwrap_or_else(|_| Err(PhoneError::Silent(what.to_owned())))
    }
}

/// Opus packets of speech, as phones make them.
fn encode(speech: &[f32]) -> Result<Vec<Vec<u8>>, CodecError> {
    let mut encoder = Encoder::new(Duration::from_millis(PACKET_MS.into()), BITRATE_BPS)?;
    let samples = SAMPLE_RATE_HZ as usize / 1_000 * usize::from(PACKET_MS);
    let mut packets = Vec::new();
    for part in speech.chunks(samples) {
        let mut whole = part.to_vec();
        whole.resize(samples, 0.0);
        let mut packet = vec![0; MAX_PACKET_BYTES];
        let length = encoder.encode(&whole, &mut packet)?;
        packet.truncate(length);
        packets.push(packet);
    }
    Ok(packets)
}
