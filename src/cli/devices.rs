//! `devices`: what this machine has, by the names that a configuration wants.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use super::out;
use crate::audio::{self, SoundCard};
use crate::lines::cm108::{self, HidDevice};
use crate::lines::gpio::{self, Chip};
use crate::lines::serial::{self, SerialPort};

mod show;
mod usb;

pub use show::describe;
pub(crate) use show::fits;

/// Lists sound cards, GPIO chips, radio interfaces and serial ports, with their names for the configuration
///
/// Sound devices are opened for a moment to ask what they can do, never started; no line is touched.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  zello-gateway devices

A device that is missing is not seen by the kernel, or not open to this user:
try it as the user of the service, too.")]
pub struct Args {}

/// Everything that was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Sound devices.
    pub sound: Vec<SoundCard>,
    /// GPIO chips, or why one cannot be opened.
    pub gpio: Vec<Result<Chip, String>>,
    /// Radio interfaces with HID lines.
    pub hid: Vec<Interface>,
    /// Serial ports.
    pub serial: Vec<SerialPort>,
    /// Vendor and product of everything on USB.
    pub usb: Vec<(u16, u16)>,
}

/// A radio interface with HID lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// What the kernel knows.
    pub device: HidDevice,
    /// This user may open it for writing.
    pub open: bool,
}

/// Runs the command.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    let Args {} = args;
    out::result(&describe(&look()))
}

/// Everything that this machine has.
pub(crate) fn look() -> Found {
    let (sys, dev) = (Path::new("/sys"), Path::new("/dev"));
    Found {
        sound: audio::list(),
        gpio: gpio::list().into_iter().map(|chip| chip.map_err(|error| error.to_string())).collect(),
        hid: interfaces(sys, dev),
        serial: serial::list(sys, dev),
        usb: usb::ids(sys),
    }
}

/// What a fake `/sys` and `/dev` hold; for tests.
#[must_use]
pub fn look_in(sys: &Path, dev: &Path) -> Found {
    let (hid, serial, usb) = (interfaces(sys, dev), serial::list(sys, dev), usb::ids(sys));
    Found { hid, serial, usb, ..Found::default() }
}

fn interfaces(sys: &Path, dev: &Path) -> Vec<Interface> {
    let radios = cm108::look(sys, dev).hids.into_iter().filter(|hid| hid.chip.is_some());
    radios
        .map(|device| {
            let open = fs::OpenOptions::new().read(true).write(true).open(&device.path).is_ok();
            Interface { device, open }
        })
        .collect()
}
