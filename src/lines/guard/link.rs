//! The daemon's side of the guard: starts it, sends heartbeats, watches it, ends it.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, ioctl_fionread, write};
use rustix::process::{Pid, Signal, kill_process};

use super::protocol::{Beat, Report, Reports};
use super::{TIME_OUT_MARGIN, settings};
use crate::config;
use crate::lines::{Keyer, LineError};

/// The guard must have its line within this.
const START_LIMIT: Duration = Duration::from_secs(2);

/// A guard that was asked to end is killed after this.
const END_LIMIT: Duration = Duration::from_secs(1);

/// A guard that leaves heartbeats unread for so long is stuck: the line may be keyed and nobody watches it.
const STUCK: Duration = Duration::from_secs(1);

/// A waiting watcher looks so often whether it shall stop.
const LOOK: Duration = Duration::from_millis(100);

/// Starts the guard for `ptt` and waits until it has its line. `program` is the gateway's own executable, `time_out` the
/// daemon's limit of a transmission.
///
/// # Errors
/// [`LineError`] when it cannot be started, or with the guard's own words when it does not get the line.
pub fn spawn(
    program: &Path,
    ptt: &config::Ptt,
    time_out: Duration,
) -> Result<(GuardKeyer, GuardWatch), LineError> {
    spawn_with(program, ptt, time_out, &[])
}

/// As [`spawn`]; the guard also tells what the line reads after each change, where it can be read.
///
/// # Errors
/// As [`spawn`].
pub fn spawn_telling_levels(
    program: &Path,
    ptt: &config::Ptt,
    time_out: Duration,
) -> Result<(GuardKeyer, GuardWatch), LineError> {
    spawn_with(program, ptt, time_out, &["--tell-levels"])
}

fn spawn_with(
    program: &Path,
    ptt: &config::Ptt,
    time_out: Duration,
    more: &[&str],
) -> Result<(GuardKeyer, GuardWatch), LineError> {
    let failed = |source| LineError::GuardStart { program: program.to_owned(), source };
    let settings = settings::to_json(ptt).map_err(|error| failed(error.into()))?;
    let limit = (time_out + TIME_OUT_MARGIN).as_millis().to_string();
    // The standard library opens every pipe and file so that no other child inherits it: only the daemon holds the pipe.
    let mut child = Command::new(program)
        .args(["guard", "--ptt", &settings, "--time-out-ms", &limit])
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let pipes = child.stdin.take().zip(child.stdout.take());
    let (beats, reports) = pipes.ok_or_else(|| failed(io::ErrorKind::BrokenPipe.into()))?;
    let stuck = Arc::<AtomicBool>::default();
    let mut watch = GuardWatch {
        child,
        pipe: reports,
        reports: Reports::default(),
        heard: Vec::new(),
        stuck: Arc::clone(&stuck),
        end: None,
    };
    let beats = OwnedFd::from(beats);
    let flags = fcntl_getfl(&beats).and_then(|flags| fcntl_setfl(&beats, flags | OFlags::NONBLOCK));
    flags.map_err(|error| failed(error.into()))?;
    watch.wait_until_ready()?;
    Ok((GuardKeyer { pipe: beats, backlog_since: None, stuck }, watch))
}

/// The engine's end of the pipe. Dropped, it unkeys and ends the guard.
#[derive(Debug)]
pub struct GuardKeyer {
    pipe: OwnedFd,
    /// Since when heartbeats lie unread in the pipe.
    backlog_since: Option<Instant>,
    /// For the watcher.
    stuck: Arc<AtomicBool>,
}

impl Keyer for GuardKeyer {
    fn beat(&mut self, keyed: bool) -> Result<(), LineError> {
        let written = self.write(keyed);
        if let Err(LineError::GuardStuck) = written {
            self.stuck.store(true, Ordering::Relaxed);
        }
        written
    }
}

impl GuardKeyer {
    fn write(&mut self, keyed: bool) -> Result<(), LineError> {
        match write(&self.pipe, &[Beat::new(keyed).to_byte()]) {
            Ok(_) => {}
            // No signal handler of the daemon makes this last; the next heartbeat is near.
            Err(Errno::INTR) => return Ok(()),
            Err(Errno::AGAIN) => return Err(LineError::GuardStuck),
            Err(error) => return Err(LineError::GuardGone { source: error.into() }),
        }
        // The heartbeat just written may lie there rightly; one before it may not, for long.
        let unread = ioctl_fionread(&self.pipe).unwrap_or(0);
        if unread <= 1 {
            self.backlog_since = None;
            return Ok(());
        }
        let now = Instant::now();
        let since = *self.backlog_since.get_or_insert(now);
        if now.saturating_duration_since(since) > STUCK { Err(LineError::GuardStuck) } else { Ok(()) }
    }
}

/// The watcher's hold on the guard. Dropped, it ends the guard.
#[derive(Debug)]
pub struct GuardWatch {
    child: Child,
    pipe: ChildStdout,
    reports: Reports,
    /// Read, and not yet told; the newest first.
    heard: Vec<Report>,
    /// It takes no heartbeats: it will not listen to requests either.
    stuck: Arc<AtomicBool>,
    end: Option<GuardEnd>,
}

/// What [`GuardWatch::poll`] saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// The guard told something.
    Report(Report),
    /// Nothing happened.
    Nothing,
    /// The guard is no more.
    Ended(GuardEnd),
}

/// How a guard ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardEnd {
    /// As it was asked to, with the line released.
    Released,
    /// By itself, after it reported a failure.
    Failed {
        /// Its exit code.
        code: i32,
    },
    /// By a signal that nobody can refuse: the line's state is unknown.
    Killed {
        /// Its number.
        signal: i32,
    },
}

impl From<ExitStatus> for GuardEnd {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(0), _) => Self::Released,
            (Some(code), _) => Self::Failed { code },
            (None, signal) => Self::Killed { signal: signal.unwrap_or_default() },
        }
    }
}

impl fmt::Display for GuardEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Released => f.write_str("ended with the line released"),
            Self::Failed { code } => write!(f, "failed with exit code {code}"),
            Self::Killed { signal } => write!(f, "killed by signal {signal}; the line's state is unknown"),
        }
    }
}

impl GuardWatch {
    /// Tells every report until the guard ends; when `stop` is set, or the guard takes no heartbeats, ends the guard.
    /// For a thread of its own; `looks` moves while that gets on.
    #[must_use]
    pub fn wait(
        mut self,
        stop: &AtomicBool,
        looks: &AtomicU64,
        mut on_report: impl FnMut(Report),
    ) -> GuardEnd {
        while !stop.load(Ordering::Relaxed) && !self.stuck.load(Ordering::Relaxed) {
            looks.fetch_add(1, Ordering::Relaxed);
            match self.poll(LOOK) {
                Watched::Report(report) => on_report(report),
                Watched::Nothing => {}
                Watched::Ended(end) => return end,
            }
        }
        self.end()
    }

    /// Waits at most `limit` for what the guard does next.
    pub fn poll(&mut self, limit: Duration) -> Watched {
        if self.heard.is_empty() {
            let limit = Timespec::try_from(limit).unwrap_or_default();
            match poll(&mut [PollFd::new(&self.pipe, PollFlags::IN)], Some(&limit)) {
                Ok(0) | Err(_) => return Watched::Nothing,
                Ok(_) => {}
            }
            let mut buffer = [0; 1_024];
            match rustix::io::read(&self.pipe, &mut buffer) {
                // The guard closes its pipe by ending, and by nothing else.
                Ok(0) => return Watched::Ended(self.reap()),
                Ok(length) => self.heard = self.reports.take(buffer.get(..length).unwrap_or_default()),
                Err(_) => return Watched::Nothing,
            }
            self.heard.reverse();
        }
        self.heard.pop().map_or(Watched::Nothing, Watched::Report)
    }

    /// The guard's process number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends the guard: asks it to release and go, and kills it when it does not. One that is stuck is not asked: each
    /// moment may be one with the transmitter keyed.
    pub fn end(&mut self) -> GuardEnd {
        if let Some(end) = self.end {
            return end;
        }
        if self.stuck.load(Ordering::Relaxed) {
            let _gone = self.child.kill();
            return self.reap();
        }
        // Not reaped yet, so the number is still the guard's.
        let _gone = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let deadline = Instant::now() + END_LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.poll(left) {
                Watched::Ended(end) => return end,
                Watched::Report(_) | Watched::Nothing if left.is_zero() => break,
                Watched::Report(_) | Watched::Nothing => {}
            }
        }
        let _gone = self.child.kill();
        self.reap()
    }

    fn reap(&mut self) -> GuardEnd {
        let end = self
            .end
            .unwrap_or_else(|| self.child.wait().map_or(GuardEnd::Killed { signal: 0 }, GuardEnd::from));
        self.end = Some(end);
        end
    }

    fn wait_until_ready(&mut self) -> Result<(), LineError> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.poll(left) {
                Watched::Report(Report::Ready) => return Ok(()),
                Watched::Report(Report::Failed(text)) => return Err(LineError::GuardRefused(text)),
                Watched::Ended(end) => return Err(LineError::GuardEnded { end }),
                Watched::Report(_) | Watched::Nothing if left.is_zero() => {
                    return Err(LineError::GuardSilent);
                }
                Watched::Report(_) | Watched::Nothing => {}
            }
        }
    }
}

impl Drop for GuardWatch {
    fn drop(&mut self) {
        let _nobody_asks = self.end();
    }
}
