//! What strangers can send, from kept corpora and by chance: the bodies of the fuzz targets, run as plain tests.
//!
//! The corpora in `tests/fuzz/corpus` are what hours of fuzzing found worth keeping: each file reaches code that no other
//! does. Bytes that once broke something stand in `tests/fuzz/corpus/TARGET` too, under a name that says what.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::unwrap_in_result,
    clippy::cast_possible_truncation,
    clippy::struct_excessive_bools,
    reason = "helpers of a test fail as the test does: by panicking"
)]

#[path = "fuzz/src/lib.rs"]
mod bodies;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use bodies::gateway::config;
use bodies::gateway::radio::Radio;
use bodies::gateway::wire::Wire;
use bodies::input::Input;
use proptest::prelude::*;
use zello_gateway::logic::exchange::DownlinkItem;
use zello_gateway::zello::StreamId;

#[test]
fn every_kept_input_of_every_target_does_no_harm() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for (name, body) in bodies::TARGETS {
        let mut files: Vec<_> =
            fs::read_dir(corpus.join(name)).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        assert!(files.len() > 3, "the corpus of {name} is lost");
        for file in files {
            let bytes = fs::read(&file).unwrap();
            let unharmed = catch_unwind(AssertUnwindSafe(|| body(&bytes))).is_ok();
            assert!(unharmed, "see above: {} of target {name}", file.display());
        }
    }
}

/// Does `story` to a reference; whether it objects to the last step, and to none before.
fn objects<T>(mut reference: T, story: &[&dyn Fn(&mut T)]) -> bool {
    let (last, before) = story.split_last().unwrap();
    for step in before {
        step(&mut reference);
    }
    catch_unwind(AssertUnwindSafe(|| last(&mut reference))).is_err()
}

#[test]
fn the_reference_objects_to_a_radio_that_breaks_a_rule() {
    let config = config(&mut Input(&[]));
    let radio = || Radio::new(&config);
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let talk = |radio: &mut Radio, ms| {
        radio.channel(at(ms), &DownlinkItem::Start { stream: StreamId(ms as u32), at: at(ms) });
    };
    let beats = |ms, keyed| {
        move |radio: &mut Radio| {
            radio.beat(at(ms), keyed);
            radio.settle(at(ms));
        }
    };
    assert!(!objects(radio(), &[&|r| talk(r, 0), &beats(0, true)]), "all is well");
    assert!(objects(radio(), &[&beats(0, true)]), "keyed, and nobody talks");
    assert!(objects(radio(), &[&|r| talk(r, 0), &beats(0, false)]), "somebody talks, and nobody keys");
    assert!(objects(radio(), &[&|r| r.line = false, &|r| talk(r, 0), &beats(0, true)]), "without a line");
    assert!(
        objects(radio(), &[&|r| r.cos(true), &beats(0, false), &|r| talk(r, 1), &beats(1, true)]),
        "an over is open"
    );
    assert!(
        objects(radio(), &[&|r| talk(r, 0), &beats(0, true), &beats(50, false)]),
        "let go while somebody talks"
    );
    assert!(objects(radio(), &[&|r| talk(r, 0), &beats(0, true), &beats(60_000, true)]), "kept for nobody");
    let cut: &[&dyn Fn(&mut Radio)] =
        &[&|r| talk(r, 0), &beats(0, true), &|r| talk(r, 179_000), &beats(180_000, true)];
    assert!(objects(radio(), cut), "beyond the time-out");
    let again: &[&dyn Fn(&mut Radio)] =
        &[&|r| talk(r, 0), &beats(0, true), &beats(9_000, false), &|r| talk(r, 9_100), &beats(9_100, true)];
    assert!(objects(radio(), again), "before the radio could answer");
}

#[test]
fn the_reference_objects_to_a_gateway_that_breaks_the_protocol() {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let packet = Duration::from_millis(60);
    let says = |ms, command: &'static str| {
        move |wire: &mut Wire| {
            let _answer = wire.text(at(ms), command);
        }
    };
    let hears = |ms, text: &'static str| move |wire: &mut Wire| wire.server_says(at(ms), text);
    let sound = |ms, stream: u8, id: u8, number: u8| {
        move |wire: &mut Wire| {
            wire.binary(at(ms), &[1, 0, 0, 0, stream, 0, 0, 0, id, 0, 0, 0, number], packet);
        }
    };
    let logon = says(0, r#"{"command":"logon","seq":1,"channels":["hill"]}"#);
    let welcome = hears(0, r#"{"seq":1,"success":true}"#);
    let begin = says(800, r#"{"command":"start_stream","seq":2,"channel":"hill"}"#);
    let granted = hears(900, r#"{"seq":2,"success":true,"stream_id":7}"#);
    let open: [&dyn Fn(&mut Wire); 4] = [&logon, &welcome, &begin, &granted];
    let then = |more: &[&dyn Fn(&mut Wire)]| objects(Wire::default(), &[&open[..], more].concat());
    assert!(!then(&[&sound(900, 7, 0, 0), &sound(960, 7, 1, 1)]), "all is well");
    assert!(
        objects(Wire::default(), &[&logon, &welcome, &says(700, r#"{"command":"start_stream","seq":2}"#)]),
        "too soon"
    );
    assert!(objects(Wire::default(), &[&logon, &welcome, &begin, &sound(900, 7, 0, 0)]), "before the answer");
    assert!(then(&[&sound(900, 8, 0, 0)]), "on another's stream");
    assert!(then(&[&sound(900, 7, 0, 5), &sound(960, 7, 1, 5)]), "twice");
    assert!(then(&[&sound(900, 7, 0, 5), &sound(960, 7, 1, 4)]), "out of order");
    assert!(then(&[&sound(900, 7, 0, 0), &sound(960, 7, 2, 1)]), "miscounted");
    assert!(then(&[&says(1_000, r#"{"command":"start_stream","seq":3}"#)]), "two starts in a row");
    assert!(then(&[&says(1_000, r#"{"command":"stop_stream","seq":3,"stream_id":9}"#)]), "a stop of nothing");
    assert!(
        then(&[&|wire: &mut Wire| wire.connected(), &sound(1_000, 7, 0, 0)]),
        "a stream of the last connection"
    );
    let burst = |wire: &mut Wire| (0..30).for_each(|n| sound(900, 7, n, n)(wire));
    assert!(then(&[&burst]), "faster than speech");
    let hammer = |wire: &mut Wire| (0..30).for_each(|n| wire.connect(at(n)));
    assert!(objects(Wire::default(), &[&hammer]), "connects without a pause");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_gateway_keeps_its_rules_whatever_happens(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        bodies::gateway::gateway(&bytes);
    }

    #[test]
    fn the_guard_keeps_its_promises_whatever_comes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        bodies::guard::guard(&bytes);
    }

    #[test]
    fn the_simulator_serves_whoever_comes(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        bodies::sim::sim(&bytes);
    }

    #[test]
    fn packets_by_chance_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        bodies::opus::opus(&bytes);
        bodies::hid::hid(&bytes);
    }
}
