//! What is wrong with a configuration file, said so that a person can put it right.

use std::fmt;
use std::ops::Range;

/// A text that settings come from, with the name by which people know it.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Path of the file, or "boards/NAME.toml (built in)".
    pub(crate) name: String,
    /// Its text.
    pub(crate) text: String,
}

impl Source {
    /// The place of a byte range; its end is cut at the end of the line.
    pub(crate) fn place(&self, span: &Range<usize>) -> Place {
        let start = span.start.min(self.text.len());
        let head = self.text.get(..start).unwrap_or_default();
        let line_start = head.rfind('\n').map_or(0, |at| at + 1);
        let line = self.text.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
        let before = self.text.get(line_start..start).unwrap_or_default();
        let end = span.end.clamp(start, (line_start + line.len()).max(start));
        let width = self.text.get(start..end).unwrap_or_default().chars().count();
        Place {
            file: self.name.clone(),
            line: head.matches('\n').count() + 1,
            column: before.chars().count() + 1,
            width: width.max(1),
            text: redact(line),
        }
    }

    /// The place behind the last line, for what is missing altogether.
    pub(crate) fn end(&self) -> Place {
        Place {
            file: self.name.clone(),
            line: self.text.lines().count() + 1,
            column: 1,
            width: 1,
            text: "(end of file)".to_owned(),
        }
    }
}

/// Where in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file as the user named it.
    pub file: String,
    /// Counted from 1; 0: the file as a whole.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// Characters to underline, at least 1.
    width: usize,
    /// The line, without secrets.
    text: String,
}

impl Place {
    /// The file as a whole: it could not be read.
    pub(crate) fn file(name: &str) -> Self {
        Self { file: name.to_owned(), line: 0, column: 0, width: 0, text: String::new() }
    }
}

/// One thing that is wrong, or in an advice: odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Where.
    pub place: Place,
    /// What was found there.
    pub what: String,
    /// What would be right.
    pub expected: String,
    /// What to do.
    pub help: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { file, line, column, width, text } = &self.place;
        if *line == 0 {
            writeln!(f, "{file}: {}", self.what)?;
        } else {
            let number = line.to_string();
            let gutter = " ".repeat(number.len());
            let indent: String =
                text.chars().chain(std::iter::repeat(' ')).take(column - 1).map(blank).collect();
            writeln!(f, "{file}:{line}:{column}: {}", self.what)?;
            writeln!(f, " {number} | {text}")?;
            writeln!(f, " {gutter} | {indent}{}", "^".repeat(*width))?;
        }
        writeln!(f, "   expected: {}", self.expected)?;
        write!(f, "   help: {}", self.help)
    }
}

/// A blank as wide as the character on a terminal: tabs stay tabs.
fn blank(c: char) -> char {
    if c == '\t' { '\t' } else { ' ' }
}

/// Everything that is wrong with a file, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Complaints(pub(crate) Vec<Complaint>);

impl Complaints {
    /// The complaints one by one.
    pub fn iter(&self) -> std::slice::Iter<'_, Complaint> {
        self.0.iter()
    }

    /// Whether there is nothing to complain about.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn add(&mut self, place: Place, what: String, expected: &str, help: &str) -> Complained {
        self.0.push(Complaint { place, what, expected: expected.to_owned(), help: help.to_owned() });
        Complained
    }

    pub(crate) fn sort(&mut self) {
        self.0.sort_by(|a, b| a.place.cmp(&b.place));
        self.0.dedup();
    }
}

impl<'a> IntoIterator for &'a Complaints {
    type Item = &'a Complaint;
    type IntoIter = std::slice::Iter<'a, Complaint>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, complaint) in self.0.iter().enumerate() {
            if nth > 0 {
                f.write_str("\n\n")?;
            }
            complaint.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Complaints {}

/// A complaint about this value has been made; nothing more is to be said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Complained;

/// Hides what may be a secret: a file is read because something in it is wrong, and a password in the wrong place is
/// a common reason.
fn redact(line: &str) -> String {
    const SECRET: [&str; 4] = ["password", "token", "secret", "key"];
    if let Some((key, _)) = line.split_once('=') {
        let name = key.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
        if SECRET.iter().any(|word| name.contains(word)) && !name.ends_with("_file") {
            return format!("{key}= …");
        }
    }
    match first_long_run(line) {
        Some(at) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line.to_owned(),
    }
}

/// Where a run of characters begins that looks like a key or a token: long base64, a PEM header, a JSON Web Token.
fn first_long_run(line: &str) -> Option<usize> {
    const LONG: usize = 40;
    line.split(|c: char| !(c.is_ascii_alphanumeric() || "+/=_-.".contains(c)))
        .find(|run| {
            run.starts_with("-----")
                || run.starts_with("eyJ")
                || (run.len() >= LONG && !run.contains('/'))
                || run.len() >= 2 * LONG
        })
        .and_then(|run| line.find(run))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source { name: "gw.toml".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_place_counts_lines_and_characters_from_one() {
        let place = source("a = 1\nnäme = 2\n").place(&(13..14));
        assert_eq!((place.line, place.column, place.width), (2, 7, 1));
        assert_eq!(place.text, "näme = 2");
    }

    #[test]
    fn a_span_over_several_lines_underlines_the_first_only() {
        let place = source("a = [\n1,\n2]\n").place(&(4..11));
        assert_eq!((place.line, place.column, place.width), (1, 5, 1));
    }

    #[test]
    fn a_place_behind_the_text_is_its_end() {
        let place = source("a = 1").place(&(99..120));
        assert_eq!((place.line, place.column), (1, 6));
    }

    #[test]
    fn secrets_in_the_wrong_place_are_not_shown() {
        for line in [
            "password = \"hunter2\"",
            "  auth_token = \"hunter2\"",
            "\"Password\" = hunter2",
            "x = \"-----BEGIN hunter2\"",
            "token_file = \"eyJhbGciOiJSUzI1NiJ9.hunter2\"",
            "MIIEpAIBAAKCAQEAhunter2hunter2hunter2hunter2",
        ] {
            assert!(!redact(line).contains("hunter2"), "{line}");
        }
        assert_eq!(redact("password_file = \"password\""), "password_file = \"password\"");
    }
}
