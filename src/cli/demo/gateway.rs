//! The gateway of the demo: a real `zello-gateway run` in a process of its own, with a real configuration file.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

/// What the gateway logs when its sound devices run; from here on the demo counts its seconds.
const OPEN: &str = "sound devices and lines are open";

/// Everything that the gateway leaves in the output folder.
pub(super) struct Files {
    pub(super) config: PathBuf,
    pub(super) heard_by_radio: PathBuf,
    pub(super) said_on_air: PathBuf,
    pub(super) cos: PathBuf,
    pub(super) ptt_log: PathBuf,
    pub(super) figures: PathBuf,
    pub(super) log: PathBuf,
}

impl Files {
    pub(super) fn in_folder(folder: &Path) -> Self {
        let file = |name: &str| folder.join(name);
        Self {
            config: file("gateway.toml"),
            heard_by_radio: file("radio-hears.wav"),
            said_on_air: file("radio-says.wav"),
            cos: file("cos"),
            ptt_log: file("ptt.log"),
            figures: file("counters.json"),
            log: file("gateway.log"),
        }
    }
}

/// A running gateway.
pub(super) struct Gateway {
    child: Child,
    log: Receiver<String>,
    lines: Vec<String>,
    /// When its sound devices opened.
    pub(super) opened_at: Instant,
}

impl Gateway {
    /// Starts the gateway and waits until its sound devices are open.
    pub(super) fn start(files: &Files) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let mut child = Command::new(&program)
            .arg("run")
            .arg("--config")
            .arg(&files.config)
            .arg("--figures")
            .arg(&files.figures)
            .env_remove("JOURNAL_STREAM")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start the gateway, {}", program.display()))?;
        let stderr = child.stderr.take().context("the gateway has no stderr")?;
        let (lines, log) = channel();
        Builder::new().name("gateway-log".to_owned()).spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    break;
                }
            }
        })?;
        let mut gateway = Self { child, log, lines: Vec::new(), opened_at: Instant::now() };
        gateway.wait_until_open(Duration::from_secs(5))?;
        Ok(gateway)
    }

    fn wait_until_open(&mut self, limit: Duration) -> anyhow::Result<()> {
        let until = Instant::now() + limit;
        loop {
            match self.log.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    let open = line.contains(OPEN);
                    self.lines.push(line);
                    if open {
                        self.opened_at = Instant::now();
                        return Ok(());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    bail!("the gateway did not open its devices in {limit:?}:\n{}", self.words())
                }
                Err(RecvTimeoutError::Disconnected) => bail!("the gateway ended at once:\n{}", self.words()),
            }
        }
    }

    /// Resident memory of the gateway, its guard not included, bytes.
    pub(super) fn resident_bytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1_024)
    }

    /// Processor time used so far.
    pub(super) fn cpu_time(&self) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        // The second field is the name in brackets, which may hold blanks; user and system time are fields 14 and 15.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        Some(Duration::from_millis(ticks * 1_000 / rustix::param::clock_ticks_per_second()))
    }

    /// Asks the gateway to end as systemd does, and keeps its log.
    pub(super) async fn stop(mut self, files: &Files) -> anyhow::Result<ExitStatus> {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("the gateway has no process id")?;
        kill_process(pid, Signal::TERM).context("cannot stop the gateway")?;
        // The simulator lives on this thread too and must hear the gateway's goodbye.
        let status = loop {
            match self.child.try_wait().context("cannot wait for the gateway")? {
                Some(status) => break status,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        self.lines.extend(self.log.iter());
        std::fs::write(&files.log, self.words())
            .with_context(|| format!("cannot write {}", files.log.display()))?;
        Ok(status)
    }

    fn words(&self) -> String {
        self.lines.iter().fold(String::new(), |text, line| text + line + "\n")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Whatever ended the demo, its gateway does not outlive it. After `stop` this finds nothing to kill.
        if let Ok(None) = self.child.try_wait() {
            let _gone = self.child.kill();
            let _gone = self.child.wait();
        }
    }
}

/// The counters that the gateway left.
pub(super) fn counters(files: &Files) -> anyhow::Result<serde_json::Map<String, serde_json::Value>> {
    let mut text = String::new();
    std::fs::File::open(&files.figures)
        .and_then(|mut file| file.read_to_string(&mut text))
        .with_context(|| format!("the gateway left no figures in {}", files.figures.display()))?;
    serde_json::from_str(&text).context("the gateway's figures cannot be read")
}
