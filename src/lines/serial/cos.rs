//! COS by CTS, DSR, DCD or RI.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::port::Port;
use crate::config::{ModemIn, ModemInput, Polarity};
use crate::lines::debounce::input::{Debounced, Input};
use crate::lines::sys::{self, modem};
use crate::lines::{CosEdge, CosLine, LineError};

/// Where the driver cannot wait for a change, the line is read so often.
const LOOK: Duration = Duration::from_millis(10);

/// Some drivers (`cp210x`) wait and never tell. After so many changes that were seen on the line and not told, the line is
/// read instead; one may be a change that was just on its way.
const UNTOLD: u8 = 2;

/// An input of a serial port that tells the state of the squelch.
#[derive(Debug)]
pub struct SerialCos(Debounced<Lines>);

impl SerialCos {
    /// Opens the port. Its outputs are lowered if the opening raised them, and left to their owner if not.
    ///
    /// # Errors
    /// [`LineError`] when there is no such port, it is in use, has no modem lines, or rights are missing.
    pub fn open(settings: &ModemIn) -> Result<Self, LineError> {
        let (name, bit) = match settings.line {
            ModemInput::Cts => ("CTS", modem::CTS),
            ModemInput::Dsr => ("DSR", modem::DSR),
            ModemInput::Dcd => ("DCD", modem::DCD),
            ModemInput::Ri => ("RI", modem::RI),
        };
        let port = Port::open(&settings.port, format!("COS on {name} of {}", settings.port.display()))?;
        let unfit = |error| port.unfit(error);
        if port.is_raised().map_err(unfit)? {
            port.drive(0).map_err(unfit)?;
            port.prepare().map_err(unfit)?;
        }
        let high = port.lines().map_err(unfit)? & bit != 0;
        let changes = wait_elsewhere(Arc::clone(&port.fd), bit).map_err(unfit)?;
        let lines = Lines { port, bit, active: settings.active, changes: Some(changes), high, untold: 0 };
        Ok(Self(Debounced::new(lines, settings.debounce)))
    }
}

impl CosLine for SerialCos {
    fn wait(&mut self, limit: Duration) -> Result<Option<CosEdge>, LineError> {
        self.0.wait(limit)
    }
}

/// What the waiting thread tells.
#[derive(Debug)]
enum Change {
    /// The line changed: whether it is high now, and when that was seen.
    High(bool, Instant),
    /// The driver cannot wait.
    CannotWait,
    /// The port is gone.
    Gone(io::Error),
}

#[derive(Debug)]
struct Lines {
    port: Port,
    bit: u32,
    active: Polarity,
    /// From the waiting thread; `None`: the driver cannot wait.
    changes: Option<Receiver<Change>>,
    /// As it was last read or told.
    high: bool,
    /// Changes in a row that were seen and not told.
    untold: u8,
}

impl Lines {
    fn squelch(&self, high: bool) -> bool {
        high == (self.active == Polarity::High)
    }

    fn high(&self) -> Result<bool, LineError> {
        self.port.lines().map(|lines| lines & self.bit != 0).map_err(|error| self.port.lost(error))
    }

    fn read_instead(&mut self, why: &str) {
        tracing::info!(line = self.port.what, "{why}: the line is read every 10 ms");
        self.changes = None;
    }

    /// Reads the line until it changes, at most until `end`.
    fn poll(&mut self, end: Instant) -> Result<Option<(bool, Instant)>, LineError> {
        loop {
            let high = self.high()?;
            if std::mem::replace(&mut self.high, high) != high {
                return Ok(Some((self.squelch(high), Instant::now())));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            std::thread::sleep(LOOK.min(left));
        }
    }
}

impl Input for Lines {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn level(&mut self) -> Result<bool, LineError> {
        let high = self.high()?;
        // Without a waiting thread, `poll` alone compares.
        if self.changes.is_some() && std::mem::replace(&mut self.high, high) != high {
            self.untold += 1;
            if self.untold >= UNTOLD {
                self.read_instead("the driver does not tell changes");
            }
        }
        Ok(self.squelch(high))
    }

    fn edge(&mut self, limit: Duration) -> Result<Option<(bool, Instant)>, LineError> {
        let end = Instant::now() + limit;
        let Some(changes) = &self.changes else { return self.poll(end) };
        match changes.recv_timeout(limit) {
            Ok(Change::High(high, at)) => {
                (self.high, self.untold) = (high, 0);
                Ok(Some((self.squelch(high), at)))
            }
            Ok(Change::CannotWait) => {
                self.read_instead("the driver cannot wait for changes");
                self.poll(end)
            }
            Ok(Change::Gone(source)) => Err(self.port.lost(source)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(self.port.lost(io::ErrorKind::BrokenPipe.into())),
        }
    }
}

/// Waits in a thread of its own, for the kernel's wait has no limit. The thread ends with the port; if the receiver goes
/// before, with the next change after that, or with the process.
fn wait_elsewhere(fd: Arc<OwnedFd>, bit: u32) -> io::Result<Receiver<Change>> {
    let (changes, heard) = channel();
    std::thread::Builder::new().name("cos-edges".to_owned()).spawn(move || wait(&fd, bit, &changes))?;
    Ok(heard)
}

fn wait(fd: &OwnedFd, bit: u32, changes: &Sender<Change>) {
    loop {
        let change = sys::wait_for_modem_lines(fd, bit).and_then(|()| {
            let at = Instant::now();
            sys::modem_lines(fd).map(|lines| Change::High(lines & bit != 0, at))
        });
        let change = change.unwrap_or_else(|error| match Errno::from_io_error(&error) {
            Some(Errno::NOTTY | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Change::CannotWait,
            _ => Change::Gone(error),
        });
        let last = !matches!(change, Change::High(..));
        if changes.send(change).is_err() || last {
            return;
        }
    }
}
