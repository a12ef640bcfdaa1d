//! The PTT settings as an argument of the guard process: JSON, made and read by the same executable.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::{GpioLine, GpioOut, HidName, HidOut, ModemOut, ModemOutput, Polarity, Ptt};

/// Writes the settings for the command line of the guard.
///
/// # Errors
/// When a path is not UTF-8, which JSON cannot carry.
pub fn to_json(ptt: &Ptt) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Outer<'a>(#[serde(with = "PttJson")] &'a Ptt);
    serde_json::to_string(&Outer(ptt))
}

/// Reads the settings from the command line of the guard.
///
/// # Errors
/// When the text is not what [`to_json`] writes.
pub fn from_json(text: &str) -> Result<Ptt, serde_json::Error> {
    #[derive(Deserialize)]
    struct Outer(#[serde(with = "PttJson")] Ptt);
    serde_json::from_str(text).map(|Outer(ptt)| ptt)
}

/// Mirrors [`Ptt`]; the compiler keeps it true.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Ptt", rename_all = "kebab-case")]
enum PttJson {
    #[serde(with = "GpioOutJson")]
    Gpio(GpioOut),
    #[serde(with = "HidOutJson")]
    Cm108(HidOut),
    #[serde(with = "ModemOutJson")]
    Serial(ModemOut),
    Log {
        path: PathBuf,
    },
    None,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "GpioOut")]
struct GpioOutJson {
    chip: Option<String>,
    #[serde(with = "GpioLineJson")]
    line: GpioLine,
    #[serde(with = "PolarityJson")]
    active: Polarity,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "GpioLine", rename_all = "kebab-case")]
enum GpioLineJson {
    Offset(u32),
    Name(String),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "HidOut")]
struct HidOutJson {
    #[serde(with = "HidNameJson")]
    device: HidName,
    gpio: u8,
    #[serde(with = "PolarityJson")]
    active: Polarity,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "HidName", rename_all = "kebab-case")]
enum HidNameJson {
    OfCard(String),
    Id(u16, u16),
    Port(String),
    Path(PathBuf),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ModemOut")]
struct ModemOutJson {
    port: PathBuf,
    #[serde(with = "ModemOutputJson")]
    line: ModemOutput,
    #[serde(with = "PolarityJson")]
    active: Polarity,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ModemOutput", rename_all = "kebab-case")]
enum ModemOutputJson {
    Rts,
    Dtr,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Polarity", rename_all = "kebab-case")]
enum PolarityJson {
    High,
    Low,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_comes_through_as_it_was() {
        let gpio = |chip: Option<&str>, line, active| {
            Ptt::Gpio(GpioOut { chip: chip.map(str::to_owned), line, active })
        };
        let hid = |device, gpio, active| Ptt::Cm108(HidOut { device, gpio, active });
        let serial =
            |line, active| Ptt::Serial(ModemOut { port: "/dev/serial/by-id/usb-AIOC".into(), line, active });
        for ptt in [
            Ptt::None,
            hid(HidName::OfCard("Device".to_owned()), 3, Polarity::High),
            hid(HidName::Id(0x1209, 0x7388), 4, Polarity::Low),
            hid(HidName::Port("1-1.2".to_owned()), 3, Polarity::High),
            hid(HidName::Path("/dev/hidraw0".into()), 3, Polarity::High),
            serial(ModemOutput::Rts, Polarity::High),
            serial(ModemOutput::Dtr, Polarity::Low),
            Ptt::Log { path: "/tmp/with \"quotes\"/ptt.log".into() },
            gpio(None, GpioLine::Offset(17), Polarity::High),
            gpio(Some("pinctrl-rp1"), GpioLine::Name("GPIO17".to_owned()), Polarity::Low),
        ] {
            assert_eq!(from_json(&to_json(&ptt).unwrap()).unwrap(), ptt);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "{}", "\"gpio\"", "{\"log\":{}}", "{\"relay\":1}"] {
            assert!(from_json(text).is_err(), "{text}");
        }
    }
}
