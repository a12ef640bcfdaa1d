//! The account's RSA key: it signs, and its public half verifies.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode};
use rustls::pki_types::pem::{Error as PemError, PemObject, SectionKind};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{TokenError, provider};
use crate::secret::{Secret, SecretBytes};

/// An RSA private key that signs tokens; read from PEM, PKCS#1 or PKCS#8.
#[derive(Clone)]
pub struct SigningKey {
    der: SecretBytes,
    public: PublicKey,
}

/// The public half of an account's key: it proves whose token that is.
#[derive(Clone)]
pub struct PublicKey(Arc<DecodingKey>);

/// All that the service looks at.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    exp: u64,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[private key]")
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[public key]")
    }
}

impl SigningKey {
    /// Reads `RSA PRIVATE KEY` or `PRIVATE KEY`.
    ///
    /// # Errors
    /// [`TokenError::Key`] for anything else.
    pub fn from_pem(pem: &str) -> Result<Self, TokenError> {
        match section(pem)? {
            (SectionKind::RsaPrivateKey | SectionKind::PrivateKey, der) => Self::from_der(&der),
            (SectionKind::PublicKey, _) => {
                Err(wrong("it is the public key; the gateway signs with the private one"))
            }
            (SectionKind::EcPrivateKey, _) => Err(wrong("it is an EC key; the service wants RSA")),
            (_, _) => Err(wrong("it holds no key")),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, TokenError> {
        let pair = provider::key_pair(der)
            .map_err(|_| wrong("the key is broken, not RSA, or shorter than 2048 bits"))?;
        Ok(Self {
            der: SecretBytes::new(der),
            public: PublicKey(Arc::new(DecodingKey::from_rsa_der(pair.public().as_ref()))),
        })
    }

    /// The half that others may have.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.public.clone()
    }

    /// Signs a token for `issuer` that ends `lifetime` after `now`.
    ///
    /// # Errors
    /// [`TokenError::Key`] when the key cannot sign.
    pub fn mint(&self, issuer: &str, now: SystemTime, lifetime: Duration) -> Result<Secret, TokenError> {
        provider::install();
        // A clock before 1970 makes an expired token, and the service says what is wrong with that.
        let exp = now.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_add(lifetime).as_secs();
        let claims = Claims { iss: issuer, exp };
        let key = EncodingKey::from_rsa_der(&self.der.reveal());
        encode(&Header::new(Algorithm::RS256), &claims, &key)
            .map(Secret::new)
            .map_err(|error| TokenError::Key(format!("it does not sign: {error}")))
    }
}

impl PublicKey {
    /// Reads `PUBLIC KEY`, or takes the public half of a private key.
    ///
    /// # Errors
    /// [`TokenError::Key`] for anything else.
    pub fn from_pem(pem: &str) -> Result<Self, TokenError> {
        match section(pem)? {
            (SectionKind::PublicKey, der) => {
                let key = rsa_public_key(&der).ok_or_else(|| wrong("it is not an RSA key"))?;
                Ok(Self(Arc::new(DecodingKey::from_rsa_der(key))))
            }
            _ => SigningKey::from_pem(pem).map(|key| key.public),
        }
    }

    pub(super) fn decoding(&self) -> &DecodingKey {
        &self.0
    }
}

fn wrong(why: &str) -> TokenError {
    TokenError::Key(why.to_owned())
}

/// The first key of a PEM file. No message holds a line of it.
fn section(pem: &str) -> Result<(SectionKind, Zeroizing<Vec<u8>>), TokenError> {
    if pem.contains("ENCRYPTED") {
        return Err(wrong(
            "it is locked with a passphrase; write it without one: openssl rsa -in LOCKED -out KEY",
        ));
    }
    if pem.contains("OPENSSH PRIVATE KEY") {
        return Err(wrong("it is in the form of OpenSSH; convert it: ssh-keygen -p -m PEM -f KEY"));
    }
    let section = <(SectionKind, Vec<u8>)>::from_pem_slice(pem.as_bytes());
    section.map(|(kind, der)| (kind, Zeroizing::new(der))).map_err(|error| {
        wrong(if matches!(error, PemError::NoItemsFound) {
            "there is no line -----BEGIN RSA PRIVATE KEY-----"
        } else if matches!(error, PemError::MissingSectionEnd { .. }) {
            "its last line is missing"
        } else {
            "it is damaged"
        })
    })
}

/// The RSA key inside a `SubjectPublicKeyInfo` (RFC 5280): what follows the algorithm's name, in a bit string.
fn rsa_public_key(spki: &[u8]) -> Option<&[u8]> {
    /// `SEQUENCE { rsaEncryption, NULL }`
    const ALGORITHM: [u8; 15] =
        [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    let (inside, _) = der_value(spki, 0x30)?;
    let (bits, _) = der_value(inside.strip_prefix(&ALGORITHM)?, 0x03)?;
    bits.strip_prefix(&[0])
}

/// The value of a DER element with this tag, and what comes after the element.
fn der_value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = der.strip_prefix(&[tag])?.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            let length = bytes.iter().fold(0u32, |length, &byte| length << 8 | u32::from(byte));
            (usize::try_from(length).ok()?, rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}
