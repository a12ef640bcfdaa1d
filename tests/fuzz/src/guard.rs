//! The guard as its process drives it, in virtual time, fed with any bytes on its pipe and with a line that fails: beside
//! it the three promises, written down anew.
//!
//! * Keyed only by a heartbeat that says so, that is not older than 250 ms, and that nothing has contradicted since.
//! * Keyed no longer than the time-out, counted from the first heartbeat of the wish.
//! * Without its daemon, or asked to end: released at once, and the process ends.

use std::time::{Duration, Instant};

use zello_gateway::lines::HEARTBEAT_LIMIT;
use zello_gateway::lines::guard::logic::{Action, Exit, Fact, GIVE_UP, Logic, RETRY, WAKE_MARGIN};
use zello_gateway::lines::guard::process::understand;
use zello_gateway::lines::guard::protocol::{Report, Reports};

use super::input::Input;

pub fn guard(bytes: &[u8]) {
    read_reports(bytes);
    let mut input = Input(bytes);
    let mut world = World::new(&mut input);
    while !input.is_empty() && world.exit.is_none() {
        match input.byte() % 16 {
            0..6 => world.receive(b"K"),
            6..8 => world.receive(b"u"),
            8 => {
                let count = usize::from(input.byte() % 32) + 1;
                world.receive(&vec![b'K'; count]);
            }
            9..11 => {
                // An empty read would be the pipe's end.
                let bytes = input.short();
                world.receive(if bytes.is_empty() { &[0] } else { bytes });
            }
            11 => world.line.sets_failing = input.byte() % 3,
            12 => world.line.checks_failing = input.byte() % 3,
            13 => world.line.opens_failing = input.byte() % 8,
            14 if input.is() => world.end(Fact::PipeClosed),
            15 if input.is() => world.end(Fact::Terminated),
            _ => {}
        }
        let wait = input.time();
        world.pass(wait);
    }
    if world.exit.is_none() {
        world.end(Fact::PipeClosed);
    }
    world.ended();
}

/// The daemon's side: any bytes are reports, however they are cut, and none is longer than the pipe holds in a piece.
fn read_reports(bytes: &[u8]) {
    let whole = Reports::default().take(bytes);
    let mut pieces = Reports::default();
    let cut: Vec<Report> = bytes.chunks(7).flat_map(|piece| pieces.take(piece)).collect();
    assert_eq!(whole, cut);
    for report in whole {
        assert!(report.to_string().len() <= 1_100);
    }
}

/// The line as the guard's process has it.
#[derive(Default)]
struct Line {
    open: bool,
    keyed: bool,
    sets_failing: u8,
    checks_failing: u8,
    opens_failing: u8,
}

impl Line {
    fn fails(count: &mut u8) -> bool {
        let fails = *count > 0;
        *count = count.saturating_sub(1);
        fails
    }
}

/// What the bytes have said so far, for the promises.
#[derive(Default)]
struct Said {
    /// When a valid heartbeat last said "keyed", with nothing else after it.
    key_at: Option<Instant>,
    /// When the wish to be keyed began: its first heartbeat after one that said "not keyed".
    wish_at: Option<Instant>,
    /// The last thing said was "not keyed", to an open line: the next heartbeat must key.
    rests: bool,
}

struct World {
    now: Instant,
    /// The process runs so much later than it wanted to.
    lag: Duration,
    time_out: Duration,
    logic: Logic,
    line: Line,
    said: Said,
    exit: Option<(Exit, Instant)>,
    ended_at: Option<Instant>,
}

impl World {
    fn new(input: &mut Input<'_>) -> Self {
        let now = Instant::now();
        let lag = Duration::from_millis(u64::from(input.byte())).min(WAKE_MARGIN);
        let time_out = Duration::from_millis(300 + 10 * u64::from(input.byte()));
        let line = Line { open: true, ..Line::default() };
        let (logic, said) = (Logic::new(now, time_out), Said { rests: true, ..Said::default() });
        Self { now, lag, time_out, logic, line, said, exit: None, ended_at: None }
    }

    /// One read of the pipe.
    fn receive(&mut self, bytes: &[u8]) {
        if bytes.contains(&b'u') {
            self.said.wish_at = None;
        }
        // Only the newest may key.
        self.said.key_at = bytes.ends_with(b"K").then_some(self.now);
        self.said.wish_at = self.said.wish_at.or(self.said.key_at);
        let must_key = self.said.rests && bytes.iter().all(|byte| *byte == b'K') && !bytes.is_empty();
        let sound = self.line.sets_failing == 0 && self.line.checks_failing == 0;
        self.said.rests = self.line.open && bytes.ends_with(b"u");
        for fact in understand(bytes) {
            self.handle(fact);
        }
        self.handle(Fact::Time);
        assert!(!(must_key && sound) || self.line.keyed, "the first heartbeat of a wish keys");
        self.said.rests &= self.line.open;
    }

    fn end(&mut self, fact: Fact) {
        self.said = Said::default();
        self.ended_at = self.ended_at.or(Some(self.now));
        self.handle(fact);
    }

    /// Time passes; the process wakes, late, for each of its deadlines.
    fn pass(&mut self, wait: Duration) {
        let end = self.now + wait;
        while let Some((at, _)) = self.logic.poll_timeout().filter(|(at, _)| *at + self.lag <= end) {
            assert!(self.exit.is_none());
            self.now = self.now.max(at + self.lag);
            self.check();
            self.handle(Fact::Time);
        }
        self.now = end;
        self.check();
    }

    fn check(&self) {
        if !self.line.keyed {
            return;
        }
        let key_at = self.said.key_at.expect("keyed with no word that says so");
        assert!(self.now - key_at <= HEARTBEAT_LIMIT, "keyed {:?} after the last word", self.now - key_at);
        let wish_at = self.said.wish_at.expect("keyed without a wish");
        assert!(
            self.now - wish_at <= self.time_out + self.lag,
            "keyed {:?} after the wish",
            self.now - wish_at
        );
    }

    /// As the process does with each fact.
    fn handle(&mut self, fact: Fact) {
        if self.exit.is_some() {
            return;
        }
        self.logic.handle(self.now, fact);
        let mut actions = 0;
        while let Some(action) = self.logic.poll() {
            actions += 1;
            assert!(actions < 50, "the guard goes round in circles");
            match action {
                Action::Set { keyed } if self.line.open => {
                    if Line::fails(&mut self.line.sets_failing) {
                        self.fail();
                    } else {
                        self.line.keyed = keyed;
                    }
                }
                Action::Check if self.line.open && Line::fails(&mut self.line.checks_failing) => self.fail(),
                Action::Reopen => self.reopen(),
                Action::Exit(exit) => {
                    self.exit = Some((exit, self.now));
                    return;
                }
                Action::Set { .. } | Action::Check | Action::TellLost | Action::Report(_) => {}
            }
        }
    }

    fn fail(&mut self) {
        self.said.rests = false;
        self.logic.handle(self.now, Fact::LineFailed);
    }

    /// Closing the line releases it, and so does opening.
    fn reopen(&mut self) {
        self.line.keyed = false;
        self.line.open = !Line::fails(&mut self.line.opens_failing);
        let fact = if self.line.open { Fact::Found } else { Fact::Missing };
        self.logic.handle(self.now, fact);
    }

    /// The end comes at once, or as soon as the line lets itself be released, or after its patience.
    fn ended(&mut self) {
        assert!(!self.line.keyed);
        let (exit, at) = loop {
            if let Some(exit) = self.exit {
                break exit;
            }
            let (at, _) = self.logic.poll_timeout().expect("a guard that ends has a deadline");
            self.now = self.now.max(at);
            self.handle(Fact::Time);
            assert!(!self.line.keyed);
        };
        let asked = self.ended_at.expect("asked to end");
        assert!(at - asked <= GIVE_UP + 2 * RETRY + self.lag, "ended after {:?}", at - asked);
        assert_eq!(exit == Exit::Released, self.line.open);
    }
}
