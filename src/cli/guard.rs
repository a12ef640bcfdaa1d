//! The hidden command of the guard process, which only the daemon starts.

use std::process::ExitCode;
use std::time::Duration;

use crate::config::Ptt;
use crate::lines::{guard, open_ptt};
use crate::{out_of_memory, privileges};

/// What the daemon tells its guard.
#[derive(Debug, Clone, clap::Args)]
pub struct GuardArgs {
    /// The PTT settings, as JSON
    #[arg(long, value_parser = guard::settings::from_json)]
    pub ptt: Ptt,
    /// Longest transmission, milliseconds
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub time_out_ms: u32,
    /// Tell what the line reads after each change
    #[arg(long)]
    pub tell_levels: bool,
}

/// Runs the guard until the daemon goes.
#[must_use]
pub fn run(args: &GuardArgs) -> ExitCode {
    // Refused, the guard does its duty all the same; the daemon says so of itself.
    let _refused = privileges::give_up();
    out_of_memory::exempt();
    let time_out = Duration::from_millis(args.time_out_ms.into());
    match guard::process::run(|| open_ptt(&args.ptt), time_out, args.tell_levels) {
        Ok(()) => ExitCode::SUCCESS,
        Err(guard::process::GuardFailed) => ExitCode::FAILURE,
    }
}
