//! The loop on a faked line, in virtual time.

use std::collections::VecDeque;
use std::io;

use super::*;

/// A line whose edges are a script. Waiting moves its clock.
struct Script {
    start: Instant,
    now: Instant,
    /// Edges that the kernel tells: after the start, level.
    edges: VecDeque<(u64, bool)>,
    /// Edges that the kernel lost.
    untold: Vec<(u64, bool)>,
    all: Vec<(u64, bool)>,
    gone_at: Option<u64>,
}

impl Script {
    fn new(edges: &[(u64, bool)]) -> Self {
        let start = Instant::now();
        Self {
            start,
            now: start,
            edges: edges.iter().copied().collect(),
            untold: Vec::new(),
            all: edges.to_vec(),
            gone_at: None,
        }
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }
}

impl Input for Script {
    fn now(&self) -> Instant {
        self.now
    }

    fn level(&mut self) -> Result<bool, LineError> {
        let mut passed: Vec<(u64, bool)> = self.all.iter().chain(&self.untold).copied().collect();
        passed.sort_by_key(|(ms, _)| *ms);
        Ok(passed.iter().rev().find(|(ms, _)| self.at(*ms) <= self.now).is_some_and(|(_, open)| *open))
    }

    fn edge(&mut self, limit: Duration) -> Result<Option<(bool, Instant)>, LineError> {
        let end = self.now + limit;
        if self.gone_at.is_some_and(|ms| self.at(ms) <= end) {
            return Err(LineError::Lost { what: "COS".to_owned(), source: io::ErrorKind::BrokenPipe.into() });
        }
        let Some((ms, open)) = self.edges.front().copied().filter(|(ms, _)| self.at(*ms) <= end) else {
            self.now = end;
            return Ok(None);
        };
        self.edges.pop_front();
        self.now = self.now.max(self.at(ms));
        Ok(Some((open, self.at(ms))))
    }
}

fn line(script: Script) -> Debounced<Script> {
    Debounced::new(script, Duration::from_millis(20))
}

/// Everything that is told in the first second, in milliseconds after the start.
fn told(line: &mut Debounced<Script>) -> Vec<(u128, bool)> {
    let start = line.input.start;
    let mut told = Vec::new();
    while line.input.now < start + Duration::from_secs(1) {
        let edge = line.wait(Duration::from_millis(100)).unwrap();
        told.extend(edge.map(|edge| ((edge.at - start).as_millis(), edge.open)));
    }
    told
}

#[test]
fn the_first_wait_tells_the_state_at_once() {
    for open in [true, false] {
        let mut line = line(Script::new(&[(0, open)]));
        let first = line.wait(Duration::from_secs(60)).unwrap();
        assert_eq!(first, Some(CosEdge { open, at: line.input.start }));
    }
}

#[test]
fn chatter_at_the_opening_gives_one_change() {
    let mut line =
        line(Script::new(&[(100, true), (103, false), (109, true), (111, false), (114, true), (500, false)]));
    assert_eq!(told(&mut line), [(0, false), (134, true), (520, false)]);
}

#[test]
fn a_wait_ends_at_its_limit_and_forgets_no_change_under_way() {
    let mut line = line(Script::new(&[(95, true)]));
    let _first = line.wait(Duration::ZERO).unwrap();
    assert_eq!(line.wait(Duration::from_millis(100)).unwrap(), None);
    assert_eq!(line.input.now, line.input.at(100));
    let opened = CosEdge { open: true, at: line.input.at(115) };
    assert_eq!(line.wait(Duration::from_millis(100)).unwrap(), Some(opened));
}

#[test]
fn a_closing_edge_that_the_kernel_lost_is_noticed_on_the_line_itself() {
    let mut script = Script::new(&[(100, true)]);
    script.untold.push((300, false));
    let told = told(&mut line(script));
    assert_eq!(told[..2], [(0, false), (120, true)]);
    assert!(matches!(told[2..], [(300..=450, false)]), "{told:?}");
}

#[test]
fn an_opening_whose_closing_was_lost_within_the_debounce_time_is_not_told() {
    let mut script = Script::new(&[(100, true)]);
    script.untold.push((110, false));
    assert_eq!(told(&mut line(script)), [(0, false)]);
}

#[test]
fn a_line_that_vanishes_is_an_error_with_its_name() {
    let mut script = Script::new(&[]);
    script.gone_at = Some(50);
    let mut line = line(script);
    let _first = line.wait(Duration::ZERO).unwrap();
    let text = line.wait(Duration::from_secs(1)).unwrap_err().to_string();
    assert!(text.contains("COS is lost"), "{text}");
}
