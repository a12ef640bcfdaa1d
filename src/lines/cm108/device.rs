//! The HID device itself: opened, polled, lost.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};

use super::chip::SHARED;
use super::identify::{HidDevice, choose, look};
use super::report::Pin;
use crate::config::HidName;
use crate::lines::sysfs::{DEV, SYS};
use crate::lines::{LineError, rights};

/// A pin of an open device.
#[derive(Debug)]
pub(super) struct Device {
    /// For messages: the use, the pin and the device.
    pub(super) what: String,
    pub(super) fd: OwnedFd,
    pub(super) facts: HidDevice,
}

/// What a device is ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readiness {
    /// There is something to read.
    Readable,
    /// Nothing happened.
    Quiet,
}

impl Device {
    /// Finds and opens the device that the settings mean; `purpose` is "PTT" or "COS".
    pub(super) fn open(wanted: &HidName, purpose: &str, pin: Pin) -> Result<Self, LineError> {
        let machine = look(Path::new(SYS), Path::new(DEV));
        let (facts, chip) = choose(&machine, wanted)?;
        chip.check(pin, &facts.describe())?;
        if facts.id == SHARED && has_no_outputs(&facts.folder) {
            return Err(LineError::NoPins { device: facts.describe() });
        }
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::open(&facts.path, flags, Mode::empty())
            .map_err(|error| refusal(facts, error.into()))?;
        let what = format!("{purpose} on {pin} of {}", facts.describe());
        Ok(Self { what, fd, facts: facts.clone() })
    }

    pub(super) fn lost(&self, source: io::Error) -> LineError {
        LineError::Lost { what: self.what.clone(), source }
    }

    /// Waits at most `limit`; a device that is unplugged is an error.
    pub(super) fn wait(&self, limit: Duration) -> Result<Readiness, LineError> {
        let limit = Timespec::try_from(limit).unwrap_or_default();
        let mut polled = [PollFd::from_borrowed_fd(self.fd.as_fd(), PollFlags::IN)];
        match poll(&mut polled, Some(&limit)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(Readiness::Quiet),
            Ok(_) => {}
            Err(error) => return Err(self.lost(error.into())),
        }
        let [seen] = polled.map(|fd| fd.revents());
        if seen.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            return Err(self.lost(rustix::io::Errno::NODEV.into()));
        }
        Ok(Readiness::Readable)
    }
}

fn refusal(facts: &HidDevice, source: io::Error) -> LineError {
    if source.kind() == io::ErrorKind::PermissionDenied {
        let remedy = rights::remedy(&facts.path, rights::HID);
        return LineError::Denied { path: facts.path.clone(), remedy, source };
    }
    LineError::Open { what: format!("{} ({})", facts.path.display(), facts.describe()), source }
}

/// True if the device's own description names no output report: nothing can be set. What cannot be read is not held
/// against it.
fn has_no_outputs(folder: &Path) -> bool {
    fs::read(folder.join("report_descriptor")).is_ok_and(|descriptor| !names_output(&descriptor))
}

/// Walks the items of a HID report descriptor; looks for a main item "output" (1001 00xx).
fn names_output(mut descriptor: &[u8]) -> bool {
    const LONG_ITEM: u8 = 0xfe;
    while let Some((&head, rest)) = descriptor.split_first() {
        let length = match head {
            LONG_ITEM => rest.first().map_or(0, |length| usize::from(*length) + 2),
            _ if head & 3 == 3 => 4,
            _ => usize::from(head & 3),
        };
        if head & 0xfc == 0x90 {
            return true;
        }
        descriptor = rest.get(length..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_found_in_a_descriptor_and_data_is_not_mistaken_for_them() {
        // Consumer control: three bytes in, three bytes out, as a CM108 describes itself.
        let with = [
            0x05, 0x0c, 0x09, 0x01, 0xa1, 0x01, 0x75, 0x08, 0x95, 0x04, 0x81, 0x02, 0x95, 0x04, 0x91, 0x02,
            0xc0,
        ];
        let without = [0x05, 0x0c, 0x09, 0x91, 0xa1, 0x01, 0x26, 0x91, 0x00, 0x81, 0x02, 0xc0];
        assert!(names_output(&with) && !names_output(&without));
        assert!(!names_output(&[]) && !names_output(&[0xfe]) && !names_output(&[0xfe, 0xff, 0x91]));
    }

    #[test]
    fn a_descriptor_that_cannot_be_read_is_not_held_against_the_device() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_no_outputs(folder.path()));
        fs::write(folder.path().join("report_descriptor"), [0x81, 0x02]).unwrap();
        assert!(has_no_outputs(folder.path()));
    }
}
