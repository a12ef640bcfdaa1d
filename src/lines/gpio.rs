//! PTT and COS by the kernel's GPIO character device.
//!
//! Chips are found by label, because their numbers change between kernels; lines by offset, which on a Raspberry Pi is
//! the BCM number. Which chip and line are meant is decided in [`choice`], without touching a device.

pub mod choice;
pub mod input;
pub mod output;
mod system;

pub use self::choice::{Chip, Line};
pub use self::input::GpioCos;
pub use self::output::GpioPtt;
pub use self::system::list;

/// How the gateway's lines are labelled in the kernel's list of users.
pub const CONSUMER: &str = "zello-gateway";
