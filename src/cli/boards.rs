//! `boards`: what the board profiles are, with wiring and warnings.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::devices::{self, Found};
use super::out;
use crate::config::board::{self, About};
use crate::config::nearest;

/// Lists the board profiles, or shows one with its wiring, warnings and settings
///
/// A profile holds what is known about an interface between radio and computer; `board = "NAME"` makes its values the
/// defaults of a configuration. A changed copy is named by its file: board = "my.toml".
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  zello-gateway boards                          all of them, and which fit this machine
  zello-gateway boards shari                    wiring, warnings and settings of one
  zello-gateway boards shari --toml > my.toml   a copy to change, for board = \"my.toml\"")]
pub struct Args {
    /// The profile to show
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Print the profile as its file
    #[arg(long, requires = "name")]
    toml: bool,
}

/// Widest line that is written.
const WIDTH: usize = 96;

/// Runs the command.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    let Some(name) = &args.name else { return out::result(&list(&devices::look())) };
    match (board::text(name), args.toml) {
        (Some(text), true) => out::result(text),
        (Some(_), false) => match show(name, &devices::look()) {
            Some(text) => out::result(&text),
            None => out::failure(&format!("the profile {name} is damaged; please report this")),
        },
        (None, _) => {
            let near = nearest(name, board::names());
            let near = near.map_or_else(String::new, |near| format!(", did you mean {near:?}?"));
            out::failure(&format!(
                "there is no board {name:?}{near}\n   help: `zello-gateway boards` lists them all"
            ))
        }
    }
}

/// All profiles, a line each.
#[must_use]
pub fn list(found: &Found) -> String {
    let width = board::names().map(str::len).max().unwrap_or(0);
    let mut text = format!("{:width$}  fits  interface\n", "board");
    for (name, about) in board::names().filter_map(|name| Some((name, board::about(name)?))) {
        let fits = if devices::fits(&about, found) { "yes" } else { "" };
        let _ = writeln!(text, "{name:width$}  {fits:4}  {}", about.title);
    }
    text.push_str(
        "\n\"fits\": this machine has the chip, card or USB device. `zello-gateway boards NAME` shows one.\n",
    );
    text
}

/// One profile, for a person.
#[must_use]
pub fn show(name: &str, found: &Found) -> Option<String> {
    let (about, settings) = (board::about(name)?, board::settings(name)?);
    let fits = if devices::fits(&about, found) { "yes" } else { "no" };
    let mut text = format!("{name}: {}\n\nFits this machine: {fits}\n", about.title);
    fold(&mut text, &format!("it wants {}", wants(&about)));
    text.push_str("\nWiring\n");
    for line in about.wiring.trim_end().lines() {
        let _ = writeln!(text, "  {line}");
    }
    text.push_str("\nWarnings\n");
    let shared = about.hazards.iter().map(|hazard| hazard.text());
    for warning in about.warnings.iter().map(String::as_str).chain(shared) {
        fold(&mut text, warning);
    }
    text.push_str("\nSettings, unless your file says otherwise\n");
    for line in settings.trim_end().lines() {
        let _ = writeln!(text, "{}{line}", if line.is_empty() { "" } else { "  " });
    }
    let _ = write!(
        text,
        "\nSource\n  {}\n\nTo use it write as the first line of your file: board = {name:?}\n",
        about.source
    );
    Some(text)
}

/// "a GPIO chip a or b; USB c".
fn wants(about: &About) -> String {
    let keys = [("GPIO chip", &about.chips), ("sound card", &about.cards), ("USB", &about.usb)];
    let keys = keys.iter().filter(|(_, any)| !any.is_empty());
    keys.map(|(what, any)| format!("{what} {}", any.join(" or "))).collect::<Vec<_>>().join("; ")
}

/// A paragraph with a dash before it.
fn fold(text: &mut String, paragraph: &str) {
    let mut line = "  -".to_owned();
    for word in paragraph.split(' ') {
        if line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(text, "{line}");
            line.replace_range(.., "   ");
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(text, "{line}");
}
