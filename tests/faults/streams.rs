//! Overs that the server does not take as it should. The session stays, the speech is kept, starts are spaced.

use std::time::Duration;

use tokio::time::sleep;
use zello_gateway::logic::exchange::{DownlinkItem, OverId};
use zello_gateway::logic::session::LinkState;
use zello_gateway::sim::Fault;

use crate::scene::{SLOW_TRIES_AN_HOUR, Scene, heard, secs, story};

/// Most starts a minute, whatever the server answers: the waits grow to 3 s.
const STARTS_A_MINUTE: usize = 25;

#[test]
pub(crate) fn a_connection_that_answers_no_start_is_a_ghost_and_left_at_a_growing_pace() {
    story! {
        let (mut scene, phone) = Scene::online().await;
        scene.sim.set_fault(Fault::StartUnanswered { times: None });
        phone.hang_up().await;
        let (tries, starts) = (scene.way.tries.borrow().len(), scene.starts());
        // A radio that speaks every half minute, for an hour.
        for over in 0..120 {
            scene.station.over(over, 10).await;
            sleep(secs(29)).await;
        }
        let (tries, starts) = (scene.way.tries.borrow().len() - tries, scene.starts() - starts);
        assert!((10..=SLOW_TRIES_AN_HOUR).contains(&tries), "{tries} connects an hour");
        assert!(starts <= 4 * tries, "{starts} starts in {tries} connections");
        assert!(scene.lines("the connection is a ghost") >= 1, "{}", scene.log());
        // What is fresh is said when the fault is over.
        scene.sim.clear_faults();
        scene.station.online().await;
        let phone = scene.phone("watson").await;
        sleep(secs(90)).await;
        let first = scene.station.packets();
        scene.over_is_heard(1_000, &phone).await;
        assert_eq!(heard(&phone).last(), Some(&(first + 19)));
    }
}

#[test]
pub(crate) fn a_start_without_an_answer_is_made_again() {
    story! {
        let (mut scene, phone) = Scene::online().await;
        scene.sim.set_fault(Fault::StartUnanswered { times: Some(2) });
        scene.station.over(1, 20).await;
        sleep(secs(10)).await;
        assert_eq!(heard(&phone), (0..20).collect::<Vec<_>>());
        assert_eq!((scene.starts(), scene.way.tries.borrow().len()), (3, 1));
        assert!(scene.lines("no answer to start_stream") >= 1, "{}", scene.log());
    }
}

#[test]
pub(crate) fn an_answer_after_its_time_is_an_orphan_that_is_stopped() {
    story! {
        let (mut scene, phone) = Scene::online().await;
        // The second start is late as well, so that the first one's answer finds none that is open.
        scene.sim.set_fault(Fault::StartLate { ms: 3_000, times: Some(2) });
        scene.station.over(1, 40).await;
        sleep(secs(8)).await;
        assert_eq!(heard(&phone), (0..40).collect::<Vec<_>>(), "whole, once and in order\n{}", scene.log());
        assert_eq!(scene.lines("late answer to start_stream: stream stopped at once"), 1, "{}", scene.log());
        assert_eq!(scene.journalled("channel is not ready"), 0, "no packet before the answer");
        scene.over_is_heard(2, &phone).await;
    }
}

#[test]
pub(crate) fn a_server_that_always_answers_late_is_given_the_time() {
    story! {
        let (mut scene, phone) = Scene::online().await;
        scene.sim.set_fault(Fault::StartLate { ms: 5_000, times: None });
        scene.station.over(1, 20).await;
        sleep(secs(60)).await;
        assert_eq!(heard(&phone), (0..20).collect::<Vec<_>>());
        assert!(scene.starts() <= STARTS_A_MINUTE, "{}", scene.starts());
        assert_eq!(scene.way.tries.borrow().len(), 1);
    }
}

#[test]
pub(crate) fn a_refusal_that_passes_is_asked_again_and_no_word_is_lost() {
    for error in [
        "channel busy",
        "failed to start stream",
        "failed to start sending message",
        "channel is not ready",
        "internal server error",
        "woodpecker prohibited",
        "flux capacitor empty",
    ] {
        story! {
            let (mut scene, phone) = Scene::online().await;
            scene.sim.set_fault(Fault::StartRefused { error: error.to_owned(), times: None });
            let starts = scene.starts();
            scene.station.over(1, 20).await;
            sleep(secs(25)).await;
            let starts = scene.starts() - starts;
            assert!((2..=STARTS_A_MINUTE / 2).contains(&starts), "{error}: {starts} starts");
            assert!(scene.lines(error) >= 1, "{error}: {}", scene.log());
            assert_eq!(*scene.station.states.borrow(), LinkState::Online, "{error}");
            assert_eq!(scene.way.tries.borrow().len(), 1, "{error}");
            scene.sim.clear_faults();
            sleep(secs(15)).await;
            assert_eq!(heard(&phone), (0..20).collect::<Vec<_>>(), "{error}");
            scene.over_is_heard(2, &phone).await;
        }
    }
}

#[test]
pub(crate) fn a_refusal_that_lasts_drops_the_oldest_and_says_so() {
    story! {
        let (mut scene, phone) = Scene::online().await;
        scene.sim.set_fault(Fault::StartRefused { error: "channel busy".to_owned(), times: None });
        let starts = scene.starts();
        for over in 0..60 {
            scene.station.over(over, 50).await;
            sleep(secs(57)).await;
        }
        let starts = scene.starts() - starts;
        assert!(starts <= 60 * STARTS_A_MINUTE, "{starts} starts an hour");
        assert_eq!(scene.way.tries.borrow().len(), 1);
        assert!(scene.station.counters.uplink_packets_expired.value() > 0);
        scene.sim.clear_faults();
        sleep(secs(90)).await;
        let heard = heard(&phone);
        // What is left is not older than a quarter of an hour, of which 3 s in a minute were spoken; its end is the newest.
        assert_eq!(heard.last(), Some(&(60 * 50 - 1)));
        assert!(heard.windows(2).all(|pair| pair[1] > pair[0]), "in order, once");
        assert!((650..=800).contains(&heard.len()), "{}", heard.len());
    }
}

#[test]
pub(crate) fn a_refusal_for_good_costs_the_over_and_not_the_session() {
    for error in ["invalid request", "not enough params", "unknown command", "no permission"] {
        story! {
            let (mut scene, phone) = Scene::online().await;
            scene.sim.set_fault(Fault::StartRefused { error: error.to_owned(), times: None });
            let starts = scene.starts();
            scene.station.over(1, 20).await;
            sleep(secs(30)).await;
            assert_eq!(scene.starts() - starts, 1, "{error}");
            assert!(scene.station.told().contains(&DownlinkItem::OverRefused { over: OverId(1) }), "{error}");
            assert!(scene.lines("over refused by the server") == 1 && scene.lines(error) >= 1, "{}", scene.log());
            scene.sim.clear_faults();
            scene.over_is_heard(2, &phone).await;
            assert_eq!(scene.way.tries.borrow().len(), 1, "{error}");
        }
    }
}

#[test]
pub(crate) fn a_log_on_that_may_only_listen_goes_on_listening() {
    story! {
        let (mut scene, phone) = Scene::online().await;
        scene.sim.set_fault(Fault::StartRefused { error: "listen only connection".to_owned(), times: None });
        let starts = scene.starts();
        for over in 0..10 {
            scene.station.over(over, 10).await;
            sleep(secs(10)).await;
        }
        assert_eq!((scene.starts() - starts, scene.lines("may only listen")), (1, 1), "{}", scene.log());
        scene.sim.clear_faults();
        scene.talk_is_told(&phone).await;
        assert_eq!((scene.way.tries.borrow().len(), scene.starts() - starts), (1, 1));
        // A new log-on may be allowed to talk.
        phone.hang_up().await;
        scene.sim.close_all(1000, "");
        scene.station.lost().await;
        scene.station.online().await;
        let phone = scene.phone("watson").await;
        sleep(secs(1)).await;
        scene.over_is_heard(20, &phone).await;
    }
}

#[test]
pub(crate) fn a_server_that_forgot_the_log_on_is_logged_on_to_again() {
    story! {
        let (mut scene, _phone) = Scene::online().await;
        scene.sim.set_fault(Fault::StartRefused { error: "not logged in".to_owned(), times: Some(1) });
        scene.station.over(1, 20).await;
        scene.station.online().await;
        let phone = scene.phone("listener").await;
        sleep(secs(5)).await;
        assert_eq!(scene.way.tries.borrow().len(), 2);
        assert!(scene.lines("start_stream refused: not logged in") >= 1, "{}", scene.log());
        scene.over_is_heard(2, &phone).await;
    }
}

#[test]
pub(crate) fn a_channel_that_is_never_ready_is_entered_anew() {
    story! {
        let (mut scene, _phone) = Scene::online().await;
        scene.sim.set_fault(Fault::StartRefused { error: "channel is not ready".to_owned(), times: None });
        scene.station.over(1, 20).await;
        scene.station.lost().await;
        assert!(scene.lines("stays \"not ready\"") >= 1, "{}", scene.log());
        scene.sim.clear_faults();
        scene.station.online().await;
        sleep(secs(5)).await;
        assert_eq!(scene.station.counters.uplink_packets_sent.value(), 20);
    }
}

#[test]
pub(crate) fn many_short_overs_are_spaced_as_the_server_wants_and_none_is_lost() {
    story! {
        let (mut scene, phone) = Scene::online().await;
        scene.sim.set_fault(Fault::Woodpecker { starts: 2, within_ms: 10_000 });
        let starts = scene.starts();
        for over in 0..5 {
            scene.station.over(over, 4).await;
            sleep(Duration::from_millis(700)).await;
        }
        sleep(secs(60)).await;
        assert_eq!(heard(&phone), (0..20).collect::<Vec<_>>());
        assert!(scene.starts() - starts <= STARTS_A_MINUTE, "{}", scene.starts() - starts);
        assert!(scene.lines("woodpecker prohibited") >= 1, "{}", scene.log());
        assert_eq!(scene.way.tries.borrow().len(), 1);
    }
}

#[test]
pub(crate) fn an_over_that_the_server_ends_is_told_and_the_next_is_said() {
    story! {
        let (mut scene, phone) = Scene::online().await;
        scene.sim.set_fault(Fault::StopStreamsAfter { ms: 600, times: Some(1) });
        scene.station.over(1, 30).await;
        sleep(secs(1)).await;
        assert!(scene.station.told().contains(&DownlinkItem::OverRefused { over: OverId(1) }));
        assert_eq!(scene.lines("over ended by the server"), 1, "{}", scene.log());
        assert_eq!(scene.journalled("stop_stream"), 0, "a stream that is over is not stopped");
        // What was on its way when the server ended the stream is nobody's.
        let known = scene.station.counters.uplink_packets_refused.value() + heard(&phone).len() as u64;
        assert!((28..=30).contains(&known), "{known}");
        scene.over_is_heard(2, &phone).await;
    }
}

#[test]
pub(crate) fn two_who_talk_at_once_and_over_us_are_both_told() {
    story! {
        let (mut scene, phone) = Scene::online().await;
        let other = scene.phone("mycroft").await;
        scene.sim.set_fault(Fault::Overlap);
        let speech = vec![0.1; 16_000];
        let (one, two, ()) = tokio::join!(phone.talk(&speech), other.talk(&speech), scene.station.over(1, 20));
        sleep(secs(2)).await;
        let told = scene.station.told();
        let count = |wanted: fn(&DownlinkItem) -> bool| told.iter().filter(|item| wanted(item)).count();
        assert_eq!(count(|item| matches!(item, DownlinkItem::Start { .. })), 2);
        assert_eq!(count(|item| matches!(item, DownlinkItem::Stop { .. })), 2);
        let packets = one.unwrap().packets + two.unwrap().packets;
        assert_eq!(count(|item| matches!(item, DownlinkItem::Packet { .. })), packets as usize);
        assert_eq!(scene.station.counters.uplink_packets_sent.value(), 20);
        scene.sim.clear_faults();
        let listener = scene.phone("lestrade").await;
        scene.over_is_heard(2, &listener).await;
    }
}
