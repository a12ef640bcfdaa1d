//! Every table and key of the file in one place: kind, unit, range, default and one line of explanation.
//!
//! The reader, `check --effective`, the README's table and the test of `boards/example.toml` all come from here.

mod lines;
mod tables;

pub(crate) use lines::{COS, PTT};
pub(crate) use tables::{ABOUT, AUDIO, BOARD, DOWNLINK, MIXER, UPLINK, ZELLO};

/// A value as the file writes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
    /// Texts.
    List(Vec<String>),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value:?}"),
            Self::Text(text) => write!(f, "{}", toml::Value::from(text.as_str())),
            Self::List(texts) => write!(f, "{}", toml::Value::from(texts.clone())),
        }
    }
}

/// What values a key takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number of `unit`.
    Integer { min: i64, max: i64, unit: &'static str },
    /// One of a few whole numbers of `unit`.
    Steps { steps: &'static [i64], unit: &'static str },
    /// A number of `unit`, whole or not.
    Number { min: f64, max: f64, unit: &'static str },
    /// One of a few words.
    Word(&'static [&'static str]),
    /// Any text but the empty one.
    Text,
    /// Texts of that kind.
    List,
    /// Path of a file, relative to the configuration.
    Path,
    /// Path of a file that only its owner may read.
    SecretPath,
    /// A sound device.
    Device,
    /// A GPIO line: offset or name.
    Line,
    /// A HID device: `auto`, vendor and product, USB port or path.
    Hid,
}

/// What holds when the key is left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Absent {
    /// It must not be.
    Required,
    /// Nothing is set; the text says what that means.
    Means(&'static str),
    /// This.
    Bool(bool),
    /// This.
    Integer(i64),
    /// This.
    Number(f64),
    /// This.
    Text(&'static str),
    /// No texts.
    Nothing,
}

impl Absent {
    /// The default, where there is one.
    pub(crate) fn value(self) -> Option<Value> {
        match self {
            Self::Required | Self::Means(_) => None,
            Self::Bool(value) => Some(Value::Bool(value)),
            Self::Integer(value) => Some(Value::Integer(value)),
            Self::Number(value) => Some(Value::Number(value)),
            Self::Text(text) => Some(Value::Text(text.to_owned())),
            Self::Nothing => Some(Value::List(Vec::new())),
        }
    }
}

/// A key of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Key {
    /// As written in the file.
    pub(crate) name: &'static str,
    /// What it takes.
    pub(crate) kind: Kind,
    /// Its default.
    pub(crate) absent: Absent,
    /// One line of explanation.
    pub(crate) doc: &'static str,
}

/// A table of the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Table {
    /// As written in the file, without brackets.
    pub(crate) name: &'static str,
    /// One line of explanation.
    pub(crate) doc: &'static str,
    /// Its keys in the order to show them.
    pub(crate) keys: &'static [Key],
}

impl Table {
    /// The key of that name.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// Tables of which exactly one is given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Choice {
    /// The name before the dot.
    pub(crate) name: &'static str,
    /// What is chosen.
    pub(crate) doc: &'static str,
    /// The tables, under their whole names.
    pub(crate) tables: &'static [Table],
}

impl Choice {
    /// The table that `kind` (the name behind the dot) chooses.
    pub(crate) fn table(&self, kind: &str) -> Option<&'static Table> {
        self.tables.iter().find(|table| self.kind(table) == kind)
    }

    /// The name behind the dot.
    pub(crate) fn kind(&self, table: &'static Table) -> &'static str {
        table.name.get(self.name.len() + 1..).unwrap_or(table.name)
    }

    /// "[ptt.gpio], [ptt.log] or [ptt.none]".
    pub(crate) fn names(&self) -> String {
        let names: Vec<String> = self.tables.iter().map(|table| format!("[{}]", table.name)).collect();
        one_of(&names)
    }
}

/// "a, b or c".
pub(crate) fn one_of<T: AsRef<str>>(names: &[T]) -> String {
    match names {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} or {}", first.join(", "), last.as_ref())
        }
    }
}

const fn key(name: &'static str, kind: Kind, absent: Absent, doc: &'static str) -> Key {
    Key { name, kind, absent, doc }
}

const fn ms(name: &'static str, min: i64, max: i64, default: i64, doc: &'static str) -> Key {
    key(name, Kind::Integer { min, max, unit: "ms" }, Absent::Integer(default), doc)
}

/// A part of the file, in the order to show it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    /// A table of its own.
    Table(&'static Table),
    /// One of several tables.
    Choice(&'static Choice),
}

impl Part {
    /// Name at the top level of the file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Table(table) => table.name,
            Self::Choice(choice) => choice.name,
        }
    }

    /// The tables that it may hold.
    pub(crate) fn tables(self) -> &'static [Table] {
        match self {
            Self::Table(table) => std::slice::from_ref(table),
            Self::Choice(choice) => choice.tables,
        }
    }
}

/// The whole file.
pub(crate) const PARTS: [Part; 7] = [
    Part::Table(&ZELLO),
    Part::Table(&AUDIO),
    Part::Table(&MIXER),
    Part::Choice(&PTT),
    Part::Choice(&COS),
    Part::Table(&UPLINK),
    Part::Table(&DOWNLINK),
];

/// All tables.
pub(crate) fn tables() -> impl Iterator<Item = &'static Table> {
    PARTS.into_iter().flat_map(|part| part.tables().iter())
}

impl Kind {
    /// What is expected, for a person.
    pub(crate) fn expected(self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Integer { min, max, unit } => format!("a whole number from {min} to {max} ({unit})"),
            Self::Steps { steps, unit } => {
                let steps: Vec<String> = steps.iter().map(i64::to_string).collect();
                format!("{} ({unit})", one_of(&steps))
            }
            Self::Number { min, max, unit } => format!("a number from {min} to {max} ({unit})"),
            Self::Word(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                one_of(&words)
            }
            Self::Text => "text in quotes, not empty".to_owned(),
            Self::List => "a list of texts in quotes: [\"…\", \"…\"]".to_owned(),
            Self::Path => "the path of a file, in quotes".to_owned(),
            Self::SecretPath => "the path of a file that only its owner may read, in quotes".to_owned(),
            Self::Device => {
                "an ALSA PCM such as \"hw:CARD=Device,DEV=0\", \"wav:FILE\" or \"none\"".to_owned()
            }
            Self::Hid => {
                "\"auto\", \"VENDOR:PRODUCT\" in hexadecimal, a USB port such as \"1-1.2\", or a path"
                    .to_owned()
            }
            Self::Line => {
                "the offset of a GPIO line (a whole number from 0 to 1023) or its name in quotes".to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_lies_in_its_own_range() {
        for table in tables() {
            for key in table.keys {
                let Some(default) = key.absent.value() else { continue };
                let fits = match (key.kind, &default) {
                    (Kind::Bool, Value::Bool(_))
                    | (Kind::Path | Kind::Hid, Value::Text(_))
                    | (Kind::List, Value::List(_)) => true,
                    (Kind::Integer { min, max, .. }, Value::Integer(value)) => (min..=max).contains(value),
                    (Kind::Steps { steps, .. }, Value::Integer(value)) => steps.contains(value),
                    (Kind::Number { min, max, .. }, Value::Number(value)) => (min..=max).contains(value),
                    (Kind::Number { min, max, .. }, Value::Integer(value)) => {
                        (min..=max).contains(&(*value as f64))
                    }
                    (Kind::Word(words), Value::Text(word)) => words.contains(&word.as_str()),
                    _ => false,
                };
                assert!(fits, "{}.{} = {default}", table.name, key.name);
            }
        }
    }
}
