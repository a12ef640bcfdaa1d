//! The serial port itself: opened without a key-up, its lines set and read.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{ControlModes, OptionalActions, isatty, tcgetattr, tcsetattr};

use crate::lines::sys::{self, modem};
use crate::lines::sysfs::{DEV, names};
use crate::lines::{LineError, rights};

/// Both lines that a computer drives.
pub(super) const OUTPUTS: u32 = modem::RTS | modem::DTR;

/// The speed of a line that is hung up.
const HUNG_UP: u32 = 0;

/// An open serial port and its use.
#[derive(Debug)]
pub(super) struct Port {
    /// For messages: the use, the line and the port.
    pub(super) what: String,
    pub(super) fd: Arc<OwnedFd>,
    path: PathBuf,
}

impl Port {
    /// Opens the port; `what` is for messages. Both outputs may be high until [`Self::drive`] or [`Self::prepare`].
    pub(super) fn open(path: &Path, what: String) -> Result<Self, LineError> {
        // Without NONBLOCK the kernel waits for a carrier.
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| refusal(path, error))?;
        Ok(Self { what, fd: Arc::new(fd), path: path.to_owned() })
    }

    /// Sets both outputs: those in `high` are asserted, the others released.
    pub(super) fn drive(&self, high: u32) -> io::Result<()> {
        let low = OUTPUTS & !high;
        if low != 0 {
            sys::drop_modem_lines(&self.fd, low)?;
        }
        if high != 0 {
            sys::raise_modem_lines(&self.fd, high)?;
        }
        Ok(())
    }

    /// All lines as they are.
    pub(super) fn lines(&self) -> io::Result<u32> {
        sys::modem_lines(&self.fd)
    }

    /// Nobody of us has prepared the port: to open it has just raised its outputs.
    pub(super) fn is_raised(&self) -> io::Result<bool> {
        Ok(tcgetattr(&self.fd)?.output_speed() != HUNG_UP)
    }

    /// Makes the port one whose lines move by our will alone: no flow control, no echo (what an AIOC sends by its UART
    /// unkeys it), nothing raised at an opening, all lowered after the last one closes. Lowers both outputs.
    pub(super) fn prepare(&self) -> io::Result<()> {
        let mut settings = tcgetattr(&self.fd)?;
        settings.make_raw();
        settings.control_modes.remove(ControlModes::CRTSCTS | ControlModes::CREAD);
        settings.control_modes.insert(ControlModes::HUPCL | ControlModes::CLOCAL);
        settings.set_speed(HUNG_UP)?;
        tcsetattr(&self.fd, OptionalActions::Now, &settings)?;
        Ok(())
    }

    /// Why a request to the port that was just opened failed.
    pub(super) fn unfit(&self, source: io::Error) -> LineError {
        let port = self.path.clone();
        let is = |errno: Errno| source.raw_os_error() == Some(errno.raw_os_error());
        if !isatty(&self.fd) {
            LineError::NotSerial { port }
        } else if is(Errno::NOTTY) || is(Errno::INVAL) {
            LineError::NoModemLines { port }
        } else if is(Errno::IO) {
            // The PC's driver has a name for every port that there could be.
            LineError::NoUart { port, source }
        } else {
            LineError::Open { what: self.what.clone(), source }
        }
    }

    pub(super) fn lost(&self, source: io::Error) -> LineError {
        LineError::Lost { what: self.what.clone(), source }
    }
}

/// Why a port cannot be opened, with the remedy.
pub(super) fn refusal(path: &Path, error: Errno) -> LineError {
    let port = path.to_owned();
    match error {
        Errno::NOENT | Errno::NODEV | Errno::NXIO => {
            LineError::NoPort { port, found: found(), source: error.into() }
        }
        Errno::ACCESS | Errno::PERM => LineError::Denied {
            path: port,
            remedy: rights::remedy(path, rights::SERIAL),
            source: error.into(),
        },
        Errno::BUSY => LineError::PortBusy { port },
        _ => LineError::Open { what: format!("serial port {}", path.display()), source: error.into() },
    }
}

/// The ports that stay under the same name.
fn found() -> String {
    let folder = Path::new(DEV).join("serial/by-id");
    let links: Vec<String> = names(&folder)
        .iter()
        .map(|name| folder.join(name))
        .filter(|link| fs::metadata(link).is_ok())
        .map(|link| link.display().to_string())
        .collect();
    if links.is_empty() { format!("nothing in {}", folder.display()) } else { links.join(", ") }
}
