//! One thread of another process stands still, by ptrace: the program itself has no hook for that.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot prepare itself has failed")]

use std::fs;

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// Whether this test may freeze a gateway, which hides from its own user: only root may. Says so where it may not.
pub(crate) fn may_freeze_a_gateway() -> bool {
    const SYS_PTRACE: u64 = 1 << 19;
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let rights = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    let may = u64::from_str_radix(rights.trim(), 16).unwrap() & SYS_PTRACE != 0;
    if !may {
        println!("NOT RUN: to freeze a thread of a gateway needs root (CAP_SYS_PTRACE)");
    }
    may
}

/// A thread that stands still until this value goes. It must stay in the thread that made it.
pub(crate) struct Frozen(Pid);

impl Frozen {
    /// Freezes the thread `name` of a process.
    pub(crate) fn thread(process: u32, name: &str) -> Self {
        let thread = Pid::from_raw(i32::try_from(find(process, name)).unwrap());
        // A test that dies must not leave anything frozen.
        ptrace::seize(thread, ptrace::Options::PTRACE_O_EXITKILL).unwrap();
        ptrace::interrupt(thread).unwrap();
        let stopped = waitpid(thread, Some(WaitPidFlag::__WALL)).unwrap();
        assert!(matches!(stopped, WaitStatus::PtraceEvent(..)), "{stopped:?}");
        Self(thread)
    }

    /// The process has ended, and this thread with it. Before that is known, nobody can wait for the process.
    pub(crate) fn has_ended(&self) -> bool {
        match waitpid(self.0, Some(WaitPidFlag::WNOHANG | WaitPidFlag::__WALL)) {
            Ok(WaitStatus::StillAlive | WaitStatus::PtraceEvent(..)) => false,
            Ok(_) | Err(Errno::ECHILD) => true,
            Err(error) => panic!("waiting for a frozen thread: {error}"),
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        if ptrace::detach(self.0, None).is_err() {
            // Killed just now, or gone.
            let _status = waitpid(self.0, Some(WaitPidFlag::__WALL));
        }
    }
}

/// How often a thread has waited for something.
pub(crate) fn waits(process: u32, name: &str) -> u64 {
    let thread = find(process, name);
    let status = fs::read_to_string(format!("/proc/{process}/task/{thread}/status")).unwrap();
    let waits = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    waits.trim().parse().unwrap()
}

/// The thread `name` of a process; `"main"` is its first.
pub(crate) fn find(process: u32, name: &str) -> u32 {
    if name == "main" {
        return process;
    }
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let named = |path: &std::path::Path| {
        fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.trim_end() == name)
    };
    let found = threads.flatten().find(|entry| named(&entry.path()));
    let found = found.unwrap_or_else(|| panic!("process {process} has no thread {name:?}"));
    found.file_name().to_str().unwrap().parse().unwrap()
}
