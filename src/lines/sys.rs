//! The few requests to device drivers that no library of ours wraps. The only file with `unsafe`: each function is one
//! `ioctl` whose argument is a value or a buffer of its own, and nothing else.

#![expect(unsafe_code, reason = "an ioctl is a promise about the driver's side, which no compiler can check")]

use std::io;
use std::os::fd::AsFd;

use rustix::ioctl::{Getter, IntegerSetter, Opcode, Setter, Updater, ioctl, opcode};

/// The modem lines of a serial port, as the kernel's bits (`TIOCM_*`).
pub(super) mod modem {
    /// Data terminal ready, out.
    pub(in crate::lines) const DTR: u32 = 0x002;
    /// Request to send, out.
    pub(in crate::lines) const RTS: u32 = 0x004;
    /// Clear to send, in.
    pub(in crate::lines) const CTS: u32 = 0x020;
    /// Data carrier detect, in.
    pub(in crate::lines) const DCD: u32 = 0x040;
    /// Ring indicator, in.
    pub(in crate::lines) const RI: u32 = 0x080;
    /// Data set ready, in.
    pub(in crate::lines) const DSR: u32 = 0x100;
}

// Numbers of `asm-generic/ioctls.h`: the same on ARM, x86 and RISC-V.
const TIOCMGET: Opcode = 0x5415;
const TIOCMBIS: Opcode = 0x5416;
const TIOCMBIC: Opcode = 0x5417;
const TIOCMIWAIT: Opcode = 0x545c;

/// A report number, and the four bytes of a CM108's input report.
pub(super) type InputReport = [u8; 5];

/// `HIDIOCGINPUT` of `linux/hidraw.h`, for that length.
const HIDIOCGINPUT: Opcode = opcode::read_write::<InputReport>(b'H', 0x0a);

/// `EVIOCGRAB` of `linux/input.h`.
const EVIOCGRAB: Opcode = opcode::write::<i32>(b'E', 0x90);

/// All modem lines of a serial port, outputs included.
pub(super) fn modem_lines(port: impl AsFd) -> io::Result<u32> {
    // SAFETY: TIOCMGET writes one C int.
    let request = unsafe { Getter::<TIOCMGET, u32>::new() };
    // SAFETY: the request brings its own room for the answer.
    Ok(unsafe { ioctl(port, request) }?)
}

/// Asserts output lines.
pub(super) fn raise_modem_lines(port: impl AsFd, lines: u32) -> io::Result<()> {
    // SAFETY: TIOCMBIS reads one C int.
    let request = unsafe { Setter::<TIOCMBIS, u32>::new(lines) };
    // SAFETY: the request owns the value.
    Ok(unsafe { ioctl(port, request) }?)
}

/// Releases output lines.
pub(super) fn drop_modem_lines(port: impl AsFd, lines: u32) -> io::Result<()> {
    // SAFETY: TIOCMBIC reads one C int.
    let request = unsafe { Setter::<TIOCMBIC, u32>::new(lines) };
    // SAFETY: the request owns the value.
    Ok(unsafe { ioctl(port, request) }?)
}

/// Waits, without a limit, until one of these input lines changes or the port goes.
pub(super) fn wait_for_modem_lines(port: impl AsFd, lines: u32) -> io::Result<()> {
    // SAFETY: TIOCMIWAIT takes the bits themselves and touches no memory. Widened: `usize` is at least 32 bits here.
    let request = unsafe { IntegerSetter::<TIOCMIWAIT>::new_usize(lines as usize) };
    // SAFETY: as above.
    Ok(unsafe { ioctl(port, request) }?)
}

/// Asks a HID device for its input report: the report number, then the report; what does not come stays zero.
pub(super) fn input_report(device: impl AsFd) -> io::Result<InputReport> {
    let mut report = InputReport::default();
    // SAFETY: HIDIOCGINPUT reads and writes as many bytes as its number says, those of an `InputReport`.
    let request = unsafe { Updater::<HIDIOCGINPUT, InputReport>::new(&mut report) };
    // SAFETY: the request borrows the report until it is done.
    unsafe { ioctl(device, request) }?;
    Ok(report)
}

/// Takes an input device for this process alone, until it is closed.
pub(super) fn grab_input(device: impl AsFd) -> io::Result<()> {
    // SAFETY: EVIOCGRAB takes the number itself and touches no memory.
    let request = unsafe { IntegerSetter::<EVIOCGRAB>::new_usize(1) };
    // SAFETY: as above.
    Ok(unsafe { ioctl(device, request) }?)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_kernels_headers() {
        assert_eq!(HIDIOCGINPUT, 0xc005_480a);
        assert_eq!(EVIOCGRAB, 0x4004_4590);
    }

    #[test]
    fn a_device_of_another_kind_refuses_every_request() {
        let null = File::open("/dev/null").unwrap();
        let notty = Some(rustix::io::Errno::NOTTY.raw_os_error());
        for answer in [
            modem_lines(&null).map(drop),
            raise_modem_lines(&null, modem::RTS),
            drop_modem_lines(&null, modem::DTR),
            wait_for_modem_lines(&null, modem::CTS),
            input_report(&null).map(drop),
            grab_input(&null),
        ] {
            assert_eq!(answer.unwrap_err().raw_os_error(), notty);
        }
    }
}
