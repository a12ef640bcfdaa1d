//! The real gateway while it transmits: where faults are put in.

use super::daemon::{Daemon, Server, Site, until, voice};
use super::freeze::waits;

/// A busy machine runs everything so much later than an idle one, seconds.
pub(crate) const BUSY_S: f64 = 0.3;

/// The talk, seconds.
pub(crate) const TALK_S: f64 = 4.0;

/// Blocks after which a sound card counts as one through which sound flows, and as many again.
const FLOWING: u64 = 20;

/// A gateway with all threads, keyed by a phone's over.
pub(crate) struct Keyed {
    pub(crate) site: Site,
    pub(crate) daemon: Daemon,
    _server: Server,
    _talking: tokio::task::JoinHandle<()>,
}

pub(crate) async fn keyed() -> Keyed {
    let server = Server::start().await;
    let site = Site::hearing(server.port, &[0.0; 1_600]);
    let phone = server.phone().await;
    let daemon = site.start_online().await;
    let talking = tokio::spawn(async move {
        // Whether the whole of it is heard is not the question.
        let _cut = phone.talk(&voice("phone.wav", TALK_S)).await;
    });
    site.until_ptt(&daemon, &[true]).await;
    // A sound card that was opened just now is given longer; each block is a wait of its thread.
    let flows = || (waits(daemon.pid(), "audio-out") > FLOWING).then_some(());
    until("sound that flows", flows, || daemon.log()).await;
    Keyed { site, daemon, _server: server, _talking: talking }
}

impl Keyed {
    /// Waits for the end of the transmission; when that was, seconds since the epoch.
    pub(crate) async fn released(&self) -> f64 {
        self.site.until_ptt(&self.daemon, &[true, false]).await.last().unwrap().0
    }
}
