//! The real program as a process of its own, seen from outside.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{sleep, timeout};

use crate::desk::Desk;

/// The program that is measured.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_zello-gateway");

/// What it logs when its sound devices run.
const OPEN: &str = "sound devices and lines are open";

/// Files are looked at so often; what they tell carries its own time.
const LOOK: Duration = Duration::from_millis(5);

/// Nothing that is measured takes longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running gateway; killed with this value.
pub(crate) struct Gateway<'a> {
    child: Child,
    desk: &'a Desk,
    /// Just before it was started.
    pub(crate) spawned_at: Instant,
}

impl<'a> Gateway<'a> {
    /// Starts it.
    pub(crate) fn start(desk: &'a Desk) -> Self {
        let log = File::create(desk.path("gateway.log")).expect("a log file");
        let spawned_at = Instant::now();
        let child = Command::new(PROGRAM)
            .args(["run", "-c"])
            .arg(desk.path("gateway.toml"))
            .env_remove("JOURNAL_STREAM")
            .env_remove("ZELLO_GATEWAY_LOG")
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the gateway starts");
        Self { child, desk, spawned_at }
    }

    /// Lets the radio hear somebody, or nobody; the moment before the edge.
    pub(crate) fn squelch(&self, open: bool) -> Instant {
        let mut pipe = OpenOptions::new().write(true).open(self.desk.path("cos")).expect("the pipe of COS");
        let at = Instant::now();
        pipe.write_all(if open { b"on\n" } else { b"off\n" }).expect("a word");
        at
    }

    /// Waits for the last change of the line to be this one, the `count`th; its time since the epoch.
    pub(crate) async fn keyed(&self, keyed: bool, count: usize) -> Option<Duration> {
        let path = self.desk.path("ptt.log");
        let word = if keyed { "on" } else { "off" };
        let look = async {
            loop {
                if let Some(at) = change(&path, word, count) {
                    return at;
                }
                sleep(LOOK).await;
            }
        };
        timeout(PATIENCE, look).await.ok()
    }

    /// When its sound devices opened, since the epoch, as its log says.
    pub(crate) fn opened_at(&self) -> Duration {
        let log = fs::read_to_string(self.desk.path("gateway.log")).expect("the log");
        let line = log.lines().find(|line| line.contains(OPEN)).expect("the gateway opens its devices");
        // 2026-01-31T12:34:56.123456Z: the day is known.
        let clock = line.split_once('T').and_then(|(_, rest)| rest.split_once('Z')).expect("a time").0;
        let seconds =
            clock.split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().expect("a number"));
        let day = Duration::from_secs(since_epoch(SystemTime::now()).as_secs() / 86_400 * 86_400);
        day + Duration::from_secs_f64(seconds)
    }

    /// Resident memory of the gateway and of its guard, bytes.
    pub(crate) fn resident(&self) -> (u64, u64) {
        let pid = self.child.id();
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("its threads");
        let children: String =
            tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok()).collect();
        let guard = children.split_whitespace().next().expect("the guard").to_owned();
        (resident(&pid.to_string()), resident(&guard))
    }

    /// CPU time that it used so far, its guard not included.
    pub(crate) fn cpu_time(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("its threads");
        let nanoseconds = tasks
            .filter_map(|task| fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
            .filter_map(|stat| stat.split_whitespace().next()?.parse::<u64>().ok());
        Duration::from_nanos(nanoseconds.sum())
    }

    /// Kills it, as the kernel does when memory is short; the moment before.
    pub(crate) fn kill(&mut self) -> Duration {
        let at = since_epoch(SystemTime::now());
        self.child.kill().expect("a process of ours");
        at
    }

    /// Asks it to end, as systemd does, and waits.
    pub(crate) async fn stop(mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, Signal::TERM).expect("a process of ours");
        let ends = async {
            while matches!(self.child.try_wait(), Ok(None)) {
                sleep(LOOK).await;
            }
        };
        timeout(PATIENCE, ends).await.expect("the gateway ends when asked to");
    }
}

impl Drop for Gateway<'_> {
    fn drop(&mut self) {
        // After `stop` there is nothing to kill.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// The time of a log's `count`th change to `word`.
fn change(log: &Path, word: &str, count: usize) -> Option<Duration> {
    let text = fs::read_to_string(log).ok()?;
    let mut changes = text.lines().filter_map(|line| line.split_once(' '));
    let (at, _) = changes.by_ref().filter(|(_, change)| *change == word).nth(count.checked_sub(1)?)?;
    at.parse().ok().map(Duration::from_secs_f64)
}

fn resident(pid: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("its memory");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1_024
}

pub(crate) fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).expect("a clock after 1970")
}
