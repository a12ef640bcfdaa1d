//! `check` and `run` with good and bad configurations, by the real program.

#[path = "support/desk.rs"]
mod desk;
#[path = "support/program.rs"]
mod program;

use desk::Desk;
use program::{Said, run, run_in};

fn check(desk: &Desk, fixture: &str, args: &[&str]) -> Said {
    desk.fixture(fixture);
    run_in(&desk.path(""), &[&["check", "gw.toml"], args].concat())
}

#[test]
fn a_good_file_is_fine() {
    let said = check(&Desk::new(), "good-short", &[]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(said.stderr, "");
    insta::assert_snapshot!("check-fine", said.stdout);
}

#[test]
fn a_bad_file_fails_with_every_complaint_on_stderr() {
    let said = check(&Desk::new(), "wrong-kind", &[]);
    assert_eq!(said.code, Some(1));
    assert_eq!(said.stdout, "");
    insta::assert_snapshot!("check-complaints", said.stderr);
}

#[test]
fn a_file_that_does_not_exist_fails() {
    let said = run(&["check", "no/such/file.toml"]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("no/such/file.toml: does not exist"), "{}", said.stderr);
}

#[test]
fn advice_does_not_fail_and_keeps_off_stdout() {
    let said = check(&Desk::new(), "good-anonymous", &[]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    insta::assert_snapshot!("check-advice", said.stderr);
    assert_eq!(said.stdout.lines().count(), 1, "{}", said.stdout);
}

#[test]
fn the_merged_settings_are_a_configuration_again_and_hold_no_secret() {
    let desk = Desk::new();
    let first = check(&desk, "good-full", &["--effective"]);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    for secret in ["hunter2", "BEGIN"] {
        assert!(!first.stdout.contains(secret), "{}", first.stdout);
    }
    desk.write("again.toml", first.stdout.as_bytes(), 0o644);
    let again = run_in(&desk.path(""), &["check", "--effective", "again.toml"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let values = |text: &str| -> Vec<String> {
        text.lines()
            .map(|line| line.split(" # ").next().unwrap_or_default().trim().to_owned())
            .skip(1)
            .collect()
    };
    assert_eq!(values(&first.stdout), values(&again.stdout));
}

#[test]
fn run_refuses_what_check_refuses() {
    let desk = Desk::new();
    desk.fixture("wrong-kind");
    let said = run_in(&desk.path(""), &["run", "-c", "gw.toml"]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("gw.toml:15:6: [cos.gpoi] is not known"), "{}", said.stderr);
    assert!(said.stderr.ends_with("gw.toml: not started: 2 to put right\n"), "{}", said.stderr);
}
