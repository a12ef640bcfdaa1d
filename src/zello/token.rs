//! Auth tokens: RS256 JSON Web Tokens signed with the account's key (protocol section 3).

use std::time::SystemTime;

use crate::secret::Secret;

/// An RSA private key that signs tokens; read from PEM, PKCS#1 or PKCS#8.
#[derive(Clone)]
pub struct SigningKey(());

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[private key]")
    }
}

/// What is wrong with a key or a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The key file holds something else.
    #[error("not an RSA private key in PEM form: {0}")]
    Key(String),
    /// The token cannot be read.
    #[error("not a JSON Web Token: {0}")]
    Token(String),
}

impl SigningKey {
    /// Reads `RSA PRIVATE KEY` or `PRIVATE KEY`.
    ///
    /// # Errors
    /// [`TokenError::Key`] for anything else.
    pub fn from_pem(pem: &str) -> Result<Self, TokenError> {
        let _ = pem;
        todo!()
    }

    /// Signs a token for `issuer` that ends `lifetime` after `now`.
    ///
    /// # Errors
    /// [`TokenError::Key`] when the key cannot sign.
    pub fn mint(
        &self,
        issuer: &str,
        now: SystemTime,
        lifetime: std::time::Duration,
    ) -> Result<Secret, TokenError> {
        let _ = (issuer, now, lifetime);
        todo!()
    }
}
