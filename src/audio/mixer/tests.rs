use std::cell::RefCell;

use super::plan::{Problem, Volume, Way, lower_is_nearer, plan};
use super::*;
use crate::config::{AudioDevice, Channel, MixerLevel};

fn level(control: &str, db: f32) -> MixerLevel {
    MixerLevel { control: control.to_owned(), db }
}

fn goals() -> MixerGoals {
    MixerGoals {
        sidetone: Some("Mic".to_owned()),
        agc: Some("Auto Gain Control".to_owned()),
        off: vec![],
        on: vec![],
        playback: Some(level("Speaker", -10.0)),
        capture: Some(level("Mic", 8.0)),
    }
}

fn audio(playback: &str, capture: &str, mixer: MixerGoals) -> Audio {
    Audio {
        capture: AudioDevice::Alsa(capture.to_owned()),
        playback: AudioDevice::Alsa(playback.to_owned()),
        capture_channel: Channel::Left,
        playback_channel: Channel::Both,
        capture_gain_db: 0.0,
        playback_gain_db: 0.0,
        mixer: Some(mixer),
    }
}

fn way(switch: bool, lowest: f32, highest: f32) -> Way {
    Way { switch, volume: Some(Volume::Db(lowest, highest)) }
}

fn control(name: &str, playback: Way, capture: Way) -> Control {
    Control { name: name.to_owned(), playback, capture, words: vec![] }
}

/// The ranges of a CM108B.
fn fob() -> Vec<Control> {
    let none = Way::default();
    vec![
        control("Speaker", way(true, -37.0, 0.0), none),
        control("Mic", way(true, -23.0, 8.0), way(true, -12.0, 23.0)),
        control("Auto Gain Control", Way { switch: true, volume: None }, none),
    ]
}

/// A card whose levels have steps of 1.5 dB, or that refuses everything.
struct Fake {
    controls: Vec<Control>,
    taken: RefCell<Vec<(String, Step)>>,
    refuses: bool,
}

impl Fake {
    fn with(controls: Vec<Control>) -> Self {
        Self { controls, taken: RefCell::default(), refuses: false }
    }
}

impl Mixer for Fake {
    fn controls(&self) -> Vec<Control> {
        self.controls.clone()
    }

    fn take(&self, control: &Control, step: Step) -> Result<Option<f32>, alsa::Error> {
        if self.refuses {
            return Err(alsa::Error::new("snd_mixer_selem_set", 5));
        }
        self.taken.borrow_mut().push((control.name.clone(), step));
        Ok(match step {
            Step::Level(_, db) => Some((db / 1.5).round() * 1.5),
            Step::Switch(..) | Step::Lowest(_) | Step::Word(_) => None,
        })
    }
}

#[test]
fn sidetone_and_automatic_gain_go_off_before_any_level_is_set() {
    let audio = audio("hw:CARD=Device,DEV=0", "hw:CARD=Device,DEV=0", goals());
    let cards = cards(&audio, &[Side::Playback, Side::Capture]);
    let [(card, sides)] = cards.as_slice() else { panic!("{cards:?}") };
    assert_eq!(*card, "Device");
    let fake = Fake::with(fob());
    let wanted = goals();
    let done = carry_out(&goals_of(&wanted, sides, &audio), &fake);
    assert_eq!(done.troubles, Vec::<String>::new());
    let set = "Mic playback (sidetone) off, Auto Gain Control off, Speaker playback -10.5 dB (wanted -10.0), \
               Mic capture 7.5 dB (wanted 8.0)";
    assert_eq!(done.set.join(", "), set);
    let on = |side| Step::Switch(side, true);
    let off = |side| Step::Switch(side, false);
    let expected = [
        ("Mic", off(Side::Playback)),
        ("Mic", Step::Lowest(Side::Playback)),
        ("Auto Gain Control", off(Side::Playback)),
        ("Speaker", Step::Level(Side::Playback, -10.0)),
        ("Speaker", on(Side::Playback)),
        ("Mic", Step::Level(Side::Capture, 8.0)),
        ("Mic", on(Side::Capture)),
    ];
    assert_eq!(*fake.taken.borrow(), expected.map(|(name, step)| (name.to_owned(), step)));
}

#[test]
fn two_cards_each_get_what_is_theirs() {
    let mut wanted = goals();
    wanted.on = vec!["LO DAC".to_owned()];
    let audio = audio("hw:CARD=Out", "plughw:CARD=In,DEV=0", wanted.clone());
    let cards = cards(&audio, &[Side::Playback, Side::Capture]);
    assert_eq!(cards, [("Out", vec![Side::Playback]), ("In", vec![Side::Capture])]);
    let of = |side| goals_of(&wanted, &[side], &audio).len();
    assert_eq!((of(Side::Playback), of(Side::Capture)), (3, 2));
    let alone = goals_of(&wanted, &[Side::Playback], &audio);
    assert!(matches!(
        alone.as_slice(),
        [Goal::Sidetone("Mic"), Goal::On("LO DAC"), Goal::Level(Side::Playback, _)]
    ));
}

#[test]
fn a_device_without_a_card_has_no_mixer() {
    let audio = audio("default", "pulse", goals());
    assert!(cards(&audio, &[Side::Playback, Side::Capture]).is_empty());
}

#[test]
fn a_goal_beyond_the_range_is_met_at_its_end_and_told() {
    let fake = Fake::with(fob());
    let loud = level("Speaker", 30.0);
    let done = carry_out(&[Goal::Level(Side::Playback, &loud)], &fake);
    assert_eq!(done.set, ["Speaker playback 0.0 dB (wanted 30.0)"]);
}

#[test]
fn a_control_that_does_not_exist_is_told_with_those_that_do_and_the_rest_is_done() {
    let fake = Fake::with(fob());
    let wanted = level("Speakr", -10.0);
    let done = carry_out(&[Goal::Level(Side::Playback, &wanted), Goal::Sidetone("Mic")], &fake);
    assert_eq!(done.set, ["Mic playback (sidetone) off"]);
    let told = "there is no control \"Speakr\", did you mean \"Speaker\"?; the card has Speaker, Mic, Auto Gain Control";
    assert_eq!(done.troubles, [told]);
}

#[test]
fn a_sidetone_that_cannot_be_switched_off_is_told_for_what_it_is() {
    let done = carry_out(&[Goal::Sidetone("Mic"), Goal::Agc("AGC")], &Fake::with(vec![]));
    assert_eq!(done.set, Vec::<String>::new());
    let [sidetone, agc] = done.troubles.as_slice() else { panic!("{done:?}") };
    assert!(sidetone.contains("the card has none at all. The sidetone may still be on"), "{sidetone}");
    assert!(
        agc.contains("Automatic gain may still be on") && agc.contains("agc_control = \"none\""),
        "{agc}"
    );
    let fake = Fake { refuses: true, ..Fake::with(fob()) };
    let done = carry_out(&[Goal::Sidetone("Mic")], &fake);
    assert!(done.troubles[0].contains("\"Mic\" was refused by the card"), "{done:?}");
    assert!(done.troubles[0].contains("The sidetone may still be on"), "{done:?}");
}

#[test]
fn a_microphone_without_playback_side_has_no_sidetone() {
    let mic = control("Mic", Way::default(), way(true, 0.0, 24.0));
    let done = carry_out(&[Goal::Sidetone("Mic")], &Fake::with(vec![mic]));
    assert_eq!(done, Done::default());
}

#[test]
fn steps_without_decibels_are_left_alone_and_told() {
    let raw = Way { switch: true, volume: Some(Volume::Unknown) };
    let controls = [control("Master", raw, Way::default())];
    let wanted = level("Master", -10.0);
    let of = |side| plan(&Goal::Level(side, &wanted), &controls).unwrap_err();
    assert_eq!(of(Side::Playback), Problem::NoDb { name: "Master".to_owned() });
    assert_eq!(of(Side::Capture), Problem::NoLevel { name: "Master".to_owned(), of: Side::Capture });
    assert!(of(Side::Playback).to_string().contains("alsamixer"));
}

#[test]
fn a_choice_of_words_is_switched_by_its_words() {
    let words = ["Off", "Right", "Left", "Stereo"].map(str::to_owned).to_vec();
    let controls = [Control { name: "ALC Function".to_owned(), words, ..Control::default() }];
    let steps = |goal| plan(&goal, &controls).map(|(_, steps)| steps);
    assert_eq!(steps(Goal::Agc("ALC Function")), Ok(vec![Step::Word(0)]));
    assert_eq!(steps(Goal::On("alc function")), Err(Problem::NoSwitch { name: "ALC Function".to_owned() }));
}

#[test]
fn a_gain_without_a_switch_is_off_at_its_lowest() {
    let controls = [control("Mic Boost", way(false, 0.0, 20.0), Way::default())];
    let (_, steps) = plan(&Goal::Off("Mic Boost"), &controls).unwrap();
    assert_eq!(steps, [Step::Lowest(Side::Playback)]);
}

#[test]
fn the_nearest_step_is_taken_and_never_a_mute_for_a_level() {
    assert!(lower_is_nearer(-10.0, -10.4, -9.0));
    assert!(!lower_is_nearer(-10.0, -11.5, -9.9));
    assert!(!lower_is_nearer(-40.0, -99_999.99, -37.0));
}

#[test]
fn a_card_that_does_not_exist_is_an_error_with_its_name() {
    let _chatter = alsa::Output::local_error_handler();
    let error = AlsaMixer::open("NoSuchCard").err().unwrap();
    assert!(error.to_string().contains("hw:NoSuchCard"), "{error}");
    assert!(AlsaMixer::open("No\0Such").is_err());
}
