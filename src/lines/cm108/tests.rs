//! PTT and COS on a socket that stands in for a chip: the bytes that go out, and those that come in.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use super::device::Device;
use super::identify::HidDevice;
use super::{HidCos, HidPtt};
use crate::config::{HidBit, HidIn, HidName, HidOut, Polarity};
use crate::lines::{CosEdge, CosLine, LineError, PttLine};

const AMPLE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(5);

fn chip() -> (UnixStream, Device) {
    let (chip, ours) = UnixStream::pair().unwrap();
    let facts = HidDevice {
        path: PathBuf::from("/dev/hidraw0"),
        id: (0x0d8c, 0x0012),
        name: "Fob".to_owned(),
        port: Some("1-1.2".to_owned()),
        folder: PathBuf::from("/nowhere"),
        ..HidDevice::default()
    };
    ours.set_nonblocking(true).unwrap();
    (chip, Device { what: "line of the fob".to_owned(), fd: ours.into(), facts })
}

fn ptt(active: Polarity) -> (UnixStream, HidPtt) {
    let (chip, device) = chip();
    let settings = HidOut { device: HidName::Id(0x0d8c, 0x0012), gpio: 3, active };
    (chip, HidPtt::new(device, &settings).unwrap())
}

fn cos(bit: HidBit, active: Polarity) -> (UnixStream, HidCos) {
    let (chip, device) = chip();
    let settings = HidIn { device: HidName::Id(0x0d8c, 0x0012), bit, active, debounce: Duration::ZERO };
    (chip, HidCos::new(device, &settings).unwrap())
}

fn written(chip: &mut UnixStream) -> [u8; 5] {
    let mut report = [0; 5];
    chip.read_exact(&mut report).unwrap();
    report
}

#[test]
fn opening_releases_and_each_level_is_one_whole_report() {
    for (active, released, keyed) in [
        (Polarity::High, [0, 0, 0, 4, 0], [0, 0, 4, 4, 0]),
        (Polarity::Low, [0, 0, 4, 4, 0], [0, 0, 0, 4, 0]),
    ] {
        let (mut chip, mut line) = ptt(active);
        assert_eq!(written(&mut chip), released, "before anybody asks");
        line.set(true).unwrap();
        assert_eq!(written(&mut chip), keyed);
        line.set(false).unwrap();
        assert_eq!(written(&mut chip), released);
        line.check().unwrap();
    }
}

#[test]
fn an_unplugged_chip_is_noticed_by_a_look_and_by_a_write() {
    let (chip, mut line) = ptt(Polarity::High);
    drop(chip);
    let text = line.check().unwrap_err().to_string();
    assert!(text.contains("line of the fob is lost"), "{text}");
    assert!(matches!(line.set(true), Err(LineError::NotSet { .. })));
}

#[test]
fn cos_follows_its_pin_and_no_other() {
    let (mut chip, mut line) = cos(HidBit::VolumeDown, Polarity::Low);
    let mut told = |line: &mut HidCos, report: [u8; 4]| {
        chip.write_all(&report).unwrap();
        line.wait(SHORT).unwrap().map(|edge| edge.open)
    };
    assert!(
        matches!(line.wait(AMPLE).unwrap(), Some(CosEdge { open: false, .. })),
        "closed until a report comes"
    );
    assert_eq!(told(&mut line, [0x02, 0, 0, 0]), Some(true));
    assert_eq!(told(&mut line, [0x03, 0, 0, 0]), None, "another key");
    assert_eq!(told(&mut line, [0x03, 0x04, 0, 0]), None, "a GPIO");
    assert_eq!(told(&mut line, [0x01, 0x04, 0, 0]), Some(false));
}

#[test]
fn a_gpio_is_open_at_the_level_of_the_pin() {
    let (mut chip, mut line) = cos(HidBit::Gpio(3), Polarity::High);
    let _first = line.wait(AMPLE).unwrap();
    chip.write_all(&[0, 0x04, 0, 0]).unwrap();
    assert!(line.wait(AMPLE).unwrap().unwrap().open);
}

#[test]
fn a_wait_without_a_report_ends_at_its_limit_and_an_unplugged_chip_is_an_error() {
    let (chip, mut line) = cos(HidBit::VolumeDown, Polarity::Low);
    let _first = line.wait(AMPLE).unwrap();
    assert_eq!(line.wait(SHORT).unwrap(), None);
    drop(chip);
    let text = line.wait(AMPLE).unwrap_err().to_string();
    assert!(text.contains("line of the fob is lost") && text.contains("No such device"), "{text}");
}

#[test]
fn a_device_that_this_machine_does_not_have_is_named() {
    let device = HidName::Id(0xfffe, 0xffff);
    let text = HidPtt::open(&HidOut { device, gpio: 3, active: Polarity::High }).unwrap_err().to_string();
    assert!(text.contains("fffe:ffff"), "{text}");
}
