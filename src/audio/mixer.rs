//! The card's own mixer, set to the goals of `[mixer]`: what feeds back or pumps goes off first, then levels in dB.
//!
//! What to do is decided in [`plan`] from a list of controls; [`card`] does it. A goal that cannot be reached is told
//! with its remedy, and the gateway runs on.

use crate::config::{Audio, MixerGoals};

mod card;
mod plan;

use card::AlsaMixer;
use plan::{Control, Goal, Step};

/// Which way of the sound a device carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// What is played.
    Playback,
    /// What is captured.
    Capture,
}

/// Sets the mixers of all cards of the configuration, if it wants that, and logs what was set and what was not.
pub fn set_mixer(audio: &Audio) {
    set_sides(audio, &[Side::Playback, Side::Capture]);
}

/// As [`set_mixer`], for the card of one device.
pub(super) fn set_side(audio: &Audio, side: Side) {
    set_sides(audio, &[side]);
}

fn set_sides(audio: &Audio, sides: &[Side]) {
    let Some(goals) = &audio.mixer else { return };
    for (card, sides) in cards(audio, sides) {
        set_card(card, &goals_of(goals, &sides, audio));
    }
}

/// The cards with what each of them does; one that does both is set in one go.
fn cards<'a>(audio: &'a Audio, sides: &[Side]) -> Vec<(&'a str, Vec<Side>)> {
    let mut cards: Vec<(&str, Vec<Side>)> = Vec::new();
    for &side in sides {
        let device = match side {
            Side::Playback => &audio.playback,
            Side::Capture => &audio.capture,
        };
        let Some(card) = device.card() else { continue };
        match cards.iter_mut().find(|(known, _)| *known == card) {
            Some((_, sides)) => sides.push(side),
            None => cards.push((card, vec![side])),
        }
    }
    cards
}

/// The goals for a card, in the order in which they are set. Sidetone and the further switches belong to the card that
/// plays, automatic gain to the one that captures.
fn goals_of<'a>(goals: &'a MixerGoals, sides: &[Side], audio: &Audio) -> Vec<Goal<'a>> {
    let plays = sides.contains(&Side::Playback);
    let captures = sides.contains(&Side::Capture);
    let switches = plays || (captures && audio.playback.card().is_none());
    let mut wanted = Vec::new();
    wanted.extend(goals.sidetone.as_deref().filter(|_| plays).map(Goal::Sidetone));
    wanted.extend(goals.agc.as_deref().filter(|_| captures).map(Goal::Agc));
    if switches {
        wanted.extend(goals.off.iter().map(|name| Goal::Off(name)));
        wanted.extend(goals.on.iter().map(|name| Goal::On(name)));
    }
    let level = |side| move |level| Goal::Level(side, level);
    wanted.extend(goals.playback.as_ref().filter(|_| plays).map(level(Side::Playback)));
    wanted.extend(goals.capture.as_ref().filter(|_| captures).map(level(Side::Capture)));
    wanted
}

/// A card's mixer, or in tests something that behaves like one.
trait Mixer {
    /// Its controls.
    fn controls(&self) -> Vec<Control>;

    /// Takes one step on a control; the level that came of it, dB.
    fn take(&self, control: &Control, step: Step) -> Result<Option<f32>, alsa::Error>;
}

fn set_card(card: &str, goals: &[Goal<'_>]) {
    if goals.is_empty() {
        return;
    }
    // Kept until the end: without it alsa-lib writes to stderr about what it does not find.
    let _chatter = alsa::Output::local_error_handler();
    match AlsaMixer::open(card) {
        Ok(mixer) => {
            let done = carry_out(goals, &mixer);
            if !done.set.is_empty() {
                tracing::info!(card, set = done.set.join(", "), "mixer set");
            }
            for trouble in done.troubles {
                tracing::warn!(card, "mixer: {trouble}");
            }
        }
        Err(error) => tracing::warn!(
            card,
            %error,
            "the card's mixer cannot be opened and stays as it is; check sidetone and automatic gain by `alsamixer`"
        ),
    }
}

/// What came of the goals.
#[derive(Debug, Default, PartialEq)]
struct Done {
    /// "Speaker -10.0 dB".
    set: Vec<String>,
    /// What could not be done, and the remedy.
    troubles: Vec<String>,
}

/// Reaches each goal for itself: one that fails hinders no other.
fn carry_out(goals: &[Goal<'_>], mixer: &impl Mixer) -> Done {
    let controls = mixer.controls();
    let mut done = Done::default();
    for goal in goals {
        match reach(goal, &controls, mixer) {
            Ok(Some(words)) => done.set.push(words),
            Ok(None) => {}
            Err(why) => done.troubles.push(format!("{why}{}", goal.danger())),
        }
    }
    done
}

/// One goal; what was set, if there was something to set.
fn reach(goal: &Goal<'_>, controls: &[Control], mixer: &impl Mixer) -> Result<Option<String>, String> {
    let (control, steps) = plan::plan(goal, controls).map_err(|problem| problem.to_string())?;
    let mut level = None;
    for &step in &steps {
        let set = mixer.take(control, step).map_err(|error| {
            format!("{:?} was refused by the card ({error}); try it by `alsamixer`", control.name)
        })?;
        level = set.or(level);
    }
    Ok((!steps.is_empty()).then(|| goal.reached(control, level)))
}

#[cfg(test)]
mod tests;
