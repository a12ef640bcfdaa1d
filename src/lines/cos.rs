//! The `cos` thread: waits for edges and hands them to the engine; when the line is lost, COS counts as closed and the
//! line is looked for again.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::cm108::HidCos;
use super::fifo::FifoCos;
use super::gpio::GpioCos;
use super::serial::SerialCos;
use super::{CosEdge, CosLine, LineError};
use crate::bell::Bell;
use crate::config;
use crate::counters::Counters;
use crate::queue::Producer;

/// The thread looks so often whether it shall stop.
const LOOK: Duration = Duration::from_millis(100);

/// An edge that the engine did not take is offered again so often.
const OFFER_AGAIN: Duration = Duration::from_millis(10);

/// A lost line is looked for so often: it must be back within 2 s of its device's return, of which the kernel and udev
/// take their part.
const RETRY: Duration = Duration::from_millis(500);

/// What the COS thread knows, for a status; written by the thread alone.
#[derive(Debug, Default)]
pub struct LineStatus {
    cos_open: AtomicBool,
    cos_lost: AtomicBool,
    steps: AtomicU64,
}

impl LineStatus {
    /// The squelch is open.
    #[must_use]
    pub fn is_cos_open(&self) -> bool {
        self.cos_open.load(Ordering::Relaxed)
    }

    /// The COS line is lost and being looked for.
    #[must_use]
    pub fn is_cos_lost(&self) -> bool {
        self.cos_lost.load(Ordering::Relaxed)
    }

    /// Moves while the thread does. A number that stands still for seconds is a thread that hangs.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }
}

/// Opens the line that `cos` names. VOX and "none" have none: the engine does VOX itself.
///
/// # Errors
/// [`LineError`] when the line cannot be had, with the remedy; [`LineError::NoCos`] when there is none to open.
pub fn open_cos(cos: &config::Cos) -> Result<Box<dyn CosLine>, LineError> {
    match cos {
        config::Cos::Gpio(settings) => Ok(Box::new(GpioCos::open(settings)?)),
        config::Cos::Cm108(settings) => Ok(Box::new(HidCos::open(settings)?)),
        config::Cos::Serial(settings) => Ok(Box::new(SerialCos::open(settings)?)),
        config::Cos::Fifo { path } => Ok(Box::new(FifoCos::open(path)?)),
        config::Cos::Vox(_) | config::Cos::None => Err(LineError::NoCos),
    }
}

/// Where the thread brings its edges, and what it counts and tells.
pub struct Outlet<'a> {
    /// To the engine.
    pub edges: Producer<'static, CosEdge>,
    /// Wakes the engine.
    pub engine_bell: &'a Bell,
    /// For the status.
    pub status: &'a LineStatus,
    /// Counts dropped edges and lost lines.
    pub counters: &'a Counters,
}

/// The body of the `cos` thread, with the line that [`open_cos`] opened at start-up; returns when `stop` is set.
pub fn run_cos(cos: &config::Cos, line: Box<dyn CosLine>, outlet: Outlet<'_>, stop: &AtomicBool) {
    Watch { outlet, undelivered: None }.run(line, || open_cos(cos), stop);
}

struct Watch<'a> {
    outlet: Outlet<'a>,
    /// The newest edge, while the engine's queue is full: a closing must never be lost for good.
    undelivered: Option<CosEdge>,
}

impl Watch<'_> {
    fn run(
        mut self,
        mut line: Box<dyn CosLine>,
        mut open: impl FnMut() -> Result<Box<dyn CosLine>, LineError>,
        stop: &AtomicBool,
    ) {
        loop {
            let Some(error) = self.serve(&mut *line, stop) else { return };
            self.lose(&error);
            // The lost one goes first: it may hold what its successor needs.
            drop(line);
            let Some(found) = self.find(&mut open, stop) else { return };
            tracing::info!("COS is back");
            self.outlet.status.cos_lost.store(false, Ordering::Relaxed);
            line = found;
        }
    }

    /// Brings edges until the line is lost; `None`: shall stop.
    fn serve(&mut self, line: &mut dyn CosLine, stop: &AtomicBool) -> Option<LineError> {
        while !stop.load(Ordering::Relaxed) {
            self.outlet.status.step();
            let limit = if self.undelivered.is_some() { OFFER_AGAIN } else { LOOK };
            match line.wait(limit) {
                Ok(Some(edge)) => self.tell(edge),
                Ok(None) => self.offer(),
                Err(error) => return Some(error),
            }
        }
        None
    }

    fn lose(&mut self, error: &LineError) {
        tracing::warn!(%error, "COS is lost and counts as closed; it is looked for twice a second");
        self.outlet.counters.cos_losses.add_one();
        self.outlet.status.cos_lost.store(true, Ordering::Relaxed);
        self.tell(CosEdge { open: false, at: Instant::now() });
    }

    /// Opens the line again, however long it takes; `None`: shall stop.
    fn find(
        &mut self,
        open: &mut impl FnMut() -> Result<Box<dyn CosLine>, LineError>,
        stop: &AtomicBool,
    ) -> Option<Box<dyn CosLine>> {
        loop {
            // One is tried at once: a removed pipe can be made anew right away.
            if let Ok(line) = open() {
                return Some(line);
            }
            let next = Instant::now() + RETRY;
            while Instant::now() < next {
                if stop.load(Ordering::Relaxed) {
                    return None;
                }
                self.outlet.status.step();
                self.offer();
                std::thread::sleep(LOOK);
            }
        }
    }

    fn tell(&mut self, edge: CosEdge) {
        self.outlet.status.cos_open.store(edge.open, Ordering::Relaxed);
        if self.undelivered.replace(edge).is_some() {
            self.outlet.counters.cos_edges_dropped.add_one();
        }
        self.offer();
    }

    fn offer(&mut self) {
        if let Some(edge) = self.undelivered.take() {
            match self.outlet.edges.enqueue(edge) {
                Ok(()) => self.outlet.engine_bell.ring(),
                Err(edge) => self.undelivered = Some(edge),
            }
        }
    }
}

#[cfg(test)]
mod tests;
