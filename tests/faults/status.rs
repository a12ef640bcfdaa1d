//! Logged on, and yet not in the channel.

use tokio::time::sleep;
use zello_gateway::logic::session::LinkState;
use zello_gateway::sim::{Fault, Settings};

use crate::scene::{
    GROWING_AN_HOUR, PROBES_AN_HOUR, Pace, SLOW_TRIES_AN_HOUR, Scene, case, heard, secs, story,
};

const STAYS_OFFLINE: &str = "the channel did not come online within 30 s";

fn status(error: &str, error_type: &str) -> Fault {
    Fault::StatusError { error: error.to_owned(), error_type: error_type.to_owned() }
}

#[test]
pub(crate) fn a_channel_that_stays_offline_is_waited_for_and_then_entered_anew() {
    case(Fault::StatusOffline, STAYS_OFFLINE, Pace::Fast, SLOW_TRIES_AN_HOUR).prove();
    case(Fault::StatusLate { ms: 90_000 }, STAYS_OFFLINE, Pace::Fast, SLOW_TRIES_AN_HOUR).prove();
}

#[test]
pub(crate) fn a_channel_that_comes_online_late_is_waited_for() {
    story! {
        let fault = Fault::StatusLate { ms: 25_000 };
        let mut scene = Scene::new(Settings { faults: vec![fault], ..Settings::default() });
        assert!(scene.station.online().await >= secs(25));
        assert_eq!((scene.connects(), scene.lines("WARN")), (1, 0), "{}", scene.log());
    }
}

#[test]
pub(crate) fn every_error_of_a_status_is_waited_out_by_its_class() {
    for (error, error_type, says, pace, an_hour) in [
        // An outage of the service, and what nobody documents.
        ("unable to verify", "unknown", STAYS_OFFLINE, Pace::Fast, SLOW_TRIES_AN_HOUR),
        ("channel_closed", "unknown", STAYS_OFFLINE, Pace::Fast, SLOW_TRIES_AN_HOUR),
        ("flux capacitor empty", "unknown", STAYS_OFFLINE, Pace::Fast, SLOW_TRIES_AN_HOUR),
        ("kicked", "unknown", "kicked", Pace::HalfMinute, GROWING_AN_HOUR),
        ("suspended", "unknown", "suspended", Pace::Probe, PROBES_AN_HOUR),
        // These credentials can never enter this channel: a password that the interface cannot give.
        (
            "invalid password",
            "configuration",
            "cannot be entered: invalid password",
            Pace::Probe,
            PROBES_AN_HOUR,
        ),
        ("flux capacitor empty", "configuration", "cannot be entered: flux", Pace::Probe, PROBES_AN_HOUR),
    ] {
        case(status(error, error_type), says, pace, an_hour).prove();
    }
}

#[test]
pub(crate) fn what_the_status_says_is_in_the_log() {
    for error in ["unable to verify", "channel_closed", "flux capacitor empty"] {
        story! {
            let scene = Scene::new(Settings { faults: vec![status(error, "unknown")], ..Settings::default() });
            sleep(secs(2)).await;
            assert_eq!(scene.lines(error), 1, "{}", scene.log());
        }
    }
}

#[test]
pub(crate) fn a_channel_that_flaps_costs_no_connect_and_few_lines() {
    story! {
        let (mut scene, phone) = Scene::online().await;
        scene.sim.set_fault(Fault::StatusFlapping { ms: 1_000 });
        scene.sim.close_all(1006, "");
        drop(phone);
        scene.station.lost().await;
        scene.station.online().await;
        let (tries, lines) = (scene.way.tries.borrow().len(), scene.lines(""));
        sleep(secs(3_600)).await;
        assert_eq!(scene.way.tries.borrow().len(), tries);
        let lines = scene.lines("") - lines;
        assert!(lines <= 12, "{lines} lines in an hour\n{}", scene.log());
        assert!(scene.lines("the channel went offline") >= 1 && scene.lines("not told again for an hour") >= 1);
        // An over that is said meanwhile is kept for when the channel holds.
        scene.station.over(1, 50).await;
        scene.sim.clear_faults();
        let listener = scene.phone("watson").await;
        sleep(secs(10)).await;
        scene.station.wait_for(secs(1), |state| *state == LinkState::Online).await;
        let mut numbers = heard(&listener);
        let count = numbers.len();
        numbers.dedup();
        assert_eq!(numbers.len(), count, "nothing is said twice");
        scene.over_is_heard(2, &listener).await;
    }
}
