//! From a path to a report: file, board profile, reader, builder.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use toml::de::DeValue;

use super::board;
use super::build::Builder;
use super::complaint::{Complained, Complaints, Place, Source};
use super::files::{Places, Refused, unreadable};
use super::hint;
use super::reader::{self, Layer};
use super::schema::{BOARD, PARTS};
use super::{Config, show};

/// What `board` takes.
const BOARDS: &str = "a name that `zello-gateway boards` lists, or a file such as \"my.toml\"";

/// What a reading brought to light.
#[derive(Debug)]
pub struct Report {
    /// The configuration, or everything that is wrong with it.
    pub config: Result<Config, Complaints>,
    /// What works, but is probably not meant.
    pub advice: Complaints,
    /// The merged settings as a TOML text without secrets; empty where the file is not TOML.
    pub effective: String,
}

/// Reads a configuration.
///
/// # Errors
/// Everything that is wrong with it, each with its place and its remedy.
pub fn load(path: &Path) -> Result<Config, Complaints> {
    read(path).config
}

/// Reads a configuration and tells all there is to say about it.
#[must_use]
pub fn read(path: &Path) -> Report {
    read_with(path, std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from))
}

/// As [`read`], with systemd's credentials in the folder `credentials`.
#[must_use]
pub fn read_with(path: &Path, credentials: Option<PathBuf>) -> Report {
    let mut complaints = Complaints::default();
    let mut advice = Complaints::default();
    let mut effective = String::new();
    let base = path.parent().unwrap_or_else(|| Path::new("")).to_path_buf();
    let places = Places { base, credentials };
    let config = open(path, &mut complaints)
        .and_then(|source| understand(&source, &places, &mut complaints, &mut advice, &mut effective));
    complaints.sort();
    advice.sort();
    let config = match config {
        Ok(config) if complaints.is_empty() => Ok(config),
        Ok(_) => Err(complaints),
        Err(Complained) => {
            if complaints.is_empty() {
                let help = "please report this with the file, without its secrets";
                let what = "the settings could not be put together".to_owned();
                complaints.add(Place::file(&path.display().to_string()), what, "a complaint", help);
            }
            Err(complaints)
        }
    };
    Report { config, advice, effective }
}

fn open(path: &Path, complaints: &mut Complaints) -> Result<Source, Complained> {
    let name = path.display().to_string();
    let bytes = bytes_of(path, complaints)?;
    String::from_utf8(bytes).map(|text| Source { name: name.clone(), text }).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let place = Source { name, text }.place(&(good..good));
        complaints.add(
            place,
            "the file is not UTF-8 text".to_owned(),
            "UTF-8",
            "save it as UTF-8: iconv -f latin1 -t utf-8 OLD > NEW",
        )
    })
}

/// The bytes of a configuration.
pub(super) fn bytes_of(path: &Path, complaints: &mut Complaints) -> Result<Vec<u8>, Complained> {
    std::fs::read(path).map_err(|error| {
        let name = path.display().to_string();
        let why = unreadable(path, &error);
        let what = why.what.strip_prefix(&format!("{name} ")).unwrap_or(&why.what).to_owned();
        let help = "check the name; boards/example.toml is a complete configuration to begin with";
        let help = if error.kind() == ErrorKind::NotFound { help } else { &why.help };
        complaints.add(Place::file(&name), what, "a configuration in TOML", help)
    })
}

fn understand(
    source: &Source,
    places: &Places,
    complaints: &mut Complaints,
    advice: &mut Complaints,
    effective: &mut String,
) -> Result<Config, Complained> {
    let user = Layer { source, table: reader::parse(source, complaints)?, is_board: false };
    // A wrong board is one complaint; without its values there would be many more, so the rest is not looked at.
    let (board, profile) = board_of(&user, places, complaints)?.unzip();
    let mut layers = vec![user];
    if let Some(profile) = &profile {
        layers.push(Layer { source: profile, table: reader::parse(profile, complaints)?, is_board: true });
    }
    let settings = reader::read(&layers, &PARTS, complaints);
    *effective = show::effective(&settings, board.as_deref());
    #[expect(
        clippy::disallowed_methods,
        reason = "whether a token has ended is a question to the wall clock"
    )]
    let now = SystemTime::now();
    Builder { settings: &settings, places, complaints, now, advice }.config(board)
}

pub(super) fn board_of(
    user: &Layer<'_>,
    places: &Places,
    complaints: &mut Complaints,
) -> Result<Option<(String, Source)>, Complained> {
    let Some(value) = user.table.get(BOARD.name) else { return Ok(None) };
    let place = || user.source.place(&value.span());
    let DeValue::String(name) = value.get_ref() else {
        let help = "put it in quotes: board = \"…\"";
        return Err(complaints.add(place(), "`board` is not text".to_owned(), BOARDS, help));
    };
    if board::is_file(name) {
        let source = board_file(&places.resolve(name))
            .map_err(|why| complaints.add(place(), format!("`board`: {}", why.what), BOARDS, &why.help))?;
        return Ok(Some((name.to_string(), source)));
    }
    if let Some(source) = board::source(name) {
        return Ok(Some((name.to_string(), source)));
    }
    let help = hint::nearest(name, board::names()).map_or_else(
        || {
            "see `zello-gateway boards`, or leave `board` out and write the lines of the wiring yourself"
                .to_owned()
        },
        |near| format!("did you mean \"{near}\"?"),
    );
    Err(complaints.add(place(), format!("there is no board {name:?}"), BOARDS, &help))
}

/// A profile of the user's.
fn board_file(path: &Path) -> Result<Source, Refused> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    let name = path.display().to_string();
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source { name, text }),
        Err(_) => Err(Refused {
            what: format!("{name} is not UTF-8 text"),
            help: "save it as UTF-8: iconv -f latin1 -t utf-8 OLD > NEW".to_owned(),
        }),
    }
}
