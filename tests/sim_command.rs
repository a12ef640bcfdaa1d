//! `zello-gateway sim` as others start it: its first line, its journal, its certificate, its end.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of a test fail as the test does: by panicking"
)]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use futures_util::{SinkExt, StreamExt};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

/// A running command, ended with the test.
struct Server {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_zello-gateway"))
            .args(["sim", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Ends it as a service manager does; whether it succeeded, and what it had to complain of.
    fn end(mut self, signal: Signal) -> (bool, String) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let mut complaints = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
        (self.child.wait().unwrap().success(), complaints)
    }
}

fn entries(journal: &Path) -> Vec<Value> {
    std::fs::read_to_string(journal)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn the_first_line_says_where_and_the_journal_holds_all_but_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let mut server = Server::start(&["--journal", journal.to_str().unwrap()]);
    let line = server.line();
    let url = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}"));
    let host = url.strip_prefix("ws://").and_then(|rest| rest.strip_suffix("/ws")).unwrap();
    let stream = TcpStream::connect(host).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    let logon = r#"{"command":"logon","seq":1,"channel":"c","username":"u","password":"hunter2"}"#;
    socket.send(Message::text(logon)).await.unwrap();
    assert!(socket.next().await.unwrap().unwrap().to_text().unwrap().contains("success"));
    socket.next().await.unwrap().unwrap();
    socket.send(Message::binary(vec![1, 0, 0, 0, 9, 0, 0, 0, 7, 1, 2, 3])).await.unwrap();
    socket.next().await.unwrap().unwrap();
    assert_eq!(server.end(Signal::TERM), (true, String::new()));
    let closed = socket.next().await.unwrap().unwrap();
    assert!(matches!(closed, Message::Close(Some(frame)) if u16::from(frame.code) == 1001));

    assert!(!std::fs::read_to_string(&journal).unwrap().contains("hunter2"));
    let entries = entries(&journal);
    let kinds: Vec<String> =
        entries.iter().map(|entry| format!("{} {}", entry["dir"], entry["kind"]).replace('"', "")).collect();
    let expected = ["in open", "in text", "out text", "out text", "in binary", "out text", "out close"];
    assert_eq!(kinds[..expected.len()], expected);
    assert_eq!(
        (&entries[4]["stream_id"], &entries[4]["length"], &entries[4]["payload"]),
        (&9.into(), &3.into(), &"AQID".into())
    );
    let times: Vec<f64> = entries.iter().map(|entry| entry["t"].as_f64().unwrap()).collect();
    assert!(times[0] > 1.7e9 && times.is_sorted(), "{times:?}");
}

#[tokio::test]
async fn tls_has_an_authority_of_its_own_whose_file_is_named() {
    let mut server = Server::start(&["--tls"]);
    let line = server.line();
    let url = line.strip_prefix("listening on ").unwrap().to_owned();
    let host = url.strip_prefix("wss://").and_then(|rest| rest.strip_suffix("/ws")).unwrap();
    let line = server.line();
    let ca_file = line.strip_prefix("CA certificate: ").unwrap().to_owned();
    let mut roots = rustls::RootCertStore::empty();
    for certificate in rustls_pem(&ca_file) {
        roots.add(certificate).unwrap();
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let stream = TcpStream::connect(host).await.unwrap();
    let stream = connector.connect("127.0.0.1".try_into().unwrap(), stream).await.unwrap();
    tokio_tungstenite::client_async(&url, stream).await.unwrap();
    assert_eq!(server.end(Signal::INT), (true, String::new()));
    assert!(!Path::new(&ca_file).exists(), "the temporary file goes with the server");
}

fn rustls_pem(path: &str) -> Vec<rustls::pki_types::CertificateDer<'static>> {
    use rustls::pki_types::pem::PemObject;
    rustls::pki_types::CertificateDer::pem_file_iter(path).unwrap().map(Result::unwrap).collect()
}

#[test]
fn what_is_wrong_with_the_configuration_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("sim.toml");
    std::fs::write(&config, "faults = [\"no_such\"]\n").unwrap();
    let answer = Command::new(env!("CARGO_BIN_EXE_zello-gateway"))
        .args(["sim", "--listen", "127.0.0.1:0", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    let complaint = String::from_utf8(answer.stderr).unwrap();
    assert!(!answer.status.success() && answer.stdout.is_empty());
    assert!(
        complaint.contains("sim.toml") && complaint.contains("line 1") && complaint.contains("no_such"),
        "{complaint}"
    );
}
