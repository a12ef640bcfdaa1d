//! USB radio interfaces whose PTT and COS lines hang on a HID device: the CM108 family and what behaves like it.

use std::fs;
use std::path::{Path, PathBuf};

/// A HID device with lines for a radio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HidDevice {
    /// Its device, `/dev/hidraw0`; the number may differ after the next boot.
    pub path: PathBuf,
    /// Vendor and product.
    pub id: (u16, u16),
    /// As it calls itself.
    pub name: String,
    /// The chip, as far as the product number tells.
    pub chip: &'static str,
    /// ALSA id of the sound card in the same USB device.
    pub card: Option<String>,
    /// This user may open it for writing.
    pub open: bool,
}

/// The chip of a vendor and product number; `None`: not a radio interface.
fn chip(vendor: u16, product: u16) -> Option<&'static str> {
    match (vendor, product) {
        (0x0d8c, 0x0008..=0x000f) => Some("CM108, CM109 or CM119"),
        (0x0d8c, 0x0012) => Some("CM108B"),
        (0x0d8c, 0x0013) => Some("CM119B"),
        (0x0d8c, 0x0139) => Some("CM108AH"),
        (0x0d8c, 0x013c) => Some("CM108AH, or an HS100, which has no lines"),
        (0x0d8c, 0x013a) => Some("CM119A"),
        (0x0d8c, 0x0014 | 0x013b) => Some("C-Media, chip not known"),
        (0x0d8c, 0x6a00..=0x6aff) => Some("CM119 re-programmed by N1KDO or NHRC"),
        (0x0c76, 0x1605 | 0x1607 | 0x160b) => Some("SSS1621 or SSS1623"),
        (0x1209, 0x7388) => Some("AIOC"),
        _ => None,
    }
}

/// All radio interfaces under `sys`, in the order of their names.
pub(super) fn find(sys: &Path, dev: &Path) -> Vec<HidDevice> {
    let cards = cards(sys);
    let mut found: Vec<HidDevice> = names(&sys.join("class/hidraw"))
        .into_iter()
        .filter_map(|name| device(&sys.join("class/hidraw").join(&name), &dev.join(&name), &cards))
        .collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn device(class: &Path, path: &Path, cards: &[(PathBuf, String)]) -> Option<HidDevice> {
    let uevent = fs::read_to_string(class.join("device/uevent")).ok()?;
    let value = |key: &str| uevent.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let id = parse_id(value("HID_ID")?)?;
    let parent = usb_device(class);
    let card = cards.iter().find(|(of, _)| Some(of) == parent.as_ref()).map(|(_, id)| id.clone());
    Some(HidDevice {
        path: path.to_path_buf(),
        id,
        name: value("HID_NAME").unwrap_or("no name").to_owned(),
        chip: chip(id.0, id.1)?,
        card,
        open: fs::OpenOptions::new().read(true).write(true).open(path).is_ok(),
    })
}

/// "0003:00000D8C:0000000C": bus, vendor, product.
fn parse_id(text: &str) -> Option<(u16, u16)> {
    let mut parts =
        text.split(':').skip(1).map(|part| u16::try_from(u32::from_str_radix(part, 16).ok()?).ok());
    Some((parts.next()??, parts.next()??))
}

/// The sound cards' USB devices with the cards' ids.
fn cards(sys: &Path) -> Vec<(PathBuf, String)> {
    let class = sys.join("class/sound");
    names(&class)
        .iter()
        .filter(|name| name.starts_with("card"))
        .filter_map(|name| {
            let id = fs::read_to_string(class.join(name).join("id")).ok()?;
            Some((usb_device(&class.join(name))?, id.trim().to_owned()))
        })
        .collect()
}

/// The USB device to which an entry of a class belongs: the first ancestor that has a vendor number.
fn usb_device(class: &Path) -> Option<PathBuf> {
    let device = fs::canonicalize(class.join("device")).ok()?;
    device.ancestors().find(|above| above.join("idVendor").exists()).map(Path::to_path_buf)
}

/// Names in a folder; none when it does not exist.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}
