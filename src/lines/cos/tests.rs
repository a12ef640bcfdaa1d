//! The thread's body on a scripted line.

use std::collections::VecDeque;
use std::sync::Arc;

use super::*;
use crate::queue;

/// What a scripted line does at a wait.
enum Step {
    Edge(bool),
    Nothing,
    Lost,
    /// The thread shall stop; nothing happens.
    Stop(Arc<AtomicBool>),
}

struct Script(VecDeque<Step>);

impl CosLine for Script {
    fn wait(&mut self, _limit: Duration) -> Result<Option<CosEdge>, LineError> {
        match self.0.pop_front().expect("the script is long enough") {
            Step::Edge(open) => Ok(Some(CosEdge { open, at: Instant::now() })),
            Step::Nothing => Ok(None),
            Step::Lost => Err(LineError::FifoVanished { path: "cos".into() }),
            Step::Stop(stop) => {
                stop.store(true, Ordering::Relaxed);
                Ok(None)
            }
        }
    }
}

fn line(steps: impl IntoIterator<Item = Step>) -> Box<dyn CosLine> {
    Box::new(Script(steps.into_iter().collect()))
}

#[test]
fn edges_reach_the_engine_with_a_ring_and_the_status() {
    let (edges, mut engine) = queue::channel::<CosEdge, 8>();
    let (bell, status, counters) = (Bell::new().unwrap(), LineStatus::default(), Counters::default());
    let stop = Arc::new(AtomicBool::new(false));
    let outlet = Outlet { edges, engine_bell: &bell, status: &status, counters: &counters };
    let script = line([Step::Edge(false), Step::Nothing, Step::Edge(true), Step::Stop(Arc::clone(&stop))]);
    Watch { outlet, undelivered: None }.run(script, || unreachable!(), &stop);
    let told: Vec<bool> = std::iter::from_fn(|| engine.dequeue()).map(|edge| edge.open).collect();
    assert_eq!(told, [false, true]);
    assert!(bell.take() && status.is_cos_open() && !status.is_cos_lost());
}

#[test]
fn a_lost_line_counts_as_closed_and_is_opened_again() {
    let (edges, mut engine) = queue::channel::<CosEdge, 8>();
    let (bell, status, counters) = (Bell::new().unwrap(), LineStatus::default(), Counters::default());
    let stop = Arc::new(AtomicBool::new(false));
    let outlet = Outlet { edges, engine_bell: &bell, status: &status, counters: &counters };
    let mut opened = 0;
    let open = || {
        opened += 1;
        assert!(status.is_cos_lost() && !status.is_cos_open());
        Ok(line([Step::Edge(true), Step::Stop(Arc::clone(&stop))]))
    };
    Watch { outlet, undelivered: None }.run(line([Step::Edge(true), Step::Lost]), open, &stop);
    let told: Vec<bool> = std::iter::from_fn(|| engine.dequeue()).map(|edge| edge.open).collect();
    assert_eq!(told, [true, false, true]);
    assert_eq!((opened, counters.cos_losses.value()), (1, 1));
    assert!(!status.is_cos_lost() && status.is_cos_open());
}

#[test]
fn a_line_that_stays_lost_does_not_keep_the_thread_from_stopping() {
    let (edges, _engine) = queue::channel::<CosEdge, 8>();
    let (bell, status, counters) = (Bell::new().unwrap(), LineStatus::default(), Counters::default());
    let stop = AtomicBool::new(false);
    let outlet = Outlet { edges, engine_bell: &bell, status: &status, counters: &counters };
    let open = || {
        stop.store(true, Ordering::Relaxed);
        Err(LineError::NoCos)
    };
    Watch { outlet, undelivered: None }.run(line([Step::Lost]), open, &stop);
    assert!(status.is_cos_lost());
}

#[test]
fn a_full_queue_keeps_the_newest_edge_and_counts_the_others() {
    let (edges, mut engine) = queue::channel::<CosEdge, 2>();
    let (bell, status, counters) = (Bell::new().unwrap(), LineStatus::default(), Counters::default());
    let outlet = Outlet { edges, engine_bell: &bell, status: &status, counters: &counters };
    let mut watch = Watch { outlet, undelivered: None };
    for open in [false, true, false, true, false] {
        watch.tell(CosEdge { open, at: Instant::now() });
    }
    assert_eq!(counters.cos_edges_dropped.value(), 3);
    assert!(!engine.dequeue().unwrap().open, "the first got in");
    watch.offer();
    assert!(!engine.dequeue().unwrap().open, "the last follows");
    assert_eq!(engine.dequeue(), None);
}

#[test]
fn settings_without_a_line_have_none_to_open() {
    let vox = config::Vox { threshold_dbfs: -35.0, attack: Duration::ZERO, release: Duration::ZERO };
    for cos in [config::Cos::None, config::Cos::Vox(vox)] {
        assert!(matches!(open_cos(&cos), Err(LineError::NoCos)));
    }
}
