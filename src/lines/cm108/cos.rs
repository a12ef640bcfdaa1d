//! COS by an input pin of the chip: reports come when a pin changes.

use std::time::{Duration, Instant};

use rustix::io::{Errno, read};

use super::device::{Device, Readiness};
use super::keys::Keys;
use super::report::{Pin, level};
use crate::config::{HidIn, Polarity};
use crate::lines::debounce::input::{Debounced, Input};
use crate::lines::{CosEdge, CosLine, LineError, sys};

/// An input pin that tells the state of the squelch.
#[derive(Debug)]
pub struct HidCos(Debounced<Reports>);

impl HidCos {
    /// Opens the device, and keeps the pin from working as a volume key of this machine.
    ///
    /// # Errors
    /// [`LineError`] when there is no such device, several, no such pin, or rights are missing.
    pub fn open(settings: &HidIn) -> Result<Self, LineError> {
        Self::new(Device::open(&settings.device, "COS", settings.bit.into())?, settings)
    }

    pub(super) fn new(device: Device, settings: &HidIn) -> Result<Self, LineError> {
        let keys = Keys::new(&device.facts, Instant::now());
        let mut reports =
            Reports { device, pin: settings.bit.into(), active: settings.active, keys, open: None };
        reports.ask()?;
        Ok(Self(Debounced::new(reports, settings.debounce)))
    }
}

impl CosLine for HidCos {
    fn wait(&mut self, limit: Duration) -> Result<Option<CosEdge>, LineError> {
        self.0.wait(limit)
    }
}

#[derive(Debug)]
struct Reports {
    device: Device,
    pin: Pin,
    active: Polarity,
    keys: Keys,
    /// As the last report told; `None`: none came yet.
    open: Option<bool>,
}

impl Reports {
    /// Asks for the state: of itself the chip tells changes only.
    fn ask(&mut self) -> Result<(), LineError> {
        match sys::input_report(&self.device.fd) {
            Ok([_number, report @ ..]) => self.open = self.squelch(&report),
            Err(error) if error.raw_os_error() == Some(Errno::NODEV.raw_os_error()) => {
                return Err(self.device.lost(error));
            }
            Err(error) => tracing::info!(
                line = self.device.what,
                %error,
                "the chip or the kernel (before 5.11) does not tell the state of the pin: COS counts as closed until it changes"
            ),
        }
        Ok(())
    }

    fn squelch(&self, report: &[u8]) -> Option<bool> {
        level(report, self.pin).map(|level| level == self.active)
    }

    /// Reads one report; tells the squelch if it changed.
    fn read(&mut self) -> Result<Option<bool>, LineError> {
        let mut buffer = [0; 64];
        let report = match read(&self.device.fd, &mut buffer) {
            Ok(length) => buffer.get(..length).unwrap_or_default(),
            Err(Errno::AGAIN | Errno::INTR) => return Ok(None),
            Err(error) => return Err(self.device.lost(error.into())),
        };
        let Some(open) = self.squelch(report) else { return Ok(None) };
        Ok((self.open.replace(open) != Some(open)).then_some(open))
    }
}

impl Input for Reports {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn level(&mut self) -> Result<bool, LineError> {
        Ok(self.open.unwrap_or(false))
    }

    fn edge(&mut self, limit: Duration) -> Result<Option<(bool, Instant)>, LineError> {
        let end = Instant::now() + limit;
        loop {
            self.keys.look(Instant::now());
            let left = end.saturating_duration_since(Instant::now());
            if self.device.wait(left)? == Readiness::Readable {
                // Reports tell of other pins too.
                if let Some(open) = self.read()? {
                    return Ok(Some((open, Instant::now())));
                }
            }
            if Instant::now() >= end {
                return Ok(None);
            }
        }
    }
}
