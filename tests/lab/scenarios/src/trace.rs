//! Every movement of the radio's lines as the kernel sees it: the trace events of `guest/devices`, stamped by
//! `CLOCK_MONOTONIC`. A USB transfer counts when the device has it.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::tape::Tape;

/// A trace buffer of our own: who reads a pipe empties it, and the session wants to keep its own for the host.
const INSTANCE: &str = "/sys/kernel/tracing/instances/zello-gateway-lab";

/// `SET_CONTROL_LINE_STATE` of the CDC class; all else that the port is asked is nothing to us.
const MODEM_LINES: &str = "request == 34";

/// A line moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) at: Duration,
    /// Name and number of the task that was running.
    pub(crate) task: String,
    pub(crate) what: What,
}

/// Which line, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// Outputs of the GPIO chip were set, or lines became outputs: a bit each.
    Gpio { lines: u64, high: u64 },
    /// The last holder let go of a GPIO line, however he ended; gpio-sim then drops it to its pull.
    GpioFree { line: u32 },
    /// An output report arrived at `/dev/hidgN`: report number, data, mask, nothing.
    Report { hidg: u32, data: [u8; 4] },
    /// The modem lines of the AIOC's port.
    Modem { dtr: bool, rts: bool },
}

/// Starts to record; the tape grows until the program ends.
pub(crate) fn start() -> Result<Tape<Moved>> {
    let instance = PathBuf::from(INSTANCE);
    if !instance.exists() {
        fs::create_dir(&instance).context("cannot make a trace instance: has guest/devices run?")?;
    }
    let set = |file: &str, value: &str| {
        fs::write(instance.join(file), value).with_context(|| format!("cannot set {INSTANCE}/{file}"))
    };
    set("trace_clock", "mono")?;
    set("events/lab/serial_out/filter", MODEM_LINES)?;
    set("events/lab/enable", "1")?;
    let pipe = File::open(instance.join("trace_pipe")).context("cannot open trace_pipe")?;
    let tape = Tape::new();
    let sink = tape.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if let Some(moved) = parse(&line) {
                sink.record(moved);
            }
        }
    });
    Ok(tape)
}

/// `  task-123   [000] d..1.   12.345678: gpio_set: (gpio_sim_set+0x0/0x40 [gpio_sim]) line=17 value=1`.
fn parse(line: &str) -> Option<Moved> {
    let (head, rest) = line.split_once(": (")?;
    let (head, event) = head.rsplit_once(": ")?;
    let at: f64 = head.split_whitespace().last()?.parse().ok()?;
    let task = head.split(" [").next()?.trim().to_owned();
    let (_, fields) = rest.split_once(") ")?;
    let field = |name: &str| {
        let value =
            fields.split_whitespace().find_map(|field| field.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.to_owned())
    };
    let number = |name: &str| field(name)?.parse::<u32>().ok();
    let bits = |name: &str| field(name)?.parse::<u64>().ok();
    let what = match event {
        "gpio_sets" => What::Gpio { lines: bits("mask")?, high: bits("levels")? },
        "gpio_set" | "gpio_output" => {
            let lines = bit(number("line")?);
            What::Gpio { lines, high: if number("value")? == 0 { 0 } else { lines } }
        }
        "gpio_free" => What::GpioFree { line: number("line")? },
        "hid_out" => What::Report { hidg: number("hidg")?, data: bytes(&field("data")?)? },
        "serial_out" => {
            let lines = number("value")?;
            What::Modem { dtr: lines & 1 != 0, rts: lines & 2 != 0 }
        }
        _ => return None,
    };
    Some(Moved { at: Duration::from_secs_f64(at), task, what })
}

/// A line's place in [`What::Gpio`].
pub(crate) fn bit(line: u32) -> u64 {
    1_u64.checked_shl(line).unwrap_or(0)
}

/// `{0x0,0x4,0x4,0x0}`.
fn bytes(array: &str) -> Option<[u8; 4]> {
    let inner = array.strip_prefix('{')?.strip_suffix('}')?;
    let byte = |text: &str| u8::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    inner.split(',').map(byte).collect::<Option<Vec<u8>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(line: &str) -> Option<What> {
        parse(line).map(|moved| moved.what)
    }

    #[test]
    fn a_line_of_the_trace_is_understood() {
        let line = "   zello-gateway-345     [001] d..1.   123.456789: gpio_set: (gpio_sim_set+0x0/0x40 [gpio_sim]) line=17 value=1";
        let expected = Moved {
            at: Duration::from_micros(123_456_789),
            task: "zello-gateway-345".to_owned(),
            what: What::Gpio { lines: 1 << 17, high: 1 << 17 },
        };
        assert_eq!(parse(line), Some(expected));
    }

    #[test]
    fn every_kind_of_line_is_told_from_the_others() {
        let events = [
            ("gpio_output: (f+0x0/0x40) line=17 value=0", What::Gpio { lines: 1 << 17, high: 0 }),
            (
                "gpio_sets: (gpio_sim_set_multiple+0x0/0x60 [gpio_sim]) mask=131072 levels=131072",
                What::Gpio { lines: 1 << 17, high: 1 << 17 },
            ),
            ("gpio_free: (f+0x0/0x40) line=27", What::GpioFree { line: 27 }),
            (
                "hid_out: (lab_hid_out+0x0/0x10 [usb_f_hid]) hidg=1 data={0x0,0x4,0x4,0x0}",
                What::Report { hidg: 1, data: [0, 4, 4, 0] },
            ),
            ("serial_out: (acm_setup+0x0/0x1 [x]) request=34 value=1", What::Modem { dtr: true, rts: false }),
        ];
        for (event, expected) in events {
            assert_eq!(what(&format!("  a b-9 [000] ..... 1.000002: {event}")), Some(expected), "{event}");
        }
    }

    #[test]
    fn other_lines_do_no_harm() {
        for line in [
            "CPU:0 [LOST 5 EVENTS]",
            "  a-9 [000] ..... 1.2: serial_in_off: (acm_disconnect+0x0/0x30 [usb_f_acm])",
            "  a-9 [000] ..... 1.2: gpio_pull: (f+0x0/0x1) line=27 pull=\"pull-down",
            "\"",
            "  a-9 [000] ..... 1.2: hid_out: (f+0x0/0x1) hidg=0 data={0x0,0x4}",
            "",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
        let named = "  Web: (Content)-9 [000] .....  1.000002: gpio_set: (f+0x0/0x4) line=7 value=0";
        assert!(parse(named).is_none_or(|moved| moved.what == What::Gpio { lines: 1 << 7, high: 0 }));
    }
}
