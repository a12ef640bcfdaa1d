//! A clock that is stepped by hours, by NTP or by hand, changes no decision: nothing that decides can read it.
//!
//! Deadlines are `Instant`s, which no step moves, and every state machine takes them as arguments; the tests of the
//! engine play days while the wall clock stands still. What is left is to know who reads the wall clock at all.

#![expect(clippy::unwrap_used, reason = "a test that cannot prepare itself has failed")]

use std::fs;
use std::path::{Path, PathBuf};

/// Files that may read it, and what for.
const READERS: &[(&str, &str)] = &[
    ("cli/demo/scene.rs", "compares with ptt.log"),
    ("cli/token.rs", "the times in a token that a person makes"),
    ("config/load.rs", "whether a token has ended: advice at the start"),
    ("lines/log.rs", "the lines of ptt.log"),
    ("net/wall.rs", "the times in a token that is sent, and whether the clock is set at all"),
];

/// Ways to read it.
const WAYS: &[&str] = &["SystemTime::now", "ClockId::Realtime", "UNIX_EPOCH.elapsed"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_wall_clock_is_read_for_tokens_and_ptt_log_and_by_nothing_that_decides() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    // The simulator is a server: its tokens and journal have times, and no radio hangs on it.
    files.retain(|file| !file.starts_with(root.join("sim")) && !file.ends_with("sim.rs"));
    assert!(files.len() > 100, "the sources are there");
    let reads = |file: &PathBuf| {
        let text = fs::read_to_string(file).unwrap();
        WAYS.iter().any(|way| text.contains(way))
    };
    let mut readers: Vec<String> = files
        .iter()
        .filter(|file| reads(file))
        .map(|file| file.strip_prefix(&root).unwrap().display().to_string())
        .collect();
    readers.sort();
    let known: Vec<&str> = READERS.iter().map(|(file, _)| *file).collect();
    assert_eq!(readers, known, "who else reads the wall clock, and may it be stepped by hours?");
}
