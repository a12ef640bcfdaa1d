//! `token` by the real program: what it mints another can check, and what it shows is true.
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare itself has failed")]

#[path = "support/desk.rs"]
mod desk;
#[path = "support/program.rs"]
mod program;

use std::path::Path;
use std::time::{Duration, SystemTime};

use desk::Desk;
use program::run_in;
use zello_gateway::zello::token::{SigningKey, Verifier};

const ISSUER: &str = "WkM6MTIz.abc=";

fn verifier() -> Verifier {
    let pem = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/keys/account.pkcs1.pem");
    let key = SigningKey::from_pem(&std::fs::read_to_string(pem).unwrap()).unwrap();
    Verifier::new(ISSUER, key.public_key())
}

#[expect(clippy::disallowed_methods, reason = "the program reads the wall clock too")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[test]
fn a_minted_token_is_alone_on_stdout_and_good_for_its_lifetime() {
    let desk = Desk::new();
    let args = ["token", "--issuer", ISSUER, "--key", "key.pem", "--lifetime-seconds", "7200"];
    let said = run_in(&desk.path(""), &args);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let token = said.stdout.strip_suffix('\n').unwrap();
    let info = verifier().check(token, now()).unwrap();
    assert_eq!(info.issuer.as_deref(), Some(ISSUER));
    let left = info.expires.unwrap().duration_since(now()).unwrap();
    assert!(left <= Duration::from_secs(7_200) && left > Duration::from_secs(7_100), "{left:?}");
    assert!(said.stderr.contains(&format!("issuer: {ISSUER}\n")), "{}", said.stderr);
    assert!(said.stderr.contains("UTC, in 1"), "{}", said.stderr);
}

#[test]
fn a_configuration_gives_issuer_and_key() {
    let desk = Desk::new();
    desk.fixture("good-full");
    let said = run_in(&desk.path(""), &["token", "-c", "gw.toml"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(verifier().check(said.stdout.trim(), now()).is_ok());
}

#[test]
fn a_pasted_token_is_explained_and_not_repeated() {
    let desk = Desk::new();
    let said = run_in(&desk.path(""), &["token", "--show", "token"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(!said.stdout.contains("eyJ"));
    for part in [ISSUER, "RS256", "2100-01-01 00:00:00 UTC", "development token"] {
        assert!(said.stdout.contains(part), "{part} is missing in {}", said.stdout);
    }
}

#[test]
fn a_token_that_has_ended_is_said_so_and_fails() {
    let desk = Desk::new();
    let token = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJ4IiwiZXhwIjo5NTE3ODI0MDB9.c2ln";
    desk.write("old", token.as_bytes(), 0o600);
    let said = run_in(&desk.path(""), &["token", "--show", "old"]);
    assert_eq!(said.code, Some(1));
    assert!(said.stdout.contains("2000-02-29 00:00:00 UTC: it has ended"), "{}", said.stdout);
}

#[test]
fn what_cannot_be_used_fails_with_its_remedy_and_without_its_contents() {
    let desk = Desk::new();
    let key = |file| vec!["token", "--issuer", ISSUER, "--key", file];
    for (args, wanted) in [
        (key("open-key.pem"), "chmod 600 open-key.pem"),
        (key("password"), "password: not an RSA private key"),
        (key("nowhere"), "nowhere does not exist"),
        (vec!["token", "--show", "password"], "not a JSON Web Token"),
        (vec!["token", "--show", "nowhere"], "cannot read nowhere"),
        (vec!["token", "-c", "nowhere.toml"], "nowhere.toml: does not exist"),
    ] {
        let said = run_in(&desk.path(""), &args);
        assert_eq!(said.code, Some(1), "{args:?}");
        assert!(said.stderr.contains(wanted), "{args:?}: {}", said.stderr);
        assert!(!said.stderr.contains("hunter2") && said.stdout.is_empty(), "{args:?}");
    }
}
