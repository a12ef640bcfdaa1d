//! Sound devices: capture and playback in 10 ms blocks at the engine's rate, whatever the hardware's own rate.
//!
//! The two audio threads touch a queue and counters, nothing else; they allocate, and write to the log, only when a
//! device is lost and opened anew. A device is opened by [`open_capture`] or [`open_playback`] at start-up, where a
//! refusal ends the program, and then given to [`run_capture`] or [`run_playback`], which find it again for ever.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use crate::codec::Block;
use crate::config;
use crate::config::AudioDevice;

mod alsa;
mod clock;
mod convert;
mod error;
mod mixer;
mod sample;
mod status;
mod thread;
mod wav;

pub use alsa::{Access, Offer, SoundCard, list};
pub use convert::Converter;
pub use error::{AudioError, Lost};
pub use mixer::set_mixer;
pub use sample::{Frames, SampleFormat};
pub use status::{DeviceState, DeviceStatus};
pub use thread::{CapturedBlock, run_capture, run_playback};
pub use wav::load as load_wav;

/// The radio's receiver as blocks of sound.
pub trait Capture: Send {
    /// Waits for the next 10 ms and writes them into `block`.
    ///
    /// Overruns are recovered inside and told as [`Read::AfterXrun`].
    ///
    /// # Errors
    /// [`AudioError`] when the device is lost; it must then be opened anew.
    fn read(&mut self, block: &mut Block) -> Result<Read, AudioError>;

    /// How long ago the last sample of the block read last was captured.
    fn age(&self) -> Duration;
}

/// How a block was captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// It follows the last one without a gap.
    Whole,
    /// Sound before it was lost.
    AfterXrun,
}

/// The radio's microphone input.
pub trait Playback: Send {
    /// Waits until the device has room for a block.
    ///
    /// # Errors
    /// [`AudioError`] when the device is lost; it must then be opened anew.
    fn wait(&mut self) -> Result<(), AudioError>;

    /// Sound in the device's own buffer: time until it runs dry.
    fn reserve(&self) -> Duration;

    /// Takes 10 ms of sound; waits if the device has no room.
    ///
    /// # Errors
    /// [`AudioError`] when the device is lost; it must then be opened anew.
    fn write(&mut self, block: &Block) -> Result<Write, AudioError>;

    /// Time until a sample written next leaves the device.
    fn delay(&self) -> Duration;
}

/// How a block was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// It follows the last one without a gap.
    Whole,
    /// The device had run dry before it.
    AfterXrun,
}

/// Opens the capture device of the configuration; `None` for `capture = "none"`, which needs no thread.
///
/// # Errors
/// [`AudioError`] says what the device lacks and what to do.
pub fn open_capture(audio: &config::Audio) -> Result<Option<Box<dyn Capture>>, AudioError> {
    let device: Box<dyn Capture> = match &audio.capture {
        AudioDevice::Alsa(name) => Box::new(alsa::AlsaCapture::open(name, audio.capture_channel)?),
        AudioDevice::Wav(path) => Box::new(wav::WavCapture::open(path, audio.capture_channel)?),
        AudioDevice::None => return Ok(None),
    };
    Ok(Some(device))
}

/// Opens the playback device of the configuration; a `wav:FILE` begins empty.
///
/// # Errors
/// [`AudioError`] says what the device lacks and what to do.
pub fn open_playback(audio: &config::Audio) -> Result<Box<dyn Playback>, AudioError> {
    playback(audio, wav::WavPlayback::create)
}

/// Opens the playback device once more after a loss; a `wav:FILE` keeps what was recorded and grows.
fn reopen_playback(audio: &config::Audio) -> Result<Box<dyn Playback>, AudioError> {
    playback(audio, wav::WavPlayback::append)
}

fn playback(
    audio: &config::Audio,
    wav: fn(&Path) -> Result<wav::WavPlayback<File>, AudioError>,
) -> Result<Box<dyn Playback>, AudioError> {
    let device: Box<dyn Playback> = match &audio.playback {
        AudioDevice::Alsa(name) => Box::new(alsa::AlsaPlayback::open(name, audio.playback_channel)?),
        AudioDevice::Wav(path) => Box::new(wav(path)?),
        AudioDevice::None => Box::new(clock::NoPlayback::default()),
    };
    Ok(device)
}

/// Whether the thread of this device may ask for the real-time class.
///
/// Only plain hardware: behind the plugins of a sound server the process can be killed for its real-time CPU time.
#[must_use]
pub fn is_rt_eligible(device: &AudioDevice) -> bool {
    match device {
        AudioDevice::Alsa(name) => name.starts_with("hw:") || name.starts_with("plughw:"),
        AudioDevice::Wav(_) | AudioDevice::None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_hardware_gets_the_real_time_class() {
        let alsa = |name: &str| AudioDevice::Alsa(name.to_owned());
        assert!(is_rt_eligible(&alsa("hw:CARD=Device,DEV=0")));
        assert!(is_rt_eligible(&alsa("plughw:CARD=Device,DEV=0")));
        for served in ["default", "pulse", "pipewire", "dsnoop:CARD=Device", "radio_in"] {
            assert!(!is_rt_eligible(&alsa(served)), "{served}");
        }
        assert!(!is_rt_eligible(&AudioDevice::Wav("speech.wav".into())));
        assert!(!is_rt_eligible(&AudioDevice::None));
    }
}
