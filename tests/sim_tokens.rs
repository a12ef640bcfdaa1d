//! A simulator with issuers lets in who brings a token that the account's key has signed, and nobody else.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of a test fail as the test does: by panicking"
)]

#[path = "support/sim.rs"]
mod support;

use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use support::{Client, logon};
use zello_gateway::sim::{Settings, Sim};
use zello_gateway::zello::token::SigningKey;

const ISSUER: &str = "WkM6dGVzdA==.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn key_file(name: &str) -> String {
    format!("{}/tests/data/keys/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn server(key: &str) -> Sim {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sim.toml");
    let text = format!("[[issuers]]\nissuer = '{ISSUER}'\nkey_file = '{}'\n", key_file(key));
    std::fs::write(&path, text).unwrap();
    Sim::start(Settings::read(Path::new(&path)).unwrap())
}

fn token(key: &str, issuer: &str, end: i64) -> String {
    #[expect(clippy::disallowed_methods, reason = "tokens are of this time")]
    let now = SystemTime::now();
    let key = SigningKey::from_pem(&std::fs::read_to_string(key_file(key)).unwrap()).unwrap();
    let (from, life) = match u64::try_from(end) {
        Ok(life) => (now, life),
        Err(_) => (now - Duration::from_secs(end.unsigned_abs()), 0),
    };
    key.mint(issuer, from, Duration::from_secs(life)).unwrap().reveal().to_string()
}

async fn answer(sim: &Sim, token: &str) -> Value {
    let mut request = logon("sherlock");
    request["auth_token"] = json!(token);
    Client::open(sim, "/ws").await.ask(request).await
}

#[tokio::test(start_paused = true)]
async fn the_right_token_opens_whatever_form_the_key_was_given_in() {
    for key in ["account.public.pem", "account.pkcs1.pem", "account.pkcs8.pem"] {
        let reply = answer(&server(key), &token("account.pkcs1.pem", ISSUER, 60)).await;
        assert_eq!(reply["success"], true, "{key}: {reply}");
    }
}

#[tokio::test(start_paused = true)]
async fn both_alphabets_of_base64_are_read_padded_or_not() {
    let sim = server("account.public.pem");
    let token = token("account.pkcs8.pem", ISSUER, 60);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let padded = format!("{signed}.{}==", signature.replace('-', "+").replace('_', "/"));
    assert_eq!(answer(&sim, &padded).await["success"], true);
}

#[tokio::test(start_paused = true)]
async fn tokens_of_others_ended_ones_and_none_are_refused() {
    let sim = server("account.public.pem");
    let refused = json!({"error": "not authorized", "seq": 1});
    assert_eq!(answer(&sim, &token("other.pkcs8.pem", ISSUER, 60)).await, refused);
    assert_eq!(answer(&sim, &token("account.pkcs8.pem", "WkM6ZWxzZQ==", 60)).await, refused);
    assert_eq!(answer(&sim, &token("account.pkcs8.pem", ISSUER, -120)).await, refused);
    assert_eq!(answer(&sim, support::TOKEN).await, refused);
    let nothing = Client::open(&sim, "/ws").await.ask(logon("sherlock")).await;
    assert_eq!(nothing, json!({"error": "not enough params", "seq": 1}));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_replaces_only_the_auth_token() {
    let sim = server("account.public.pem");
    let refresh = answer(&sim, &token("account.pkcs8.pem", ISSUER, 60)).await["refresh_token"].clone();
    let mut whole = logon("sherlock");
    whole["refresh_token"] = refresh.clone();
    assert_eq!(Client::open(&sim, "/ws").await.ask(whole.clone()).await["success"], true);
    whole["password"] = Value::Null;
    assert_eq!(Client::open(&sim, "/ws").await.ask(whole.clone()).await["error"], "no permission");
    whole["username"] = Value::Null;
    assert_eq!(Client::open(&sim, "/ws").await.ask(whole).await["error"], "invalid username");
    let mut forged = logon("sherlock");
    forged["refresh_token"] = json!(support::TOKEN);
    assert_eq!(Client::open(&sim, "/ws").await.ask(forged).await["error"], "no permission");
}
