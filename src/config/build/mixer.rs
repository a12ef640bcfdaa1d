//! `[mixer]` and `set_mixer` become the goals of a [`Config`](crate::config::Config).

use super::{Builder, Built};
use crate::config::complaint::Complained;
use crate::config::schema::Value;
use crate::config::{AudioDevice, MixerGoals, MixerLevel};

const T: &str = "mixer";

impl Builder<'_> {
    /// The goals, wanted or not.
    pub(super) fn mixer(&mut self) -> Built<MixerGoals> {
        let playback = self.mixer_level("playback_control", "playback_db");
        let capture = self.mixer_level("capture_control", "capture_db");
        Ok(MixerGoals {
            sidetone: self.control("sidetone_control")?,
            agc: self.control("agc_control")?,
            off: self.texts("off")?,
            on: self.texts("on")?,
            playback: playback?,
            capture: capture?,
        })
    }

    /// The goals if `set_mixer` wants them set.
    pub(super) fn wanted_mixer(
        &mut self,
        goals: &MixerGoals,
        devices: [&AudioDevice; 2],
    ) -> Built<Option<MixerGoals>> {
        if self.need("audio", "set_mixer")? != Value::Bool(true) {
            return Ok(None);
        }
        if *goals == MixerGoals::default() {
            self.advise(
                "audio",
                "set_mixer",
                "`set_mixer` in [audio] is true, but nothing says what to set",
                "goals in [mixer]",
                "write [mixer], or name a board that has one; `amixer scontrols` lists the card's controls",
            );
        } else if devices.iter().all(|device| device.card().is_none()) {
            self.advise(
                "audio",
                "set_mixer",
                "`set_mixer` in [audio] is true, but no device names its card",
                "a device such as \"hw:CARD=Device,DEV=0\"",
                "name the card; `zello-gateway devices` lists them. What is played through a sound server has no mixer here",
            );
        }
        Ok(Some(goals.clone()))
    }

    /// A level with its control: one is nothing without the other.
    fn mixer_level(&mut self, control: &str, level: &str) -> Built<Option<MixerLevel>> {
        let given = self.settings.get(T, level)?.is_some();
        let written = self.settings.get(T, control)?.is_some();
        match self.control(control)? {
            Some(name) if given => Ok(Some(MixerLevel { control: name, db: self.level(T, level)? })),
            None if written || !given => Ok(None),
            Some(_) => Err(self.without(control, level)),
            None => Err(self.without(level, control)),
        }
    }

    fn without(&mut self, given: &str, other: &str) -> Complained {
        let why = format!("stands without `{other}`");
        let expected = format!("`{given}` and `{other}`, or neither");
        let help = "`amixer scontents` shows the controls of a card with their levels";
        self.refuse(T, given, &why, &expected, help)
    }

    /// The name of a control; `none` takes back what the board says.
    fn control(&self, key: &str) -> Built<Option<String>> {
        Ok(self.text(T, key)?.filter(|name| name != "none"))
    }

    fn texts(&self, key: &str) -> Built<Vec<String>> {
        match self.need(T, key)? {
            Value::List(texts) => Ok(texts),
            Value::Bool(_) | Value::Integer(_) | Value::Number(_) | Value::Text(_) => Err(Complained),
        }
    }
}
