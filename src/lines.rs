//! PTT and COS: the lines to the radio, and the guard that owns PTT.

use std::time::{Duration, Instant};

/// The line that keys the transmitter. Only the guard process holds one.
pub trait PttLine {
    /// Keys or unkeys.
    ///
    /// # Errors
    /// [`LineError`] when the line did not take the level.
    fn set(&mut self, keyed: bool) -> Result<(), LineError>;
}

/// The line that tells that the radio hears somebody, debounced.
pub trait CosLine: Send {
    /// Waits at most `limit` for the next change; `None` when there was none. The first call tells the state at once.
    ///
    /// # Errors
    /// [`LineError`] when the line is lost; it must then be opened anew.
    fn wait(&mut self, limit: Duration) -> Result<Option<CosEdge>, LineError>;
}

/// A change of COS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CosEdge {
    /// The squelch is open: the radio hears somebody.
    pub open: bool,
    /// When, by the kernel's clock where the driver tells.
    pub at: Instant,
}

/// What is wrong with a line; each kind has its remedy.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Placeholder until the shells are built.
    #[error("{0}")]
    Other(String),
}

/// The engine's hold on the transmitter: a heartbeat that carries the wish. The real one writes to the guard's pipe.
pub trait Keyer: Send {
    /// Tells the guard "keyed" or "not keyed"; to be repeated at least every [`HEARTBEAT`]. Never blocks.
    ///
    /// # Errors
    /// [`LineError`] when the guard is gone or does not take heartbeats.
    fn beat(&mut self, keyed: bool) -> Result<(), LineError>;
}

/// A heartbeat goes to the guard at least this often.
pub const HEARTBEAT: Duration = Duration::from_millis(50);

/// The guard unkeys when no heartbeat came for so long (design: a quarter of a second).
pub const HEARTBEAT_LIMIT: Duration = Duration::from_millis(250);
