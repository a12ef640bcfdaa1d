//! PTT by a GPIO line.

use gpio_cdev::{LineHandle, LineRequestFlags};
use rustix::io::Errno;

use super::CONSUMER;
use super::choice::{Asked, refusal};
use super::system::{find, system_error};
use crate::config::{GpioOut, Polarity};
use crate::lines::{LineError, PttLine};

/// A GPIO output that keys.
#[derive(Debug)]
pub struct GpioPtt {
    /// For messages.
    what: String,
    handle: LineHandle,
}

impl GpioPtt {
    /// Takes the line; the request itself makes it an output at the released level, without a moment between.
    ///
    /// # Errors
    /// [`LineError`] when there is no such chip or line, it is in use, or rights are missing.
    pub fn open(settings: &GpioOut) -> Result<Self, LineError> {
        let (chip, line, handle) = find(settings.chip.as_deref(), &settings.line)?;
        let handle = handle
            .request(flags(settings.active), 0, CONSUMER)
            .map_err(|error| refusal(&chip, &line, Asked::Plain, system_error(&error)))?;
        let what = format!("PTT on line {} of GPIO chip {}", line.describe(), chip.describe());
        Ok(Self { what, handle })
    }
}

/// The kernel applies the polarity, so that 1 means keyed everywhere else.
fn flags(active: Polarity) -> LineRequestFlags {
    match active {
        Polarity::High => LineRequestFlags::OUTPUT,
        Polarity::Low => LineRequestFlags::OUTPUT | LineRequestFlags::ACTIVE_LOW,
    }
}

impl PttLine for GpioPtt {
    fn set(&mut self, keyed: bool) -> Result<(), LineError> {
        self.handle
            .set_value(u8::from(keyed))
            .map_err(|error| LineError::NotSet { what: self.what.clone(), source: system_error(&error) })
    }

    /// Notices a chip that vanished, such as one on USB. What the line reads is no proof: some drivers cannot read outputs.
    fn check(&mut self) -> Result<(), LineError> {
        let error = self.handle.get_value().err().map(|error| system_error(&error));
        let gone = error.filter(|error| error.raw_os_error() == Some(Errno::NODEV.raw_os_error()));
        gone.map_or(Ok(()), |source| Err(LineError::Lost { what: self.what.clone(), source }))
    }
    fn level(&self) -> Option<bool> {
        self.handle.get_value().ok().map(|level| level == 1)
    }
}
