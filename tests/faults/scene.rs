//! A gateway's network task, a simulator with a fault, and what both leave behind: the log for people, and the
//! simulator's journal, by which connects are counted.

use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::LocalSet;
use tokio::time::sleep;
use tracing::subscriber::DefaultGuard;
use zello_gateway::config::Zello;
use zello_gateway::logic::backoff;
use zello_gateway::logic::exchange::DownlinkItem;
use zello_gateway::logic::session::LinkState;
use zello_gateway::sim::{Fault, Login, Phone, Settings, Sim};

pub(crate) use crate::support::{Clock, Station, Wire, account, numbers};

/// Speech that is kept while it cannot be sent, as by default.
pub(crate) const HOLD: Duration = Duration::from_secs(60);
/// Most connects an hour while a fault lasts that passes by itself: the back-off's longest wait is 60 s, at least half of
/// which is waited, and it grows to that within a few tries.
pub(crate) const FAST_AN_HOUR: usize = 130;
/// The same where each try takes as long as the log-on's answer or the channel's `online` is waited for.
pub(crate) const SLOW_TRIES_AN_HOUR: usize = 95;
/// Most connects an hour of two gateways that fight, and under HTTP 429: waits that double up to 15 minutes.
pub(crate) const GROWING_AN_HOUR: usize = 8;
/// Most connects an hour while a person must change something: one each 5 minutes.
pub(crate) const PROBES_AN_HOUR: usize = 12;
/// Most lines for people that one lasting fault costs in an hour: it comes and the channel comes, each told six times, and
/// it becomes a fault that somebody must mend.
const LINES_AN_HOUR: usize = 14;

const HOUR: Duration = secs(3_600);

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// How long a trouble is waited out (protocol sections 2 and 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// At once, then growing to a minute.
    Fast,
    /// At least 30 s, growing to 15 minutes: another log-on of the account.
    HalfMinute,
    /// At least 45 s: the shadow of a kick.
    ThreeQuarters,
    /// At least a minute, growing to 15: the limit of connects.
    Minutes,
    /// A person must act: latched, probed each 5 minutes.
    Probe,
}

impl Pace {
    /// The wait after one of the first of these troubles.
    pub(crate) fn first(self) -> RangeInclusive<Duration> {
        match self {
            Self::Fast => Duration::ZERO..=2 * backoff::FIRST,
            Self::HalfMinute => stretched(backoff::KICKED_FIRST),
            Self::ThreeQuarters => stretched(backoff::UNWELCOME),
            Self::Minutes => stretched(backoff::THROTTLED_FIRST),
            Self::Probe => stretched(backoff::PROBE),
        }
    }

    /// The longest wait, and the connect after it.
    fn longest(self) -> Duration {
        secs(1)
            + match self {
                Self::Fast => backoff::CAP,
                Self::HalfMinute => *stretched(backoff::KICKED_CAP).end(),
                Self::ThreeQuarters => *stretched(backoff::UNWELCOME).end(),
                Self::Minutes => *stretched(backoff::THROTTLED_CAP).end(),
                Self::Probe => *stretched(backoff::PROBE).end(),
            }
    }
}

fn stretched(least: Duration) -> RangeInclusive<Duration> {
    least..=least.mul_f64(1.25)
}

/// A fault that keeps the gateway off the channel, and what it must make of it.
pub(crate) struct Case {
    pub(crate) fault: Fault,
    /// In the state's words.
    pub(crate) says: &'static str,
    pub(crate) pace: Pace,
    /// Most connects in an hour.
    pub(crate) an_hour: usize,
    /// The server pings.
    pub(crate) server_pings: bool,
}

/// A case with the server's usual pings.
pub(crate) fn case(fault: Fault, says: &'static str, pace: Pace, an_hour: usize) -> Case {
    Case { fault, says, pace, an_hour, server_pings: true }
}

impl Case {
    /// Proves it with the fault in the simulator's configuration, and with the fault set while the gateway is online.
    pub(crate) fn prove(&self) {
        for scripted in [true, false] {
            play(|| Box::pin(self.happens(scripted)));
        }
    }

    async fn happens(&self, scripted: bool) {
        let what =
            format!("{:?}, {}", self.fault, if scripted { "in the configuration" } else { "set later" });
        let faults = if scripted { vec![self.fault.clone()] } else { vec![] };
        let ping_ms = if self.server_pings { 30_000 } else { 0 };
        let mut scene = Scene::new(Settings { faults, ping_ms, ..Settings::default() });
        if !scripted {
            scene.station.online().await;
            sleep(backoff::STEADY).await;
            scene.sim.set_fault(self.fault.clone());
            scene.sim.close_all(1006, "");
        }

        // The reaction, its name and its timing class.
        scene.station.wait_for(secs(150), |state| self.is_told_by(state)).await;
        let (wait, is_fault) = match scene.station.states.borrow().clone() {
            LinkState::Waiting { wait, .. } => (wait, false),
            LinkState::Fault { wait, .. } => (wait, true),
            other => panic!("{what}: {other:?}"),
        };
        assert!(self.pace.first().contains(&wait), "{what}: waits {wait:?}");
        assert_eq!(is_fault, self.pace == Pace::Probe, "{what}");

        // No hammering, and no journal full of it.
        let (connects, lines) = (scene.connects(), scene.lines(""));
        sleep(HOUR).await;
        let (connects, lines) = (scene.connects() - connects, scene.lines("") - lines);
        assert!((1..=self.an_hour).contains(&connects), "{what}: {connects} connects an hour");
        assert!(lines <= LINES_AN_HOUR, "{what}: {lines} lines in an hour\n{}", scene.log());
        assert!(scene.lines(self.says) >= 1, "{what}: not in the log\n{}", scene.log());

        // Recovery by itself, and peace.
        scene.sim.clear_faults();
        let limit = self.pace.longest() + secs(45);
        scene.station.wait_for(limit, |state| *state == LinkState::Online).await;
        // The link of that moment may still be doomed.
        sleep(secs(60)).await;
        scene.station.wait_for(limit, |state| *state == LinkState::Online).await;
        let connects = scene.connects();
        sleep(HOUR / 4).await;
        assert_eq!(*scene.station.states.borrow(), LinkState::Online, "{what}");
        assert_eq!(scene.connects(), connects, "{what}");
    }

    fn is_told_by(&self, state: &LinkState) -> bool {
        matches!(state, LinkState::Waiting { .. } | LinkState::Fault { .. })
            && state.to_string().contains(self.says)
    }
}

/// Plays a story in virtual time.
pub(crate) fn play<'a>(story: impl FnOnce() -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, story());
}

/// Plays the body of a test in virtual time.
macro_rules! story {
    ($($body:tt)*) => { $crate::scene::play(|| Box::pin(async move { $($body)* })) };
}
pub(crate) use story;

/// See the module.
pub(crate) struct Scene {
    pub(crate) sim: Sim,
    pub(crate) station: Station,
    pub(crate) way: Wire,
    log: Lines,
    journal: tempfile::NamedTempFile,
    _told: DefaultGuard,
}

impl Scene {
    /// A gateway that begins to connect.
    pub(crate) fn new(settings: Settings) -> Self {
        Self::of(settings, account(), |sim| Wire::new(move || sim.connect_memory()))
    }

    /// A gateway with this account, which goes another way.
    pub(crate) fn of(settings: Settings, account: Zello, way: impl FnOnce(Sim) -> Wire) -> Self {
        let (log, journal) = (Lines::default(), tempfile::NamedTempFile::new().unwrap());
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_max_level(tracing::Level::INFO)
            .without_time()
            .with_ansi(false)
            .with_target(false)
            .finish();
        let told = tracing::subscriber::set_default(subscriber);
        let sim = Sim::start_with_journal(settings, journal.path()).unwrap();
        let way = way(sim.clone());
        let station = Station::start(way.clone(), account, HOLD);
        Self { sim, station, way, log, journal, _told: told }
    }

    /// A gateway that is online, past the time before its first over, and a phone.
    pub(crate) async fn online() -> (Self, Phone) {
        let mut scene = Self::new(Settings::default());
        scene.station.online().await;
        let phone = scene.phone("watson").await;
        sleep(secs(1)).await;
        (scene, phone)
    }

    pub(crate) async fn phone(&self, name: &str) -> Phone {
        let login = Login::new(name, "Test");
        Phone::over(self.sim.connect_memory(), "ws://localhost/ws", &login).await.unwrap()
    }

    /// Connects so far: by the journal, or by the gateway's own tries where they do not come so far as to be journalled.
    pub(crate) fn connects(&self) -> usize {
        let journalled = self.journalled("\"kind\":\"open\"") + self.journalled("\"kind\":\"refused\"");
        journalled.max(self.way.tries.borrow().len())
    }

    /// Frames and connections in the simulator's journal whose line holds these words.
    pub(crate) fn journalled(&self, words: &str) -> usize {
        let journal = std::fs::read_to_string(self.journal.path()).unwrap();
        journal.lines().filter(|line| line.contains(words)).count()
    }

    /// Starts of streams that the gateway asked for; phones name no channel there.
    pub(crate) fn starts(&self) -> usize {
        self.journalled("\\\"command\\\":\\\"start_stream\\\",\\\"seq\\\"")
    }

    /// Lines of the gateway's log that hold these words.
    pub(crate) fn lines(&self, words: &str) -> usize {
        self.log().lines().filter(|line| line.contains(words)).count()
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8(self.log.0.lock().unwrap().clone()).unwrap()
    }

    /// An over of 20 packets comes to the phone whole, once and in order, and nothing else does.
    pub(crate) async fn over_is_heard(&mut self, over: u32, phone: &Phone) {
        let (before, first) = (heard(phone).len(), self.station.packets());
        self.station.over(over, 20).await;
        sleep(secs(2)).await;
        let all = heard(phone);
        assert_eq!(all[before..], (first..first + 20).collect::<Vec<_>>(), "{}", self.log());
    }

    /// A talk of the phone is told to the engine whole.
    pub(crate) async fn talk_is_told(&mut self, phone: &Phone) {
        self.station.told();
        let talk = phone.talk(&vec![0.1; 16_000]).await.unwrap();
        sleep(secs(1)).await;
        let told = self.station.told();
        assert!(matches!(told[0], DownlinkItem::Start { .. }), "{told:?}");
        assert!(matches!(told[told.len() - 1], DownlinkItem::Stop { .. }), "{told:?}");
        assert_eq!(told.len(), talk.packets as usize + 2);
    }
}

/// What a phone has heard, packet by packet, over all streams.
pub(crate) fn heard(phone: &Phone) -> Vec<u32> {
    let streams = phone.heard();
    numbers(streams.iter().flat_map(|stream| stream.packets.iter().map(|packet| packet.opus.as_slice())))
}

/// Log lines, in memory.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
