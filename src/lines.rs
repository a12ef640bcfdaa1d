//! PTT and COS: the lines to the radio, and the guard that owns PTT.
//!
//! | Kind | PTT | COS |
//! |---|---|---|
//! | GPIO line | [`gpio`] | [`gpio`], with [`debounce`] |
//! | sound chip by HID | [`cm108`] | [`cm108`], with [`debounce`] |
//! | serial port | [`serial`] | [`serial`], with [`debounce`] |
//! | for tests and demonstrations | [`log`]: a file | [`fifo`]: a named pipe |
//!
//! Only the [`guard`] process opens a PTT line; the daemon keys through its pipe. When a guard has died, and only then,
//! the daemon opens the line once more to release it, and ends. COS is watched by a thread of its
//! own, [`cos::run_cos`].

pub mod cm108;
pub mod cos;
pub mod debounce;
pub mod error;
pub mod fifo;
pub mod gpio;
pub mod guard;
pub mod log;
pub mod release;
mod rights;
pub mod serial;
mod sys;
mod sysfs;

use std::time::{Duration, Instant};

pub use self::cos::open_cos;
pub use self::error::LineError;
pub use self::release::{NotReleased, release};
use crate::config;

/// The line that keys the transmitter. Only the guard process holds one.
pub trait PttLine {
    /// Keys or unkeys. To repeat a level is harmless.
    ///
    /// # Errors
    /// [`LineError`] when the line did not take the level.
    fn set(&mut self, keyed: bool) -> Result<(), LineError>;

    /// Looks whether the line is still there and has the level that was set. Moves nothing.
    ///
    /// # Errors
    /// [`LineError`] when it is not; it must then be opened anew.
    fn check(&mut self) -> Result<(), LineError> {
        Ok(())
    }

    /// The level that the line has by itself: keyed or not; `None` where it cannot be read back.
    fn level(&self) -> Option<bool> {
        None
    }
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
    /// When it was decided: the edge by the kernel's clock where the driver tells, and the debounce time.
    pub at: Instant,
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

/// The line is released when no heartbeat came for so long (design: a quarter of a second).
pub const HEARTBEAT_LIMIT: Duration = Duration::from_millis(250);

/// Opens a PTT line, released. For the guard process; for others only when no guard lives.
///
/// # Errors
/// [`LineError`] when the line cannot be had, with the remedy.
pub fn open_ptt(ptt: &config::Ptt) -> Result<Box<dyn PttLine>, LineError> {
    match ptt {
        config::Ptt::Gpio(settings) => Ok(Box::new(gpio::GpioPtt::open(settings)?)),
        config::Ptt::Cm108(settings) => Ok(Box::new(cm108::HidPtt::open(settings)?)),
        config::Ptt::Serial(settings) => Ok(Box::new(serial::SerialPtt::open(settings)?)),
        config::Ptt::Log { path } => Ok(Box::new(log::LogPtt::open(path)?)),
        config::Ptt::None => Ok(Box::new(NoPtt)),
    }
}

/// No line: the interface keys by sound, or nothing is transmitted.
struct NoPtt;

impl PttLine for NoPtt {
    fn set(&mut self, _keyed: bool) -> Result<(), LineError> {
        Ok(())
    }
}
