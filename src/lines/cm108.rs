//! PTT and COS by the pins of a CM108-type sound chip, through its HID device: USB fobs, AIOC and their kin.
//!
//! A fob is found by what stays the same: the sound card in the same USB device, its numbers, or its USB port. Which one
//! is meant is decided in [`identify`], what its bytes mean in [`report`]; neither touches a device.
//!
//! The chip keeps its pins as they were last set, whoever dies: only another write, or the loss of USB power, releases
//! PTT. Guard and daemon open the same device each for itself, the one to write, the other to read.

pub mod chip;
mod cos;
mod device;
pub mod identify;
mod keys;
mod ptt;
pub mod report;
#[cfg(test)]
mod tests;

pub use self::chip::Chip;
pub use self::cos::HidCos;
pub use self::identify::{HidDevice, Machine, look};
pub use self::ptt::HidPtt;
