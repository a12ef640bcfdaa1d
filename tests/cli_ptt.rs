//! `ptt off`, by the real program: the transmitter is released whatever else is wrong.

#[path = "support/desk.rs"]
mod desk;
#[path = "support/program.rs"]
mod program;

use std::fs;

use desk::Desk;
use program::{Said, run, run_in};

fn off(desk: &Desk) -> Said {
    run_in(&desk.path(""), &["ptt", "off", "-c", "gw.toml"])
}

#[test]
fn a_line_left_keyed_is_released_though_the_account_is_broken_and_secrets_are_unreadable() {
    let desk = Desk::new();
    let text =
        b"[zello]\nservice = \"nobody\"\npassword_file = \"nowhere\"\nprivate_key_file = \"open-key.pem\"\n\
        [audio]\ncapture = 3\n[ptt.log]\npath = \"ptt.log\"\n";
    desk.write("gw.toml", text, 0o644);
    desk.write("ptt.log", b"1700000000.000000 on\n", 0o644);
    let said = off(&desk);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    assert_eq!(said.stdout, "gw.toml: the line of [ptt.log] is released\n");
    let log = fs::read_to_string(desk.path("ptt.log")).unwrap();
    assert!(log.lines().count() == 2 && log.ends_with(" off\n"), "{log}");
}

#[test]
fn a_gateway_without_a_line_has_nothing_to_release() {
    let desk = Desk::new();
    desk.write("gw.toml", b"[ptt.none]\n", 0o644);
    let said = off(&desk);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(said.stdout, "gw.toml: [ptt.none]: there is no line to release\n");
}

#[test]
fn a_line_that_is_not_known_is_a_failure_with_its_place() {
    let desk = Desk::new();
    desk.write("gw.toml", b"[ptt.gpio]\nline = 17\nactve = \"low\"\n", 0o644);
    let said = off(&desk);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
    insta::assert_snapshot!("ptt-off-misspelt", said.stderr);
}

#[test]
fn a_line_that_cannot_be_had_is_a_failure_with_the_reason() {
    let desk = Desk::new();
    desk.write("gw.toml", b"[ptt.gpio]\nchip = \"no-such-chip\"\nline = 17\n", 0o644);
    let said = off(&desk);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
    let wanted = "gw.toml: the line of [ptt.gpio] is not released: ";
    assert!(said.stderr.starts_with(wanted) && said.stderr.contains("no-such-chip"), "{}", said.stderr);
}

#[test]
fn a_configuration_that_is_not_there_is_a_failure() {
    let said = run(&["ptt", "off", "-c", "no/such/file.toml"]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("no/such/file.toml: does not exist"), "{}", said.stderr);
}
