//! A PCM that plays. It starts primed with silence and never stops.

use std::thread::sleep;
use std::time::Duration;

use alsa::Direction;

use super::parameters::count;
use super::port::{Next, Port};
use crate::audio::convert::{Converter, duration};
use crate::audio::sample::Frames;
use crate::audio::{AudioError, Playback, Write};
use crate::codec::{BLOCK_SAMPLES, Block, SAMPLE_RATE_HZ};
use crate::config::Channel;

/// Silence that playback starts with, as a part of the buffer: enough for an engine that is late, not all of it, so
/// that the delay stays small.
const PRIMED_PART: usize = 2;

/// The radio's microphone input on an ALSA PCM.
pub(crate) struct AlsaPlayback {
    port: Port,
    frames: Frames,
    /// Half a buffer of silence in the hardware's format.
    silence: Vec<u8>,
    /// One block in the hardware's format.
    bytes: Vec<u8>,
    converter: Converter,
    started: bool,
    after_xrun: bool,
}

impl AlsaPlayback {
    /// Opens the PCM; it starts when it is first waited for.
    pub(crate) fn open(name: &str, channel: Channel) -> Result<Self, AudioError> {
        let port = Port::open(name, Direction::Playback, channel)?;
        let agreed = port.agreed.candidate;
        let frames = Frames { format: agreed.format, channels: agreed.channels as usize, voice: channel };
        let converter = Converter::new(SAMPLE_RATE_HZ, agreed.rate_hz, BLOCK_SAMPLES)
            .map_err(|error| AudioError::no_conversion(name, agreed.rate_hz, &error))?;
        let silence = vec![0; port.agreed.buffer_frames / PRIMED_PART * frames.bytes()];
        let bytes = vec![0; converter.most_out(BLOCK_SAMPLES) * frames.bytes()];
        Ok(Self { port, frames, silence, bytes, converter, started: false, after_xrun: false })
    }

    /// Puts silence into the empty buffer and starts.
    fn prime(&mut self) -> Result<(), AudioError> {
        let silence = std::mem::take(&mut self.silence);
        let primed = self.transfer(&silence);
        self.silence = silence;
        primed?;
        self.port.start()?;
        self.started = true;
        Ok(())
    }

    /// Writes all of `bytes`; what does not fit waits for room. After an xrun the rest is not worth playing.
    fn transfer(&mut self, mut bytes: &[u8]) -> Result<(), AudioError> {
        while !bytes.is_empty() {
            let written = self.port.pcm.io_bytes().writei(bytes);
            let next = match written {
                Ok(written) => {
                    self.port.moved();
                    bytes = bytes.get(written * self.frames.bytes()..).unwrap_or_default();
                    continue;
                }
                Err(error) => self.port.handle(error)?,
            };
            if self.must_restart(next) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn must_restart(&mut self, next: Next) -> bool {
        match next {
            Next::Go => false,
            Next::Restart => {
                self.started = false;
                self.after_xrun = true;
                true
            }
        }
    }

    fn rate_hz(&self) -> usize {
        self.port.agreed.candidate.rate_hz as usize
    }
}

impl Playback for AlsaPlayback {
    fn wait(&mut self) -> Result<(), AudioError> {
        let wanted = self.port.agreed.block_frames;
        let mut woken = false;
        loop {
            if !self.started {
                self.prime()?;
                continue;
            }
            let next = match self.port.pcm.avail_update() {
                Ok(room) if count(room) >= wanted => return Ok(()),
                Ok(room) => {
                    // Woken too early: to poll again at once could spin, which a real-time thread must never do.
                    if woken {
                        sleep(duration(wanted - count(room), self.rate_hz()));
                    }
                    woken = true;
                    self.port.wait()?
                }
                Err(error) => self.port.handle(error)?,
            };
            self.must_restart(next);
        }
    }

    fn reserve(&self) -> Duration {
        let room = self.port.pcm.avail_update().map_or(self.port.agreed.buffer_frames, count);
        let agreed = &self.port.agreed;
        // Hardware may tell its position once a period only: what is left can be so much less.
        let unsure = agreed.period_frames.saturating_sub(agreed.block_frames);
        duration(agreed.buffer_frames.saturating_sub(room + unsure), self.rate_hz())
    }

    fn write(&mut self, block: &Block) -> Result<Write, AudioError> {
        self.wait()?;
        self.converter.push(block);
        let mut bytes = std::mem::take(&mut self.bytes);
        let length = self.frames.encode(self.converter.take_all().as_slice(), &mut bytes);
        let written = self.transfer(bytes.get(..length).unwrap_or_default());
        self.bytes = bytes;
        written?;
        let after_xrun = std::mem::take(&mut self.after_xrun);
        Ok(if after_xrun { Write::AfterXrun } else { Write::Whole })
    }

    fn delay(&self) -> Duration {
        let queued = self.port.pcm.delay().map_or(0, count);
        duration(queued, self.rate_hz()) + self.converter.delay()
    }
}
