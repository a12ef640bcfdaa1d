//! `zello-gateway demo`: on any machine the main job is done, shown, and left as files.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail anywhere")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use zello_gateway::audio;

#[path = "support/program.rs"]
mod program;

use program::run_in;

/// What design.md promises.
const LONGEST: Duration = Duration::from_secs(30);

/// Every tag that is opened is closed, in order; attributes are quoted and bare ampersands escaped.
fn assert_well_formed(svg: &str) {
    let mut open = Vec::new();
    let mut rest = svg;
    while let Some((text, tag)) = rest.split_once('<') {
        assert_no_bare_ampersand(text);
        let (tag, after) = tag.split_once('>').expect("a tag that ends");
        assert_eq!(tag.matches('"').count() % 2, 0, "quotation marks in <{tag}>");
        assert_no_bare_ampersand(tag);
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "</{name}>");
        } else if !tag.ends_with('/') && !tag.starts_with(['?', '!']) {
            open.push(tag.split_whitespace().next().unwrap());
        }
        rest = after;
    }
    assert_eq!(open, Vec::<&str>::new(), "tags that are left open");
    assert_eq!(rest.trim(), "");
}

fn assert_no_bare_ampersand(text: &str) {
    for after in text.split('&').skip(1) {
        assert!(["amp;", "lt;", "gt;", "quot;"].iter().any(|known| after.starts_with(known)), "&{after}");
    }
}

#[test]
fn the_demo_ends_well_in_time_and_leaves_what_it_promises() {
    let folder = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let said = run_in(folder.path(), &["demo", "--out", "shown"]);
    let took = started.elapsed();
    assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
    assert!(took < LONGEST, "{took:?}");
    assert!(!said.stdout.contains("NO "), "{}", said.stdout);
    for words in ["What happened:", "Figures:", "PTT", "COS", "resident memory", "correlation"] {
        assert!(said.stdout.contains(words), "{words:?} is not in:\n{}", said.stdout);
    }
    let widest = said.stdout.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "a line is {widest:?} wide");
    let shown = folder.path().join("shown");
    for name in ["radio-hears.wav", "channel-hears.wav", "phone-says.wav", "radio-says.wav"] {
        let sound = audio::load_wav(&shown.join(name)).unwrap();
        assert!(sound.iter().any(|sample| sample.abs() > 0.05), "{name} is silent");
    }
    for name in ["gateway.toml", "gateway.log", "counters.json", "ptt.log"] {
        assert!(fs::metadata(shown.join(name)).is_ok_and(|file| file.len() > 0), "{name}");
    }
    let svg = fs::read_to_string(shown.join("timeline.svg")).unwrap();
    assert_well_formed(&svg);
    for strip in
        ["COS", "PTT", "stream up", "stream down", "radio hears", "channel hears", "phone says", "radio says"]
    {
        assert!(svg.contains(&format!(">{strip}</text>")), "no strip {strip:?}");
    }
    assert_eq!(svg.matches("<path").count(), 4, "four waveforms");
    let log = fs::read_to_string(shown.join("gateway.log")).unwrap();
    assert!(!log.contains("ERROR") && !log.contains("WARN no"), "{log}");
}

fn wav(path: &Path, sample: impl Fn(u32) -> f32) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut wav = hound::WavWriter::create(path, spec).unwrap();
    (0..16_000).for_each(|number| wav.write_sample(sample(number)).unwrap());
    wav.finalize().unwrap();
}

#[test]
fn speech_that_cannot_be_spoken_is_refused_at_once_by_name() {
    let folder = tempfile::tempdir().unwrap();
    wav(&folder.path().join("silent.wav"), |_| 0.0);
    fs::write(folder.path().join("text.wav"), "no sound at all").unwrap();
    for (name, words) in
        [("missing.wav", "No such file"), ("silent.wav", "silent"), ("text.wav", "cannot be played")]
    {
        let started = Instant::now();
        let said = run_in(folder.path(), &["demo", "--speech", name]);
        assert_eq!(said.code, Some(1), "{name}");
        assert!(said.stderr.contains(name) && said.stderr.contains(words), "{name}: {}", said.stderr);
        assert!(started.elapsed() < Duration::from_secs(5), "{name}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "in the way").unwrap();
    let said = run_in(folder.path(), &["demo", "--out", "file/shown"]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("file/shown") && said.stderr.contains("Not a directory"), "{}", said.stderr);
}
