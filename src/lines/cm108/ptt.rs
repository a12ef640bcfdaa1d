//! PTT by a GPIO pin of the chip.

use std::time::{Duration, Instant};

use rustix::io::write;

use super::device::Device;
use super::report::{Outputs, Pin};
use crate::config::{HidOut, Polarity};
use crate::lines::{LineError, PttLine};

/// A CM109 on a Pi 5 wants so much time between two transfers (seen by `app_rpt`).
const GAP: Duration = Duration::from_millis(3);

/// An output pin that keys.
#[derive(Debug)]
pub struct HidPtt {
    device: Device,
    gpio: u8,
    active: Polarity,
    outputs: Outputs,
    written_at: Option<Instant>,
}

impl HidPtt {
    /// Takes the pin and releases it at once: the chip may still be keyed by an owner that died.
    ///
    /// # Errors
    /// [`LineError`] when there is no such device, several, no such pin, the chip refuses, or rights are missing.
    pub fn open(settings: &HidOut) -> Result<Self, LineError> {
        Self::new(Device::open(&settings.device, "PTT", Pin::Gpio(settings.gpio))?, settings)
    }

    pub(super) fn new(device: Device, settings: &HidOut) -> Result<Self, LineError> {
        let mut line = Self {
            device,
            gpio: settings.gpio,
            active: settings.active,
            outputs: Outputs::default(),
            written_at: None,
        };
        line.set(false)?;
        Ok(line)
    }

    fn write(&mut self) -> Result<(), LineError> {
        if let Some(since) = self.written_at {
            std::thread::sleep((since + GAP).saturating_duration_since(Instant::now()));
        }
        let report = self.outputs.report();
        let written = write(&self.device.fd, &report);
        self.written_at = Some(Instant::now());
        let refused = |source| LineError::NotSet { what: self.device.what.clone(), source };
        match written {
            Ok(length) if length == report.len() => Ok(()),
            Ok(_) => Err(refused(std::io::ErrorKind::WriteZero.into())),
            Err(error) => Err(refused(error.into())),
        }
    }
}

impl PttLine for HidPtt {
    fn set(&mut self, keyed: bool) -> Result<(), LineError> {
        let level = if keyed { self.active } else { self.active.opposite() };
        self.outputs.set(self.gpio, level);
        self.write()
    }

    fn check(&mut self) -> Result<(), LineError> {
        self.device.wait(Duration::ZERO).map(drop)
    }
}
