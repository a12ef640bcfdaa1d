//! The radio's lines, one way or another: what the gateway drives is watched, what it reads is driven.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::fs::OFlags;

use crate::gpio::Pin;
use crate::mono;
use crate::shell;
use crate::tape::Tape;
use crate::trace::{Moved, What, bit};
use crate::usb::{Gadget, Hid};

/// How PTT and COS are wired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wiring {
    /// GPIO17 and GPIO27 of the simulated Pi.
    Gpio,
    /// GPIO3 and volume-down of a CM108-type fob.
    Hid,
    /// DTR and DCD of an AIOC.
    Serial,
}

impl Wiring {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gpio => "gpio",
            Self::Hid => "hid",
            Self::Serial => "serial",
        }
    }
}

/// PTT: BCM 17, header pin 11.
const PTT_LINE: u32 = 17;
/// COS: BCM 27, header pin 13.
const COS_LINE: u32 = 27;
/// The fob.
pub(crate) const FOB: &str = "0d8c:0012";
/// The all-in-one cable.
pub(crate) const AIOC: &str = "1209:7388";
/// GPIO3 in the data byte of an output report.
const PTT_BIT: u8 = 0x04;
/// Volume-down in the first byte of an input report.
const COS_BIT: u8 = 0x02;

/// The device that carries the lines.
enum Device {
    Gpio {
        ptt: Pin,
        cos: Pin,
    },
    /// `number`: of `/dev/hidgN`.
    Hid {
        gadget: Gadget,
        hid: Option<Hid>,
        number: u32,
    },
    Serial {
        gadget: Gadget,
        hid: Option<Hid>,
        port: PathBuf,
        squelch: Option<File>,
    },
}

/// A radio's lines.
pub(crate) struct Radio {
    device: Device,
    lines: Tape<Moved>,
    /// The ALSA id of the sound card that belongs to the lines.
    pub(crate) card: String,
}

impl Drop for Radio {
    fn drop(&mut self) {
        // The next scenario finds everything plugged in and quiet.
        if !self.is_plugged() {
            drop(self.plug());
        }
        drop(self.squelch(false));
    }
}

impl Radio {
    /// Takes the lines of this kind, squelch closed.
    pub(crate) fn open(wiring: Wiring, lines: &Tape<Moved>) -> Result<Self> {
        let plugged = |id: &str| -> Result<Gadget> {
            let mut gadget = Gadget::find(id)?;
            if !gadget.is_plugged() {
                gadget.plug()?;
            }
            Ok(gadget)
        };
        let (device, card) = match wiring {
            Wiring::Gpio => {
                let (ptt, cos) = (Pin::find(PTT_LINE)?, Pin::find(COS_LINE)?);
                (Device::Gpio { ptt, cos }, "Loopback".to_owned())
            }
            Wiring::Hid => {
                let gadget = plugged(FOB)?;
                let (hid, card) = (gadget.hid()?, gadget.card()?);
                (Device::Hid { number: gadget.hidg()?, gadget, hid: Some(hid) }, card)
            }
            Wiring::Serial => {
                let gadget = plugged(AIOC)?;
                let (hid, card, port) = (gadget.hid()?, gadget.card()?, gadget.acm()?);
                (Device::Serial { gadget, hid: Some(hid), port, squelch: None }, card)
            }
        };
        let mut radio = Self { device, lines: lines.clone(), card };
        radio.squelch(false)?;
        Ok(radio)
    }

    /// `[ptt.*]` and `[cos.*]`.
    pub(crate) fn tables(&self) -> Result<String> {
        Ok(match &self.device {
            Device::Gpio { .. } => format!(
                "[ptt.gpio]\nline = {PTT_LINE}\nactive = \"high\"\n\
                 [cos.gpio]\nline = {COS_LINE}\nactive = \"low\"\nbias = \"pull-up\"\ndebounce_ms = 20\n"
            ),
            Device::Hid { .. } => "[ptt.cm108]\ndevice = \"auto\"\ngpio = 3\nactive = \"high\"\n\
                 [cos.cm108]\ndevice = \"auto\"\nbit = \"volume-down\"\nactive = \"low\"\ndebounce_ms = 20\n"
                .to_owned(),
            Device::Serial { gadget, .. } => {
                let port = stable_link(&gadget.tty()?)?.display().to_string();
                format!(
                    "[ptt.serial]\nport = \"{port}\"\nline = \"dtr\"\nactive = \"high\"\n\
                     [cos.serial]\nport = \"{port}\"\nline = \"dcd\"\nactive = \"high\"\ndebounce_ms = 20\n"
                )
            }
        })
    }

    /// What the settings above ask for.
    pub(crate) const DEBOUNCE: Duration = Duration::from_millis(20);

    /// Where the record of the lines stands.
    pub(crate) fn mark(&self) -> usize {
        self.lines.mark()
    }

    /// Waits until the PTT line takes this level after `mark`; when it did, by the kernel's clock.
    pub(crate) fn keyed(&self, mark: usize, keyed: bool, limit: Duration) -> Result<Duration> {
        let what = if keyed { "the radio keyed" } else { "the radio unkeyed" };
        let pick = |moved: &Moved| (self.level(&moved.what) == Some(keyed)).then_some(moved.at);
        self.lines.wait(mark, limit, what, pick)
    }

    /// The first level that the PTT line took after `mark`.
    pub(crate) fn first_level(&self, mark: usize) -> Option<bool> {
        self.lines.since(mark).iter().find_map(|moved| self.level(&moved.what))
    }

    /// Demands that the radio is not keyed for so long from here on.
    pub(crate) fn stays_unkeyed(&self, span: Duration) -> Result<()> {
        let mark = self.mark();
        match self.keyed(mark, true, span) {
            Ok(at) => bail!("the radio was keyed at {:.3} s and should not have been", at.as_secs_f64()),
            Err(_) => Ok(()),
        }
    }

    /// Whether the radio is keyed as things stand.
    pub(crate) fn is_keyed(&self) -> Result<bool> {
        Ok(match &self.device {
            Device::Gpio { ptt, .. } => ptt.is_high()?,
            Device::Hid { gadget, .. } | Device::Serial { gadget, .. } => {
                // Without power there is no PTT.
                let last = self.lines.since(0).iter().rev().find_map(|moved| self.level(&moved.what));
                gadget.is_plugged() && last.unwrap_or(false)
            }
        })
    }

    /// What a movement means for PTT, if anything.
    fn level(&self, what: &What) -> Option<bool> {
        match (&self.device, what) {
            (Device::Gpio { ptt, .. }, What::Gpio { lines, high }) => {
                let ours = bit(ptt.line);
                (lines & ours != 0).then_some(high & ours != 0)
            }
            // Nothing pulls it up.
            (Device::Gpio { ptt, .. }, What::GpioFree { line }) => (*line == ptt.line).then_some(false),
            (Device::Hid { number, .. }, What::Report { hidg, data }) => {
                (hidg == number).then_some(data[1] & PTT_BIT != 0)
            }
            // An AIOC keys by DTR without RTS.
            (Device::Serial { .. }, What::Modem { dtr, rts }) => Some(*dtr && !*rts),
            (Device::Gpio { .. } | Device::Hid { .. } | Device::Serial { .. }, _) => None,
        }
    }

    /// Opens or closes the squelch, just after the time that is returned.
    pub(crate) fn squelch(&mut self, open: bool) -> Result<Duration> {
        let at = mono::now();
        match &mut self.device {
            Device::Gpio { cos, .. } => cos.drive(!open)?,
            Device::Hid { hid, .. } => {
                if let Some(hid) = hid {
                    hid.tell(if open { COS_BIT } else { 0 }, 0)?;
                }
            }
            Device::Serial { port, squelch, .. } => {
                // The gadget raises DCD while its end of the port is open.
                *squelch = if open { Some(open_port(port)?) } else { None };
            }
        }
        Ok(at)
    }

    /// Makes the PTT line keep its level when its holder is no more, or not any more. A fob does so anyway.
    pub(crate) fn clings(&self, clings: bool) -> Result<()> {
        match &self.device {
            // A simulated pin falls to its pull; this one is wired so that it stays up.
            Device::Gpio { ptt, .. } => ptt.drive(clings),
            Device::Hid { .. } => Ok(()),
            Device::Serial { gadget, .. } => {
                let hang_up = if clings { "-hupcl" } else { "hupcl" };
                shell::run("stty", &["-F", &gadget.tty()?.to_string_lossy(), hang_up]).map(drop)
            }
        }
    }

    fn is_plugged(&self) -> bool {
        match &self.device {
            Device::Gpio { .. } => true,
            Device::Hid { gadget, .. } | Device::Serial { gadget, .. } => gadget.is_plugged(),
        }
    }

    /// The USB device that carries the lines.
    pub(crate) fn gadget(&self) -> Result<&Gadget> {
        match &self.device {
            Device::Gpio { .. } => bail!("GPIO is no USB device"),
            Device::Hid { gadget, .. } | Device::Serial { gadget, .. } => Ok(gadget),
        }
    }

    /// Unplugs the USB device, just after the time that is returned.
    pub(crate) fn unplug(&mut self) -> Result<Duration> {
        match &mut self.device {
            Device::Gpio { .. } => bail!("GPIO cannot be unplugged"),
            Device::Hid { gadget, hid, .. } => {
                *hid = None;
                gadget.unplug()
            }
            Device::Serial { gadget, hid, squelch, .. } => {
                (*hid, *squelch) = (None, None);
                gadget.unplug()
            }
        }
    }

    /// Plugs the USB device in again; the time at which the host has found it.
    pub(crate) fn plug(&mut self) -> Result<Duration> {
        match &mut self.device {
            Device::Gpio { .. } => bail!("GPIO cannot be plugged in"),
            Device::Hid { gadget, hid, .. } | Device::Serial { gadget, hid, .. } => {
                let at = gadget.plug()?;
                *hid = Some(gadget.hid()?);
                Ok(at)
            }
        }
    }
}

fn open_port(port: &Path) -> Result<File> {
    let flags = i32::try_from((OFlags::NOCTTY | OFlags::NONBLOCK).bits())?;
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(port);
    file.with_context(|| format!("cannot open {}", port.display()))
}

/// The link in `/dev/serial/by-id` that leads to a port, which stays when the port's number does not.
fn stable_link(tty: &Path) -> Result<PathBuf> {
    let links = fs::read_dir("/dev/serial/by-id").context("udev has made no /dev/serial/by-id")?;
    let mut links = links.filter_map(|entry| Some(entry.ok()?.path()));
    let found = links.find(|link| link.canonicalize().is_ok_and(|target| target == tty));
    found.with_context(|| format!("no link in /dev/serial/by-id leads to {}", tty.display()))
}
