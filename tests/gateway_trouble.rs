//! The whole gateway against a bad network and a bad server: alive, PTT off in the end, and no packet said twice.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::similar_names,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unchecked_time_subtraction,
    reason = "helpers of a test fail as the test does: by panicking"
)]

#[path = "support/gateway.rs"]
mod gateway;

use gateway::world::talk::{Dice, Talk, ms, speech};
use gateway::world::{assert_same, place};
use gateway::{Gateway, Wire, heard, radio_speaks, scene};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{DuplexStream, duplex};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use zello_gateway::logic::session::LinkState;
use zello_gateway::sim::Fault;

async fn play(story: impl Future<Output = ()>) {
    LocalSet::new().run_until(story).await;
}

#[tokio::test(start_paused = true)]
async fn an_over_that_loses_its_link_goes_on_when_the_link_is_back_and_nothing_is_said_twice() {
    play(async {
        let (_sim, mut gateway, phone) = scene(|_| {}).await;
        radio_speaks(&gateway);
        gateway.until(ms(5_000)).await;
        gateway.wire.up.set(false);
        gateway.wire.cut();
        gateway.until(ms(8_000)).await;
        gateway.wire.up.set(true);
        gateway.online().await;
        gateway.until(ms(40_000)).await;
        let (said, heard) = (gateway.world.borrow().encoded(ms(2_300)..ms(10_000)), heard(&phone));
        // What was on the wire when it was cut is nobody's; all the rest is there, once and in order.
        let before = heard.iter().zip(&said).take_while(|(heard, said)| heard == said).count();
        let lost = said.len() - heard.len();
        assert!(lost <= 2, "{lost} packets lost");
        assert_same(&heard[before..], &said[before + lost..]);
        assert_eq!(gateway.world.borrow().counters.uplink_packets_expired.value(), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_over_said_while_there_is_no_network_is_said_whole_when_there_is() {
    play(async {
        let (_sim, mut gateway, phone) = scene(|_| {}).await;
        gateway.wire.up.set(false);
        gateway.wire.cut();
        radio_speaks(&gateway);
        gateway.until(ms(15_000)).await;
        assert!(heard(&phone).is_empty());
        gateway.wire.up.set(true);
        gateway.online().await;
        sleep(ms(20_000)).await;
        assert_same(&heard(&phone), &gateway.world.borrow().encoded(ms(2_300)..ms(10_000)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_link_lost_while_transmitting_unkeys_soon_and_the_next_talk_is_said() {
    play(async {
        let (_sim, mut gateway, phone) = scene(|_| {}).await;
        let said = speech("phone");
        let (_ends_somehow, ()) = tokio::join!(phone.talk(&said), async {
            gateway.until(ms(5_000)).await;
            gateway.wire.cut();
            gateway.until(ms(6_000)).await;
            assert!(!gateway.world.borrow().is_keyed(), "what had come is said, then the key falls");
        });
        gateway.online().await;
        gateway.until(ms(15_000)).await;
        let talk = phone.talk(&said).await.unwrap();
        gateway.until(ms(25_000)).await;
        let mut same = Talk::new(1, ms(0), &said);
        same.packets.truncate(talk.packets as usize);
        let world = gateway.world.borrow();
        assert!(place(&same.sound(), world.played(ms(15_000)..ms(25_000))).is_some(), "bit by bit");
        assert!(!world.is_keyed());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_link_that_falls_silent_while_transmitting_unkeys_within_seconds() {
    play(async {
        let (_sim, gateway, phone) = scene(|_| {}).await;
        let said = speech("phone");
        let (_ends_somehow, ()) = tokio::join!(phone.talk(&said), async {
            gateway.until(ms(5_000)).await;
            gateway.wire.freeze();
            gateway.until(ms(8_000)).await;
            assert!(!gateway.world.borrow().is_keyed());
        });
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_over_that_the_server_ends_stops_there_and_the_next_one_is_whole() {
    play(async {
        let (sim, gateway, phone) = scene(|_| {}).await;
        radio_speaks(&gateway);
        gateway.world.borrow_mut().radio_hears(ms(12_500), &speech("radio")[..32_000]);
        gateway.world.borrow_mut().squelch(ms(12_503)..ms(14_503));
        gateway.until(ms(5_000)).await;
        sim.end_streams();
        gateway.until(ms(11_000)).await;
        let world = &gateway.world;
        let first = heard(&phone);
        assert_same(&first, &world.borrow().encoded(ms(2_300)..ms(10_000))[..first.len()]);
        assert!(first.len() < 50, "{} packets", first.len());
        gateway.until(ms(20_000)).await;
        assert_same(&heard(&phone)[first.len()..], &world.borrow().encoded(ms(12_300)..ms(15_000)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_mixes_garbage_into_everything_disturbs_no_speech() {
    play(async {
        let (sim, gateway, phone) = scene(|_| {}).await;
        let faults = [
            Fault::Garbage,
            Fault::UnknownEvents,
            Fault::UnknownFields,
            Fault::UsersOnlineStorm { events: 20 },
            Fault::WrongCase,
            Fault::ForeignNames,
            Fault::LongHeader,
        ];
        for fault in faults {
            sim.set_fault(fault);
        }
        radio_speaks(&gateway);
        gateway.until(ms(5_000)).await;
        sim.say_to_all("{\"command\":\"on_stream_start\",\"stream_id\":\"seven\"}");
        sim.say_to_all(&"[".repeat(500_000));
        gateway.until(ms(11_000)).await;
        assert_same(&heard(&phone), &gateway.world.borrow().encoded(ms(2_300)..ms(10_000)));
        let talk = phone.talk(&speech("phone")).await.unwrap();
        gateway.until(ms(22_000)).await;
        let world = gateway.world.borrow();
        assert_eq!(world.counters.downlink_packets_played.value(), u64::from(talk.packets));
        assert!(!world.is_keyed());
        assert!(world.counters.frames_invalid.value() > 0);
    })
    .await;
}

/// Answers the log-on as a server does; what comes after is the test's.
async fn log_on(server: DuplexStream) -> Option<WebSocketStream<DuplexStream>> {
    let mut socket = tokio_tungstenite::accept_async(server).await.ok()?;
    let logon = socket.next().await?.ok()?.into_text().ok()?;
    let logon: serde_json::Value = serde_json::from_str(&logon).ok()?;
    socket.send(Message::text(format!("{{\"seq\":{},\"success\":true}}", logon["seq"]))).await.ok()?;
    let channel = &logon["channels"][0];
    let status = serde_json::json!({
        "command": "on_channel_status", "channel": channel, "status": "online", "users_online": 2,
        "images_supported": true, "texting_supported": true, "locations_supported": true,
    });
    socket.send(Message::text(status.to_string())).await.ok()?;
    Some(socket)
}

/// A gateway of a server that is nobody's friend.
fn gateway_of<F: Future<Output = Option<()>> + 'static>(
    act: impl Fn(DuplexStream) -> F + 'static,
) -> Gateway {
    let wire = Wire::new(move || {
        let (client, server) = duplex(64 * 1024);
        spawn_local(act(server));
        client
    });
    Gateway::start(wire, |config| config.downlink.time_out = ms(5_000))
}

/// The gateway lives (the world watches its heartbeats), keys never for longer than its limit, and in the end not at
/// all.
async fn assert_unharmed(gateway: &Gateway, until: Duration) {
    gateway.until(until).await;
    let world = gateway.world.borrow();
    assert!(!world.is_keyed(), "keyed {:?}", world.keyed());
    for keyed in world.keyed() {
        assert!(keyed.end - keyed.start <= ms(5_000), "{keyed:?}");
    }
    assert!(world.now - world.beats().last().unwrap().at <= ms(50));
    assert_eq!(world.unexplained_packets(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_of_random_frames_does_no_harm() {
    play(async {
        let gateway = gateway_of(|server| async move {
            let mut socket = log_on(server).await?;
            let mut dice = Dice::new(9);
            for n in 0..3_000_u64 {
                let length = dice.roll(300) as usize;
                let mut bytes: Vec<u8> = (0..length).map(|_| dice.roll(256) as u8).collect();
                if n % 2 == 0 && !bytes.is_empty() {
                    // Half of them look like audio: type 1, any stream, any number.
                    bytes[0] = 1;
                }
                let frame = if n % 3 == 0 {
                    Message::text(String::from_utf8_lossy(&bytes).into_owned())
                } else {
                    Message::binary(bytes)
                };
                socket.send(frame).await.ok()?;
                sleep(ms(3)).await;
            }
            std::future::pending().await
        });
        assert_unharmed(&gateway, ms(40_000)).await;
        assert!(gateway.world.borrow().counters.frames_invalid.value() > 100);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_starts_streams_with_wrong_numbers_cannot_hold_the_key() {
    play(async {
        let gateway = gateway_of(|server| async move {
            let mut socket = log_on(server).await?;
            for n in 0..40_i64 {
                let id = [n, -n, 0, i64::MAX, 4_294_967_296, 7][n as usize % 6];
                let start = serde_json::json!({
                    "command": "on_stream_start", "type": "audio", "codec": "opus", "codec_header": "gD4BPA==",
                    "packet_duration": 60, "stream_id": id, "channel": "hill", "from": "moriarty", "for": false,
                });
                socket.send(Message::text(start.to_string())).await.ok()?;
                let mut frame = vec![1];
                frame.extend_from_slice(&(id as u32 ^ 0x0100).to_be_bytes());
                frame.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x58, 1, 2, 3]);
                socket.send(Message::binary(frame)).await.ok()?;
                sleep(ms(300)).await;
            }
            std::future::pending().await
        });
        // Before the silence after it makes the gateway connect anew, and all of it begin again.
        assert_unharmed(&gateway, ms(30_000)).await;
        assert!(!gateway.world.borrow().keyed().is_empty(), "streams that may be somebody's are believed");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_of_huge_frames_does_no_harm() {
    play(async {
        let gateway = gateway_of(|server| async move {
            let mut socket = log_on(server).await?;
            let mut audio = vec![0; 1 << 20];
            audio[0] = 1;
            socket.send(Message::binary(audio)).await.ok()?;
            socket.send(Message::text("x".repeat(1 << 20))).await.ok()?;
            socket.send(Message::binary(vec![2; 9 << 20])).await.ok()?;
            std::future::pending().await
        });
        assert_unharmed(&gateway, ms(20_000)).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_left_and_tried_again() {
    play(async {
        let gateway = gateway_of(|server| async move {
            let _socket = tokio_tungstenite::accept_async(server).await.ok()?;
            std::future::pending().await
        });
        assert_unharmed(&gateway, ms(120_000)).await;
        assert!(!matches!(*gateway.states.borrow(), LinkState::Online));
        assert!(gateway.world.borrow().counters.connects.value() >= 2);
    })
    .await;
}
