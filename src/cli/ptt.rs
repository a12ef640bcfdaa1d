//! `ptt`: the line that keys the transmitter, from outside of a running gateway.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::Builder;
use std::time::Duration;

use super::out;
use crate::config::{self, Ptt};
use crate::lines::{LineError, open_ptt};

/// A device that does not answer for so long is given up: half of the 10 s that systemd grants `ExecStopPost=`.
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
/// only the [ptt.*] table and the board profile must be right; secrets are not read.
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
    match release(ptt, LIMIT) {
        Ok(()) => out::result(&format!("{file}: the line of [{table}] is released\n")),
        Err(why) => {
            out::failure(&format!("{file}: the line of [{table}] is not released: {}", why.told(path)))
        }
    }
}

/// Why a line is not released.
#[derive(Debug)]
enum NotReleased {
    Refused(LineError),
    /// The device does not answer.
    Stuck,
    NoThread(std::io::Error),
}

impl NotReleased {
    fn told(&self, path: &Path) -> String {
        match self {
            Self::Refused(error @ LineError::Busy { .. }) => {
                let name = path.file_stem().unwrap_or_default().to_string_lossy();
                format!(
                    "{error}\n   help: a running gateway holds its line, and releases it when it ends: \
                     systemctl stop zello-gateway@{name}"
                )
            }
            Self::Refused(error) => error.to_string(),
            Self::Stuck => format!(
                "its device does not answer within {} s\n   help: unplug it, or switch the radio off",
                LIMIT.as_secs()
            ),
            Self::NoThread(error) => format!("the system refused a thread: {error}"),
        }
    }
}

/// Opens the line, which releases it, and lets it go; in a thread of its own, because a device may never answer.
fn release(ptt: Ptt, limit: Duration) -> Result<(), NotReleased> {
    let (done_tx, done) = channel();
    let body = move || {
        let released = open_ptt(&ptt).and_then(|mut line| line.set(false));
        // Nobody waits any more when it took too long.
        let _too_late = done_tx.send(released);
    };
    Builder::new().name("ptt-off".to_owned()).spawn(body).map_err(NotReleased::NoThread)?;
    match done.recv_timeout(limit) {
        Ok(released) => released.map_err(NotReleased::Refused),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(NotReleased::Stuck),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_held_is_told_with_the_service_to_stop() {
        let held =
            LineError::Busy { chip: "gpiochip0".into(), line: "17".into(), by: "zello-gateway".into() };
        let told = NotReleased::Refused(held).told(Path::new("/etc/zello-gateway/hilltop.toml"));
        assert!(told.contains("in use by zello-gateway"), "{told}");
        assert!(told.contains("systemctl stop zello-gateway@hilltop"), "{told}");
    }

    #[test]
    fn a_device_that_never_answers_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        // To open a named pipe for writing waits for its reader, as a device may wait for ever.
        let path = folder.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        let stuck = release(Ptt::Log { path: path.clone() }, Duration::from_millis(50));
        assert!(matches!(stuck, Err(NotReleased::Stuck)), "{stuck:?}");
        // Lets the thread go on to its end.
        drop(std::fs::File::open(&path).unwrap());
    }
}
