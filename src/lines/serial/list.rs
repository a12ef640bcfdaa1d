//! Serial ports, by names that stay the same.

use std::fs;
use std::path::{Path, PathBuf};

use crate::lines::sysfs::names;

/// A serial port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialPort {
    /// Its device, `/dev/ttyUSB0`.
    pub path: PathBuf,
    /// The link in `/dev/serial/by-id`, which does not depend on who is first.
    pub by_id: Option<PathBuf>,
    /// The kernel's driver.
    pub driver: String,
}

/// All serial ports with hardware behind them, in the order of their names.
#[must_use]
pub fn list(sys: &Path, dev: &Path) -> Vec<SerialPort> {
    let class = sys.join("class/tty");
    let folder = dev.join("serial/by-id");
    let links: Vec<(PathBuf, PathBuf)> = names(&folder)
        .iter()
        .filter_map(|name| Some((fs::canonicalize(folder.join(name)).ok()?, folder.join(name))))
        .collect();
    names(&class)
        .iter()
        .filter_map(|name| {
            let driver = fs::canonicalize(class.join(name).join("device/driver")).ok()?;
            let driver = driver.file_name()?.to_str()?.to_owned();
            let path = dev.join(name);
            let real = fs::canonicalize(&path).ok();
            let by_id = links.iter().find(|(to, _)| Some(to) == real.as_ref()).map(|(_, link)| link.clone());
            has_hardware(&driver).then_some(SerialPort { path, by_id, driver })
        })
        .collect()
}

/// The PC's driver makes a name for every port that there could be.
fn has_hardware(driver: &str) -> bool {
    !matches!(driver, "serial8250" | "port")
}
