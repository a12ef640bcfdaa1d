//! What is wrong with a line, told to the person who can change it.

use std::io;
use std::path::PathBuf;

use super::guard::GuardEnd;

/// What is wrong with a line; each kind has its remedy.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// No GPIO chip answers to the setting.
    #[error("no GPIO chip {wanted}; this machine has {found}: set `chip` to one of their labels or names")]
    NoChip {
        /// What was looked for.
        wanted: String,
        /// The chips that are there.
        found: String,
    },
    /// Several GPIO chips carry the label.
    #[error("several GPIO chips are labelled {label:?}: {found}: set `chip` to a name or a path")]
    ManyChips {
        /// The label.
        label: String,
        /// The chips that carry it.
        found: String,
    },
    /// The chip has no such line.
    #[error("GPIO chip {chip} has no line {line}: {has}")]
    NoLine {
        /// Name and label.
        chip: String,
        /// Offset or name.
        line: String,
        /// What it has instead.
        has: String,
    },
    /// Somebody else holds the line.
    #[error(
        "line {line} of GPIO chip {chip} is in use by {by}: stop that program or driver, or choose another line"
    )]
    Busy {
        /// Name and label.
        chip: String,
        /// Offset, with the name where it has one.
        line: String,
        /// Who holds it, by the label that it gave the kernel.
        by: String,
    },
    /// No HID device answers to the setting.
    #[error("no HID device {wanted}; this machine has {found}")]
    NoHid {
        /// What was looked for.
        wanted: String,
        /// The radio interfaces that are there, and what to do.
        found: String,
    },
    /// Several HID devices answer to the setting.
    #[error(
        "several HID devices {wanted}: {found}: set `device` to a USB port, for example `device = \"{example}\"`"
    )]
    ManyHids {
        /// What was looked for.
        wanted: String,
        /// Those that answer.
        found: String,
        /// What means the first of them.
        example: String,
    },
    /// The HID device is another kind of thing.
    #[error(
        "{device} is not a CM108-type sound chip, and what it would do with PTT nobody knows; this machine has {found}"
    )]
    NotCm108 {
        /// The device.
        device: String,
        /// The radio interfaces that are there, and what to do.
        found: String,
    },
    /// The chip has no such pin.
    #[error("{device} ({chip}) has no {pin}; it has {has}")]
    NoPin {
        /// The device.
        device: String,
        /// Its chip.
        chip: &'static str,
        /// The pin.
        pin: String,
        /// The pins that it has.
        has: String,
    },
    /// The chip has no pins at all.
    #[error(
        "{device} has no output to set: it is an HS100, which has the numbers of a CM108AH but no GPIO; use another \
         interface, or [ptt.none] with VOX in the radio"
    )]
    NoPins {
        /// The device.
        device: String,
    },
    /// There is no such serial port.
    #[error("no serial port {}: {source}; there is {found}: is it plugged in, is `port` its name in /dev/serial/by-id?", port.display())]
    NoPort {
        /// `port`
        port: PathBuf,
        /// The ports with a stable name.
        found: String,
        /// What the system said.
        source: io::Error,
    },
    /// Something else lies where the serial port should be.
    #[error("`port` {} is not a serial port: `zello-gateway devices` lists those that are", port.display())]
    NotSerial {
        /// `port`
        port: PathBuf,
    },
    /// The serial port has data lines only.
    #[error("`port` {} has no modem lines (RTS, DTR, CTS …): choose a port that has", port.display())]
    NoModemLines {
        /// `port`
        port: PathBuf,
    },
    /// The serial port is a name without hardware.
    #[error("`port` {} has no hardware behind it ({source}): `zello-gateway devices` lists the ports that have", port.display())]
    NoUart {
        /// `port`
        port: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else has the serial port for himself.
    #[error(
        "serial port {port} is in use by another program: `fuser -v {port}` tells which; stop it, or choose another port",
        port = port.display()
    )]
    PortBusy {
        /// `port`
        port: PathBuf,
    },
    /// A line took its level without an error, and has another.
    #[error("{what} does not take its level: the adapter is stuck, or another program moves the line")]
    NotTaken {
        /// The line.
        what: String,
    },
    /// The gateway's user may not use the device.
    #[error("no right to open {}: {remedy}", path.display())]
    Denied {
        /// The device.
        path: PathBuf,
        /// Which group, which command.
        remedy: String,
        /// What the system said.
        source: io::Error,
    },
    /// The chip cannot do what the settings ask.
    #[error(
        "line {line} of GPIO chip {chip} cannot have a pull resistor: set `bias = \"as-is\"` and wire a resistor"
    )]
    NoBias {
        /// Name and label.
        chip: String,
        /// Offset, with the name where it has one.
        line: String,
        /// What the system said.
        source: io::Error,
    },
    /// A device cannot be opened, for a reason that only the system knows.
    #[error("cannot open {what}: {source}")]
    Open {
        /// The device.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The PTT line does not take a level.
    #[error("cannot set {what}: {source}: check that its device is still there")]
    NotSet {
        /// The line.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// A device that worked does not any more.
    #[error("{what} is lost: {source}: is its device still there?")]
    Lost {
        /// The device.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// A PTT log cannot be written.
    #[error("cannot write the PTT log {}: {source}: is the disk full, may the gateway's user write there?", path.display())]
    Log {
        /// `[ptt.log] path`
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something else lies where the named pipe should be.
    #[error("`[cos.fifo] path` {} is {kind}, not a named pipe: name another path, or remove it", path.display())]
    NotAFifo {
        /// `[cos.fifo] path`
        path: PathBuf,
        /// What lies there.
        kind: &'static str,
    },
    /// The named pipe cannot be made or opened.
    #[error("cannot {step} the named pipe {}: {source}: check its folder and rights", path.display())]
    Fifo {
        /// `[cos.fifo] path`
        path: PathBuf,
        /// "make" or "open".
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The named pipe was removed or replaced.
    #[error("the named pipe {} has vanished: somebody removed or replaced it; it is made anew", path.display())]
    FifoVanished {
        /// `[cos.fifo] path`
        path: PathBuf,
    },
    /// The PTT log was removed or replaced.
    #[error("the PTT log {} has vanished: somebody removed or replaced it; it is made anew", path.display())]
    LogVanished {
        /// `[ptt.log] path`
        path: PathBuf,
    },
    /// The settings have no COS line.
    #[error("these settings have no COS line to open")]
    NoCos,
    /// The guard process cannot be started.
    #[error("cannot start the PTT guard {}: {source}: is the program still in its place?", program.display())]
    GuardStart {
        /// The gateway's own executable.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The guard started, but does not get its line. Its own words hold the remedy.
    #[error("the PTT guard cannot open its line: {0}")]
    GuardRefused(String),
    /// The guard ended before it had its line.
    #[error("the PTT guard does not start ({end}): was the program replaced while it runs? Restart it")]
    GuardEnded {
        /// How.
        end: GuardEnd,
    },
    /// The guard started and says nothing.
    #[error(
        "the PTT guard does not report that it is ready: is the machine overloaded, or the line's device stuck?"
    )]
    GuardSilent,
    /// The guard does not read its heartbeats.
    #[error("the PTT guard takes no heartbeats: it is stopped or stuck, and the line's state is unknown")]
    GuardStuck,
    /// The guard's pipe is closed.
    #[error("the PTT guard is gone: {source}")]
    GuardGone {
        /// What the system said.
        source: io::Error,
    },
}
