//! Which group and which command give the right to a device.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The group that usually has GPIO chips.
pub(super) const GPIO: &str = "gpio";

/// The group to which the gateway's udev rules give HID devices: that of the sound card in the same fob.
pub(super) const HID: &str = "audio";

/// The group that usually has serial ports.
pub(super) const SERIAL: &str = "dialout";

/// What to do so that the gateway's user may open `device`; `usual` is the group for devices of its kind.
pub(super) fn remedy(device: &Path, usual: &str) -> String {
    let group = fs::metadata(device).ok().map(|facts| facts.gid());
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    remedy_for(device, usual, group.and_then(|id| name_of(&groups, id)))
}

/// The name of group `id` in the text of `/etc/group`; root's does not count, for nobody should join it.
fn name_of(groups: &str, id: u32) -> Option<&str> {
    groups.lines().filter(|_| id != 0).find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then_some(name)
    })
}

fn remedy_for(device: &Path, usual: &str, group: Option<&str>) -> String {
    match group {
        Some(group) => format!(
            "it belongs to group {group}: run `sudo usermod -aG {group} USER` for the gateway's user, then log in again \
             or restart the service"
        ),
        None => format!(
            "it belongs to root alone: install the gateway's udev rules, or try `sudo chgrp {usual} {device}; sudo chmod \
             g+rw {device}` with a group of the gateway's user",
            device = device.display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: &str = "root:x:0:\ndialout:x:20:pi\ngpio:x:986:pi\n";

    #[test]
    fn the_group_of_the_device_and_its_command_are_named() {
        let text = remedy_for(Path::new("/dev/gpiochip0"), GPIO, name_of(GROUPS, 986));
        assert!(text.contains("sudo usermod -aG gpio USER"), "{text}");
    }

    #[test]
    fn nobody_is_told_to_join_the_group_root() {
        let text = remedy_for(Path::new("/dev/hidraw0"), HID, name_of(GROUPS, 0));
        assert!(text.contains("udev") && text.contains("chgrp audio") && !text.contains("usermod"), "{text}");
        assert_eq!(name_of(GROUPS, 7), None);
    }
}
