//! What sound cards there are, by names that stay the same after a restart.

use alsa::card::Iter;
use alsa::ctl::{Ctl, DeviceIter};
use alsa::{Direction, Output, PCM};

use super::parameters::{Offer, offer};
use crate::audio::AudioError;

/// One PCM device of a sound card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoundCard {
    /// For the configuration: `hw:CARD=id,DEV=n`. The id, unlike the card's number, does not depend on who is first.
    pub name: String,
    /// The card's own description.
    pub card: String,
    /// The device's name on its card.
    pub device: String,
    /// Whether and how it captures.
    pub capture: Option<Access>,
    /// Whether and how it plays.
    pub playback: Option<Access>,
}

/// What opening one direction of a device has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// It opens, and can do this.
    Offers(Offer),
    /// It is not free, or not for us; the text says why and what to do.
    Refused(String),
}

/// All PCM devices of all sound cards. Each is opened for a moment to ask what it can do, never started.
#[must_use]
pub fn list() -> Vec<SoundCard> {
    // Kept until the end: without it alsa-lib writes to stderr about what it does not find.
    let _chatter = Output::local_error_handler();
    Iter::new().filter_map(Result::ok).flat_map(devices).collect()
}

fn devices(card: alsa::Card) -> Vec<SoundCard> {
    let Ok(control) = Ctl::from_card(&card, true) else { return Vec::new() };
    let Ok(info) = control.card_info() else { return Vec::new() };
    let (Ok(id), Ok(long_name)) = (info.get_id(), info.get_longname()) else { return Vec::new() };
    DeviceIter::new(&control)
        .filter_map(|index| u32::try_from(index).ok())
        .map(|index| {
            let name = format!("hw:CARD={id},DEV={index}");
            let side = |direction| {
                let info = control.pcm_info(index, 0, direction).ok()?;
                Some((info.get_name().unwrap_or_default().to_owned(), access(&name, direction)))
            };
            let (capture, playback) = (side(Direction::Capture), side(Direction::Playback));
            let device = capture.iter().chain(&playback).map(|(device, _)| device.clone()).next();
            SoundCard {
                card: long_name.to_owned(),
                device: device.unwrap_or_default(),
                capture: capture.map(|(_, access)| access),
                playback: playback.map(|(_, access)| access),
                name,
            }
        })
        .collect()
}

fn access(name: &str, direction: Direction) -> Access {
    let opened = PCM::new(name, direction, true).and_then(|pcm| offer(&pcm));
    match opened {
        Ok(offer) => Access::Offers(offer),
        Err(source) => Access::Refused(AudioError::from_alsa(name, "opening", source).to_string()),
    }
}
