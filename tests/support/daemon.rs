//! The whole daemon for tests: a folder with its configuration, the real program, a simulator on loopback, a phone.
//!
//! Tests wait for what happens, never for time to pass; each wait is bounded and says what did not come.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot prepare itself has failed"
)]

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep};
use zello_gateway::audio;
use zello_gateway::codec::{BLOCK_SAMPLES, SAMPLE_RATE_HZ};
use zello_gateway::dsp::UplinkChain;
use zello_gateway::dsp::compare::{self, Likeness};
use zello_gateway::sim::{Heard, Login, Phone, Settings, Sim, SimEvent};

/// The gateway's user name.
pub(crate) const USER: &str = "hilltop";
/// Its channel.
pub(crate) const CHANNEL: &str = "Hill";
/// Its password, which must appear nowhere.
pub(crate) const PASSWORD: &str = "correct-horse-battery-staple";

/// More than any machine needs for anything here.
pub(crate) const AMPLE: Duration = Duration::from_secs(20);

/// Where the wanted level or line is looked for so often.
const LOOK: Duration = Duration::from_millis(5);

/// Waits until `ready` has an answer, for [`AMPLE`] time at most.
///
/// # Panics
/// With `what` and the state that `told` describes, when it does not come.
pub(crate) async fn until<T>(
    what: &str,
    mut ready: impl FnMut() -> Option<T>,
    told: impl Fn() -> String,
) -> T {
    let limit = Instant::now() + AMPLE;
    loop {
        if let Some(found) = ready() {
            return found;
        }
        assert!(Instant::now() < limit, "{what}: not within {AMPLE:?}\n{}", told());
        // Other processes and their files give no sign to wait on.
        sleep(LOOK).await;
    }
}

/// Seconds since the epoch, as in `ptt.log`.
#[expect(clippy::disallowed_methods, reason = "compared with the times of the log")]
pub(crate) fn epoch() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// A folder with everything that a gateway's configuration names.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    /// The `[zello]` table.
    pub(crate) zello: String,
    /// The value of `capture`.
    pub(crate) capture: String,
    /// The value of `playback`.
    pub(crate) playback: String,
    /// The tables for PTT and COS.
    pub(crate) lines: String,
    /// More tables.
    pub(crate) more: String,
}

impl Site {
    /// A radio of files, at a server on this port of loopback.
    pub(crate) fn new(port: u16) -> Self {
        let site = Self {
            folder: tempfile::tempdir().unwrap(),
            zello: format!(
                "service = \"work\"\nnetwork = \"test\"\nurl = \"ws://127.0.0.1:{port}/ws/test\"\n\
                 channel = \"{CHANNEL}\"\nusername = \"{USER}\"\npassword_file = \"password\"\n"
            ),
            capture: "none".to_owned(),
            playback: "wav:says.wav".to_owned(),
            lines: "[ptt.log]\npath = \"ptt.log\"\n[cos.none]\n".to_owned(),
            more: String::new(),
        };
        site.secret("password", PASSWORD);
        site
    }

    /// The same with a radio that hears `sound`, and a named pipe for COS.
    pub(crate) fn hearing(port: u16, sound: &[f32]) -> Self {
        let mut site = Self::new(port);
        site.capture = String::from("wav:hears.wav");
        site.lines = String::from("[ptt.log]\npath = \"ptt.log\"\n[cos.fifo]\npath = \"cos\"\n");
        write_wav(&site.path("hears.wav"), sound);
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file that only its owner reads.
    pub(crate) fn secret(&self, name: &str, text: &str) {
        let file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(self.path(name));
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Writes the configuration.
    pub(crate) fn write_config(&self) -> PathBuf {
        let text = format!(
            "[zello]\n{}\n[audio]\ncapture = \"{}\"\nplayback = \"{}\"\n\n{}\n{}",
            self.zello, self.capture, self.playback, self.lines, self.more
        );
        let path = self.path("gateway.toml");
        fs::write(&path, text).unwrap();
        path
    }

    /// `zello-gateway run` with this configuration, ready to be started.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zello-gateway"));
        command
            .arg("run")
            .arg("--config")
            .arg(self.write_config())
            .arg("--figures")
            .arg(self.path("figures.json"));
        quiet(&mut command);
        command
    }

    /// Starts the gateway.
    pub(crate) fn start(&self) -> Daemon {
        Daemon::spawn(self.command())
    }

    /// Starts the gateway and waits until it is in the channel.
    pub(crate) async fn start_online(&self) -> Daemon {
        let daemon = self.start();
        daemon.until_logged(" online").await;
        daemon
    }

    /// Runs a gateway that ends by itself: its exit code and what it said.
    pub(crate) async fn refusal(&self) -> (Option<i32>, String) {
        let mut daemon = self.start();
        let status = daemon.ended().await;
        (status.code(), daemon.log())
    }

    /// Times and levels of the PTT line.
    pub(crate) fn ptt(&self) -> Vec<(f64, bool)> {
        let text = fs::read_to_string(self.path("ptt.log")).unwrap_or_default();
        let whole = text.lines().filter_map(|line| line.split_once(' '));
        whole.map(|(at, level)| (at.parse().unwrap(), level == "on")).collect()
    }

    pub(crate) fn is_keyed(&self) -> bool {
        self.ptt().last().is_some_and(|(_, keyed)| *keyed)
    }

    /// Waits for exactly these levels of the PTT line.
    pub(crate) async fn until_ptt(&self, daemon: &Daemon, levels: &[bool]) -> Vec<(f64, bool)> {
        let found =
            || Some(self.ptt()).filter(|ptt| ptt.iter().map(|(_, keyed)| *keyed).eq(levels.iter().copied()));
        let told = || format!("PTT: {:?}\n{}", self.ptt(), daemon.log());
        until(&format!("PTT levels {levels:?}"), found, told).await
    }

    /// Writes a line to the COS pipe, once the gateway listens there.
    pub(crate) async fn squelch(&self, level: &str) {
        let open = || {
            // Never waits for a reader.
            let flags = OFlags::WRONLY | OFlags::NONBLOCK;
            rustix::fs::open(self.path("cos"), flags, Mode::empty()).ok().map(fs::File::from)
        };
        let mut pipe = until("a reader of the COS pipe", open, String::new).await;
        writeln!(pipe, "{level}").unwrap();
    }

    /// What the radio said, after the gateway has ended.
    pub(crate) fn said(&self) -> Vec<f32> {
        audio::load_wav(&self.path("says.wav")).unwrap()
    }

    /// A counter, after the gateway has ended.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        let text = fs::read_to_string(self.path("figures.json")).unwrap();
        let figures: serde_json::Value = serde_json::from_str(&text).unwrap();
        figures[name].as_u64().unwrap_or_else(|| panic!("no counter {name} in {text}"))
    }
}

/// Nothing of the machine that runs the tests reaches the program.
fn quiet(command: &mut Command) {
    let names =
        ["JOURNAL_STREAM", "NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "RUST_BACKTRACE", "ZELLO_GATEWAY_LOG"];
    for name in names {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
}

/// A running gateway. Dropping it kills it.
pub(crate) struct Daemon {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Daemon {
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, sink) = (child.stderr.take().unwrap(), Arc::clone(&log));
        #[expect(clippy::disallowed_methods, reason = "the supervisor of threads is the daemon's")]
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                sink.lock().unwrap().extend([line.as_str(), "\n"]);
            }
        });
        Self { child, log, reader: Some(reader) }
    }

    /// Everything that it has said so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until a line of the log holds `words`; that line.
    pub(crate) async fn until_logged(&self, words: &str) -> String {
        let found = || self.log().lines().find(|line| line.contains(words)).map(str::to_owned);
        until(&format!("a log line with {words:?}"), found, || self.log()).await
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The process of the PTT guard.
    pub(crate) fn guard_pid(&self) -> u32 {
        let is_child = |stat: &str| {
            let mut fields =
                stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace()).into_iter().flatten();
            fields.nth(1) == Some(self.pid().to_string().as_str())
        };
        let processes =
            fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut ids = processes.filter_map(|name| name.parse::<u32>().ok());
        let guard =
            ids.find(|id| fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| is_child(&stat)));
        guard.unwrap_or_else(|| panic!("no guard process\n{}", self.log()))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end after a kill; its guard may still live.
    pub(crate) fn killed(&mut self) {
        assert_eq!(self.child.wait().unwrap().code(), None);
    }

    /// Waits for its end. The log is whole afterwards.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let log = Arc::clone(&self.log);
        let told = move || log.lock().unwrap().clone();
        let status = until("the gateway's end", || self.child.try_wait().unwrap(), told).await;
        // A guard that lives a moment longer shares stderr; its last words belong to the log.
        let reader = self.reader.take();
        until(
            "the end of the log",
            || reader.as_ref().is_none_or(std::thread::JoinHandle::is_finished).then_some(()),
            || "the guard did not end".to_owned(),
        )
        .await;
        status
    }

    /// Asks it to end as systemd does, and demands that it ends well.
    pub(crate) async fn stop(mut self) -> String {
        self.signal(Signal::TERM);
        let status = self.ended().await;
        assert!(status.success(), "{status}\n{}", self.log());
        self.log()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // After an end that was waited for, this finds nothing.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn send(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

/// The simulator on a loopback port.
pub(crate) struct Server {
    pub(crate) sim: Sim,
    pub(crate) port: u16,
    events: UnboundedReceiver<SimEvent>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::serving(listener, Sim::start(Settings::default()))
    }

    pub(crate) fn serving(listener: TcpListener, sim: Sim) -> Self {
        let (port, events) = (listener.local_addr().unwrap().port(), sim.events());
        sim.serve(listener);
        Self { sim, port, events }
    }

    /// A phone in the gateway's channel.
    pub(crate) async fn phone(&self) -> Phone {
        let url = format!("ws://127.0.0.1:{}/ws/test", self.port);
        Phone::connect(&url, &Login::new("phone", CHANNEL)).await.unwrap()
    }

    /// Waits for what `wanted` picks from the simulator's events; earlier ones are gone.
    pub(crate) async fn until_seen<T>(&mut self, what: &str, wanted: impl Fn(&SimEvent) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.unwrap();
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(AMPLE, found)
            .await
            .unwrap_or_else(|_| panic!("the simulator has not seen {what} within {AMPLE:?}"))
    }
}

/// Waits until the phone has heard so much of the gateway's newest over; the over so far.
pub(crate) async fn until_heard(phone: &Phone, daemon: &Daemon, at_least: Duration) -> Heard {
    let over = || phone.heard().pop().filter(|over| over.duration() >= at_least);
    until(&format!("{at_least:?} of an over at the phone"), over, || daemon.log()).await
}

/// Waits until so many overs of the gateway are over; all of them.
pub(crate) async fn until_overs(phone: &Phone, daemon: &Daemon, count: usize) -> Vec<Heard> {
    let overs = || {
        Some(phone.heard())
            .filter(|heard| heard.iter().filter(|over| over.stopped.is_some()).count() >= count)
    };
    until(&format!("{count} overs at the phone"), overs, || daemon.log()).await
}

/// A voice, 16 kHz mono, `seconds` of it.
pub(crate) fn voice(name: &str, seconds: f64) -> Vec<f32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/speech").join(name);
    let mut sound = audio::load_wav(&path).unwrap();
    sound.truncate(samples(seconds));
    sound
}

/// Samples of silence or speech.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
pub(crate) fn samples(seconds: f64) -> usize {
    (seconds * f64::from(SAMPLE_RATE_HZ)) as usize
}

/// `sound` after so much silence.
pub(crate) fn after_silence(seconds: f64, sound: &[f32]) -> Vec<f32> {
    let mut all = vec![0.0; samples(seconds)];
    all.extend(sound);
    all
}

/// What the uplink makes of a sound before it is encoded: nothing below speech.
pub(crate) fn as_sent(sound: &[f32]) -> Vec<f32> {
    let mut chain = UplinkChain::new();
    let mut sent = Vec::with_capacity(sound.len());
    for part in sound.chunks(BLOCK_SAMPLES) {
        let mut block = [0.0; BLOCK_SAMPLES];
        block[..part.len()].copy_from_slice(part);
        chain.process(&mut block);
        sent.extend_from_slice(&block[..part.len()]);
    }
    sent
}

/// Demands that the whole of `original` is in `copy`, first syllable and last.
pub(crate) fn assert_whole(what: &str, original: &[f32], copy: &[f32]) -> Likeness {
    let found = compare::find(original, copy);
    let likeness = found.unwrap_or_else(|| {
        panic!("{what}: {} samples heard, {} said, or silence", copy.len(), original.len())
    });
    // Opus at 16 kbit/s copies a voice with about 0.95; a lost or shifted syllable is near 0.
    assert!(likeness.correlation > 0.85 && likeness.worst > 0.5, "{what}: not whole: {likeness:?}");
    likeness
}

/// Writes 16 kHz mono, 16 bit.
pub(crate) fn write_wav(path: &Path, sound: &[f32]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE_HZ,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(path, spec).unwrap();
    for sample in sound {
        #[expect(clippy::cast_possible_truncation, reason = "clamped to the range of 16 bit")]
        wav.write_sample((sample * 32_767.0).clamp(-32_768.0, 32_767.0) as i16).unwrap();
    }
    wav.finalize().unwrap();
}
