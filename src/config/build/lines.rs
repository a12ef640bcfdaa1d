//! `[ptt.*]` and `[cos.*]` become the lines of a [`Config`](crate::config::Config).

use super::{Builder, Built};
use crate::config::complaint::Complained;
use crate::config::schema::{Table, Value};
use crate::config::{
    Bias, Cos, GpioIn, GpioLine, GpioOut, HidBit, HidIn, HidName, HidOut, ModemIn, ModemInput, ModemOut,
    ModemOutput, Polarity, Ptt, Vox,
};

const BIASES: [(&str, Bias); 4] =
    [("as-is", Bias::AsIs), ("pull-up", Bias::PullUp), ("pull-down", Bias::PullDown), ("off", Bias::Off)];

const BITS: [(&str, HidBit); 12] = [
    ("volume-down", HidBit::VolumeDown),
    ("volume-up", HidBit::VolumeUp),
    ("mute-playback", HidBit::MutePlayback),
    ("mute-record", HidBit::MuteRecord),
    ("gpio1", HidBit::Gpio(1)),
    ("gpio2", HidBit::Gpio(2)),
    ("gpio3", HidBit::Gpio(3)),
    ("gpio4", HidBit::Gpio(4)),
    ("gpio5", HidBit::Gpio(5)),
    ("gpio6", HidBit::Gpio(6)),
    ("gpio7", HidBit::Gpio(7)),
    ("gpio8", HidBit::Gpio(8)),
];

const OUTPUTS: [(&str, ModemOutput); 2] = [("rts", ModemOutput::Rts), ("dtr", ModemOutput::Dtr)];

const INPUTS: [(&str, ModemInput); 4] =
    [("cts", ModemInput::Cts), ("dsr", ModemInput::Dsr), ("dcd", ModemInput::Dcd), ("ri", ModemInput::Ri)];

impl Builder<'_> {
    /// The PTT line; `card` is the sound card, whose USB device `device = "auto"` means.
    pub(super) fn ptt(&mut self, card: Built<Option<&str>>) -> Built<Ptt> {
        let table = self.settings.ptt?;
        match table.name {
            "ptt.gpio" => Ok(Ptt::Gpio(GpioOut {
                chip: self.text(table.name, "chip")?,
                line: self.line(table)?,
                active: self.polarity(table)?,
            })),
            "ptt.cm108" => Ok(Ptt::Cm108(HidOut {
                device: self.hid(table, card)?,
                gpio: u8::try_from(self.whole(table.name, "gpio")?).map_err(|_| Complained)?,
                active: self.polarity(table)?,
            })),
            "ptt.serial" => self.serial_ptt(table).map(Ptt::Serial),
            "ptt.log" => Ok(Ptt::Log { path: self.places.resolve(&self.need_text(table.name, "path")?) }),
            "ptt.none" => Ok(Ptt::None),
            _ => Err(Complained),
        }
    }

    /// The COS line; `card` as for [`Self::ptt`].
    pub(super) fn cos(&mut self, card: Built<Option<&str>>) -> Built<Cos> {
        let table = self.settings.cos?;
        let name = table.name;
        match name {
            "cos.gpio" => Ok(Cos::Gpio(GpioIn {
                chip: self.text(name, "chip")?,
                line: self.line(table)?,
                active: self.polarity(table)?,
                bias: self.word(name, "bias", &BIASES)?,
                debounce: self.millis(name, "debounce_ms")?,
            })),
            "cos.cm108" => Ok(Cos::Cm108(HidIn {
                device: self.hid(table, card)?,
                bit: self.word(name, "bit", &BITS)?,
                active: self.polarity(table)?,
                debounce: self.millis(name, "debounce_ms")?,
            })),
            "cos.serial" => Ok(Cos::Serial(ModemIn {
                port: self.places.resolve(&self.need_text(name, "port")?),
                line: self.word(name, "line", &INPUTS)?,
                active: self.polarity(table)?,
                debounce: self.millis(name, "debounce_ms")?,
            })),
            "cos.vox" => Ok(Cos::Vox(Vox {
                threshold_dbfs: self.level(name, "threshold_dbfs")?,
                attack: self.millis(name, "attack_ms")?,
                release: self.millis(name, "release_ms")?,
            })),
            "cos.fifo" => Ok(Cos::Fifo { path: self.places.resolve(&self.need_text(name, "path")?) }),
            "cos.none" => Ok(Cos::None),
            _ => Err(Complained),
        }
    }

    fn serial_ptt(&mut self, table: &Table) -> Built<ModemOut> {
        let active = self.polarity(table)?;
        if active == Polarity::Low {
            self.advise(
                table.name,
                "active",
                "`active` in [ptt.serial] is \"low\": RTS and DTR are low whenever nobody holds the port, so the radio is keyed then",
                "\"high\", with a wiring that keys by a high line",
                "let the line drive a transistor or an optocoupler: then high keys, and a dead gateway does not",
            );
        }
        Ok(ModemOut {
            port: self.places.resolve(&self.need_text(table.name, "port")?),
            line: self.word(table.name, "line", &OUTPUTS)?,
            active,
        })
    }

    fn line(&mut self, table: &Table) -> Built<GpioLine> {
        match self.need(table.name, "line")? {
            Value::Integer(offset) => u32::try_from(offset).map(GpioLine::Offset).map_err(|_| Complained),
            Value::Text(name) if name.bytes().all(|b| b.is_ascii_digit()) => Err(self.refuse(
                table.name,
                "line",
                "is a number in quotes",
                "an offset without quotes, or a name in quotes",
                &format!("write line = {name}"),
            )),
            Value::Text(name) => Ok(GpioLine::Name(name)),
            Value::Bool(_) | Value::Number(_) | Value::List(_) => Err(Complained),
        }
    }

    fn polarity(&self, table: &Table) -> Built<Polarity> {
        self.word(table.name, "active", &[("high", Polarity::High), ("low", Polarity::Low)])
    }

    fn hid(&mut self, table: &Table, card: Built<Option<&str>>) -> Built<HidName> {
        let name = self.need_text(table.name, "device")?;
        if name == "auto" {
            return match card? {
                Some(card) => Ok(HidName::OfCard(card.to_owned())),
                None => Err(self.refuse(
                    table.name,
                    "device",
                    "is \"auto\", but no sound card of [audio] tells which USB device is meant",
                    "a sound card by its name (hw:CARD=…), or a device other than \"auto\"",
                    "name the HID device itself; `zello-gateway devices` lists them",
                )),
            };
        }
        hid_name(&name, |path| self.places.resolve(path)).ok_or_else(|| {
            self.refuse(
                table.name,
                "device",
                &format!("is {name:?}"),
                "\"auto\", \"VENDOR:PRODUCT\", a USB port or a path",
                "write for example \"0d8c:0012\", \"1-1.2\" or \"/dev/hidraw0\"; `zello-gateway devices` lists them",
            )
        })
    }
}

/// What the name of a HID device other than `auto` means.
fn hid_name(name: &str, resolve: impl Fn(&str) -> std::path::PathBuf) -> Option<HidName> {
    let hex = |digits: &str| {
        let four = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        four.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
    };
    if name.contains('/') {
        return Some(HidName::Path(resolve(name)));
    }
    if let Some((vendor, product)) = name.split_once(':') {
        return Some(HidName::Id(hex(vendor)?, hex(product)?));
    }
    is_usb_port(name).then(|| HidName::Port(name.to_owned()))
}

/// A bus and the ports on the way to the device, as the kernel writes them: `1-1.2`.
fn is_usb_port(name: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    name.split_once('-').is_some_and(|(bus, ports)| number(bus) && ports.split('.').all(number))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_hid_device_is_named_by_id_port_or_path() {
        let named = |name: &str| hid_name(name, |path| PathBuf::from(path));
        assert_eq!(named("0d8c:0012"), Some(HidName::Id(0x0d8c, 0x0012)));
        assert_eq!(named("1209:7388"), Some(HidName::Id(0x1209, 0x7388)));
        assert_eq!(named("1-1.2"), Some(HidName::Port("1-1.2".to_owned())));
        assert_eq!(named("/dev/hidraw3"), Some(HidName::Path("/dev/hidraw3".into())));
        for wrong in ["d8c:12", "0d8c:", "hidraw0", "1-", "-1", "1-1.", "usb", "0d8c:0012:1", "+d8c:0012"] {
            assert_eq!(named(wrong), None, "{wrong}");
        }
    }
}
