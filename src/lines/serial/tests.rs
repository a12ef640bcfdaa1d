//! Ports that are none, or lack something. A pseudo-terminal is a terminal without modem lines.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
use rustix::termios::{ControlModes, LocalModes, tcgetattr};

use super::port::{Port, refusal};
use super::{SerialCos, SerialPtt};
use crate::config::{ModemIn, ModemInput, ModemOut, ModemOutput, Polarity};
use crate::lines::LineError;

fn pseudo_terminal() -> (OwnedFd, PathBuf) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    (master, name.into_string().unwrap().into())
}

fn ptt(port: &Path) -> LineError {
    let port = port.to_owned();
    SerialPtt::open(&ModemOut { port, line: ModemOutput::Rts, active: Polarity::High }).unwrap_err()
}

fn cos(port: &Path) -> LineError {
    let (port, debounce) = (port.to_owned(), Duration::ZERO);
    SerialCos::open(&ModemIn { port, line: ModemInput::Cts, active: Polarity::High, debounce }).unwrap_err()
}

#[test]
fn a_terminal_without_modem_lines_is_refused() {
    let (_master, port) = pseudo_terminal();
    for error in [ptt(&port), cos(&port)] {
        assert!(matches!(error, LineError::NoModemLines { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(port.to_str().unwrap()) && text.contains("no modem lines"), "{text}");
    }
}

#[test]
fn what_is_no_terminal_is_refused_as_such() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for port in [Path::new("/dev/null"), file.path()] {
        for error in [ptt(port), cos(port)] {
            assert!(matches!(error, LineError::NotSerial { .. }), "{error:?}");
            assert!(error.to_string().contains("is not a serial port"), "{error}");
        }
    }
}

#[test]
fn a_port_that_is_not_there_is_answered_with_those_that_are() {
    let text = ptt(Path::new("/dev/serial/by-id/usb-none")).to_string();
    assert!(text.contains("usb-none") && text.contains("No such file") && text.contains("by-id"), "{text}");
}

#[test]
fn refusals_of_the_system_have_their_remedies() {
    let text = |errno| refusal(Path::new("/dev/ttyUSB0"), errno).to_string();
    assert!(text(Errno::BUSY).contains("in use by another program") && text(Errno::BUSY).contains("fuser"));
    assert!(text(Errno::ACCESS).contains("no right to open /dev/ttyUSB0"));
    assert!(text(Errno::NXIO).contains("no serial port /dev/ttyUSB0"));
    assert!(text(Errno::NOMEM).contains("serial port /dev/ttyUSB0"));
}

#[test]
fn a_prepared_port_is_hung_up_raw_and_keeps_hupcl() {
    let (_master, path) = pseudo_terminal();
    let port = Port::open(&path, "port".to_owned()).unwrap();
    assert!(port.is_raised().unwrap());
    port.prepare().unwrap();
    assert!(!port.is_raised().unwrap());
    let settings = tcgetattr(&port.fd).unwrap();
    let control = settings.control_modes;
    assert!(control.contains(ControlModes::HUPCL | ControlModes::CLOCAL));
    assert!(!control.intersects(ControlModes::CRTSCTS));
    assert!(!settings.local_modes.intersects(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG));
    let beside = Port::open(&path, "port".to_owned()).unwrap();
    assert!(!beside.is_raised().unwrap(), "whoever opens it next finds it so");
}
