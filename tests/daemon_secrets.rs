//! Passwords, keys and tokens reach the server and nothing else, whatever is logged.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::fs;
use std::path::Path;

use zello_gateway::sim::Fault;

#[path = "support/daemon.rs"]
mod daemon;

use daemon::{CHANNEL, PASSWORD, Server, Site, USER, send};

const KEY: &str = "tests/data/keys/account.pkcs1.pem";

/// The consumer service, with everything secret that there can be.
fn consumer(port: u16) -> Site {
    let mut site = Site::new(port);
    site.secret("key.pem", &fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(KEY)).unwrap());
    site.zello = format!(
        "service = \"consumer\"\nurl = \"ws://127.0.0.1:{port}/ws\"\nchannel = \"{CHANNEL}\"\nusername = \"{USER}\"\n\
         password_file = \"password\"\nissuer = \"WkM6MTIz.YWJj\"\nprivate_key_file = \"key.pem\"\n"
    );
    site
}

/// Demands that nothing secret is in a text.
fn assert_clean(what: &str, text: &str, site: &Site) {
    assert!(!text.contains(PASSWORD), "{what} holds the password:\n{text}");
    // Every token is JSON in base64 that begins with a curly bracket and a quotation mark.
    assert!(!text.contains("eyJ"), "{what} holds a token:\n{text}");
    let key = fs::read_to_string(site.path("key.pem")).unwrap_or_default();
    for line in key.lines().filter(|line| line.len() > 20 && !line.starts_with('-')) {
        assert!(!text.contains(line), "{what} holds the key:\n{text}");
    }
}

#[tokio::test]
async fn the_most_talkative_log_holds_no_secret() {
    let server = Server::start().await;
    let site = consumer(server.port);
    let mut command = site.command();
    command.env("ZELLO_GATEWAY_LOG", "trace");
    let daemon = daemon::Daemon::spawn(command);
    daemon.until_logged(" online").await;
    // Arguments and environment of the guard can be read by everybody on the machine.
    for pid in [daemon.pid(), daemon.guard_pid()] {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        assert_clean("a command line", &String::from_utf8_lossy(&arguments), &site);
    }
    let log = daemon.stop().await;
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log is not talkative: {log}");
    assert_clean("the log", &log, &site);
    assert_clean("the figures", &fs::read_to_string(site.path("figures.json")).unwrap(), &site);
}

#[tokio::test]
async fn a_refused_log_on_is_told_without_the_secret_that_was_refused() {
    let server = Server::start().await;
    server.sim.set_fault(Fault::LogonError { error: "invalid password".into(), times: None });
    let site = consumer(server.port);
    let mut command = site.command();
    command.env("ZELLO_GATEWAY_LOG", "trace");
    let daemon = daemon::Daemon::spawn(command);
    let line = daemon.until_logged("invalid password").await;
    assert!(line.contains("WARN") && line.contains("remedy"), "{line}");
    assert_clean("the log", &daemon.stop().await, &site);
}

#[tokio::test]
async fn an_end_by_failure_leaves_no_secret_behind() {
    let server = Server::start().await;
    let site = consumer(server.port);
    let mut daemon = site.start_online().await;
    send(daemon.guard_pid(), rustix::process::Signal::KILL);
    assert_eq!(daemon.ended().await.code(), Some(1));
    assert_clean("the log", &daemon.log(), &site);
}
