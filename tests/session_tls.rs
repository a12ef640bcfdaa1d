//! TLS as it is: an own authority is trusted when it is named, anything else is refused with the remedy.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail by panicking")]

#[path = "support/session.rs"]
mod support;

use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use support::{Station, account};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};
use tokio_rustls::TlsAcceptor;
use zello_gateway::config::Zello;
use zello_gateway::logic::session::{ConnectKind, LinkState, Trouble};
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

/// What is wrong with a server's certificate.
#[derive(Clone, Copy)]
enum Flaw {
    Expired,
    NotYet,
    OtherName,
}

/// A server whose authority is trusted and whose certificate is flawed.
async fn flawed_server(flaw: Flaw) -> (String, tempfile::NamedTempFile) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let name = if matches!(flaw, Flaw::OtherName) { "portal.example" } else { "localhost" };
    let mut server = CertificateParams::new(vec![name.to_owned()]).unwrap();
    match flaw {
        Flaw::Expired => server.not_after = date_time_ymd(2020, 1, 1),
        Flaw::NotYet => server.not_before = date_time_ymd(2090, 1, 1),
        Flaw::OtherName => {}
    }
    let key = KeyPair::generate().unwrap();
    let certificate = server.signed_by(&key, &authority).unwrap().der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("wss://localhost:{}/ws", listener.local_addr().unwrap().port());
    spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _refused = acceptor.accept(stream).await;
        }
    });
    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca.path(), authority.as_ref().pem()).unwrap();
    (url, ca)
}

/// Waits for the state after a failed connect; its words.
async fn trouble(station: &mut Station) -> (ConnectKind, String) {
    station.wait_for(LIMIT, |state| matches!(state, LinkState::Waiting { trouble: Some(_), .. })).await;
    let state = station.states.borrow().clone();
    let LinkState::Waiting { trouble: Some(Trouble::Connect(failure)), .. } = state else {
        panic!("{state}")
    };
    (failure.kind, failure.text)
}

#[tokio::test]
async fn each_flaw_of_a_certificate_is_named_with_its_remedy_in_words_that_stay() {
    LocalSet::new()
        .run_until(async {
            for (flaw, kind, words) in [
                (Flaw::Expired, ConnectKind::CertificateTime, ["has expired", "must renew"]),
                (Flaw::NotYet, ConnectKind::CertificateTime, ["not valid yet", "timedatectl"]),
                (Flaw::OtherName, ConnectKind::Tls, ["for another name", "captive portal"]),
            ] {
                let (url, ca) = flawed_server(flaw).await;
                let ca_file = Some(ca.path().to_owned());
                let mut station = start(Zello { url, ca_file, ..account() });
                let (told, said) = trouble(&mut station).await;
                assert_eq!(told, kind, "{said}");
                assert!(words.iter().all(|words| said.contains(words)), "{said}");
                // The second try fails with the same words, so that the log has them once.
                station.wait_for(LIMIT, |state| *state == LinkState::Connecting).await;
                assert_eq!(trouble(&mut station).await.1, said);
                assert_eq!(station.counters.logons.value(), 0);
            }
        })
        .await;
}

#[tokio::test]
async fn what_answers_without_tls_is_named() {
    LocalSet::new()
        .run_until(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("wss://localhost:{}/ws", listener.local_addr().unwrap().port());
            spawn_local(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    let page = b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n\r\n";
                    let _gone = stream.write_all(page).await;
                }
            });
            let mut station = start(Zello { url, ..account() });
            let (kind, said) = trouble(&mut station).await;
            assert_eq!(kind, ConnectKind::Tls);
            assert!(said.contains("does not speak TLS") && said.contains("captive portal"), "{said}");
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
