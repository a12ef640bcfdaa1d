//! What must never be shown: passwords, tokens, keys.
//!
//! A secret lies in memory under a pad of random bytes. It is bare only while it is used, and what was bare is overwritten
//! at once; what libraries copy meanwhile is overwritten when they free it, by the program's allocator. So no piece of
//! memory that ends up somewhere else, by swap, by a crash report or by a buffer sent too long, holds it. Whoever may read
//! all the memory of a process finds pad and padded; nothing helps against that.
//!
//! The log-on is bare from its making to its sending. Of the frame that is sent, a copy stays in the WebSocket's output buffer
//! until the connection ends, under the four random bytes of the frame's mask, which lie beside it.

use std::fmt;

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

/// Secret text. `Debug` shows only that there is one; there is no `Display`, and it does not serialise.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(SecretBytes);

/// Secret bytes, kept in the same way.
#[derive(Clone)]
pub struct SecretBytes {
    pad: Box<[u8]>,
    padded: Box<[u8]>,
}

impl Secret {
    /// Takes a secret into care.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretBytes::new(Zeroizing::new(text.into()).as_bytes()))
    }

    /// The secret itself, for the one place that must send or check it; overwritten when dropped.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut bytes = self.0.reveal();
        // It came from text, so that nothing is lost here.
        Zeroizing::new(String::from_utf8(std::mem::take(&mut *bytes)).unwrap_or_default())
    }
}

impl SecretBytes {
    /// Takes secret bytes into care.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut pad = vec![0; bytes.len()].into_boxed_slice();
        // A system without randomness has worse troubles than this pad: it makes no TLS connection either.
        let _bare = SystemRandom::new().fill(&mut pad);
        let padded = over(&pad, bytes).into_boxed_slice();
        Self { pad, padded }
    }

    /// The bytes themselves; overwritten when dropped.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(over(&self.pad, &self.padded))
    }
}

/// Puts a pad over bytes, or takes it off.
fn over(pad: &[u8], bytes: &[u8]) -> Vec<u8> {
    // Of the right size from the start: a vector that grows leaves copies behind.
    let mut out = Vec::with_capacity(bytes.len());
    out.extend(pad.iter().zip(bytes).map(|(pad, byte)| pad ^ byte));
    out
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        *self.reveal() == *other.reveal()
    }
}

impl Eq for SecretBytes {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_secret() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "[secret]");
        assert_eq!(format!("{:?}", SecretBytes::new(b"hunter2")), "[secret]");
    }

    #[test]
    fn a_secret_is_given_back_as_it_was() {
        for text in ["", "hunter2", "pässwörd", &"x".repeat(10_000)] {
            assert_eq!(*Secret::new(text).reveal(), text);
        }
        assert_eq!(*SecretBytes::new(&[0, 255, 128]).reveal(), [0, 255, 128]);
    }

    #[test]
    fn a_secret_lies_under_its_pad() {
        let bytes = b"correct-horse-battery-staple";
        let secret = SecretBytes::new(bytes);
        assert!(*secret.padded != bytes[..] && *secret.pad != bytes[..]);
        assert_ne!(secret.pad, SecretBytes::new(bytes).pad, "each has a pad of its own");
    }

    #[test]
    fn secrets_are_equal_by_what_they_hold() {
        assert_eq!(Secret::new("a"), Secret::new("a"));
        assert_ne!(Secret::new("a"), Secret::new("b"));
        assert_ne!(Secret::new("a"), Secret::new("ab"));
    }
}
