//! `selftest` by the real program, at a radio of files and the simulated server.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may fail anywhere")]

use std::fs::OpenOptions;
use std::io::Write;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use zello_gateway::dsp::level::Level;

#[path = "support/daemon.rs"]
mod daemon;

use daemon::{Server, Site, until};

/// What it said, and how it ended.
struct Said {
    code: Option<i32>,
    text: String,
}

/// Runs `selftest` while this thread's runtime serves the simulator.
async fn selftest(site: &Site, stdin: Stdio, more: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zello-gateway"));
    command.args(["selftest", "--listen", "1", "-c"]).arg(site.write_config()).args(more);
    command.env_remove("CREDENTIALS_DIRECTORY").stdin(stdin);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    println!("{text}\n{}", String::from_utf8_lossy(&output.stderr));
    Said { code: output.status.code(), text }
}

/// A second of a voice-like buzz at about -20 dBFS.
fn buzz() -> Vec<f32> {
    (0..48_000).map(|n| if n % 40 < 20 { 0.1 } else { -0.1 }).collect()
}

fn levels(site: &Site) -> Vec<bool> {
    site.ptt().iter().map(|(_, keyed)| *keyed).collect()
}

/// The lines that are the same on every machine, busy or not, with `#` for numbers.
fn lines(site: &Site, text: &str) -> String {
    let folder = site.path("").display().to_string();
    let text = text.replace(folder.trim_end_matches('/'), "SITE");
    let varies = ["  watchdog  ", "  guard  ", "a tone of", "ran dry"];
    let same = text.lines().filter(|line| !varies.iter().any(|word| line.contains(word)));
    let mut shown = String::new();
    for c in same.flat_map(|line| line.chars().chain(['\n'])) {
        match (c, shown.chars().last()) {
            ('0'..='9' | '.', Some('#')) => {}
            ('0'..='9', _) => shown.push('#'),
            _ => shown.push(c),
        }
    }
    shown
}

#[tokio::test]
async fn a_gateway_that_works_passes_and_its_guard_is_proven() {
    let server = Server::start().await;
    let site = Site::hearing(server.port, &buzz());
    let talks = async {
        site.squelch("on").await;
        site.squelch("off").await;
    };
    let (said, ()) = tokio::join!(selftest(&site, Stdio::null(), &["--yes"]), talks);
    assert_eq!(said.code, Some(0), "{}", said.text);
    insta::assert_snapshot!("selftest-passed", lines(&site, &said.text));
    assert!(said.text.contains("ms after no heartbeat comes"), "{}", said.text);
    assert!(said.text.contains("ms after the gateway is gone"), "{}", said.text);
    assert_eq!(levels(&site), [true, false].repeat(3));
    let ptt = site.ptt();
    assert!((1.3..2.5).contains(&(ptt[1].0 - ptt[0].0)), "lead, tone and tail: {ptt:?}");
    let spoken = site.said();
    let tone = spoken.iter().filter(|sample| sample.abs() > 0.01).count();
    assert!((14_000..=16_000).contains(&tone), "{tone} samples of a second are loud");
    assert!((Level::of(&spoken).peak - 0.25).abs() < 0.01, "as loud as speech");
}

#[tokio::test]
async fn without_a_terminal_and_without_yes_nothing_is_keyed_and_that_is_said() {
    let server = Server::start().await;
    let site = Site::new(server.port);
    let said = selftest(&site, Stdio::null(), &[]).await;
    assert_eq!(said.code, Some(1), "{}", said.text);
    insta::assert_snapshot!("selftest-not-keyed", lines(&site, &said.text));
    assert!(levels(&site).is_empty());
}

#[tokio::test]
async fn at_a_terminal_it_asks_before_it_keys() {
    for (answer, keyed) in [("y\n", true), ("\n", false)] {
        let server = Server::start().await;
        let site = Site::new(server.port);
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let person = OpenOptions::new().read(true).open(name.to_str().unwrap()).unwrap();
        // It is read when the question comes.
        std::fs::File::from(terminal.try_clone().unwrap()).write_all(answer.as_bytes()).unwrap();
        let said = selftest(&site, Stdio::from(person), &[]).await;
        assert_eq!(levels(&site).is_empty(), !keyed, "{answer:?}: {}", said.text);
        assert_eq!(said.code, Some(i32::from(!keyed)), "{}", said.text);
        assert_eq!(said.text.contains("left out"), !keyed, "{}", said.text);
    }
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once() {
    let mut site = Site::hearing(1, &buzz());
    site.lines = "[ptt.log]\npath = \"nowhere/ptt.log\"\n[cos.fifo]\npath = \"nowhere/cos\"\n".to_owned();
    site.playback = "wav:nowhere/says.wav".to_owned();
    let said = selftest(&site, Stdio::null(), &["--yes"]).await;
    assert_eq!(said.code, Some(1), "{}", said.text);
    insta::assert_snapshot!("selftest-faults", lines(&site, &said.text));
}

#[tokio::test]
async fn the_line_of_a_gateway_that_runs_is_not_touched() {
    let server = Server::start().await;
    let site = Site::new(server.port);
    let running = site.start_online().await;
    let said = selftest(&site, Stdio::null(), &["--yes"]).await;
    assert_eq!(said.code, Some(1), "{}", said.text);
    let guard = format!("its guard is process {}", running.guard_pid());
    assert!(said.text.contains(&guard) && said.text.contains("systemctl stop"), "{}", said.text);
    assert!(levels(&site).is_empty());
    let online = || (running.log().matches(" online").count() == 1).then_some(());
    until("the gateway's first log-on is its only one", online, || running.log()).await;
    running.stop().await;
}

#[tokio::test]
async fn a_configuration_with_mistakes_is_told_as_by_check() {
    let mut site = Site::new(1);
    site.lines = "[ptt.log]\npath = \"ptt.log\"\nline = 17\n[cos.none]\n".to_owned();
    let said = selftest(&site, Stdio::null(), &[]).await;
    assert_eq!((said.code, said.text.as_str()), (Some(1), ""));
}
