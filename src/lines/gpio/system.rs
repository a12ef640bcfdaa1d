//! The thin layer over gpio-cdev: facts about chips and lines, errors as the system's own.

use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::choice::{self, Chip, Line};
use crate::config::GpioLine;
use crate::lines::{LineError, rights};

/// Every GPIO chip of this machine, or why it cannot be read.
#[must_use]
pub fn list() -> Vec<Result<Chip, LineError>> {
    devices().iter().map(|path| open_chip(path).and_then(|chip| facts(&chip, path))).collect()
}

/// The chip and the line that the settings mean, with the handle for asking for it.
pub(super) fn find(
    wanted: Option<&str>,
    line: &GpioLine,
) -> Result<(Chip, Line, gpio_cdev::Line), LineError> {
    let chip = find_chip(wanted)?;
    let line = choice::choose_line(&chip, line)?.clone();
    let handle = open_chip(&chip.path)?
        .get_line(line.offset)
        .map_err(|error| LineError::Open { what: chip.describe(), source: system_error(&error) })?;
    Ok((chip, line, handle))
}

fn find_chip(wanted: Option<&str>) -> Result<Chip, LineError> {
    if let Some(path) = wanted.filter(|wanted| wanted.contains('/')).map(Path::new) {
        return open_chip(path).and_then(|chip| facts(&chip, path));
    }
    let (chips, refused): (Vec<_>, Vec<_>) = list().into_iter().partition(Result::is_ok);
    let chips: Vec<Chip> = chips.into_iter().flatten().collect();
    match choice::choose_chip(&chips, wanted) {
        Ok(chip) => Ok(chip.clone()),
        Err(not_among_these) => {
            // Old names live on as links: /dev/gpiochip4 of a Pi 5.
            if let Some(link) = wanted.map(|name| Path::new("/dev").join(name)).filter(|link| link.exists()) {
                return open_chip(&link).and_then(|chip| facts(&chip, &link));
            }
            // A chip that may not be opened may be the one: say so rather than that there is none.
            Err(refused.into_iter().find_map(Result::err).unwrap_or(not_among_these))
        }
    }
}

/// The devices of all chips, without the links that give them second names.
fn devices() -> Vec<PathBuf> {
    let Ok(folder) = fs::read_dir("/dev") else { return Vec::new() };
    let mut paths: Vec<PathBuf> = folder
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("gpiochip"))
        .filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_symlink()))
        .map(|entry| entry.path())
        .collect();
    paths.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    paths
}

fn open_chip(path: &Path) -> Result<gpio_cdev::Chip, LineError> {
    let failed = |source: io::Error| {
        if source.kind() == io::ErrorKind::PermissionDenied {
            return LineError::Denied {
                path: path.to_owned(),
                remedy: rights::remedy(path, rights::GPIO),
                source,
            };
        }
        LineError::Open { what: format!("GPIO chip {}", path.display()), source }
    };
    // Opened once for the system's answer, which gpio-cdev keeps to itself.
    File::open(path).map_err(failed)?;
    gpio_cdev::Chip::new(path).map_err(|error| failed(system_error(&error)))
}

fn facts(chip: &gpio_cdev::Chip, path: &Path) -> Result<Chip, LineError> {
    let lines = chip.lines().map(|line| {
        let info = line.info()?;
        let by_whom = || info.consumer().unwrap_or("a driver of the kernel").to_owned();
        Ok(Line {
            offset: line.offset(),
            name: info.name().map(str::to_owned),
            // The kernel sets this flag for any holder, its own drivers and programs alike.
            used_by: info.is_kernel().then(by_whom),
        })
    });
    let lines = lines.collect::<Result<_, _>>().map_err(|error| LineError::Open {
        what: format!("the lines of GPIO chip {}", path.display()),
        source: system_error(&error),
    })?;
    Ok(Chip { path: path.to_owned(), name: chip.name().to_owned(), label: chip.label().to_owned(), lines })
}

/// The system's error within gpio-cdev's.
pub(super) fn system_error(error: &gpio_cdev::Error) -> io::Error {
    let errno = error.source().and_then(|source| source.downcast_ref::<nix::errno::Errno>());
    errno.map_or_else(|| io::Error::other(error.to_string()), |errno| io::Error::from(*errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_no_chip_is_named_with_the_systems_words() {
        let text = find(Some("/dev/null"), &GpioLine::Offset(0)).unwrap_err().to_string();
        assert!(text.contains("GPIO chip /dev/null"), "{text}");
        let text = find(Some("/dev/no/such/chip"), &GpioLine::Offset(0)).unwrap_err().to_string();
        assert!(text.contains("/dev/no/such/chip") && text.contains("No such file"), "{text}");
    }
}
