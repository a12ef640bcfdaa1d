//! Settings become a [`Config`]: types of the program, and the rules between keys.

mod lines;
mod mixer;

use std::time::{Duration, SystemTime};

use super::complaint::{Complained, Complaints};
use super::files::{Places, Refused};
use super::reader::Settings;
use super::schema::Value;
use super::{Audio, AudioDevice, Busy, Channel, Config, Cos, Downlink, Ptt, Uplink};

/// Puts a configuration together.
pub(crate) struct Builder<'a> {
    /// What the files say.
    pub(crate) settings: &'a Settings,
    /// Where files are.
    pub(crate) places: &'a Places,
    /// What is wrong.
    pub(crate) complaints: &'a mut Complaints,
    /// Today's time, for tokens.
    pub(crate) now: SystemTime,
    /// What is odd, but works.
    pub(crate) advice: &'a mut Complaints,
}

type Built<T> = Result<T, Complained>;

impl Builder<'_> {
    /// The configuration; every part is looked at even when another one is wrong.
    pub(crate) fn config(&mut self, board: Option<String>) -> Built<Config> {
        let zello = self.zello();
        let audio = self.audio();
        // What is wrong with the sound has been said; which card its lines belong to is not asked as well.
        let card = audio.as_ref().map(sound_card).map_err(|done| *done);
        let ptt = self.ptt(card);
        let cos = self.cos(card);
        let uplink = self.uplink();
        let downlink = self.downlink();
        let ways = match (&audio, &cos) {
            (Ok(audio), Ok(cos)) => self.ways(audio, cos),
            (Err(done), _) | (_, Err(done)) => Err(*done),
        };
        let config = Config {
            board,
            zello: zello?,
            audio: audio?,
            ptt: ptt?,
            cos: cos?,
            uplink: uplink?,
            downlink: downlink?,
        };
        ways?;
        self.odd_ways(&config);
        Ok(config)
    }

    fn audio(&mut self) -> Built<Audio> {
        const CHANNELS: [(&str, Channel); 3] =
            [("left", Channel::Left), ("right", Channel::Right), ("both", Channel::Both)];
        let capture = self.device("capture");
        let playback = self.device("playback");
        let mixer = self.mixer();
        let (capture, playback) = (capture?, playback?);
        Ok(Audio {
            mixer: self.wanted_mixer(&mixer?, [&capture, &playback])?,
            capture,
            playback,
            capture_channel: self.word("audio", "capture_channel", &CHANNELS)?,
            playback_channel: self.word("audio", "playback_channel", &CHANNELS)?,
            capture_gain_db: self.level("audio", "capture_gain_db")?,
            playback_gain_db: self.level("audio", "playback_gain_db")?,
        })
    }

    fn device(&mut self, key: &str) -> Built<AudioDevice> {
        let name = self.need_text("audio", key)?;
        match name.strip_prefix("wav:") {
            Some("") => Err(self.refuse(
                "audio",
                key,
                "has no file behind `wav:`",
                "wav:FILE",
                "put the path of the file behind the colon",
            )),
            Some(file) => Ok(AudioDevice::Wav(self.places.resolve(file))),
            None if name == "none" => Ok(AudioDevice::None),
            None => Ok(AudioDevice::Alsa(name)),
        }
    }

    fn uplink(&mut self) -> Built<Uplink> {
        const T: &str = "uplink";
        const LONGEST_ON_PHONES: Duration = Duration::from_secs(60);
        let uplink = Uplink {
            packet: self.millis(T, "packet_ms")?,
            bitrate_bps: u32::try_from(self.whole(T, "bitrate_bps")?).map_err(|_| Complained)?,
            pre_roll: self.millis(T, "pre_roll_ms")?,
            hang: self.millis(T, "hang_ms")?,
            hold: self.seconds(T, "hold_seconds")?,
            held_tone: self.flag(T, "held_tone")?,
            roll_over: self.seconds(T, "roll_over_seconds")?,
            stuck: self.seconds(T, "stuck_seconds")?,
        };
        if uplink.roll_over >= LONGEST_ON_PHONES {
            self.advise(
                T,
                "roll_over_seconds",
                "`roll_over_seconds` in [uplink] lets streams grow longer than those of phones",
                "less than 60",
                "Zello's own apps end an over at 60 s; a longer stream may be cut. 55 is safe",
            );
        }
        Ok(uplink)
    }

    fn downlink(&mut self) -> Built<Downlink> {
        const T: &str = "downlink";
        let jitter = self.jitter();
        let downlink = Downlink {
            lead: self.millis(T, "lead_ms")?,
            tail: self.millis(T, "tail_ms")?,
            time_out: self.seconds(T, "time_out_seconds")?,
            rx_mute: self.millis(T, "rx_mute_ms")?,
            busy: self.word(
                T,
                "busy",
                &[("wait", Busy::Wait), ("override", Busy::Override), ("drop", Busy::Drop)],
            )?,
            wait: self.seconds(T, "wait_seconds")?,
            held_tone: self.flag(T, "held_tone")?,
            jitter_min: self.millis(T, "jitter_min_ms")?,
            jitter_max: self.millis(T, "jitter_max_ms")?,
        };
        jitter.map(|()| downlink)
    }

    fn jitter(&mut self) -> Built<()> {
        const T: &str = "downlink";
        let (min, max) = (self.whole(T, "jitter_min_ms")?, self.whole(T, "jitter_max_ms")?);
        if min <= max {
            return Ok(());
        }
        let why = format!("is {min} and `jitter_max_ms` {max}: the least delay above the most");
        let help = "lower the one or raise the other; 60 and 800 suit most networks";
        Err(self.refuse(T, "jitter_min_ms", &why, "`jitter_min_ms` not above `jitter_max_ms`", help))
    }

    /// What does not fit together across tables: a gateway must have something to do, and the means for it.
    fn ways(&mut self, audio: &Audio, cos: &Cos) -> Built<()> {
        let capture = audio.capture != AudioDevice::None;
        let playback = audio.playback != AudioDevice::None;
        if !capture && !playback {
            return Err(self.refuse(
                "audio",
                "playback",
                "is \"none\", and so is `capture`: there is nothing to do",
                "a device for at least one way",
                "name the sound device of the radio; `zello-gateway devices` lists them",
            ));
        }
        if !capture && *cos != Cos::None {
            let cos = self.settings.cos?.name;
            let place = self.settings.header(cos);
            let what = format!("[{cos}] is given, but `capture` in [audio] is \"none\"");
            let help = "name the capture device, or write [cos.none] for a transmit-only gateway";
            return Err(self.complaints.add(place, what, "[cos.none] where nothing is captured", help));
        }
        Ok(())
    }

    /// What works, but does less than a gateway might.
    fn odd_ways(&mut self, config: &Config) {
        if config.audio.capture != AudioDevice::None && config.cos == Cos::None {
            let what = "[cos.none]: what the radio hears is never sent";
            self.advise("cos.none", "", what, "a [cos.*] table, or `capture = \"none\"`", "as you wish");
        }
        if config.audio.playback == AudioDevice::None && config.ptt != Ptt::None {
            self.advise(
                "audio",
                "playback",
                "`playback` in [audio] is \"none\": the transmitter is never keyed",
                "[ptt.none] where nothing is played",
                "name the playback device, or write [ptt.none] for a receive-only gateway",
            );
        }
        if config.zello.listen_only && config.cos != Cos::None {
            let what = if config.zello.user.is_some() {
                "`listen_only` in [zello] is set: what the radio hears is not sent"
            } else {
                "there is no `username` in [zello]: the gateway is anonymous and can only listen"
            };
            let help = "for both ways give `username` and `password_file` and leave `listen_only` out";
            self.advise("zello", "listen_only", what, "[cos.none] where nothing is sent", help);
        }
    }

    /// Complains about a value.
    pub(crate) fn refuse(
        &mut self,
        table: &str,
        key: &str,
        why: &str,
        expected: &str,
        help: &str,
    ) -> Complained {
        let what = format!("`{key}` in [{table}] {why}");
        self.complaints.add(self.settings.place(table, key), what, expected, help)
    }

    /// Complains about a file that a key names.
    pub(crate) fn refuse_file(
        &mut self,
        table: &str,
        key: &str,
        expected: &str,
        why: &Refused,
    ) -> Complained {
        let what = format!("`{key}` in [{table}]: {}", why.what);
        self.complaints.add(self.settings.place(table, key), what, expected, &why.help)
    }

    /// Says that something is odd.
    pub(crate) fn advise(&mut self, table: &str, key: &str, what: &str, expected: &str, help: &str) {
        let place = self.settings.place(table, key);
        self.advice.add(place, what.to_owned(), expected, help);
    }

    /// The text of a key, if given.
    pub(crate) fn text(&self, table: &str, key: &str) -> Built<Option<String>> {
        match self.settings.get(table, key)?.map(|setting| &setting.value) {
            Some(Value::Text(text)) => Ok(Some(text.clone())),
            Some(Value::Bool(_) | Value::Integer(_) | Value::Number(_) | Value::List(_)) => Err(Complained),
            None => Ok(None),
        }
    }

    /// The text of a key that the schema guarantees.
    pub(crate) fn need_text(&self, table: &str, key: &str) -> Built<String> {
        self.text(table, key)?.ok_or(Complained)
    }

    /// A word of a key that the schema guarantees, as what it stands for.
    pub(crate) fn word<T: Copy>(&self, table: &str, key: &str, words: &[(&str, T)]) -> Built<T> {
        let text = self.need_text(table, key)?;
        words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning).ok_or(Complained)
    }

    fn need(&self, table: &str, key: &str) -> Built<Value> {
        self.settings.get(table, key)?.map(|setting| setting.value.clone()).ok_or(Complained)
    }

    fn number(&self, table: &str, key: &str) -> Built<f64> {
        match self.need(table, key)? {
            Value::Integer(number) => Ok(number as f64),
            Value::Number(number) => Ok(number),
            Value::Bool(_) | Value::Text(_) | Value::List(_) => Err(Complained),
        }
    }

    fn whole(&self, table: &str, key: &str) -> Built<u64> {
        match self.need(table, key)? {
            Value::Integer(number) => u64::try_from(number).map_err(|_| Complained),
            Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => Err(Complained),
        }
    }

    fn flag(&self, table: &str, key: &str) -> Built<bool> {
        match self.need(table, key)? {
            Value::Bool(flag) => Ok(flag),
            Value::Integer(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => Err(Complained),
        }
    }

    fn millis(&self, table: &str, key: &str) -> Built<Duration> {
        self.whole(table, key).map(Duration::from_millis)
    }

    fn seconds(&self, table: &str, key: &str) -> Built<Duration> {
        Duration::try_from_secs_f64(self.number(table, key)?).map_err(|_| Complained)
    }

    #[expect(clippy::cast_possible_truncation, reason = "levels in dB need no more than f32")]
    fn level(&self, table: &str, key: &str) -> Built<f32> {
        self.number(table, key).map(|level| level as f32)
    }
}

/// The ALSA id or number of the card that carries the radio's sound.
fn sound_card(audio: &Audio) -> Option<&str> {
    audio.playback.card().or_else(|| audio.capture.card())
}
