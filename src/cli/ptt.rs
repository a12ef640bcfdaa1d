//! `ptt`: the line that keys the transmitter, from outside of a running gateway.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::out;
use crate::config::{self, Ptt};
use crate::lines::guard::orphan::{self, Fate, Orphan};
use crate::lines::{LineError, NotReleased, release};

/// A device that does not answer for so long is given up: half of the 10 s that systemd grants `ExecStopPost=`. To end a
/// guard that stands still takes its part of the rest.
const LIMIT: Duration = Duration::from_secs(5);

/// Handles the PTT line without a running gateway
#[derive(Debug, clap::Args)]
#[command(disable_help_subcommand = true)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Off(Off),
}

/// Releases the transmitter
///
/// For the moment after a gateway has died: systemd runs it by `ExecStopPost=`, and so may anybody. Of the configuration
/// only the [ptt.*] table and the board profile must be right; secrets are not read. A guard of a dead gateway that
/// stands still and may hold the line is ended first; that of a running one never is, and may key again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  zello-gateway ptt off -c /etc/zello-gateway/hilltop.toml

Exit codes: 0 the line is released, 1 it could not be (the reason is on stderr), 2 wrong command line.")]
struct Off {
    /// The configuration
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
}

/// Runs the command.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    match &args.action {
        Action::Off(Off { config }) => off(config),
    }
}

fn off(path: &Path) -> ExitCode {
    let file = path.display();
    let (table, ptt) = match config::read_ptt(path) {
        Ok(found) => found,
        Err(complaints) => {
            return out::failure(&format!("{complaints}\n\n{file}: not released: the PTT line is not known"));
        }
    };
    if ptt == Ptt::None {
        return out::result(&format!("{file}: [{table}]: there is no line to release\n"));
    }
    for orphan in orphan::end(&ptt) {
        out::note(&format!("{file}: {}", told_orphan(&orphan)));
    }
    match release(&ptt, LIMIT) {
        Ok(()) => {
            if let Some(guard) = orphan::holder(&ptt) {
                out::note(&format!("{file}: {}", told_holder(guard, path)));
            }
            out::result(&format!("{file}: the line of [{table}] is released\n"))
        }
        Err(why) => out::failure(&format!(
            "{file}: the line of [{table}] is not released: {}",
            told_with_help(&why, path)
        )),
    }
}

/// What became of a guard that no gateway has any more.
pub(crate) fn told_orphan(Orphan { id, fate }: &Orphan) -> String {
    let help = match fate {
        Fate::Refused(_) => "\n   help: run this as root, or as the user of the gateway",
        Fate::Ended | Fate::Killed | Fate::Held => "",
    };
    format!("the guard of a dead gateway (process {id}) {fate}{help}")
}

/// A line that several may open is released under a running gateway, which will key it again.
fn told_holder(guard: u32, config: &Path) -> String {
    format!(
        "a running gateway has this line (its guard is process {guard}) and may key it again at any moment\n   \
         help: {}",
        stop_service(config)
    )
}

/// How the gateway of this configuration is stopped.
fn stop_service(config: &Path) -> String {
    format!("systemctl stop zello-gateway@{}", config.file_stem().unwrap_or_default().to_string_lossy())
}

/// Why a line is not released, and what to do.
fn told_with_help(why: &NotReleased, path: &Path) -> String {
    if let NotReleased::Refused(error @ LineError::Busy { .. }) = why {
        return format!(
            "{error}\n   help: a running gateway holds its line, and releases it when it ends: {}",
            stop_service(path)
        );
    }
    told(why)
}

/// Why a line is not released.
pub(crate) fn told(why: &NotReleased) -> String {
    match why {
        NotReleased::Refused(error) => error.to_string(),
        NotReleased::Stuck => format!(
            "its device does not answer within {} s\n   help: unplug it, or switch the radio off",
            LIMIT.as_secs()
        ),
        NotReleased::NoThread(error) => format!("the system refused a thread: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_held_is_told_with_the_service_to_stop() {
        let held =
            LineError::Busy { chip: "gpiochip0".into(), line: "17".into(), by: "zello-gateway".into() };
        let told = told_with_help(&NotReleased::Refused(held), Path::new("/etc/zello-gateway/hilltop.toml"));
        assert!(told.contains("in use by zello-gateway"), "{told}");
        assert!(told.contains("systemctl stop zello-gateway@hilltop"), "{told}");
    }
}
