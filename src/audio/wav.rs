//! WAV files as sound devices in real time: for tests, demonstrations and recordings.

mod capture;
mod playback;

pub(super) use capture::WavCapture;
pub use capture::load;
pub(super) use playback::WavPlayback;
