//! A network that stalls: the gateway keeps what it cannot send, drops the oldest by rule, and goes on listening.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of a test fail by panicking")]

#[path = "support/session.rs"]
mod support;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use support::{Station, Wire, account, numbers};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::sync::watch;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;
use zello_gateway::sim::{Login, Phone, Settings, Sim};

/// A network and the system's send buffer hold so much: a dozen of these tests' packets.
const BUFFER: usize = 256;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Carries bytes while the network flows.
async fn carry(
    mut from: ReadHalf<DuplexStream>,
    mut to: WriteHalf<DuplexStream>,
    mut flows: watch::Receiver<bool>,
) {
    let mut bytes = [0; 64];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if flows.wait_for(|flows| *flows).await.is_err() || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

/// A server, a gateway behind a network that can stall, and a phone that is nearer.
struct Scene {
    station: Station,
    phone: Phone,
    wire: Wire,
    up: Rc<RefCell<watch::Sender<bool>>>,
    down: Rc<RefCell<watch::Sender<bool>>>,
}

impl Scene {
    async fn new(hold: Duration) -> Self {
        let sim = Sim::start(Settings::default());
        let (up, down) = (watch::Sender::new(true), watch::Sender::new(true));
        let (up, down) = (Rc::new(RefCell::new(up)), Rc::new(RefCell::new(down)));
        let (ups, downs, server) = (Rc::clone(&up), Rc::clone(&down), sim.clone());
        let wire = Wire::new(move || {
            let (client, near) = duplex(BUFFER);
            let (near_read, near_write) = split(near);
            let (far_read, far_write) = split(server.connect_memory());
            spawn_local(carry(near_read, far_write, ups.borrow().subscribe()));
            spawn_local(carry(far_read, near_write, downs.borrow().subscribe()));
            client
        });
        let mut station = Station::start(wire.clone(), account(), hold);
        station.online().await;
        let login = Login::new("watson", "Test");
        let phone = Phone::over(sim.connect_memory(), "ws://localhost/ws", &login).await.unwrap();
        sleep(secs(1)).await;
        Self { station, phone, wire, up, down }
    }

    fn stall(&self, stalls: bool) {
        self.up.borrow().send_replace(!stalls);
        self.down.borrow().send_replace(!stalls);
    }

    /// The numbers that the phone has heard, over all streams.
    fn heard(&self) -> Vec<u32> {
        let overs = self.phone.heard();
        numbers(overs.iter().flat_map(|over| over.packets.iter().map(|packet| packet.opus.as_slice())))
    }

    fn connects(&self) -> usize {
        self.wire.tries.borrow().len()
    }
}

async fn play(story: impl Future<Output = ()>) {
    LocalSet::new().run_until(story).await;
}

#[tokio::test(start_paused = true)]
async fn a_stall_of_seconds_costs_no_packet_and_no_connection() {
    play(async {
        let mut scene = Scene::new(secs(60)).await;
        scene.station.begin(1, None);
        scene.station.talk(1, 50).await;
        scene.stall(true);
        scene.station.talk(1, 120).await;
        let sent = scene.station.counters.uplink_packets_sent.value();
        assert!(sent < 50 + 40, "{sent} packets are out of our hands");
        scene.stall(false);
        scene.station.talk(1, 50).await;
        scene.station.end(1);
        sleep(secs(20)).await;
        assert_eq!(scene.heard(), (0..220).collect::<Vec<_>>());
        assert_eq!(scene.connects(), 1);
        assert_eq!(scene.station.counters.uplink_packets_sent.value(), 220);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn after_a_stall_the_held_speech_is_paced_as_speech_is() {
    play(async {
        let mut scene = Scene::new(secs(60)).await;
        scene.station.begin(1, None);
        scene.station.talk(1, 10).await;
        scene.stall(true);
        scene.station.talk(1, 130).await;
        scene.station.end(1);
        scene.stall(false);
        let before = scene.heard().len();
        sleep(secs(1)).await;
        let burst = scene.heard().len() - before;
        assert!(burst <= 60, "{burst} packets at once");
        sleep(secs(20)).await;
        assert_eq!(scene.heard(), (0..140).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_too_much_to_hold_in_a_stall_goes_oldest_first_and_is_counted() {
    play(async {
        let mut scene = Scene::new(secs(3)).await;
        scene.station.begin(1, None);
        scene.station.talk(1, 20).await;
        scene.stall(true);
        scene.station.talk(1, 150).await;
        scene.stall(false);
        scene.station.end(1);
        sleep(secs(20)).await;
        let (heard, counters) = (scene.heard(), &scene.station.counters);
        let expired = counters.uplink_packets_expired.value();
        assert!(heard.is_sorted_by(|a, b| a < b), "{heard:?}");
        assert!(expired > 50 && heard.len() as u64 + expired == 170, "{expired} expired, {heard:?}");
        // Those that were left are the newest, without a gap.
        assert_eq!(heard[heard.len() - 50..], (120..170).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stall_that_does_not_end_costs_what_was_on_its_way_and_no_more() {
    play(async {
        let mut scene = Scene::new(secs(60)).await;
        scene.station.begin(1, None);
        scene.station.talk(1, 50).await;
        scene.stall(true);
        scene.station.talk(1, 250).await;
        // The next connection finds a network that flows.
        scene.up.replace(watch::Sender::new(true));
        scene.down.replace(watch::Sender::new(true));
        scene.station.talk(1, 50).await;
        scene.station.end(1);
        sleep(secs(60)).await;
        let (heard, counters) = (scene.heard(), &scene.station.counters);
        assert!(heard.is_sorted_by(|a, b| a < b), "{heard:?}");
        assert!(scene.connects() >= 2, "the dead connection is left");
        let lost = 350 - heard.len();
        assert!(lost < 40, "{lost} packets were lost");
        assert_eq!(counters.uplink_packets_sent.value(), 350);
        assert_eq!(heard[heard.len() - 250..], (100..350).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn while_the_way_up_stalls_the_channel_is_heard() {
    play(async {
        let mut scene = Scene::new(secs(60)).await;
        scene.station.begin(1, None);
        scene.station.talk(1, 20).await;
        scene.station.end(1);
        sleep(secs(1)).await;
        scene.up.borrow().send_replace(false);
        scene.station.begin(2, None);
        // Before the third start without an answer makes the gateway leave the connection.
        scene.station.talk(2, 20).await;
        scene.station.told();
        let talk = scene.phone.talk(&vec![0.1; 16_000 * 3]).await.unwrap();
        sleep(secs(1)).await;
        assert_eq!(scene.station.told().len(), talk.packets as usize + 2, "start, packets, stop");
        scene.up.borrow().send_replace(true);
        scene.station.end(2);
        sleep(secs(20)).await;
        assert_eq!(scene.heard(), (0..40).collect::<Vec<_>>());
        assert_eq!(scene.connects(), 1);
    })
    .await;
}
