//! Gains of the configuration, applied at the edge so that everything inside works on one scale.

use std::time::Duration;

use super::{AudioError, Capture, Playback, Read, Write};
use crate::codec::Block;

/// A device and what its samples are multiplied by.
struct Amplified<D: ?Sized> {
    gain: f32,
    device: Box<D>,
}

/// `device` with `gain_db` applied to what it captures.
pub(super) fn capture(device: Box<dyn Capture>, gain_db: f32) -> Box<dyn Capture> {
    if gain_db == 0.0 { device } else { Box::new(Amplified { gain: factor(gain_db), device }) }
}

/// `device` with `gain_db` applied to what it plays.
pub(super) fn playback(device: Box<dyn Playback>, gain_db: f32) -> Box<dyn Playback> {
    if gain_db == 0.0 { device } else { Box::new(Amplified { gain: factor(gain_db), device }) }
}

fn factor(gain_db: f32) -> f32 {
    10_f32.powf(gain_db / 20.0)
}

impl Capture for Amplified<dyn Capture> {
    fn read(&mut self, block: &mut Block) -> Result<Read, AudioError> {
        let read = self.device.read(block)?;
        // Full scale is the limit here as it is in the hardware; what follows counts on it.
        for sample in block.iter_mut() {
            *sample = (*sample * self.gain).clamp(-1.0, 1.0);
        }
        Ok(read)
    }

    fn age(&self) -> Duration {
        self.device.age()
    }
}

impl Playback for Amplified<dyn Playback> {
    fn wait(&mut self) -> Result<(), AudioError> {
        self.device.wait()
    }

    fn reserve(&self) -> Duration {
        self.device.reserve()
    }

    fn write(&mut self, block: &Block) -> Result<Write, AudioError> {
        self.device.write(&block.map(|sample| sample * self.gain))
    }

    fn delay(&self) -> Duration {
        self.device.delay()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Constant(f32);

    impl Capture for Constant {
        fn read(&mut self, block: &mut Block) -> Result<Read, AudioError> {
            block.fill(self.0);
            Ok(Read::Whole)
        }

        fn age(&self) -> Duration {
            Duration::ZERO
        }
    }

    #[test]
    fn six_decibels_double_the_sound_and_full_scale_is_the_limit() {
        for (input, gain_db, want) in
            [(0.1, 6.02, 0.2), (0.1, -20.0, 0.01), (0.9, 6.02, 1.0), (0.3, 0.0, 0.3)]
        {
            let mut block = [0.0; 160];
            capture(Box::new(Constant(input)), gain_db).read(&mut block).unwrap();
            assert!(block.iter().all(|sample| (sample - want).abs() < 1e-3), "{input} {gain_db} dB");
        }
    }
}
