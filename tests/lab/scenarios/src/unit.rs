//! The gateway as systemd runs it: `zello-gateway@lab` from its package, with a configuration of the scenario's.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::AMPLE;
use crate::journal::Follower;
use crate::mono;
use crate::server::{CHANNEL, USER};
use crate::shell;
use crate::tape::until;

/// The unit.
pub(crate) const UNIT: &str = "zello-gateway@lab.service";
/// Its configuration.
const CONFIG: &str = "/etc/zello-gateway/lab.toml";
/// Its account's password.
const PASSWORD: &str = "/etc/zello-gateway/lab-password";
/// What the lab adds to the unit.
const DROP_IN: &str = "/run/systemd/system/zello-gateway@lab.service.d";
/// Counters, written when the gateway ends.
const FIGURES: &str = "/var/lib/zello-gateway/lab-figures.json";
/// The program.
pub(crate) const PROGRAM: &str = "/usr/bin/zello-gateway";
/// The sound card's end towards the gateway.
pub(crate) const SOUND: &str = "hw:CARD=Loopback,DEV=0";

/// What differs between scenarios.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// `[ptt.*]` and `[cos.*]`.
    pub(crate) lines: String,
    pub(crate) capture: String,
    pub(crate) playback: String,
    /// More lines of `[audio]`.
    pub(crate) audio: String,
    /// A line before the first table.
    pub(crate) board: Option<String>,
    /// More tables.
    pub(crate) more: String,
    /// More lines of `[Service]`.
    pub(crate) service: String,
}

impl Setup {
    /// A gateway with the lab's sound card and these line tables.
    pub(crate) fn new(lines: impl Into<String>) -> Self {
        Self {
            lines: lines.into(),
            capture: SOUND.to_owned(),
            playback: SOUND.to_owned(),
            audio: String::new(),
            board: None,
            more: String::new(),
            service: String::new(),
        }
    }

    /// The configuration's text.
    pub(crate) fn config(&self, port: u16) -> String {
        let mut text = String::new();
        if let Some(board) = &self.board {
            let _ = writeln!(text, "board = \"{board}\"");
        }
        let _ = write!(
            text,
            "[zello]\nservice = \"work\"\nnetwork = \"lab\"\nurl = \"ws://127.0.0.1:{port}/ws/lab\"\n\
             channel = \"{CHANNEL}\"\nusername = \"{USER}\"\npassword_file = \"lab-password\"\n\n\
             [audio]\ncapture = \"{}\"\nplayback = \"{}\"\n{}\n{}\n{}",
            self.capture, self.playback, self.audio, self.lines, self.more
        );
        text
    }

    /// Writes configuration and drop-in.
    pub(crate) fn install(&self, port: u16) -> Result<()> {
        write_owned(CONFIG, &self.config(port))?;
        write_owned(PASSWORD, "lab-password")?;
        drop(fs::remove_file(FIGURES));
        let drop_in = format!(
            "[Service]\nExecStart=\nExecStart={PROGRAM} run -c {CONFIG} --figures {FIGURES}\n{}",
            self.service
        );
        let path = Path::new(DROP_IN).join("lab.conf");
        // It stays between scenarios, for this machine reads all units anew in ten seconds.
        if fs::read_to_string(&path).is_ok_and(|there| there == drop_in) {
            return Ok(());
        }
        fs::create_dir_all(DROP_IN)?;
        fs::write(path, drop_in)?;
        shell::run("systemctl", &["daemon-reload"]).map(drop)
    }
}

/// A file that only the gateway's user reads.
fn write_owned(path: &str, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {path}: is the package installed?"))?;
    let (user, group) = ids("zello-gateway")?;
    chown(path, Some(user), Some(group))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(())
}

/// User and group number of a user.
fn ids(user: &str) -> Result<(u32, u32)> {
    let passwd = fs::read_to_string("/etc/passwd")?;
    let line = passwd.lines().find(|line| line.split(':').next() == Some(user));
    let mut fields = line.with_context(|| format!("there is no user {user}"))?.split(':').skip(2);
    let mut number = || fields.next().and_then(|field| field.parse().ok()).context("/etc/passwd is broken");
    Ok((number()?, number()?))
}

/// A gateway under systemd. Dropping it stops the unit and takes its configuration away.
pub(crate) struct Gateway {
    pub(crate) journal: Follower,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(shell::output("systemctl", &["stop", UNIT]));
        drop(shell::output("systemctl", &["reset-failed", UNIT]));
        for path in [CONFIG, PASSWORD] {
            drop(fs::remove_file(path));
        }
    }
}

impl Gateway {
    /// Installs the configuration and starts the unit, which need not succeed.
    pub(crate) fn launch(setup: &Setup, port: u16) -> Result<Self> {
        setup.install(port)?;
        let gateway = Self { journal: Follower::start(UNIT)? };
        // `start` waits for READY=1; a unit that is refused tries again and again, which the scenario watches itself.
        Self::start()?;
        Ok(gateway)
    }

    /// Waits for words in the journal after `mark`; that line.
    pub(crate) fn logged(&self, mark: usize, words: &str) -> Result<String> {
        self.logged_within(mark, AMPLE, words)
    }

    /// The same within a bound of the scenario's.
    pub(crate) fn logged_within(&self, mark: usize, limit: Duration, words: &str) -> Result<String> {
        let pick = |entry: &crate::journal::Entry| entry.text.contains(words).then(|| entry.text.clone());
        self.journal.tape.wait(mark, limit, &format!("the journal's words {words:?}"), pick)
    }

    /// A property of the unit.
    pub(crate) fn property(name: &str) -> Result<String> {
        let text = shell::run("systemctl", &["show", "-P", name, UNIT])?;
        Ok(text.trim().to_owned())
    }

    /// When systemd started the process that runs now.
    pub(crate) fn started_at() -> Result<Duration> {
        let micros = Self::property("ExecMainStartTimestampMonotonic")?;
        Ok(Duration::from_micros(micros.parse().context("no start time")?))
    }

    /// The daemon's process number.
    pub(crate) fn daemon() -> Result<u32> {
        let pid: u32 = Self::property("MainPID")?.parse().context("no number")?;
        if pid == 0 {
            bail!("the daemon does not run: {}", Self::property("ActiveState")?);
        }
        Ok(pid)
    }

    /// The guard's process number.
    pub(crate) fn guard() -> Result<u32> {
        let daemon = Self::daemon()?;
        until("the guard's process", AMPLE, || children(daemon).first().copied())
    }

    /// How often systemd has started it again.
    pub(crate) fn restarts() -> Result<u32> {
        Self::property("NRestarts")?.parse().context("no number of restarts")
    }

    /// The file with the limit of the unit's memory.
    pub(crate) fn memory_limit() -> Result<PathBuf> {
        let group = Self::property("ControlGroup")?;
        if group.is_empty() {
            bail!("the unit has no control group");
        }
        Ok(PathBuf::from(format!("/sys/fs/cgroup{group}/memory.max")))
    }

    /// Starts it once more.
    pub(crate) fn start() -> Result<()> {
        shell::run("systemctl", &["start", "--no-block", UNIT]).map(drop)
    }

    /// Kills whatever is left of it, standing still or not, and starts it again.
    pub(crate) fn start_anew() -> Result<()> {
        // Nothing may be left to kill.
        drop(shell::output("systemctl", &["kill", "--kill-who=all", "--signal=KILL", UNIT]));
        shell::run("systemctl", &["restart", "--no-block", UNIT]).map(drop)
    }

    /// Asks systemd to stop it, and waits until it has; how long that took.
    pub(crate) fn stop() -> Result<Duration> {
        let before = mono::now();
        shell::run("systemctl", &["stop", UNIT])?;
        Ok(mono::now().saturating_sub(before))
    }

    /// Counters, after a clean end.
    pub(crate) fn figures() -> Result<HashMap<String, u64>> {
        let text = fs::read_to_string(FIGURES).context("the gateway has left no figures")?;
        Ok(serde_json::from_str(&text)?)
    }
}

/// Sends a signal, just after the time that is returned.
pub(crate) fn signal(pid: u32, signal: Signal) -> Result<Duration> {
    let target = i32::try_from(pid).ok().and_then(Pid::from_raw).context("no process number")?;
    let at = mono::now();
    kill_process(target, signal).with_context(|| format!("cannot signal process {pid}"))?;
    Ok(at)
}

/// Processes whose parent is `pid`.
fn children(pid: u32) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    numbers
        .filter(|number| {
            fs::read_to_string(format!("/proc/{number}/stat")).is_ok_and(|stat| parent(&stat) == Some(pid))
        })
        .collect()
}

/// The parent in `/proc/PID/stat`, whose name may hold blanks and brackets.
fn parent(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_stands_behind_any_name() {
        assert_eq!(parent("12 (zello (x) y) S 7 12 12 0"), Some(7));
        assert_eq!(parent("broken"), None);
    }

    #[test]
    fn a_configuration_names_server_sound_and_lines() {
        let text = Setup::new("[ptt.none]\n[cos.none]\n").config(4_711);
        assert!(text.contains("ws://127.0.0.1:4711/") && text.contains("[ptt.none]"), "{text}");
        assert!(text.contains("capture = \"hw:CARD=Loopback,DEV=0\""), "{text}");
    }
}
