//! `selftest`: everything that a gateway needs, tried on the real thing, and reported as a doctor does.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use self::ear::Ear;
use self::link::Link;
use self::report::{Finding, Report};
use self::rig::Rig;
use super::{check, out};
use crate::config::{Config, Ptt};
use crate::lines::guard::orphan;
use crate::lines::release;
use crate::privileges;

mod ear;
mod key;
mod link;
mod machine;
mod report;
mod rig;

/// What comes from the radio is looked at so often.
const LOOK: Duration = Duration::from_millis(5);

/// A device that does not answer for so long does not answer at all.
const RELEASE: Duration = Duration::from_secs(5);

/// Tries everything on the real radio: sound, lines, guard and log-on
///
/// Opens every device, logs on, listens for a while, and then asks before it keys the radio for about two seconds with a
/// tone. Proves that the guard releases the transmitter when the gateway stands still or dies. Each finding is one line:
/// ok, warning, fault or left out, and what to do. The gateway itself must not run meanwhile.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  systemctl stop zello-gateway@hilltop
  sudo -u zello-gateway zello-gateway selftest -c /etc/zello-gateway/hilltop.toml
  zello-gateway selftest -c gateway.toml --yes --listen 10

Exit codes: 0 all was tried and works (there may be warnings), 1 something does not or was
left out, 2 wrong command line.")]
pub struct Args {
    /// The configuration
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// Key the radio without asking
    #[arg(long)]
    yes: bool,
    /// How long COS and level are watched before
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=600))]
    listen: u16,
}

/// Runs the command.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    match check::read(&args.config, "tested") {
        Ok(config) => {
            // It knows the secrets that `run` knows. Refused, it is a test all the same.
            let _refused = privileges::hide();
            if examine(&config, args) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(code) => code,
    }
}

fn examine(config: &Config, args: &Args) -> bool {
    let mut report = Report::new(out::say);
    report.add(Finding::ok("config", check::summary(config)));
    for finding in machine::look(Path::new("/"), &config.ptt) {
        report.add(finding);
    }
    if let Some(process) = orphan::holder(&config.ptt) {
        let name = args.config.file_stem().unwrap_or_default().to_string_lossy();
        report.add(Finding::fault(
            "ptt",
            format!("a gateway runs and has the line (its guard is process {process})"),
            format!("systemctl stop zello-gateway@{name}, then again"),
        ));
        return report.conclude();
    }
    for found in orphan::end(&config.ptt) {
        let text = super::ptt::told_orphan(&found);
        report.add(Finding::warning("ptt", text, "find out what froze it: the kernel log, systemctl freeze"));
    }
    let Ok(program) = std::env::current_exe() else {
        report.add(Finding::failed(
            "system",
            "this program's own file cannot be found: no guard can be started",
        ));
        return report.conclude();
    };
    let mut rig = Rig::open(config, &program, &mut |finding| report.add(finding));
    let link = log_on(config, &mut report);
    let before = listen(config, &mut rig, Duration::from_secs(args.listen.into()));
    if let Some(finding) = before.level(config).filter(|_| rig.has_capture()) {
        report.add(finding);
    }
    if rig.has_cos(config) {
        report.add(before.squelch(config));
    }
    transmit(config, &mut rig, &before, args.yes, &mut report);
    if let Some(lost) = link.and_then(Link::end) {
        report.add(lost);
    }
    report.conclude()
}

fn log_on(config: &Config, report: &mut Report<impl FnMut(&str)>) -> Option<Link> {
    match Link::start(config) {
        Ok(mut link) => {
            report.add(link.wait(&config.zello.channel));
            Some(link)
        }
        Err(error) => {
            report.add(Finding::failed(
                "zello",
                format!("the system refused what a connection needs: {error}"),
            ));
            None
        }
    }
}

/// Listens to the radio for a while.
fn listen(config: &Config, rig: &mut Rig, time: Duration) -> Ear {
    let mut ear = Ear::new(config);
    out::note(&format!("listening for {} s: let somebody talk on the radio", time.as_secs()));
    let began = Instant::now();
    while began.elapsed() < time {
        rig.listen(&mut ear);
        std::thread::sleep(LOOK);
    }
    ear
}

/// Keys the radio, if that is allowed, and takes the line once more from outside when all is over.
fn transmit(config: &Config, rig: &mut Rig, before: &Ear, yes: bool, report: &mut Report<impl FnMut(&str)>) {
    if config.ptt == Ptt::None || rig.guard.is_none() {
        return;
    }
    if let Err(why) = may_key(yes) {
        report.add(why);
        return;
    }
    let mut during = Ear::new(config);
    for finding in key::prove(config, rig, &mut during) {
        report.add(finding);
    }
    if let Some(finding) = during.sidetone(before) {
        report.add(finding);
    }
    if during.was_open() && !before.was_open() {
        report.add(Finding::ok("cos", "opens while the radio is keyed, when it is not believed"));
    }
    report.add(match release(&config.ptt, RELEASE) {
        Ok(()) => Finding::ok("ptt", "can be released from outside, as by `ptt off`"),
        Err(why) => {
            Finding::failed("ptt", format!("cannot be released from outside: {}", super::ptt::told(&why)))
        }
    });
}

/// Whether the radio may be keyed; else what is left out, and why.
fn may_key(yes: bool) -> Result<(), Finding> {
    let unproven = "the radio was not keyed, and the guard is not proven";
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Finding::left_out(
            "ptt",
            format!("{unproven}: there is no terminal to ask at"),
            "--yes, when the frequency is free and you may transmit",
        ));
    }
    out::note("The radio will transmit for about two seconds. Is the frequency free, and may you? [y/N]");
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer) {
        Ok(_) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
        Ok(_) | Err(_) => {
            Err(Finding::left_out("ptt", format!("{unproven}: as answered"), "again, when it may"))
        }
    }
}
