//! The shell around the world: listeners, the clock, and the handle that tests and the demo hold.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::account::Service;
use super::connection::{self, Order};
use super::journal::{Direction, Entry, Journal};
pub use super::tls::Tls;
use super::world::{ConnId, Fact, Frame, Now, Output, Seen, World};
use super::{Fault, Settings};

/// Bytes that an in-memory connection holds each way.
const MEMORY_BYTES: usize = 256 * 1024;

/// What keeps the simulator from starting.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The journal cannot be made.
    #[error("cannot write the journal {}: {source}", path.display())]
    Journal {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No certificate.
    #[error("cannot make a certificate: {why}; check the names it is for")]
    Tls {
        /// What was wrong.
        why: String,
    },
}

/// Something that a watcher is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimEvent {
    /// When.
    pub at: Instant,
    /// What.
    pub what: Seen,
}

/// A running server. It ends when the last clone is dropped, or by [`Sim::stop`].
#[derive(Debug, Clone)]
pub struct Sim {
    hub: Arc<Hub>,
    _guard: Arc<DropGuard>,
}

impl Sim {
    /// Starts a server without listeners, on the current tokio runtime.
    #[must_use]
    pub fn start(settings: Settings) -> Self {
        Self::start_with(settings, None)
    }

    /// Starts a server that writes a journal.
    ///
    /// # Errors
    /// [`SimError::Journal`] when the file cannot be made.
    pub fn start_with_journal(settings: Settings, path: &Path) -> Result<Self, SimError> {
        let journal =
            Journal::create(path).map_err(|source| SimError::Journal { path: path.into(), source })?;
        Ok(Self::start_with(settings, Some(journal)))
    }

    fn start_with(settings: Settings, journal: Option<Journal>) -> Self {
        let world = World::new(settings);
        let answers = Arc::new(AtomicBool::new(world.answers_pings()));
        let inner = Inner { world, connections: BTreeMap::new(), watchers: Vec::new(), last_conn: 0 };
        let hub = Arc::new(Hub {
            inner: Mutex::new(inner),
            journal: journal.map(Mutex::new),
            wake: Notify::new(),
            answers,
            stop: CancellationToken::new(),
        });
        tokio::spawn(keep_time(hub.clone()));
        let guard = hub.stop.clone().drop_guard();
        Self { hub, _guard: Arc::new(guard) }
    }

    /// Serves what connects to `listener`, until the server ends.
    pub fn serve(&self, listener: TcpListener) {
        tokio::spawn(accept(self.hub.clone(), listener, None));
    }

    /// Serves TLS on `listener`, until the server ends.
    pub fn serve_tls(&self, listener: TcpListener, tls: &Tls) {
        tokio::spawn(accept(self.hub.clone(), listener, Some(tls.clone())));
    }

    /// A connection in memory: the client's end, on which it sends the upgrade request.
    #[must_use]
    pub fn connect_memory(&self) -> DuplexStream {
        let (client, server) = tokio::io::duplex(MEMORY_BYTES);
        tokio::spawn(connection::serve(self.hub.clone(), server));
        client
    }

    /// What happens from here on.
    #[must_use]
    pub fn events(&self) -> mpsc::UnboundedReceiver<SimEvent> {
        let (events_tx, events_rx) = mpsc::unbounded_channel();
        self.hub.lock().watchers.push(events_tx);
        events_rx
    }

    /// Puts a fault in force, in place of one of its kind.
    pub fn set_fault(&self, fault: Fault) {
        self.hub.act(|world, _| world.faults().set(fault));
    }

    /// Ends the fault of this one's kind.
    pub fn clear_fault(&self, kind: &Fault) {
        self.hub.act(|world, _| world.faults().clear(kind));
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.hub.act(|world, _| world.faults().clear_all());
    }

    /// Closes every connection; 1006 cuts them without a close frame.
    pub fn close_all(&self, code: u16, reason: &str) {
        self.hub.act(|world, now| world.close_all(now, code, reason));
    }

    /// Every connection falls silent and stays open.
    pub fn freeze_all(&self) {
        self.hub.act(|world, _| world.freeze_all());
    }

    /// Ends every stream, told to its sender too.
    pub fn end_streams(&self) {
        self.hub.act(World::end_streams);
    }

    /// Sends a text frame to every client as it stands.
    pub fn say_to_all(&self, text: &str) {
        self.hub.act(|world, now| world.say_to_all(now, text));
    }

    /// Ends the server: connections are cut, listeners closed.
    pub fn stop(&self) {
        self.hub.stop.cancel();
    }
}

/// What the tasks of a server share.
#[derive(Debug)]
pub(super) struct Hub {
    inner: Mutex<Inner>,
    journal: Option<Mutex<Journal>>,
    wake: Notify,
    /// Whether pings of clients are answered; read by each connection's filter.
    pub(super) answers: Arc<AtomicBool>,
    pub(super) stop: CancellationToken,
}

#[derive(Debug)]
pub(super) struct Inner {
    world: World,
    connections: BTreeMap<ConnId, mpsc::UnboundedSender<Order>>,
    watchers: Vec<mpsc::UnboundedSender<SimEvent>>,
    last_conn: u64,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the world, then hands out all that it wants done.
    pub(super) fn act(&self, change: impl FnOnce(&mut World, Now)) {
        let now = Now { at: Instant::now().into_std(), unix: unix_time() };
        let mut inner = self.lock();
        change(&mut inner.world, now);
        while let Some(output) = inner.world.poll() {
            inner.carry_out(output);
        }
        self.answers.store(inner.world.answers_pings(), Ordering::Relaxed);
        drop(inner);
        self.wake.notify_one();
    }

    pub(super) fn fact(&self, conn: ConnId, fact: Fact) {
        self.act(|world, now| world.handle(now, conn, fact));
    }

    pub(super) fn next_conn(&self) -> ConnId {
        let mut inner = self.lock();
        inner.last_conn += 1;
        ConnId(inner.last_conn)
    }

    pub(super) fn upgrade_delay(&self) -> Duration {
        self.lock().world.upgrade_delay()
    }

    pub(super) fn admit(&self, path: &str) -> Result<Service, u16> {
        self.lock().world.admit(path)
    }

    /// Opens a connection; its orders.
    pub(super) fn open(&self, conn: ConnId, service: Service) -> mpsc::UnboundedReceiver<Order> {
        let (orders_tx, orders_rx) = mpsc::unbounded_channel();
        self.lock().connections.insert(conn, orders_tx);
        self.fact(conn, Fact::Opened(service));
        orders_rx
    }

    pub(super) fn close(&self, conn: ConnId) {
        self.lock().connections.remove(&conn);
        self.fact(conn, Fact::Closed);
    }

    pub(super) fn note(&self, conn: ConnId, direction: Direction, entry: Entry<'_>) {
        if let Some(journal) = &self.journal {
            let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
            journal.write(unix_time(), conn, direction, entry);
        }
    }

    fn next_wake(&self) -> Option<Instant> {
        self.lock().world.poll_timeout().map(|(at, _)| Instant::from_std(at))
    }
}

impl Inner {
    fn carry_out(&mut self, output: Output) {
        let (conn, order) = match output {
            Output::Send(conn, Frame::Text(text)) => (conn, Order::Text(text)),
            Output::Send(conn, Frame::Binary(bytes)) => (conn, Order::Binary(bytes)),
            Output::Send(conn, Frame::Ping) => (conn, Order::Ping),
            Output::Close(conn, code, reason) => (conn, Order::Close(code, reason)),
            Output::Abort(conn) => (conn, Order::Abort),
            Output::Freeze(conn) => (conn, Order::Freeze),
            Output::Tell(what) => {
                let event = SimEvent { at: Instant::now(), what };
                self.watchers.retain(|watcher| watcher.send(event.clone()).is_ok());
                return;
            }
        };
        if let Some(orders) = self.connections.get(&conn) {
            // A connection whose task has ended reports that by itself.
            let _ended = orders.send(order);
        }
    }
}

/// Wakes the world when it wants.
async fn keep_time(hub: Arc<Hub>) {
    loop {
        let next = hub.next_wake();
        let due = async {
            match next {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => hub.act(World::handle_timeout),
            () = hub.wake.notified() => {}
            () = hub.stop.cancelled() => return,
        }
    }
}

async fn accept(hub: Arc<Hub>, listener: TcpListener, tls: Option<Tls>) {
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, mostly: waiting helps, giving up does not.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = hub.stop.cancelled() => return,
        };
        // Voice is many small frames that must not wait for each other.
        let _slower = stream.set_nodelay(true);
        let hub = hub.clone();
        match &tls {
            None => drop(tokio::spawn(connection::serve(hub, stream))),
            Some(tls) => {
                let acceptor = tls.acceptor.clone();
                tokio::spawn(async move {
                    match acceptor.accept(stream).await {
                        Ok(stream) => Box::pin(connection::serve(hub, stream)).await,
                        Err(error) => tracing::debug!(%error, "TLS handshake failed"),
                    }
                });
            }
        }
    }
}

fn unix_time() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "the shell's clock, for tokens and the journal")]
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
