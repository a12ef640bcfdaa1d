//! Speech through the whole gateway and a whole server, in virtual time: engine, session, WebSocket, simulator, phone.
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

use gateway::world::talk::{Talk, ms, speech};
use gateway::world::{assert_same, place};
use gateway::{NAME, scene};
use tokio::task::LocalSet;

#[tokio::test(start_paused = true)]
async fn what_the_radio_hears_the_phone_hears_whole_and_at_once() {
    let story = async {
        let (_sim, gateway, phone) = scene(|_| {}).await;
        gateway.world.borrow_mut().radio_hears(ms(2_500), &speech("radio"));
        gateway.world.borrow_mut().squelch(ms(2_503)..ms(9_503));
        gateway.until(ms(12_000)).await;
        let heard = phone.heard();
        let [over] = heard.as_slice() else { panic!("one over, not {}", heard.len()) };
        assert_eq!(over.from, NAME);
        let packets: Vec<_> = over.packets.iter().map(|packet| packet.opus.clone()).collect();
        assert_same(&packets, &gateway.world.borrow().encoded(ms(2_300)..ms(10_000)));
        assert!(over.packets.windows(2).all(|pair| pair[1].id.0 == pair[0].id.0 + 1));
        assert!(gateway.since(over.started) <= ms(2_503 + 5), "{:?}", gateway.since(over.started));
        // A packet of 60 ms is on the phone 20 ms after its last sample at the latest.
        for (n, packet) in (1..).zip(&over.packets[..over.packets.len() - 1]) {
            let spoken = ms(2_300 + 60 * n).max(ms(2_503));
            let at = gateway.since(packet.at);
            assert!(at <= spoken + ms(20), "packet {n} came at {at:?}");
        }
        let world = gateway.world.borrow();
        assert!(world.keyed().is_empty(), "nobody hears himself");
        assert_eq!(world.counters.uplink_packets_sent.value(), packets.len() as u64);
    };
    LocalSet::new().run_until(story).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_phone_says_the_radio_says_whole() {
    let story = async {
        let (_sim, gateway, phone) = scene(|_| {}).await;
        let said = phone.talk(&speech("phone")).await.unwrap();
        gateway.until(ms(12_000)).await;
        let world = gateway.world.borrow();
        let [keyed] = world.keyed().try_into().unwrap();
        let started = gateway.since(said.started);
        assert!(keyed.start <= started + ms(5), "started {started:?}, keyed {keyed:?}");
        let mut same = Talk::new(1, ms(0), &speech("phone"));
        same.packets.truncate(said.packets as usize);
        assert!(place(&same.sound(), &world.on_air).is_some(), "bit by bit");
        assert_eq!(world.counters.downlink_packets_played.value(), u64::from(said.packets));
        assert_eq!(world.unexplained_packets(), 0);
    };
    LocalSet::new().run_until(story).await;
}

#[tokio::test(start_paused = true)]
async fn radio_and_phone_hold_a_conversation() {
    let story = async {
        let (_sim, gateway, phone) = scene(|_| {}).await;
        for turn in 0..3 {
            let begin = ms(2_500 + turn * 8_000);
            gateway.world.borrow_mut().radio_hears(begin, &speech("radio")[..32_000]);
            gateway.world.borrow_mut().squelch(begin..begin + ms(2_100));
            gateway.until(begin + ms(3_000)).await;
            phone.talk(&speech("phone")[..32_000]).await.unwrap();
            gateway.until(begin + ms(7_900)).await;
        }
        assert_eq!(phone.heard().len(), 3);
        let world = gateway.world.borrow();
        assert_eq!(world.keyed().len(), 3);
        assert_eq!(world.counters.uplink_overs.value(), 3);
        assert_eq!(world.unexplained_packets(), 0);
    };
    LocalSet::new().run_until(story).await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_gateway_ends_its_transmission_and_its_over() {
    let story = async {
        let (_sim, gateway, phone) = scene(|_| {}).await;
        gateway.world.borrow_mut().radio_hears(ms(2_500), &speech("radio"));
        gateway.world.borrow_mut().cos_at(ms(2_503), true);
        gateway.until(ms(4_005)).await;
        let world = std::rc::Rc::clone(&gateway.world);
        gateway.shut_down().await;
        let heard = phone.hear(1).await.unwrap();
        let packets: Vec<_> = heard[0].packets.iter().map(|packet| packet.opus.clone()).collect();
        assert_same(&packets, &world.borrow().encoded(ms(2_300)..ms(4_000)));
    };
    LocalSet::new().run_until(story).await;
}
