//! `devices`: what this machine has, by the names that a configuration wants.

use std::path::Path;
use std::process::ExitCode;

use super::out;
use crate::audio::{self, SoundCard};
use crate::lines::gpio::{self, Chip};

mod serial;
mod show;
mod usb;

pub use serial::SerialPort;
pub use show::describe;
pub use usb::HidDevice;

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
    pub hid: Vec<HidDevice>,
    /// Serial ports.
    pub serial: Vec<SerialPort>,
}

/// Runs the command.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    let Args {} = args;
    out::result(&describe(&look()))
}

fn look() -> Found {
    let (sys, dev) = (Path::new("/sys"), Path::new("/dev"));
    Found {
        sound: audio::list(),
        gpio: gpio::list().into_iter().map(|chip| chip.map_err(|error| error.to_string())).collect(),
        hid: usb::find(sys, dev),
        serial: serial::find(sys, dev),
    }
}

/// What a fake `/sys` and `/dev` hold; for tests.
#[must_use]
pub fn look_in(sys: &Path, dev: &Path) -> Found {
    Found { hid: usb::find(sys, dev), serial: serial::find(sys, dev), ..Found::default() }
}
