//! A real libasound device that takes no sound any more, and says nothing, while the radio is keyed.

#[path = "support/daemon.rs"]
mod daemon;
#[path = "support/pulse.rs"]
mod pulse;

use daemon::{Daemon, Server, Site, epoch, voice};
use pulse::Pulse;

/// Half a second, what the device itself holds, and a busy machine.
const RELEASED_WITHIN_S: f64 = 1.2;

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
    // A sound server needs a second before it takes the first sound, and more is granted to it.
    phone.talk(&voice("phone.wav", 0.5)).await.unwrap();
    site.until_ptt(&daemon, &[true, false]).await;
    let talking = tokio::spawn(async move { phone.talk(&voice("phone.wav", 3.0)).await.map(drop) });
    site.until_ptt(&daemon, &[true, false, true]).await;
    let stalled = epoch();
    pulse.freeze(true);
    let ptt = site.until_ptt(&daemon, &[true, false, true, false]).await;
    let took = ptt.last().unwrap().0 - stalled;
    println!("the card stalls: released {took:.3} s after");
    assert!(took < RELEASED_WITHIN_S, "{took} s\n{}", daemon.log());
    daemon.until_logged("takes no sound").await;
    pulse.freeze(false);
    site.until_ptt(&daemon, &[true, false, true, false, true, false]).await;
    talking.await.unwrap().unwrap();
    println!("{}", daemon.stop().await);
    // A busy machine may stall once more by itself.
    assert!(site.counter("playback_stalls") >= 1);
    assert_eq!(site.counter("ptt_time_outs"), 0);
}
