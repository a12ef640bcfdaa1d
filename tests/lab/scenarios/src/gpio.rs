//! The simulated GPIO chip of the machine: gpio-sim, labelled as a Pi's.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The label of the chip, as on a Raspberry Pi 1 to 3.
pub(crate) const LABEL: &str = "pinctrl-bcm2835";

/// The machine has one simulated chip.
const CHIP: &str = "/sys/devices/platform/gpio-sim.0";

/// One simulated line, seen from outside of the chip.
#[derive(Debug, Clone)]
pub(crate) struct Pin {
    folder: PathBuf,
    /// Its offset in the chip.
    pub(crate) line: u32,
}

impl Pin {
    /// The line with this offset.
    pub(crate) fn find(line: u32) -> Result<Self> {
        let name = format!("sim_gpio{line}");
        let folder = matching(Path::new(CHIP), "gpiochip", |path| path.join(&name).is_dir())?.join(name);
        Ok(Self { folder, line })
    }

    /// The level at the pin.
    pub(crate) fn is_high(&self) -> Result<bool> {
        let path = self.folder.join("value");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(text.trim() == "1")
    }

    /// Drives an input from outside.
    pub(crate) fn drive(&self, high: bool) -> Result<()> {
        let path = self.folder.join("pull");
        fs::write(&path, if high { "pull-up" } else { "pull-down" })
            .with_context(|| format!("cannot drive {}", path.display()))
    }
}

/// Entries of a folder whose names begin so.
pub(crate) fn listed(folder: &Path, prefix: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let named =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix));
    let mut paths: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(named).collect();
    paths.sort();
    Ok(paths)
}

/// The one entry of a folder that begins so and suits.
pub(crate) fn matching(folder: &Path, prefix: &str, suits: impl Fn(&Path) -> bool) -> Result<PathBuf> {
    let found = listed(folder, prefix)?.into_iter().find(|path| suits(path));
    found.with_context(|| format!("{} has no {prefix}… that suits", folder.display()))
}
