//! Bytes from a pipe become words, one a line, however they are cut.

/// A line of the pipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// `on`
    On,
    /// `off`
    Off,
    /// Anything else, cut to a length that fits a log.
    Other(String),
}

/// Longest line that is kept; the rest of it is dropped.
const LONGEST: usize = 64;

/// The line that is not complete yet.
#[derive(Debug, Default)]
pub(super) struct Words {
    partial: Vec<u8>,
}

impl Words {
    /// Takes bytes and tells the lines that they complete. Empty lines are nothing.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<Word> {
        let mut words = Vec::new();
        for &byte in bytes {
            if byte == b'\n' {
                words.extend(word(&self.partial));
                self.partial.clear();
            } else if self.partial.len() < LONGEST {
                self.partial.push(byte);
            }
        }
        words
    }
}

fn word(line: &[u8]) -> Option<Word> {
    let text = String::from_utf8_lossy(line);
    match text.trim().to_ascii_lowercase().as_str() {
        "" => None,
        "on" => Some(Word::On),
        "off" => Some(Word::Off),
        _ => Some(Word::Other(text.trim().to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_trimmed_and_their_case_does_not_matter() {
        let words = Words::default().take(b" ON\r\noff \n\n\tOn\n");
        assert_eq!(words, [Word::On, Word::Off, Word::On]);
    }

    #[test]
    fn a_line_counts_when_it_is_complete() {
        let mut words = Words::default();
        assert_eq!(words.take(b"o"), []);
        assert_eq!(words.take(b"n"), []);
        assert_eq!(words.take(b"\noff\no"), [Word::On, Word::Off]);
        assert_eq!(words.take(b"n\n"), [Word::On]);
    }

    #[test]
    fn other_text_is_told_as_such_and_harms_no_later_line() {
        let mut words = Words::default();
        assert_eq!(words.take(b"open\non\n"), [Word::Other("open".to_owned()), Word::On]);
        let flood = [b'x'; 10_000];
        assert_eq!(words.take(&flood), []);
        assert_eq!(words.take(b"\n\xff\xfe\non\n")[2..], [Word::On]);
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_makes_no_difference(bytes in prop::collection::vec(prop::sample::select(b"onf \n".to_vec()), 0..200), cut in 0..200_usize) {
            let (left, right) = bytes.split_at(cut.min(bytes.len()));
            let mut pieces = Words::default();
            let mut both = pieces.take(left);
            both.extend(pieces.take(right));
            prop_assert_eq!(both, Words::default().take(&bytes));
        }
    }
}
