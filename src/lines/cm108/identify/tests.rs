//! Made-up machines.

use std::os::unix::fs::symlink;

use super::*;

struct Fake(tempfile::TempDir);

impl Fake {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn sys(&self) -> PathBuf {
        self.0.path().join("sys")
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.sys().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(&self, to: &str, from: &str) {
        let from = self.sys().join(from);
        fs::create_dir_all(from.parent().unwrap()).unwrap();
        symlink(self.sys().join(to), from).unwrap();
    }

    /// A USB device with a HID part.
    fn hid(&self, port: &str, raw: &str, id: &str, name: &str) {
        let usb = format!("devices/usb1/{port}");
        self.write(&format!("{usb}/idVendor"), id);
        let hid = format!("{usb}/{port}:1.3/0003:{raw}");
        self.write(&format!("{hid}/uevent"), &format!("DRIVER=hid-generic\nHID_ID={id}\nHID_NAME={name}\n"));
        self.link(&hid, &format!("class/hidraw/{raw}/device"));
    }

    /// A sound card in a USB device, or in none.
    fn card(&self, place: &str, number: u8, id: &str) {
        let interface = format!("devices/{place}/{number}:1.0");
        fs::create_dir_all(self.sys().join(&interface)).unwrap();
        self.link(&interface, &format!("class/sound/card{number}/device"));
        self.write(&format!("class/sound/card{number}/id"), &format!("{id}\n"));
    }

    fn look(&self) -> Machine {
        look(&self.sys(), Path::new("/dev"))
    }

    fn chosen(&self, wanted: &HidName) -> PathBuf {
        choose(&self.look(), wanted).unwrap().0.path.clone()
    }

    fn refused(&self, wanted: &HidName) -> String {
        choose(&self.look(), wanted).unwrap_err().to_string()
    }
}

const CM108B: &str = "0003:00000D8C:00000012";

fn of_card(card: &str) -> HidName {
    HidName::OfCard(card.to_owned())
}

/// Two equal fobs, an AIOC, a keyboard, and the Pi's own sound.
fn shack() -> Fake {
    let fake = Fake::new();
    fake.hid("1-1.2", "hidraw1", CM108B, "C-Media USB Audio");
    fake.card("usb1/1-1.2", 1, "Device");
    fake.hid("1-1.3", "hidraw2", CM108B, "C-Media USB Audio");
    fake.card("usb1/1-1.3", 2, "Device_1");
    fake.hid("1-1.4", "hidraw3", "0003:00001209:00007388", "AIOC All-In-One-Cable");
    fake.card("usb1/1-1.4", 3, "AllInOneCable");
    fake.hid("1-1.5", "hidraw0", "0003:0000046D:0000C31C", "Keyboard");
    fake.card("platform", 0, "Headphones");
    fake
}

#[test]
fn a_device_is_found_by_its_sound_card_numbers_port_or_path() {
    let shack = shack();
    for (wanted, path) in [
        (of_card("Device"), "/dev/hidraw1"),
        (of_card("2"), "/dev/hidraw2"),
        (of_card("AllInOneCable"), "/dev/hidraw3"),
        (HidName::Id(0x1209, 0x7388), "/dev/hidraw3"),
        (HidName::Port("1-1.3".to_owned()), "/dev/hidraw2"),
        (HidName::Path("/dev/hidraw1".into()), "/dev/hidraw1"),
    ] {
        assert_eq!(shack.chosen(&wanted), Path::new(path), "{wanted:?}");
    }
}

#[test]
fn two_equal_fobs_are_not_guessed_between_but_named_by_their_ports() {
    let text = shack().refused(&HidName::Id(0x0d8c, 0x0012));
    assert!(
        text.contains("port 1-1.2") && text.contains("port 1-1.3") && text.contains("device = \"1-1.2\""),
        "{text}"
    );
}

#[test]
fn a_device_that_is_not_there_is_answered_with_those_that_are() {
    let text = shack().refused(&HidName::Id(0x0d8c, 0x000c));
    assert!(text.contains("0d8c:000c") && text.contains("AIOC") && !text.contains("Keyboard"), "{text}");
    let text = Fake::new().refused(&HidName::Port("1-1".to_owned()));
    assert!(text.contains("USB port 1-1") && text.contains("none of the CM108 type"), "{text}");
}

#[test]
fn a_sound_card_without_a_hid_device_is_told_with_the_reason() {
    let shack = shack();
    let text = shack.refused(&of_card("Headphones"));
    assert!(text.contains("Headphones") && text.contains("no USB device"), "{text}");
    let text = shack.refused(&of_card("Device_2"));
    assert!(text.contains("no such card"), "{text}");
    shack.hid("1-1.6", "hidraw9", "0003:000008BB:00002904", "SignaLink");
    fs::remove_file(shack.sys().join("class/hidraw/hidraw9/device")).unwrap();
    shack.card("usb1/1-1.6", 4, "CODEC");
    let text = shack.refused(&of_card("CODEC"));
    assert!(text.contains("in the USB device of sound card CODEC"), "{text}");
}

#[test]
fn a_device_that_is_no_cm108_is_refused_by_name() {
    let shack = shack();
    for wanted in
        [HidName::Path("/dev/hidraw0".into()), HidName::Port("1-1.5".to_owned()), HidName::Id(0x046d, 0xc31c)]
    {
        let text = shack.refused(&wanted);
        assert!(text.contains("046d:c31c Keyboard on USB port 1-1.5") && text.contains("AIOC"), "{text}");
    }
}

#[test]
fn a_hid_device_without_usb_is_found_by_numbers_or_path() {
    let fake = Fake::new();
    fake.write("devices/virtual/misc/uhid/0003:1/uevent", &format!("HID_ID={CM108B}\nHID_NAME=made up\n"));
    fake.link("devices/virtual/misc/uhid/0003:1", "class/hidraw/hidraw0/device");
    for wanted in [HidName::Id(0x0d8c, 0x0012), HidName::Path("/dev/hidraw0".into())] {
        assert_eq!(fake.chosen(&wanted), Path::new("/dev/hidraw0"));
    }
    assert_eq!(fake.look().hids[0].setting(), "/dev/hidraw0");
}

#[test]
fn the_second_hid_part_of_a_composite_device_does_not_hide_the_first() {
    let fake = shack();
    let keys = "devices/usb1/1-1.4/1-1.4:1.5/0003:9";
    fake.write(&format!("{keys}/uevent"), "HID_ID=0003:00001234:00000001\nHID_NAME=keys\n");
    fake.link(keys, "class/hidraw/hidraw4/device");
    assert_eq!(fake.chosen(&of_card("AllInOneCable")), Path::new("/dev/hidraw3"));
}
