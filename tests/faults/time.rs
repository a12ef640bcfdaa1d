//! A clock that is wrong, and tokens that end.

use std::path::Path;
use std::time::{Duration, SystemTime};

use tokio::time::sleep;
use zello_gateway::config::{TokenSource, Zello};
use zello_gateway::logic::session::LinkState;
use zello_gateway::secret::Secret;
use zello_gateway::sim::Settings;
use zello_gateway::sim::settings::Issuer;
use zello_gateway::zello::token::{SigningKey, Verifier};

use crate::scene::{Clock, PROBES_AN_HOUR, Scene, Wire, account, secs, story};

const ISSUER: &str = "WkM6dGVzdA==.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const HOUR: Duration = secs(3_600);

fn key() -> SigningKey {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/keys/account.pkcs1.pem");
    SigningKey::from_pem(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A service that checks tokens by the right time.
fn strict() -> Settings {
    let verifier = Some(Verifier::new(ISSUER.to_owned(), key().public_key()));
    let issuer = Issuer { issuer: ISSUER.to_owned(), key_file: "account.pkcs1.pem".into(), verifier };
    Settings { issuers: vec![issuer], ..Settings::default() }
}

/// An account with its key.
fn signer() -> Zello {
    Zello { token: TokenSource::Key { issuer: ISSUER.to_owned(), key: key() }, ..account() }
}

fn scene(zello: Zello, clock: Clock) -> Scene {
    Scene::of(strict(), zello, |sim| {
        let way = Wire::new(move || sim.connect_memory());
        way.set_clock(clock);
        way
    })
}

#[test]
fn a_clock_of_1970_is_waited_for_without_a_connect_and_told_once() {
    story! {
        let mut scene = scene(signer(), Clock::In1970);
        // What the radio hears meanwhile is kept.
        scene.station.over(1, 20).await;
        sleep(secs(30)).await;
        assert_eq!((scene.connects(), scene.station.counters.connects.value()), (0, 0));
        assert_eq!((scene.lines(""), scene.lines("the clock of this machine is not set")), (1, 1), "{}", scene.log());
        assert!(scene.station.states.borrow().to_string().contains("clock"));
        scene.way.set_clock(Clock::Right);
        assert!(scene.station.online().await <= secs(1));
        sleep(secs(4)).await;
        assert_eq!(scene.station.counters.uplink_packets_sent.value(), 20);
        assert_eq!(scene.connects(), 1);
    }
}

#[test]
fn a_clock_that_is_set_unheard_is_noticed_within_seconds() {
    story! {
        let mut scene = scene(signer(), Clock::In1970);
        sleep(HOUR).await;
        assert_eq!((scene.connects(), scene.lines("")), (0, 1), "{}", scene.log());
        scene.way.set_clock_unheard(Clock::Right);
        assert!(scene.station.online().await <= secs(5));
    }
}

#[test]
fn a_clock_hours_behind_is_named_and_the_first_token_after_it_is_set_is_good() {
    story! {
        // As a Pi after a night without power: it goes on where it was switched off.
        let mut scene = scene(signer(), Clock::Behind(8 * HOUR));
        scene.station.wait_for(secs(2), |state| matches!(state, LinkState::Fault { .. })).await;
        assert!(scene.lines("the clock of this machine") >= 1, "{}", scene.log());
        sleep(secs(20)).await;
        let connects = scene.connects();
        scene.way.set_clock(Clock::Right);
        assert!(scene.station.online().await <= secs(1), "at once, not at the next probe");
        assert_eq!(scene.connects(), connects + 1);
    }
}

#[test]
fn a_clock_that_is_stepped_while_online_disturbs_nothing_and_each_connect_has_a_new_token() {
    story! {
        let mut scene = scene(signer(), Clock::Right);
        scene.station.online().await;
        for clock in [Clock::Behind(5 * HOUR), Clock::Right, Clock::In1970, Clock::Right] {
            scene.way.set_clock(clock);
            sleep(HOUR).await;
            assert_eq!(*scene.station.states.borrow(), LinkState::Online);
        }
        assert_eq!(scene.connects(), 1);
        // Wrong while the link is made anew, then right.
        scene.way.set_clock(Clock::Behind(5 * HOUR));
        scene.sim.close_all(1000, "");
        scene.station.wait_for(secs(2), |state| matches!(state, LinkState::Fault { .. })).await;
        scene.way.set_clock(Clock::Right);
        assert!(scene.station.online().await <= secs(1));
    }
}

#[test]
fn a_clock_that_is_set_shortens_no_wait_that_has_another_reason() {
    story! {
        let mut scene = scene(signer(), Clock::Right);
        scene.station.online().await;
        scene.sim.close_all(3003, "kicked");
        scene.station.lost().await;
        scene.way.set_clock(Clock::Right);
        assert!(scene.station.online().await >= secs(30));
    }
}

#[test]
fn a_pasted_token_that_has_ended_is_a_fault_of_its_own_name_and_costs_the_server_nothing() {
    story! {
        #[expect(clippy::disallowed_methods, reason = "tokens are of this time")]
        let yesterday = SystemTime::now() - 24 * HOUR;
        let token: Secret = key().mint(ISSUER, yesterday, secs(60)).unwrap();
        let zello = Zello { token: TokenSource::Pasted(token), ..account() };
        let mut scene = scene(zello, Clock::Right);
        scene.station.wait_for(secs(1), |state| matches!(state, LinkState::Fault { .. })).await;
        let said = scene.station.states.borrow().to_string();
        assert!(said.contains("the token in token_file has ended") && said.contains("developer portal"), "{said}");
        sleep(HOUR).await;
        assert_eq!((scene.connects(), scene.lines("")), (0, 1), "{}", scene.log());
        // The clock was ahead: with the right time the token is good.
        scene.way.set_clock(Clock::Behind(24 * HOUR));
        sleep(secs(2)).await;
        assert!((1..=PROBES_AN_HOUR).contains(&scene.connects()), "tried, and refused by the service");
        assert!(scene.lines("not authorized") >= 1, "{}", scene.log());
    }
}

#[test]
fn a_pasted_token_that_is_good_logs_on() {
    story! {
        #[expect(clippy::disallowed_methods, reason = "tokens are of this time")]
        let token: Secret = key().mint(ISSUER, SystemTime::now(), 24 * HOUR).unwrap();
        let mut scene = scene(Zello { token: TokenSource::Pasted(token), ..account() }, Clock::Right);
        scene.station.online().await;
        // By the refresh token of the first log-on.
        scene.sim.close_all(1000, "");
        scene.station.lost().await;
        scene.station.online().await;
        assert_eq!(scene.lines("WARN"), 0, "{}", scene.log());
    }
}
