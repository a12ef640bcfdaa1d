//! Log-ons that are refused, and the account that somebody else uses.

use tokio::time::{Instant, sleep};
use zello_gateway::logic::backoff;
use zello_gateway::logic::session::LinkState;
use zello_gateway::sim::{Fault, Phone, Settings};

use crate::scene::{
    FAST_AN_HOUR, GROWING_AN_HOUR, PROBES_AN_HOUR, Pace, SLOW_TRIES_AN_HOUR, Scene, case, secs, story,
};

#[test]
pub(crate) fn a_log_on_without_an_answer_is_given_up() {
    case(Fault::SilentLogon, "no reply to the log-on within 10 s", Pace::Fast, SLOW_TRIES_AN_HOUR).prove();
    let late = Fault::LogonLate { ms: 12_000 };
    case(late, "no reply to the log-on within 10 s", Pace::Fast, SLOW_TRIES_AN_HOUR).prove();
}

#[test]
pub(crate) fn an_answer_within_10_s_is_waited_for() {
    story! {
        let fault = Fault::LogonLate { ms: 9_000 };
        let mut scene = Scene::new(Settings { faults: vec![fault], ..Settings::default() });
        assert!(scene.station.online().await <= secs(10));
        assert_eq!((scene.connects(), scene.lines("WARN")), (1, 0));
    }
}

#[test]
pub(crate) fn every_error_of_a_log_on_is_waited_out_by_its_class() {
    for (error, pace, an_hour) in [
        ("internal server error", Pace::Fast, FAST_AN_HOUR),
        ("server closed connection", Pace::Fast, FAST_AN_HOUR),
        ("channel is not ready", Pace::Fast, FAST_AN_HOUR),
        ("flux capacitor empty", Pace::Fast, FAST_AN_HOUR),
        ("kicked", Pace::HalfMinute, GROWING_AN_HOUR),
        ("not enough params", Pace::Probe, PROBES_AN_HOUR),
        ("channels limit exceeded", Pace::Probe, PROBES_AN_HOUR),
        ("invalid username", Pace::Probe, PROBES_AN_HOUR),
        ("invalid password", Pace::Probe, PROBES_AN_HOUR),
        ("invalid credentials", Pace::Probe, PROBES_AN_HOUR),
        ("no permission", Pace::Probe, PROBES_AN_HOUR),
        ("suspended", Pace::Probe, PROBES_AN_HOUR),
        ("unable to verify", Pace::Probe, PROBES_AN_HOUR),
        ("banned", Pace::Probe, PROBES_AN_HOUR),
    ] {
        case(Fault::LogonError { error: error.to_owned(), times: None }, error, pace, an_hour).prove();
    }
}

#[test]
pub(crate) fn every_close_code_at_log_on_is_waited_out_by_its_class() {
    for (code, reason, says, pace, an_hour) in [
        (1000, "", "closed by the server", Pace::Fast, FAST_AN_HOUR),
        (1001, "", "closed by the server", Pace::Fast, FAST_AN_HOUR),
        (1006, "", "connection lost", Pace::Fast, FAST_AN_HOUR),
        (1008, "", "protocol error (1008)", Pace::Fast, FAST_AN_HOUR),
        (1011, "", "internal server error", Pace::Fast, FAST_AN_HOUR),
        (3005, "", "protocol error (3005)", Pace::Fast, FAST_AN_HOUR),
        (4999, "flux capacitor empty", "flux capacitor empty", Pace::Fast, FAST_AN_HOUR),
        (3003, "kicked", "kicked", Pace::HalfMinute, GROWING_AN_HOUR),
        (3001, "unable to verify", "unable to verify", Pace::Probe, PROBES_AN_HOUR),
        (3004, "", "banned", Pace::Probe, PROBES_AN_HOUR),
    ] {
        let fault = Fault::CloseOnLogon { code, reason: reason.to_owned(), times: None };
        case(fault, says, pace, an_hour).prove();
    }
}

#[test]
pub(crate) fn a_link_closed_as_refused_later_is_waited_out_by_the_same_rules() {
    for (code, reason, says, pace, an_hour) in [
        (3003, "kicked", "kicked", Pace::HalfMinute, GROWING_AN_HOUR),
        (3001, "unable to verify", "unable to verify", Pace::Probe, PROBES_AN_HOUR),
        (3002, "not authorized", "not authorized", Pace::ThreeQuarters, SLOW_TRIES_AN_HOUR),
    ] {
        let fault = Fault::CloseAfter { ms: 1_000, code, reason: reason.to_owned(), times: None };
        case(fault, says, pace, an_hour).prove();
    }
}

/// Not authorised without an end: `first` is waited after the first, then it is latched.
fn refused_twice(fault: Fault, first: Pace) {
    story! {
        let mut scene = Scene::new(Settings { faults: vec![fault], ..Settings::default() });
        scene.station.wait_for(secs(1), |state| matches!(state, LinkState::Waiting { trouble: Some(_), .. })).await;
        let LinkState::Waiting { wait, .. } = scene.station.states.borrow().clone() else { panic!() };
        assert!(first.first().contains(&wait), "{wait:?}");
        let is_fault = |state: &LinkState| matches!(state, LinkState::Fault { .. });
        scene.station.wait_for(secs(60), is_fault).await;
        let connects = scene.connects();
        sleep(secs(3_600)).await;
        let connects = scene.connects() - connects;
        assert!((1..=PROBES_AN_HOUR).contains(&connects), "{connects}");
        assert_eq!(scene.lines("somebody must change something"), 1, "{}", scene.log());
        assert!(scene.lines("the clock of this machine") >= 1, "{}", scene.log());
        scene.sim.clear_faults();
        scene.station.wait_for(secs(376), |state| *state == LinkState::Online).await;
    }
}

#[test]
pub(crate) fn not_authorized_is_latched_only_when_it_repeats() {
    refused_twice(Fault::LogonError { error: "not authorized".to_owned(), times: None }, Pace::Fast);
    let close = Fault::CloseOnLogon { code: 3002, reason: "not authorized".to_owned(), times: None };
    refused_twice(close, Pace::ThreeQuarters);
}

#[test]
pub(crate) fn not_authorized_after_a_kick_passes_and_is_never_latched() {
    story! {
        let faults = vec![Fault::NotAuthorizedAfterKick { ms: 70_000 }];
        let mut scene = Scene::new(Settings { faults, ..Settings::default() });
        scene.station.online().await;
        let kicked = Instant::now();
        let thief = scene.phone("gateway").await;
        thief.hang_up().await;
        scene.station.lost().await;
        let mut states = scene.station.states.clone();
        let watch = tokio::task::spawn_local(async move {
            while states.changed().await.is_ok() {
                let state = states.borrow_and_update().clone();
                assert!(!matches!(state, LinkState::Fault { .. }), "{state}");
                if state == LinkState::Online {
                    return;
                }
            }
        });
        scene.station.online().await;
        watch.await.unwrap();
        // 30 s after the kick, and 45 s after the refusal that came of it.
        assert!(kicked.elapsed() >= secs(75) && kicked.elapsed() <= secs(100), "{:?}", kicked.elapsed());
        assert_eq!(scene.way.tries.borrow().len(), 3);
        assert_eq!(scene.lines("same account logged on elsewhere"), 1, "{}", scene.log());
    }
}

#[test]
pub(crate) fn two_gateways_with_one_account_slow_down_and_call_for_help() {
    story! {
        let mut scene = Scene::new(Settings::default());
        let twin = crate::scene::Station::start(scene.way.clone(), crate::scene::account(), crate::scene::HOLD);
        scene.station.online().await;
        sleep(secs(4 * 3_600)).await;
        let tries = scene.way.tries.borrow().clone();
        let last_hour = tries.iter().filter(|at| at.elapsed() <= secs(3_600)).count();
        assert!(last_hour <= GROWING_AN_HOUR, "{last_hour} connects of both in the last hour");
        assert!(tries.len() <= 4 * GROWING_AN_HOUR, "{} connects of both in four hours", tries.len());
        assert!(scene.lines("somebody must change something") >= 1, "{}", scene.log());
        assert!(scene.lines("give this gateway an account of its own") >= 1, "{}", scene.log());
        assert!(scene.lines("") <= 60, "{}", scene.log());
        // The other is switched off.
        twin.stop().await;
        let limit = backoff::KICKED_CAP.mul_f64(1.25) + secs(1);
        scene.station.wait_for(limit, |state| *state == LinkState::Online).await;
        let peace = scene.way.tries.borrow().len();
        sleep(secs(3_600)).await;
        assert_eq!(scene.way.tries.borrow().len(), peace);
    }
}

#[test]
pub(crate) fn a_kick_by_a_person_s_phone_passes_without_a_call_for_help() {
    story! {
        let mut scene = Scene::new(Settings::default());
        scene.station.online().await;
        let thief: Phone = scene.phone("gateway").await;
        scene.station.lost().await;
        thief.hang_up().await;
        let took = scene.station.online().await;
        assert!(Pace::HalfMinute.first().contains(&took), "{took:?}");
        assert_eq!(scene.lines("somebody must change something"), 0, "{}", scene.log());
    }
}
