//! The commands.

pub mod guard;
pub mod sim;

use std::process::ExitCode;

use clap::Parser;

#[derive(Debug, Parser)]
enum Command {
    /// Keys the transmitter while heartbeats come on standard input
    #[command(hide = true)]
    Guard(guard::GuardArgs),
    Sim(sim::Args),
}

/// Runs the command of the arguments.
#[must_use]
pub fn main() -> ExitCode {
    match Command::parse() {
        Command::Guard(args) => guard::run(&args),
        Command::Sim(args) => sim::run(&args),
    }
}
