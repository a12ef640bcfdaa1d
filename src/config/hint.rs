//! Remedies: what a person probably meant.

use toml::de::DeValue;

use super::schema::{self, Absent, Key, Kind, Table};

/// The name that was probably meant, if one is near enough.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| name.to_ascii_lowercase().replace('-', "_");
    let name = plain(name);
    let distance = |other: &str| strsim::osa_distance(&name, &plain(other));
    let begins_alike = |other: &str| name.len() > 3 && plain(other).starts_with(&name);
    let near = |other: &str| distance(other) <= 1.max(name.chars().count() / 3) || begins_alike(other);
    names.filter(|other| near(other)).min_by_key(|other| distance(other))
}

/// Keys under which people look for ours.
pub(crate) fn alias(table: &Table, name: &str) -> Option<&'static str> {
    const ALIASES: [(&str, &str); 18] = [
        ("password", "password_file"),
        ("pass", "password_file"),
        ("token", "token_file"),
        ("auth_token", "token_file"),
        ("private_key", "private_key_file"),
        ("key", "private_key_file"),
        ("key_file", "private_key_file"),
        ("user", "username"),
        ("ca", "ca_file"),
        ("host", "server"),
        ("address", "url"),
        ("pin", "line"),
        ("gpio", "line"),
        ("bitrate", "bitrate_bps"),
        ("agc", "agc_control"),
        ("sidetone", "sidetone_control"),
        ("invert", "active"),
        ("active_low", "active"),
    ];
    let near = ALIASES.iter().find(|(from, _)| *from == name).map(|(_, to)| *to)?;
    table.key(near).map(|key| key.name)
}

/// What to do about a key that was misspelt, or is a secret written into the file.
pub(crate) fn meant(name: &str, near: &str) -> String {
    if near.ends_with("_file") && near.strip_suffix("_file") != Some("ca") && !name.contains("file") {
        return format!(
            "secrets stand in files of their own: write it into a file, `chmod 600` it, and name it with `{near}`"
        );
    }
    format!("did you mean `{near}`?")
}

/// What to do about a key that no name of its table is like: perhaps it belongs to another.
pub(crate) fn elsewhere(name: &str, not: Option<&Table>) -> String {
    let homes: Vec<String> = schema::tables()
        .filter(|table| table.key(name).is_some() && not.is_none_or(|not| not.name != table.name))
        .map(|table| format!("[{}]", table.name))
        .collect();
    if homes.is_empty() {
        "delete it; boards/example.toml shows every key".to_owned()
    } else {
        format!("`{name}` belongs to {}", schema::one_of(&homes))
    }
}

/// The key's meaning and its default.
pub(crate) fn default(key: &Key) -> String {
    let default = match (key.absent, key.absent.value()) {
        (_, Some(value)) => format!("; left out, it is {value}"),
        (Absent::Means(meaning), None) => format!("; left out: {meaning}"),
        _ => String::new(),
    };
    format!("{}{default}", key.doc)
}

/// Whether the value would be right with quotes, or without.
pub(crate) fn quotes(key: &Key, value: &DeValue<'_>) -> Option<String> {
    match (key.kind, value) {
        (Kind::Integer { .. } | Kind::Steps { .. } | Kind::Number { .. }, DeValue::String(text)) => text
            .parse::<f64>()
            .ok()
            .map(|_| format!("write the number without quotes: {} = {text}", key.name)),
        (Kind::Bool, DeValue::String(text)) if matches!(text.as_ref(), "true" | "false") => {
            Some(format!("write it without quotes: {} = {text}", key.name))
        }
        (Kind::Text | Kind::Word(_), DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_)) => {
            Some(format!("put it in quotes: {} = \"…\"", key.name))
        }
        (Kind::List, DeValue::String(text)) => {
            Some(format!("put it into brackets: {} = [\"{text}\"]", key.name))
        }
        _ => None,
    }
}

/// What to do about a line that is not TOML.
pub(crate) fn syntax(message: &str) -> &'static str {
    if message.contains("duplicate key") {
        "the same key or table stands twice: delete one"
    } else if message.contains("string values must be quoted") {
        "put the text in double quotes: key = \"text\""
    } else if message.contains("unclosed table") {
        "close the header: [table]"
    } else if message.contains("invalid basic string") || message.contains("invalid literal string") {
        "close the text with the quote that opened it, on the same line"
    } else {
        "look at the marked place, and at the end of the line before it"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_its_neighbour_and_a_strange_one_none() {
        let names = ["capture", "playback", "capture_gain_db"];
        assert_eq!(nearest("captur", names.into_iter()), Some("capture"));
        assert_eq!(nearest("Play-back", names.into_iter()), Some("playback"));
        assert_eq!(nearest("colour", names.into_iter()), None);
    }

    #[test]
    fn every_alias_leads_to_a_key() {
        for name in ["password", "token", "private_key", "user", "ca", "host"] {
            assert!(alias(&schema::ZELLO, name).is_some(), "{name}");
        }
        assert_eq!(alias(&schema::AUDIO, "password"), None);
    }
}
