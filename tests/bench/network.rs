//! The jitter buffer on five kinds of network, adaptive and with every fixed setting: `cargo bench --bench network`.
//!
//! Prints, for each setting and network, how many packets of a hundred were late and how many ms all of it was heard later
//! than by the quickest way; in virtual time, the same on every machine. Sources: tests/support/network.rs.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measuring program: it prints, and stops where it cannot measure"
)]

#[path = "../support/network.rs"]
mod network;
#[path = "../support/playout.rs"]
mod playout;

use network::Network;
use playout::{LIMITS_MS, Score, Trace, listen, settings};

/// Traces of 20 minutes for each network.
const SEEDS: u64 = 8;

fn main() {
    // `cargo test --all-targets` runs benchmarks without this word, to see that they start.
    if !std::env::args().any(|word| word == "--bench") {
        return;
    }
    let traces = Network::ALL.map(|network| (1..=SEEDS).map(|seed| Trace::new(network, seed)).collect());
    let names = Network::ALL.map(|network| format!("{:>20}", network.name()));
    println!("late packets, %, and added delay, ms; mean of {SEEDS} traces of 20 minutes\n");
    println!("{:>12}{}", "setting", names.concat());
    row("adaptive", &traces, LIMITS_MS);
    for ms in settings() {
        row(&format!("{ms} ms"), &traces, (ms, ms));
    }
}

fn row(setting: &str, traces: &[Vec<Trace>; 5], limits_ms: (u64, u64)) {
    let cells = traces.each_ref().map(|traces| {
        let scores: Vec<_> = traces.iter().map(|trace| listen(trace, limits_ms)).collect();
        let Score { late_percent, delay_ms } = Score::mean(&scores);
        format!("{late_percent:>12.3} {delay_ms:>7.0}")
    });
    println!("{setting:>12}{}", cells.concat());
}
