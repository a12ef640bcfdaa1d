//! The card's own mixer: goals in dB on a card that tells its dB, and goals that cannot be reached.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::card::DUMMY;
use crate::harness::{Lab, Scenario};
use crate::radio::Wiring;
use crate::scene::{self, Scene};
use crate::shell;
use crate::unit::{Gateway, SOUND, Setup};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "mixer",
        about: "`set_mixer` brings a card to its goals in dB, at start and when the card is back, and a stop leaves them.",
        body: goals_met,
    },
    Scenario {
        name: "mixer-refused",
        about: "Goals that a card cannot reach are told with their remedy, and the gateway runs on.",
        body: goals_refused,
    },
];

/// The ALSA id of a card whose Master, Synth, Line, Mic and CD go from -45 to 0 dB in steps of 0.3.
const CARD: &str = "Mixer";
const DUMMY_SOUND: &str = "hw:CARD=Mixer,DEV=0";

/// Takes the card away, whatever happens.
struct Loaded;

impl Loaded {
    fn new() -> Result<Self> {
        shell::run("modprobe", &["snd-dummy", &format!("id={CARD}")])?;
        let loaded = Self;
        shell::run("udevadm", &["settle", "--timeout=60"])?;
        Ok(loaded)
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        drop(shell::output("modprobe", &["-r", "snd-dummy"]));
    }
}

/// The card as nobody wants it: everything loud, sidetone and automatic gain on.
fn spoil() -> Result<()> {
    for control in ["Master", "Line", "Mic", "CD"] {
        shell::run("amixer", &["-q", "-c", CARD, "sset", control, "100%", "cap"])?;
    }
    Ok(())
}

/// What `amixer` says of a control.
fn shows(control: &str, words: &str) -> Result<()> {
    let shown = shell::run("amixer", &["-c", CARD, "sget", control])?;
    ensure!(shown.contains(words), "{control} is not {words}:\n{shown}");
    Ok(())
}

const GOALS: &str = "[mixer]\nsidetone_control = \"Line\"\nagc_control = \"CD\"\nplayback_control = \"Master\"\nplayback_db = -12.0\n\
                     capture_control = \"Mic\"\ncapture_db = -20.0\n";

/// What the goals above come to on this card: the sidetone is silent, Mic has its nearest step.
const MET: [(&str, &str); 5] = [
    ("Line", "[-45.00dB]"),
    ("CD", "Capture [off]"),
    ("Master", "[-12.00dB]"),
    ("Mic", "[-20.10dB]"),
    ("Mic", "Capture [on]"),
];

fn goals_met(lab: &mut Lab) -> Result<()> {
    let _card = Loaded::new()?;
    spoil()?;
    let wanted = |setup: &mut Setup| {
        (setup.capture, setup.playback) = (DUMMY_SOUND.to_owned(), DUMMY_SOUND.to_owned());
        setup.audio = String::from("set_mixer = true\n");
        GOALS.clone_into(&mut setup.more);
    };
    scene::with_setup(lab, Wiring::Gpio, wanted, |lab, scene| {
        let told = scene.gateway.logged(0, "mixer set")?;
        lab.note(format!("told: {told}"));
        for words in ["Line playback (sidetone) off", "CD off", "Master playback -12.0 dB", "wanted -20.0"] {
            ensure!(told.contains(words), "{words:?} is not told: {told}");
        }
        met().context("after the start")?;
        back_again(scene).context("after the card's return")?;
        scene.works()?;
        Gateway::stop()?;
        met().context("after the stop")
    })
}

fn met() -> Result<()> {
    MET.iter().try_for_each(|(control, words)| shows(control, words))
}

/// The card is pulled, and comes back as cards do: with levels of its own.
fn back_again(scene: &Scene) -> Result<()> {
    let journal = scene.gateway.journal.tape.mark();
    let mut pulled = DUMMY.pull();
    scene.gateway.logged(journal, "sound device lost")?;
    pulled.gone()?;
    drop(pulled);
    for role in ["capture", "playback"] {
        let pick = |entry: &crate::journal::Entry| {
            (entry.text.contains("sound device is back") && entry.text.contains(role)).then_some(())
        };
        scene.gateway.journal.tape.wait(journal, crate::harness::AMPLE, role, pick)?;
    }
    met()
}

/// A control of steps without dB, which alsactl adds to any card.
const NO_DB: &str = "state.Mixer {\n control.99 {\n  iface MIXER\n  name 'Speaker Playback Volume'\n  value 10\n  comment {\n   access 'read write user'\n   type INTEGER\n   count 1\n   range '0 - 37'\n  }\n }\n}\n";

/// Line and Mic misspelt; a card without automatic gain; steps without dB; a choice without "off".
const HOPELESS: &str = "[mixer]\nsidetone_control = \"Lime\"\nagc_control = \"Auto Gain Control\"\noff = [\"External I/O Box\"]\n\
                        playback_control = \"Speaker\"\nplayback_db = -12.0\ncapture_control = \"Mic\"\ncapture_db = -20.0\n";

/// What is told of each: the trouble, and what to do.
const TOLD: [(&str, &str); 5] = [
    ("no control \"Lime\", did you mean \"Line\"", "sidetone_control = \"none\""),
    ("no control \"Auto Gain Control\"", "agc_control = \"none\""),
    ("\"External I/O Box\" has no switch", "name another control in [mixer]"),
    ("the steps of \"Speaker\" are in dB", "`alsamixer`"),
    // The card that captures is another one.
    ("no control \"Mic\"", "the card has none at all"),
];

fn goals_refused(lab: &mut Lab) -> Result<()> {
    let _card = Loaded::new()?;
    let state = std::env::temp_dir().join("zello-gateway-lab-mixer.state");
    fs::write(&state, NO_DB)?;
    // Its exit code tells of what the file does not name.
    shell::output("alsactl", &["-f", &state.to_string_lossy(), "restore", CARD])?;
    shows("Speaker", "Playback 10").context("alsactl has not added a control without dB")?;
    let wanted = |setup: &mut Setup| {
        (setup.capture, setup.playback) = (SOUND.to_owned(), DUMMY_SOUND.to_owned());
        setup.audio = String::from("set_mixer = true\n");
        HOPELESS.clone_into(&mut setup.more);
    };
    scene::with_setup(lab, Wiring::Gpio, wanted, |lab, scene| {
        for (trouble, remedy) in TOLD {
            let told = scene.gateway.logged(0, trouble)?;
            ensure!(told.contains(remedy), "{remedy:?} is not told: {told}");
            lab.note(format!("told: {told}"));
        }
        shows("Speaker", "Playback 10").context("a level without dB was touched")?;
        scene.works()
    })
}
