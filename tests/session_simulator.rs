//! The network task against the simulator and its faults, in virtual time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of a test fail by panicking")]

#[path = "support/session.rs"]
mod support;

use std::time::Duration;

use support::{PACKET, Station, Wire, account, numbers};
use tokio::task::LocalSet;
use tokio::time::sleep;
use zello_gateway::logic::exchange::{DownlinkItem, OverId};
use zello_gateway::logic::session::LinkState;
use zello_gateway::sim::{Fault, Login, Phone, Settings, Sim};

const HOLD: Duration = Duration::from_secs(60);

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn wire(sim: &Sim) -> Wire {
    let sim = sim.clone();
    Wire::new(move || sim.connect_memory())
}

async fn phone(sim: &Sim) -> Phone {
    let login = Login::new("watson", "Test");
    Phone::over(sim.connect_memory(), "ws://localhost/ws", &login).await.unwrap()
}

/// What a phone has heard, packet by packet, over all streams.
fn heard(phone: &Phone) -> Vec<u32> {
    let streams = phone.heard();
    numbers(streams.iter().flat_map(|stream| stream.packets.iter().map(|packet| packet.opus.as_slice())))
}

/// A simulator, a gateway that is online and past its first second, and a phone.
async fn scene(faults: Vec<Fault>) -> (Sim, Station, Phone, Wire) {
    let sim = Sim::start(Settings::default());
    let way = wire(&sim);
    let mut station = Station::start(way.clone(), account(), HOLD);
    station.online().await;
    let phone = phone(&sim).await;
    sleep(secs(1)).await;
    for fault in faults {
        sim.set_fault(fault);
    }
    (sim, station, phone, way)
}

macro_rules! play {
    ($body:expr) => {
        LocalSet::new().run_until($body).await
    };
}

#[tokio::test(start_paused = true)]
async fn an_over_of_the_radio_is_heard_whole() {
    play!(async {
        let (_sim, mut station, phone, _) = scene(vec![]).await;
        station.over(1, 50).await;
        sleep(secs(1)).await;
        assert_eq!(heard(&phone), (0..50).collect::<Vec<_>>());
        assert_eq!(station.counters.uplink_packets_sent.value(), 50);
        assert_eq!(station.told(), []);
    });
}

#[tokio::test(start_paused = true)]
async fn a_roll_over_is_heard_without_a_gap() {
    play!(async {
        let (_sim, mut station, phone, _) = scene(vec![]).await;
        station.over(1, 30).await;
        station.begin(2, Some(1));
        station.talk(2, 30).await;
        station.end(2);
        sleep(secs(1)).await;
        assert_eq!(heard(&phone), (0..60).collect::<Vec<_>>());
        assert_eq!(phone.heard().len(), 2);
    });
}

#[tokio::test(start_paused = true)]
async fn a_talker_on_the_channel_is_told_to_the_engine_whole() {
    play!(async {
        let (_sim, mut station, phone, _) = scene(vec![]).await;
        let talk = phone.talk(&vec![0.1; 16_000]).await.unwrap();
        sleep(secs(1)).await;
        let told = station.told();
        assert!(matches!(told[0], DownlinkItem::Start { .. }));
        assert!(matches!(told[told.len() - 1], DownlinkItem::Stop { .. }));
        assert_eq!(told.len(), talk.packets as usize + 2);
    });
}

#[tokio::test(start_paused = true)]
async fn garbage_storms_and_new_events_disturb_nothing() {
    play!(async {
        let faults = vec![
            Fault::Garbage,
            Fault::UnknownEvents,
            Fault::UnknownFields,
            Fault::UsersOnlineStorm { events: 50 },
            Fault::WrongCase,
            Fault::ForeignNames,
            Fault::LongHeader,
            Fault::ImageReplay,
        ];
        let (sim, mut station, phone, way) = scene(faults).await;
        sim.say_to_all("\u{0}garbage");
        sim.say_to_all(&"x".repeat(1_000_000));
        station.over(1, 20).await;
        sleep(secs(1)).await;
        let talk = phone.talk(&vec![0.1; 16_000]).await.unwrap();
        sleep(secs(1)).await;
        assert_eq!(heard(&phone), (0..20).collect::<Vec<_>>());
        assert_eq!(station.told().len(), talk.packets as usize + 2);
        assert!(station.counters.frames_invalid.value() >= 2);
        assert_eq!(way.tries.borrow().len(), 1);
    });
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_costs_no_packet_and_none_is_heard_twice() {
    play!(async {
        let (_sim, mut station, phone, _) = scene(vec![Fault::StartLate { ms: 2_500, times: Some(1) }]).await;
        station.over(1, 100).await;
        sleep(secs(5)).await;
        assert_eq!(heard(&phone), (0..100).collect::<Vec<_>>());
    });
}

#[tokio::test(start_paused = true)]
async fn an_unanswered_start_is_tried_again() {
    play!(async {
        let (_sim, mut station, phone, _) = scene(vec![Fault::StartUnanswered { times: Some(2) }]).await;
        station.over(1, 20).await;
        sleep(secs(10)).await;
        assert_eq!(heard(&phone), (0..20).collect::<Vec<_>>());
    });
}

#[tokio::test(start_paused = true)]
async fn an_over_against_a_talker_waits_for_the_end_of_the_talk() {
    play!(async {
        let (_sim, mut station, phone, _) = scene(vec![]).await;
        let speech = vec![0.1; 16_000 * 5];
        let (talk, ()) = tokio::join!(phone.talk(&speech), async {
            sleep(secs(1)).await;
            station.over(1, 20).await;
        });
        let ended = talk.unwrap().ended;
        while heard(&phone).is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
        assert!(ended.elapsed() < secs(1), "{:?}", ended.elapsed());
        sleep(secs(3)).await;
        assert_eq!(heard(&phone), (0..20).collect::<Vec<_>>());
    });
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_the_server_ends_is_told_to_the_engine() {
    play!(async {
        let (sim, mut station, _phone, _) = scene(vec![]).await;
        station.begin(1, None);
        station.talk(1, 10).await;
        sim.end_streams();
        station.talk(1, 5).await;
        station.end(1);
        sleep(secs(1)).await;
        assert!(station.told().contains(&DownlinkItem::OverRefused { over: OverId(1) }));
        assert_eq!(station.counters.uplink_packets_refused.value(), 5);
    });
}

#[tokio::test(start_paused = true)]
async fn speech_of_an_outage_is_heard_once_and_in_order_when_the_network_is_back() {
    play!(async {
        let (sim, mut station, phone, way) = scene(vec![]).await;
        station.begin(1, None);
        station.talk(1, 20).await;
        way.up.set(false);
        sim.close_all(1006, "");
        // The phone is cut as well; a new one listens.
        drop(phone);
        station.lost().await;
        station.talk(1, 20).await;
        station.end(1);
        station.over(2, 30).await;
        let listener = self::phone(&sim).await;
        way.up.set(true);
        station.online().await;
        sleep(secs(8)).await;
        let heard = heard(&listener);
        assert_eq!(heard, (20..70).collect::<Vec<_>>());
        assert_eq!(station.counters.uplink_packets_sent.value(), 70);
    });
}

#[tokio::test(start_paused = true)]
async fn a_network_that_is_back_is_used_within_two_seconds() {
    play!(async {
        let (sim, mut station, _phone, way) = scene(vec![]).await;
        for code in [1000, 1001, 1006] {
            sim.close_all(code, "");
            station.lost().await;
            assert!(station.online().await <= secs(2), "{code}");
        }
        assert_eq!(way.tries.borrow().len(), 4);
        way.up.set(false);
        sim.close_all(1006, "");
        sleep(secs(2)).await;
        way.up.set(true);
        assert!(station.online().await <= secs(2));
    });
}

#[tokio::test(start_paused = true)]
async fn a_long_outage_is_probed_more_and_more_rarely() {
    play!(async {
        let (sim, _station, _phone, way) = scene(vec![]).await;
        way.up.set(false);
        sim.close_all(1006, "");
        let before = way.tries.borrow().len();
        sleep(secs(3_600)).await;
        let tries = way.tries.borrow().len() - before;
        assert!((60..=140).contains(&tries), "{tries}");
    });
}

#[tokio::test(start_paused = true)]
async fn a_half_open_link_is_noticed_and_left() {
    play!(async {
        let (sim, mut station, _phone, way) = scene(vec![]).await;
        sim.freeze_all();
        assert!(station.lost().await <= secs(45));
        station.online().await;
        assert_eq!(way.tries.borrow().len(), 2);
    });
}

#[tokio::test(start_paused = true)]
async fn http_429_is_not_hammered() {
    play!(async {
        let sim = Sim::start(Settings::default());
        sim.set_fault(Fault::RefuseUpgrade { status: 429, times: Some(2) });
        let way = wire(&sim);
        let mut station = Station::start(way.clone(), account(), HOLD);
        station.wait_for(secs(400), |state| *state == LinkState::Online).await;
        let tries = way.tries.borrow();
        assert!(tries[1] - tries[0] >= secs(60) && tries[2] - tries[1] >= secs(120));
    });
}

#[tokio::test(start_paused = true)]
async fn a_log_on_without_an_answer_is_given_up_and_a_wrong_password_is_a_fault() {
    play!(async {
        let sim = Sim::start(Settings::default());
        sim.set_fault(Fault::SilentLogon);
        let way = wire(&sim);
        let mut station = Station::start(way.clone(), account(), HOLD);
        let waited = station.lost().await;
        assert!(waited >= secs(10) && waited <= secs(13), "{waited:?}");
        sim.clear_faults();
        sim.set_fault(Fault::LogonError { error: "invalid password".to_owned(), times: Some(1) });
        station.wait_for(secs(10), |state| matches!(state, LinkState::Fault { .. })).await;
        let LinkState::Fault { trouble, .. } = station.states.borrow().clone() else { panic!() };
        assert!(trouble.remedy().unwrap().contains("password_file"));
        let wait = station.wait_for(secs(400), |state| *state == LinkState::Online).await;
        assert!(wait >= secs(300));
    });
}

#[tokio::test(start_paused = true)]
async fn a_second_log_on_of_the_account_is_given_time() {
    play!(async {
        let (sim, mut station, _phone, way) = scene(vec![]).await;
        let login = Login::new("gateway", "Test");
        let thief = Phone::over(sim.connect_memory(), "ws://localhost/ws", &login).await.unwrap();
        station.lost().await;
        assert!(station.online().await >= secs(30));
        drop(thief);
        assert_eq!(way.tries.borrow().len(), 2);
    });
}

#[tokio::test(start_paused = true)]
async fn with_nothing_to_hold_speech_of_an_outage_is_counted_as_lost() {
    play!(async {
        let sim = Sim::start(Settings::default());
        let way = wire(&sim);
        way.up.set(false);
        let mut station = Station::start(way.clone(), account(), Duration::ZERO);
        station.over(1, 10).await;
        way.up.set(true);
        station.online().await;
        sleep(secs(3)).await;
        assert_eq!(station.counters.uplink_packets_expired.value(), 10);
        assert_eq!(station.counters.uplink_overs_lost.value(), 1);
        station.over(2, 10).await;
        sleep(PACKET).await;
        assert_eq!(station.counters.uplink_packets_sent.value(), 10);
    });
}
