//! A whole gateway but for its hardware, in virtual time: engine, session and WebSocket, over a wire that can be cut.
//!
//! Everything runs on one thread of a paused tokio runtime, within a `LocalSet`.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot prepare itself has failed"
)]

#[path = "world.rs"]
pub mod world;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{DuplexStream, copy_bidirectional, duplex};
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinHandle, spawn_local};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use world::World;
use world::talk::{ms, speech};
use zello_gateway::config::{Config, Service, User};
use zello_gateway::logic::session::{ConnectFailure, ConnectKind, LinkState};
use zello_gateway::net::{self, Dial};
use zello_gateway::secret::Secret;
use zello_gateway::sim::{Login, Phone, Settings, Sim};

/// The gateway's account.
pub const NAME: &str = "gateway";

/// A way to a server in memory.
#[derive(Clone)]
pub struct Wire {
    connect: Rc<RefCell<dyn FnMut() -> DuplexStream>>,
    /// The network is there.
    pub up: Rc<Cell<bool>>,
    relay: Rc<RefCell<Option<AbortHandle>>>,
    freeze: Rc<Notify>,
}

impl Wire {
    /// To a server that `connect` reaches.
    pub fn new(connect: impl FnMut() -> DuplexStream + 'static) -> Self {
        Self {
            connect: Rc::new(RefCell::new(connect)),
            up: Rc::new(Cell::new(true)),
            relay: Rc::default(),
            freeze: Rc::default(),
        }
    }

    /// Cuts the connection; the other side sees its end, and this one too.
    pub fn cut(&self) {
        if let Some(relay) = self.relay.take() {
            relay.abort();
        }
    }

    /// Nothing passes any more, and nobody is told.
    pub fn freeze(&self) {
        self.freeze.notify_waiters();
    }
}

impl Dial for Wire {
    type Io = DuplexStream;

    async fn dial(&self) -> Result<DuplexStream, ConnectFailure> {
        if !self.up.get() {
            return Err(ConnectFailure { kind: ConnectKind::Tcp, text: "no network".to_owned() });
        }
        let (ours, mut near) = duplex(64 * 1024);
        let mut far = (self.connect.borrow_mut())();
        let freeze = Rc::clone(&self.freeze);
        let relay = spawn_local(async move {
            tokio::select! {
                _ended = copy_bidirectional(&mut near, &mut far) => {}
                () = freeze.notified() => std::future::pending().await,
            }
        });
        self.relay.replace(Some(relay.abort_handle()));
        Ok(ours)
    }
}

/// A gateway and its surroundings.
pub struct Gateway {
    pub world: Rc<RefCell<World>>,
    pub wire: Wire,
    pub states: watch::Receiver<LinkState>,
    start: Instant,
    stop: CancellationToken,
    net: JoinHandle<()>,
}

impl Gateway {
    /// A gateway of a simulator's channel.
    pub fn of(sim: &Sim) -> Self {
        Self::with(sim, |_| {})
    }

    /// The same, with a configuration of its own.
    pub fn with(sim: &Sim, change: impl FnOnce(&mut Config)) -> Self {
        let sim = sim.clone();
        Self::start(Wire::new(move || sim.connect_memory()), change)
    }

    pub fn start(wire: Wire, change: impl FnOnce(&mut Config)) -> Self {
        let start = Instant::now();
        let (world, ports) = World::networked(start.into_std(), |config| {
            config.zello.service = Service::Consumer;
            config.zello.user = Some(User { name: NAME.to_owned(), password: Secret::new("secret") });
            change(config);
        });
        let (zello, uplink) = (world.config.zello.clone(), world.config.uplink);
        let (states_tx, states) = watch::channel(LinkState::Closed);
        let stop = CancellationToken::new();
        let (way, stopped) = (wire.clone(), stop.clone());
        let net = spawn_local(async move {
            net::run_over(&way, zello, uplink, ports, &states_tx, stopped).await;
        });
        let world = Rc::new(RefCell::new(world));
        spawn_local(live(Rc::clone(&world), start));
        Self { world, wire, states, start, stop, net }
    }

    /// Waits until the channel is there.
    pub async fn online(&mut self) {
        let online = self.states.wait_for(|state| matches!(state, LinkState::Online));
        timeout(Duration::from_secs(60), online).await.unwrap().unwrap();
    }

    /// Waits until a time since the beginning.
    pub async fn until(&self, at: Duration) {
        sleep_until(self.start + at).await;
    }

    /// When this was, since the beginning.
    pub fn since(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.start)
    }

    /// Ends the gateway as the daemon does.
    pub async fn shut_down(self) {
        self.world.borrow_mut().shut_down();
        self.stop.cancel();
        timeout(Duration::from_secs(3), self.net).await.unwrap().unwrap();
    }
}

/// The engine's thread.
async fn live(world: Rc<RefCell<World>>, start: Instant) {
    loop {
        let next = world.borrow().next();
        sleep_until(start + next).await;
        let now = Instant::now().saturating_duration_since(start);
        world.borrow_mut().run(next.max(now));
    }
}

/// A phone on the gateway's channel.
pub async fn phone(sim: &Sim, world: &RefCell<World>) -> Phone {
    let login = Login::new("watson", &world.borrow().config.zello.channel.clone());
    Phone::over(sim.connect_memory(), "ws://localhost/ws", &login).await.unwrap()
}

/// A server, a gateway and a phone, all online; the time is 2 s.
pub async fn scene(change: impl FnOnce(&mut Config)) -> (Sim, Gateway, Phone) {
    let sim = Sim::start(Settings::default());
    let mut gateway = Gateway::with(&sim, change);
    gateway.online().await;
    let phone = phone(&sim, &gateway.world).await;
    gateway.until(ms(2_000)).await;
    (sim, gateway, phone)
}

/// Somebody speaks on the air from 2.5 s to 9.5 s.
pub fn radio_speaks(gateway: &Gateway) {
    let mut world = gateway.world.borrow_mut();
    world.radio_hears(ms(2_500), &speech("radio"));
    world.squelch(ms(2_503)..ms(9_503));
}

/// All packets of the gateway that a phone has heard.
pub fn heard(phone: &Phone) -> Vec<Vec<u8>> {
    phone.heard().iter().flat_map(|over| over.packets.iter().map(|packet| packet.opus.clone())).collect()
}
