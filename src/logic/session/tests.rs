#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one kind")]

mod bench;
mod streams;

use std::time::Duration;

use proptest::prelude::*;

use self::bench::{Bench, ONLINE_STATUS, account, secs};
use super::*;
use crate::config::TokenSource;
use crate::logic::backoff;
use crate::logic::exchange::OverId;
use crate::logic::outbox;
use crate::zello::PacketId;

#[test]
fn it_connects_at_once_logs_on_joins_and_is_online() {
    let mut bench = Bench::new(&account(TokenSource::None));
    assert_eq!(bench.come_online(), Duration::ZERO);
    let logon = Request::parse(bench.texts()[0]).unwrap();
    let Command::Logon(fields) = logon.command else { panic!("{logon:?}") };
    assert_eq!(logon.seq, Some(1));
    assert_eq!(fields.channels, ["Baker Street 221B"]);
    assert_eq!(fields.username.as_deref(), Some("Sherlock"));
    assert!(fields.platform_name.unwrap().contains("Gateway"));
    assert_eq!((fields.auth_token, fields.refresh_token, fields.listen_only), (None, None, false));
    assert_eq!((bench.counters.connects.value(), bench.counters.logons.value()), (1, 1));
}

#[test]
fn a_log_on_that_succeeds_is_not_online_yet() {
    let mut bench = Bench::new(&account(TokenSource::None));
    bench.log_on();
    bench.text(r#"{"success":true,"seq":1}"#);
    bench.text(r#"{"command":"on_channel_status","channel":"Baker Street 221B","status":"offline"}"#);
    bench.text(r#"{"command":"on_channel_status","channel":"Elsewhere","status":"online"}"#);
    assert_eq!(*bench.state(), LinkState::Joining);
    bench.wait(ONLINE, true);
    let LinkState::Waiting { trouble: Some(trouble), .. } = bench.state() else {
        panic!("{:?}", bench.state())
    };
    assert_eq!(*trouble, Trouble::TimedOut(Deadline::Online));
}

#[test]
fn an_over_waits_for_the_time_after_log_on_and_then_starts_at_once() {
    let mut bench = Bench::online();
    bench.start_over();
    assert_eq!(bench.texts().len(), 1);
    bench.wait(FIRST_START, true);
    assert_eq!(
        bench.texts()[1],
        r#"{"command":"start_stream","seq":2,"channel":"Baker Street 221B","type":"audio","codec":"opus","codec_header":"gD4BPA==","packet_duration":60}"#
    );
    bench.packet();
    bench.text(r#"{"stream_id":22695,"success":true,"seq":2}"#);
    bench.fact(Fact::Uplink(UplinkItem::End { over: OverId(1) }));
    let frame = vec![1, 0, 0, 0x58, 0xa7, 0, 0, 0, 0, 0x48, 1, 2];
    assert!(bench.done.contains(&Action::SendBinary(frame)));
    let stop = r#"{"command":"stop_stream","seq":3,"stream_id":22695,"channel":"Baker Street 221B"}"#;
    assert_eq!(bench.texts()[2], stop);
}

#[test]
fn every_fatal_refusal_of_a_log_on_is_a_fault_with_a_slow_probe() {
    for error in [
        "invalid username",
        "invalid password",
        "invalid credentials",
        "no permission",
        "not enough params",
        "channels limit exceeded",
        "suspended",
        "banned",
        "unable to verify",
    ] {
        let mut bench = Bench::new(&account(TokenSource::None));
        bench.log_on();
        bench.text(&format!(r#"{{"error":"{error}","seq":1}}"#));
        assert!(bench.is_fault(), "{error}: {:?}", bench.state());
        assert!(matches!(bench.done.last(), Some(Action::Hangup { .. })), "{error}");
        assert!(bench.next_connect() >= backoff::PROBE, "{error}");
    }
}

#[test]
fn transient_refusals_of_a_log_on_are_retried_with_growing_waits() {
    for error in ["internal server error", "server closed connection", "never seen before"] {
        let mut bench = Bench::new(&account(TokenSource::None));
        let mut waits = Vec::new();
        for _ in 0..9 {
            waits.push(bench.log_on());
            bench.text(&format!(r#"{{"error":"{error}","seq":1}}"#));
            assert!(!bench.is_fault(), "{error}");
        }
        assert!(waits[1] <= secs(1) && waits[8] >= secs(30), "{error}: {waits:?}");
    }
}

#[test]
fn not_authorized_is_retried_once_with_a_new_token_and_then_a_fault() {
    let mut bench = Bench::new(&account(TokenSource::None));
    bench.log_on();
    bench.text(r#"{"error":"not authorized","seq":1}"#);
    assert!(!bench.is_fault());
    assert!(bench.next_connect() <= secs(1));
    bench.fact(Fact::Connected { auth_token: Some(Secret::new("fresh")) });
    assert!(bench.texts()[1].contains(r#""auth_token":"fresh""#));
    bench.text(r#"{"error":"not authorized","seq":1}"#);
    assert!(bench.is_fault());
}

#[test]
fn a_pasted_token_gives_way_to_the_refresh_token_and_has_a_second_chance() {
    let mut bench = Bench::new(&account(TokenSource::Pasted(Secret::new("pasted"))));
    bench.log_on();
    assert!(bench.texts()[0].contains(r#""auth_token":"pasted""#));
    bench.text(r#"{"success":true,"seq":1,"refresh_token":"fresh"}"#);
    bench.text(ONLINE_STATUS);
    bench.fact(Fact::Lost("reset".to_owned()));
    bench.log_on();
    assert!(bench.texts()[1].contains(r#""refresh_token":"fresh""#));
    assert!(!bench.texts()[1].contains("auth_token"));
    bench.text(r#"{"error":"no permission","seq":1}"#);
    assert!(!bench.is_fault());
    assert!(bench.log_on() <= secs(1));
    assert!(bench.texts()[2].contains(r#""auth_token":"pasted""#));
    bench.text(r#"{"error":"no permission","seq":1}"#);
    assert!(bench.is_fault());
}

#[test]
fn who_owns_the_key_never_uses_a_refresh_token() {
    let mut bench = Bench::new(&account(TokenSource::None));
    for _ in 0..2 {
        bench.next_connect();
        bench.fact(Fact::Connected { auth_token: Some(Secret::new("minted")) });
        assert!(bench.texts().last().unwrap().contains(r#""auth_token":"minted""#));
        bench.text(r#"{"success":true,"seq":1,"refresh_token":"fresh"}"#);
        bench.fact(Fact::Lost("reset".to_owned()));
    }
}

#[test]
fn a_connect_that_merely_succeeds_does_not_make_the_back_off_young() {
    let mut bench = Bench::new(&account(TokenSource::None));
    let begin = bench.now;
    for _ in 0..12 {
        bench.log_on();
        bench.text(r#"{"success":true,"seq":1}"#);
        bench.fact(Fact::Closed { code: Some(1000), reason: "" });
    }
    assert!(bench.now - begin > secs(150));
    bench.come_online();
    bench.fact(Fact::Closed { code: Some(1000), reason: "" });
    assert!(bench.next_connect() <= secs(1), "one that was online does");
}

#[test]
fn a_link_lived_until_its_last_sign_of_life() {
    let mut bench = Bench::online();
    let mut waits = Vec::new();
    for _ in 0..6 {
        // Dead from its first moment, and noticed after 40 s.
        bench.wait(SILENCE, false);
        waits.push(bench.come_online());
    }
    assert!(waits[5] >= secs(8), "{waits:?}");
    bench.wait(secs(600), true);
    bench.wait(SILENCE, false);
    assert!(bench.come_online() <= secs(1));
}

fn not_connected(kind: ConnectKind) -> Fact<'static> {
    Fact::ConnectFailed(ConnectFailure { kind, text: "because".to_owned() })
}

#[test]
fn a_clock_that_is_not_set_is_looked_at_and_no_connect_is_counted() {
    let mut bench = Bench::new(&account(TokenSource::None));
    for _ in 0..100 {
        bench.next_connect();
        bench.fact(not_connected(ConnectKind::Clock));
        assert!(matches!(bench.state(), LinkState::Waiting { wait: backoff::CLOCK_LOOK, .. }));
    }
    assert_eq!(bench.counters.connects.value(), 0);
    bench.fact(Fact::ClockSet);
    assert_eq!(bench.come_online(), Duration::ZERO);
    assert_eq!(bench.counters.connects.value(), 1);
}

#[test]
fn a_clock_that_is_set_ends_the_waits_that_it_can_end() {
    for (kind, ends) in [
        (ConnectKind::Clock, true),
        (ConnectKind::CertificateTime, true),
        (ConnectKind::Token, true),
        (ConnectKind::Tls, false),
        (ConnectKind::Http(429), false),
        (ConnectKind::Settings, false),
    ] {
        let mut bench = Bench::new(&account(TokenSource::None));
        for _ in 0..8 {
            bench.next_connect();
            bench.fact(not_connected(kind));
        }
        bench.fact(Fact::ClockSet);
        let wait = bench.next_connect();
        assert_eq!(wait == Duration::ZERO, ends, "{kind:?}: {wait:?}");
    }
    // Neither a link nor a connect is touched.
    let mut bench = Bench::online();
    bench.fact(Fact::ClockSet);
    assert_eq!((bench.state(), bench.connects()), (&LinkState::Online, 1));
}

#[test]
fn a_clock_that_is_set_all_the_time_is_no_way_around_the_budget() {
    let mut bench = Bench::new(&account(TokenSource::None));
    let begin = bench.now;
    for _ in 0..3 * backoff::BUDGET {
        bench.next_connect();
        bench.fact(not_connected(ConnectKind::CertificateTime));
        bench.fact(Fact::ClockSet);
    }
    assert!(bench.now - begin >= backoff::BUDGET_WINDOW, "{:?}", bench.now - begin);
}

#[test]
fn the_third_kick_calls_for_help_until_there_was_peace() {
    let mut bench = Bench::online();
    for kick in 1..=4 {
        bench.fact(Fact::Closed { code: Some(3003), reason: "kicked" });
        assert_eq!(bench.is_fault(), kick >= backoff::KICKS_MANY, "kick {kick}");
        bench.come_online();
        bench.wait(secs(1_200), true);
    }
    bench.wait(backoff::KICKS_FORGOTTEN, true);
    bench.fact(Fact::Closed { code: Some(3003), reason: "kicked" });
    assert!(!bench.is_fault());
}

#[test]
fn a_pasted_token_matters_only_while_there_is_no_refresh_token() {
    let mut bench = Bench::new(&account(TokenSource::Pasted(Secret::new("pasted"))));
    assert!(bench.session.shows_pasted_token());
    bench.log_on();
    bench.text(r#"{"success":true,"seq":1,"refresh_token":"fresh"}"#);
    assert!(!bench.session.shows_pasted_token());
    bench.fact(Fact::Lost("reset".to_owned()));
    bench.log_on();
    bench.text(r#"{"error":"no permission","seq":1}"#);
    assert!(bench.session.shows_pasted_token());
}

#[test]
fn a_kick_is_waited_out_and_fighting_gateways_slow_down() {
    let mut bench = Bench::online();
    bench.text(r#"{"command":"on_error","error":"kicked"}"#);
    let first = bench.come_online();
    assert!(first >= backoff::KICKED_FIRST);
    bench.fact(Fact::Closed { code: Some(3003), reason: "kicked" });
    let second = bench.come_online();
    assert!(second >= 2 * backoff::KICKED_FIRST);
    bench.fact(Fact::Closed { code: Some(3003), reason: "" });
    assert!(bench.come_online() >= 4 * backoff::KICKED_FIRST);
}

#[test]
fn not_authorized_in_the_shadow_of_a_kick_is_no_fault() {
    let mut bench = Bench::online();
    bench.fact(Fact::Closed { code: Some(3003), reason: "kicked" });
    bench.log_on();
    bench.fact(Fact::Closed { code: Some(3002), reason: "not authorized" });
    assert!(!bench.is_fault());
    assert!(bench.log_on() >= backoff::UNWELCOME);
    bench.text(r#"{"error":"not authorized","seq":1}"#);
    assert!(!bench.is_fault(), "less than 2 minutes after the kick");
}

#[test]
fn code_3002_becomes_a_fault_only_when_it_repeats() {
    let mut bench = Bench::new(&account(TokenSource::None));
    bench.log_on();
    bench.fact(Fact::Closed { code: Some(3002), reason: "" });
    assert!(!bench.is_fault());
    assert!(bench.log_on() >= backoff::UNWELCOME);
    bench.fact(Fact::Closed { code: Some(3002), reason: "" });
    assert!(bench.is_fault());
}

#[test]
fn http_429_waits_a_minute_and_more() {
    let mut bench = Bench::new(&account(TokenSource::None));
    let mut waits = Vec::new();
    for _ in 0..6 {
        waits.push(bench.next_connect());
        let failure = ConnectFailure { kind: ConnectKind::Http(429), text: "HTTP 429".to_owned() };
        bench.fact(Fact::ConnectFailed(failure));
    }
    assert!(waits[1] >= backoff::THROTTLED_FIRST && waits[2] >= 2 * backoff::THROTTLED_FIRST);
    assert!(waits[5] >= backoff::THROTTLED_CAP);
}

#[test]
fn a_channel_that_can_never_be_entered_is_a_fault() {
    let mut bench = Bench::new(&account(TokenSource::None));
    bench.log_on();
    bench.text(r#"{"success":true,"seq":1}"#);
    bench.text(
        r#"{"command":"on_channel_status","channel":"Baker Street 221B","status":"offline","error":"invalid password","error_type":"configuration"}"#,
    );
    assert!(bench.is_fault());
}

#[test]
fn an_outage_of_the_service_in_the_status_is_waited_out() {
    let mut bench = Bench::online();
    bench.text(
        r#"{"command":"on_channel_status","channel":"Baker Street 221B","status":"offline","error":"unable to verify","error_type":"unknown"}"#,
    );
    assert_eq!(*bench.state(), LinkState::Joining);
    bench.text(ONLINE_STATUS);
    assert_eq!(*bench.state(), LinkState::Online);
    assert_eq!(bench.connects(), 1);
}

#[test]
fn each_step_of_a_connect_has_its_limit_and_there_is_one_connect_at_a_time() {
    let mut bench = Bench::new(&account(TokenSource::None));
    bench.next_connect();
    bench.wait(CONNECT, true);
    assert!(bench.done.contains(&Action::Hangup { code: 1000, reason: "reconnecting" }));
    assert!(matches!(
        bench.state(),
        LinkState::Waiting { trouble: Some(Trouble::TimedOut(Deadline::Connect)), .. }
    ));
    // The answer of the abandoned connect changes nothing but is hung up.
    bench.fact(Fact::Connected { auth_token: None });
    assert!(bench.texts().is_empty());
    bench.log_on();
    bench.wait(LOGON_REPLY, true);
    assert!(matches!(
        bench.state(),
        LinkState::Waiting { trouble: Some(Trouble::TimedOut(Deadline::LogonReply)), .. }
    ));
}

#[test]
fn a_half_open_link_is_noticed_within_45_s_and_an_idle_one_lives() {
    let mut bench = Bench::online();
    bench.wait(secs(3_600), true);
    assert_eq!(*bench.state(), LinkState::Online);
    assert!(bench.done.iter().filter(|action| **action == Action::Ping).count() >= 239);
    let begin = bench.now;
    while bench.counters.links_lost.value() == 0 {
        bench.wait(secs(1), false);
    }
    assert!(bench.now - begin <= secs(45));
    assert!(bench.told().contains(&&DownlinkItem::LinkLost));
}

#[test]
fn shutdown_stops_the_stream_and_says_goodbye() {
    let mut bench = Bench::online();
    bench.wait(FIRST_START, true);
    bench.start_over();
    bench.text(r#"{"stream_id":7,"success":true,"seq":2}"#);
    bench.fact(Fact::Shutdown);
    assert!(bench.texts().last().unwrap().contains(r#""stream_id":7"#));
    assert!(bench.done.contains(&Action::Hangup { code: 1000, reason: "" }));
    assert!(bench.session.is_closed());
    assert_eq!(bench.session.poll_timeout(), None);
}

#[test]
fn a_listen_only_gateway_says_so_and_starts_no_stream() {
    let mut bench = Bench::new(&config::Zello { listen_only: true, ..account(TokenSource::None) });
    bench.come_online();
    assert!(bench.texts()[0].contains(r#""listen_only":true"#));
    bench.start_over();
    bench.wait(secs(5), true);
    assert_eq!(bench.texts().len(), 1);
    assert_eq!(bench.told(), [&DownlinkItem::OverRefused { over: OverId(1) }]);
}

#[test]
fn an_error_means_the_same_wherever_it_is_found() {
    type Telling = fn(&mut Bench);
    let places: [(&str, Telling); 3] = [
        ("event", |bench| bench.text(r#"{"command":"on_error","error":"suspended"}"#)),
        ("close", |bench| bench.fact(Fact::Closed { code: Some(4000), reason: "suspended" })),
        ("status", |bench| {
            bench.text(
                r#"{"command":"on_channel_status","channel":"Baker Street 221B","status":"offline","error":"suspended","error_type":"unknown"}"#,
            );
        }),
    ];
    for (place, tell) in places {
        let mut bench = Bench::online();
        tell(&mut bench);
        assert!(bench.is_fault(), "{place}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_a_server_says_there_is_one_connect_and_always_a_deadline(
        frames in proptest::collection::vec((any::<u8>(), "\\PC{0,40}", 0..20_u64), 1..120),
    ) {
        let mut bench = Bench::new(&account(TokenSource::None));
        let mut connecting = false;
        for (kind, noise, seconds) in frames {
            match kind % 12 {
                0 => bench.fact(Fact::Connected { auth_token: None }),
                1 => bench.text(r#"{"success":true,"seq":1}"#),
                2 => bench.text(ONLINE_STATUS),
                3 => bench.text(&noise),
                4 => bench.fact(Fact::Binary(noise.as_bytes())),
                5 => bench.text(&format!(r#"{{"command":"on_error","error":"{noise}"}}"#)),
                6 => bench.fact(Fact::Closed { code: Some(3000 + u16::from(kind)), reason: &noise }),
                7 => bench.text(&format!(r#"{{"success":true,"seq":{seconds},"stream_id":{seconds}}}"#)),
                8 => bench.start_over(),
                9 => bench.packet(),
                10 => bench.text(&format!(r#"{{"error":"channel busy","seq":{seconds}}}"#)),
                _ => bench.wait(secs(seconds), kind % 2 == 0),
            }
            prop_assert!(bench.session.poll_timeout().is_some());
        }
        for action in &bench.done {
            match action {
                Action::Connect => {
                    prop_assert!(!connecting);
                    connecting = true;
                }
                Action::Report(Report::State(state)) => {
                    connecting = *state == LinkState::Connecting;
                }
                _ => {}
            }
        }
    }
}
