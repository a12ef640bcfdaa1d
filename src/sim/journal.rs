//! The journal: every frame and connection as a JSON line.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::ConnId;
use super::json::put;
use crate::zello::frame::HEADER_LEN;

/// Fields of commands and replies that are never written down.
const SECRETS: [&str; 3] = ["password", "auth_token", "refresh_token"];

/// Which way a frame went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the client.
    In,
    /// To the client.
    Out,
}

/// What is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry<'a> {
    Open { path: &'a str },
    Refused { path: &'a str, status: u16 },
    Text(&'a str),
    Binary(&'a [u8]),
    Ping,
    Pong,
    Close { code: u16, reason: &'a str },
}

/// A file that grows by a line an entry.
#[derive(Debug)]
pub(crate) struct Journal(File);

impl Journal {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        File::create(path).map(Self)
    }

    /// Writes one line; `unix` is the time since the epoch. A full disk costs the journal, not the server.
    pub(crate) fn write(&mut self, unix: Duration, conn: ConnId, direction: Direction, entry: Entry<'_>) {
        if let Err(error) = self.0.write_all(line(unix, conn, direction, entry).as_bytes()) {
            tracing::warn!(%error, "the journal is not written");
        }
    }
}

fn line(unix: Duration, conn: ConnId, direction: Direction, entry: Entry<'_>) -> String {
    let mut fields = match entry {
        Entry::Open { path } => json!({"kind": "open", "path": path}),
        Entry::Refused { path, status } => json!({"kind": "refused", "path": path, "status": status}),
        Entry::Text(text) => json!({"kind": "text", "text": redacted(text)}),
        Entry::Binary(bytes) => binary(bytes),
        Entry::Ping => json!({"kind": "ping"}),
        Entry::Pong => json!({"kind": "pong"}),
        Entry::Close { code, reason } => json!({"kind": "close", "code": code, "reason": reason}),
    };
    put(&mut fields, "conn", conn.0);
    let direction = match direction {
        Direction::In => "in",
        Direction::Out => "out",
    };
    put(&mut fields, "dir", direction);
    // By hand: a floating-point number would not keep six decimals.
    let rest = fields.to_string();
    let rest = rest.strip_prefix('{').unwrap_or(&rest);
    format!("{{\"t\":{}.{:06},{rest}\n", unix.as_secs(), unix.subsec_micros())
}

fn binary(bytes: &[u8]) -> Value {
    let (Some((&kind, numbers)), Some(payload)) = (bytes.split_first(), bytes.get(HEADER_LEN..)) else {
        return json!({"kind": "binary", "length": 0, "short": STANDARD.encode(bytes)});
    };
    let number = |at: usize| {
        let four = numbers.get(at..).and_then(|rest| rest.first_chunk::<4>());
        four.map_or(0, |four| u32::from_be_bytes(*four))
    };
    json!({
        "kind": "binary",
        "type": kind,
        "stream_id": number(0),
        "packet_id": number(4),
        "length": payload.len(),
        "payload": STANDARD.encode(payload),
    })
}

/// The text as it stands, unless it holds secrets: then written anew without them.
fn redacted(text: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(text) else {
        let may_hold = SECRETS.iter().any(|name| text.contains(name));
        return if may_hold {
            format!("[{} bytes that may hold secrets]", text.len())
        } else {
            text.to_owned()
        };
    };
    if redact(&mut value) { value.to_string() } else { text.to_owned() }
}

/// Replaces secrets anywhere in the value; true if there were any.
fn redact(value: &mut Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter_mut().fold(false, |found, (name, field)| {
            let is_secret = SECRETS.contains(&name.as_str()) && !field.is_null();
            if is_secret {
                *field = "[secret]".into();
            }
            found | is_secret | redact(field)
        }),
        Value::Array(items) => items.iter_mut().fold(false, |found, item| found | redact(item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(entry: Entry<'_>) -> String {
        line(Duration::from_micros(1_700_000_000_000_010), ConnId(3), Direction::In, entry)
    }

    #[test]
    fn a_line_begins_with_the_time_in_six_decimals() {
        let line = written(Entry::Ping);
        assert_eq!(line, "{\"t\":1700000000.000010,\"conn\":3,\"dir\":\"in\",\"kind\":\"ping\"}\n");
    }

    #[test]
    fn text_without_secrets_stays_as_it_was() {
        let text = r#"{"seq":2, "command" : "keepalive"}"#;
        let line: Value = serde_json::from_str(&written(Entry::Text(text))).unwrap();
        assert_eq!(line["text"], text);
    }

    #[test]
    fn no_password_and_no_token_is_written() {
        for text in [
            r#"{"command":"logon","password":"hunter2","auth_token":"hunter2"}"#,
            r#"{"a":[{"refresh_token":"hunter2"}]}"#,
            r#"{"password":"hunter2"#,
        ] {
            let line = written(Entry::Text(text));
            assert!(!line.contains("hunter2"), "{line}");
        }
    }

    #[test]
    fn a_packet_is_written_by_its_parts() {
        let line: Value =
            serde_json::from_str(&written(Entry::Binary(&[1, 0, 0, 0x58, 0xa7, 0, 0, 0, 1, 0x48, 0x83])))
                .unwrap();
        assert_eq!(line["stream_id"], 22_695);
        assert_eq!(line["packet_id"], 1);
        assert_eq!(line["length"], 2);
        assert_eq!(line["payload"], "SIM=");
    }
}
