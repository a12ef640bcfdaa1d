//! A gateway in its hut for a month of virtual time: engine, session and simulator, each the real one, joined by a
//! network model; people on the air and on the channel; and everything that can go wrong.
//!
//! Time hops from event to event; while anything is said or heard it goes on in blocks of 10 ms. Nothing is kept of what has been:
//! a month needs no more memory than a day. What must hold always is looked at after every step.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::indexing_slicing,
    clippy::unchecked_time_subtraction,
    clippy::cast_possible_truncation,
    clippy::struct_excessive_bools,
    clippy::too_many_lines,
    reason = "a test that cannot prepare itself has failed"
)]

#[path = "network.rs"]
pub mod network;
#[path = "people.rs"]
mod people;
#[path = "trouble.rs"]
mod trouble;
#[path = "wire.rs"]
mod wire;
#[path = "world.rs"]
pub mod world;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use network::{Chance, Network};
use people::{Phone, PhonePacket};
use trouble::Trouble;
use wire::Wire;
use world::talk::{ms, speech};
use zello_gateway::audio::{CapturedBlock, DeviceState, DeviceStatus};
use zello_gateway::bell::Bell;
use zello_gateway::codec::{BLOCK, BLOCK_SAMPLES, Block};
use zello_gateway::config::{Config, Service, User};
use zello_gateway::counters::Counters;
use zello_gateway::engine::{Engine, Event, Ports};
use zello_gateway::lines::guard::PttStatus;
use zello_gateway::lines::{CosEdge, Keyer, LineError};
use zello_gateway::logic::downlink::STOP_MISSING;
use zello_gateway::logic::exchange::{DownlinkItem, UplinkItem};
use zello_gateway::logic::session::{Action, ConnectFailure, ConnectKind, Fact, LinkState, Report, Session};
use zello_gateway::queue::{self, Consumer, Producer};
use zello_gateway::secret::Secret;
use zello_gateway::sim::world::{Fact as Told, Frame, Now};
use zello_gateway::sim::{ConnId, Fault, Settings, World as Server};

pub const DAY: Duration = Duration::from_secs(24 * 3_600);
/// No new trouble and no talk in the last hour of a day: longer than the longest wait of the gateway before it connects again.
const NIGHT: Duration = Duration::from_secs(3_600);
/// The engine is stepped for so long after anything has happened: all its deadlines lie within.
const WAKEFUL: Duration = Duration::from_secs(4);
/// Lines of the transcript that are kept.
const RECENT: usize = 80;
/// When the sun rose on the first day, since the epoch.
const EPOCH: Duration = Duration::from_secs(1_800_000_000);

/// Something that will happen.
#[derive(Debug, Clone)]
enum Deed {
    /// Somebody presses the key of a radio, or releases it.
    RadioOver,
    Squelch(bool),
    PhoneTalk,
    PhonePacket(PhonePacket),
    PhoneLogon,
    Trouble,
    Mend(Trouble),
    Night,
    Morning,
    Connected {
        attempt: u64,
    },
    NotConnected {
        attempt: u64,
        kind: ConnectKind,
    },
    /// To the server.
    Up(ConnId, Frame),
    UpClosed(ConnId),
    /// To the gateway.
    Down(ConnId, Frame),
    DownClosed(ConnId, Option<(u16, String)>),
    Pong(ConnId),
    /// What stalled flows again.
    Flow(ConnId),
}

/// Stands in for the guard's pipe.
struct Hand(Arc<AtomicBool>);

impl Keyer for Hand {
    fn beat(&mut self, keyed: bool) -> Result<(), LineError> {
        self.0.store(keyed, Ordering::Relaxed);
        Ok(())
    }
}

/// What a month comes to, beside the gateway's own counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Packets with a number of ours that the server got.
    pub arrived: u64,
    /// Those that a wire took with it.
    pub gone_with_the_wire: u64,
    pub tone_packets: u64,
    pub frames_up: u64,
    pub frames_down: u64,
    pub phone_talks: u64,
    pub phone_talks_refused: u64,
    pub troubles: u64,
    pub stalls: u64,
    pub keyed: Duration,
    pub longest_keyed: Duration,
    pub steps: u64,
}

/// See the module.
pub struct Hut {
    pub config: Config,
    pub counters: Arc<Counters>,
    pub totals: Totals,
    pub now: Duration,
    start: Instant,
    plan: BTreeMap<(Duration, u64), Deed>,
    deeds: u64,
    chance: Chance,
    hash: u64,
    line: String,
    /// The end of the transcript, for whoever looks for the reason of a failure.
    recent: VecDeque<String>,

    engine: Engine<Hand>,
    keyed: Arc<AtomicBool>,
    keyed_at: Option<Duration>,
    receiving: bool,
    awake_until: Duration,
    next_block: Duration,
    last_told: Duration,
    squelch: bool,
    capture: Producer<'static, CapturedBlock>,
    playback: Consumer<'static, Block>,
    card: Arc<DeviceStatus>,
    ptt: Arc<PttStatus>,
    cos: Producer<'static, CosEdge>,
    to_net: Consumer<'static, UplinkItem>,
    from_net: Producer<'static, DownlinkItem>,
    events: Consumer<'static, Event>,

    session: Session,
    pub online: bool,
    wire: Option<Wire>,
    connecting: Option<u64>,
    attempts: u64,
    network: Network,
    network_up: bool,
    /// Number of the next packet of an over, and of the newest that the session wanted sent.
    serial: u64,
    newest_sent: Option<u64>,

    server: Server,
    conns: u64,
    phone: Phone,
    voice: Vec<Vec<u8>>,
    night: bool,
}

impl Hut {
    /// A hut on its first day. The same seed lives the same life.
    pub fn new(seed: u64) -> Self {
        let mut config = world::config();
        config.zello.service = Service::Consumer;
        config.zello.user = Some(User { name: "gateway".to_owned(), password: Secret::new("secret") });
        config.uplink.roll_over = ms(20_000);
        config.uplink.stuck = ms(90_000);
        config.uplink.held_tone = true;
        config.downlink.time_out = ms(45_000);
        config.downlink.held_tone = true;

        let (capture, capture_rx) = queue::channel::<_, 32>();
        let (playback_tx, playback) = queue::channel::<_, 32>();
        let (cos, cos_rx) = queue::channel::<_, 64>();
        let (to_net_tx, to_net) = queue::channel::<_, 256>();
        let (from_net, from_net_rx) = queue::channel::<_, 256>();
        let (events_tx, events) = queue::channel::<_, 64>();
        let (counters, card) = (Arc::new(Counters::default()), Arc::new(DeviceStatus::new()));
        card.set_state(DeviceState::Running);
        let (ptt, keyed) = (Arc::<PttStatus>::default(), Arc::new(AtomicBool::new(false)));
        let ports = Ports {
            capture: capture_rx,
            playback: playback_tx,
            cos: cos_rx,
            to_net: to_net_tx,
            net_bell: Bell::new().unwrap(),
            from_net: from_net_rx,
            events: events_tx,
            playback_status: Arc::clone(&card),
            ptt_status: Arc::clone(&ptt),
            counters: Arc::clone(&counters),
        };
        let start = Instant::now();
        let engine = Engine::new(start, &config, ports, Hand(Arc::clone(&keyed))).unwrap();
        let tone = (0..3).map(|n| Box::from([n])).collect();
        let session = Session::new(start, &config.zello, &config.uplink, Arc::clone(&counters), seed)
            .with_held_tone(tone);
        let mut hut = Self {
            counters,
            totals: Totals::default(),
            now: Duration::ZERO,
            start,
            plan: BTreeMap::new(),
            deeds: 0,
            chance: Chance::new(seed),
            hash: 0xcbf2_9ce4_8422_2325,
            line: String::new(),
            recent: VecDeque::with_capacity(RECENT),
            engine,
            keyed,
            keyed_at: None,
            receiving: false,
            awake_until: WAKEFUL,
            next_block: BLOCK,
            last_told: Duration::ZERO,
            squelch: false,
            capture,
            playback,
            card,
            ptt,
            cos,
            to_net,
            from_net,
            events,
            session,
            online: false,
            wire: None,
            connecting: None,
            attempts: 0,
            network: Network::GoodLine,
            network_up: true,
            serial: 0,
            newest_sent: None,
            server: Server::new(Settings { seed, ..Settings::default() }),
            conns: 0,
            phone: Phone::default(),
            voice: world::talk::encode(config.uplink.packet, 16_000, &speech("phone")[..48_000]),
            night: false,
            config,
        };
        hut.do_at(ms(10), Deed::PhoneLogon);
        hut.do_at(ms(10_000), Deed::Morning);
        hut
    }

    /// A number that stands for all that has happened so far.
    pub fn transcript(&self) -> u64 {
        self.hash
    }

    /// Lets time pass until `until`.
    pub fn run(&mut self, until: Duration) {
        loop {
            let next = self.next();
            if next > until {
                self.now = until;
                return;
            }
            self.now = next.max(self.now);
            self.step();
        }
    }

    fn next(&self) -> Duration {
        let since = |at: Instant| at.saturating_duration_since(self.start);
        let session = self.session.poll_timeout().map(|(at, _)| since(at));
        let server = self.server.poll_timeout().map(|(at, _)| since(at));
        let planned = self.plan.first_key_value().map(|((at, _), _)| *at);
        let block = self.is_awake().then_some(self.next_block);
        [session, server, planned, block].into_iter().flatten().min().unwrap_or(Duration::MAX)
    }

    fn is_awake(&self) -> bool {
        self.now < self.awake_until || self.squelch || self.keyed_at.is_some()
    }

    fn step(&mut self) {
        self.totals.steps += 1;
        while let Some(entry) = self.plan.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let deed = entry.remove();
            self.act(deed);
        }
        if self.is_due(self.session.poll_timeout().map(|(at, _)| at)) {
            self.session.handle(self.instant(), Fact::Timeout);
        }
        if self.is_due(self.server.poll_timeout().map(|(at, _)| at)) {
            self.server.handle_timeout(self.clock());
        }
        self.pass_blocks();
        self.settle();
        self.check();
    }

    fn is_due(&self, at: Option<Instant>) -> bool {
        at.is_some_and(|at| at <= self.instant())
    }

    /// Hands everything on until nobody has anything more to say.
    fn settle(&mut self) {
        loop {
            if self.is_awake() {
                self.engine.step(self.instant()).unwrap();
                self.note_key();
            }
            let mut quiet = true;
            while let Some(item) = self.to_net.dequeue() {
                quiet = false;
                let item = self.number(item);
                self.session.handle(self.instant(), Fact::Uplink(item));
            }
            while let Some(action) = self.session.poll() {
                quiet = false;
                self.carry_out(action);
            }
            while let Some(output) = self.server.poll() {
                quiet = false;
                self.serve(output);
            }
            while let Some(event) = self.events.dequeue() {
                if matches!(event, Event::OverBegan | Event::OverEnded { .. }) {
                    self.receiving = event == Event::OverBegan;
                }
                self.note(&event);
            }
            if quiet {
                return;
            }
        }
    }

    /// Whatever happens.
    fn check(&mut self) {
        let Some(since) = self.keyed_at else { return };
        assert!(!self.receiving, "keyed at {:?} while an over is open", self.now);
        let keyed = self.now - since;
        assert!(keyed <= self.config.downlink.time_out + BLOCK, "keyed for {keyed:?} at {:?}", self.now);
    }

    fn note_key(&mut self) {
        let keyed = self.keyed.load(Ordering::Relaxed);
        match (self.keyed_at, keyed) {
            (None, true) => {
                let fresh = self.now - self.last_told <= STOP_MISSING;
                assert!(fresh || self.talk_waits() > 0, "keyed without a talk at {:?}", self.now);
                self.keyed_at = Some(self.now);
                self.note(&"keyed");
            }
            (Some(since), false) => {
                self.totals.keyed += self.now - since;
                self.totals.longest_keyed = self.totals.longest_keyed.max(self.now - since);
                self.keyed_at = None;
                self.wake();
                self.note(&"unkeyed");
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    /// Packets of the channel that no counter explains yet: they wait.
    pub fn talk_waits(&self) -> i64 {
        world::unexplained_packets(&self.counters)
    }

    /// Packets of overs that no counter explains yet.
    pub fn overs_wait(&self) -> i64 {
        let c = &self.counters;
        let fates = [
            &c.uplink_packets_sent,
            &c.uplink_packets_dropped,
            &c.uplink_packets_expired,
            &c.uplink_packets_refused,
        ];
        world::balance(&c.uplink_packets, &fates)
    }

    /// A quiet night's end: nothing waits anywhere, and every book balances.
    pub fn assert_settled(&self) {
        let at = self.now;
        assert!(self.online, "off the channel at {at:?}");
        assert!(self.keyed_at.is_none() && !self.receiving, "at {at:?}");
        assert_eq!(self.talk_waits(), 0, "talk without a fate at {at:?}: {:#?}", self.recent);
        assert_eq!(self.overs_wait(), 0, "packets of overs without a fate at {at:?}");
        let sent = self.counters.uplink_packets_sent.value();
        assert_eq!(sent, self.totals.arrived + self.totals.gone_with_the_wire, "on the wire at {at:?}");
        assert!(self.plan.len() < 20, "{} things are planned at {at:?}", self.plan.len());
    }

    fn do_at(&mut self, at: Duration, deed: Deed) {
        self.deeds += 1;
        self.plan.insert((at, self.deeds), deed);
    }

    fn do_in(&mut self, wait: Duration, deed: Deed) {
        self.do_at(self.now + wait, deed);
    }

    /// A wait of seconds, `mean` on average.
    fn some(&mut self, mean: Duration) -> Duration {
        Duration::from_millis(self.chance.exponential(mean.as_millis() as u64))
    }

    fn instant(&self) -> Instant {
        self.start + self.now
    }

    fn clock(&self) -> Now {
        Now { at: self.instant(), unix: EPOCH + self.now }
    }

    fn wake(&mut self) {
        if !self.is_awake() {
            // The sound card has gone on meanwhile.
            self.next_block = self.now + BLOCK;
            self.card.step();
        }
        self.awake_until = self.now + WAKEFUL;
    }

    /// Adds to the transcript.
    fn note(&mut self, what: &dyn std::fmt::Debug) {
        self.line.clear();
        let _infallible = write!(self.line, "{} {what:?}", self.now.as_micros());
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(self.line.clone());
        for byte in self.line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn mix(&mut self, number: u64) {
        self.hash = (self.hash ^ number ^ self.now.as_micros() as u64).wrapping_mul(0x0100_0000_01b3);
    }

    fn pass_blocks(&mut self) {
        while self.is_awake() && self.next_block <= self.now {
            let captured_at = self.start + self.next_block;
            let block = CapturedBlock { samples: [0.0; BLOCK_SAMPLES], captured_at, after_gap: false };
            if self.card.state() == DeviceState::Running {
                // Two steps of the engine take two blocks.
                self.capture.enqueue(block).unwrap_or_else(|_| panic!("the engine takes every block"));
            }
            let _played = self.playback.dequeue();
            self.card.step();
            self.next_block += BLOCK;
        }
    }

    fn act(&mut self, deed: Deed) {
        match deed {
            Deed::Morning => self.begin_day(),
            Deed::Night => {
                self.night = true;
                self.mend_all();
            }
            Deed::RadioOver => self.radio_over(),
            Deed::Squelch(open) => {
                self.wake();
                self.squelch = open;
                self.cos.enqueue(CosEdge { open, at: self.instant() }).unwrap();
            }
            Deed::PhoneLogon => self.phone_logs_on(),
            Deed::PhoneTalk => self.phone_talks(),
            Deed::PhonePacket(packet) => self.phone_packet(packet),
            Deed::Trouble => self.trouble(),
            Deed::Mend(trouble) => self.mend(trouble),
            Deed::Connected { attempt } => self.connected(attempt),
            Deed::NotConnected { attempt, kind } => {
                if self.connecting.take_if(|current| *current == attempt).is_some() {
                    let failure = ConnectFailure { kind, text: "no way".to_owned() };
                    self.session.handle(self.instant(), Fact::ConnectFailed(failure));
                }
            }
            Deed::Up(conn, frame) => self.arrive_at_server(conn, frame),
            Deed::UpClosed(conn) => self.server.handle(self.clock(), conn, Told::Closed),
            Deed::Down(conn, frame) => self.arrive_at_gateway(conn, &frame),
            Deed::Pong(conn) => {
                if self.is_current(conn) {
                    self.session.handle(self.instant(), Fact::SignOfLife);
                }
            }
            Deed::Flow(conn) => {
                if let Some(wire) = self.wire.as_mut().filter(|wire| wire.conn == conn && !wire.frozen) {
                    wire.stalls = false;
                    self.session.handle(self.instant(), Fact::Congestion(false));
                }
            }
            Deed::DownClosed(conn, close) => {
                if self.is_current(conn) {
                    self.wire = None;
                    let fact = match &close {
                        Some((code, reason)) => Fact::Closed { code: Some(*code), reason },
                        None => Fact::Lost("reset".to_owned()),
                    };
                    self.session.handle(self.instant(), fact);
                }
            }
        }
    }

    /// People get up, and so does trouble.
    fn begin_day(&mut self) {
        self.night = false;
        self.network = Network::ALL[self.chance.below(5) as usize];
        if self.chance.one_in(3) {
            // Those who talk do not wait for each other.
            self.server.faults().set(Fault::Overlap);
        }
        let day = self.now.as_secs() / DAY.as_secs();
        let night = DAY * (day as u32 + 1);
        self.do_at(night - NIGHT, Deed::Night);
        self.do_at(night + ms(10_000), Deed::Morning);
        for deed in [Deed::RadioOver, Deed::PhoneTalk, Deed::Trouble] {
            let wait = self.some(ms(300_000));
            self.do_in(wait, deed);
        }
    }

    /// The engine's packets get numbers in place of their sound, so that each can be told from all others.
    fn number(&mut self, item: UplinkItem) -> UplinkItem {
        match item {
            UplinkItem::Packet { over, captured_at, payload: _ } => {
                let payload = heapless::Vec::from_slice(&self.serial.to_be_bytes()).unwrap();
                self.serial += 1;
                UplinkItem::Packet { over, captured_at, payload }
            }
            UplinkItem::Start { over, at, continues } => {
                self.note(&("start", over, continues));
                UplinkItem::Start { over, at, continues }
            }
            UplinkItem::End { over } => {
                self.note(&("end", over));
                item
            }
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Connect => self.connect(),
            Action::SendText(text) => {
                self.note(&text);
                self.send(Frame::Text(text));
            }
            Action::SendBinary(bytes) => self.send(Frame::Binary(bytes)),
            Action::Ping => self.ping(),
            Action::Hangup { .. } => {
                self.connecting = None;
                if let Some(mut wire) = self.wire.take() {
                    if !wire.frozen {
                        let at = wire.up.carry(self.now);
                        self.do_at(at, Deed::UpClosed(wire.conn));
                    }
                }
            }
            Action::Tell(item) => {
                self.wake();
                if matches!(*item, DownlinkItem::Start { .. } | DownlinkItem::Packet { .. }) {
                    self.last_told = self.now;
                }
                self.from_net.enqueue(*item).unwrap_or_else(|_| panic!("the engine takes every item"));
                self.engine.step(self.instant()).unwrap();
                self.note_key();
            }
            Action::Report(Report::State(state)) => {
                self.online = state == LinkState::Online;
                self.note(&state);
            }
            Action::Report(_) => {}
        }
    }
}
