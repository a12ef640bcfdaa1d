//! The PTT line alone, out of a file that may be broken elsewhere: a transmitter must be released whatever is wrong with
//! the account.
//!
//! Lenient about the rest, strict about the line: a misspelt `active` must not key what is to be released.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::build::Builder;
use super::complaint::{Complained, Complaints, Place, Source};
use super::files::Places;
use super::load::{board_of, bytes_of};
use super::reader::{self, Layer, Settings};
use super::schema::{BOARD, PARTS, PTT, Part, Value};
use super::{AudioDevice, Ptt};

/// Reads the PTT line of a configuration, and the name of the table that has it. Nothing else needs to be right.
///
/// # Errors
/// What is wrong with the line's table, or with the board profile behind it.
pub fn read_ptt(path: &Path) -> Result<(&'static str, Ptt), Complaints> {
    let mut complaints = Complaints::default();
    let name = path.display().to_string();
    let found = bytes_of(path, &mut complaints).and_then(|bytes| {
        let source = Source { name: name.clone(), text: String::from_utf8_lossy(&bytes).into_owned() };
        let base = path.parent().unwrap_or_else(|| Path::new("")).to_path_buf();
        find(&readable_part(source), base, &mut complaints)
    });
    found.map_err(|Complained| {
        if complaints.is_empty() {
            let help = "run `zello-gateway check` on it, and put right what it says";
            let what = "its [ptt.*] table cannot be read".to_owned();
            complaints.add(Place::file(&name), what, "the table of a PTT line", help);
        }
        complaints.sort();
        complaints
    })
}

/// Where the whole text is no TOML: the tables that the line needs, if these are. Lines keep their numbers.
fn readable_part(source: Source) -> Source {
    let is_toml = |source: &Source| reader::parse(source, &mut Complaints::default()).is_ok();
    let part = |tables: &[&str]| Source { name: source.name.clone(), text: only(&source.text, tables) };
    // The sound card's own HID may be meant, so [audio] is kept where it can be read.
    let parts = [part(&[PTT.name, "audio"]), part(&[PTT.name])];
    if is_toml(&source) { source } else { parts.into_iter().find(is_toml).unwrap_or(source) }
}

/// The text with every line blank that belongs neither to one of the tables nor to the board's key above all tables.
fn only(text: &str, tables: &[&str]) -> String {
    let mut keep = None;
    let mut lines = Vec::new();
    for line in text.lines() {
        if let Some(header) = line.trim_start().strip_prefix('[') {
            let name = header.split([']', '.']).next().unwrap_or_default().trim();
            keep = Some(tables.contains(&name));
        }
        let is_board = || line.split('=').next().is_some_and(|key| key.trim() == BOARD.name);
        lines.push(if keep.unwrap_or_else(is_board) { line } else { "" });
    }
    lines.join("\n")
}

fn find(
    source: &Source,
    base: PathBuf,
    complaints: &mut Complaints,
) -> Result<(&'static str, Ptt), Complained> {
    let user = Layer { source, table: reader::parse(source, complaints)?, is_board: false };
    let places = Places { base, credentials: None };
    let board = board_of(&user, &places, complaints)?;
    let mut layers = vec![user];
    if let Some((_, profile)) = &board {
        layers.push(Layer { source: profile, table: reader::parse(profile, complaints)?, is_board: true });
    }
    // Once with everything, for the line may need other tables; what is wrong in those does not matter.
    let settings = reader::read(&layers, &PARTS, &mut Complaints::default());
    for layer in &mut layers {
        let table = std::mem::take(&mut layer.table);
        layer.table = table.into_iter().filter(|(name, _)| name.get_ref() == PTT.name).collect();
    }
    let table = reader::read(&layers, &[Part::Choice(&PTT)], complaints).ptt?;
    if !complaints.is_empty() {
        return Err(Complained);
    }
    let mut advice = Complaints::default();
    let now = SystemTime::UNIX_EPOCH; // tokens have a time, lines have none
    let card = sound_card(&settings);
    let mut builder = Builder { settings: &settings, places: &places, complaints, now, advice: &mut advice };
    let ptt = builder.ptt(Ok(card.as_deref()))?;
    Ok((table.name, ptt))
}

/// The card that carries the sound, if either key of `[audio]` names one.
fn sound_card(settings: &Settings) -> Option<String> {
    ["playback", "capture"].into_iter().find_map(|key| match &settings.get("audio", key).ok()??.value {
        Value::Text(name) if name.starts_with("wav:") => None,
        Value::Text(name) => AudioDevice::Alsa(name.clone()).card().map(str::to_owned),
        Value::Bool(_) | Value::Integer(_) | Value::Number(_) | Value::List(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{GpioLine, GpioOut, Polarity};

    #[expect(clippy::unwrap_in_result, reason = "what fails here is the test's own folder")]
    fn read(text: &str) -> Result<(&'static str, Ptt), String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gw.toml");
        std::fs::write(&path, text).unwrap();
        read_ptt(&path).map_err(|complaints| complaints.to_string())
    }

    fn gpio(chip: Option<&str>, line: u32, active: Polarity) -> (&'static str, Ptt) {
        let chip = chip.map(str::to_owned);
        ("ptt.gpio", Ptt::Gpio(GpioOut { chip, line: GpioLine::Offset(line), active }))
    }

    #[test]
    fn the_line_suffices() {
        assert_eq!(read("[ptt.gpio]\nline = 17\nactive = \"low\"\n"), Ok(gpio(None, 17, Polarity::Low)));
    }

    #[test]
    fn whatever_is_wrong_elsewhere_does_not_matter() {
        for rest in [
            "[zello]\nservice = \"nobody\"\npassword_file = \"/nowhere\"\n",
            "[zelo]\nnonsense = 3\n",
            "[audio]\ncapture = 3\n",
            "[cos.gpio]\nline = 17\n[cos.vox]\n",
            "[zello\nthis is = no TOML\n",
            "[audio]\ncapture = \"no end\n",
            "[zello]\nchannel = \"\u{fffd}\"\n",
        ] {
            for text in [format!("{rest}[ptt.gpio]\nline = 17\n"), format!("[ptt.gpio]\nline = 17\n{rest}")] {
                assert_eq!(read(&text), Ok(gpio(None, 17, Polarity::High)), "{text}");
            }
        }
    }

    #[test]
    fn what_is_wrong_with_the_line_is_refused_and_nothing_else_is_named() {
        for (text, why) in [
            ("[zello]\nx = 1\n[ptt.gpio]\nline = 17\nactve = \"low\"\n", "gw.toml:5:1: `actve` is not a key"),
            ("[zello\n[ptt.gpio]\nline = 17\nactive = \"low\n", "gw.toml:4:"),
            ("[zello]\n[ptt.gpio]\n", "`line` is missing in [ptt.gpio]"),
            ("[ptt.gpio]\nline = 17\n[ptt.none]\n", "both given"),
            ("[ptt.relay]\n", "[ptt.relay] is not known"),
            ("[zello]\n", "there is no [ptt.*] table"),
            ("board = \"nothing-like-it\"\n[ptt.gpio]\nline = 17\n", "there is no board"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(why), "{text}\n{said}");
            assert!(!said.contains("[zello]"), "{said}");
        }
    }

    #[test]
    fn the_board_knows_the_line_also_where_the_file_is_no_toml() {
        let whole = read("board = \"pi-gpio-transistor\"\n").unwrap();
        let broken = read("board = \"pi-gpio-transistor\"\n[zello\nchannel = \"\n").unwrap();
        assert_eq!(whole, broken);
        assert_eq!(whole.0, "ptt.gpio");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let said = read_ptt(Path::new("/nowhere/gw.toml")).unwrap_err().to_string();
        assert!(said.contains("/nowhere/gw.toml") && said.contains("does not exist"), "{said}");
    }
}
