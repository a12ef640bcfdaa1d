//! What `/proc` tells of a process: memory, processor time, scheduling class of its threads.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;

/// Resident memory, KiB.
pub(crate) fn resident_kib(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    field(&status, "VmRSS:").with_context(|| format!("process {pid} has no VmRSS"))
}

fn field(status: &str, name: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Whether a process has a handler of its own for a signal.
pub(crate) fn is_caught(pid: u32, signal: Signal) -> Result<bool> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).context("no SigCgt")?;
    let mask = u64::from_str_radix(mask.trim(), 16)?;
    Ok(mask & (1 << (signal.as_raw() - 1)) != 0)
}

/// Processor time so far, of all threads.
pub(crate) fn cpu(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks = ticks(&stat).with_context(|| format!("/proc/{pid}/stat is not understood"))?;
    // USER_HZ is 100 on every Linux that runs on ARM.
    Ok(Duration::from_millis(ticks * 10))
}

/// User and system time in `/proc/PID/stat`.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Scheduling class and real-time priority of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class {
    /// 0: ordinary, 1: `SCHED_FIFO`.
    pub(crate) policy: u32,
    /// 1 to 99; 0 outside of the real-time class.
    pub(crate) priority: u32,
}

impl Class {
    pub(crate) fn is_fifo(self) -> bool {
        self.policy == 1 && self.priority > 0
    }
}

/// The number of the thread of this name; the main thread has the program's.
pub(crate) fn thread(pid: u32, name: &str) -> Result<u32> {
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?;
        // A thread may have ended since it was listed.
        let comm = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        if comm.trim() == name {
            return task
                .file_name()
                .to_str()
                .and_then(|tid| tid.parse().ok())
                .context("no number of a thread");
        }
    }
    bail!("process {pid} has no thread {name}")
}

/// How many threads and open files a process has.
pub(crate) fn threads_and_files(pid: u32) -> Result<(usize, usize)> {
    let count = |folder: &str| anyhow::Ok(fs::read_dir(format!("/proc/{pid}/{folder}"))?.count());
    Ok((count("task")?, count("fd")?))
}

/// The classes of a process's threads, by name.
pub(crate) fn classes(pid: u32) -> Result<BTreeMap<String, Class>> {
    let mut classes = BTreeMap::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let folder = task?.path();
        let read = |file: &str| fs::read_to_string(folder.join(file));
        // A thread may have ended since it was listed.
        let (Ok(name), Ok(stat)) = (read("comm"), read("stat")) else { continue };
        let name = name.trim().to_owned();
        classes.insert(name, class(&stat).context("/proc/PID/task/TID/stat is not understood")?);
    }
    Ok(classes)
}

/// Fields 40 and 41 of `stat`.
fn class(stat: &str) -> Option<Class> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(37);
    let priority = fields.next()?.parse().ok()?;
    let policy = fields.next()?.parse().ok()?;
    Some(Class { policy, priority })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields 3 to 52 after the name, as proc(5) counts them.
    const STAT: &str = "345 (audio-in) S 1 345 345 0 -1 4194368 100 0 0 0 250 50 0 0 -71 0 6 0 1200 90000000 1500 \
                        18446744073709551615 1 1 0 0 0 0 0 4096 17664 0 0 0 -1 1 70 1 0 0 0 0 0 0 0 0 0 0 0";

    #[test]
    fn time_and_class_are_found_behind_the_name() {
        assert_eq!(ticks(STAT), Some(300));
        assert_eq!(class(STAT), Some(Class { policy: 1, priority: 70 }));
        assert!(class(STAT).is_some_and(Class::is_fifo));
        assert_eq!(class("1 (x) S"), None);
    }

    #[test]
    fn memory_is_read_from_its_line() {
        assert_eq!(field("VmPeak:\t  9000 kB\nVmRSS:\t  7812 kB\n", "VmRSS:"), Some(7_812));
        assert_eq!(field("VmPeak:\t  9000 kB\n", "VmRSS:"), None);
    }

    #[test]
    fn this_process_can_be_read() {
        let pid = std::process::id();
        assert!(resident_kib(pid).is_ok_and(|kib| kib > 0));
        assert!(cpu(pid).is_ok());
        assert!(classes(pid).is_ok_and(|classes| !classes.is_empty()));
    }
}
