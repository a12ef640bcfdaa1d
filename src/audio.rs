//! Sound devices: capture and playback in 10 ms blocks at the engine's rate, whatever the hardware's own rate.
//!
//! The two audio threads touch a queue and counters, nothing else; they allocate only while a device is opened.

use std::time::Duration;

use crate::codec::Block;

/// The radio's receiver as blocks of sound.
pub trait Capture {
    /// Waits for the next 10 ms and writes them into `block`.
    ///
    /// Overruns are recovered inside and told as [`Read::AfterXrun`].
    ///
    /// # Errors
    /// [`AudioError`] when the device is lost; it must then be opened anew.
    fn read(&mut self, block: &mut Block) -> Result<Read, AudioError>;
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
pub trait Playback {
    /// Takes 10 ms of sound; waits until the device has room.
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

/// What is wrong with a sound device; each kind has its remedy.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// Placeholder until the shells are built.
    #[error("{0}")]
    Other(String),
}
