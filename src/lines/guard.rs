//! The guard: a small child process, the only one that opens the PTT line. It keys only while heartbeats come.
//!
//! ```text
//!            daemon                                     guard process
//!   engine ── GuardKeyer ──── one byte a heartbeat ───▶ process ── logic ── PttLine ── transmitter
//!  watcher ◀─ GuardWatch ──── one line a report ─────── process
//! ```
//!
//! The pipe is the dead-man switch: the kernel closes it however the daemon dies. A daemon that lives but hangs falls
//! silent. Each unkeys within [`HEARTBEAT_LIMIT`](super::HEARTBEAT_LIMIT), and a time-out of its own ends a transmission
//! that the daemon forgot to end.
//!
//! A line whose device vanishes is not the guard's end: it is told, looked for, and released the moment it is back. The
//! engine reads in [`PttStatus`] whether there is a transmitter.

pub mod link;
pub mod logic;
pub mod orphan;
pub mod process;
pub mod protocol;
pub mod settings;
mod status;

use std::time::Duration;

pub use self::link::{GuardEnd, GuardKeyer, GuardWatch, Watched, spawn, spawn_telling_levels};
pub use self::protocol::Report;
pub use self::status::{PttSight, PttStatus};

/// The guard's hard time-out comes so much later than the daemon's own: it is for a daemon that failed to unkey, and
/// must not race one that is just doing it.
pub const TIME_OUT_MARGIN: Duration = Duration::from_secs(5);
