//! The tables of account, sound and speech, and what a board profile says about itself.

use super::{Absent, Key, Kind, Table, key, ms};

const UNSAID: Absent = Absent::Means("not said");
const CHANNELS: Kind = Kind::Word(&["left", "right", "both"]);

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
