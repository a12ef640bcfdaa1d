//! `demo`: the main job on any machine, without radio and without account.

use std::path::PathBuf;
use std::process::ExitCode;

use super::out;

/// Shows the gateway at work, without radio, sound card or account
///
/// A simulated Zello server, a phone and a radio talk through the real gateway, both ways, in under 30 seconds. Prints a
/// live timeline and the figures; ends with 0 only if everything that it shows has happened.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  zello-gateway demo
  zello-gateway demo --out demo/ --speech my-voice.wav

Exit codes: 0 everything happened, 1 something did not, 2 wrong command line.")]
pub struct Args {
    /// Leave both recordings and a picture of the timeline in this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Speak this recording instead of the built-in one
    #[arg(long, value_name = "WAV")]
    pub speech: Option<PathBuf>,
}

/// Runs the command.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    let _ = args;
    out::failure("zello-gateway demo: the demo is not part of this build")
}
