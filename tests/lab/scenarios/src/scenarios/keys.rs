//! A fob's COS is a volume key to the kernel; the gateway keeps it from everybody else.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::fs::OFlags;

use crate::harness::{AMPLE, Lab, Scenario};
use crate::radio::{Radio, Wiring};
use crate::scene;
use crate::tape::until;

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "volume-keys",
    about: "COS of a fob presses no volume key while the gateway runs.",
    body: volume_keys,
}];

/// `EV_KEY` and `KEY_VOLUMEDOWN` of linux/input-event-codes.h.
const KEY_EVENT: u16 = 1;
const VOLUME_DOWN: u16 = 114;
/// `struct input_event` of a 64 bit machine.
const EVENT_BYTES: usize = 24;

fn volume_keys(lab: &mut Lab) -> Result<()> {
    let mut radio = Radio::open(Wiring::Hid, &lab.lines)?;
    let mut keyboard = open(&radio.gadget()?.event_node()?)?;
    // Without the gateway the key is there: otherwise the rest would prove nothing.
    radio.squelch(true)?;
    until("the volume key without gateway", AMPLE, || pressed(&mut keyboard).then_some(()))?;
    radio.squelch(false)?;
    let released = Instant::now() + Duration::from_millis(200);
    while Instant::now() < released {
        pressed(&mut keyboard);
    }
    scene::with_radio(
        lab,
        radio,
        |_| (),
        |lab, scene| {
            for _ in 0..3 {
                let seen = scene.server.seen.mark();
                scene.over(seen)?;
            }
            ensure!(!pressed(&mut keyboard), "COS has pressed the volume key for everybody");
            lab.note("three overs, no key");
            Ok(())
        },
    )
}

fn open(path: &Path) -> Result<File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits())?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    file.with_context(|| format!("cannot open {}", path.display()))
}

/// Whether the volume key has been pressed or let go since the last look.
fn pressed(keyboard: &mut File) -> bool {
    let mut bytes = [0; 64 * EVENT_BYTES];
    let mut found = false;
    while let Ok(count @ 1..) = keyboard.read(&mut bytes) {
        found |= bytes.chunks_exact(EVENT_BYTES).take(count / EVENT_BYTES).any(is_volume_down);
    }
    found
}

/// Type and code stand behind the two words of the time.
fn is_volume_down(event: &[u8]) -> bool {
    let number =
        |at: usize| event.get(at..at + 2).and_then(|two| two.try_into().ok()).map(u16::from_ne_bytes);
    number(16) == Some(KEY_EVENT) && number(18) == Some(VOLUME_DOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_volume_key_is_told_from_other_events() {
        let event = |kind: u16, code: u16| {
            let mut bytes = [0; EVENT_BYTES];
            bytes[16..18].copy_from_slice(&kind.to_ne_bytes());
            bytes[18..20].copy_from_slice(&code.to_ne_bytes());
            bytes
        };
        assert!(is_volume_down(&event(1, 114)));
        assert!(!is_volume_down(&event(1, 115)));
        assert!(!is_volume_down(&event(4, 4)));
        assert!(!is_volume_down(&[]));
    }
}
