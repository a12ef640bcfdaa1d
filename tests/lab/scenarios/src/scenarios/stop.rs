//! A stop that was asked for, in the middle of a transmission.

use std::fs::File;
use std::io::Write as _;

use anyhow::{Result, ensure};
use rustix::process::Signal;

use crate::harness::{AMPLE, Lab, Scenario};
use crate::mono;
use crate::radio::Wiring;
use crate::scene::{self, Scene, UNKEYED_WITHIN};
use crate::shell;
use crate::unit::{self, Gateway};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "stop-gpio",
        about: "`systemctl stop` while keyed unkeys GPIO.",
        body: |lab| stop(lab, Wiring::Gpio),
    },
    Scenario { name: "stop-hid", about: "The same by HID.", body: |lab| stop(lab, Wiring::Hid) },
    Scenario {
        name: "stop-serial",
        about: "The same by modem lines.",
        body: |lab| stop(lab, Wiring::Serial),
    },
    Scenario {
        name: "stop-without-guard",
        about: "Everything is killed while keyed and not started again: the unit itself releases the line.",
        body: |lab| {
            let no_restart = |setup: &mut unit::Setup| setup.service = String::from("Restart=no\n");
            scene::with_setup(lab, Wiring::Hid, no_restart, all_killed)
        },
    },
    Scenario {
        name: "disk-full",
        about: "There is no room for what the gateway writes: it runs, and a stop while keyed unkeys all the same.",
        body: disk_full,
    },
];

fn stop(lab: &mut Lab, wiring: Wiring) -> Result<()> {
    scene::with(lab, wiring, |lab, scene| {
        let keyed = scene.key()?;
        let line = scene.radio.mark();
        let before = mono::now();
        let took = Gateway::stop()?;
        let unkeyed = scene.radio.keyed(line, false, AMPLE)?;
        let figure = format!("stop asked for -> unkeyed ({})", wiring.name());
        lab.figures.add(&figure, "ms", mono::ms_between(before, unkeyed));
        let line = lab.figures.line(&figure);
        lab.note(format!("{line}; the stop took {:.1} s", took.as_secs_f64()));
        ensure!(!scene.radio.is_keyed()?, "the radio is keyed after the stop");
        let result = Gateway::property("Result")?;
        ensure!(result == "success", "systemd calls the result {result:?}");
        scene.server.cut(keyed.saying)
    })
}

fn all_killed(lab: &mut Lab, scene: &mut Scene) -> Result<()> {
    let keyed = scene.key()?;
    let (daemon, guard, line) = (Gateway::daemon()?, Gateway::guard()?, scene.radio.mark());
    // The guard first and both at once: nobody is left to release the fob, which keeps its level.
    let killed = unit::signal(guard, Signal::KILL)?;
    unit::signal(daemon, Signal::KILL)?;
    let unkeyed = scene.radio.keyed(line, false, AMPLE)?;
    lab.figures.add(
        "daemon and guard killed -> unkeyed by the unit (hid)",
        "ms",
        mono::ms_between(killed, unkeyed),
    );
    crate::tape::until("the unit's end", AMPLE, || {
        Gateway::property("ActiveState").ok().filter(|state| state == "failed")
    })?;
    ensure!(!scene.radio.is_keyed()?, "the radio is keyed after the end");
    scene.server.cut(keyed.saying)
}

/// The gateway's folder on a disk of no size; it is as it was when this is dropped.
struct FullDisk;

const FOLDER: &str = "/var/lib/zello-gateway";

impl FullDisk {
    fn mount() -> Result<Self> {
        shell::run("mkdir", &["-p", FOLDER])?;
        shell::run("mount", &["-t", "tmpfs", "-o", "size=16k", "tmpfs", FOLDER])?;
        Ok(Self)
    }

    /// Leaves no byte.
    fn fill() -> Result<()> {
        let mut file = File::create(format!("{FOLDER}/full"))?;
        while file.write(&[0; 4_096]).is_ok() {}
        Ok(())
    }
}

impl Drop for FullDisk {
    fn drop(&mut self) {
        drop(shell::output("umount", &[FOLDER]));
    }
}

fn disk_full(lab: &mut Lab) -> Result<()> {
    // Before the start: the unit's name space has the mounts of that moment.
    let disk = FullDisk::mount()?;
    scene::with(lab, Wiring::Gpio, |lab, scene| {
        FullDisk::fill()?;
        let keyed = scene.key()?;
        let (line, seen, journal) =
            (scene.radio.mark(), scene.server.seen.mark(), scene.gateway.journal.tape.mark());
        let since = unit::signal(Gateway::daemon()?, Signal::TERM)?;
        let unkeyed = scene.radio.keyed(line, false, AMPLE)?;
        let took = mono::ms_between(since, unkeyed);
        lab.figures.add("disk full, SIGTERM -> unkeyed (gpio)", "ms", took);
        scene.server.cut(keyed.saying)?;
        let told = scene.gateway.logged(journal, "cannot write the figures")?;
        lab.note(format!("unkeyed after {took:.1} ms; told: {told}"));
        ensure!(told.contains("No space left"), "it is not said why: {told}");
        ensure!(unkeyed <= since + UNKEYED_WITHIN, "unkeyed only after {took:.1} ms");
        scene.online(seen)?;
        scene.works()
    })?;
    drop(disk);
    Ok(())
}
