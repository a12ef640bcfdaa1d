//! The schema and the merged settings as text for people.

use std::fmt::Write as _;

use super::reader::{Setting, Settings};
use super::schema::{self, Absent, BOARD, Key, Kind, Part};

/// The README's table of every key.
#[must_use]
pub fn reference_markdown() -> String {
    let mut text = String::from("| Key | Default | Values | Meaning |\n|---|---|---|---|\n");
    row(&mut text, &BOARD);
    for part in schema::PARTS {
        if let Part::Choice(choice) = part {
            let _ = writeln!(text, "| **`[{}.*]`** | | | {} |", choice.name, choice.doc);
        }
        for table in part.tables() {
            let _ = writeln!(text, "| **`[{}]`** | | | {} |", table.name, table.doc);
            for key in table.keys {
                row(&mut text, key);
            }
        }
    }
    text
}

/// Every table and key with its default as TOML writes it; a table without keys once, without a key.
pub fn defaults() -> impl Iterator<Item = (&'static str, Option<&'static str>, Option<String>)> {
    schema::tables().flat_map(|table| {
        let keys = table
            .keys
            .iter()
            .map(|key| (table.name, Some(key.name), key.absent.value().map(|value| value.to_string())));
        std::iter::once((table.name, None, None)).chain(keys)
    })
}

fn row(text: &mut String, key: &Key) {
    let default = match (key.absent, key.absent.value()) {
        (_, Some(value)) => format!("`{value}`"),
        (Absent::Means(meaning), None) => meaning.to_owned(),
        _ => "*required*".to_owned(),
    };
    let _ = writeln!(text, "| `{}` | {default} | {} | {} |", key.name, values(key.kind), key.doc);
}

/// What a key takes, in few words.
fn values(kind: Kind) -> String {
    match kind {
        Kind::Integer { min, max, unit } => format!("{min} to {max} {unit}"),
        Kind::Number { min, max, unit } => format!("{min} to {max} {unit}"),
        Kind::Steps { .. } | Kind::Bool => kind.expected(),
        Kind::Word(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            schema::one_of(&words)
        }
        Kind::Text => "text".to_owned(),
        Kind::List => "list of texts".to_owned(),
        Kind::Path | Kind::SecretPath => "path".to_owned(),
        Kind::Device => "device".to_owned(),
        Kind::Line => "offset or name".to_owned(),
        Kind::Hid => "`auto`, `VENDOR:PRODUCT`, USB port or path".to_owned(),
    }
}

/// The merged settings as a file that would give them again; secrets only by their paths.
pub(crate) fn effective(settings: &Settings, board: Option<&str>) -> String {
    let mut text = String::new();
    if let Some(board) = board {
        let _ = writeln!(text, "# board = {board:?}: merged below");
    }
    for table in &settings.tables {
        let _ = writeln!(text, "{}[{}]", if text.is_empty() { "" } else { "\n" }, table.name);
        for key in table.keys {
            if let Ok(Some(setting)) = settings.get(table.name, key.name) {
                line(&mut text, key, setting);
            }
        }
    }
    text
}

fn line(text: &mut String, key: &Key, setting: &Setting) {
    let origin = match &setting.place {
        Some(place) => format!("{}:{}", place.file, place.line),
        None => "default".to_owned(),
    };
    let assignment = format!("{} = {}", key.name, setting.value);
    let _ = writeln!(text, "{assignment:<44} # {origin}");
}
