//! A guard that outlives its gateway and stands still: `ptt off` and the next start end it, and no other one.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use zello_gateway::config::Ptt;
use zello_gateway::lines::guard::settings;

#[path = "support/desk.rs"]
mod desk;
#[path = "support/freeze.rs"]
mod freeze;
#[path = "support/program.rs"]
mod program;

use desk::Desk;
use freeze::Frozen;
use program::{Said, run_in};

const AMPLE: Duration = Duration::from_secs(20);

/// A guard that has keyed, without a gateway. Dropped, it is killed.
struct Guard(Child);

impl Guard {
    fn keyed(folder: &Path, log: &str) -> Self {
        let line = settings::to_json(&Ptt::Log { path: log.into() }).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_zello-gateway"))
            .args(["guard", "--ptt", &line, "--time-out-ms", "60000"])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.as_mut().unwrap().write_all(b"K").unwrap();
        let guard = Self(child);
        until("the guard keys", || levels(&folder.join(log)) == [true]);
        guard
    }

    fn stop(&self) {
        let id = Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        kill_process(id, Signal::STOP).unwrap();
        until("the guard stands still", || self.state() == 'T');
    }

    /// Its gateway dies.
    fn orphan(&mut self) {
        drop(self.0.stdin.take());
    }

    fn state(&self) -> char {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
    }

    fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn until(what: &str, mut ready: impl FnMut() -> bool) {
    let started = Instant::now();
    while !ready() {
        assert!(started.elapsed() < AMPLE, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn levels(log: &Path) -> Vec<bool> {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines().map(|line| line.ends_with(" on")).collect()
}

fn off(desk: &Desk) -> Said {
    desk.write("gw.toml", b"[ptt.log]\npath = \"ptt.log\"\n", 0o644);
    run_in(&desk.path(""), &["ptt", "off", "-c", "gw.toml"])
}

fn assert_off(said: &Said) {
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(said.stdout, "gw.toml: the line of [ptt.log] is released\n");
}

#[test]
fn a_guard_that_stood_still_while_its_gateway_died_is_let_go_on_and_releases_by_itself() {
    let desk = Desk::new();
    let mut guard = Guard::keyed(&desk.path(""), "ptt.log");
    guard.stop();
    guard.orphan();
    let said = off(&desk);
    assert_off(&said);
    let told = format!(
        "gw.toml: the guard of a dead gateway (process {}) stood still; it has gone on and ended\n",
        guard.0.id()
    );
    assert_eq!(said.stderr, told);
    assert!(guard.has_ended());
    assert_eq!(levels(&desk.path("ptt.log")), [true, false]);
}

#[test]
fn an_orphan_that_cannot_go_on_is_killed_and_its_line_released_after_it() {
    let desk = Desk::new();
    let mut guard = Guard::keyed(&desk.path(""), "ptt.log");
    let frozen = Frozen::thread(guard.0.id(), "main");
    guard.orphan();
    let said = off(&desk);
    assert_off(&said);
    assert!(said.stderr.ends_with("stood still and is killed\n"), "{}", said.stderr);
    assert!(frozen.has_ended());
    assert_eq!(levels(&desk.path("ptt.log")), [true, false]);
}

#[test]
fn a_guard_whose_gateway_lives_is_told_and_left_alone_though_both_stand_still() {
    let desk = Desk::new();
    let guard = Guard::keyed(&desk.path(""), "ptt.log");
    guard.stop();
    let said = off(&desk);
    assert_off(&said);
    let told = format!(
        "gw.toml: a running gateway has this line (its guard is process {}) and may key it again at any moment\n   \
         help: systemctl stop zello-gateway@gw\n",
        guard.0.id()
    );
    assert_eq!((said.stderr, guard.state()), (told, 'T'));
}

#[test]
fn the_orphan_of_another_radio_is_left_alone() {
    let desk = Desk::new();
    let mut guard = Guard::keyed(&desk.path("folder"), "ptt.log");
    guard.stop();
    guard.orphan();
    let said = off(&desk);
    assert_off(&said);
    assert_eq!((said.stderr.as_str(), guard.state()), ("", 'T'));
    assert_eq!(levels(&desk.path("folder/ptt.log")), [true], "not even its line");
}
