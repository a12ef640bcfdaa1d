//! Checks tokens as the service does; the simulator's side.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, crypto};

use super::{Parts, PublicKey, TokenError, TokenInfo, describe, provider};
use crate::zello::base64::decode_lenient;

/// How long after its end a token is still taken: the two clocks never agree quite.
const SKEW: Duration = Duration::from_secs(30);

/// Checks the tokens of one issuer.
#[derive(Debug, Clone)]
pub struct Verifier {
    issuer: String,
    key: PublicKey,
}

impl Verifier {
    /// Takes the tokens of `issuer` that its key has signed.
    pub fn new(issuer: impl Into<String>, key: PublicKey) -> Self {
        Self { issuer: issuer.into(), key }
    }

    /// Whose tokens these are.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Checks form, algorithm, signature, issuer and end of a token. Other claims do not matter; base64 may be of
    /// either alphabet, padded or not.
    ///
    /// # Errors
    /// [`TokenError::Token`] for what is no token, [`TokenError::Refused`] for one that lets nobody in.
    pub fn check(&self, token: &str, now: SystemTime) -> Result<TokenInfo, TokenError> {
        let info = describe(token)?;
        if info.algorithm.as_deref() != Some("RS256") {
            return Err(refused("it is not signed by RS256"));
        }
        self.check_signature(token)?;
        if info.issuer.as_deref() != Some(self.issuer.as_str()) {
            return Err(refused("it is of another issuer"));
        }
        match info.expires {
            None => Err(refused("it names no end (exp)")),
            Some(end) if now.duration_since(end).is_ok_and(|late| late >= SKEW) => {
                Err(refused("it has expired"))
            }
            Some(_) => Ok(info),
        }
    }

    fn check_signature(&self, token: &str) -> Result<(), TokenError> {
        provider::install();
        let parts = Parts::split(token)?;
        let signature =
            decode_lenient(parts.signature).ok_or_else(|| refused("its signature is not base64"))?;
        let verified = crypto::verify(
            &URL_SAFE_NO_PAD.encode(signature),
            parts.signed.as_bytes(),
            self.key.decoding(),
            Algorithm::RS256,
        );
        match verified {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(refused("another key has signed it, or it was changed")),
        }
    }
}

fn refused(why: &str) -> TokenError {
    TokenError::Refused(why.to_owned())
}
