//! Every table and key of the file in one place: kind, unit, range, default and one line of explanation.
//!
//! The reader, `check --effective`, the README's table and the test of `boards/example.toml` all come from here.

/// A value as the file writes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
    /// Texts.
    List(Vec<String>),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value:?}"),
            Self::Text(text) => write!(f, "{}", toml::Value::from(text.as_str())),
            Self::List(texts) => write!(f, "{}", toml::Value::from(texts.clone())),
        }
    }
}

/// What values a key takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number of `unit`.
    Integer { min: i64, max: i64, unit: &'static str },
    /// One of a few whole numbers of `unit`.
    Steps { steps: &'static [i64], unit: &'static str },
    /// A number of `unit`, whole or not.
    Number { min: f64, max: f64, unit: &'static str },
    /// One of a few words.
    Word(&'static [&'static str]),
    /// Any text but the empty one.
    Text,
    /// Texts of that kind.
    List,
    /// Path of a file, relative to the configuration.
    Path,
    /// Path of a file that only its owner may read.
    SecretPath,
    /// A sound device.
    Device,
    /// A GPIO line: offset or name.
    Line,
    /// A HID device: `auto`, vendor and product, USB port or path.
    Hid,
}

/// What holds when the key is left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Absent {
    /// It must not be.
    Required,
    /// Nothing is set; the text says what that means.
    Means(&'static str),
    /// This.
    Bool(bool),
    /// This.
    Integer(i64),
    /// This.
    Number(f64),
    /// This.
    Text(&'static str),
    /// No texts.
    Nothing,
}

impl Absent {
    /// The default, where there is one.
    pub(crate) fn value(self) -> Option<Value> {
        match self {
            Self::Required | Self::Means(_) => None,
            Self::Bool(value) => Some(Value::Bool(value)),
            Self::Integer(value) => Some(Value::Integer(value)),
            Self::Number(value) => Some(Value::Number(value)),
            Self::Text(text) => Some(Value::Text(text.to_owned())),
            Self::Nothing => Some(Value::List(Vec::new())),
        }
    }
}

/// A key of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Key {
    /// As written in the file.
    pub(crate) name: &'static str,
    /// What it takes.
    pub(crate) kind: Kind,
    /// Its default.
    pub(crate) absent: Absent,
    /// One line of explanation.
    pub(crate) doc: &'static str,
}

/// A table of the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Table {
    /// As written in the file, without brackets.
    pub(crate) name: &'static str,
    /// One line of explanation.
    pub(crate) doc: &'static str,
    /// Its keys in the order to show them.
    pub(crate) keys: &'static [Key],
}

impl Table {
    /// The key of that name.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// Tables of which exactly one is given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Choice {
    /// The name before the dot.
    pub(crate) name: &'static str,
    /// What is chosen.
    pub(crate) doc: &'static str,
    /// The tables, under their whole names.
    pub(crate) tables: &'static [Table],
}

impl Choice {
    /// The table that `kind` (the name behind the dot) chooses.
    pub(crate) fn table(&self, kind: &str) -> Option<&'static Table> {
        self.tables.iter().find(|table| self.kind(table) == kind)
    }

    /// The name behind the dot.
    pub(crate) fn kind(&self, table: &'static Table) -> &'static str {
        table.name.get(self.name.len() + 1..).unwrap_or(table.name)
    }

    /// "[ptt.gpio], [ptt.log] or [ptt.none]".
    pub(crate) fn names(&self) -> String {
        let names: Vec<String> = self.tables.iter().map(|table| format!("[{}]", table.name)).collect();
        one_of(&names)
    }
}

/// "a, b or c".
pub(crate) fn one_of<T: AsRef<str>>(names: &[T]) -> String {
    match names {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} or {}", first.join(", "), last.as_ref())
        }
    }
}

const fn key(name: &'static str, kind: Kind, absent: Absent, doc: &'static str) -> Key {
    Key { name, kind, absent, doc }
}

const fn ms(name: &'static str, min: i64, max: i64, default: i64, doc: &'static str) -> Key {
    key(name, Kind::Integer { min, max, unit: "ms" }, Absent::Integer(default), doc)
}

const fn seconds(name: &'static str, min: f64, max: f64, default: i64, doc: &'static str) -> Key {
    key(name, Kind::Number { min, max, unit: "seconds" }, Absent::Integer(default), doc)
}

const fn db(name: &'static str, doc: &'static str) -> Key {
    key(name, Kind::Number { min: -40.0, max: 40.0, unit: "dB" }, Absent::Number(0.0), doc)
}

const fn control(name: &'static str, doc: &'static str) -> Key {
    key(name, Kind::Text, Absent::Means("untouched, as by `\"none\"`"), doc)
}

const fn level(name: &'static str, doc: &'static str) -> Key {
    key(name, Kind::Number { min: -100.0, max: 60.0, unit: "dB" }, Absent::Means("untouched"), doc)
}

const UNSAID: Absent = Absent::Means("not said");
const ACTIVE: Kind = Kind::Word(&["high", "low"]);
const CHANNELS: Kind = Kind::Word(&["left", "right", "both"]);
const CHIP: Key = key(
    "chip",
    Kind::Text,
    Absent::Means("the main chip of the board"),
    "GPIO chip: label, name or path; `zello-gateway devices` lists them",
);
const LINE: Key =
    key("line", Kind::Line, Absent::Required, "offset (on a Pi: the BCM number) or name of the line");
const DEBOUNCE: Key = ms("debounce_ms", 0, 1_000, 20, "a level counts when it has lasted so long");
const HID: Key = key(
    "device",
    Kind::Hid,
    Absent::Text("auto"),
    "`auto`: the HID of the sound card's own USB device; else `VENDOR:PRODUCT`, USB port or path",
);
const PORT: Key = key(
    "port",
    Kind::Path,
    Absent::Required,
    "serial port, by its stable name in `/dev/serial/by-id`; `zello-gateway devices` lists them",
);

/// The key outside of all tables.
pub(crate) const BOARD: Key = key(
    "board",
    Kind::Text,
    Absent::Means("no profile"),
    "profile whose values are the defaults for all below: a name (`zello-gateway boards`) or a file (`my.toml`)",
);

/// `[zello]`
pub(crate) const ZELLO: Table = Table {
    name: "zello",
    doc: "The account and the channel.",
    keys: &[
        key(
            "service",
            Kind::Word(&["consumer", "work", "enterprise"]),
            Absent::Text("consumer"),
            "zello.io, a Zello Work network, or a Zello Enterprise Server",
        ),
        key("network", Kind::Text, Absent::Means("needed by `work`"), "name of the Zello Work network"),
        key(
            "server",
            Kind::Text,
            Absent::Means("needed by `enterprise`"),
            "host of the Zello Enterprise Server",
        ),
        key(
            "url",
            Kind::Text,
            Absent::Means("the service's own address"),
            "where to connect instead: wss://…, or ws:// to a loopback address",
        ),
        key(
            "ca_file",
            Kind::Path,
            Absent::Means("the system's roots only"),
            "PEM file with certificates to trust beside the system's roots",
        ),
        key("channel", Kind::Text, Absent::Required, "the channel, exactly as Zello writes it"),
        key("username", Kind::Text, Absent::Means("anonymous: listens only"), "account name"),
        key(
            "password_file",
            Kind::SecretPath,
            Absent::Means("anonymous"),
            "file with the account's password",
        ),
        key(
            "issuer",
            Kind::Text,
            Absent::Means("see `token_file`"),
            "issuer from the developer portal; goes with `private_key_file`",
        ),
        key(
            "private_key_file",
            Kind::SecretPath,
            Absent::Means("see `token_file`"),
            "PEM file with the private key from the developer portal",
        ),
        key(
            "token_file",
            Kind::SecretPath,
            Absent::Means("`issuer` and `private_key_file`"),
            "file with a development token from the portal (lasts 30 days)",
        ),
        key("listen_only", Kind::Bool, Absent::Bool(false), "never send to the channel"),
    ],
};

/// `[audio]`
pub(crate) const AUDIO: Table = Table {
    name: "audio",
    doc: "The sound devices towards the radio.",
    keys: &[
        key(
            "capture",
            Kind::Device,
            Absent::Required,
            "what the radio hears: an ALSA PCM, `wav:FILE` (played in real time, then silence), or `none`",
        ),
        key(
            "playback",
            Kind::Device,
            Absent::Required,
            "what the radio says: an ALSA PCM, `wav:FILE` (records), or `none`",
        ),
        key(
            "capture_channel",
            CHANNELS,
            Absent::Text("left"),
            "which channel of a stereo capture is the radio",
        ),
        key(
            "playback_channel",
            CHANNELS,
            Absent::Text("both"),
            "which channels of a stereo playback carry the voice",
        ),
        db("capture_gain_db", "added to what is captured"),
        db("playback_gain_db", "added to what is played"),
        key(
            "set_mixer",
            Kind::Bool,
            Absent::Bool(false),
            "set the card's own mixer to [mixer] at start, and when a lost card is back",
        ),
    ],
};

/// `[mixer]`
pub(crate) const MIXER: Table = Table {
    name: "mixer",
    doc: "What `set_mixer` sets: simple controls of the card, as `amixer scontrols` lists them.",
    keys: &[
        control("sidetone_control", "its playback side is switched off first: it would send what is heard"),
        control("agc_control", "automatic gain, switched off before any level is set"),
        key("off", Kind::List, Absent::Nothing, "more controls to switch off"),
        key("on", Kind::List, Absent::Nothing, "controls to switch on"),
        control("playback_control", "level of what is played to the radio"),
        level("playback_db", "of `playback_control`; the nearest step is taken"),
        control("capture_control", "level of what is captured"),
        level("capture_db", "of `capture_control`; the nearest step is taken"),
    ],
};

/// What a board profile says about itself.
pub(crate) const ABOUT: Table = Table {
    name: "about",
    doc: "The profile, for a person.",
    keys: &[
        key("title", Kind::Text, UNSAID, "one line"),
        key("wiring", Kind::Text, UNSAID, "how radio and board are joined"),
        key("warnings", Kind::List, Absent::Nothing, "what to mind"),
        key("hazards", Kind::List, Absent::Nothing, "warnings of many boards, by their names"),
        key("source", Kind::Text, UNSAID, "where the facts come from"),
        key("chips", Kind::List, Absent::Nothing, "labels of GPIO chips, one of which makes it fit"),
        key("cards", Kind::List, Absent::Nothing, "parts of ALSA card ids, one of which makes it fit"),
        key("usb", Kind::List, Absent::Nothing, "USB devices, one of which makes it fit; a+b: both"),
    ],
};

/// `[ptt.*]`
pub(crate) const PTT: Choice = Choice {
    name: "ptt",
    doc: "The line that keys the transmitter; exactly one.",
    tables: &[
        Table {
            name: "ptt.gpio",
            doc: "A GPIO line.",
            keys: &[
                CHIP,
                LINE,
                key("active", ACTIVE, Absent::Text("high"), "level that keys the transmitter"),
            ],
        },
        Table {
            name: "ptt.cm108",
            doc: "A pin of a CM108-type sound chip, by its HID device.",
            keys: &[
                HID,
                key(
                    "gpio",
                    Kind::Integer { min: 1, max: 8, unit: "number of the chip's GPIO" },
                    Absent::Integer(3),
                    "which pin keys; nearly every interface uses GPIO3",
                ),
                key("active", ACTIVE, Absent::Text("high"), "level that keys the transmitter"),
            ],
        },
        Table {
            name: "ptt.serial",
            doc: "A modem line of a serial port; the port's other output is kept released.",
            keys: &[
                PORT,
                key("line", Kind::Word(&["rts", "dtr"]), Absent::Required, "the line that keys"),
                key(
                    "active",
                    ACTIVE,
                    Absent::Text("high"),
                    "level that keys the transmitter; `high` is asserted",
                ),
            ],
        },
        Table {
            name: "ptt.log",
            doc: "No line: a file with one line per change, for tests.",
            keys: &[key("path", Kind::Path, Absent::Text("ptt.log"), "the file")],
        },
        Table {
            name: "ptt.none",
            doc: "No line: an interface with VOX of its own, or a receive-only gateway.",
            keys: &[],
        },
    ],
};

/// `[cos.*]`
pub(crate) const COS: Choice = Choice {
    name: "cos",
    doc: "What tells that the radio hears somebody; exactly one.",
    tables: &[
        Table {
            name: "cos.gpio",
            doc: "A GPIO line.",
            keys: &[
                CHIP,
                LINE,
                key("active", ACTIVE, Absent::Text("low"), "level that means \"squelch open\""),
                key(
                    "bias",
                    Kind::Word(&["as-is", "pull-up", "pull-down", "off"]),
                    Absent::Text("pull-up"),
                    "pull resistor of the input",
                ),
                DEBOUNCE,
            ],
        },
        Table {
            name: "cos.cm108",
            doc: "A pin of a CM108-type sound chip, by its HID device.",
            keys: &[
                HID,
                key(
                    "bit",
                    Kind::Word(&[
                        "volume-down",
                        "volume-up",
                        "mute-playback",
                        "mute-record",
                        "gpio1",
                        "gpio2",
                        "gpio3",
                        "gpio4",
                        "gpio5",
                        "gpio6",
                        "gpio7",
                        "gpio8",
                    ]),
                    Absent::Text("volume-down"),
                    "which pin of the chip",
                ),
                key("active", ACTIVE, Absent::Text("low"), "level of the pin that means \"squelch open\""),
                DEBOUNCE,
            ],
        },
        Table {
            name: "cos.serial",
            doc: "A modem line of a serial port.",
            keys: &[
                PORT,
                key(
                    "line",
                    Kind::Word(&["cts", "dsr", "dcd", "ri"]),
                    Absent::Required,
                    "the line that tells",
                ),
                key(
                    "active",
                    ACTIVE,
                    Absent::Text("high"),
                    "level that means \"squelch open\"; `high` is asserted",
                ),
                DEBOUNCE,
            ],
        },
        Table {
            name: "cos.vox",
            doc: "The level of the captured sound.",
            keys: &[
                key(
                    "threshold_dbfs",
                    Kind::Number { min: -100.0, max: 0.0, unit: "dBFS" },
                    Absent::Number(-35.0),
                    "opens above this level",
                ),
                ms("attack_ms", 0, 1_000, 20, "must be loud so long to open"),
                ms("release_ms", 0, 10_000, 600, "stays open so long after the last loud moment"),
            ],
        },
        Table {
            name: "cos.fifo",
            doc: "A named pipe with lines `on` and `off`, for tests and other programs.",
            keys: &[key("path", Kind::Path, Absent::Text("cos"), "the pipe; made if missing")],
        },
        Table { name: "cos.none", doc: "None: a transmit-only gateway.", keys: &[] },
    ],
};

/// `[uplink]`
pub(crate) const UPLINK: Table = Table {
    name: "uplink",
    doc: "Radio → Zello.",
    keys: &[
        key(
            "packet_ms",
            Kind::Steps { steps: &[20, 40, 60], unit: "ms" },
            Absent::Integer(60),
            "speech in a packet; 60 makes the fewest packets, 20 the least delay",
        ),
        key(
            "bitrate_bps",
            Kind::Integer { min: 6_000, max: 64_000, unit: "bit/s" },
            Absent::Integer(16_000),
            "rate of the Opus encoder",
        ),
        ms("pre_roll_ms", 0, 2_000, 200, "audio kept from before the squelch opened"),
        ms("hang_ms", 0, 10_000, 500, "squelch chatter shorter than this stays one over"),
        seconds(
            "hold_seconds",
            0.0,
            600.0,
            60,
            "speech kept in memory while the channel cannot take it, sent later; 0: dropped",
        ),
        key(
            "held_tone",
            Kind::Bool,
            Absent::Bool(false),
            "a short tone before speech that is sent 10 s late or more, so that listeners know that it is not live",
        ),
        seconds("roll_over_seconds", 1.0, 3_600.0, 55, "a longer over goes on as a new stream, with no gap"),
        seconds("stuck_seconds", 1.0, 86_400.0, 300, "a squelch open longer than this is a fault"),
    ],
};

/// `[downlink]`
pub(crate) const DOWNLINK: Table = Table {
    name: "downlink",
    doc: "Zello → radio.",
    keys: &[
        ms("lead_ms", 0, 5_000, 200, "keyed, silent, before the first word"),
        ms("tail_ms", 0, 5_000, 150, "keyed, silent, after the last"),
        seconds(
            "time_out_seconds",
            1.0,
            3_600.0,
            180,
            "longest transmission; the guard's own limit is a little later",
        ),
        ms("rx_mute_ms", 0, 10_000, 300, "after unkeying, COS is not believed for so long"),
        key(
            "busy",
            Kind::Word(&["wait", "override", "drop"]),
            Absent::Text("wait"),
            "what the channel's talk does while the radio is receiving",
        ),
        seconds("wait_seconds", 0.0, 600.0, 30, "how much talk is kept while it must wait"),
        key(
            "held_tone",
            Kind::Bool,
            Absent::Bool(false),
            "a short tone before talk that has waited for 10 s or more",
        ),
        ms("jitter_min_ms", 0, 2_000, 60, "least delay of the jitter buffer"),
        ms("jitter_max_ms", 20, 5_000, 800, "most delay of the jitter buffer"),
    ],
};

/// A part of the file, in the order to show it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    /// A table of its own.
    Table(&'static Table),
    /// One of several tables.
    Choice(&'static Choice),
}

impl Part {
    /// Name at the top level of the file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Table(table) => table.name,
            Self::Choice(choice) => choice.name,
        }
    }

    /// The tables that it may hold.
    pub(crate) fn tables(self) -> &'static [Table] {
        match self {
            Self::Table(table) => std::slice::from_ref(table),
            Self::Choice(choice) => choice.tables,
        }
    }
}

/// The whole file.
pub(crate) const PARTS: [Part; 7] = [
    Part::Table(&ZELLO),
    Part::Table(&AUDIO),
    Part::Table(&MIXER),
    Part::Choice(&PTT),
    Part::Choice(&COS),
    Part::Table(&UPLINK),
    Part::Table(&DOWNLINK),
];

/// All tables.
pub(crate) fn tables() -> impl Iterator<Item = &'static Table> {
    PARTS.into_iter().flat_map(|part| part.tables().iter())
}

impl Kind {
    /// What is expected, for a person.
    pub(crate) fn expected(self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Integer { min, max, unit } => format!("a whole number from {min} to {max} ({unit})"),
            Self::Steps { steps, unit } => {
                let steps: Vec<String> = steps.iter().map(i64::to_string).collect();
                format!("{} ({unit})", one_of(&steps))
            }
            Self::Number { min, max, unit } => format!("a number from {min} to {max} ({unit})"),
            Self::Word(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                one_of(&words)
            }
            Self::Text => "text in quotes, not empty".to_owned(),
            Self::List => "a list of texts in quotes: [\"…\", \"…\"]".to_owned(),
            Self::Path => "the path of a file, in quotes".to_owned(),
            Self::SecretPath => "the path of a file that only its owner may read, in quotes".to_owned(),
            Self::Device => {
                "an ALSA PCM such as \"hw:CARD=Device,DEV=0\", \"wav:FILE\" or \"none\"".to_owned()
            }
            Self::Hid => {
                "\"auto\", \"VENDOR:PRODUCT\" in hexadecimal, a USB port such as \"1-1.2\", or a path"
                    .to_owned()
            }
            Self::Line => {
                "the offset of a GPIO line (a whole number from 0 to 1023) or its name in quotes".to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_lies_in_its_own_range() {
        for table in tables() {
            for key in table.keys {
                let Some(default) = key.absent.value() else { continue };
                let fits = match (key.kind, &default) {
                    (Kind::Bool, Value::Bool(_))
                    | (Kind::Path | Kind::Hid, Value::Text(_))
                    | (Kind::List, Value::List(_)) => true,
                    (Kind::Integer { min, max, .. }, Value::Integer(value)) => (min..=max).contains(value),
                    (Kind::Steps { steps, .. }, Value::Integer(value)) => steps.contains(value),
                    (Kind::Number { min, max, .. }, Value::Number(value)) => (min..=max).contains(value),
                    (Kind::Number { min, max, .. }, Value::Integer(value)) => {
                        (min..=max).contains(&(*value as f64))
                    }
                    (Kind::Word(words), Value::Text(word)) => words.contains(&word.as_str()),
                    _ => false,
                };
                assert!(fits, "{}.{} = {default}", table.name, key.name);
            }
        }
    }
}
