//! WAV files as sound devices in real time: for tests, demonstrations and recordings.

mod capture;
mod playback;

pub(super) use capture::WavCapture;
pub(super) use playback::{File, WavPlayback};

/// A hound error as an IO error, which is what a full disk or a vanished file shows itself as.
fn io_error(error: hound::Error) -> std::io::Error {
    match error {
        hound::Error::IoError(error) => error,
        hound::Error::FormatError(_)
        | hound::Error::TooWide
        | hound::Error::UnfinishedSample
        | hound::Error::Unsupported
        | hound::Error::InvalidSampleFormat => std::io::Error::other(error),
    }
}
