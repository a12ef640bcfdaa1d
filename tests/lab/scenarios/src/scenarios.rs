//! What the lab proves, one file a behaviour.

mod active;
mod boards;
mod cards;
mod clock;
mod commands;
mod edges;
mod endurance;
mod faults;
mod keys;
mod killed;
mod mixer;
mod realtime;
mod refusals;
mod soak;
mod speech;
mod stop;
mod unplug;
mod watchdog;

use crate::harness::Scenario;

/// All scenarios, in the order to run them: what everything else rests on comes first.
pub(crate) fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    for part in [
        commands::SCENARIOS,
        mixer::SCENARIOS,
        speech::SCENARIOS,
        edges::SCENARIOS,
        killed::SCENARIOS,
        faults::SCENARIOS,
        stop::SCENARIOS,
        active::SCENARIOS,
        watchdog::SCENARIOS,
        unplug::SCENARIOS,
        cards::SCENARIOS,
        clock::SCENARIOS,
        keys::SCENARIOS,
        refusals::SCENARIOS,
        boards::SCENARIOS,
        realtime::SCENARIOS,
        endurance::SCENARIOS,
        soak::SCENARIOS,
    ] {
        all.extend_from_slice(part);
    }
    all
}
