//! Base64 as others write it: both alphabets, padded or not.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Reads base64 of the standard or the url-safe alphabet, with or without padding.
pub(super) fn decode_lenient(text: &str) -> Option<Vec<u8>> {
    let standard: String = text
        .trim()
        .chars()
        .map(|letter| match letter {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    LENIENT.decode(standard).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_are_read_padded_or_not() {
        for text in ["+/+/+w==", "-_-_-w==", "-_-_-w", "+/+/+w", " +_-/-w \n"] {
            assert_eq!(decode_lenient(text).as_deref(), Some(&[0xfb, 0xff, 0xbf, 0xfb][..]), "{text}");
        }
    }

    #[test]
    fn what_is_not_base64_is_refused() {
        for text in ["a", "a b c", "é===", "=", "ab=c"] {
            assert_eq!(decode_lenient(text), None, "{text}");
        }
    }
}
