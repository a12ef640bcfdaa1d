//! Named threads that are watched together: whichever ends first is told, with its name and how it ended.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// How a thread ended.
#[derive(Debug)]
pub(super) struct Ending {
    /// Which thread.
    pub(super) name: &'static str,
    /// Why; `Ok` when it was asked to.
    pub(super) result: Result<(), String>,
}

/// All threads of a gateway.
pub(super) struct Threads {
    endings_tx: Sender<Ending>,
    endings: Receiver<Ending>,
    running: Vec<(&'static str, JoinHandle<()>)>,
}

impl Threads {
    pub(super) fn new() -> Self {
        let (endings_tx, endings) = channel();
        Self { endings_tx, endings, running: Vec::new() }
    }

    /// Starts a thread. A panic in it is an ending like any other, with the panic's words.
    ///
    /// # Errors
    /// The system's refusal to start a thread.
    pub(super) fn spawn(
        &mut self,
        name: &'static str,
        body: impl FnOnce() -> Result<(), String> + Send + 'static,
    ) -> std::io::Result<()> {
        self.spawn_owning(name, (), move |()| body())
    }

    /// As [`spawn`](Self::spawn); what the thread owns goes after its ending is told. So another thread that ends for want
    /// of it ends later, and is not taken for the cause.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn).
    pub(super) fn spawn_owning<T: Send + 'static>(
        &mut self,
        name: &'static str,
        mut owned: T,
        body: impl FnOnce(&mut T) -> Result<(), String> + Send + 'static,
    ) -> std::io::Result<()> {
        let endings = self.endings_tx.clone();
        let handle = Builder::new().name(name.to_owned()).spawn(move || {
            let result = caught(|| body(&mut owned)).unwrap_or_else(Err);
            // The watcher may be gone already when the process ends.
            let _watcher_gone = endings.send(Ending { name, result });
            drop(owned);
        })?;
        self.running.push((name, handle));
        Ok(())
    }

    /// Waits for the next ending, at most `limit`.
    pub(super) fn next_ending(&self, limit: Duration) -> Option<Ending> {
        self.endings.recv_timeout(limit).ok()
    }

    /// Waits until the named thread has ended, at most `limit`; false when it has not.
    pub(super) fn join(&mut self, name: &str, limit: Duration) -> bool {
        let Some(at) = self.running.iter().position(|(running, _)| *running == name) else { return true };
        let until = Instant::now() + limit;
        while self.running.get(at).is_some_and(|(_, handle)| !handle.is_finished()) {
            let Some(left) = until.checked_duration_since(Instant::now()) else { return false };
            // Any ending may be the one; the name is checked above.
            let _other = self.next_ending(left.min(Duration::from_millis(20)));
        }
        let (_, handle) = self.running.swap_remove(at);
        handle.join().is_ok()
    }
}

/// What `body` comes to, or how it panicked.
pub(super) fn caught<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|panic| words(&*panic))
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without words"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn the_first_thread_to_end_is_told_by_name() {
        let mut threads = Threads::new();
        let (stay_tx, stay) = channel::<()>();
        threads.spawn("stays", move || stay.recv().map_err(|gone| gone.to_string())).unwrap();
        threads.spawn("goes", || Err("the cable was pulled".to_owned())).unwrap();
        let ending = threads.next_ending(LONG).unwrap();
        assert_eq!((ending.name, ending.result), ("goes", Err("the cable was pulled".to_owned())));
        stay_tx.send(()).unwrap();
        assert!(threads.join("stays", LONG));
        assert!(threads.join("goes", LONG));
    }

    #[test]
    fn a_panic_is_an_ending_with_its_words() {
        let mut threads = Threads::new();
        threads.spawn("falls", || panic!("over its feet")).unwrap();
        assert_eq!(threads.next_ending(LONG).unwrap().result, Err("panicked: over its feet".to_owned()));
    }

    #[test]
    fn an_ending_is_told_before_those_that_it_causes() {
        for _ in 0..100 {
            let mut threads = Threads::new();
            let (held_tx, held) = channel::<()>();
            threads.spawn("led", move || held.recv().map_err(|gone| gone.to_string())).unwrap();
            threads.spawn_owning("leads", held_tx, |_held| panic!("over its feet")).unwrap();
            let order = [(); 2].map(|()| threads.next_ending(LONG).unwrap().name);
            assert_eq!(order, ["leads", "led"]);
        }
    }
}
