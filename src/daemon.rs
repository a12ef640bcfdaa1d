//! The daemon: opens devices and lines, starts the threads, watches them, and stops them in order.
//!
//! | Thread | Owns | Class |
//! |---|---|---|
//! | `audio-in`, `audio-out` | one sound device each | real time, [`realtime::AUDIO_PRIORITY`](crate::realtime::AUDIO_PRIORITY) |
//! | `engine` | half-duplex rule, DSP, codec, the pipe to the guard | real time, [`realtime::ENGINE_PRIORITY`](crate::realtime::ENGINE_PRIORITY) |
//! | `cos` | the COS line | normal |
//! | `cos-edges` | the wait for a change of a serial port's lines, which has no limit; only with `[cos.serial]` | normal |
//! | `net` | the connection to Zello, a tokio runtime of its own | normal |
//! | `guard-watch` | the guard's reports and its end | normal |
//! | main | signals, log lines of the engine, systemd's watchdog, and the threads that must get on | normal |

mod error;
mod figures;
pub mod logging;
mod ptt;
mod start;
mod threads;
mod watch;
mod watchdog;

use std::path::PathBuf;

pub use error::Error;
use sd_notify::NotifyState;

use crate::config::Config;

/// What `run` can be told beside the configuration.
#[derive(Debug, Clone)]
pub struct Options {
    /// The program that is started as the guard: this executable.
    pub guard_program: PathBuf,
    /// All counters are written to this file as JSON when the gateway ends.
    pub figures: Option<PathBuf>,
}

/// Runs the gateway until a signal asks it to end, or until something fails that a new start must repair.
///
/// # Errors
/// [`Error`] names what failed and what to do. The transmitter is unkeyed in every case.
pub fn run(config: &Config, options: &Options) -> Result<(), Error> {
    // Before the start: a signal that comes meanwhile ends a gateway in order, too.
    let asked = watch::listen()?;
    let mut gateway = start::start(config, options)?;
    let ending = watch::watch(&mut gateway, &asked);
    // Before all else, so that its watchdog does not bite a gateway that says goodbye.
    watch::tell_systemd(&[NotifyState::Stopping]);
    gateway.stop();
    watch::log_events(&mut gateway);
    let figures = options.figures.as_deref().map(|path| figures::write(path, &gateway.counters));
    ending?;
    figures.unwrap_or(Ok(()))
}
