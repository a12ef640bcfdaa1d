//! The way to the service: a task that connects, drives the [`Session`](crate::logic::session::Session), and reconnects.
//!
//! It runs on a runtime of its own thread. It meets the engine only in two bounded queues; the bells beside them are
//! rung after every item. It decides nothing: what to send and when to connect is the session's.

mod dial;
mod drive;
mod log;
mod outlet;
mod tls;
mod upgrade;
mod wall;

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::bell::Bell;
use crate::config;
use crate::counters::Counters;
use crate::logic::exchange::{DownlinkItem, UplinkItem};
use crate::logic::session::LinkState;
use crate::queue::{Consumer, Producer};

pub use dial::{Address, AddressError, Dial, Internet, NameServer, Resolve};

/// What the network task shares with the other threads.
pub struct Ports {
    /// Overs of the radio, from the engine.
    pub uplink: Consumer<'static, UplinkItem>,
    /// Rung by the engine after an uplink item.
    pub uplink_bell: Bell,
    /// What happens on the channel, for the engine.
    pub downlink: Producer<'static, DownlinkItem>,
    /// Rung after a downlink item.
    pub engine_bell: Bell,
    /// What is dropped, sent and received.
    pub counters: Arc<Counters>,
}

/// Keeps the gateway on its channel until `stop`, then says goodbye with a close frame, in bounded time.
pub async fn run(zello: config::Zello, uplink: config::Uplink, ports: Ports, stop: CancellationToken) {
    let (states, _nobody) = watch::channel(LinkState::Closed);
    run_watched(zello, uplink, ports, &states, stop).await;
}

/// As [`run`]; `states` always holds where the link stands.
pub async fn run_watched(
    zello: config::Zello,
    uplink: config::Uplink,
    ports: Ports,
    states: &watch::Sender<LinkState>,
    stop: CancellationToken,
) {
    let dial = Internet::new(&zello);
    run_over(&dial, zello, uplink, ports, states, stop).await;
}

/// As [`run_watched`], over any transport.
pub async fn run_over<D: Dial>(
    dial: &D,
    zello: config::Zello,
    uplink: config::Uplink,
    ports: Ports,
    states: &watch::Sender<LinkState>,
    stop: CancellationToken,
) {
    match drive::Driver::new(dial, zello, &uplink, ports, states, seed()) {
        Ok(driver) => driver.drive(stop).await,
        // Without its bell the task would be deaf for the engine; the end of this thread ends the daemon.
        Err(refused) => error!(%refused, "the network task cannot begin"),
    }
}

/// Different in every process, so that gateways behind one outage do not come back in step.
fn seed() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}
