use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::*;

const PKCS1: &str = include_str!("../../../tests/data/keys/account.pkcs1.pem");
const PKCS8: &str = include_str!("../../../tests/data/keys/account.pkcs8.pem");
const PUBLIC: &str = include_str!("../../../tests/data/keys/account.public.pem");
const OTHER: &str = include_str!("../../../tests/data/keys/other.pkcs8.pem");

const ISSUER: &str = "WkM6dGVzdDox.AbC+/dEf0123456789abcdefghijklmnopqrstuvwxyz=";

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn key() -> SigningKey {
    SigningKey::from_pem(PKCS1).unwrap()
}

fn verifier() -> Verifier {
    Verifier::new(ISSUER, key().public_key())
}

fn minted() -> String {
    let token = key().mint(ISSUER, now(), LIFETIME).unwrap();
    token.reveal().to_string()
}

/// A token with these parts, signed by the account's key as third-party clients would.
fn signed(header: &str, claims: &str, encode: impl Fn(&[u8]) -> String) -> String {
    let message = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
    let pair = provider::key_pair(
        &rustls::pki_types::pem::PemObject::from_pem_slice(PKCS1.as_bytes())
            .map(|key: rustls::pki_types::PrivateKeyDer| key.secret_der().to_vec())
            .unwrap(),
    )
    .unwrap();
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(
        &ring::signature::RSA_PKCS1_SHA256,
        &ring::rand::SystemRandom::new(),
        message.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{message}.{}", encode(&signature))
}

fn refused(why: &str) -> Result<TokenInfo, TokenError> {
    Err(TokenError::Refused(why.to_owned()))
}

#[test]
fn a_minted_token_is_the_standard_form_with_issuer_and_end_alone() {
    let token = minted();
    let parts: Vec<_> = token.split('.').collect();
    let json = |part: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(part).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()
    };
    assert_eq!(parts.len(), 3);
    assert_eq!(json(parts[0]), serde_json::json!({ "alg": "RS256", "typ": "JWT" }));
    assert_eq!(json(parts[1]), serde_json::json!({ "iss": ISSUER, "exp": 1_800_000_600 }));
}

#[test]
fn both_forms_of_the_key_make_the_same_token() {
    // PKCS#1 v1.5 signatures are deterministic.
    let pkcs8 = SigningKey::from_pem(PKCS8).unwrap();
    let token = pkcs8.mint(ISSUER, now(), LIFETIME).unwrap();
    assert_eq!(*token.reveal(), minted());
}

#[test]
fn windows_line_ends_and_text_around_the_key_do_no_harm() {
    let pem = format!("Bag Attributes\n{PKCS8}\nthe end\n").replace('\n', "\r\n");
    assert!(SigningKey::from_pem(&pem).is_ok());
}

#[test]
fn a_minted_token_is_taken_by_every_form_of_its_public_key() {
    for pem in [PKCS1, PKCS8, PUBLIC] {
        let verifier = Verifier::new(ISSUER, PublicKey::from_pem(pem).unwrap());
        let info = verifier.check(&minted(), now()).unwrap();
        assert_eq!(info.issuer.as_deref(), Some(ISSUER));
        assert_eq!(info.expires, Some(now() + LIFETIME));
        assert!(!info.development);
    }
}

#[test]
fn both_alphabets_and_extra_claims_are_taken() {
    let header = r#"{"typ":"JWT","alg":"RS256"}"#;
    let claims = format!(r#"{{"iss":"{ISSUER}","exp":1800000600.5,"iat":1,"x":"???>>>"}}"#);
    for token in [
        signed(header, &claims, |bytes| STANDARD.encode(bytes)),
        signed(header, &claims, |bytes| URL_SAFE_NO_PAD.encode(bytes)),
    ] {
        assert!(verifier().check(&token, now()).is_ok(), "{token}");
    }
}

#[test]
fn a_token_ends_at_its_end_and_a_little_skew() {
    let (token, end) = (minted(), now() + LIFETIME);
    let almost = end + Duration::from_secs(29);
    assert!(verifier().check(&token, almost).is_ok());
    let late = end + Duration::from_secs(30);
    assert_eq!(verifier().check(&token, late), refused("it has expired"));
}

#[test]
fn a_token_of_another_key_issuer_or_algorithm_is_refused() {
    let other = SigningKey::from_pem(OTHER).unwrap();
    let forged = other.mint(ISSUER, now(), LIFETIME).unwrap();
    assert_eq!(
        verifier().check(&forged.reveal(), now()),
        refused("another key has signed it, or it was changed")
    );
    let stranger = key().mint("someone", now(), LIFETIME).unwrap();
    assert_eq!(verifier().check(&stranger.reveal(), now()), refused("it is of another issuer"));
    let claims = format!(r#"{{"iss":"{ISSUER}","exp":1800000600}}"#);
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    for header in [r#"{"alg":"none"}"#, r#"{"alg":"HS256"}"#, "{}"] {
        let token = signed(header, &claims, encode);
        assert_eq!(verifier().check(&token, now()), refused("it is not signed by RS256"), "{header}");
    }
    let endless = signed(r#"{"alg":"RS256"}"#, &format!(r#"{{"iss":"{ISSUER}"}}"#), encode);
    assert_eq!(verifier().check(&endless, now()), refused("it names no end (exp)"));
}

#[test]
fn a_changed_claim_breaks_the_signature() {
    let token = minted();
    let (header, rest) = token.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"iss":"{ISSUER}","exp":1900000000}}"#));
    assert_eq!(
        verifier().check(&format!("{header}.{claims}.{signature}"), now()),
        refused("another key has signed it, or it was changed")
    );
}

#[test]
fn a_pasted_development_token_is_described() {
    let encode = |text: &str| STANDARD.encode(text);
    let token = format!(
        " {}.{}.c2ln \n",
        encode(r#"{"typ":"JWT","alg":"RS256"}"#),
        encode(r#"{"iss":"WkM6eA==","exp":1702592000,"azp":"dev"}"#)
    );
    let info = describe(&token).unwrap();
    assert_eq!(
        info,
        TokenInfo {
            issuer: Some("WkM6eA==".to_owned()),
            expires: Some(UNIX_EPOCH + Duration::from_secs(1_702_592_000)),
            development: true,
            algorithm: Some("RS256".to_owned()),
        }
    );
    assert!(info.is_expired(now()));
}

#[test]
fn what_is_no_token_is_refused_without_showing_it() {
    let json = STANDARD.encode("{}");
    for token in [
        String::new(),
        "secret".to_owned(),
        "secret.secret".to_owned(),
        "se cret.secret.secret".to_owned(),
        format!("{json}.{json}.{json}.secret"),
        format!("{json}.c2VjcmV0.secret"),
    ] {
        let message = describe(&token).unwrap_err().to_string();
        assert!(message.starts_with("not a JSON Web Token: "), "{message}");
        assert!(!message.contains("secret") && !message.contains("c2V"));
    }
}

#[test]
fn an_impossible_end_is_no_end() {
    for exp in ["-1", "1e300", "\"soon\"", "null", "18446744073709551615"] {
        let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"exp":{exp}}}"#));
        let token = format!("{}.{claims}.", URL_SAFE_NO_PAD.encode("{}"));
        assert_eq!(describe(&token).unwrap().expires, None, "{exp}");
    }
}

#[test]
fn a_wrong_key_file_says_what_it_is_and_what_to_do() {
    let cut = PKCS1.lines().take(5).collect::<Vec<_>>().join("\n");
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----";
    for (pem, hint) in [
        ("", "no line -----BEGIN RSA PRIVATE KEY-----"),
        ("hunter2", "no line -----BEGIN RSA PRIVATE KEY-----"),
        (PUBLIC, "it is the public key"),
        (locked, "openssl rsa -in"),
        (cut.as_str(), "its last line is missing"),
        (
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "broken, not RSA, or shorter than 2048 bits",
        ),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "it holds no key"),
    ] {
        let message = SigningKey::from_pem(pem).unwrap_err().to_string();
        assert!(message.contains(hint), "{message}");
        assert!(message.starts_with("not an RSA private key in PEM form: "));
    }
}

#[test]
fn a_broken_public_key_is_refused() {
    for body in ["AAAA", "MAA=", "MIQ=", "MIT/////"] {
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
        assert!(PublicKey::from_pem(&pem).is_err(), "{body}");
    }
}

#[test]
fn keys_do_not_show_themselves() {
    assert_eq!(format!("{:?}", key()), "[private key]");
    let shown = format!("{:?}", verifier());
    assert!(shown.contains("[public key]"), "{shown}");
}
