//! `run`: the daemon.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{check, out};
use crate::config::Config;
use crate::{daemon, out_of_memory, privileges};

/// Runs the gateway until it is told to stop (SIGTERM or Ctrl-C)
///
/// Logs to the journal when started by systemd, to stderr otherwise. The transmitter is unkeyed however it ends.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  zello-gateway run -c gateway.toml
  systemctl enable --now zello-gateway@hilltop   as a service: /etc/zello-gateway/hilltop.toml

Environment:
  ZELLO_GATEWAY_LOG=debug   level: error, warn, info, debug or trace; or module=level

Exit codes: 0 stopped when asked to, 1 failed (systemd starts it anew), 2 wrong command line.")]
pub struct Args {
    /// The configuration
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// Write all counters to this file (JSON) when the gateway ends
    #[arg(long, value_name = "FILE")]
    figures: Option<PathBuf>,
}

/// Runs the command.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    match check::read(&args.config, "started") {
        Ok(config) => start(&config, args),
        Err(code) => code,
    }
}

fn start(config: &Config, args: &Args) -> ExitCode {
    let guard_program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => {
            return out::failure(&format!("zello-gateway run: cannot find this program's own file: {error}"));
        }
    };
    daemon::logging::start();
    out_of_memory::offer();
    if let Err((what, refused)) = privileges::hide() {
        tracing::warn!(%refused, "the system does not grant: {what}; the gateway runs without");
    }
    let options = daemon::Options { guard_program, figures: args.figures.clone() };
    match daemon::run(config, &options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
