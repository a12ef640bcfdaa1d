//! The mixer of an ALSA card.

use alsa::mixer::{MilliBel, Mixer, Selem, SelemChannelId, SelemId};
use alsa::{Error, Round};

use super::Side;
use super::plan::{Control, Step, Volume, Way, lower_is_nearer};
use crate::audio::AudioError;

/// The simple controls of one card.
pub(super) struct AlsaMixer(Mixer);

impl AlsaMixer {
    /// Opens the mixer of the card with this id or number.
    pub(super) fn open(card: &str) -> Result<Self, AudioError> {
        // The id is a C string to ALSA; what it would be cut at is in no card's name.
        let name = format!("hw:{}", card.replace('\0', "?"));
        Mixer::new(&name, false)
            .map(Self)
            .map_err(|error| AudioError::from_alsa(&name, "opening its mixer", error))
    }
}

impl super::Mixer for AlsaMixer {
    fn controls(&self) -> Vec<Control> {
        self.0.iter().filter_map(Selem::new).map(|selem| control(&selem)).collect()
    }

    fn take(&self, control: &Control, step: Step) -> Result<Option<f32>, Error> {
        let (name, index) = split(&control.name);
        let gone = || Error::new("snd_mixer_find_selem", rustix::io::Errno::NODEV.raw_os_error());
        let selem = self.0.find_selem(&SelemId::new(name, index)).ok_or_else(gone)?;
        match step {
            Step::Switch(Side::Playback, on) => selem.set_playback_switch_all(i32::from(on)).map(|()| None),
            Step::Switch(Side::Capture, on) => selem.set_capture_switch_all(i32::from(on)).map(|()| None),
            Step::Lowest(Side::Playback) => {
                selem.set_playback_volume_all(selem.get_playback_volume_range().0).map(|()| None)
            }
            Step::Lowest(Side::Capture) => {
                selem.set_capture_volume_all(selem.get_capture_volume_range().0).map(|()| None)
            }
            Step::Level(side, db) => set_level(&selem, side, db).map(Some),
            Step::Word(number) => choose(&selem, number).map(|()| None),
        }
    }
}

/// "Mic", or "Mic,1" for a further control of that name.
fn written(id: &SelemId) -> String {
    let name = id.get_name().unwrap_or_default();
    match id.get_index() {
        0 => name.to_owned(),
        index => format!("{name},{index}"),
    }
}

/// The other way round.
fn split(written: &str) -> (&str, u32) {
    let parts = written.rsplit_once(',').and_then(|(name, index)| Some((name, index.parse().ok()?)));
    parts.unwrap_or((written, 0))
}

fn control(selem: &Selem<'_>) -> Control {
    let name = written(&selem.get_id());
    if selem.is_enumerated() {
        let words = selem.iter_enum().map(|words| words.filter_map(Result::ok).collect()).unwrap_or_default();
        return Control { name, words, ..Control::default() };
    }
    let playback = Way {
        switch: selem.has_playback_switch(),
        volume: selem.has_playback_volume().then(|| volume(selem.get_playback_db_range())),
    };
    let capture = Way {
        switch: selem.has_capture_switch(),
        volume: selem.has_capture_volume().then(|| volume(selem.get_capture_db_range())),
    };
    Control { name, playback, capture, words: Vec::new() }
}

/// A card that does not tell its dB leaves both at zero.
fn volume((lowest, highest): (MilliBel, MilliBel)) -> Volume {
    if lowest == highest { Volume::Unknown } else { Volume::Db(lowest.to_db(), highest.to_db()) }
}

/// Sets the nearest step; what the card then has, dB.
fn set_level(selem: &Selem<'_>, side: Side, db: f32) -> Result<f32, Error> {
    let goal = MilliBel::from_db(db);
    match side {
        Side::Playback => {
            let level = |round| {
                let step = selem.ask_playback_db_vol(goal, round)?;
                Ok((step, selem.ask_playback_vol_db(step)?.to_db()))
            };
            let (step, db) = nearest(db, level(Round::Floor)?, level(Round::Ceil)?);
            selem.set_playback_volume_all(step)?;
            Ok(selem.get_playback_vol_db(SelemChannelId::mono()).map_or(db, MilliBel::to_db))
        }
        Side::Capture => {
            let level = |round| {
                let step = selem.ask_capture_db_vol(goal, round)?;
                Ok((step, selem.ask_capture_vol_db(step)?.to_db()))
            };
            let (step, db) = nearest(db, level(Round::Floor)?, level(Round::Ceil)?);
            selem.set_capture_volume_all(step)?;
            Ok(selem.get_capture_vol_db(SelemChannelId::mono()).map_or(db, MilliBel::to_db))
        }
    }
}

fn nearest(goal: f32, below: (i64, f32), above: (i64, f32)) -> (i64, f32) {
    if lower_is_nearer(goal, below.1, above.1) { below } else { above }
}

/// Chooses a word on both channels, where there are two.
fn choose(selem: &Selem<'_>, number: u32) -> Result<(), Error> {
    selem.set_enum_item(SelemChannelId::mono(), number)?;
    match selem.get_enum_item(SelemChannelId::FrontRight) {
        Ok(_) => selem.set_enum_item(SelemChannelId::FrontRight, number),
        Err(_) => Ok(()),
    }
}
