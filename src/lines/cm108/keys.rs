//! The pins of a CM108 are made for volume keys: to the kernel each opening of the squelch is a key press, which turns
//! the sound of a desktop down. As long as COS is open, those key presses are kept from everybody else.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};

use super::identify::HidDevice;
use crate::lines::sys;
use crate::lines::sysfs::{DEV, names};

/// The key device appears beside the HID device, and udev gives its rights, within this.
const PATIENCE: Duration = Duration::from_secs(3);

/// The keys of one HID device.
#[derive(Debug)]
pub(super) struct Keys {
    /// For messages.
    device: String,
    /// The HID device in `/sys`.
    folder: PathBuf,
    /// Grabbed for as long as these are open.
    held: Vec<(PathBuf, OwnedFd)>,
    /// Looked for no longer than this; `None`: settled.
    until: Option<Instant>,
}

impl Keys {
    /// Grabs what is there already; [`Self::look`] grabs the rest.
    pub(super) fn new(device: &HidDevice, now: Instant) -> Self {
        let mut keys = Self {
            device: device.describe(),
            folder: device.folder.clone(),
            held: Vec::new(),
            until: Some(now + PATIENCE),
        };
        keys.look(now);
        keys
    }

    /// Grabs the key devices, until there is one and all are held, or patience ends: then the reason is told once.
    pub(super) fn look(&mut self, now: Instant) {
        let Some(until) = self.until else { return };
        let mut refused = None;
        for node in event_nodes(&self.folder, Path::new(DEV)) {
            if self.held.iter().all(|(held, _)| *held != node) {
                match grab(&node) {
                    Ok(fd) => self.held.push((node, fd)),
                    Err(error) => {
                        refused = refused.or(Some((node, error)).filter(|(_, error)| matters(error)));
                    }
                }
            }
        }
        match refused {
            None if !self.held.is_empty() => self.until = None,
            Some((node, error)) if now >= until => {
                tracing::warn!(
                    device = self.device, node = %node.display(), %error,
                    "each over on the radio is a volume key press for this machine: the key device cannot be kept from \
                     others; the package's udev rules (60-zello-gateway.rules) give the right to do so"
                );
                self.until = None;
            }
            // No key device at all: nothing to suppress.
            None if now >= until => self.until = None,
            None | Some(_) => {}
        }
    }
}

/// A key device that is not there, or that somebody else keeps from all others, changes nobody's volume.
fn matters(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ResourceBusy)
}

/// The key devices that the kernel made of a HID device: `input/inputN/eventM` in its folder.
fn event_nodes(folder: &Path, dev: &Path) -> Vec<PathBuf> {
    let inputs = folder.join("input");
    let events = names(&inputs).into_iter().flat_map(|input| names(&inputs.join(input)));
    events.filter(|name| name.starts_with("event")).map(|name| dev.join("input").join(name)).collect()
}

fn grab(node: &Path) -> io::Result<OwnedFd> {
    let fd = rustix::fs::open(node, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
    sys::grab_input(&fd)?;
    Ok(fd)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_key_devices_of_a_hid_device_are_found_in_its_folder() {
        let hid = tempfile::tempdir().unwrap();
        for name in
            ["input/input7/event5", "input/input7/capabilities", "input/input8/event6", "input/input8/mouse0"]
        {
            fs::create_dir_all(hid.path().join(name)).unwrap();
        }
        let nodes = event_nodes(hid.path(), Path::new("/dev"));
        assert_eq!(nodes, [Path::new("/dev/input/event5"), Path::new("/dev/input/event6")]);
        assert!(event_nodes(Path::new("/nowhere"), Path::new("/dev")).is_empty());
    }

    #[test]
    fn patience_ends_without_a_key_device_and_nothing_is_held() {
        let hid = tempfile::tempdir().unwrap();
        let now = Instant::now();
        let mut keys = Keys {
            device: String::new(),
            folder: hid.path().to_owned(),
            held: Vec::new(),
            until: Some(now + PATIENCE),
        };
        keys.look(now);
        assert!(keys.until.is_some());
        keys.look(now + PATIENCE);
        assert!(keys.until.is_none() && keys.held.is_empty());
    }
}
