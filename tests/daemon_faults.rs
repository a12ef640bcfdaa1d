//! What breaks while the gateway runs is named; the transmitter is off, and the gateway carries on when it is mended.

use std::fs;
use std::process::Command;
use std::time::Duration;

use zello_gateway::sim::Fault;

#[path = "support/daemon.rs"]
mod daemon;

use daemon::{Daemon, Server, Site, after_silence, assert_whole, until_heard, until_overs, voice};

#[tokio::test]
async fn a_cos_pipe_that_vanishes_ends_the_over_and_is_served_again_when_it_is_back() {
    let server = Server::start().await;
    let phone = server.phone().await;
    let site = Site::hearing(server.port, &after_silence(0.5, &voice("radio.wav", 6.0)));
    let daemon = site.start_online().await;
    site.squelch("on").await;
    until_heard(&phone, &daemon, Duration::from_secs(1)).await;
    fs::remove_file(site.path("cos")).unwrap();
    let warning = daemon.until_logged("has vanished").await;
    assert!(warning.contains("WARN") && warning.contains("cos"), "{warning}");
    until_overs(&phone, &daemon, 1).await;
    site.squelch("on").await;
    until_heard(&phone, &daemon, Duration::from_millis(500)).await;
    site.squelch("off").await;
    until_overs(&phone, &daemon, 2).await;
    daemon.stop().await;
    assert_eq!(site.counter("cos_losses"), 1);
}

#[tokio::test]
async fn a_ptt_line_that_vanishes_while_keyed_is_named_and_carries_on_when_it_is_back() {
    let server = Server::start().await;
    let phone = server.phone().await;
    let mut site = Site::new(server.port);
    site.lines = "[ptt.log]\npath = \"fob/ptt.log\"\n[cos.none]\n".to_owned();
    let (fob, away) = (site.path("fob"), site.path("away"));
    fs::create_dir(&fob).unwrap();
    let daemon = site.start_online().await;
    let levels = || -> Vec<bool> {
        let text = fs::read_to_string(site.path("fob/ptt.log")).unwrap_or_default();
        text.lines().map(|line| line.ends_with(" on")).collect()
    };
    let until_levels = async |wanted: &[bool]| {
        let there = || (levels() == wanted).then_some(());
        daemon::until(&format!("PTT levels {wanted:?}"), there, || {
            format!("{:?}\n{}", levels(), daemon.log())
        })
        .await;
    };
    let talking = tokio::spawn(async move {
        let speech = voice("phone.wav", 6.0);
        phone.talk(&speech).await.map(|_| phone)
    });
    until_levels(&[true]).await;
    fs::rename(&fob, &away).unwrap();
    let warning = daemon.until_logged("PTT is lost").await;
    assert!(warning.contains("WARN") && warning.contains("ptt.log"), "{warning}");
    daemon.until_logged("transmitter unkeyed").await;
    fs::rename(&away, &fob).unwrap();
    let back = daemon.until_logged("PTT is back").await;
    assert!(back.contains("ptt.log"), "{back}");
    // Released first; then the over that waited goes on.
    until_levels(&[true, false, true, false]).await;
    drop(talking.await.unwrap().unwrap());
    daemon.stop().await;
    assert_eq!(site.counter("ptt_losses"), 1);
}

/// A gateway whose files may grow to so many bytes, as on a disk that becomes full.
fn start_with_room(site: &Site, bytes: usize) -> Daemon {
    let inner = site.command();
    let mut command = Command::new("sh");
    // The unit of `ulimit -f` is 512 bytes; the signal that comes with the limit is not what a full disk does.
    command.args([
        "-c",
        "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"",
        "sh",
        &(bytes / 512).to_string(),
    ]);
    command.arg(inner.get_program()).args(inner.get_args()).env_remove("JOURNAL_STREAM");
    Daemon::spawn(command)
}

#[tokio::test]
async fn a_recording_that_finds_no_room_is_a_named_fault_with_the_transmitter_off() {
    let server = Server::start().await;
    let phone = server.phone().await;
    let site = Site::new(server.port);
    // Two seconds of sound.
    let mut daemon = start_with_room(&site, 64 * 1024 + 512);
    daemon.until_logged(" online").await;
    let talking = tokio::spawn(async move {
        let speech = voice("phone.wav", 6.0);
        phone.talk(&speech).await.map(|_| phone)
    });
    site.until_ptt(&daemon, &[true]).await;
    let warning = daemon.until_logged("sound device lost").await;
    assert!(
        warning.contains("WARN") && warning.contains("says.wav") && warning.contains("make room"),
        "{warning}"
    );
    site.until_ptt(&daemon, &[true, false]).await;
    let phone = talking.await.unwrap().unwrap();
    phone.talk(&voice("phone.wav", 0.5)).await.unwrap();
    assert!(daemon.is_alive(), "{}", daemon.log());
    assert_eq!(site.ptt().len(), 2, "a radio that cannot speak is not keyed");
    daemon.stop().await;
}

#[tokio::test]
async fn a_server_that_comes_after_the_gateway_is_found() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let site = Site::new(port);
    let daemon = site.start();
    let warning = daemon.until_logged("no link to the channel").await;
    assert!(warning.contains("remedy") || warning.contains("check url"), "{warning}");
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let server =
        Server::serving(listener, zello_gateway::sim::Sim::start(zello_gateway::sim::Settings::default()));
    daemon.until_logged(" online").await;
    let phone = server.phone().await;
    phone.talk(&voice("phone.wav", 0.6)).await.unwrap();
    site.until_ptt(&daemon, &[true, false]).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_link_that_is_cut_while_keyed_releases_the_transmitter_and_comes_back() {
    let server = Server::start().await;
    let phone = server.phone().await;
    let site = Site::new(server.port);
    let daemon = site.start_online().await;
    let talking = tokio::spawn(async move {
        let speech = voice("phone.wav", 6.0);
        // It is cut off.
        drop(phone.talk(&speech).await);
    });
    site.until_ptt(&daemon, &[true]).await;
    server.sim.close_all(1006, "");
    site.until_ptt(&daemon, &[true, false]).await;
    talking.await.unwrap();
    let phone = server.phone().await;
    let back = || (daemon.log().matches(" online").count() == 2).then_some(());
    daemon::until("a second log-on", back, || daemon.log()).await;
    phone.talk(&voice("phone.wav", 0.6)).await.unwrap();
    site.until_ptt(&daemon, &[true, false, true, false]).await;
    daemon.stop().await;
    assert_eq!((site.counter("links_lost"), site.counter("logons")), (1, 2));
}

#[tokio::test]
async fn an_over_that_the_channel_does_not_take_yet_is_held_and_sent_whole() {
    let server = Server::start().await;
    let phone = server.phone().await;
    server.sim.set_fault(Fault::StartRefused { error: "channel busy".into(), times: Some(1) });
    let speech = voice("radio.wav", 3.0);
    let site = Site::hearing(server.port, &after_silence(1.0, &speech));
    let daemon = site.start_online().await;
    site.squelch("on").await;
    daemon.until_logged("the channel does not take the over yet").await;
    until_heard(&phone, &daemon, Duration::from_millis(4_200)).await;
    site.squelch("off").await;
    let overs = until_overs(&phone, &daemon, 1).await;
    daemon.stop().await;
    let heard = overs.last().unwrap().speech().unwrap();
    assert_whole("the phone", &daemon::as_sent(&speech), &heard);
    assert_eq!(site.counter("uplink_packets_expired") + site.counter("uplink_packets_dropped"), 0);
}
