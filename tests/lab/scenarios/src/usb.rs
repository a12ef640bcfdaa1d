//! The USB devices of the machine: gadgets in configfs, plugged into the host that `dummy_hcd` plays.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

use crate::gpio::{listed, matching};
use crate::harness::AMPLE;
use crate::mono;
use crate::tape::until;

const GADGETS: &str = "/sys/kernel/config/usb_gadget";
const USB: &str = "/sys/bus/usb/devices";

/// A USB device that can be plugged and unplugged.
#[derive(Debug, Clone)]
pub(crate) struct Gadget {
    folder: PathBuf,
    /// The controller it is plugged into, or was.
    udc: String,
    /// `0d8c:0012`.
    pub(crate) id: String,
}

impl Gadget {
    /// All gadgets with this vendor and product, in the order of their names.
    pub(crate) fn all(id: &str) -> Result<Vec<Self>> {
        let mut gadgets = Vec::new();
        for folder in listed(Path::new(GADGETS), "")? {
            let read = |file: &str| fs::read_to_string(folder.join(file)).map(|text| text.trim().to_owned());
            let found = format!("{}:{}", hex(&read("idVendor")?), hex(&read("idProduct")?));
            if found == id {
                gadgets.push(Self { udc: read("UDC")?, folder, id: found });
            }
        }
        Ok(gadgets)
    }

    /// The first gadget with this vendor and product.
    pub(crate) fn find(id: &str) -> Result<Self> {
        Self::all(id)?.into_iter().next().with_context(|| format!("the machine has no gadget {id}"))
    }

    pub(crate) fn is_plugged(&self) -> bool {
        fs::read_to_string(self.folder.join("UDC")).is_ok_and(|udc| !udc.trim().is_empty())
    }

    /// Unplugs it, just after the time that is returned. Waits until the host has noticed.
    pub(crate) fn unplug(&self) -> Result<Duration> {
        let at = mono::now();
        fs::write(self.folder.join("UDC"), "\n").with_context(|| format!("cannot unplug {}", self.id))?;
        Ok(at)
    }

    /// Plugs it in; the time at which the host has found it, and udev has given the gateway's groups their rights.
    pub(crate) fn plug(&mut self) -> Result<Duration> {
        if self.udc.is_empty() {
            self.udc = free_controller()?;
        }
        fs::write(self.folder.join("UDC"), &self.udc)
            .with_context(|| format!("cannot plug {} in", self.id))?;
        let found = || self.device().ok().filter(|device| device.exists());
        until(&format!("{} at the host", self.id), AMPLE, found)?;
        crate::shell::run("udevadm", &["settle", "--timeout=60"])?;
        Ok(mono::now())
    }

    /// The number of the bus that it has to itself.
    pub(crate) fn bus(&self) -> Result<u32> {
        let number = self.udc.rsplit('.').next().unwrap_or_default();
        let host = format!("/sys/devices/platform/dummy_hcd.{number}");
        let root = matching(Path::new(&host), "usb", Path::is_dir)?;
        let bus = fs::read_to_string(root.join("busnum"))?;
        bus.trim().parse().context("no bus number")
    }

    /// The port, as in `device = "1-1"`.
    pub(crate) fn port(&self) -> Result<String> {
        Ok(format!("{}-1", self.bus()?))
    }

    /// Its folder at the host, where it is plugged in.
    fn device(&self) -> Result<PathBuf> {
        Ok(Path::new(USB).join(self.port()?))
    }

    /// Waits for something below its folder at the host, such as `hidraw/hidraw`; its name.
    fn part(&self, class: &str, prefix: &str) -> Result<String> {
        let device = self.device()?;
        let what = format!("{prefix}… of {} at {}", self.id, device.display());
        let found = until(&what, AMPLE, || search(&device, class, prefix, 4))?;
        Ok(found)
    }

    /// The host's HID device, `/dev/hidraw0`.
    pub(crate) fn hidraw(&self) -> Result<PathBuf> {
        Ok(Path::new("/dev").join(self.part("hidraw", "hidraw")?))
    }

    /// The host's serial port, `/dev/ttyACM0`.
    pub(crate) fn tty(&self) -> Result<PathBuf> {
        Ok(Path::new("/dev").join(self.part("tty", "tty")?))
    }

    /// The host's input device, `/dev/input/event0`, of a HID with keys.
    pub(crate) fn event_node(&self) -> Result<PathBuf> {
        let device = self.device()?;
        let found = until(&format!("input events of {}", self.id), AMPLE, || {
            let input = search_path(&device, "input", "input", 4)?;
            listed(&input, "event").ok()?.first()?.file_name().map(|name| name.to_string_lossy().into_owned())
        })?;
        Ok(Path::new("/dev/input").join(found))
    }

    /// The ALSA id of its sound card, where it has one.
    pub(crate) fn card(&self) -> Result<String> {
        let device = self.device()?;
        until(&format!("the sound card of {}", self.id), AMPLE, || {
            let card = search_path(&device, "sound", "card", 5)?;
            Some(fs::read_to_string(card.join("id")).ok()?.trim().to_owned())
        })
    }

    /// The device's own end of its HID.
    pub(crate) fn hid(&self) -> Result<Hid> {
        let function = matching(&self.folder.join("functions"), "hid.", Path::is_dir)?;
        let number = fs::read_to_string(function.join("dev"))?;
        let path = until("the gadget's HID device", AMPLE, || {
            let link = fs::read_link(Path::new("/sys/dev/char").join(number.trim())).ok()?;
            Some(Path::new("/dev").join(link.file_name()?)).filter(|path| path.exists())
        })?;
        Hid::open(&path)
    }

    /// N of its `/dev/hidgN`.
    pub(crate) fn hidg(&self) -> Result<u32> {
        let function = matching(&self.folder.join("functions"), "hid.", Path::is_dir)?;
        let number = fs::read_to_string(function.join("dev"))?;
        let minor = number.trim().split(':').nth(1).and_then(|minor| minor.parse().ok());
        minor.with_context(|| format!("{}/dev is {number:?}", function.display()))
    }

    /// The device's own end of its serial port.
    pub(crate) fn acm(&self) -> Result<PathBuf> {
        let function = matching(&self.folder.join("functions"), "acm.", Path::is_dir)?;
        let number = fs::read_to_string(function.join("port_num"))?;
        Ok(PathBuf::from(format!("/dev/ttyGS{}", number.trim())))
    }
}

/// `0x0d8c` as `0d8c`.
fn hex(number: &str) -> String {
    number.trim_start_matches("0x").to_lowercase()
}

/// A controller without gadget.
fn free_controller() -> Result<String> {
    let used: Vec<String> = listed(Path::new(GADGETS), "")?
        .iter()
        .filter_map(|folder| fs::read_to_string(folder.join("UDC")).ok())
        .map(|udc| udc.trim().to_owned())
        .collect();
    for controller in listed(Path::new("/sys/class/udc"), "")? {
        let name = controller.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !used.contains(&name) {
            return Ok(name);
        }
    }
    bail!("no USB controller is free")
}

/// The name of the first `CLASS/PREFIX…` below a folder.
fn search(folder: &Path, class: &str, prefix: &str, depth: u32) -> Option<String> {
    let path = search_path(folder, class, prefix, depth)?;
    path.file_name().map(|name| name.to_string_lossy().into_owned())
}

fn search_path(folder: &Path, class: &str, prefix: &str, depth: u32) -> Option<PathBuf> {
    if let Some(found) = listed(&folder.join(class), prefix).ok().and_then(|paths| paths.into_iter().next()) {
        return Some(found);
    }
    if depth == 0 {
        return None;
    }
    let below = listed(folder, "").ok()?;
    let mut folders = below.iter().filter(|path| path.is_dir() && !path.is_symlink());
    folders.find_map(|path| search_path(path, class, prefix, depth - 1))
}

/// The device's end of a HID: takes what the host writes, and tells the state of the pins.
pub(crate) struct Hid {
    file: Arc<File>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Hid {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Hid {
    fn open(path: &Path) -> Result<Self> {
        let flags = i32::try_from(OFlags::NONBLOCK.bits())?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        let (file, stop) = (Arc::new(file), Arc::new(AtomicBool::new(false)));
        let (reader, stopping) = (Arc::clone(&file), Arc::clone(&stop));
        // What is not fetched would keep the host's next report waiting.
        let thread = std::thread::spawn(move || {
            while !stopping.load(Ordering::Relaxed) {
                let mut report = [0; 64];
                let wait = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
                let _looked_at_anyway = poll(&mut [PollFd::new(&*reader, PollFlags::IN)], Some(&wait));
                while (&*reader).read(&mut report).is_ok_and(|count| count > 0) {}
            }
        });
        Ok(Self { file, stop, thread: Some(thread) })
    }

    /// The pins change: two bytes of state, two of nothing.
    pub(crate) fn tell(&self, buttons: u8, gpio: u8) -> Result<()> {
        let report = [buttons, gpio, 0, 0];
        until("room for an input report", AMPLE, || match (&*self.file).write(&report) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => None,
            done => Some(done),
        })?
        .context("the HID gadget takes no report")?;
        Ok(())
    }
}
