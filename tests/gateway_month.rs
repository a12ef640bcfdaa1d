//! A month of traffic and trouble in virtual time: the promises hold throughout, every book balances each night, memory
//! stays as it is, and the same seed lives the same life.
//!
//! Two days are lived with every `cargo test`; the month by
//! `MONTH_SEED=8 cargo test --test gateway_month -- --ignored --nocapture`, with any seed.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of a test fail as the test does: by panicking; totals are for people"
)]

#[path = "support/hut.rs"]
mod hut;

use std::alloc::System;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hut::{DAY, Hut};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The allocator counts for the whole process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// What a night may find more in memory than the first did: queues have grown to their working size by then, and tables of a few
/// entries come and go. A leak of a byte a packet would be more in a day.
const MEMORY_SLACK: i64 = 64 * 1024;

/// Bytes in use.
fn memory() -> i64 {
    let stats = ALLOCATOR.stats();
    i64::try_from(stats.bytes_allocated).unwrap() - i64::try_from(stats.bytes_deallocated).unwrap()
}

/// Lives so many days; each night everything has settled. The transcript's number at each night.
fn live(seed: u64, days: u32) -> (Hut, Vec<u64>) {
    let mut hut = Hut::new(seed);
    let (mut first_night, mut transcripts) = (None, Vec::new());
    for day in 1..=days {
        hut.run(DAY * day);
        hut.assert_settled();
        transcripts.push(hut.transcript());
        let grown = memory() - *first_night.get_or_insert_with(memory);
        assert!(grown <= MEMORY_SLACK, "{grown} bytes more in the night of day {day} than in the first");
    }
    (hut, transcripts)
}

/// The days were worth living: everything that a counter is for has happened.
fn assert_eventful(hut: &Hut, counters: &[&str]) {
    let all: Vec<_> = hut.counters.all().collect();
    for name in counters {
        let (_, value) = all.iter().find(|(known, _)| known == name).unwrap();
        assert!(*value > 0, "{name} is 0");
    }
    assert!(hut.totals.arrived > 1_000 && hut.totals.keyed > Duration::from_secs(60), "{:?}", hut.totals);
}

fn print(hut: &Hut) {
    for (name, value) in hut.counters.all() {
        println!("{name:32} {value}");
    }
    println!("{:#?}", hut.totals);
}

#[test]
fn two_days_of_trouble_break_no_promise_and_live_again_the_same() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (hut, nights) = live(1, 2);
    assert_eventful(&hut, &["uplink_packets", "downlink_packets_played", "links_lost", "uplink_overs_held"]);
    let (_, again) = live(1, 1);
    assert_eq!(nights[0], again[0], "the same seed, another life");
    let mut other = Hut::new(2);
    other.run(DAY / 8);
    let mut same = Hut::new(1);
    same.run(DAY / 8);
    assert_ne!(same.transcript(), other.transcript());
}

#[test]
#[ignore = "takes minutes"]
fn a_month_of_trouble_breaks_no_promise() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let seed = std::env::var("MONTH_SEED").map_or(8, |seed| seed.parse().expect("MONTH_SEED is a number"));
    let (hut, _) = live(seed, 30);
    print(&hut);
    assert_eventful(
        &hut,
        &[
            "uplink_overs",
            "uplink_overs_held",
            "uplink_packets_expired",
            "uplink_stuck",
            "downlink_streams_held",
            "downlink_packets_late",
            "downlink_packets_discarded",
            "downlink_blocks_concealed",
            "downlink_stops_missing",
            "ptt_time_outs",
            "links_lost",
        ],
    );
}
