//! The Zello side: the library's simulator and a phone, in this process, so that their times are on our clock.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use zello_gateway::codec::Encoder;
use zello_gateway::sim::{Heard, Login, Phone, PhoneError, Seen, Settings, Sim};
use zello_gateway::zello::{CodecHeader, ErrorCode, StreamId};

use crate::harness::AMPLE;
use crate::mono;
use crate::tape::Tape;

/// The gateway's user name.
pub(crate) const USER: &str = "hilltop";
/// Its channel.
pub(crate) const CHANNEL: &str = "Hill";
/// Phones send frames of so many milliseconds.
const PACKET_MS: u8 = 60;
/// A phone looks so often whether the channel is free.
const BUSY: Duration = Duration::from_millis(200);

/// A thread that runs everything of the network; the scenarios themselves are plain code.
pub(crate) fn runtime() -> Result<Handle> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name("network".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(handle)
}

/// Something that the simulator saw.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) at: Duration,
    pub(crate) what: Seen,
}

impl Event {
    /// The gateway's over has begun.
    pub(crate) fn is_over(&self) -> Option<Duration> {
        matches!(&self.what, Seen::StreamStarted { from, .. } if from == USER).then_some(self.at)
    }

    /// The gateway's over is over.
    pub(crate) fn is_over_end(&self) -> Option<Duration> {
        matches!(&self.what, Seen::StreamStopped { from, .. } if from == USER).then_some(self.at)
    }

    /// Somebody else has begun to talk: `on_stream_start` goes out.
    pub(crate) fn is_talk(&self) -> Option<Duration> {
        matches!(&self.what, Seen::StreamStarted { from, .. } if from != USER).then_some(self.at)
    }

    /// The gateway is logged on.
    pub(crate) fn is_logon(&self) -> Option<Duration> {
        matches!(&self.what, Seen::LoggedOn(_, Some(user)) if user == USER).then_some(self.at)
    }
}

/// A server on a loopback port with a phone in the gateway's channel.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) seen: Tape<Event>,
    handle: Handle,
    sim: Sim,
    phone: Arc<Phone>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.sim.stop();
    }
}

impl Server {
    pub(crate) fn start(handle: &Handle) -> Result<Self> {
        let seen = Tape::new();
        let sink = seen.clone();
        let (port, sim, phone) = handle.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.context("no port for the simulator")?;
            let port = listener.local_addr()?.port();
            let sim = Sim::start(Settings::default());
            let mut events = sim.events();
            tokio::spawn(async move {
                while let Some(event) = events.recv().await {
                    sink.record(Event { at: mono::of(event.at), what: event.what });
                }
            });
            sim.serve(listener);
            let url = format!("ws://127.0.0.1:{port}/ws/lab");
            let phone = Phone::connect(&url, &Login::new("phone", CHANNEL)).await?;
            anyhow::Ok((port, sim, phone))
        })?;
        Ok(Self { port, seen, handle: handle.clone(), sim, phone: Arc::new(phone) })
    }

    /// The simulator, for its faults.
    pub(crate) fn sim(&self) -> Sim {
        self.sim.clone()
    }

    /// The phone begins to say something; wait for its end by [`Self::said`], or cut it by [`Self::cut`].
    pub(crate) fn say(&self, words: &Words) -> Saying {
        self.send(words.0.clone())
    }

    /// The phone begins to talk for a minute, or until [`Self::cut`].
    pub(crate) fn chat(&self) -> Result<Saying> {
        static VOICE: OnceLock<Words> = OnceLock::new();
        let voice = if let Some(voice) = VOICE.get() {
            voice
        } else {
            let encoded = Words::new(&crate::speech::phone()?)?;
            VOICE.get_or_init(|| encoded)
        };
        let minute = 60_000 / usize::from(PACKET_MS);
        Ok(self.send(voice.0.iter().cycle().take(minute).cloned().collect()))
    }

    fn send(&self, packets: Vec<Vec<u8>>) -> Saying {
        let pace = Duration::from_millis(PACKET_MS.into());
        let limit = AMPLE + pace * u32::try_from(packets.len()).unwrap_or(u32::MAX);
        let (phone, cut) = (Arc::clone(&self.phone), Arc::new(Notify::new()));
        let order = Arc::clone(&cut);
        let task = self.handle.spawn(async move {
            let stream = start(&phone).await?;
            tokio::select! {
                ended = phone.say(stream, &packets, pace) => drop(ended?),
                () = order.notified() => (),
            }
            phone.stop(stream).await
        });
        Saying { task, cut, limit }
    }

    /// Waits until the phone has said it all.
    pub(crate) fn said(&self, saying: Saying) -> Result<()> {
        Ok(self.bounded("the phone's end of talking", saying.limit, saying.task)???)
    }

    /// The phone stops in the middle of its talk.
    pub(crate) fn cut(&self, saying: Saying) -> Result<()> {
        saying.hush();
        self.said(saying)
    }

    /// Waits until so many overs of the gateway are over.
    pub(crate) fn heard(&self, overs: usize, limit: Duration) -> Result<Vec<Heard>> {
        let phone = Arc::clone(&self.phone);
        let hearing = async move { phone.hear(overs).await };
        Ok(self.bounded(&format!("{overs} overs at the phone"), limit, hearing)??)
    }

    /// What the phone has heard so far.
    pub(crate) fn heard_so_far(&self) -> Vec<Heard> {
        self.phone.heard()
    }

    fn bounded<T>(&self, what: &str, limit: Duration, future: impl Future<Output = T>) -> Result<T> {
        self.handle
            .block_on(async { tokio::time::timeout(limit, future).await })
            .map_err(|_| anyhow!("{what}: not within {limit:?}"))
    }
}

/// The phone takes its turn: it waits for a gateway that is talking.
async fn start(phone: &Phone) -> Result<StreamId, PhoneError> {
    loop {
        match phone.start(CodecHeader::single(16_000, PACKET_MS), f64::from(PACKET_MS)).await {
            Err(PhoneError::Refused { error: ErrorCode::ChannelBusy, .. }) => tokio::time::sleep(BUSY).await,
            done => return done,
        }
    }
}

/// An over that is being said.
pub(crate) struct Saying {
    task: JoinHandle<Result<(), PhoneError>>,
    cut: Arc<Notify>,
    limit: Duration,
}

impl Saying {
    /// The phone stops to talk, some time soon.
    pub(crate) fn hush(&self) {
        self.cut.notify_one();
    }
}

/// Something that the phone can say: Opus packets, encoded once, for that takes as long as the speech on a slow machine.
pub(crate) struct Words(Vec<Vec<u8>>);

impl Words {
    /// Of 16 kHz sound, as phones do it.
    pub(crate) fn new(speech: &[f32]) -> Result<Self> {
        let mut encoder = Encoder::new(Duration::from_millis(PACKET_MS.into()), 16_000)?;
        let mut packets = Vec::new();
        for part in speech.chunks(encoder.packet_samples()) {
            let mut whole = part.to_vec();
            whole.resize(encoder.packet_samples(), 0.0);
            let mut packet = vec![0; 1_275];
            let length = encoder.encode(&whole, &mut packet)?;
            packet.truncate(length);
            packets.push(packet);
        }
        Ok(Self(packets))
    }
}
