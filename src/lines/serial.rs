//! PTT and COS by the modem lines of a serial port: RTS and DTR out, CTS, DSR, DCD and RI in.
//!
//! To open a port raises both outputs for a moment, unless its speed is 0, which the kernel calls hung up. So whoever
//! of us comes first after the port appeared lowers them at once and leaves the speed at 0: no later opening, of the
//! daemon beside the guard or of the next guard, moves a line. (The driver `cp210x` knows no speed 0: there each
//! opener lowers them anew.) With HUPCL kept, the kernel lowers both when the last
//! one closes.

mod cos;
mod list;
mod port;
mod ptt;

#[cfg(test)]
mod tests;

pub use self::cos::SerialCos;
pub use self::list::{SerialPort, list};
pub use self::ptt::SerialPtt;
