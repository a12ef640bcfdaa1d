//! What the gateway refuses to start with, and whether its words help.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use gpio_cdev::{Chip, LineRequestFlags};

use super::commands::program_as;
use crate::gpio::LABEL;
use crate::harness::{AMPLE, Lab, Scenario};
use crate::radio::{FOB, Radio, Wiring};
use crate::scene::{self, Scene};
use crate::shell;
use crate::tape::until;
use crate::unit::{Gateway, Setup};
use crate::usb::Gadget;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "line-in-use",
        about: "A GPIO line that somebody holds is refused by that somebody's name, and taken when it is free.",
        body: line_in_use,
    },
    Scenario {
        name: "two-equal-fobs",
        about: "Two equal fobs are refused with both ports named; a port as `device` settles it.",
        body: two_equal_fobs,
    },
    Scenario {
        name: "not-a-cm108",
        about: "A HID device of another kind is refused, and never written to.",
        body: not_a_cm108,
    },
    Scenario {
        name: "no-rights",
        about: "A user without groups is told which group and which command.",
        body: no_rights,
    },
];

fn line_in_use(lab: &mut Lab) -> Result<()> {
    let mut chip = gpio_chip()?;
    let holder = chip.get_line(17)?.request(LineRequestFlags::OUTPUT, 0, "somebody-else")?;
    let radio = Radio::open(Wiring::Gpio, &lab.lines)?;
    let scene = Scene::launch(lab, radio, |_| ())?;
    let result = (|| {
        let refusal = scene.gateway.logged(0, "in use by")?;
        for words in ["somebody-else", "17", LABEL] {
            ensure!(refusal.contains(words), "{words:?} is missing: {refusal}");
        }
        drop(holder);
        scene.online(0).map(drop)
    })();
    if result.is_err() {
        lab.evidence += &scene.gateway.journal.text();
    }
    result
}

fn gpio_chip() -> Result<Chip> {
    let chips = gpio_cdev::chips()?.filter_map(Result::ok);
    chips
        .into_iter()
        .find(|chip| chip.label() == LABEL)
        .with_context(|| format!("no GPIO chip is labelled {LABEL}"))
}

/// Unplugs the second fob, whatever happens.
struct Second(Gadget);

impl Drop for Second {
    fn drop(&mut self) {
        drop(self.0.unplug());
    }
}

fn two_equal_fobs(lab: &mut Lab) -> Result<()> {
    let radio = Radio::open(Wiring::Hid, &lab.lines)?;
    let first = radio.gadget()?.port()?;
    let mut second = Gadget::all(FOB)?.into_iter().nth(1).context("the machine has no second fob")?;
    second.plug()?;
    let second = Second(second);
    second.0.hidraw()?;
    let ports = [first.clone(), second.0.port()?];
    let by_id = |setup: &mut Setup| setup.lines = setup.lines.replace("\"auto\"", &format!("\"{FOB}\""));
    let scene = Scene::launch(lab, radio, by_id)?;
    let refusal = scene.gateway.logged(0, FOB);
    if refusal.is_err() {
        lab.evidence += &scene.gateway.journal.text();
    }
    let refusal = refusal?;
    for port in &ports {
        ensure!(refusal.contains(port), "port {port} is not named: {refusal}");
    }
    drop(scene);
    let radio = Radio::open(Wiring::Hid, &lab.lines)?;
    let by_port = |setup: &mut Setup| setup.lines = setup.lines.replace("\"auto\"", &format!("\"{first}\""));
    // The lines are watched at the first fob: had the gateway taken the second, nothing would work.
    scene::with_radio(lab, radio, by_port, |_, scene| scene.works())
}

/// A HID device of our own making, that is no CM108; it goes when this is dropped.
struct Stranger {
    _uhid: File,
    hidraw: PathBuf,
}

impl Stranger {
    const NAME: &str = "Lab Presenter";

    /// A device with one vendor-defined report, of a vendor that makes no sound chips.
    fn plug() -> Result<Self> {
        const DESCRIPTOR: [u8; 20] = [
            0x06, 0x00, 0xff, 0x09, 0x01, 0xa1, 0x01, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x04,
            0x09, 0x01, 0x81, 0x02,
        ];
        let mut uhid =
            OpenOptions::new().read(true).write(true).open("/dev/uhid").context("cannot open /dev/uhid")?;
        let mut descriptor = DESCRIPTOR.to_vec();
        // End of the collection.
        descriptor.push(0xc0);
        uhid.write_all(&create(Self::NAME, &descriptor)).context("uhid refuses the device")?;
        let hidraw = until("the stranger's hidraw", AMPLE, find_stranger)?;
        Ok(Self { _uhid: uhid, hidraw })
    }
}

/// `UHID_CREATE2` of linux/uhid.h: bus USB, 046d:c52d.
fn create(name: &str, descriptor: &[u8]) -> Vec<u8> {
    const CREATE2: u32 = 11;
    const DESCRIPTOR_ROOM: usize = 4_096;
    let mut event = CREATE2.to_ne_bytes().to_vec();
    for (text, room) in [(name, 128), ("lab/input0", 64), ("", 64)] {
        let mut field = text.as_bytes().to_vec();
        field.resize(room, 0);
        event.extend(field);
    }
    event.extend(u16::try_from(descriptor.len()).unwrap_or_default().to_ne_bytes());
    event.extend(3_u16.to_ne_bytes());
    for number in [0x046d_u32, 0xc52d, 0x0100, 0] {
        event.extend(number.to_ne_bytes());
    }
    let end = event.len() + DESCRIPTOR_ROOM;
    event.extend(descriptor);
    event.resize(end, 0);
    event
}

fn find_stranger() -> Option<PathBuf> {
    let nodes = crate::gpio::listed(std::path::Path::new("/sys/class/hidraw"), "hidraw").ok()?;
    let node = nodes.into_iter().find(|node| {
        fs::read_to_string(node.join("device/uevent")).is_ok_and(|facts| facts.contains(Stranger::NAME))
    })?;
    Some(PathBuf::from("/dev").join(node.file_name()?))
}

fn not_a_cm108(lab: &mut Lab) -> Result<()> {
    let stranger = Stranger::plug()?;
    let path = stranger.hidraw.display().to_string();
    let radio = Radio::open(Wiring::Hid, &lab.lines)?;
    // Rights are another scenario.
    shell::run("chgrp", &["audio", &path])?;
    shell::run("chmod", &["660", &path])?;
    let named = |setup: &mut Setup| setup.lines = setup.lines.replace("\"auto\"", &format!("\"{path}\""));
    let scene = Scene::launch(lab, radio, named)?;
    let refusal = scene.gateway.logged(0, &path);
    if refusal.is_err() {
        lab.evidence += &scene.gateway.journal.text();
    }
    let refusal = refusal?;
    ensure!(refusal.contains("CM108"), "it is not said what was expected: {refusal}");
    ensure!(
        refusal.to_lowercase().contains("046d:c52d") || refusal.contains(Stranger::NAME),
        "it is not said what it is: {refusal}"
    );
    Ok(())
}

fn no_rights(lab: &mut Lab) -> Result<()> {
    let radio = Radio::open(Wiring::Gpio, &lab.lines)?;
    let hid = Radio::open(Wiring::Hid, &lab.lines)?;
    for (tables, group) in
        [(radio.tables()?, "gpio"), (hid.tables()?.replace("\"auto\"", &format!("\"{FOB}\"")), "audio")]
    {
        let mut setup = Setup::new(tables);
        (setup.capture, setup.playback) = ("none".to_owned(), "wav:/dev/null".to_owned());
        setup.lines = setup.lines.split("[cos.").next().unwrap_or_default().to_owned() + "[cos.none]\n";
        // Where everybody may read; what is missing shall be the right to the line.
        let folder = std::env::temp_dir().join("zello-gateway-lab-nobody");
        fs::create_dir_all(&folder)?;
        let (config, password) = (folder.join("lab.toml"), folder.join("lab-password"));
        fs::write(&config, setup.config(8_008))?;
        fs::write(&password, "secret")?;
        let (config, password) = (config.to_string_lossy(), password.to_string_lossy());
        shell::run("chown", &["nobody", &config, &password])?;
        shell::run("chmod", &["600", &password])?;
        let (code, text) = program_as("nobody", &["run", "-c", &config])?;
        fs::remove_dir_all(&folder)?;
        ensure!(code == Some(1), "nobody may run it: exit {code:?}\n{text}");
        let command = format!("usermod -aG {group}");
        ensure!(text.contains(&command), "{command:?} is not told:\n{text}");
    }
    ensure!(Gateway::property("ActiveState")? == "inactive", "a unit runs that nobody has started");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uhid_device_is_made_by_an_event_of_the_kernels_size() {
        let event = create("Lab", &[1, 2, 3]);
        // 4 bytes of type, 276 of fields, 4096 of descriptor.
        assert_eq!(event.len(), 4 + 276 + 4_096);
        assert_eq!(event.get(4..7), Some(b"Lab".as_slice()));
        assert_eq!(event.get(280..284), Some([1, 2, 3, 0].as_slice()));
    }
}
