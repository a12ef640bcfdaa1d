//! What systemd is told: ready when devices and lines are open and not before, alive while all gets on, stopping.
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare itself has failed")]

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;

#[path = "support/daemon.rs"]
mod daemon;

use daemon::{Daemon, Server, Site, until};

/// Stands in for systemd.
struct Systemd(UnixDatagram);

impl Systemd {
    fn start(site: &Site) -> (Self, Daemon) {
        let path = site.path("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut command = site.command();
        command.env("NOTIFY_SOCKET", path);
        (Self(socket), Daemon::spawn(command))
    }

    fn heard(&self) -> Option<String> {
        let mut bytes = [0; 256];
        match self.0.recv(&mut bytes) {
            Ok(length) => {
                Some(String::from_utf8_lossy(bytes.get(..length).unwrap_or_default()).trim().to_owned())
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                None
            }
        }
    }

    async fn until(&self, word: &str, daemon: &Daemon) {
        let found = || self.heard().filter(|heard| heard == word);
        until(word, found, || daemon.log()).await;
    }
}

#[tokio::test]
async fn ready_comes_with_devices_and_lines_then_signs_of_life_then_stopping() {
    let server = Server::start().await;
    let site = Site::hearing(server.port, &vec![0.0; 16_000]);
    let (systemd, daemon) = Systemd::start(&site);
    let first = until("a first word", || systemd.heard(), || daemon.log()).await;
    assert_eq!(first, "READY=1");
    assert!(site.path("says.wav").exists() && site.path("cos").exists() && site.path("ptt.log").exists());
    systemd.until("WATCHDOG=1", &daemon).await;
    systemd.until("WATCHDOG=1", &daemon).await;
    daemon.stop().await;
    let last: Vec<String> = std::iter::from_fn(|| systemd.heard()).collect();
    assert_eq!(last.last().map(String::as_str), Some("STOPPING=1"), "{last:?}");
}

#[tokio::test]
async fn a_gateway_whose_line_does_not_open_is_never_ready() {
    let server = Server::start().await;
    let mut site = Site::new(server.port);
    site.lines = "[ptt.log]\npath = \"nowhere/ptt.log\"\n[cos.none]\n".to_owned();
    let (systemd, mut daemon) = Systemd::start(&site);
    assert!(!daemon.ended().await.success());
    assert_eq!(systemd.heard(), None);
}
