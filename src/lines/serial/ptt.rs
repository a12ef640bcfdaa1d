//! PTT by RTS or DTR.

use std::io;

use super::port::{OUTPUTS, Port};
use crate::config::{ModemOut, ModemOutput, Polarity};
use crate::lines::sys::modem;
use crate::lines::{LineError, PttLine};

/// An output of a serial port that keys. The port's other output is kept released.
#[derive(Debug)]
pub struct SerialPtt {
    port: Port,
    line: ModemOutput,
    active: Polarity,
    keyed: bool,
}

impl SerialPtt {
    /// Takes the port and releases the line at once.
    ///
    /// # Errors
    /// [`LineError`] when there is no such port, it is in use, has no modem lines, or rights are missing.
    pub fn open(settings: &ModemOut) -> Result<Self, LineError> {
        let port =
            Port::open(&settings.port, format!("PTT on {} of {}", settings.line, settings.port.display()))?;
        let mut line = Self { port, line: settings.line, active: settings.active, keyed: false };
        // First of all, for the opening may have keyed. Then once more: to prepare the port lowers both.
        line.port.drive(line.wanted()).map_err(|error| line.port.unfit(error))?;
        line.port.prepare().map_err(|error| line.port.unfit(error))?;
        line.set(false)?;
        Ok(line)
    }

    /// The outputs that are to be high.
    fn wanted(&self) -> u32 {
        wanted(self.line, self.active, self.keyed)
    }
}

fn wanted(line: ModemOutput, active: Polarity, keyed: bool) -> u32 {
    let bit = match line {
        ModemOutput::Rts => modem::RTS,
        ModemOutput::Dtr => modem::DTR,
    };
    match active {
        Polarity::High if keyed => bit,
        Polarity::Low if !keyed => bit,
        Polarity::High | Polarity::Low => 0,
    }
}

impl PttLine for SerialPtt {
    fn set(&mut self, keyed: bool) -> Result<(), LineError> {
        self.keyed = keyed;
        let not_set = |source: io::Error| LineError::NotSet { what: self.port.what.clone(), source };
        self.port.drive(self.wanted()).map_err(not_set)?;
        self.check()
    }

    /// Some adapters (CH340) take a level without an error and without effect, and stay so until they are opened anew.
    fn check(&mut self) -> Result<(), LineError> {
        let lines = self.port.lines().map_err(|error| self.port.lost(error))?;
        if lines & OUTPUTS == self.wanted() {
            return Ok(());
        }
        Err(LineError::NotTaken { what: self.port.what.clone() })
    }

    fn level(&self) -> Option<bool> {
        let lines = self.port.lines().ok()?;
        Some(lines & OUTPUTS == wanted(self.line, self.active, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_follows_its_polarity_and_the_other_stays_released() {
        for (line, bit) in [(ModemOutput::Rts, modem::RTS), (ModemOutput::Dtr, modem::DTR)] {
            assert_eq!(wanted(line, Polarity::High, true), bit);
            assert_eq!(wanted(line, Polarity::High, false), 0);
            assert_eq!(wanted(line, Polarity::Low, true), 0);
            assert_eq!(wanted(line, Polarity::Low, false), bit);
        }
    }
}
