//! What crosses the USB: the text lines of usbmon, stamped by `CLOCK_MONOTONIC`.
//!
//! A transfer counts when it completes: that is when the device has it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::mono;
use crate::tape::Tape;

/// All buses at once.
const ALL_BUSES: &str = "/sys/kernel/debug/usb/usbmon/0u";

/// usbmon counts microseconds within so many seconds.
const WRAP_SECONDS: u64 = 4_096;

/// Something that a device was told, and took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) at: Duration,
    pub(crate) bus: u32,
    pub(crate) what: What,
}

/// What it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A HID output report, without report number.
    Report(Vec<u8>),
    /// The modem lines of a serial port (CDC `SET_CONTROL_LINE_STATE`).
    Modem { dtr: bool, rts: bool },
}

/// Starts to record; the tape grows until the program ends.
pub(crate) fn start() -> Result<Tape<Sent>> {
    if !Path::new("/sys/kernel/debug/usb").exists() {
        crate::shell::run("mount", &["-t", "debugfs", "debugfs", "/sys/kernel/debug"])?;
    }
    if !Path::new(ALL_BUSES).exists() {
        crate::shell::run("modprobe", &["usbmon"])?;
    }
    let file =
        File::open(ALL_BUSES).with_context(|| format!("cannot open {ALL_BUSES}: is usbmon loaded?"))?;
    let tape = Tape::new();
    let sink = tape.clone();
    std::thread::spawn(move || {
        let mut decoder = Decoder::default();
        for line in BufReader::new(file).lines().map_while(Result::ok) {
            if let Some(sent) = decoder.line(&line, mono::now()) {
                sink.record(sent);
            }
        }
    });
    Ok(tape)
}

/// Joins the submission of a transfer with its completion.
#[derive(Debug, Default)]
struct Decoder {
    /// By the kernel's tag of the transfer.
    waiting: HashMap<String, (u32, What)>,
}

impl Decoder {
    /// Takes a line, read at `now`.
    fn line(&mut self, line: &str, now: Duration) -> Option<Sent> {
        let mut words = line.split_whitespace();
        let (tag, stamp, kind, address) = (words.next()?, words.next()?, words.next()?, words.next()?);
        match kind {
            "S" => {
                let bus = address.split(':').nth(1)?.parse().ok()?;
                let what = submitted(address, words)?;
                self.waiting.insert(tag.to_owned(), (bus, what));
                None
            }
            "C" => {
                let (bus, what) = self.waiting.remove(tag)?;
                let took = words.next()?.split(':').next()? == "0";
                took.then(|| Some(Sent { at: unwrapped(stamp.parse().ok()?, now), bus, what }))?
            }
            // The submission failed.
            _ => {
                self.waiting.remove(tag);
                None
            }
        }
    }
}

/// `Co:1:002:0 s 21 09 0200 0003 0004 4 = 00040400` or `Io:1:002:2 -115:8 4 = 00040400`, from the second word on.
fn submitted<'a>(address: &str, mut words: impl Iterator<Item = &'a str>) -> Option<What> {
    let direction = address.split(':').next()?;
    match direction {
        "Co" => {
            let setup: Vec<&str> = words.by_ref().take(6).collect();
            match setup.as_slice() {
                ["s", "21", "09", value, ..] if value.starts_with("02") => Some(What::Report(data(words)?)),
                ["s", "21", "22", value, ..] => {
                    let lines = u16::from_str_radix(value, 16).ok()?;
                    Some(What::Modem { dtr: lines & 1 != 0, rts: lines & 2 != 0 })
                }
                _ => None,
            }
        }
        "Io" => {
            words.next()?;
            Some(What::Report(data(words)?))
        }
        _ => None,
    }
}

/// `4 = 00040400`.
fn data<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<Vec<u8>> {
    let _length = words.next()?;
    if words.next()? != "=" {
        return None;
    }
    let digits: String = words.collect();
    digits
        .as_bytes()
        .chunks_exact(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// The time of a stamp that was read not much later than it was made.
fn unwrapped(stamp_us: u64, now: Duration) -> Duration {
    let seconds = now.as_secs() / WRAP_SECONDS * WRAP_SECONDS;
    let at = Duration::from_secs(seconds) + Duration::from_micros(stamp_us);
    // Made before the last wrap, read after it.
    if at > now + Duration::from_secs(WRAP_SECONDS / 2) {
        at.saturating_sub(Duration::from_secs(WRAP_SECONDS))
    } else {
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(lines: &[&str]) -> Vec<Sent> {
        let mut decoder = Decoder::default();
        lines.iter().filter_map(|line| decoder.line(line, Duration::from_secs(5_000))).collect()
    }

    #[test]
    fn an_output_report_counts_when_it_is_through() {
        let sent = decode(&[
            "ffff0000c4a1 904000100 S Io:2:003:1 -115:4 4 = 00040400",
            "ffff0000c4a1 904000350 C Io:2:003:1 0:4 4 >",
        ]);
        let at = Duration::from_micros(4_096_000_000 + 904_000_350);
        assert_eq!(sent, [Sent { at, bus: 2, what: What::Report(vec![0, 4, 4, 0]) }]);
    }

    #[test]
    fn an_output_report_may_take_the_control_pipe() {
        let sent = decode(&[
            "ffff0000c4a1 1 S Co:1:002:0 s 21 09 0200 0003 0004 4 = 00080800",
            "ffff0000c4a1 2 C Co:1:002:0 0 4 >",
        ]);
        assert_eq!(sent.first().map(|sent| sent.what.clone()), Some(What::Report(vec![0, 8, 8, 0])));
    }

    #[test]
    fn modem_lines_are_told_by_the_value() {
        let sent = decode(&[
            "ffff0000c4a1 1 S Co:3:002:0 s 21 22 0001 0000 0000 0",
            "ffff0000c4a1 2 C Co:3:002:0 0 0",
            "ffff0000c4a1 3 S Co:3:002:0 s 21 22 0002 0000 0000 0",
            "ffff0000c4a1 4 C Co:3:002:0 0 0",
        ]);
        let what: Vec<What> = sent.into_iter().map(|sent| sent.what).collect();
        assert_eq!(what, [What::Modem { dtr: true, rts: false }, What::Modem { dtr: false, rts: true }]);
    }

    #[test]
    fn what_a_device_did_not_take_is_not_told() {
        let unplugged = [
            "ffff0000c4a1 1 S Io:2:003:1 -115:4 4 = 00040400",
            "ffff0000c4a1 2 C Io:2:003:1 -108:4 0",
            "ffff0000c4a2 3 S Io:2:003:1 -115:4 4 = 00040400",
            "ffff0000c4a2 4 E Io:2:003:1 -19 0",
        ];
        assert_eq!(decode(&unplugged), []);
        let others = [
            "ffff0000c4a1 1 S Ci:1:001:0 s a3 00 0000 0001 0004 4 <",
            "ffff0000c4a1 2 C Ci:1:001:0 0 4 = 01050000",
            "ffff0000c4a1 3 C Ii:2:003:1 0:4 4 = 02000000",
            "",
            "rubbish",
        ];
        assert_eq!(decode(&others), []);
    }

    #[test]
    fn a_stamp_from_before_the_wrap_is_in_the_past() {
        let now = Duration::from_secs(4_096) + Duration::from_millis(1);
        assert_eq!(unwrapped(4_095_999_000, now), Duration::from_millis(4_095_999));
        assert_eq!(unwrapped(500, now), Duration::from_micros(4_096_000_500));
    }
}
