//! `[ptt.*]` and `[cos.*]`: the lines to the radio, in the types of the program.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The line that keys the transmitter.
#[derive(Debug, Clone, PartialEq)]
pub enum Ptt {
    /// A GPIO line.
    Gpio(GpioOut),
    /// A pin of a CM108-type chip, by HID.
    Cm108(HidOut),
    /// A modem line of a serial port.
    Serial(ModemOut),
    /// A file with one line per change, for tests and demonstrations.
    Log {
        /// The file.
        path: PathBuf,
    },
    /// No line: VOX in the interface, or a receive-only gateway.
    None,
}

impl fmt::Display for Ptt {
    /// In few words, for the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gpio(GpioOut { line: GpioLine::Offset(offset), .. }) => write!(f, "GPIO line {offset}"),
            Self::Gpio(GpioOut { line: GpioLine::Name(name), .. }) => write!(f, "GPIO line {name}"),
            Self::Cm108(HidOut { device, gpio, .. }) => write!(f, "GPIO{gpio} of the HID device {device}"),
            Self::Serial(ModemOut { port, line, .. }) => write!(f, "{line} of {}", port.display()),
            Self::Log { path } => write!(f, "the log {}", path.display()),
            Self::None => f.write_str("none"),
        }
    }
}

/// A GPIO output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpioOut {
    /// Label, name or path; absent: the board's main chip.
    pub chip: Option<String>,
    /// Offset or name.
    pub line: GpioLine,
    /// The level that keys.
    pub active: Polarity,
}

/// The line that tells that the radio hears somebody.
#[derive(Debug, Clone, PartialEq)]
pub enum Cos {
    /// A GPIO line.
    Gpio(GpioIn),
    /// A pin of a CM108-type chip, by HID.
    Cm108(HidIn),
    /// A modem line of a serial port.
    Serial(ModemIn),
    /// The level of the captured sound.
    Vox(Vox),
    /// A named pipe with lines `on` and `off`.
    Fifo {
        /// The pipe; made if missing.
        path: PathBuf,
    },
    /// None: a transmit-only gateway.
    None,
}

/// A GPIO input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpioIn {
    /// Label, name or path; absent: the board's main chip.
    pub chip: Option<String>,
    /// Offset or name.
    pub line: GpioLine,
    /// The level that means "squelch open".
    pub active: Polarity,
    /// Pull resistor.
    pub bias: Bias,
    /// A level counts when it has lasted so long.
    pub debounce: Duration,
}

/// Squelch by sound level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vox {
    /// Opens above this, dBFS.
    pub threshold_dbfs: f32,
    /// Must last so long to open.
    pub attack: Duration,
    /// Stays open so long after the last loud block.
    pub release: Duration,
}

/// A line of a chip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GpioLine {
    /// Offset; on a Pi the BCM number.
    Offset(u32),
    /// Name given by the device tree.
    Name(String),
}

/// Which level means "active".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polarity {
    /// High.
    High,
    /// Low.
    Low,
}

impl Polarity {
    /// The other level.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::High => Self::Low,
            Self::Low => Self::High,
        }
    }
}

/// Pull resistor of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bias {
    /// As the kernel left it.
    AsIs,
    /// To the supply.
    PullUp,
    /// To ground.
    PullDown,
    /// None.
    Off,
}

/// Which HID device of the CM108 type is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HidName {
    /// `auto`: the one in the same USB device as the sound card with this ALSA id or number.
    OfCard(String),
    /// Vendor and product, `0d8c:0012`.
    Id(u16, u16),
    /// USB port, `1-1.2`: tells two equal fobs apart, and stays the same while nobody replugs them.
    Port(String),
    /// Its device, `/dev/hidraw0` or a link to it.
    Path(PathBuf),
}

impl fmt::Display for HidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfCard(card) => write!(f, "of sound card {card}"),
            Self::Id(vendor, product) => write!(f, "{vendor:04x}:{product:04x}"),
            Self::Port(port) => write!(f, "on USB port {port}"),
            Self::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

/// An output pin of a CM108-type chip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HidOut {
    /// Whose pin.
    pub device: HidName,
    /// GPIO number of the chip, 1 to 8.
    pub gpio: u8,
    /// The level that keys.
    pub active: Polarity,
}

/// An input pin of a CM108-type chip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HidIn {
    /// Whose pin.
    pub device: HidName,
    /// Which pin.
    pub bit: HidBit,
    /// The level of the pin that means "squelch open".
    pub active: Polarity,
    /// A level counts when it has lasted so long.
    pub debounce: Duration,
}

/// An input of a CM108-type chip, by the name of its pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HidBit {
    /// Volume up; by convention the CTCSS decoder.
    VolumeUp,
    /// Volume down; by convention COS.
    VolumeDown,
    /// Mute playback.
    MutePlayback,
    /// Mute recording.
    MuteRecord,
    /// GPIO 1 to 8.
    Gpio(u8),
}

/// A modem output of a serial port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModemOut {
    /// The port's device, best its link in `/dev/serial/by-id`.
    pub port: PathBuf,
    /// Which line. The other one is kept released.
    pub line: ModemOutput,
    /// The level that keys; high is the RS-232 "asserted".
    pub active: Polarity,
}

/// Modem lines that a computer drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModemOutput {
    /// Request to send.
    Rts,
    /// Data terminal ready.
    Dtr,
}

impl fmt::Display for ModemOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rts => "RTS",
            Self::Dtr => "DTR",
        })
    }
}

/// A modem input of a serial port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModemIn {
    /// The port's device, best its link in `/dev/serial/by-id`.
    pub port: PathBuf,
    /// Which line.
    pub line: ModemInput,
    /// The level that means "squelch open"; high is the RS-232 "asserted".
    pub active: Polarity,
    /// A level counts when it has lasted so long.
    pub debounce: Duration,
}

/// Modem lines that a computer reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModemInput {
    /// Clear to send.
    Cts,
    /// Data set ready.
    Dsr,
    /// Data carrier detect.
    Dcd,
    /// Ring indicator.
    Ri,
}
