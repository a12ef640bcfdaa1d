//! Tokens as the simulator sees them: whether one looks like one, and its own refresh tokens (protocol section 3.2).

use std::time::Duration;

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD};
use ring::hmac;
use serde_json::Value;

/// Life of a refresh token; clients treat it as an hour.
const REFRESH_LIFE: Duration = Duration::from_secs(3_600);

/// Whether text looks like a JSON Web Token: three parts of base64.
#[must_use]
pub(crate) fn is_token_shaped(token: &str) -> bool {
    let parts: Vec<&str> = token.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && any_base64_alphabet(part))
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
}
