//! One thread of another process, made to stand still as a deadlock would: by ptrace.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::{mono, process};

/// Until the dead thread is looked after, systemd does not hear of its process's end.
const LOOK: Duration = Duration::from_millis(10);

/// A thread that stands still until this is dropped, or its process is killed.
pub(crate) struct Frozen {
    /// Its end is the message.
    thaw: Option<Sender<()>>,
    tracer: Option<JoinHandle<()>>,
    /// When it began to stand still.
    pub(crate) since: Duration,
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.thaw = None;
        if let Some(tracer) = self.tracer.take() {
            drop(tracer.join());
        }
    }
}

impl Frozen {
    /// Stops the thread of this name.
    pub(crate) fn thread(pid: u32, name: &str) -> Result<Self> {
        let tid = Pid::from_raw(i32::try_from(process::thread(pid, name)?)?);
        let (thaw_tx, thaw) = mpsc::channel();
        let (since_tx, since) = mpsc::channel();
        // All that a tracer asks must come from one thread.
        let tracer = std::thread::spawn(move || {
            let seized = seize(tid);
            let stands = seized.is_ok();
            let _waited_for = since_tx.send(seized);
            if stands {
                hold(tid, &thaw);
            }
        });
        let since = since.recv().map_err(|_| anyhow!("the tracer is gone"))?;
        let since = since.with_context(|| format!("cannot stop the thread {name}"))?;
        Ok(Self { thaw: Some(thaw_tx), tracer: Some(tracer), since })
    }
}

fn seize(tid: Pid) -> nix::Result<Duration> {
    ptrace::seize(tid, ptrace::Options::empty())?;
    let at = mono::now();
    ptrace::interrupt(tid)?;
    waitpid(tid, Some(WaitPidFlag::__WALL)).map(|_| at)
}

/// Until somebody thaws the thread, or kills it.
fn hold(tid: Pid, thaw: &Receiver<()>) {
    while thaw.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        match waitpid(tid, Some(WaitPidFlag::__WALL | WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) | Err(_) => return,
            Ok(_) => {}
        }
    }
    let _ended_just_now = ptrace::detach(tid, None);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::tape::until;

    #[test]
    fn a_thread_of_another_process_stands_still_and_goes_on() {
        // Counts on its standard output.
        let mut child = std::process::Command::new("sh")
            .args(["-c", "while echo x; do sleep 0.01; done"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Arc::new(AtomicU64::new(0));
        let (counted, out) = (Arc::clone(&lines), child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for _ in std::io::BufRead::lines(std::io::BufReader::new(out)) {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        let more = |than: u64| {
            until("a line", Duration::from_secs(60), || (lines.load(Ordering::Relaxed) > than).then_some(()))
        };
        more(0).unwrap();
        let frozen = Frozen::thread(child.id(), "sh").unwrap();
        std::thread::sleep(Duration::from_millis(100));
        let stood = lines.load(Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(lines.load(Ordering::Relaxed), stood);
        drop(frozen);
        more(stood).unwrap();
        // One that is killed meanwhile can be reaped.
        let frozen = Frozen::thread(child.id(), "sh").unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        drop(frozen);
    }
}
