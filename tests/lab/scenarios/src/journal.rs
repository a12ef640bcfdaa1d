//! What systemd's journal has from one unit, as it comes.

use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::tape::Tape;

/// A line of the journal.
#[derive(Clone)]
pub(crate) struct Entry {
    /// When journald took it, `CLOCK_MONOTONIC`.
    pub(crate) at: Duration,
    /// The message and the fields of `tracing`, as `name=value`.
    pub(crate) text: String,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{:.3}] {}", self.at.as_secs_f64(), self.text)
    }
}

/// Follows a unit's journal from here on, until dropped.
pub(crate) struct Follower {
    pub(crate) tape: Tape<Entry>,
    child: Child,
}

impl Drop for Follower {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Follower {
    pub(crate) fn start(unit: &str) -> Result<Self> {
        // From the newest entry of the whole journal on; an empty one has no cursor and nothing to leave out.
        let newest =
            crate::shell::run("journalctl", &["-n", "1", "-o", "json", "--no-pager"]).unwrap_or_default();
        let cursor = serde_json::from_str::<Value>(newest.trim())
            .ok()
            .and_then(|entry| Some(entry.get("__CURSOR")?.as_str()?.to_owned()));
        let mut command = Command::new("journalctl");
        command.args(["-f", "-o", "json", "--no-pager", "-u", unit, "-n", "all"]);
        if let Some(cursor) = cursor {
            command.arg(format!("--after-cursor={cursor}"));
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot run journalctl")?;
        let stdout = child.stdout.take().context("no output of journalctl")?;
        let tape = Tape::new();
        let sink = tape.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(entry) = parse(&line) {
                    sink.record(entry);
                }
            }
        });
        Ok(Self { tape, child })
    }

    /// Everything so far, for a report.
    pub(crate) fn text(&self) -> String {
        let lines: Vec<String> = self.tape.since(0).iter().map(|entry| format!("{entry:?}")).collect();
        lines.join("\n") + "\n"
    }
}

fn parse(line: &str) -> Option<Entry> {
    let entry: Value = serde_json::from_str(line).ok()?;
    let micros: u64 = entry.get("__MONOTONIC_TIMESTAMP")?.as_str()?.parse().ok()?;
    let mut text = plain(entry.get("MESSAGE")?)?;
    for (name, value) in entry.as_object()? {
        if let Some(name) = name.strip_prefix("F_") {
            text.extend([" ", &name.to_lowercase(), "=", &plain(value)?]);
        }
    }
    Some(Entry { at: Duration::from_micros(micros), text })
}

/// journalctl writes text that is not plain as an array of its bytes.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(bytes) => {
            let bytes: Vec<u8> = bytes.iter().filter_map(|b| u8::try_from(b.as_u64()?).ok()).collect();
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_and_fields_are_one_line() {
        let entry = parse(
            r#"{"MESSAGE":"over sent","F_OVER":"1","F_PACKETS":"7","_PID":"12","__MONOTONIC_TIMESTAMP":"1500000"}"#,
        );
        let text = entry.as_ref().map(|entry| entry.text.as_str());
        assert_eq!(text, Some("over sent over=1 packets=7"));
        assert_eq!(entry.map(|entry| entry.at), Some(Duration::from_millis(1_500)));
    }

    #[test]
    fn bytes_are_text_too_and_rubbish_is_left_out() {
        let entry = parse(r#"{"MESSAGE":[104,105,27],"__MONOTONIC_TIMESTAMP":"1"}"#);
        assert_eq!(entry.map(|entry| entry.text), Some("hi\u{1b}".to_owned()));
        assert!(parse("-- No entries --").is_none());
        assert!(parse(r#"{"MESSAGE":null,"__MONOTONIC_TIMESTAMP":"1"}"#).is_none());
    }
}
