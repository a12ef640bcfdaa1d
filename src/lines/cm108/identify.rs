//! Which HID device the settings mean. Reads `/sys`, or a made-up one; opens no device.

use std::fs;
use std::path::{Path, PathBuf};

use super::chip::{self, Chip};
use crate::config::HidName;
use crate::lines::LineError;
use crate::lines::sysfs::{names, usb_device};

/// What the kernel tells about HID devices and sound cards.
#[derive(Debug, Default)]
pub struct Machine {
    /// All HID devices, radio interfaces or not, in the order of their names.
    pub hids: Vec<HidDevice>,
    /// All sound cards.
    cards: Vec<Card>,
}

/// A HID device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HidDevice {
    /// Its device, `/dev/hidraw0`; the number may differ after the next boot.
    pub path: PathBuf,
    /// Vendor and product.
    pub id: (u16, u16),
    /// As it calls itself.
    pub name: String,
    /// `None`: not a radio interface.
    pub chip: Option<&'static Chip>,
    /// Where it is plugged in, `1-1.2`; `None`: not by USB.
    pub port: Option<String>,
    /// ALSA id of the sound card in the same USB device.
    pub card: Option<String>,
    /// Its folder in `/sys`.
    pub(super) folder: PathBuf,
    /// The USB device that it is a part of.
    pub(super) usb: Option<PathBuf>,
}

#[derive(Debug)]
struct Card {
    number: String,
    id: String,
    usb: Option<PathBuf>,
}

impl HidDevice {
    /// For messages: numbers, name and port.
    #[must_use]
    pub fn describe(&self) -> String {
        let (vendor, product) = self.id;
        let place = self
            .port
            .as_ref()
            .map_or_else(|| self.path.display().to_string(), |port| format!("USB port {port}"));
        format!("{vendor:04x}:{product:04x} {} on {place}", self.name)
    }

    /// What to write as `device` to mean this one and no other.
    #[must_use]
    pub fn setting(&self) -> String {
        self.port.clone().unwrap_or_else(|| self.path.display().to_string())
    }
}

/// All HID devices and sound cards under `sys`; `dev` is where their devices are.
#[must_use]
pub fn look(sys: &Path, dev: &Path) -> Machine {
    let cards = cards(sys);
    let class = sys.join("class/hidraw");
    let hids =
        names(&class).iter().filter_map(|name| hid(&class.join(name), dev.join(name), &cards)).collect();
    Machine { hids, cards }
}

fn hid(class: &Path, path: PathBuf, cards: &[Card]) -> Option<HidDevice> {
    let folder = fs::canonicalize(class.join("device")).ok()?;
    let uevent = fs::read_to_string(folder.join("uevent")).ok()?;
    let value = |key: &str| uevent.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let id = parse_id(value("HID_ID")?)?;
    let usb = usb_device(class);
    let card = usb.as_ref().and_then(|usb| cards.iter().find(|card| card.usb.as_ref() == Some(usb)));
    Some(HidDevice {
        path,
        id,
        name: value("HID_NAME").unwrap_or("no name").trim().to_owned(),
        chip: chip::chip(id.0, id.1),
        port: usb.as_ref().and_then(|usb| Some(usb.file_name()?.to_str()?.to_owned())),
        card: card.map(|card| card.id.clone()),
        folder,
        usb,
    })
}

/// "0003:00000D8C:0000000C": bus, vendor, product.
fn parse_id(text: &str) -> Option<(u16, u16)> {
    let mut parts =
        text.split(':').skip(1).map(|part| u16::try_from(u32::from_str_radix(part, 16).ok()?).ok());
    Some((parts.next()??, parts.next()??))
}

fn cards(sys: &Path) -> Vec<Card> {
    let class = sys.join("class/sound");
    names(&class)
        .iter()
        .filter_map(|name| {
            let number = name.strip_prefix("card")?.to_owned();
            let id = fs::read_to_string(class.join(name).join("id")).ok()?.trim().to_owned();
            Some(Card { number, id, usb: usb_device(&class.join(name)) })
        })
        .collect()
}

/// The device that the settings mean, with its chip.
///
/// # Errors
/// [`LineError::NoHid`], [`LineError::ManyHids`] and [`LineError::NotCm108`], with what there is instead.
pub fn choose<'a>(
    machine: &'a Machine,
    wanted: &HidName,
) -> Result<(&'a HidDevice, &'static Chip), LineError> {
    let all: Vec<&HidDevice> = match wanted {
        HidName::OfCard(card) => {
            let usb = usb_of(machine, card)?;
            machine.hids.iter().filter(|hid| hid.usb.as_ref() == Some(usb)).collect()
        }
        HidName::Id(vendor, product) => {
            machine.hids.iter().filter(|hid| hid.id == (*vendor, *product)).collect()
        }
        HidName::Port(port) => machine.hids.iter().filter(|hid| hid.port.as_ref() == Some(port)).collect(),
        HidName::Path(path) => {
            let real = fs::canonicalize(path);
            machine
                .hids
                .iter()
                .filter(|hid| hid.path == *path || real.as_ref().is_ok_and(|real| hid.path == *real))
                .collect()
        }
    };
    let fitting: Vec<_> = all.iter().filter_map(|hid| Some((*hid, hid.chip?))).collect();
    match (fitting.as_slice(), all.as_slice()) {
        ([one], _) => Ok(*one),
        ([], [other, ..]) => Err(LineError::NotCm108 { device: other.describe(), found: found(machine) }),
        ([], []) => Err(LineError::NoHid { wanted: describe(wanted), found: found(machine) }),
        ([(first, _), ..], _) => Err(LineError::ManyHids {
            wanted: describe(wanted),
            found: list(fitting.iter().map(|(hid, _)| *hid)),
            example: first.setting(),
        }),
    }
}

/// The USB device of a sound card, by ALSA id or number.
fn usb_of<'a>(machine: &'a Machine, wanted: &str) -> Result<&'a PathBuf, LineError> {
    let missing = |wanted: String| LineError::NoHid { wanted, found: found(machine) };
    let card = machine.cards.iter().find(|card| card.id == wanted || card.number == wanted);
    let card = card.ok_or_else(|| missing(format!("of sound card {wanted}, for there is no such card")))?;
    card.usb.as_ref().ok_or_else(|| missing(format!("of sound card {wanted}, for that is no USB device")))
}

fn describe(wanted: &HidName) -> String {
    match wanted {
        HidName::OfCard(card) => format!("in the USB device of sound card {card}"),
        HidName::Id(vendor, product) => format!("with the numbers {vendor:04x}:{product:04x}"),
        HidName::Port(port) => format!("on USB port {port}"),
        HidName::Path(path) => format!("at {}", path.display()),
    }
}

/// The radio interfaces of the machine, and what to do.
fn found(machine: &Machine) -> String {
    let all = list(machine.hids.iter().filter(|hid| hid.chip.is_some()));
    if all.is_empty() {
        return "none of the CM108 type: is the interface plugged in, does `lsusb` show it?".to_owned();
    }
    format!("{all}: set `device` to the numbers or the USB port of the one that is meant")
}

fn list<'a>(hids: impl Iterator<Item = &'a HidDevice>) -> String {
    hids.map(HidDevice::describe).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
