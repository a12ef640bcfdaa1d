//! Engine and session of a gateway, joined as the daemon joins them but without a thread, a socket or a clock; after each
//! step the reference looks at what came of it.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use zello_gateway::audio::{CapturedBlock, DeviceState, DeviceStatus};
use zello_gateway::bell::Bell;
use zello_gateway::codec::{BLOCK, BLOCK_SAMPLES, Block};
use zello_gateway::config::Config;
use zello_gateway::counters::Counters;
use zello_gateway::engine::{Engine, Event, Ports};
use zello_gateway::lines::guard::PttStatus;
use zello_gateway::lines::{CosEdge, HEARTBEAT, Keyer, LineError};
use zello_gateway::logic::exchange::{DownlinkItem, UplinkItem};
use zello_gateway::logic::outbox::{PATIENCE, STALE};
use zello_gateway::logic::session::{Action, Fact, LinkState, Report, Session};
use zello_gateway::queue::{self, Consumer, Producer};

use super::radio::Radio;
use super::wire::Wire;

/// Where the link to the server stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    Down,
    Connecting,
    Up,
}

/// What a kind server has to answer.
#[derive(Debug, Clone, Copy)]
pub enum Wish {
    Connect,
    Logon(u64),
    Stream(u64),
}

type Beats = Arc<Mutex<Vec<bool>>>;

struct Hand(Beats);

impl Keyer for Hand {
    fn beat(&mut self, keyed: bool) -> Result<(), LineError> {
        self.0.lock().unwrap().push(keyed);
        Ok(())
    }
}

/// The other ends of the engine's queues.
struct Ends {
    capture: Producer<'static, CapturedBlock>,
    playback: Consumer<'static, Block>,
    cos: Producer<'static, CosEdge>,
    to_net: Consumer<'static, UplinkItem>,
    from_net: Producer<'static, DownlinkItem>,
    events: Consumer<'static, Event>,
}

thread_local! {
    /// Queues live for ever; so one set serves all gateways of a thread.
    static QUEUES: RefCell<Option<(Ports, Ends)>> = const { RefCell::new(None) };
}

fn queues() -> (Ports, Ends) {
    QUEUES.take().unwrap_or_else(|| {
        let (capture, capture_rx) = queue::channel::<_, 16>();
        let (playback_tx, playback) = queue::channel::<_, 16>();
        let (cos, cos_rx) = queue::channel::<_, 16>();
        let (to_net_tx, to_net) = queue::channel::<_, 64>();
        let (from_net, from_net_rx) = queue::channel::<_, 64>();
        let (events_tx, events) = queue::channel::<_, 128>();
        let ports = Ports {
            capture: capture_rx,
            playback: playback_tx,
            cos: cos_rx,
            to_net: to_net_tx,
            net_bell: Bell::new().unwrap(),
            from_net: from_net_rx,
            events: events_tx,
            playback_status: Arc::new(DeviceStatus::new()),
            ptt_status: Arc::default(),
            counters: Arc::default(),
        };
        (ports, Ends { capture, playback, cos, to_net, from_net, events })
    })
}

/// See the module.
pub struct Rig {
    pub now: Instant,
    pub config: Config,
    pub counters: Arc<Counters>,
    pub radio: Radio,
    pub wire: Wire,
    pub link: Link,
    pub state: LinkState,
    /// This log-on is for listening only.
    pub forbidden: bool,
    /// For a kind server, in order.
    pub wishes: Vec<Wish>,
    /// The gateway waits for a pong.
    pub pinged: bool,
    pub microphone: bool,
    engine: Engine<Hand>,
    session: Session,
    ends: Ends,
    status: Arc<DeviceStatus>,
    line: Arc<PttStatus>,
    beats: Beats,
    beat_at: Instant,
    /// The clock jumps, and heartbeats with it.
    pub hurries: bool,
    receiving: bool,
    /// Packets that the session was given; also the number of the next.
    pub given: u32,
    /// Packets that the engine was given.
    heard: u64,
    next_block: Instant,
    begin: Instant,
    /// As [`Self::check_books`] saw them last: packets that the session was given, that it held, and that expired.
    books: (u32, u64, u64),
}

impl Rig {
    pub fn new(config: Config, seed: u64) -> Self {
        let now = Instant::now();
        let (mut ports, ends) = queues();
        let (counters, status, line) =
            (Arc::<Counters>::default(), Arc::new(DeviceStatus::new()), Arc::<PttStatus>::default());
        status.set_state(DeviceState::Running);
        ports.counters = Arc::clone(&counters);
        ports.playback_status = Arc::clone(&status);
        ports.ptt_status = Arc::clone(&line);
        let beats = Beats::default();
        let engine = Engine::new(now, &config, ports, Hand(Arc::clone(&beats))).unwrap();
        let session = Session::new(now, &config.zello, &config.uplink, Arc::clone(&counters), seed);
        let mut wire = Wire::default();
        wire.rolls_over = config.uplink.roll_over < Duration::from_secs(10);
        wire.never_sends = config.zello.listen_only;
        Self {
            now,
            radio: Radio::new(&config),
            wire,
            config,
            counters,
            link: Link::Down,
            state: LinkState::Closed,
            forbidden: false,
            wishes: Vec::new(),
            pinged: false,
            microphone: true,
            engine,
            session,
            ends,
            status,
            line,
            beats,
            beat_at: now,
            hurries: false,
            receiving: false,
            given: 0,
            heard: 0,
            next_block: now + BLOCK,
            begin: now,
            books: (0, 0, 0),
        }
    }

    /// Gives the queues to the next gateway.
    pub fn finish(mut self) {
        let mut ports = self.engine.into_ports();
        while ports.capture.dequeue().is_some() || ports.cos.dequeue().is_some() {}
        while ports.from_net.dequeue().is_some() || self.ends.to_net.dequeue().is_some() {}
        while self.ends.playback.dequeue().is_some() || self.ends.events.dequeue().is_some() {}
        QUEUES.set(Some((ports, self.ends)));
    }

    /// The squelch moves.
    pub fn cos(&mut self, open: bool) {
        if self.radio.is_open() != open {
            self.radio.cos(open);
            self.ends.cos.enqueue(CosEdge { open, at: self.now }).unwrap();
        }
        self.step();
    }

    pub fn playback(&mut self, works: bool) {
        self.radio.playback = works;
        self.status.set_state(if works { DeviceState::Running } else { DeviceState::Lost });
        self.step();
    }

    pub fn line(&mut self, there: bool) {
        self.radio.line = there;
        if there {
            self.line.find();
        } else {
            self.line.lose();
        }
        self.step();
    }

    /// Something happens on the network; `flood`: the engine does not run just now.
    pub fn network(&mut self, fact: Fact<'_>, flood: bool) {
        match (&fact, self.link) {
            (Fact::Connected { .. }, Link::Connecting) => {
                self.link = Link::Up;
                self.forbidden = false;
                self.wire.connected();
            }
            (Fact::Text(text), Link::Up) => self.wire.server_says(self.now, text),
            (Fact::Binary(_) | Fact::SignOfLife, Link::Up) | (Fact::Timeout | Fact::Shutdown, _) => {}
            (Fact::ConnectFailed(_), Link::Connecting) | (Fact::Closed { .. } | Fact::Lost(_), Link::Up) => {
                self.link = Link::Down;
            }
            // Such news has no connection to come from.
            _ => return,
        }
        self.session.handle(self.now, fact);
        self.act();
        if !flood {
            self.step();
        }
    }

    /// Time passes.
    pub fn pass(&mut self, wait: Duration) {
        let end = self.now + wait;
        while self.now < end {
            let stride = match (self.hurries, self.radio.is_busy()) {
                (_, true) => BLOCK,
                (false, false) => HEARTBEAT,
                (true, false) => Duration::from_secs(1),
            };
            let wake = self.session.poll_timeout().map_or(end, |(at, _)| at.max(self.now));
            let next = (self.now + stride).min(end).min(wake).min(self.beat_due());
            self.now = next;
            let mut turns = 0;
            while self.session.poll_timeout().is_some_and(|(at, _)| at <= self.now) {
                turns += 1;
                assert!(turns < 10, "the session goes round in circles: {:?}", self.session.poll_timeout());
                self.network(Fact::Timeout, true);
            }
            self.sound();
            self.step();
        }
    }

    /// The gateway ends, as the daemon ends it.
    pub fn shut_down(&mut self) {
        self.radio.ended = true;
        self.engine.shut_down(self.now).unwrap();
        self.look();
        self.take_uplink();
        self.network(Fact::Shutdown, true);
        assert!(self.session.is_closed() && self.session.poll_timeout().is_none());
        assert_eq!(self.link, Link::Down, "it hangs up");
    }

    /// Speech of the radio that the session holds, packets.
    pub fn held_up(&self) -> u64 {
        let c = &self.counters;
        let fates = [&c.uplink_packets_sent, &c.uplink_packets_expired, &c.uplink_packets_refused];
        let gone: u64 = fates.iter().map(|counter| counter.value()).sum();
        u64::from(self.given).checked_sub(gone).expect("no packet of the radio has two fates")
    }

    /// Speech of the channel that the engine holds, packets.
    pub fn held_down(&self) -> u64 {
        let c = &self.counters;
        let fates = [
            &c.downlink_packets_played,
            &c.downlink_packets_dropped,
            &c.downlink_packets_late,
            &c.downlink_packets_expired,
            &c.downlink_packets_discarded,
            &c.downlink_packets_invalid,
        ];
        let gone: u64 = fates.iter().map(|counter| counter.value()).sum();
        self.heard.checked_sub(gone).expect("no packet of the channel has two fates")
    }

    fn beat_due(&self) -> Instant {
        if self.hurries { self.now + Duration::from_secs(1) } else { self.beat_at + HEARTBEAT }
    }

    /// 10 ms blocks come and go.
    fn sound(&mut self) {
        while self.next_block <= self.now {
            if self.microphone && (self.radio.has_over() || self.radio.is_open()) {
                let block = CapturedBlock {
                    samples: [0.0; BLOCK_SAMPLES],
                    captured_at: self.next_block,
                    after_gap: false,
                };
                let _engine_is_late = self.ends.capture.enqueue(block);
            }
            if self.radio.playback {
                self.status.step();
            }
            let _played = self.ends.playback.dequeue();
            self.next_block += BLOCK;
            if self.now - self.next_block.min(self.now) > BLOCK * 8 {
                self.next_block = self.now;
            }
        }
    }

    /// The engine's turn, and the network's for what comes of it.
    fn step(&mut self) {
        self.engine.step(self.now).unwrap();
        self.look();
        self.take_uplink();
        self.check_books();
    }

    /// The reference looks at what the engine did.
    fn look(&mut self) {
        for keyed in self.beats.lock().unwrap().drain(..) {
            assert!(self.hurries || self.now - self.beat_at <= HEARTBEAT, "no heartbeat for too long");
            self.beat_at = self.now;
            self.radio.beat(self.now, keyed);
        }
        assert!(self.hurries || self.now - self.beat_at <= HEARTBEAT, "no heartbeat for too long");
        self.radio.settle(self.now);
        while let Some(event) = self.ends.events.dequeue() {
            match event {
                Event::OverBegan => self.receiving = true,
                Event::OverEnded { .. } => self.receiving = false,
                Event::Keyed
                | Event::Unkeyed { .. }
                | Event::TimedOut
                | Event::Stuck { .. }
                | Event::PlaybackStalled { .. }
                | Event::Stream(_) => {}
            }
        }
        assert_eq!(self.receiving, self.radio.has_over(), "an over is open, and by the rules: (left, right)");
    }

    /// The packets of the engine get numbers for payloads, so that the wire can tell them apart.
    fn take_uplink(&mut self) {
        while let Some(mut item) = self.ends.to_net.dequeue() {
            if let UplinkItem::Packet { payload, .. } = &mut item {
                *payload = self.given.to_be_bytes().as_slice().try_into().unwrap();
                self.given += 1;
            }
            self.session.handle(self.now, Fact::Uplink(item));
            self.act();
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.session.poll() {
            match action {
                Action::Connect => {
                    assert_eq!(self.link, Link::Down, "one connection at a time");
                    self.link = Link::Connecting;
                    self.wire.connect(self.now);
                    self.wishes.clear();
                    self.wishes.push(Wish::Connect);
                }
                Action::SendText(text) if self.link == Link::Up => match self.wire.text(self.now, &text) {
                    Some((seq, true)) => self.wishes.push(Wish::Logon(seq)),
                    Some((seq, false)) => self.wishes.push(Wish::Stream(seq)),
                    None => {}
                },
                Action::SendBinary(bytes) if self.link == Link::Up => {
                    self.wire.binary(self.now, &bytes, self.config.uplink.packet);
                }
                Action::SendText(_) | Action::SendBinary(_) => panic!("sent without a connection"),
                Action::Ping => self.pinged = true,
                Action::Hangup { .. } => self.link = Link::Down,
                Action::Tell(item) => self.tell(&item),
                Action::Report(Report::State(state)) => self.state = state,
                Action::Report(Report::Over(told)) => {
                    self.forbidden |= told == zello_gateway::logic::outbox::Told::Forbidden;
                }
                Action::Report(_) => {}
            }
        }
    }

    fn tell(&mut self, item: &DownlinkItem) {
        let is_packet = matches!(item, DownlinkItem::Packet { payload, .. } if !payload.is_empty());
        self.heard += u64::from(is_packet);
        match self.ends.from_net.enqueue(item.clone()) {
            Ok(()) => self.radio.channel(self.now, item),
            Err(dropped) => dropped.count_dropped(&self.counters),
        }
    }

    fn check_books(&mut self) {
        assert_eq!(u64::from(self.wire.sent), self.counters.uplink_packets_sent.value());
        assert_eq!(self.counters.downlink_packets.value(), self.heard);
        let most = self.config.uplink.hold.max(PATIENCE).div_duration_f64(self.config.uplink.packet);
        assert!(self.held_up() as f64 <= most + 1.0, "{} packets are held", self.held_up());
        let _known = self.held_down();
        // Speech is thrown away only when there is too much of it, or when it is old.
        let (given, held, expired) = self.books;
        self.books = (self.given, self.held_up(), self.counters.uplink_packets_expired.value());
        if self.books.2 > expired && self.now - self.begin < STALE {
            let kept = held + u64::from(self.given - given);
            let room = self.config.uplink.hold.div_duration_f64(self.config.uplink.packet);
            assert!(
                kept as f64 > room,
                "{} packets expired, and only {kept} were kept",
                self.books.2 - expired
            );
        }
    }
}
