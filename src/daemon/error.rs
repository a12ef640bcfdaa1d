//! Why the daemon ends with a failure.

use std::path::PathBuf;

use crate::audio::AudioError;
use crate::codec::CodecError;
use crate::lines::LineError;

/// Why the daemon could not start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A sound device cannot be opened.
    #[error("{error}{reason}", error = .0, reason = reason(.0))]
    Audio(#[from] AudioError),
    /// A line cannot be opened, or the guard did not start.
    #[error("{0}")]
    Line(#[from] LineError),
    /// libopus refused the settings.
    #[error("{0}; change packet_ms or bitrate_bps in [uplink]")]
    Codec(#[from] CodecError),
    /// The system refused a thread, an event descriptor or a signal handler.
    #[error("the system refused {what}: {source}; the machine is short of memory, tasks or file descriptors")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A thread ended that must not end. The transmitter is unkeyed; a new start begins clean.
    #[error("the {thread} thread ended: {why}")]
    Thread {
        /// Which.
        thread: &'static str,
        /// Its last words.
        why: String,
    },
    /// A thread stands still and will not come back. The transmitter is unkeyed; a new start begins clean.
    #[error(
        "the {thread} thread has stood still for more than {} s; if that comes again, check the kernel log for the device \
         that it serves",
        still.as_secs()
    )]
    Hangs {
        /// Which.
        thread: &'static str,
        /// For how long at least.
        still: std::time::Duration,
    },
    /// The figures could not be written.
    #[error("cannot write the figures to {path}: {source}", path = path.display())]
    Figures {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// What the system said, where it said something; the errors of sound devices leave it to their source.
fn reason(error: &AudioError) -> String {
    std::error::Error::source(error).map_or_else(String::new, |source| format!(" ({source})"))
}
