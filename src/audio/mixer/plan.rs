//! From a goal and a card's controls to the steps that reach it, or to what is in the way.

use super::Side;
use crate::config::{self, MixerLevel};

/// A simple mixer control.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Control {
    /// Its name; further ones of that name have `,1`, `,2` … behind it, as for `amixer`.
    pub(super) name: String,
    /// What it does to what is played.
    pub(super) playback: Way,
    /// What it does to what is captured.
    pub(super) capture: Way,
    /// Its words, where it is a choice between words.
    pub(super) words: Vec<String>,
}

/// One side of a control.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Way {
    /// It can be switched.
    pub(super) switch: bool,
    /// It has levels.
    pub(super) volume: Option<Volume>,
}

/// Levels of a control.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Volume {
    /// From, to, dB.
    Db(f32, f32),
    /// Steps of which the card does not tell the dB.
    Unknown,
}

/// Something to be reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Goal<'a> {
    /// The playback side of a microphone control is off.
    Sidetone(&'a str),
    /// Automatic gain is off.
    Agc(&'a str),
    /// Off.
    Off(&'a str),
    /// On.
    On(&'a str),
    /// A level.
    Level(Side, &'a MixerLevel),
}

/// Something to do to a control.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step {
    /// Switch.
    Switch(Side, bool),
    /// The lowest level.
    Lowest(Side),
    /// The level nearest to so many dB.
    Level(Side, f32),
    /// Choose the word with this number.
    Word(u32),
}

/// What is in the way.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum Problem {
    /// The card has no such control.
    #[error("there is no control {wanted:?}{}; the card has {}", near(.wanted, .has), list(.has))]
    Missing { wanted: String, has: Vec<String> },
    /// It cannot be switched.
    #[error("{name:?} has no switch; name another control in [mixer]")]
    NoSwitch { name: String },
    /// It has no level on that side.
    #[error("{name:?} has no level for {}; name another control in [mixer]", side(*.of))]
    NoLevel { name: String, of: Side },
    /// It has steps, but what they mean is not told.
    #[error(
        "the card does not tell what the steps of {name:?} are in dB: set it by `alsamixer`, and leave it out of [mixer] or \
         write \"none\""
    )]
    NoDb { name: String },
}

fn near(wanted: &str, has: &[String]) -> String {
    let near = config::nearest(wanted, has.iter().map(String::as_str));
    near.map_or_else(String::new, |near| format!(", did you mean {near:?}?"))
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none at all".to_owned() } else { names.join(", ") }
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Playback => "playback",
        Side::Capture => "capture",
    }
}

impl Control {
    const fn way(&self, side: Side) -> Way {
        match side {
            Side::Playback => self.playback,
            Side::Capture => self.capture,
        }
    }
}

/// The control and what to do to it. No steps: there is nothing to switch off.
pub(super) fn plan<'c>(
    goal: &Goal<'_>,
    controls: &'c [Control],
) -> Result<(&'c Control, Vec<Step>), Problem> {
    let control = find(goal.name(), controls)?;
    let steps = match goal {
        Goal::Sidetone(_) => silence(control, Side::Playback),
        Goal::Agc(_) | Goal::Off(_) => off(control)?,
        Goal::On(_) => on(control)?,
        Goal::Level(side, level) => self::level(control, *side, level.db)?,
    };
    Ok((control, steps))
}

fn find<'c>(wanted: &str, controls: &'c [Control]) -> Result<&'c Control, Problem> {
    let exact = controls.iter().find(|control| control.name == wanted);
    exact.or_else(|| controls.iter().find(|control| control.name.eq_ignore_ascii_case(wanted))).ok_or_else(
        || {
            let has = controls.iter().map(|control| control.name.clone()).collect();
            Problem::Missing { wanted: wanted.to_owned(), has }
        },
    )
}

/// Everything that makes one side silent. A control without that side lets nothing through.
fn silence(control: &Control, side: Side) -> Vec<Step> {
    let way = control.way(side);
    let switch = way.switch.then_some(Step::Switch(side, false));
    switch.into_iter().chain(way.volume.map(|_| Step::Lowest(side))).collect()
}

fn off(control: &Control) -> Result<Vec<Step>, Problem> {
    if let Some(word) = word(control, "off") {
        return Ok(vec![word]);
    }
    let switches = switch(control, false);
    if !switches.is_empty() {
        return Ok(switches);
    }
    // A gain without a switch is off when it is at its lowest.
    let lowest: Vec<Step> =
        SIDES.into_iter().filter(|side| control.way(*side).volume.is_some()).map(Step::Lowest).collect();
    if lowest.is_empty() { Err(Problem::NoSwitch { name: control.name.clone() }) } else { Ok(lowest) }
}

fn on(control: &Control) -> Result<Vec<Step>, Problem> {
    let steps = word(control, "on").map_or_else(|| switch(control, true), |word| vec![word]);
    if steps.is_empty() { Err(Problem::NoSwitch { name: control.name.clone() }) } else { Ok(steps) }
}

const SIDES: [Side; 2] = [Side::Playback, Side::Capture];

fn switch(control: &Control, on: bool) -> Vec<Step> {
    SIDES.into_iter().filter(|side| control.way(*side).switch).map(|side| Step::Switch(side, on)).collect()
}

fn word(control: &Control, wanted: &str) -> Option<Step> {
    let at = control.words.iter().position(|word| word.eq_ignore_ascii_case(wanted))?;
    u32::try_from(at).ok().map(Step::Word)
}

/// The level first, and then on: never loud for a moment.
fn level(control: &Control, side: Side, db: f32) -> Result<Vec<Step>, Problem> {
    let way = control.way(side);
    let name = || control.name.clone();
    let db = match way.volume {
        Some(Volume::Db(lowest, highest)) => db.clamp(lowest, highest.max(lowest)),
        Some(Volume::Unknown) => return Err(Problem::NoDb { name: name() }),
        None => return Err(Problem::NoLevel { name: name(), of: side }),
    };
    let switch = way.switch.then_some(Step::Switch(side, true));
    Ok([Step::Level(side, db)].into_iter().chain(switch).collect())
}

/// Of two levels around a goal, dB: whether the lower one is as near as the higher one.
pub(super) fn lower_is_nearer(goal: f32, below: f32, above: f32) -> bool {
    (goal - below).abs() <= (above - goal).abs()
}

/// Steps of cards are seldom finer than this, dB; a goal missed by less is met.
const MET: f32 = 0.05;

impl<'a> Goal<'a> {
    /// The control.
    fn name(&self) -> &'a str {
        match self {
            Self::Sidetone(name) | Self::Agc(name) | Self::Off(name) | Self::On(name) => name,
            Self::Level(_, level) => level.control.as_str(),
        }
    }

    /// What was set, for the log.
    pub(super) fn reached(&self, control: &Control, level: Option<f32>) -> String {
        let name = &control.name;
        match self {
            Self::Sidetone(_) => format!("{name} playback (sidetone) off"),
            Self::Agc(_) | Self::Off(_) => format!("{name} off"),
            Self::On(_) => format!("{name} on"),
            Self::Level(of, wanted) => {
                let of = side(*of);
                match level {
                    Some(db) if (db - wanted.db).abs() > MET => {
                        format!("{name} {of} {db:.1} dB (wanted {:.1})", wanted.db)
                    }
                    Some(db) => format!("{name} {of} {db:.1} dB"),
                    None => format!("{name} {of}"),
                }
            }
        }
    }

    /// What it means that the goal is not reached.
    pub(super) const fn danger(&self) -> &'static str {
        match self {
            Self::Sidetone(_) => {
                ". The sidetone may still be on: what the radio hears would go out again while it transmits. Check it \
                 by `alsamixer`; without one write sidetone_control = \"none\""
            }
            Self::Agc(_) => {
                ". Automatic gain may still be on: it raises noise between words. Check it by `alsamixer`; without one \
                 write agc_control = \"none\""
            }
            Self::Off(_) | Self::On(_) | Self::Level(..) => "",
        }
    }
}
