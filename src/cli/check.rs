//! `check`: reads a configuration as `run` would, and says everything that is wrong with it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::out;
use crate::config::{self, AudioDevice, Complaints, Config, Cos, Ptt};

/// Says what is wrong with a configuration, and how to put it right
///
/// Reads the file as `run` would, with the secrets and certificates that it names, and lists every complaint at once
/// with line, column, what was expected and what to do. No device is touched, nothing is sent.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  zello-gateway check /etc/zello-gateway/hilltop.toml
  zello-gateway check --effective gateway.toml   every value, and where it comes from

Exit codes: 0 the file is good (advice may be on stderr), 1 there are complaints,
2 wrong command line.")]
pub struct Args {
    /// The configuration
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print all settings, merged from the file, its board profile and the defaults; secrets as paths only
    #[arg(long)]
    effective: bool,
}

/// Runs the command.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    let report = config::read(&args.file);
    let file = args.file.display();
    match report.config {
        Ok(config) => {
            advise(&report.advice);
            let summary = format!("{file}: fine. {}\n", summary(&config));
            out::result(&if args.effective { format!("# {summary}\n{}", report.effective) } else { summary })
        }
        Err(complaints) => {
            let many = if complaints.len() == 1 { "complaint" } else { "complaints" };
            out::failure(&format!("{complaints}\n\n{file}: {} {many}", complaints.len()))
        }
    }
}

/// Reads the configuration of a command that lives by it. On stderr: advice, or what is wrong and that the command was
/// not `done`.
pub(crate) fn read(file: &Path, done: &str) -> Result<Config, ExitCode> {
    let report = config::read(file);
    match report.config {
        Ok(config) => {
            advise(&report.advice);
            Ok(config)
        }
        Err(complaints) => {
            let (file, many) = (file.display(), complaints.len());
            Err(out::failure(&format!("{complaints}\n\n{file}: not {done}: {many} to put right")))
        }
    }
}

/// Shows advice on stderr.
fn advise(advice: &Complaints) {
    for one in advice {
        out::note(&format!("advice: {one}\n"));
    }
}

/// One line on what the gateway will do.
pub(crate) fn summary(config: &Config) -> String {
    let who = config.zello.user.as_ref().map_or("nobody (anonymous)", |user| user.name.as_str());
    let ptt = match &config.ptt {
        Ptt::Gpio(_) => "PTT by GPIO",
        Ptt::Cm108(_) => "PTT by HID",
        Ptt::Serial(_) => "PTT by a serial port",
        Ptt::Log { .. } => "PTT into a log file",
        Ptt::None => "no PTT line",
    };
    let cos = match &config.cos {
        Cos::Gpio(_) => "COS by GPIO",
        Cos::Cm108(_) => "COS by HID",
        Cos::Serial(_) => "COS by a serial port",
        Cos::Vox(_) => "COS by sound level",
        Cos::Fifo { .. } => "COS from a named pipe",
        Cos::None => "no COS",
    };
    let sound = match (&config.audio.capture, &config.audio.playback) {
        (AudioDevice::None, _) => "transmits only",
        (_, AudioDevice::None) => "receives only",
        _ => "both ways",
    };
    format!("Channel {:?} as {who} at {}; {sound}, {ptt}, {cos}", config.zello.channel, config.zello.url)
}
