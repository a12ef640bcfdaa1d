//! COS by a named pipe, through the thread that serves it: from a writer's line to the engine's queue and back from a loss.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail as the test does: by panicking")]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use zello_gateway::bell::Bell;
use zello_gateway::config::Cos;
use zello_gateway::counters::Counters;
use zello_gateway::lines::cos::{LineStatus, Outlet, run_cos};
use zello_gateway::lines::{CosEdge, open_cos};
use zello_gateway::queue::{self, Consumer};

/// More than any machine needs for anything here.
const AMPLE: Duration = Duration::from_secs(20);

fn write(path: &Path, text: &str) {
    OpenOptions::new().write(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// The next level that the engine gets.
fn level(engine: &mut Consumer<'static, CosEdge>, bell: &Bell) -> bool {
    let started = Instant::now();
    loop {
        if let Some(edge) = engine.dequeue() {
            return edge.open;
        }
        assert!(started.elapsed() < AMPLE);
        let _rung = bell.wait(AMPLE);
    }
}

#[test]
fn a_pipe_that_vanishes_while_open_closes_cos_and_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cos");
    let cos = Cos::Fifo { path: path.clone() };
    let line = open_cos(&cos).unwrap();
    let (edges, mut engine) = queue::channel::<CosEdge, 16>();
    let (bell, status, counters, stop) =
        (Bell::new().unwrap(), LineStatus::default(), Counters::default(), AtomicBool::new(false));
    std::thread::scope(|threads| {
        let outlet = Outlet { edges, engine_bell: &bell, status: &status, counters: &counters };
        threads.spawn(|| run_cos(&cos, line, outlet, &stop));
        assert!(!level(&mut engine, &bell));
        write(&path, "on\n");
        assert!(level(&mut engine, &bell));

        fs::rename(&path, path.with_extension("gone")).unwrap();
        assert!(!level(&mut engine, &bell), "lost counts as closed");
        assert!(!level(&mut engine, &bell), "the new one tells its state");
        write(&path, "on\n");
        assert!(level(&mut engine, &bell));
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!((counters.cos_losses.value(), counters.cos_edges_dropped.value()), (1, 0));
    assert!(status.is_cos_open() && !status.is_cos_lost());
}
