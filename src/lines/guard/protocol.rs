//! What daemon and guard say on their two pipes: a byte per heartbeat down, a short line per report up.

use std::fmt;

/// What a heartbeat wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// Keyed.
    Key,
    /// Not keyed.
    Unkey,
    /// A byte that is none: whoever writes is out of his mind, so not keyed.
    Garbled(u8),
}

impl Beat {
    /// A heartbeat with this wish.
    #[must_use]
    pub fn new(keyed: bool) -> Self {
        if keyed { Self::Key } else { Self::Unkey }
    }

    /// As a byte of the pipe.
    #[must_use]
    pub fn to_byte(self) -> u8 {
        match self {
            Self::Key => b'K',
            Self::Unkey => b'u',
            Self::Garbled(byte) => byte,
        }
    }

    /// From a byte of the pipe.
    #[must_use]
    pub fn from_byte(byte: u8) -> Self {
        match byte {
            b'K' => Self::Key,
            b'u' => Self::Unkey,
            other => Self::Garbled(other),
        }
    }
}

/// What the guard tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The line is open and released; heartbeats are heard.
    Ready,
    /// The line is keyed.
    Keyed,
    /// The line is released.
    Unkeyed,
    /// The level that the line has by itself, after a change; only if asked for.
    Reads {
        /// Keyed.
        keyed: bool,
    },
    /// No heartbeat came in time while keyed; the line is released.
    Silent,
    /// The hard time-out came; the line is released until a heartbeat says "not keyed".
    TimeOut,
    /// A byte was no heartbeat; the line is released.
    Garbled(u8),
    /// The line failed and is closed; it is looked for, and nothing is keyed meanwhile.
    Lost(String),
    /// Why the lost line cannot be opened; told once for each reason.
    Missing(String),
    /// The lost line is open again, and released.
    Back,
    /// The line cannot be had at the start, or the guard itself failed.
    Failed(String),
    /// A line that is no report.
    Unknown(String),
}

/// Longest report, bytes: it must fit a pipe in one piece (`PIPE_BUF` is 4096).
const LONGEST: usize = 1_000;

impl fmt::Display for Report {
    /// The report as a line of the pipe, without its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::Keyed => f.write_str("keyed"),
            Self::Unkeyed => f.write_str("unkeyed"),
            Self::Reads { keyed: true } => f.write_str("reads keyed"),
            Self::Reads { keyed: false } => f.write_str("reads unkeyed"),
            Self::Silent => f.write_str("silent"),
            Self::TimeOut => f.write_str("time-out"),
            Self::Garbled(byte) => write!(f, "garbled {byte}"),
            Self::Lost(text) => write!(f, "lost {}", one_line(text)),
            Self::Missing(text) => write!(f, "missing {}", one_line(text)),
            Self::Back => f.write_str("back"),
            Self::Failed(text) => write!(f, "failed {}", one_line(text)),
            Self::Unknown(text) => f.write_str(&one_line(text)),
        }
    }
}

/// The text without anything that would end the line, cut to the room that a report has.
fn one_line(text: &str) -> String {
    let room = LONGEST - "missing ".len();
    let fits = text.char_indices().take_while(|(at, c)| at + c.len_utf8() <= room);
    fits.map(|(_, c)| if c.is_control() { ' ' } else { c }).collect()
}

impl From<&str> for Report {
    fn from(line: &str) -> Self {
        match line {
            "ready" => Self::Ready,
            "keyed" => Self::Keyed,
            "unkeyed" => Self::Unkeyed,
            "reads keyed" => Self::Reads { keyed: true },
            "reads unkeyed" => Self::Reads { keyed: false },
            "silent" => Self::Silent,
            "time-out" => Self::TimeOut,
            "back" => Self::Back,
            other => with_text(other).unwrap_or_else(|| Self::Unknown(other.to_owned())),
        }
    }
}

/// A report that carries a text.
fn with_text(line: &str) -> Option<Report> {
    let (word, text) = line.split_once(' ')?;
    match word {
        "garbled" => text.parse().ok().map(Report::Garbled),
        "lost" => Some(Report::Lost(text.to_owned())),
        "missing" => Some(Report::Missing(text.to_owned())),
        "failed" => Some(Report::Failed(text.to_owned())),
        _ => None,
    }
}

/// Bytes of the guard's pipe become reports, however they are cut.
#[derive(Debug, Default)]
pub struct Reports {
    partial: Vec<u8>,
}

impl Reports {
    /// Takes bytes and tells the reports that they complete.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Report> {
        let mut reports = Vec::new();
        for &byte in bytes {
            if byte == b'\n' {
                reports.push(Report::from(&*String::from_utf8_lossy(&self.partial)));
                self.partial.clear();
            } else if self.partial.len() < LONGEST {
                self.partial.push(byte);
            }
        }
        reports
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn every_kind(text: &str) -> Vec<Report> {
        vec![
            Report::Ready,
            Report::Keyed,
            Report::Unkeyed,
            Report::Reads { keyed: true },
            Report::Reads { keyed: false },
            Report::Silent,
            Report::TimeOut,
            Report::Garbled(0xff),
            Report::Lost(text.to_owned()),
            Report::Missing(text.to_owned()),
            Report::Back,
            Report::Failed(text.to_owned()),
        ]
    }

    #[test]
    fn every_report_comes_through_as_it_was_even_byte_by_byte() {
        let sent = every_kind("line 17 (GPIO17) is in use by svxlink");
        let mut reports = Reports::default();
        let mut heard = Vec::new();
        for byte in sent.iter().flat_map(|report| format!("{report}\n").into_bytes()) {
            heard.extend(reports.take(&[byte]));
        }
        assert_eq!(heard, sent);
    }

    #[test]
    fn a_text_of_several_lines_stays_one_report() {
        let report = Report::Failed("no\nready\n".to_owned());
        assert_eq!(
            Reports::default().take(format!("{report}\n").as_bytes()),
            [Report::Failed("no ready ".to_owned())]
        );
    }

    #[test]
    fn a_long_text_is_cut_and_harms_no_later_report() {
        let report = Report::Failed("ü".repeat(5_000));
        let line = format!("{report}\nready\n");
        assert!(line.len() <= LONGEST + "\nready\n".len());
        assert_eq!(Reports::default().take(line.as_bytes())[1..], [Report::Ready]);
    }

    #[test]
    fn a_line_that_is_no_report_is_told_as_such() {
        let heard = Reports::default().take(b"keyed now\ngarbled 256\n\n");
        assert_eq!(heard, ["keyed now", "garbled 256", ""].map(|text| Report::Unknown(text.to_owned())));
    }

    #[test]
    fn only_two_bytes_are_heartbeats() {
        let keys: Vec<u8> = (0..=255).filter(|byte| Beat::from_byte(*byte) == Beat::Key).collect();
        assert_eq!(keys, [b'K']);
        for keyed in [true, false] {
            assert_eq!(Beat::from_byte(Beat::new(keyed).to_byte()), Beat::new(keyed));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..3_000)) {
            let reports = Reports::default().take(&bytes);
            prop_assert_eq!(reports.len(), bytes.split(|byte| *byte == b'\n').count() - 1);
        }
    }
}
