//! The kernel's tree of devices under `/sys`, read by name. Takes the root as a parameter, so that a made-up one serves.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the tree is.
pub(crate) const SYS: &str = "/sys";

/// Where the devices are.
pub(crate) const DEV: &str = "/dev";

/// Names in a folder, sorted; none when it does not exist.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// The USB device to which an entry of a class belongs: the first ancestor that has a vendor number.
pub(crate) fn usb_device(class: &Path) -> Option<PathBuf> {
    let device = fs::canonicalize(class.join("device")).ok()?;
    device.ancestors().find(|above| above.join("idVendor").exists()).map(Path::to_path_buf)
}
