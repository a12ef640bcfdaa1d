//! The commands that need no running gateway: `devices` and `check`.

use std::fs;

use anyhow::{Result, ensure};

use crate::gpio::LABEL;
use crate::harness::{Lab, Scenario};
use crate::radio::{AIOC, FOB, Radio, Wiring};
use crate::shell;
use crate::unit::{PROGRAM, Setup};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "devices",
        about: "`devices` names every card, chip, line, HID, port and fitting board, also to the gateway's user.",
        body: devices,
    },
    Scenario {
        name: "check",
        about: "`check` takes a good configuration and refuses a bad one with its place.",
        body: check,
    },
];

/// The user of the service.
pub(super) const SERVICE_USER: &str = "zello-gateway";

/// Runs the program as a user with its usual groups; exit code and everything that it says.
pub(super) fn program_as(user: &str, args: &[&str]) -> Result<(Option<i32>, String)> {
    let mut all = vec!["-u", user, "--", PROGRAM];
    all.extend(args);
    let output = shell::output("runuser", &all)?;
    Ok((output.status.code(), shell::both(&output)))
}

fn devices(lab: &mut Lab) -> Result<()> {
    let (hid, serial) = (Radio::open(Wiring::Hid, &lab.lines)?, Radio::open(Wiring::Serial, &lab.lines)?);
    let expected = [
        ("the loopback card", "CARD=Loopback".to_owned()),
        ("the fob's card", format!("CARD={}", hid.card)),
        ("the cable's card", format!("CARD={}", serial.card)),
        ("the GPIO chip", LABEL.to_owned()),
        ("a line's name", "GPIO17".to_owned()),
        ("the fob", FOB.to_owned()),
        ("the fob's port", hid.gadget()?.port()?),
        ("the fob's HID", hid.gadget()?.hidraw()?.display().to_string()),
        ("the cable", AIOC.to_owned()),
        ("the cable's port", serial.gadget()?.port()?),
        ("the cable's serial port", "/dev/serial/by-id/".to_owned()),
        ("a board that fits the chip", "pi-gpio-transistor".to_owned()),
    ];
    for user in ["root", SERVICE_USER] {
        let (code, text) = program_as(user, &["devices"])?;
        for (what, words) in &expected {
            ensure!(text.contains(words), "{what}, {words:?}, is not told to {user}:\n{text}");
        }
        ensure!(!text.contains("not open to this user"), "{user} may not open something:\n{text}");
        ensure!(code == Some(0), "{user}: exit {code:?}\n{text}");
    }
    Ok(())
}

fn check(lab: &mut Lab) -> Result<()> {
    let folder = std::env::temp_dir().join("zello-gateway-lab-check");
    fs::create_dir_all(&folder)?;
    let (file, password) = (folder.join("good.toml"), folder.join("lab-password"));
    let lines = Radio::open(Wiring::Hid, &lab.lines)?.tables()?;
    let config = Setup::new(lines).config(8_008);
    fs::write(&file, &config)?;
    fs::write(&password, "secret")?;
    shell::run("chmod", &["600", &password.to_string_lossy()])?;
    let checked = |path: &std::path::Path| program_as("root", &["check", &path.to_string_lossy()]);
    let (code, text) = checked(&file)?;
    ensure!(code == Some(0) && text.contains("fine"), "a good file is refused: {code:?}\n{text}");
    let bad = folder.join("bad.toml");
    fs::write(&bad, config.replace("gpio = 3", "gpio = 9"))?;
    let (code, text) = checked(&bad)?;
    ensure!(code == Some(1), "a bad file is taken: {code:?}\n{text}");
    let line = 1 + config.lines().position(|line| line == "gpio = 3").unwrap_or_default();
    ensure!(text.contains(&format!("bad.toml:{line}")), "line {line} is not named:\n{text}");
    fs::remove_dir_all(&folder)?;
    Ok(())
}
