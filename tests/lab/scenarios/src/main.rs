//! The lab's scenarios: the packaged gateway under systemd on a real ARM64 kernel, with its devices.
//!
//! ```text
//!   main ─▶ harness ─▶ scenarios ─▶ scene = gateway + server + radio + air
//!                                            │        │        │       │
//!                                       systemd,   simulator  GPIO,  loopback
//!                                       journal    and phone  HID,   sound card
//!                                                             serial
//! ```
//!
//! Times of the kernel's trace, of the simulator and of this program are all `CLOCK_MONOTONIC`.

mod card;
mod figures;
mod frozen;
mod gpio;
mod harness;
mod heap;
mod journal;
mod junit;
mod mono;
mod process;
mod radio;
mod resample;
mod scenarios;
mod scene;
mod server;
mod shell;
mod sound;
mod speech;
mod tape;
mod trace;
mod unit;
mod usb;
mod wall;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

use harness::{Lab, choose};

const USAGE: &str = "\
usage: zello-gateway-lab [--list] [--out DIR] [SCENARIO]...
  --list      name the scenarios, one a line
  --out DIR   where junit.xml, figures.json and the logs of failures go; default: .";

#[derive(Debug, Default, PartialEq)]
struct Args {
    list: bool,
    out: PathBuf,
    names: Vec<String>,
}

fn parse(words: impl IntoIterator<Item = String>) -> Result<Args> {
    let mut args = Args { out: ".".into(), ..Args::default() };
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--list" => args.list = true,
            "--out" => match words.next() {
                Some(folder) => args.out = folder.into(),
                None => bail!("--out needs a folder\n{USAGE}"),
            },
            option if option.starts_with('-') => bail!("unknown option {option}\n{USAGE}"),
            _ => args.names.push(word),
        }
    }
    Ok(args)
}

fn run() -> Result<bool> {
    let args = parse(std::env::args().skip(1))?;
    let all = scenarios::all();
    if args.list {
        for scenario in &all {
            println!("{:<24} {}", scenario.name, scenario.about);
        }
        return Ok(true);
    }
    let chosen = choose(&all, &args.names)?;
    let mut lab = Lab::new(&args.out)?;
    let (passed, failed) = lab.run(&chosen)?;
    println!("\n{}", lab.figures.table());
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("zello-gateway-lab: {error:#}");
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_names_and_two_options() {
        let parse = |words: &[&str]| parse(words.iter().map(|word| (*word).to_owned()));
        let names = vec!["vox".to_owned(), "check".to_owned()];
        let args = Args { list: false, out: "x".into(), names };
        assert_eq!(parse(&["vox", "--out", "x", "check"]).ok(), Some(args));
        assert!(parse(&["--list"]).is_ok_and(|args| args.list));
        assert!(parse(&["--out"]).is_err());
        assert!(parse(&["--fast"]).is_err());
    }

    #[test]
    fn every_scenario_has_its_own_name() {
        let mut names: Vec<&str> = scenarios::all().iter().map(|scenario| scenario.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
