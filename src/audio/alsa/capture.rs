//! A PCM that captures.

use std::time::Duration;

use alsa::Direction;

use super::parameters::count;
use super::port::{Next, Port};
use crate::audio::convert::{Converter, duration};
use crate::audio::sample::Frames;
use crate::audio::{AudioError, Capture, Read};
use crate::codec::{Block, SAMPLE_RATE_HZ};
use crate::config::Channel;

/// A card can hardly have sound older than this; a sound server's guess is cut here.
const OLDEST: Duration = Duration::from_secs(1);

/// The radio's receiver on an ALSA PCM.
pub(crate) struct AlsaCapture {
    port: Port,
    frames: Frames,
    /// One period as the hardware gives it.
    bytes: Vec<u8>,
    /// The voice in it.
    voice: Vec<f32>,
    converter: Converter,
    started: bool,
    after_xrun: bool,
}

impl AlsaCapture {
    /// Opens the PCM and starts it with the first block that is read.
    pub(crate) fn open(name: &str, channel: Channel) -> Result<Self, AudioError> {
        let port = Port::open(name, Direction::Capture, channel)?;
        let agreed = port.agreed.candidate;
        let frames = Frames { format: agreed.format, channels: agreed.channels as usize, voice: channel };
        let converter = Converter::new(agreed.rate_hz, SAMPLE_RATE_HZ, port.agreed.period_frames)
            .map_err(|error| AudioError::no_conversion(name, agreed.rate_hz, &error))?;
        let bytes = vec![0; port.agreed.period_frames * frames.bytes()];
        let voice = vec![0.0; port.agreed.period_frames];
        Ok(Self { port, frames, bytes, voice, converter, started: false, after_xrun: false })
    }

    /// Moves what the hardware has, a period at most, into the converter; waits when it has nothing.
    fn fill(&mut self) -> Result<(), AudioError> {
        if !self.started {
            self.port.start()?;
            self.started = true;
        }
        // The answer lives no longer than the call: an IO object locks the PCM against everything else.
        let read = self.port.pcm.io_bytes().readi(&mut self.bytes);
        let next = match read {
            Ok(0) => self.port.wait()?,
            Ok(read) => {
                self.port.moved();
                let bytes = self.bytes.get(..read * self.frames.bytes()).unwrap_or_default();
                let decoded = self.frames.decode(bytes, &mut self.voice);
                self.converter.push(self.voice.get(..decoded).unwrap_or_default());
                return Ok(());
            }
            Err(error) => self.port.handle(error)?,
        };
        match next {
            Next::Go => {}
            Next::Restart => {
                self.started = false;
                self.after_xrun = true;
                self.converter.reset();
            }
        }
        Ok(())
    }
}

impl Capture for AlsaCapture {
    fn read(&mut self, block: &mut Block) -> Result<Read, AudioError> {
        while !self.converter.take_block(block) {
            self.fill()?;
        }
        let after_xrun = std::mem::take(&mut self.after_xrun);
        Ok(if after_xrun { Read::AfterXrun } else { Read::Whole })
    }

    fn age(&self) -> Duration {
        let waiting = self.port.pcm.delay().map_or(0, count);
        let waiting = duration(waiting, self.port.agreed.candidate.rate_hz as usize);
        (waiting + self.converter.delay()).min(OLDEST)
    }
}
