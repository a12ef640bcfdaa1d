//! Names and addresses: a name server that fails, and a service that moves, cost a try and no more.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of a test fail by panicking")]

#[path = "support/session.rs"]
mod support;

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use support::{Station, account};
use tokio::net::TcpListener;
use tokio::task::LocalSet;
use zello_gateway::config::Zello;
use zello_gateway::logic::session::{ConnectKind, LinkState, Trouble};
use zello_gateway::net::{Internet, Resolve};
use zello_gateway::sim::{Settings, Sim};

/// Real sockets need real time; the waits are the first of a young back-off.
const LIMIT: Duration = Duration::from_secs(20);

/// A name server that says what a test wants.
#[derive(Clone, Default)]
struct Names {
    addresses: Rc<RefCell<Vec<SocketAddr>>>,
    asked: Rc<Cell<u32>>,
}

impl Names {
    fn lead_to(&self, addresses: &[SocketAddr]) {
        self.addresses.replace(addresses.to_vec());
    }
}

impl Resolve for Names {
    async fn resolve(&self, host: &str, _port: u16) -> io::Result<Vec<SocketAddr>> {
        assert_eq!(host, "localhost");
        self.asked.set(self.asked.get() + 1);
        let addresses = self.addresses.borrow().clone();
        if addresses.is_empty() {
            return Err(io::Error::other("temporary failure in name resolution"));
        }
        Ok(addresses)
    }
}

async fn server() -> (Sim, SocketAddr) {
    let sim = Sim::start(Settings::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    sim.serve(listener);
    (sim, at)
}

/// Where nobody listens.
async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

fn start(names: &Names) -> Station {
    let zello = Zello { url: "ws://localhost:8008/ws".to_owned(), ..account() };
    Station::start(Internet::with_names(&zello, names.clone()), zello, Duration::ZERO)
}

async fn failed(station: &mut Station, kind: ConnectKind) -> String {
    let is_it = |state: &LinkState| matches!(state, LinkState::Waiting { trouble: Some(Trouble::Connect(failure)), .. } if failure.kind == kind);
    station.wait_for(LIMIT, is_it).await;
    station.states.borrow().to_string()
}

async fn online(station: &mut Station) {
    station.wait_for(LIMIT, |state| *state == LinkState::Online).await;
}

#[tokio::test]
async fn a_name_without_an_address_is_named_and_asked_for_again() {
    LocalSet::new()
        .run_until(async {
            let (names, (_sim, at)) = (Names::default(), server().await);
            let mut station = start(&names);
            let said = failed(&mut station, ConnectKind::Dns).await;
            assert!(said.contains("localhost: the name has no address: temporary failure"), "{said}");
            assert!(said.contains("name server"), "{said}");
            names.lead_to(&[at]);
            online(&mut station).await;
            station.stop().await;
        })
        .await;
}

#[tokio::test]
async fn a_service_that_moves_is_found_at_its_new_address() {
    LocalSet::new()
        .run_until(async {
            let names = Names::default();
            let ((old, old_at), (new, new_at)) = (server().await, server().await);
            names.lead_to(&[old_at]);
            let mut station = start(&names);
            online(&mut station).await;
            let asked = names.asked.get();
            old.stop();
            drop(old);
            station.wait_for(LIMIT, |state| matches!(state, LinkState::Waiting { .. })).await;
            names.lead_to(&[new_at]);
            let mut seen = new.events();
            online(&mut station).await;
            assert!(names.asked.get() > asked, "asked for each connect anew");
            assert!(seen.try_recv().is_ok(), "the new server was reached");
            station.stop().await;
        })
        .await;
}

#[tokio::test]
async fn a_dead_address_does_not_hide_a_living_one() {
    LocalSet::new()
        .run_until(async {
            let (names, (_sim, at)) = (Names::default(), server().await);
            names.lead_to(&[nobody().await, at]);
            let mut station = start(&names);
            online(&mut station).await;
            assert_eq!(station.counters.connects.value(), 1);
            station.stop().await;
        })
        .await;
}

#[tokio::test]
async fn without_tls_a_name_that_leads_away_from_this_machine_is_not_followed() {
    LocalSet::new()
        .run_until(async {
            let names = Names::default();
            names.lead_to(&["192.0.2.1:80".parse().unwrap()]);
            let mut station = start(&names);
            let said = failed(&mut station, ConnectKind::Dns).await;
            assert!(said.contains("localhost"), "{said}");
        })
        .await;
}
