//! Auth tokens: RS256 JSON Web Tokens signed with the account's key (protocol section 3).

mod key;
mod provider;
mod verifier;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::base64::decode_lenient;
pub use key::{PublicKey, SigningKey};
pub use verifier::Verifier;

/// How long a minted token lives.
///
/// The service reads a token once, at log-on, so that seconds would do; but it compares `exp` with its own clock, and a
/// machine without a clock of its own may be minutes slow until the network has set it.
pub const LIFETIME: Duration = Duration::from_secs(600);

/// What is wrong with a key or a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The key file holds something else.
    #[error("not an RSA private key in PEM form: {0}")]
    Key(String),
    /// The token cannot be read.
    #[error("not a JSON Web Token: {0}")]
    Token(String),
    /// The token can be read and does not let anybody in.
    #[error("token refused: {0}")]
    Refused(String),
}

/// What stands in a token. Nothing of it is proven: see [`Verifier`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// Who issued it.
    pub issuer: Option<String>,
    /// When it ends.
    pub expires: Option<SystemTime>,
    /// A development token of the portal, valid for 30 days and not meant for long use.
    pub development: bool,
    /// How it is signed: `RS256` for an auth token.
    pub algorithm: Option<String>,
}

impl TokenInfo {
    /// Has it ended at `now`? A token that names no end never does.
    #[must_use]
    pub fn is_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }
}

/// Says what stands in a token, without checking it.
///
/// # Errors
/// [`TokenError::Token`] for text that is no JSON Web Token. The message holds nothing of the text.
pub fn describe(token: &str) -> Result<TokenInfo, TokenError> {
    let parts = Parts::split(token)?;
    let header = json_object(parts.header, "header")?;
    let claims = json_object(parts.claims, "claims")?;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    Ok(TokenInfo {
        issuer: text(claims.get("iss")),
        expires: claims.get("exp").and_then(time_of),
        development: claims.get("azp").and_then(Value::as_str) == Some("dev"),
        algorithm: text(header.get("alg")),
    })
}

/// The three parts of a token, still in base64.
struct Parts<'a> {
    header: &'a str,
    claims: &'a str,
    signature: &'a str,
    /// What is signed: header and claims as they arrived.
    signed: &'a str,
}

impl<'a> Parts<'a> {
    fn split(token: &'a str) -> Result<Self, TokenError> {
        let token = token.trim();
        let wrong = || TokenError::Token("it has not three parts with dots between".to_owned());
        let (signed, signature) = token.rsplit_once('.').ok_or_else(wrong)?;
        let (header, claims) = signed.split_once('.').ok_or_else(wrong)?;
        if claims.contains('.') {
            return Err(wrong());
        }
        Ok(Self { header, claims, signature, signed })
    }
}

fn json_object(base64: &str, part: &str) -> Result<Value, TokenError> {
    let bytes =
        decode_lenient(base64).ok_or_else(|| TokenError::Token(format!("its {part} is not base64")))?;
    // The error of serde_json could show a part of the token.
    match serde_json::from_slice(&bytes) {
        Ok(object @ Value::Object(_)) => Ok(object),
        Ok(_) | Err(_) => Err(TokenError::Token(format!("its {part} is not JSON"))),
    }
}

/// Seconds since 1970, as some write them with a fraction.
fn time_of(value: &Value) -> Option<SystemTime> {
    let since = match value.as_u64() {
        Some(seconds) => Duration::from_secs(seconds),
        None => Duration::try_from_secs_f64(value.as_f64()?).ok()?,
    };
    UNIX_EPOCH.checked_add(since)
}

#[cfg(test)]
mod tests;
