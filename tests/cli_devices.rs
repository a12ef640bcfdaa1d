//! `devices`: what is found under a made-up `/sys` and `/dev`, and how it is told.
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare itself has failed")]

#[path = "support/program.rs"]
mod program;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use zello_gateway::audio::{Access, Offer, SampleFormat, SoundCard};
use zello_gateway::cli::devices::{Found, describe, look_in};
use zello_gateway::lines::gpio::{Chip, Line};

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn link(to: &Path, from: &Path) {
    fs::create_dir_all(from.parent().unwrap()).unwrap();
    symlink(to, from).unwrap();
}

/// A Pi with a CM108B fob (sound card "Device") and a keyboard, a serial adapter, and its own serial port.
fn machine(root: &Path) {
    let (sys, dev) = (root.join("sys"), root.join("dev"));
    let usb = sys.join("devices/usb1/1-1.2");
    write(&usb.join("idVendor"), "0d8c\n");
    write(
        &usb.join("1-1.2:1.3/hid/uevent"),
        "DRIVER=hid-generic\nHID_ID=0003:00000D8C:00000012\nHID_NAME=C-Media USB Audio\n",
    );
    link(&usb.join("1-1.2:1.3/hid"), &sys.join("class/hidraw/hidraw1/device"));
    write(&dev.join("hidraw1"), "");
    fs::create_dir_all(usb.join("1-1.2:1.0")).unwrap();
    link(&usb.join("1-1.2:1.0"), &sys.join("class/sound/card1/device"));
    write(&sys.join("class/sound/card1/id"), "Device\n");
    for (file, number) in [("idVendor", "0d8c"), ("idProduct", "0012")] {
        write(&sys.join("bus/usb/devices/1-1.2").join(file), &format!("{number}\n"));
    }
    let keyboard = sys.join("devices/usb1/1-1.3");
    write(&keyboard.join("hid/uevent"), "HID_ID=0003:0000046D:0000C31C\nHID_NAME=Keyboard\n");
    link(&keyboard.join("hid"), &sys.join("class/hidraw/hidraw0/device"));
    for (name, driver) in [("ttyUSB0", "cp210x"), ("ttyAMA0", "uart-pl011"), ("ttyS0", "serial8250")] {
        fs::create_dir_all(sys.join("drivers").join(driver)).unwrap();
        link(&sys.join("drivers").join(driver), &sys.join("class/tty").join(name).join("device/driver"));
        write(&dev.join(name), "");
    }
    fs::create_dir_all(sys.join("class/tty/tty1")).unwrap();
    let by_id = "serial/by-id/usb-Silicon_Labs_CP2102_0001-if00-port0";
    link(&dev.join("ttyUSB0"), &dev.join(by_id));
}

fn line(offset: u32, name: Option<&str>, used_by: Option<&str>) -> Line {
    Line { offset, name: name.map(str::to_owned), used_by: used_by.map(str::to_owned) }
}

#[test]
fn a_machine_with_everything_is_told_by_stable_names() {
    let root = tempfile::tempdir().unwrap();
    machine(root.path());
    let mut found = look_in(&root.path().join("sys"), &root.path().join("dev"));
    let offer =
        |channels| Offer { rates_hz: vec![44_100, 48_000], formats: vec![SampleFormat::S16], channels };
    found.sound.push(SoundCard {
        name: "hw:CARD=Device,DEV=0".to_owned(),
        card: "C-Media USB Audio at usb-1.2, full speed".to_owned(),
        device: "USB Audio".to_owned(),
        capture: Some(Access::Offers(offer((1, 1)))),
        playback: Some(Access::Refused("in use by another program".to_owned())),
    });
    let names: Vec<String> = (0..28).map(|offset| format!("GPIO{offset}")).collect();
    let lines = (0..54).map(|offset| {
        let name = names.get(offset as usize).map(String::as_str);
        line(offset, name, (offset == 4).then_some("onewire@0"))
    });
    let (path, name) = ("/dev/gpiochip0".into(), "gpiochip0".to_owned());
    found.gpio.push(Ok(Chip { path, name, label: "pinctrl-bcm2835".to_owned(), lines: lines.collect() }));
    found.gpio.push(Err("no right to open /dev/gpiochip1: join the group gpio".to_owned()));
    let text = describe(&found).replace(&root.path().display().to_string(), "");
    insta::assert_snapshot!("devices-pi", text);
}

#[test]
fn an_empty_machine_is_told_what_to_do() {
    insta::assert_snapshot!("devices-none", describe(&Found::default()));
}

#[test]
fn folders_that_do_not_exist_hold_nothing() {
    let found = look_in(Path::new("/no/such/sys"), Path::new("/no/such/dev"));
    assert!(found.hid.is_empty() && found.serial.is_empty());
}

#[test]
fn the_command_works_on_this_machine_whatever_it_has() {
    let said = program::run(&["devices"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(said.stderr, "");
    assert!(
        said.stdout.contains("Sound devices") && said.stdout.contains("Board profiles"),
        "{}",
        said.stdout
    );
}
