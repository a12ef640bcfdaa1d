//! Guards that have outlived their gateway and do not end.
//!
//! A guard whose gateway dies releases the line and goes. One that was frozen together with it does neither: it may hold
//! a GPIO line for ever, and set another kind of line when nobody expects it. Before a line is taken anew, such a guard
//! is let go on, so that it does its duty itself, and killed when it does not.
//!
//! A guard is an orphan only if its command line names the same line and nobody holds the other end of its pipe. So
//! another radio's guard is never touched, nor that of a gateway which lives, however slow that may be.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::settings;
use crate::config::Ptt;

/// An orphan that can run at all has ended within this: the slowest line takes a seventh of it.
const OWN_END: Duration = Duration::from_millis(500);

/// The kernel needs so long to end a process that is killed, unless a driver holds it.
const KILLED: Duration = Duration::from_secs(1);

/// An orphan that was found, and what became of it.
#[derive(Debug)]
pub struct Orphan {
    /// Its process.
    pub id: u32,
    /// What became of it.
    pub fate: Fate,
}

/// What became of an orphan.
#[derive(Debug)]
pub enum Fate {
    /// Let go on, it has ended by itself; it released the line.
    Ended,
    /// It had to be killed.
    Killed,
    /// It is killed and still there: a driver of the kernel holds it.
    Held,
    /// The system did not let us end it.
    Refused(io::Error),
}

/// The words after "the guard of a dead gateway".
impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("stood still; it has gone on and ended"),
            Self::Killed => f.write_str("stood still and is killed"),
            Self::Held => {
                f.write_str("hangs in a driver of the kernel: only a restart of the machine ends it")
            }
            Self::Refused(error) => write!(f, "stands still and cannot be ended: {error}"),
        }
    }
}

/// Ends the orphans of this line: in under two seconds each, and in no time where there are none.
#[must_use]
pub fn end(ptt: &Ptt) -> Vec<Orphan> {
    if *ptt == Ptt::None {
        return Vec::new();
    }
    let orphans = processes().filter_map(|id| {
        let (process, alone) = guard(Pid::from_raw(id)?, ptt)?;
        alone.then(|| Orphan { id: id.unsigned_abs(), fate: end_one(&process) })
    });
    orphans.collect()
}

/// The process of a guard that holds this line for a gateway which lives.
#[must_use]
pub fn holder(ptt: &Ptt) -> Option<u32> {
    if *ptt == Ptt::None {
        return None;
    }
    let held = |id: i32| {
        let found = guard(Pid::from_raw(id)?, ptt).is_some_and(|(_, alone)| !alone);
        found.then_some(id.unsigned_abs())
    };
    processes().find_map(held)
}

/// The numbers of all processes.
fn processes() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The process, if it guards this line, and whether it is an orphan.
fn guard(id: Pid, ptt: &Ptt) -> Option<(OwnedFd, bool)> {
    let folder = PathBuf::from(format!("/proc/{id}"));
    let arguments = fs::read(folder.join("cmdline")).ok()?;
    named_line(&arguments)?;
    // Held before it is judged: the number may pass on to another process, a descriptor does not.
    let process = pidfd_open(id, PidfdFlags::empty()).ok()?;
    let line = named_line(&fs::read(folder.join("cmdline")).ok()?)?;
    let place = fs::read_link(folder.join("cwd")).ok()?;
    let same = is_same(&line, &place, ptt, &env::current_dir().ok()?);
    same.then(|| (process, is_left_alone(&folder.join("fd/0"))))
}

/// The line that a process guards, by its command line; `None` for any other process.
fn named_line(arguments: &[u8]) -> Option<Ptt> {
    let mut arguments = arguments.split(|byte| *byte == 0).skip(1);
    if arguments.next()? != b"guard" || arguments.next()? != b"--ptt" {
        return None;
    }
    settings::from_json(OsStr::from_bytes(arguments.next()?).to_str()?).ok()
}

/// Both mean the same line; a relative path means another file in another folder.
fn is_same(a: &Ptt, a_folder: &Path, b: &Ptt, b_folder: &Path) -> bool {
    match (a, b) {
        (Ptt::Log { path: a }, Ptt::Log { path: b }) => a_folder.join(a) == b_folder.join(b),
        _ => a == b,
    }
}

/// Nobody can write into this pipe any more. Nothing is read from it: what lies there is for its owner.
fn is_left_alone(pipe: &Path) -> bool {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let Ok(pipe) = openat(CWD, pipe, flags, Mode::empty()) else { return false };
    let mut polled = [PollFd::new(&pipe, PollFlags::empty())];
    let seen = poll(&mut polled, Some(&Timespec::default()));
    let [pipe] = polled;
    seen.is_ok() && pipe.revents().contains(PollFlags::HUP)
}

fn end_one(process: &OwnedFd) -> Fate {
    for (signal, limit, fate) in [(Signal::CONT, OWN_END, Fate::Ended), (Signal::KILL, KILLED, Fate::Killed)]
    {
        match pidfd_send_signal(process, signal) {
            Ok(()) if ends_within(process, limit) => return fate,
            Ok(()) => {}
            Err(rustix::io::Errno::SRCH) => return fate,
            Err(error) => return Fate::Refused(error.into()),
        }
    }
    Fate::Held
}

fn ends_within(process: &OwnedFd, limit: Duration) -> bool {
    let limit = Timespec::try_from(limit).unwrap_or_default();
    poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&limit)).is_ok_and(|ready| ready > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(path: &str) -> Ptt {
        Ptt::Log { path: path.into() }
    }

    fn arguments(of: &[&str]) -> Vec<u8> {
        of.iter().flat_map(|argument| [argument.as_bytes(), b"\0"].concat()).collect()
    }

    #[test]
    fn a_guard_is_known_by_its_command_line_and_nothing_else_is_a_guard() {
        let line = settings::to_json(&log("ptt.log")).unwrap();
        let program = "/usr/bin/zello-gateway (deleted)";
        assert_eq!(
            named_line(&arguments(&[program, "guard", "--ptt", &line, "--time-out-ms", "185000"])),
            Some(log("ptt.log"))
        );
        for other in [
            &["zello-gateway", "run", "-c", "gw.toml"][..],
            &["zello-gateway", "ptt", "off", "-c", "gw.toml"],
            &["guard", "--ptt", &line],
            &["grep", "guard", "--ptt"],
            &["grep", "guard", "--ptt", "ptt.log"],
            &["sh", "guard", &line, "--ptt"],
            &[],
        ] {
            assert_eq!(named_line(&arguments(other)), None, "{other:?}");
        }
        assert_eq!(named_line(&[0xff; 40]), None);
    }

    #[test]
    fn the_same_line_is_the_same_file_wherever_it_is_named_from() {
        let hill = Path::new("/hill");
        assert!(is_same(&log("ptt.log"), hill, &log("/hill/ptt.log"), Path::new("/")));
        assert!(!is_same(&log("ptt.log"), hill, &log("ptt.log"), Path::new("/valley")));
        assert!(!is_same(&log("ptt.log"), hill, &Ptt::None, hill));
    }

    #[test]
    fn a_pipe_is_left_alone_when_its_last_writer_is_gone_and_keeps_what_lies_in_it() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let path = PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader)));
        let second = writer.try_clone().unwrap();
        rustix::io::write(&writer, b"KK").unwrap();
        assert!(!is_left_alone(&path));
        drop(writer);
        assert!(!is_left_alone(&path), "one writer is enough");
        drop(second);
        assert!(is_left_alone(&path));
        assert_eq!(rustix::io::ioctl_fionread(&reader), Ok(2));
        assert!(!is_left_alone(Path::new("/dev/null")) && !is_left_alone(Path::new("/no/such/pipe")));
    }
}
