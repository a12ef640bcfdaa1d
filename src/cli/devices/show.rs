//! The list as text.

use std::fmt::Write as _;

use super::{Found, Interface};
use crate::audio::{Access, SoundCard};
use crate::config::board::{self, About};
use crate::lines::cm108::HidDevice;
use crate::lines::gpio::{Chip, Line};
use crate::lines::serial::SerialPort;

/// Widest line of a list of names.
const WIDTH: usize = 96;

/// Everything that was found, and what to do about what was not.
#[must_use]
pub fn describe(found: &Found) -> String {
    let mut text = String::new();
    sound(&mut text, &found.sound);
    gpio(&mut text, &found.gpio);
    hid(&mut text, &found.hid);
    serial(&mut text, &found.serial);
    boards(&mut text, found);
    text
}

/// Writing into a `String` cannot fail.
macro_rules! put {
    ($text:expr, $($what:tt)*) => {{ let _ = writeln!($text, $($what)*); }};
}

fn sound(text: &mut String, cards: &[SoundCard]) {
    put!(text, "Sound devices: for `capture` and `playback` in [audio]");
    if cards.is_empty() {
        put!(
            text,
            "  none. Plug a sound card in; `aplay -l` should list it. If it does there and not here, this user is"
        );
        put!(text, "  not in the group `audio`: sudo usermod -aG audio USER");
    }
    for card in cards {
        put!(text, "  {}", card.name);
        put!(text, "      {}: {}", card.card, card.device);
        put!(text, "      capture:  {}", access(card.capture.as_ref()));
        put!(text, "      playback: {}", access(card.playback.as_ref()));
    }
}

fn access(access: Option<&Access>) -> String {
    match access {
        None => "no".to_owned(),
        Some(Access::Offers(offer)) => offer.to_string(),
        Some(Access::Refused(why)) => why.clone(),
    }
}

fn gpio(text: &mut String, chips: &[Result<Chip, String>]) {
    put!(text, "\nGPIO chips: for `chip` and `line` in [ptt.gpio] and [cos.gpio]");
    if chips.is_empty() {
        put!(
            text,
            "  none: this machine has no GPIO. PTT and COS need another way; see [ptt.*] and [cos.*]."
        );
    }
    for chip in chips {
        match chip {
            Ok(chip) => one_chip(text, chip),
            Err(why) => put!(text, "  {why}"),
        }
    }
}

fn one_chip(text: &mut String, chip: &Chip) {
    put!(text, "  \"{}\"  ({}, {} lines)", chip.label, chip.path.display(), chip.lines.len());
    let named = |line: &Line| line.name.as_ref().map(|name| format!("{} {name}", line.offset));
    let used = |line: &Line| line.used_by.as_ref().map(|by| format!("{} by {by}", line.offset));
    list(text, "named: ", chip.lines.iter().filter_map(named));
    list(text, "in use:", chip.lines.iter().filter_map(used));
}

/// Items with commas between, folded.
fn list(text: &mut String, head: &str, items: impl Iterator<Item = String>) {
    let mut line = format!("      {head}");
    let margin = line.len();
    for item in items {
        if line.len() + item.len() + 2 > WIDTH && line.len() > margin {
            put!(text, "{line}");
            line = " ".repeat(margin);
        }
        let _ = write!(line, " {item},");
    }
    if line.len() > margin {
        put!(text, "{}", line.trim_end_matches(','));
    }
}

fn hid(text: &mut String, interfaces: &[Interface]) {
    put!(text, "\nUSB radio interfaces (CM108 type): for `device` in [ptt.cm108] and [cos.cm108]");
    if interfaces.is_empty() {
        put!(text, "  none.");
    }
    for Interface { device, open } in interfaces {
        put!(text, "  {} ({})", device.describe(), device.chip.map_or("chip not known", |chip| chip.name));
        put!(text, "      {}", how_to_name(device));
        if let Some(chip) = device.chip {
            let gpios: Vec<String> = chip.gpios.iter().map(u8::to_string).collect();
            put!(text, "      GPIO {}", gpios.join(", "));
        }
        let rights =
            if *open { "" } else { "; not open to this user: a udev rule must give it to the group audio" };
        put!(text, "      {}{rights}", device.path.display());
    }
}

/// What to write to mean this interface.
fn how_to_name(device: &HidDevice) -> String {
    let (vendor, product) = device.id;
    let numbers = format!("\"{vendor:04x}:{product:04x}\"");
    let port = device
        .port
        .as_ref()
        .map_or(String::new(), |port| format!(", or \"{port}\" to tell equal ones apart"));
    match &device.card {
        Some(card) => format!("device = \"auto\" with sound card {card}; else {numbers}{port}"),
        None => format!("device = {numbers}{port}; no sound card"),
    }
}

fn serial(text: &mut String, ports: &[SerialPort]) {
    put!(text, "\nSerial ports: for `port` in [ptt.serial] and [cos.serial]");
    if ports.is_empty() {
        put!(text, "  none.");
    }
    for port in ports {
        let (path, driver) = (port.path.display(), &port.driver);
        match &port.by_id {
            Some(link) => put!(text, "  {}  ({path}, driver {driver})", link.display()),
            None => put!(text, "  {path}  (driver {driver})"),
        }
    }
}

fn boards(text: &mut String, found: &Found) {
    put!(text, "\nBoard profiles that fit: for `board`");
    let fitting: Vec<(&str, About)> = board::names()
        .filter_map(|name| board::about(name).map(|about| (name, about)))
        .filter(|(_, about)| fits(about, found))
        .collect();
    if fitting.is_empty() {
        put!(text, "  none: write [ptt.*] and [cos.*] yourself; boards/example.toml shows how.");
    }
    for (name, about) in fitting {
        put!(text, "  {name}\n      {}", about.title);
    }
}

/// Whether this machine has what a profile is for: one of each kind that it names.
pub(crate) fn fits(about: &About, found: &Found) -> bool {
    let labels = || found.gpio.iter().filter_map(|chip| chip.as_ref().ok()).map(|chip| &chip.label);
    let chip = about.chips.is_empty() || labels().any(|label| about.chips.contains(label));
    let named = |part: &String| found.sound.iter().any(|card| card.name.contains(part.as_str()));
    let card = about.cards.is_empty() || about.cards.iter().any(named);
    let usb = about.usb.is_empty() || about.usb.iter().any(|all| all.split('+').all(|id| on_usb(id, found)));
    chip && card && usb
}

fn on_usb(id: &str, found: &Found) -> bool {
    let mut ids = found.usb.iter().copied().chain(found.hid.iter().map(|interface| interface.device.id));
    ids.any(|(vendor, product)| format!("{vendor:04x}:{product:04x}") == id)
}
