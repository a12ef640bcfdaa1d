//! `[ptt.log]`: a transmitter that only writes down when it would be keyed, for tests and demonstrations.
//!
//! One line per change: `<seconds since the epoch, 6 decimals> on|off`.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{LineError, PttLine};

/// The log as a line.
#[derive(Debug)]
pub struct LogPtt {
    path: PathBuf,
    file: File,
    keyed: bool,
}

impl LogPtt {
    /// Opens or makes the log. Where it says that an owner died while keyed, the release is written first.
    ///
    /// # Errors
    /// [`LineError::Log`] when it cannot be opened or written.
    pub fn open(path: &Path) -> Result<Self, LineError> {
        let failed = |source| LineError::Log { path: path.to_owned(), source };
        let keyed = was_left_keyed(path).map_err(failed)?;
        let file = OpenOptions::new().append(true).create(true).open(path).map_err(failed)?;
        let mut log = Self { path: path.to_owned(), file, keyed };
        log.set(false)?;
        Ok(log)
    }
}

impl PttLine for LogPtt {
    fn set(&mut self, keyed: bool) -> Result<(), LineError> {
        if self.keyed == keyed {
            return Ok(());
        }
        // One write per line: readers never see half of one, and there is no buffer to flush.
        let line = format!("{} {}\n", epoch_seconds(), if keyed { "on" } else { "off" });
        self.file
            .write_all(line.as_bytes())
            .map_err(|source| LineError::Log { path: self.path.clone(), source })?;
        self.keyed = keyed;
        Ok(())
    }

    /// Notices that the path does not lead to this file any more, as a fob's does not when it is unplugged.
    fn check(&mut self) -> Result<(), LineError> {
        let place = |facts: &Metadata| (facts.dev(), facts.ino());
        let there = fs::metadata(&self.path).ok();
        let ours = self.file.metadata().ok();
        if there.as_ref().map(place) == ours.as_ref().map(place) {
            return Ok(());
        }
        Err(LineError::LogVanished { path: self.path.clone() })
    }

    fn level(&self) -> Option<bool> {
        was_left_keyed(&self.path).ok()
    }
}

/// True if the last line of the log says "on".
fn was_left_keyed(path: &Path) -> io::Result<bool> {
    // Only a real file is read: a pipe would wait for its writer.
    if !path.is_file() {
        return Ok(false);
    }
    let mut file = File::open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(4)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    Ok(end == b" on\n")
}

#[expect(clippy::disallowed_methods, reason = "the log is compared with clocks outside of this process")]
fn epoch_seconds() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:06}", since.as_secs(), since.subsec_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(path: &Path) -> Vec<String> {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
    }

    #[test]
    fn each_change_is_one_line_with_its_time_to_the_microsecond() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ptt.log");
        let mut log = LogPtt::open(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "", "opening a released line changes nothing");
        for keyed in [false, true, true, false, false, true] {
            log.set(keyed).unwrap();
        }
        assert_eq!(words(&path), ["on", "off", "on"]);
        let text = fs::read_to_string(&path).unwrap();
        let (seconds, decimals) = text.split_once(' ').unwrap().0.split_once('.').unwrap();
        assert!(seconds.parse::<u64>().unwrap() > 1_700_000_000);
        assert!(decimals.len() == 6 && decimals.parse::<u32>().is_ok());
    }

    #[test]
    fn a_log_left_keyed_is_released_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ptt.log");
        LogPtt::open(&path).unwrap().set(true).unwrap();
        let _next_owner = LogPtt::open(&path).unwrap();
        assert_eq!(words(&path), ["on", "off"]);
    }

    #[test]
    fn a_log_that_is_removed_or_replaced_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ptt.log");
        let mut log = LogPtt::open(&path).unwrap();
        log.check().unwrap();
        fs::remove_file(&path).unwrap();
        assert!(log.check().unwrap_err().to_string().contains("vanished"));
        fs::write(&path, "").unwrap();
        assert!(log.check().is_err(), "another file of that name");
        LogPtt::open(&path).unwrap().check().unwrap();
    }

    #[test]
    fn a_full_disk_is_named_with_the_file() {
        let error = LogPtt::open(Path::new("/dev/full")).unwrap().set(true).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("/dev/full") && text.contains("No space left"), "{text}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named_with_the_file() {
        let text = LogPtt::open(Path::new("/nowhere/at/all/ptt.log")).unwrap_err().to_string();
        assert!(text.contains("/nowhere/at/all/ptt.log") && text.contains("No such file"), "{text}");
    }
}
