//! No connection, or one that does not live.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::spawn_local;
use tokio::time::sleep;
use zello_gateway::logic::session::LinkState;
use zello_gateway::sim::{Fault, Settings, Sim};

use crate::scene::{
    Case, FAST_AN_HOUR, GROWING_AN_HOUR, PROBES_AN_HOUR, Pace, SLOW_TRIES_AN_HOUR, Scene, Wire, account,
    case, secs, story,
};

fn refused(status: u16) -> Fault {
    Fault::RefuseUpgrade { status, times: None }
}

#[test]
pub(crate) fn an_upgrade_that_is_refused_is_waited_out_by_its_status() {
    for (status, says, pace, an_hour) in [
        (429, "too many connects from this address", Pace::Minutes, GROWING_AN_HOUR),
        (500, "the service has a fault", Pace::Fast, FAST_AN_HOUR),
        (503, "the service has a fault", Pace::Fast, FAST_AN_HOUR),
        (408, "HTTP 408", Pace::Fast, FAST_AN_HOUR),
        (302, "a captive portal", Pace::Fast, FAST_AN_HOUR),
        (511, "a captive portal", Pace::Fast, FAST_AN_HOUR),
        (403, "not the address of a Zello service", Pace::Probe, PROBES_AN_HOUR),
        (404, "not the address of a Zello service", Pace::Probe, PROBES_AN_HOUR),
        (407, "a proxy", Pace::Probe, PROBES_AN_HOUR),
    ] {
        case(refused(status), says, pace, an_hour).prove();
    }
}

#[test]
pub(crate) fn the_waits_under_http_429_grow_to_a_quarter_of_an_hour() {
    story! {
        let scene = Scene::new(Settings { faults: vec![refused(429)], ..Settings::default() });
        sleep(secs(3 * 3_600)).await;
        let tries = scene.way.tries.borrow().clone();
        let waits: Vec<u64> = tries.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
        assert!(waits.windows(2).all(|pair| pair[1] >= pair[0].min(900)), "{waits:?}");
        assert!(waits[0] >= 60 && waits[5..].iter().all(|wait| (900..=1_125).contains(wait)), "{waits:?}");
    }
}

#[test]
pub(crate) fn an_upgrade_without_an_answer_is_given_up() {
    case(Fault::SlowUpgrade { ms: 60_000 }, "no connection within 15 s", Pace::Fast, SLOW_TRIES_AN_HOUR)
        .prove();
}

#[test]
pub(crate) fn a_slow_upgrade_is_waited_for() {
    story! {
        let fault = Fault::SlowUpgrade { ms: 12_000 };
        let mut scene = Scene::new(Settings { faults: vec![fault], ..Settings::default() });
        assert!(scene.station.online().await <= secs(13));
        assert_eq!(scene.connects(), 1);
    }
}

#[test]
pub(crate) fn a_link_that_falls_silent_is_left_and_made_anew() {
    let fault = Fault::HalfOpen { ms: 1_000 };
    case(fault, "nothing heard from the server for 40 s", Pace::Fast, SLOW_TRIES_AN_HOUR).prove();
}

#[test]
pub(crate) fn pongs_that_stay_away_are_a_dead_link_unless_the_server_pings() {
    let silent = "nothing heard from the server for 40 s";
    let case = case(Fault::MissingPong, silent, Pace::Fast, SLOW_TRIES_AN_HOUR);
    Case { server_pings: false, ..case }.prove();
    story! {
        let mut scene = Scene::new(Settings { faults: vec![Fault::MissingPong], ..Settings::default() });
        scene.station.online().await;
        sleep(secs(3_600)).await;
        assert_eq!((scene.connects(), scene.lines("WARN")), (1, 0), "{}", scene.log());
    }
}

#[test]
pub(crate) fn a_link_that_ends_soon_after_its_log_on_is_not_made_anew_in_haste() {
    for (ms, code, reason, says) in [
        (0, 1000, "", "closed by the server"),
        (0, 1006, "", "connection lost"),
        (5_000, 1001, "server closed connection", "closed by the server: server closed connection"),
        (20_000, 1006, "", "connection lost"),
    ] {
        let fault = Fault::CloseAfter { ms, code, reason: reason.to_owned(), times: None };
        case(fault, says, Pace::Fast, FAST_AN_HOUR).prove();
    }
}

#[test]
pub(crate) fn a_service_that_recycles_its_sockets_costs_no_over_and_is_no_news() {
    story! {
        let fault = Fault::CloseAfter { ms: 180_000, code: 1000, reason: String::new(), times: None };
        let mut scene = Scene::new(Settings { faults: vec![fault], ..Settings::default() });
        scene.station.online().await;
        let mut away = Duration::ZERO;
        for over in 0..20 {
            // The last packets of each over are said while there is no link.
            sleep(secs(179)).await;
            scene.station.over(over, 25).await;
            if !matches!(*scene.station.states.borrow(), LinkState::Online) {
                away += scene.station.online().await;
            }
        }
        sleep(secs(5)).await;
        assert_eq!(scene.station.counters.uplink_overs_lost.value(), 0);
        assert_eq!(scene.station.counters.uplink_packets_sent.value(), 500);
        assert!(scene.connects() >= 20 && away < secs(20), "{} connects, away for {away:?}", scene.connects());
        assert_eq!(scene.lines("WARN"), 0, "{}", scene.log());
        assert!(scene.lines("connecting anew") >= 1, "{}", scene.log());
    }
}

#[test]
pub(crate) fn a_captive_portal_is_named_and_left_when_it_lets_us_through() {
    for page in [
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
        "HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 511 Network Authentication Required\r\nContent-Length: 0\r\n\r\n",
    ] {
        story! {
            let shut = Rc::new(Cell::new(true));
            let portal = Rc::clone(&shut);
            let way = |sim: Sim| Wire::new(move || if portal.get() { says(page) } else { sim.connect_memory() });
            let mut scene = Scene::of(Settings::default(), account(), way);
            sleep(secs(3_600)).await;
            let tries = scene.way.tries.borrow().len();
            assert!((60..=FAST_AN_HOUR).contains(&tries), "{tries}");
            assert_eq!((scene.lines(""), scene.lines("a captive portal")), (1, 1), "{}", scene.log());
            assert_eq!(scene.station.counters.logons.value(), 0);
            shut.set(false);
            assert!(scene.station.online().await <= secs(60));
        }
    }
}

/// A server that answers whatever comes with these words.
fn says(page: &'static str) -> DuplexStream {
    let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
    spawn_local(async move {
        let mut request = [0; 4096];
        if theirs.read(&mut request).await.is_ok() {
            let _gone = theirs.write_all(page.as_bytes()).await;
        }
    });
    ours
}

#[test]
pub(crate) fn no_network_is_tried_at_the_back_off_s_pace_and_told_once() {
    story! {
        let mut scene = Scene::new(Settings::default());
        scene.station.online().await;
        sleep(secs(60)).await;
        scene.way.up.set(false);
        scene.sim.close_all(1006, "");
        scene.station.lost().await;
        let (connects, lines) = (scene.connects(), scene.lines(""));
        sleep(secs(3_600)).await;
        let (connects, lines) = (scene.connects() - connects, scene.lines("") - lines);
        assert!((60..=FAST_AN_HOUR).contains(&connects), "{connects}");
        assert_eq!(lines, 1, "{}", scene.log());
        assert_eq!(scene.lines("no network"), 1, "{}", scene.log());
        scene.way.up.set(true);
        assert!(scene.station.online().await <= secs(60));
    }
}
