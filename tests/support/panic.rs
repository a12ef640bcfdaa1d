//! A panic in one thread of another process, put in by ptrace: the program itself has no hook for that.
//!
//! The thread stops at a breakpoint where a function begins, and goes on in `core::panicking::panic` instead. There the
//! stack is as if the caller had called that: it is the caller that panics, and all of it is unwound.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::process::Command;

use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::daemon::{epoch, until};
use super::freeze::find;

/// What the panic says.
pub(crate) const WORDS: &str = "a fault from outside";

/// The file that it names as its place.
pub(crate) const PLACE: &str = "outside";

/// The breakpoint instruction.
const INT3: u8 = 0xcc;

/// The functions of the gateway: their places in its file, and their mangled names.
pub(crate) struct Functions(Vec<(u64, String)>);

impl Functions {
    /// Reads them. Says so when there are none to read.
    pub(crate) fn of_the_gateway() -> Option<Self> {
        let listed = Command::new("nm").arg(env!("CARGO_BIN_EXE_zello-gateway")).output();
        let text = listed.map(|listed| String::from_utf8(listed.stdout).unwrap()).unwrap_or_default();
        let code = text.lines().filter_map(|line| {
            let [at, "t" | "T", name] = line.split(' ').collect::<Vec<_>>()[..] else { return None };
            Some((u64::from_str_radix(at, 16).unwrap(), name.to_owned()))
        });
        let functions = Self(code.collect());
        if functions.0.is_empty() {
            println!(
                "NOT RUN: to place a panic needs the program's symbols, and nm of binutils to read them"
            );
            return None;
        }
        Some(functions)
    }

    /// The one function whose mangled name has these parts in this order.
    fn find(&self, parts: &[&str]) -> u64 {
        let has_all = |name: &str| {
            let rest = parts.iter().try_fold(name, |rest, part| Some(rest.split_once(part)?.1));
            // A hash may follow, or the crate that uses a generic one; a function within the function is another one.
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("17h") || rest.starts_with('B'))
        };
        let found: Vec<_> = self.0.iter().filter(|(_, name)| has_all(name)).collect();
        let [(at, _)] = found[..] else { panic!("not one function {parts:?}: {found:?}") };
        *at
    }

    /// Lets a thread panic in the caller of the function, which only this thread may call; when that was, seconds since
    /// the epoch.
    pub(crate) async fn panic_at(&self, parts: &[&str], process: u32, name: &str) -> f64 {
        let base = base(process);
        let (at, panic) = (base + self.find(parts), base + self.find(&["4core9panicking5panic"]));
        let thread = Pid::from_raw(i32::try_from(find(process, name)).unwrap());
        // A test that dies must not leave anything stopped.
        ptrace::seize(thread, ptrace::Options::PTRACE_O_EXITKILL).unwrap();
        let memory = OpenOptions::new().read(true).write(true).open(format!("/proc/{thread}/mem")).unwrap();
        let mut first = [0];
        memory.read_exact_at(&mut first, at).unwrap();
        memory.write_all_at(&[INT3], at).unwrap();
        until(
            &format!("{name} at the function {parts:?}"),
            || stopped(thread).then_some(()),
            || format!("thread {thread}"),
        )
        .await;
        memory.write_all_at(&first, at).unwrap();
        let mut registers = ptrace::getregs(thread).unwrap();
        assert_eq!(registers.rip, at + 1);
        registers.rip = panic;
        [registers.rdi, registers.rsi, registers.rdx] = arguments(&memory, base);
        ptrace::setregs(thread, registers).unwrap();
        let since = epoch();
        ptrace::detach(thread, None).unwrap();
        since
    }
}

/// Where the program lies in the memory of a process.
fn base(process: u32) -> u64 {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let first = maps.lines().find(|line| line.ends_with(env!("CARGO_BIN_EXE_zello-gateway"))).unwrap();
    u64::from_str_radix(first.split_once('-').unwrap().0, 16).unwrap()
}

/// Whether the thread has come to its breakpoint.
fn stopped(thread: Pid) -> bool {
    let status = waitpid(thread, Some(WaitPidFlag::WNOHANG | WaitPidFlag::__WALL)).unwrap();
    assert!(matches!(status, WaitStatus::StillAlive | WaitStatus::Stopped(_, Signal::SIGTRAP)), "{status:?}");
    status != WaitStatus::StillAlive
}

/// The arguments of `core::panicking::panic`, a text and a `&Location`. They are written over the header of the program's
/// image, 64 bytes that nothing reads once it runs.
fn arguments(memory: &File, base: u64) -> [u64; 3] {
    const LOCATION: u64 = 24;
    let (place, line_and_column) = (base + LOCATION, 1 | (1 << 32));
    let words = place + PLACE.len() as u64;
    let location = [place, PLACE.len() as u64, line_and_column];
    let bytes = [&location.map(u64::to_le_bytes).concat(), PLACE.as_bytes(), WORDS.as_bytes()].concat();
    assert!(bytes.len() <= 64);
    memory.write_all_at(&bytes, base).unwrap();
    [words, WORDS.len() as u64, base]
}
