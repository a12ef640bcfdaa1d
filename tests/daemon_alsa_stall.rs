//! A real libasound device that takes no sound any more, and says nothing, while the radio is keyed.

#[path = "support/daemon.rs"]
mod daemon;
#[path = "support/pulse.rs"]
mod pulse;

use daemon::{Daemon, Server, Site, epoch, until, voice};
use pulse::Pulse;

/// Two seconds for a card that was opened just now, as a sound server's may have been on a busy machine; half a second
/// otherwise. And what the device itself holds.
const RELEASED_WITHIN_S: f64 = 2.7;

#[tokio::test]
async fn a_sound_card_that_stalls_while_keyed_releases_the_transmitter_and_says_the_rest_when_it_goes_on() {
    let pulse = Pulse::start(&["radio_tx"]);
    let server = Server::start().await;
    let phone = server.phone().await;
    let mut site = Site::new(server.port);
    site.playback = "radio_tx".to_owned();
    let mut command = site.command();
    command.envs(pulse.env());
    let daemon = Daemon::spawn(command);
    daemon.until_logged(" online").await;
    let talking = tokio::spawn(async move { phone.talk(&voice("phone.wav", 3.0)).await.map(drop) });
    until_keyed(&site, &daemon, true).await;
    let stalled = epoch();
    pulse.freeze(true);
    let released = until_keyed(&site, &daemon, false).await;
    let took = released - stalled;
    println!("the card stalls: released {took:.3} s after");
    assert!(took < RELEASED_WITHIN_S, "{took} s\n{}", daemon.log());
    pulse.freeze(false);
    until_keyed(&site, &daemon, true).await;
    until_keyed(&site, &daemon, false).await;
    talking.await.unwrap().unwrap();
    let log = daemon.stop().await;
    println!("{log}");
    // The engine notices, or the card's own thread does, which is later.
    assert!(log.contains("takes no sound") || log.contains("sound device lost"), "{log}");
    assert_eq!(site.counter("ptt_time_outs"), 0);
}

/// Waits until the line has this level; since when.
async fn until_keyed(site: &Site, daemon: &Daemon, keyed: bool) -> f64 {
    let level = || site.ptt().last().filter(|last| last.1 == keyed).map(|last| last.0);
    until(&format!("PTT {keyed}"), level, || daemon.log()).await
}
