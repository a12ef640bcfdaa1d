//! What is written about the configuration stays true: the README's table and `boards/example.toml`.

#[path = "support/desk.rs"]
mod desk;

use std::path::{Path, PathBuf};

use desk::Desk;
use zello_gateway::config;

fn project(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(project(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_table_of_the_readme_is_the_schema() {
    let readme = text("README.md");
    let (_, rest) = readme.split_once("<!-- config-table:begin -->").expect("README.md has a begin marker");
    let (table, _) = rest.split_once("<!-- config-table:end -->").expect("README.md has an end marker");
    let wanted = config::reference_markdown();
    assert!(
        table.trim() == wanted.trim(),
        "write this between <!-- config-table:begin --> and <!-- config-table:end --> in README.md:\n\n{wanted}"
    );
}

/// `boards/example.toml` as it stands, or with one of its commented tables in place of the given one.
fn example(desk: &Desk, change: impl Fn(String) -> String) -> config::Config {
    let path = desk.write("gw.toml", change(text("boards/example.toml")).as_bytes(), 0o644);
    config::load(&path).unwrap_or_else(|complaints| panic!("{complaints}"))
}

#[test]
fn the_example_is_a_good_configuration() {
    let config = example(&Desk::new(), |text| text);
    assert_eq!(config.zello.channel, "Baker Street 221B");
}

#[test]
fn the_example_shows_every_key_with_its_default() {
    let shown = uncommented(&text("boards/example.toml"));
    let shown: toml::Table = shown.parse().unwrap();
    for (table, key, default) in config::defaults() {
        let value = table.split('.').try_fold(&shown, |at, name| at.get(name)?.as_table());
        let value = value.unwrap_or_else(|| panic!("boards/example.toml lacks [{table}]"));
        let Some(key) = key else { continue };
        let value = value.get(key).unwrap_or_else(|| panic!("boards/example.toml lacks {key} in [{table}]"));
        if let Some(default) = default {
            assert_eq!(value.to_string(), default, "{key} in [{table}]");
        }
    }
}

/// Settings behind a `#` without a blank are settings.
fn uncommented(text: &str) -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => format!("{rest}\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn the_example_and_a_file_with_only_what_is_required_mean_the_same() {
    let desk = Desk::new();
    let full = example(&desk, |text| text);
    let short = example(&desk, |text| {
        let (head, _) = text.split_once("[uplink]").unwrap();
        let optional =
            ["active", "bias", "debounce_ms", "capture_", "playback_", "listen_only", "service", "set_mixer"];
        let keep = |line: &&str| !optional.iter().any(|key| line.starts_with(key));
        head.lines().filter(keep).collect::<Vec<_>>().join("\n")
    });
    assert_eq!(format!("{full:?}"), format!("{short:?}"));
}
