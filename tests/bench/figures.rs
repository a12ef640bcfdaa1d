//! The figures of the design, measured: `cargo bench --bench figures`.
//!
//! Prints a table: figure, bound, measured, verdict. It judges and fails nothing: a busy machine is no broken gateway.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::similar_names,
    clippy::unchecked_time_subtraction,
    clippy::wildcard_enum_match_arm,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::large_stack_arrays,
    clippy::too_many_lines,
    reason = "a measuring program: it reads clocks, prints, and stops where it cannot measure"
)]

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use zello_gateway::realtime;

mod allocations;
mod cpu;
mod desk;
mod gateway;
mod live;
mod rig;
mod speech;
mod table;

/// Counts for the figure of allocations; costs the others nothing, because what they measure allocates nothing.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    // `cargo test --all-targets` runs benchmarks without this word, to see that they start.
    if !std::env::args().any(|word| word == "--bench") {
        return;
    }
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |name: &str| asked.is_empty() || asked.iter().any(|word| word == name);
    let mut table = table::Table::default();
    if wanted("cpu") {
        cpu::measure(&mut table);
    }
    if wanted("allocations") {
        allocations::measure(&mut table);
    }
    if wanted("live") {
        live::measure(&mut table);
    }
    table.note("this machine", machine());
    print!("\n{}", table.text());
}

/// What the latencies depend on beside the gateway: others who want the processor, and whether they may have it first.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    // On a thread of its own, which ends with it.
    let granted = std::thread::spawn(|| realtime::request(realtime::ENGINE_PRIORITY).is_ok()).join();
    let class = if matches!(granted, Ok(true)) { "granted" } else { "refused" };
    format!("{cores} cores, load {load}, real-time class {class}")
}
