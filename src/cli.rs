//! The commands: nothing but talking to a person.
//!
//! What a command was asked for goes to stdout; everything about it (complaints, advice, progress) to stderr. Exit codes:
//! 0 the thing is done, 1 it failed, 2 the command line is wrong.

use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{CommandFactory, Parser, Subcommand};

pub mod boards;
pub mod check;
pub mod demo;
pub mod devices;
pub mod guard;
mod out;
pub mod ptt;
pub mod run;
pub mod selftest;
pub mod sim;
pub mod token;
mod utc;

/// "0.1.0 (libopus 1.6.1)".
static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{} ({})", env!("CARGO_PKG_VERSION"), crate::codec::libopus_version()));

/// Joins a two-way radio to a Zello channel
///
/// When the radio hears somebody, the channel hears them; when somebody talks on the channel, the gateway keys the
/// radio and says it. One process is one radio on one channel.
#[derive(Debug, Parser)]
#[command(
    name = "zello-gateway",
    version = VERSION.as_str(),
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = FIRST_STEPS
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const FIRST_STEPS: &str = "\
First steps:
  zello-gateway demo                       see it work, without radio, sound card or account
  zello-gateway devices                    what this machine has, by the names to configure
  zello-gateway boards                     ready-made wirings, with pins and warnings
  zello-gateway check gateway.toml         what is wrong with a configuration
  zello-gateway selftest -c gateway.toml   everything tried on the real radio
  zello-gateway run -c gateway.toml        the gateway itself

Exit codes: 0 done, 1 failed (the reason is on stderr), 2 the command line is wrong.
Every key of the configuration stands in boards/example.toml and in the README.";

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Check(check::Args),
    Devices(devices::Args),
    Selftest(selftest::Args),
    Boards(boards::Args),
    Demo(demo::Args),
    Sim(sim::Args),
    Token(token::Args),
    Ptt(ptt::Args),
    /// Keys the transmitter while heartbeats come on standard input
    #[command(hide = true)]
    Guard(guard::GuardArgs),
}

/// The command line as clap describes it: for man pages and completions.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the command of the arguments.
#[must_use]
pub fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(arguments) => arguments.command.run(),
        Err(error) => {
            // Help and version are "errors" too, with code 0. Nobody is left to tell if the terminal is gone.
            drop(error.print());
            u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
        }
    }
}

impl Command {
    fn run(&self) -> ExitCode {
        match self {
            Self::Run(args) => run::run(args),
            Self::Check(args) => check::run(args),
            Self::Devices(args) => devices::run(args),
            Self::Selftest(args) => selftest::run(args),
            Self::Boards(args) => boards::run(args),
            Self::Demo(args) => demo::run(args),
            Self::Sim(args) => sim::run(args),
            Self::Token(args) => token::run(args),
            Self::Ptt(args) => ptt::run(args),
            Self::Guard(args) => guard::run(args),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        super::command().debug_assert();
    }
}
