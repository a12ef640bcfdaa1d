//! TLS as it is: an own authority is trusted when it is named, anything else is refused with the remedy.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail by panicking")]

#[path = "support/session.rs"]
mod support;

use std::time::Duration;

use support::{Station, account};
use tokio::net::TcpListener;
use tokio::task::LocalSet;
use zello_gateway::config::Zello;
use zello_gateway::logic::session::LinkState;
use zello_gateway::net::Internet;
use zello_gateway::sim::serve::Tls;
use zello_gateway::sim::{Settings, Sim};

/// Real sockets need real time; none of these tests waits for a deadline.
const LIMIT: Duration = Duration::from_secs(20);

/// A server with TLS, its address, and the certificate of its authority in a file.
async fn server() -> (Sim, String, tempfile::NamedTempFile) {
    let (sim, tls) = (Sim::start(Settings::default()), Tls::new(&[]).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("wss://localhost:{}/ws", listener.local_addr().unwrap().port());
    sim.serve_tls(listener, &tls);
    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca.path(), &tls.ca_pem).unwrap();
    (sim, url, ca)
}

fn start(zello: Zello) -> Station {
    Station::start(Internet::new(&zello), zello, Duration::ZERO)
}

#[tokio::test]
async fn an_own_authority_is_trusted_when_it_is_named() {
    LocalSet::new()
        .run_until(async {
            let (_sim, url, ca) = server().await;
            let ca_file = Some(ca.path().to_owned());
            let mut station = start(Zello { url, ca_file, ..account() });
            station.wait_for(LIMIT, |state| *state == LinkState::Online).await;
            station.stop().await;
        })
        .await;
}

#[tokio::test]
async fn a_certificate_of_strangers_is_refused_and_the_remedy_named() {
    LocalSet::new()
        .run_until(async {
            let (_sim, url, _ca) = server().await;
            let mut station = start(Zello { url, ..account() });
            station.wait_for(LIMIT, |state| matches!(state, LinkState::Waiting { .. })).await;
            let said = station.states.borrow().to_string();
            assert!(said.contains("localhost") && said.contains("ca_file"), "{said}");
            assert_eq!(station.counters.logons.value(), 0);
        })
        .await;
}

#[tokio::test]
async fn without_tls_another_machine_is_a_fault_and_not_even_tried() {
    LocalSet::new()
        .run_until(async {
            let mut station = start(Zello { url: "ws://192.0.2.1/ws".to_owned(), ..account() });
            station.wait_for(LIMIT, |state| matches!(state, LinkState::Fault { .. })).await;
            let said = station.states.borrow().to_string();
            assert!(said.contains("wss://"), "{said}");
        })
        .await;
}

#[tokio::test]
async fn a_port_without_a_server_is_named() {
    LocalSet::new()
        .run_until(async {
            let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
            let mut station = start(Zello { url: format!("ws://{free}/ws"), ..account() });
            station
                .wait_for(LIMIT, |state| matches!(state, LinkState::Waiting { trouble: Some(_), .. }))
                .await;
            let said = station.states.borrow().to_string();
            assert!(said.contains("127.0.0.1") && said.contains("no server listens"), "{said}");
        })
        .await;
}
