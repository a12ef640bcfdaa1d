//! Everything on USB, by number: what a board profile is known by.

use std::fs;
use std::path::Path;

/// Vendor and product of every USB device.
pub(super) fn ids(sys: &Path) -> Vec<(u16, u16)> {
    let Ok(devices) = fs::read_dir(sys.join("bus/usb/devices")) else { return Vec::new() };
    let number = |device: &Path, file| {
        let text = fs::read_to_string(device.join(file)).ok()?;
        u16::from_str_radix(text.trim(), 16).ok()
    };
    let devices = devices.filter_map(Result::ok).map(|device| device.path());
    let mut ids: Vec<_> = devices
        .filter_map(|device| Some((number(&device, "idVendor")?, number(&device, "idProduct")?)))
        .collect();
    ids.sort_unstable();
    ids
}
