//! Board profiles: what is known about a kind of wiring, built into the program or in a file of the user's.

use std::path::Path;

use super::complaint::Source;

/// The files of `boards/` with their texts.
macro_rules! built_in {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../boards/", $name, ".toml")))),*]
    };
}

/// Profiles by name, with their texts.
const PROFILES: &[(&str, &str)] = built_in! {
    "cm108-generic" "pi-cm108" "cm119-uri" "ra40" "shari" "sss1623"
    "aioc-serial" "aioc-hid" "aioc-12"
    "digirig-mobile" "digirig-lite" "vox-signalink" "serial-rts" "serial-dtr"
    "pi-gpio-transistor" "pi5-gpio-transistor" "svxlinkbuilder-23-24" "svxspot-hat"
    "draws-left" "draws-right" "horus-sa818" "wm8960-hat" "codec-zero" "orangepi-h3"
};

/// The names of all profiles that are built in.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROFILES.iter().map(|(name, _)| *name)
}

/// The text of the profile `name`.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    PROFILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Whether `board = "…"` means a file of the user's: a path, or a name that ends in `.toml`.
pub(crate) fn is_file(board: &str) -> bool {
    board.contains('/') || Path::new(board).extension().is_some_and(|end| end == "toml")
}

/// The profile's text, named so that complaints lead to it.
pub(crate) fn source(name: &str) -> Option<Source> {
    let text = text(name)?.to_owned();
    Some(Source { name: format!("boards/{name}.toml (built in)"), text })
}

/// What a profile says about itself.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// One line.
    pub title: String,
    /// How radio and board are joined, for a person with a soldering iron.
    pub wiring: String,
    /// What goes wrong with it, and what to do.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Of these, what it shares with other boards.
    #[serde(default)]
    pub hazards: Vec<Hazard>,
    /// Where the facts come from.
    pub source: String,
    /// Labels of GPIO chips, one of which makes it fit.
    #[serde(default)]
    pub chips: Vec<String>,
    /// Parts of ALSA card ids, one of which makes it fit.
    #[serde(default)]
    pub cards: Vec<String>,
    /// USB devices, `0d8c:0012`, one of which makes it fit; with a `+` between: both of them.
    #[serde(default)]
    pub usb: Vec<String>,
}

/// A warning that many boards share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hazard {
    /// A HID pin keeps its level.
    FobKeepsPtt,
    /// The card sends back, or pumps.
    SidetoneAgc,
    /// Radio frequency on USB.
    Rfi,
    /// Raspberry Pi OS keeps levels.
    PiOsKeepsPtt,
    /// Pins that a codec takes.
    I2s,
    /// What drops a modem line.
    Hupcl,
    /// Opening a port pulses its lines.
    PulseAtOpen,
    /// The AIOC guesses COS from the sound.
    Vcos,
}

impl Hazard {
    /// The warning.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::FobKeepsPtt => {
                "A fob stays keyed until it is told otherwise or loses USB power. The guard tells it; a hung \
                 kernel does not: set the radio's own time-out timer."
            }
            Self::SidetoneAgc => {
                "Sidetone (Mic playback) sends what is heard back to the radio, Auto Gain Control pumps noise: \
                 both off, by set_mixer or alsamixer."
            }
            Self::Rfi => {
                "Radio frequency on the USB cable throws the fob off the bus: ferrites, short cable, distance to \
                 the antenna."
            }
            Self::PiOsKeepsPtt => {
                "Raspberry Pi OS keeps the level of a line whose program is gone: add dtparam=strict_gpiod to \
                 config.txt. A hung kernel keeps it in any case."
            }
            Self::I2s => "The codec takes GPIO18-21 (I2S) and GPIO2-3 (I2C): never use those for PTT or COS.",
            Self::Hupcl => {
                "HUPCL must stay set on the port (no `stty -hupcl`): then the kernel drops the line when its \
                 program dies. A hung kernel keeps it."
            }
            Self::PulseAtOpen => {
                "Opening a port raises RTS and DTR for a moment on most drivers: the radio may be keyed briefly \
                 at start."
            }
            Self::Vcos => {
                "COS is a virtual one: the AIOC judges the sound, so it comes late and 200 ms long. Chatter: a \
                 longer tail (AIOC tools; 1500 ms is common) or hang_ms."
            }
        }
    }
}

/// What the profile `name` says about itself.
#[must_use]
pub fn about(name: &str) -> Option<About> {
    #[derive(serde::Deserialize)]
    struct Profile {
        about: About,
    }
    toml::from_str::<Profile>(text(name)?).ok().map(|profile| profile.about)
}

/// The settings of the profile `name` as it writes them: its text without `[about]`.
#[must_use]
pub fn settings(name: &str) -> Option<String> {
    let mut about = true;
    let lines = text(name)?.split_inclusive('\n').filter(|line| {
        if line.starts_with('[') {
            about = line.starts_with("[about]");
        }
        !about
    });
    Some(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All profiles together: they live in the program, whose size is bounded.
    const MOST_BYTES: usize = 24 * 1024;

    #[test]
    fn every_profile_tells_about_itself_and_what_it_fits() {
        for name in names() {
            let about = about(name).unwrap_or_else(|| panic!("{name} has no complete [about]"));
            let keys = about.chips.len() + about.cards.len() + about.usb.len();
            assert!(keys > 0, "{name} fits nothing");
            assert!(about.title.len() <= 72, "{name}: the title is too long for a list");
            for line in about.wiring.lines().chain(about.warnings.iter().map(String::as_str)) {
                assert!(!line.contains('\t') && line.len() <= 200, "{name}: {line}");
            }
            for id in about.usb.iter().flat_map(|both| both.split('+')) {
                let (vendor, product) = id.split_once(':').unwrap();
                for digits in [vendor, product] {
                    assert!(digits.len() == 4 && u16::from_str_radix(digits, 16).is_ok(), "{name}: {id}");
                }
            }
            let settings = settings(name).unwrap();
            assert!(settings.contains("[ptt.") && !settings.contains("[about]"), "{name}:\n{settings}");
        }
    }

    #[test]
    fn every_file_of_boards_but_the_example_is_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("boards");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap().replace(".toml", ""))
            .filter(|name| name != "example")
            .collect();
        let mut known: Vec<&str> = names().collect();
        files.sort();
        known.sort_unstable();
        assert_eq!(files, known);
        let bytes: usize = PROFILES.iter().map(|(_, text)| text.len()).sum();
        assert!(bytes <= MOST_BYTES, "the profiles have {bytes} bytes");
    }

    #[test]
    fn a_path_and_a_toml_name_are_files() {
        for file in ["my.toml", "./shari", "/etc/zello-gateway/boards/shari.toml"] {
            assert!(is_file(file), "{file}");
        }
        assert!(names().all(|name| !is_file(name)));
    }
}
