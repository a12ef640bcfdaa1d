//! The guard as a real process: whatever happens to the daemon, the transmitter is released in time.
//!
//! The line is a `[ptt.log]`, whose times are the guard's own acts; the limits leave room for a busy machine.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail anywhere")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, kill_process};
use zello_gateway::config::{GpioLine, GpioOut, Polarity, Ptt};
use zello_gateway::lines::guard::{self, GuardEnd, GuardKeyer, GuardWatch, Report, Watched};
use zello_gateway::lines::{HEARTBEAT, HEARTBEAT_LIMIT, Keyer, LineError};

const PROGRAM: &str = env!("CARGO_BIN_EXE_zello-gateway");

/// More than any machine needs for anything here.
const AMPLE: Duration = Duration::from_secs(20);

/// A busy machine may run the guard so much late.
const SCHEDULER: Duration = Duration::from_millis(150);

/// A log for PTT in a folder of its own.
struct Log(tempfile::TempDir);

impl Log {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("ptt.log")
    }

    fn ptt(&self) -> Ptt {
        Ptt::Log { path: self.path() }
    }

    /// Seconds since the epoch, keyed.
    fn changes(&self) -> Vec<(f64, bool)> {
        let text = fs::read_to_string(self.path()).unwrap_or_default();
        text.lines()
            .map(|line| line.split_once(' ').unwrap())
            .map(|(at, on)| (at.parse().unwrap(), on == "on"))
            .collect()
    }

    fn levels(&self) -> Vec<bool> {
        self.changes().iter().map(|(_, keyed)| *keyed).collect()
    }

    fn wait_for(&self, levels: &[bool]) {
        let started = Instant::now();
        while self.levels() != levels {
            assert!(started.elapsed() < AMPLE, "waits for {levels:?}, has {:?}", self.changes());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn assert_released_within(&self, limit: Duration, since: f64) {
        self.wait_for(&[true, false]);
        let took = self.changes()[1].0 - since;
        assert!(took <= limit.as_secs_f64(), "released {took} s after");
    }
}

#[expect(clippy::disallowed_methods, reason = "compared with the times of the log")]
fn epoch() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

fn spawn(log: &Log) -> (GuardKeyer, GuardWatch) {
    guard::spawn(Path::new(PROGRAM), &log.ptt(), AMPLE).unwrap()
}

fn keyed(log: &Log) -> (GuardKeyer, GuardWatch) {
    let (mut keyer, mut watch) = spawn(log);
    keyer.beat(true).unwrap();
    assert_eq!(next(&mut watch), Watched::Report(Report::Keyed));
    (keyer, watch)
}

fn next(watch: &mut GuardWatch) -> Watched {
    watch.poll(AMPLE)
}

fn signal(id: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(id).unwrap()).unwrap(), signal).unwrap();
}

#[test]
fn heartbeats_key_and_unkey_and_are_told_back() {
    let log = Log::new();
    let (mut keyer, mut watch) = keyed(&log);
    keyer.beat(false).unwrap();
    assert_eq!(next(&mut watch), Watched::Report(Report::Unkeyed));
    assert_eq!(log.levels(), [true, false]);
    drop(keyer);
    assert_eq!(next(&mut watch), Watched::Ended(GuardEnd::Released));
}

#[test]
fn a_closed_pipe_releases_and_ends_the_guard() {
    let log = Log::new();
    let (keyer, mut watch) = keyed(&log);
    let closed = epoch();
    drop(keyer);
    assert_eq!(next(&mut watch), Watched::Report(Report::Unkeyed));
    assert_eq!(next(&mut watch), Watched::Ended(GuardEnd::Released));
    log.assert_released_within(HEARTBEAT_LIMIT, closed);
}

#[test]
fn missing_heartbeats_release_the_line_and_the_next_one_keys_again() {
    let log = Log::new();
    let (mut keyer, mut watch) = spawn(&log);
    let last = epoch();
    keyer.beat(true).unwrap();
    assert_eq!(next(&mut watch), Watched::Report(Report::Keyed));
    assert_eq!(next(&mut watch), Watched::Report(Report::Silent));
    log.assert_released_within(HEARTBEAT_LIMIT + SCHEDULER, last);
    assert!(log.changes()[1].0 - log.changes()[0].0 > 0.2, "a heartbeat holds for more than three others");
    keyer.beat(true).unwrap();
    assert_eq!(next(&mut watch), Watched::Report(Report::Keyed));
}

#[test]
fn a_thread_that_panics_while_it_keys_leaves_the_line_released() {
    let log = Log::new();
    let (mut keyer, mut watch) = keyed(&log);
    let panicked = epoch();
    // As the daemon's supervisor does: the panic ends the thread, and with it all that the thread holds.
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        keyer.beat(true).unwrap();
        panic!("over its feet")
    }));
    assert!(panic.is_err());
    log.assert_released_within(HEARTBEAT_LIMIT + SCHEDULER, panicked);
    // To print a panic may take longer than the guard waits for the next heartbeat.
    let told = next(&mut watch);
    assert!(matches!(told, Watched::Report(Report::Unkeyed | Report::Silent)), "{told:?}");
    assert_eq!(next(&mut watch), Watched::Ended(GuardEnd::Released));
}

/// Keys with the guard and goes on with heartbeats, in a process that the tests may kill.
#[test]
#[ignore = "a helper process of the other tests"]
fn a_daemon_that_keys() {
    let Ok(path) = std::env::var("PTT_LOG") else { return };
    let ptt = Ptt::Log { path: path.into() };
    let (mut keyer, _watch) = guard::spawn(Path::new(PROGRAM), &ptt, AMPLE).unwrap();
    let started = Instant::now();
    while started.elapsed() < AMPLE {
        keyer.beat(true).unwrap();
        std::thread::sleep(HEARTBEAT);
    }
}

/// Another process that has keyed and goes on.
fn daemon(log: &Log) -> Child {
    let daemon = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_daemon_that_keys", "--ignored"])
        .env("PTT_LOG", log.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    log.wait_for(&[true]);
    daemon
}

#[test]
fn a_killed_daemon_leaves_the_line_released() {
    let log = Log::new();
    let mut daemon = daemon(&log);
    let killed = epoch();
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    log.assert_released_within(HEARTBEAT_LIMIT, killed);
}

#[test]
fn a_stopped_daemon_leaves_the_line_released() {
    let log = Log::new();
    let mut daemon = daemon(&log);
    let stopped = epoch();
    signal(daemon.id(), Signal::STOP);
    log.assert_released_within(HEARTBEAT_LIMIT + SCHEDULER, stopped);
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

#[test]
fn a_guard_that_is_asked_to_end_releases_first() {
    for asked in [Signal::TERM, Signal::HUP] {
        let log = Log::new();
        let (_keyer, mut watch) = keyed(&log);
        signal(watch.id(), asked);
        assert_eq!(next(&mut watch), Watched::Report(Report::Unkeyed));
        assert_eq!(next(&mut watch), Watched::Ended(GuardEnd::Released));
        assert_eq!(log.levels(), [true, false]);
    }
}

#[test]
fn a_guard_does_not_hear_the_ctrl_c_of_its_terminal() {
    let log = Log::new();
    let (mut keyer, mut watch) = keyed(&log);
    for ignored in [Signal::INT, Signal::QUIT] {
        signal(watch.id(), ignored);
    }
    keyer.beat(false).unwrap();
    assert_eq!(next(&mut watch), Watched::Report(Report::Unkeyed));
    assert_eq!(watch.end(), GuardEnd::Released);
}

#[test]
fn a_killed_guard_is_noticed_by_both_ends() {
    let log = Log::new();
    let (mut keyer, mut watch) = keyed(&log);
    signal(watch.id(), Signal::KILL);
    assert_eq!(next(&mut watch), Watched::Ended(GuardEnd::Killed { signal: 9 }));
    assert!(matches!(keyer.beat(true), Err(LineError::GuardGone { .. })));
}

#[test]
fn a_stopped_guard_is_noticed_by_its_unread_heartbeats_and_killed_in_the_end() {
    let log = Log::new();
    let (mut keyer, mut watch) = keyed(&log);
    signal(watch.id(), Signal::STOP);
    let started = Instant::now();
    let error = loop {
        assert!(started.elapsed() < AMPLE);
        if let Err(error) = keyer.beat(true) {
            break error;
        }
        std::thread::sleep(HEARTBEAT);
    };
    assert!(matches!(error, LineError::GuardStuck), "{error}");
    assert_eq!(watch.end(), GuardEnd::Killed { signal: 9 });
}

#[test]
fn one_guard_does_not_hold_the_pipe_of_another_open() {
    let (first_log, second_log) = (Log::new(), Log::new());
    let (first, mut first_watch) = keyed(&first_log);
    let (_second, _second_watch) = keyed(&second_log);
    drop(first);
    assert_eq!(next(&mut first_watch), Watched::Report(Report::Unkeyed));
    assert_eq!(next(&mut first_watch), Watched::Ended(GuardEnd::Released));
}

#[test]
fn a_line_that_does_not_key_is_told_and_opened_anew() {
    let ptt = Ptt::Log { path: "/dev/full".into() };
    let (mut keyer, mut watch) = guard::spawn(Path::new(PROGRAM), &ptt, AMPLE).unwrap();
    keyer.beat(true).unwrap();
    let Watched::Report(Report::Lost(text)) = next(&mut watch) else { panic!("no failure told") };
    assert!(text.contains("/dev/full") && text.contains("No space left"), "{text}");
    assert_eq!(next(&mut watch), Watched::Report(Report::Back));
    drop(keyer);
    assert_eq!(next(&mut watch), Watched::Ended(GuardEnd::Released));
}

/// A fob that can be pulled out: the folder of the log vanishes, with all that it says.
struct Fob {
    log: Log,
    away: PathBuf,
}

impl Fob {
    fn new() -> Self {
        let log = Log::new();
        fs::create_dir(log.0.path().join("fob")).unwrap();
        Self { away: log.0.path().join("away"), log }
    }

    fn folder(&self) -> PathBuf {
        self.log.0.path().join("fob")
    }

    fn ptt(&self) -> Ptt {
        Ptt::Log { path: self.folder().join("ptt.log") }
    }

    fn levels(&self) -> Vec<bool> {
        let text = fs::read_to_string(self.folder().join("ptt.log")).unwrap();
        text.lines().map(|line| line.ends_with(" on")).collect()
    }

    fn pull(&self) {
        fs::rename(self.folder(), &self.away).unwrap();
    }

    fn plug(&self) {
        fs::rename(&self.away, self.folder()).unwrap();
    }
}

/// Beats until a report comes that is none of why the line is still missing.
fn beat_until_told(keyer: &mut GuardKeyer, watch: &mut GuardWatch, wish: bool) -> Report {
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < AMPLE);
        keyer.beat(wish).unwrap();
        match watch.poll(HEARTBEAT) {
            Watched::Report(Report::Missing(_)) | Watched::Nothing => {}
            Watched::Report(report) => return report,
            Watched::Ended(end) => panic!("the guard {end}"),
        }
    }
}

#[test]
fn a_line_pulled_while_keyed_is_released_on_its_return_and_waits_for_a_new_wish() {
    let fob = Fob::new();
    let (mut keyer, mut watch) = guard::spawn(Path::new(PROGRAM), &fob.ptt(), AMPLE).unwrap();
    assert_eq!(beat_until_told(&mut keyer, &mut watch, true), Report::Keyed);
    fob.pull();
    let told = beat_until_told(&mut keyer, &mut watch, true);
    assert!(matches!(&told, Report::Lost(text) if text.contains("ptt.log")), "{told:?}");
    let plugged = epoch();
    fob.plug();
    assert_eq!(beat_until_told(&mut keyer, &mut watch, true), Report::Back);
    let took = epoch() - plugged;
    println!("back {took:.3} s after its return");
    assert!(took < 1.0, "{took}");
    assert_eq!(fob.levels(), [true, false], "released first of all");
    for _ in 0..5 {
        keyer.beat(true).unwrap();
        assert_eq!(watch.poll(HEARTBEAT), Watched::Nothing, "the wish is from before the loss");
    }
    keyer.beat(false).unwrap();
    assert_eq!(beat_until_told(&mut keyer, &mut watch, true), Report::Keyed);
    assert_eq!(fob.levels(), [true, false, true]);
}

#[test]
fn a_line_pulled_while_idle_is_noticed_and_why_it_is_missing_is_told_once() {
    let fob = Fob::new();
    let (mut keyer, mut watch) = guard::spawn(Path::new(PROGRAM), &fob.ptt(), AMPLE).unwrap();
    keyer.beat(false).unwrap();
    fob.pull();
    assert!(matches!(next(&mut watch), Watched::Report(Report::Lost(_))));
    let Watched::Report(Report::Missing(why)) = next(&mut watch) else { panic!("not told why") };
    assert!(why.contains("ptt.log") && why.contains("No such file"), "{why}");
    assert_eq!(watch.poll(Duration::from_millis(600)), Watched::Nothing, "once is enough");
    fob.plug();
    assert_eq!(next(&mut watch), Watched::Report(Report::Back));
    keyer.beat(true).unwrap();
    assert_eq!(next(&mut watch), Watched::Report(Report::Keyed));
}

#[test]
fn a_guard_whose_line_is_gone_ends_with_its_daemon() {
    let fob = Fob::new();
    let (keyer, mut watch) = guard::spawn(Path::new(PROGRAM), &fob.ptt(), AMPLE).unwrap();
    fob.pull();
    assert!(matches!(next(&mut watch), Watched::Report(Report::Lost(_))));
    drop(keyer);
    let end = loop {
        if let Watched::Ended(end) = next(&mut watch) {
            break end;
        }
    };
    assert_eq!(end, GuardEnd::Failed { code: 1 });
}

#[test]
fn a_line_that_cannot_be_opened_is_told_in_the_guards_words() {
    let refused = |ptt| guard::spawn(Path::new(PROGRAM), &ptt, AMPLE).unwrap_err().to_string();
    let text = refused(Ptt::Log { path: "/nowhere/ptt.log".into() });
    assert!(text.contains("/nowhere/ptt.log") && text.contains("No such file"), "{text}");
    let chip = Some("/dev/no-such-chip".to_owned());
    let text = refused(Ptt::Gpio(GpioOut { chip, line: GpioLine::Offset(17), active: Polarity::High }));
    assert!(text.contains("/dev/no-such-chip"), "{text}");
}

#[test]
fn a_program_that_is_no_guard_is_named_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let started = |program: &Path| guard::spawn(program, &Ptt::None, AMPLE).unwrap_err();
    let missing = folder.path().join("gone");
    assert!(matches!(started(&missing), LineError::GuardStart { .. }));
    assert!(matches!(
        started(Path::new("/bin/false")),
        LineError::GuardEnded { end: GuardEnd::Failed { code: 1 } }
    ));
    let silent = folder.path().join("silent");
    fs::write(&silent, "#!/bin/sh\nexec sleep 60\n").unwrap();
    fs::set_permissions(&silent, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(started(&silent), LineError::GuardSilent));
}

/// A guard without the daemon's side: bytes in, lines out.
fn bare(ptt: &Ptt, time_out_ms: u32, reports: Stdio) -> Child {
    let settings = guard::settings::to_json(ptt).unwrap();
    Command::new(PROGRAM)
        .args(["guard", "--ptt", &settings, "--time-out-ms", &time_out_ms.to_string()])
        .stdin(Stdio::piped())
        .stdout(reports)
        .spawn()
        .unwrap()
}

fn all_reports(mut guard: Child) -> String {
    drop(guard.stdin.take());
    let mut text = String::new();
    guard.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(guard.wait().unwrap().success());
    text
}

#[test]
fn the_guards_own_time_out_releases_until_the_daemon_says_unkeyed() {
    let log = Log::new();
    let mut guard = bare(&log.ptt(), 400, Stdio::piped());
    let mut beats = guard.stdin.take().unwrap();
    let started = Instant::now();
    let mut talk_until = |levels: &[bool]| {
        while log.levels() != levels {
            assert!(started.elapsed() < AMPLE);
            beats.write_all(b"K").unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    talk_until(&[true, false]);
    let took = log.changes()[1].0 - log.changes()[0].0;
    assert!((0.39..0.4 + SCHEDULER.as_secs_f64()).contains(&took), "cut after {took} s");
    for _ in 0..20 {
        beats.write_all(b"K").unwrap();
    }
    beats.write_all(b"u").unwrap();
    let mut reports = BufReader::new(guard.stdout.as_mut().unwrap()).lines().map(Result::unwrap);
    assert_eq!(reports.by_ref().take(3).collect::<Vec<_>>(), ["ready", "keyed", "time-out"]);
    assert_eq!(log.levels(), [true, false]);
    beats.write_all(b"uK").unwrap();
    log.wait_for(&[true, false, true]);
    drop(beats);
    assert!(guard.wait().unwrap().success());
    assert_eq!(log.levels(), [true, false, true, false]);
}

#[test]
fn bytes_that_are_no_heartbeats_release_the_line_and_are_told() {
    let log = Log::new();
    let mut guard = bare(&log.ptt(), 60_000, Stdio::piped());
    let beats = guard.stdin.as_mut().unwrap();
    beats.write_all(b"K").unwrap();
    log.wait_for(&[true]);
    beats.write_all(b"\0").unwrap();
    log.wait_for(&[true, false]);
    beats.write_all(&[0xff; 2_000]).unwrap();
    assert!(all_reports(guard).starts_with("ready\nkeyed\ngarbled 0\n"));
    assert_eq!(log.levels(), [true, false]);
}

#[test]
fn a_daemon_that_reads_no_reports_does_not_keep_the_guard_from_its_duty() {
    let log = Log::new();
    let (_unread, full) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).unwrap();
    while rustix::io::write(&full, &[b' '; 4_096]).is_ok() {}
    fcntl_setfl(&full, fcntl_getfl(&full).unwrap() - OFlags::NONBLOCK).unwrap();
    let mut guard = bare(&log.ptt(), 60_000, full.into());
    guard.stdin.as_mut().unwrap().write_all(b"K").unwrap();
    log.wait_for(&[true]);
    log.assert_released_within(HEARTBEAT_LIMIT + SCHEDULER, log.changes()[0].0);
    drop(guard.stdin.take());
    assert!(guard.wait().unwrap().success());
}

#[test]
fn settings_that_the_guard_cannot_read_end_it_at_once() {
    for args in [["--ptt", "{}", "--time-out-ms", "1000"], ["--ptt", "\"none\"", "--time-out-ms", "0"]] {
        let output = Command::new(PROGRAM).arg("guard").args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
}
