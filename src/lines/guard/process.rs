//! The guard process: opens the line, listens to heartbeats, does what [`Logic`] says. One thread, nothing else.
//!
//! It never waits for anything but its next heartbeat or deadline: a report that the daemon does not read is dropped, and
//! nothing is logged, because a full log pipe must not keep the line keyed.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::logic::{Action, Deadline, Exit, Fact, Logic};
use super::protocol::{Beat, Report};
use crate::lines::{LineError, PttLine};
use crate::realtime;

/// Of the guard: above the audio and engine threads, for one of those in an endless loop must not keep the guard from
/// unkeying. It runs for microseconds.
const PRIORITY: u8 = realtime::AUDIO_PRIORITY + 5;

/// Runs the guard until it is asked to end: `open` opens the line, released; again each time that the line is lost.
///
/// Heartbeats come on standard input, reports go to standard output. With `tells_levels` a change of the line is followed
/// by the level that it then has by itself, where that can be read.
///
/// # Errors
/// The exit code for a failure, after its report.
pub fn run(
    open: impl Fn() -> Result<Box<dyn PttLine>, LineError>,
    time_out: Duration,
    tells_levels: bool,
) -> Result<(), GuardFailed> {
    report_panics();
    // A terminal's Ctrl-C and hang-up go to the daemon, which ends the guard in its own good time.
    let _already_a_leader = rustix::process::setsid();
    let signals = Signals::new().map_err(|error| fail(&error.to_string()))?;
    // Refused, the guard does its duty as an ordinary process; the daemon says so of its own threads.
    let _ordinary = realtime::request(PRIORITY);
    let line = open().map_err(|error| fail(&error.to_string()))?;
    report(&Report::Ready);
    let logic = Logic::new(Instant::now(), time_out);
    let (why, missing) = (String::new(), Missing::default());
    Guard { open, line: Some(Held(line)), logic, signals, why, missing, tells_levels }.watch()
}

/// The guard ends because something failed; the daemon has been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardFailed;

fn fail(text: &str) -> GuardFailed {
    report(&Report::Failed(text.to_owned()));
    GuardFailed
}

/// A line that is released when its owner goes, also by a panic.
struct Held(Box<dyn PttLine>);

impl Drop for Held {
    fn drop(&mut self) {
        // The last thing this process can do for the people on the channel; no one is left to tell.
        drop(self.0.set(false));
    }
}

struct Guard<F> {
    open: F,
    /// `None`: lost.
    line: Option<Held>,
    logic: Logic,
    signals: Signals,
    /// How the line failed.
    why: String,
    missing: Missing,
    tells_levels: bool,
}

impl<F: Fn() -> Result<Box<dyn PttLine>, LineError>> Guard<F> {
    fn watch(mut self) -> Result<(), GuardFailed> {
        let stdin = io::stdin();
        loop {
            let heard = match self.logic.poll_timeout() {
                None => listen(stdin.as_fd(), self.signals.asked.as_fd(), None),
                Some((at, Deadline::Silence | Deadline::TimeOut | Deadline::Check | Deadline::Look)) => {
                    listen(stdin.as_fd(), self.signals.asked.as_fd(), Some(until(at)))
                }
                // Nothing that could be heard matters any more, and a closed pipe would wake the guard without end.
                Some((at, Deadline::Retry)) => {
                    std::thread::sleep(until(at));
                    heapless::Vec::new()
                }
            };
            for fact in heard.into_iter().chain([Fact::Time]) {
                match self.handle(fact) {
                    Some(Exit::Released) => return Ok(()),
                    Some(Exit::LineFailed) => return Err(GuardFailed),
                    None => {}
                }
            }
        }
    }

    /// Hands a fact to the logic and does what follows.
    fn handle(&mut self, fact: Fact) -> Option<Exit> {
        self.logic.handle(Instant::now(), fact);
        while let Some(action) = self.logic.poll() {
            match action {
                Action::Set { keyed } => self.try_line(|line| line.set(keyed)),
                Action::Check => self.try_line(|line| line.check()),
                Action::TellLost => report(&Report::Lost(std::mem::take(&mut self.why))),
                Action::Reopen => self.reopen(),
                Action::Report(text) => {
                    report(&text);
                    self.tell_level(&text);
                }
                Action::Exit(exit) => return Some(exit),
            }
        }
        None
    }

    fn tell_level(&self, after: &Report) {
        let changed = matches!(after, Report::Keyed | Report::Unkeyed | Report::Silent | Report::TimeOut);
        let level =
            self.line.as_ref().filter(|_| self.tells_levels && changed).and_then(|Held(line)| line.level());
        if let Some(keyed) = level {
            report(&Report::Reads { keyed });
        }
    }

    fn try_line(&mut self, what: impl FnOnce(&mut dyn PttLine) -> Result<(), LineError>) {
        let Some(Held(line)) = &mut self.line else { return };
        if let Err(error) = what(&mut **line) {
            self.why = error.to_string();
            self.logic.handle(Instant::now(), Fact::LineFailed);
        }
    }

    fn reopen(&mut self) {
        // What is still open is released by its end, if anything can.
        self.line = None;
        let fact = match (self.open)() {
            Ok(line) => {
                self.line = Some(Held(line));
                self.missing = Missing::default();
                Fact::Found
            }
            Err(error) => {
                if let Some(text) = self.missing.tell(error.to_string()) {
                    report(&Report::Missing(text));
                }
                Fact::Missing
            }
        };
        self.logic.handle(Instant::now(), fact);
    }
}

/// Why a lost line cannot be opened: each reason is told once, and none that passes at once (udev sets the rights of a
/// device a moment after it appeared).
#[derive(Debug, Default)]
struct Missing {
    last: String,
    told: String,
}

impl Missing {
    fn tell(&mut self, why: String) -> Option<String> {
        let lasts = self.last == why;
        self.last = why;
        (lasts && self.told != self.last).then(|| {
            self.told.clone_from(&self.last);
            self.told.clone()
        })
    }
}

fn until(at: Instant) -> Duration {
    at.saturating_duration_since(Instant::now())
}

/// Waits for a heartbeat, a signal or the time to wake; tells what came.
fn listen(beats: BorrowedFd<'_>, signals: BorrowedFd<'_>, wake: Option<Duration>) -> heapless::Vec<Fact, 2> {
    let mut polled =
        [PollFd::from_borrowed_fd(beats, PollFlags::IN), PollFd::from_borrowed_fd(signals, PollFlags::IN)];
    let wake = wake.and_then(|wake| Timespec::try_from(wake).ok());
    match poll(&mut polled, wake.as_ref()) {
        Ok(_) => {}
        Err(Errno::INTR) => return heapless::Vec::new(),
        // Without poll the guard is deaf: as good as a closed pipe.
        Err(_) => return heapless::Vec::from_iter([Fact::PipeClosed]),
    }
    let [beat, signal] = polled.map(|fd| !fd.revents().is_empty());
    let mut heard = heapless::Vec::new();
    if signal {
        let _room_for_two = heard.push(Fact::Terminated);
    } else if beat {
        let mut buffer = [0; 256];
        match rustix::io::read(beats, &mut buffer) {
            Ok(length) => heard = understand(buffer.get(..length).unwrap_or_default()),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => heard = heapless::Vec::from_iter([Fact::PipeClosed]),
        }
    }
    heard
}

/// What one read from the pipe says. Of several heartbeats only the newest may key, for older wishes may be stale; but
/// none that unkeys is overlooked.
pub fn understand(bytes: &[u8]) -> heapless::Vec<Fact, 2> {
    let Some((newest, older)) = bytes.split_last() else {
        return heapless::Vec::from_iter([Fact::PipeClosed]);
    };
    let unkeys = older.iter().rev().map(|byte| Beat::from_byte(*byte)).find(|beat| *beat != Beat::Key);
    unkeys.into_iter().chain([Beat::from_byte(*newest)]).map(Fact::Beat).collect()
}

/// Writes a report if the pipe has room; the daemon's troubles must not become the guard's.
fn report(report: &Report) {
    let stdout = io::stdout();
    let room = poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], Some(&Timespec::default()));
    if room.is_ok_and(|ready| ready > 0) {
        let _reader_gone = rustix::io::write(&stdout, format!("{report}\n").as_bytes());
    }
}

/// A panic is reported like any failure; the line is then released by its owner's end.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        report(&Report::Failed(format!("the guard itself broke: {panic}")));
    }));
}

/// Signals that ask the guard to end.
struct Signals {
    asked: UnixStream,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let (asked, ask) = UnixStream::pair()?;
        signal_hook::low_level::pipe::register(SIGTERM, ask.try_clone()?)?;
        signal_hook::low_level::pipe::register(SIGHUP, ask)?;
        for ignored in [SIGINT, SIGQUIT] {
            signal_hook::flag::register(ignored, Arc::new(AtomicBool::new(false)))?;
        }
        Ok(Self { asked })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(bytes: &[u8]) -> Vec<Fact> {
        understand(bytes).to_vec()
    }

    #[test]
    fn of_several_heartbeats_only_the_newest_may_key() {
        assert_eq!(facts(b"K"), [Fact::Beat(Beat::Key)]);
        assert_eq!(facts(b"KKKK"), [Fact::Beat(Beat::Key)]);
        assert_eq!(facts(b"KKKu"), [Fact::Beat(Beat::Unkey)]);
    }

    #[test]
    fn no_heartbeat_that_unkeys_is_overlooked() {
        assert_eq!(facts(b"KuK"), [Fact::Beat(Beat::Unkey), Fact::Beat(Beat::Key)]);
        assert_eq!(facts(b"u?KK"), [Fact::Beat(Beat::Garbled(b'?')), Fact::Beat(Beat::Key)]);
    }

    #[test]
    fn why_a_line_is_missing_is_told_once_and_only_if_it_lasts() {
        let mut missing = Missing::default();
        let mut tell = |why: &str| missing.tell(why.to_owned());
        let told: Vec<Option<String>> =
            ["gone", "gone", "gone", "no right", "gone", "no right", "no right"].map(&mut tell).into();
        let expected = [None, Some("gone"), None, None, None, None, Some("no right")];
        assert_eq!(told, expected.map(|text| text.map(str::to_owned)));
    }

    #[test]
    fn a_read_of_nothing_is_a_closed_pipe() {
        assert_eq!(facts(b""), [Fact::PipeClosed]);
    }
}
