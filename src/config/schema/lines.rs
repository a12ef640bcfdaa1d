//! `[ptt.*]` and `[cos.*]`: the lines to the radio.

use super::{Absent, Choice, Key, Kind, Table, key, ms};

const ACTIVE: Kind = Kind::Word(&["high", "low"]);
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
