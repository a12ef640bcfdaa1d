//! `boards`: the list, one profile for a person, and as a file again.
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare itself has failed")]

#[path = "support/program.rs"]
mod program;

use program::run;
use zello_gateway::cli::boards::{list, show};
use zello_gateway::cli::devices::Found;
use zello_gateway::config::board;
use zello_gateway::lines::gpio::Chip;

/// A Pi 4 with a SHARI.
fn pi_with_shari() -> Found {
    let (path, name) = ("/dev/gpiochip0".into(), "gpiochip0".to_owned());
    let chip = Chip { path, name, label: "pinctrl-bcm2711".to_owned(), lines: vec![] };
    Found { gpio: vec![Ok(chip)], usb: vec![(0x0d8c, 0x0012), (0x1a86, 0x7523)], ..Found::default() }
}

#[test]
fn the_list_tells_what_fits() {
    insta::assert_snapshot!("boards-list", list(&pi_with_shari()));
}

#[test]
fn a_board_of_two_usb_devices_wants_both() {
    let fits = |found: &Found| show("shari", found).unwrap().contains("Fits this machine: yes");
    assert!(fits(&pi_with_shari()));
    assert!(!fits(&Found { usb: vec![(0x0d8c, 0x0012)], ..Found::default() }));
}

#[test]
fn a_board_is_shown_with_wiring_warnings_and_settings() {
    insta::assert_snapshot!("boards-shari", show("shari", &pi_with_shari()).unwrap());
    for name in board::names() {
        let text = show(name, &Found::default()).unwrap();
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(130), "{name}: a line of {widest:?} characters");
    }
}

#[test]
fn the_command_lists_and_shows_on_this_machine() {
    let said = run(&["boards"]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    assert!(
        board::names().all(|name| said.stdout.lines().any(|line| line.starts_with(name))),
        "{}",
        said.stdout
    );
    let said = run(&["boards", "ra40"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stdout.contains("DE-9") && said.stdout.contains("[ptt.cm108]"), "{}", said.stdout);
}

#[test]
fn a_board_printed_as_a_file_is_its_file() {
    let said = run(&["boards", "aioc-12", "--toml"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(said.stdout, board::text("aioc-12").unwrap());
}

#[test]
fn an_unknown_board_is_told_the_nearest() {
    let said = run(&["boards", "digirig-mobil"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
    assert!(
        said.stderr.contains("there is no board \"digirig-mobil\", did you mean \"digirig-mobile\"?"),
        "{}",
        said.stderr
    );
}
