//! The whole daemon between a radio of files and the simulator: overs arrive whole, both ways.

use std::time::{Duration, Instant};

use zello_gateway::sim::Seen;

#[path = "support/daemon.rs"]
mod daemon;

use daemon::{Server, Site, USER, after_silence, as_sent, assert_whole, until_heard, until_overs, voice};

/// Silence before the first word in what the radio hears: time to log on.
const LEAD_S: f64 = 1.0;

#[tokio::test]
async fn an_over_of_the_radio_arrives_whole_at_a_phone() {
    let server = Server::start().await;
    let phone = server.phone().await;
    let speech = voice("radio.wav", 4.0);
    let site = Site::hearing(server.port, &after_silence(LEAD_S, &speech));
    let daemon = site.start_online().await;
    site.squelch("on").await;
    // The squelch opened before the first word, so after this much the last one has been heard too.
    until_heard(&phone, &daemon, Duration::from_secs_f64(LEAD_S + 4.2)).await;
    site.squelch("off").await;
    let overs = until_overs(&phone, &daemon, 1).await;
    daemon.stop().await;
    assert_eq!((overs.len(), overs[0].from.as_str()), (1, USER));
    let likeness = assert_whole("the phone", &as_sent(&speech), &overs[0].speech().unwrap());
    println!("{likeness:?}");
    assert_eq!(site.ptt(), [], "the radio was not keyed by its own over");
    assert_eq!(site.counter("uplink_packets"), site.counter("uplink_packets_sent"));
    assert_eq!(site.counter("uplink_packets"), overs[0].packets.len() as u64);
}

#[tokio::test]
async fn an_over_of_a_phone_is_said_whole_with_the_transmitter_keyed_around_it() {
    let server = Server::start().await;
    let phone = server.phone().await;
    let speech = voice("phone.wav", 4.0);
    let site = Site::new(server.port);
    let daemon = site.start_online().await;
    let talk = phone.talk(&speech).await.unwrap();
    let ptt = site.until_ptt(&daemon, &[true, false]).await;
    daemon.stop().await;
    let likeness = assert_whole("the radio", &speech, &site.said());
    println!("{likeness:?}, keyed for {:.3} s", ptt[1].0 - ptt[0].0);
    let keyed = ptt[1].0 - ptt[0].0;
    // Lead-in and tail are part of it; what a busy machine adds is not much.
    assert!(keyed > talk.ended.duration_since(talk.started).as_secs_f64() && keyed < 4.0 + 2.0, "{keyed}");
    assert_eq!(site.counter("downlink_packets"), u64::from(talk.packets));
    assert_eq!(site.counter("downlink_packets_played"), u64::from(talk.packets));
}

#[tokio::test]
async fn a_gateway_is_logged_on_soon_after_its_start() {
    let mut server = Server::start().await;
    let site = Site::new(server.port);
    let started = Instant::now();
    let daemon = site.start();
    let logged_on = |seen: &Seen| matches!(seen, Seen::LoggedOn(_, Some(user)) if user == USER);
    let at = server.until_seen("a log-on", |event| logged_on(&event.what).then_some(event.at)).await;
    let took = at.into_std() - started;
    println!("start to log-on: {took:?}");
    // The bound of a machine that has nothing else to do is 150 ms; here other tests run beside.
    assert!(took < Duration::from_secs(1), "{took:?}");
    daemon.stop().await;
}
