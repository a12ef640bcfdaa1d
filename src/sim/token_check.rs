//! Checks auth tokens as the service does (protocol section 3.1), and makes its refresh tokens.

use std::time::Duration;

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD};
use ring::hmac;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::Value;

use super::settings::Issuer;

/// A token may have ended so long ago: clocks differ a little.
const SKEW: Duration = Duration::from_secs(5);

/// Life of a refresh token; clients treat it as an hour.
const REFRESH_LIFE: Duration = Duration::from_secs(3_600);

/// An RSA public key that checks tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    /// Reads a public key, or takes it from a private key (PKCS#1 or PKCS#8).
    ///
    /// # Errors
    /// What the text holds instead.
    pub fn from_pem(pem: &str) -> Result<Self, String> {
        let (label, der) = pem_section(pem).ok_or("no PEM section found")?;
        match label {
            "RSA PUBLIC KEY" => Ok(Self(der)),
            "PUBLIC KEY" => {
                key_of_spki(&der).map(|key| Self(key.to_vec())).ok_or_else(|| "not an RSA key".into())
            }
            "PRIVATE KEY" => public_half(RsaKeyPair::from_pkcs8(&der)),
            "RSA PRIVATE KEY" => public_half(RsaKeyPair::from_der(&der)),
            other => Err(format!("it holds a {other}")),
        }
    }
}

fn public_half(pair: Result<RsaKeyPair, ring::error::KeyRejected>) -> Result<PublicKey, String> {
    pair.map(|pair| PublicKey(pair.public_key().as_ref().to_vec()))
        .map_err(|why| format!("key refused: {why}"))
}

fn pem_section(pem: &str) -> Option<(&str, Vec<u8>)> {
    let (label, rest) = pem.split_once("-----BEGIN ")?.1.split_once("-----")?;
    let body: String = rest.split_once("-----END")?.0.split_whitespace().collect();
    Some((label, any_base64(&body)?))
}

/// The RSA key inside a `SubjectPublicKeyInfo`: a sequence of the algorithm and a bit string.
fn key_of_spki(der: &[u8]) -> Option<&[u8]> {
    let (_, inside, _) = der_element(der)?;
    let (_, _algorithm, rest) = der_element(inside)?;
    let (0x03, bits, _) = der_element(rest)? else { return None };
    let (0, key) = bits.split_first()? else { return None };
    Some(key)
}

/// Tag, contents and rest of the first DER element.
fn der_element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk::<2>()?;
    if first < 0x80 {
        let (contents, rest) = rest.split_at_checked(first.into())?;
        return Some((tag, contents, rest));
    }
    let (length, rest) = rest.split_at_checked((first & 0x7f).into())?;
    let length =
        length.iter().try_fold(0_usize, |sum, &byte| Some(sum.checked_mul(256)? + usize::from(byte)))?;
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((tag, contents, rest))
}

/// Whether text looks like a JSON Web Token: three parts of base64.
#[must_use]
pub(crate) fn is_token_shaped(token: &str) -> bool {
    let parts: Vec<&str> = token.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && any_base64_alphabet(part))
}

/// Whether a token is signed by one of the issuers and still good at `unix`; if not, why.
pub(crate) fn check_auth_token(token: &str, issuers: &[Issuer], unix: Duration) -> Result<(), &'static str> {
    let (signed, signature) = token.rsplit_once('.').ok_or("not three parts")?;
    let (header, payload) = signed.split_once('.').ok_or("not three parts")?;
    let header = json_part(header).ok_or("unreadable header")?;
    if header.get("alg").and_then(Value::as_str) != Some("RS256") {
        return Err("its algorithm is not RS256");
    }
    let payload = json_part(payload).ok_or("unreadable payload")?;
    let iss = payload.get("iss").and_then(Value::as_str).ok_or("no iss")?;
    let issuer = issuers.iter().find(|one| one.issuer == iss).ok_or("unknown iss")?;
    let key = issuer.key.as_ref().ok_or("the issuer has no key")?;
    let signature = any_base64(signature).ok_or("unreadable signature")?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.0)
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| "wrong signature")?;
    let ends = payload.get("exp").and_then(Value::as_f64).ok_or("no exp")?;
    if (unix.saturating_sub(SKEW)).as_secs_f64() > ends { Err("it has ended") } else { Ok(()) }
}

/// Makes and checks refresh tokens: HS256, standard base64 with padding, as the service's own.
#[derive(Debug)]
pub(crate) struct RefreshTokens(hmac::Key);

impl RefreshTokens {
    pub(crate) fn new(seed: u64) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &seed.to_be_bytes()))
    }

    pub(crate) fn mint(&self, unix: Duration) -> String {
        let header = STANDARD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let ends = (unix + REFRESH_LIFE).as_secs();
        let payload = STANDARD.encode(format!(r#"{{"exp":{ends},"iss":"simulator"}}"#));
        let signed = format!("{header}.{payload}");
        let signature = STANDARD.encode(hmac::sign(&self.0, signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    pub(crate) fn check(&self, token: &str, unix: Duration) -> bool {
        let Some((signed, signature)) = token.rsplit_once('.') else { return false };
        let Some(signature) = any_base64(signature) else { return false };
        let ends = signed.split_once('.').and_then(|(_, payload)| json_part(payload)?.get("exp")?.as_u64());
        hmac::verify(&self.0, signed.as_bytes(), &signature).is_ok()
            && ends.is_some_and(|ends| unix.as_secs() <= ends)
    }
}

fn json_part(part: &str) -> Option<Value> {
    serde_json::from_slice(&any_base64(part)?).ok()
}

fn any_base64_alphabet(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte))
}

/// Decodes both alphabets, padded or not.
fn any_base64(text: &str) -> Option<Vec<u8>> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let text = text.replace('-', "+").replace('_', "/");
    GeneralPurpose::new(&base64::alphabet::STANDARD, lenient).decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shape_is_three_parts_of_base64() {
        assert!(is_token_shaped("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln"));
        assert!(!is_token_shaped("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0"));
        assert!(!is_token_shaped("a.b.c d"));
        assert!(!is_token_shaped(""));
    }

    #[test]
    fn a_refresh_token_is_good_for_an_hour_and_only_here() {
        let now = Duration::from_secs(1_700_000_000);
        let tokens = RefreshTokens::new(1);
        let token = tokens.mint(now);
        assert!(is_token_shaped(&token));
        assert!(tokens.check(&token, now + Duration::from_secs(3_599)));
        assert!(!tokens.check(&token, now + Duration::from_secs(3_601)));
        assert!(!RefreshTokens::new(2).check(&token, now));
    }

    #[test]
    fn a_key_that_is_none_says_what_was_found() {
        assert_eq!(PublicKey::from_pem("hello").unwrap_err(), "no PEM section found");
        let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(PublicKey::from_pem(certificate).unwrap_err(), "it holds a CERTIFICATE");
    }
}
