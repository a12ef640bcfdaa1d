//! A gateway's network task in a test's hands: the engine's ends of its queues, and a way to any server in memory.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper that cannot do its work fails the test"
)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::io::DuplexStream;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use zello_gateway::bell::Bell;
use zello_gateway::config::{Service, TokenSource, Uplink, User, Zello};
use zello_gateway::counters::Counters;
use zello_gateway::logic::exchange::{DownlinkItem, OverId, UplinkItem};
use zello_gateway::logic::session::{ConnectFailure, ConnectKind, LinkState};
use zello_gateway::net::{self, Dial};
use zello_gateway::queue::{self, Consumer, Producer};
use zello_gateway::secret::Secret;

/// Speech in a packet.
pub(crate) const PACKET: Duration = Duration::from_millis(60);

/// A way to a server that a test can cut.
#[derive(Clone)]
pub(crate) struct Wire {
    connect: Rc<RefCell<dyn FnMut() -> DuplexStream>>,
    /// The network is there.
    pub(crate) up: Rc<Cell<bool>>,
    /// When each connect was tried.
    pub(crate) tries: Rc<RefCell<Vec<Instant>>>,
    /// How far the wall clock is off the right time.
    clock: Rc<Cell<Clock>>,
    clock_set: Rc<Notify>,
}

/// The wall clock of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// As the machine's that runs the test.
    Right,
    /// Behind by so much.
    Behind(Duration),
    /// As after power-on without a clock module.
    In1970,
}

impl Wire {
    pub(crate) fn new(connect: impl FnMut() -> DuplexStream + 'static) -> Self {
        Self {
            connect: Rc::new(RefCell::new(connect)),
            up: Rc::new(Cell::new(true)),
            tries: Rc::default(),
            clock: Rc::new(Cell::new(Clock::Right)),
            clock_set: Rc::default(),
        }
    }

    /// Sets the wall clock, as time synchronisation does.
    pub(crate) fn set_clock(&self, clock: Clock) {
        self.set_clock_unheard(clock);
        self.clock_set.notify_waiters();
    }

    /// The same on a system that tells nobody.
    pub(crate) fn set_clock_unheard(&self, clock: Clock) {
        self.clock.set(clock);
    }
}

impl Dial for Wire {
    type Io = DuplexStream;

    async fn dial(&self) -> Result<DuplexStream, ConnectFailure> {
        self.tries.borrow_mut().push(Instant::now());
        if self.up.get() {
            return Ok((self.connect.borrow_mut())());
        }
        Err(ConnectFailure { kind: ConnectKind::Tcp, text: "no network".to_owned() })
    }

    #[expect(clippy::disallowed_methods, reason = "the simulator judges tokens by this clock")]
    fn wall(&self) -> SystemTime {
        match self.clock.get() {
            Clock::Right => SystemTime::now(),
            Clock::Behind(by) => SystemTime::now() - by,
            Clock::In1970 => SystemTime::UNIX_EPOCH + Duration::from_secs(17),
        }
    }

    async fn clock_set(&self) {
        self.clock_set.notified().await;
    }
}

/// A named account on a consumer service without tokens.
pub(crate) fn account() -> Zello {
    Zello {
        service: Service::Consumer,
        url: "ws://127.0.0.1:8008/ws".to_owned(),
        ca_file: None,
        channel: "Test".to_owned(),
        user: Some(User { name: "gateway".to_owned(), password: Secret::new("secret") }),
        token: TokenSource::None,
        listen_only: false,
    }
}

/// `[uplink]` as it is without a line in the file, with another hold.
pub(crate) fn uplink(hold: Duration) -> Uplink {
    Uplink {
        packet: PACKET,
        bitrate_bps: 16_000,
        pre_roll: Duration::from_millis(200),
        hang: Duration::from_millis(500),
        hold,
        held_tone: false,
        roll_over: Duration::from_secs(55),
        stuck: Duration::from_secs(300),
    }
}

/// The network task and what surrounds it.
pub(crate) struct Station {
    uplink: Producer<'static, UplinkItem>,
    bell: Bell,
    downlink: Consumer<'static, DownlinkItem>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) states: watch::Receiver<LinkState>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    packets: u32,
}

impl Station {
    /// Starts the task. Needs a `LocalSet` around it.
    pub(crate) fn start(wire: impl Dial + 'static, zello: Zello, hold: Duration) -> Self {
        let (uplink_tx, uplink_rx) = queue::channel::<_, 256>();
        let (downlink_tx, downlink_rx) = queue::channel::<_, 128>();
        let (bell, counters) = (Bell::new().unwrap(), Arc::new(Counters::default()));
        let (states_tx, states) = watch::channel(LinkState::Closed);
        let stop = CancellationToken::new();
        let ports = net::Ports {
            uplink: uplink_rx,
            uplink_bell: bell.clone(),
            downlink: downlink_tx,
            engine_bell: Bell::new().unwrap(),
            counters: Arc::clone(&counters),
        };
        let token = stop.clone();
        let task = spawn_local(async move {
            net::run_over(&wire, zello, uplink(hold), ports, &states_tx, token).await;
        });
        Self { uplink: uplink_tx, bell, downlink: downlink_rx, counters, states, stop, task, packets: 0 }
    }

    /// Waits for a state; how long it took.
    pub(crate) async fn wait_for(
        &mut self,
        limit: Duration,
        wanted: impl Fn(&LinkState) -> bool,
    ) -> Duration {
        let begin = Instant::now();
        let came = timeout(limit, self.states.wait_for(|state| wanted(state))).await.is_ok();
        assert!(came, "still {:?} after {limit:?}", *self.states.borrow());
        begin.elapsed()
    }

    pub(crate) async fn online(&mut self) -> Duration {
        self.wait_for(Duration::from_secs(120), |state| *state == LinkState::Online).await
    }

    pub(crate) async fn lost(&mut self) -> Duration {
        self.wait_for(Duration::from_secs(120), |state| matches!(state, LinkState::Waiting { .. })).await
    }

    pub(crate) fn give(&mut self, item: UplinkItem) {
        self.uplink.enqueue(item).expect("room in the queue");
        self.bell.ring();
    }

    pub(crate) fn begin(&mut self, over: u32, continues: Option<u32>) {
        let (over, continues) = (OverId(over), continues.map(OverId));
        self.give(UplinkItem::Start { over, at: Instant::now().into_std(), continues });
    }

    /// `count` packets in real time; each carries its number among all.
    pub(crate) async fn talk(&mut self, over: u32, count: u32) {
        for _ in 0..count {
            sleep(PACKET).await;
            let payload = heapless::Vec::from_slice(&self.packets.to_be_bytes()).unwrap();
            self.packets += 1;
            let captured_at = Instant::now().into_std();
            self.give(UplinkItem::Packet { over: OverId(over), captured_at, payload });
        }
    }

    /// Packets given so far: the number of the next.
    pub(crate) fn packets(&self) -> u32 {
        self.packets
    }

    pub(crate) fn end(&mut self, over: u32) {
        self.give(UplinkItem::End { over: OverId(over) });
    }

    /// One whole over in real time.
    pub(crate) async fn over(&mut self, over: u32, packets: u32) {
        self.begin(over, None);
        self.talk(over, packets).await;
        self.end(over);
    }

    /// What the engine has been told since the last call.
    pub(crate) fn told(&mut self) -> Vec<DownlinkItem> {
        std::iter::from_fn(|| self.downlink.dequeue()).collect()
    }

    /// Ends the task; how long it took.
    pub(crate) async fn stop(self) -> Duration {
        let begin = Instant::now();
        self.stop.cancel();
        self.task.await.unwrap();
        begin.elapsed()
    }
}

/// The packets' numbers as a receiver hears them.
pub(crate) fn numbers<'a>(packets: impl IntoIterator<Item = &'a [u8]>) -> Vec<u32> {
    packets.into_iter().map(|packet| u32::from_be_bytes(packet.try_into().unwrap())).collect()
}
