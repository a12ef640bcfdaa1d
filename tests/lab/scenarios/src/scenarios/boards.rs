//! Boards: profiles that do not exist, and a chip that goes away.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::gpio::listed;
use crate::harness::{Lab, Scenario};
use crate::radio::{Radio, Wiring};
use crate::scene::{self, Scene};
use crate::unit::Setup;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "board",
        about: "A board's profile gives the lines; one that does not exist is refused with the nearest name.",
        body: board,
    },
    Scenario {
        name: "chip-gone",
        about: "The GPIO chip is not there: told, looked for, and used when it is back.",
        body: chip_gone,
    },
];

fn board(lab: &mut Lab) -> Result<()> {
    let misspelt = |setup: &mut Setup| {
        setup.lines = String::new();
        setup.board = Some("pi-gpio-tranistor".to_owned());
    };
    let scene = Scene::launch(lab, Radio::open(Wiring::Gpio, &lab.lines)?, misspelt)?;
    let refusal = scene.gateway.logged(0, "pi-gpio-tranistor");
    let advice = scene.gateway.logged(0, "pi-gpio-transistor");
    if refusal.is_err() || advice.is_err() {
        lab.evidence += &scene.gateway.journal.text();
    }
    refusal?;
    advice?;
    drop(scene);
    let right = |setup: &mut Setup| {
        setup.lines = String::new();
        setup.board = Some("pi-gpio-transistor".to_owned());
    };
    scene::with_setup(lab, Wiring::Gpio, right, |_, scene| scene.works())
}

/// Brings the chip back, whatever happens.
struct Gone(PathBuf);

impl Drop for Gone {
    fn drop(&mut self) {
        // Refused when it is there already.
        drop(fs::write(&self.0, "1"));
    }
}

fn chip_gone(lab: &mut Lab) -> Result<()> {
    let simulated = listed(std::path::Path::new("/sys/kernel/config/gpio-sim"), "")?;
    let live = simulated.first().context("configfs has no gpio-sim")?.join("live");
    let radio = Radio::open(Wiring::Gpio, &lab.lines)?;
    // This kernel cannot lose a chip whose edges somebody waits for, so it goes before the start.
    fs::write(&live, "0").context("the chip cannot be removed")?;
    let gone = Gone(live);
    let mut scene = Scene::launch(lab, radio, |_| ())?;
    let result = (|| {
        let fault = scene.gateway.logged(0, "no GPIO chip")?;
        lab.note(format!("told: {fault}"));
        drop(gone);
        scene.online(0)?;
        // The new chip has new numbers.
        scene.radio = Radio::open(Wiring::Gpio, &lab.lines)?;
        ensure!(!scene.radio.is_keyed()?, "the radio is keyed after the chip's return");
        scene.works()
    })();
    if result.is_err() {
        lab.evidence += &scene.gateway.journal.text();
    }
    result
}
