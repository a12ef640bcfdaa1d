//! `[cos.fifo]`: a named pipe with lines `on` and `off`, for tests, demonstrations and scripts.

mod words;

use std::collections::VecDeque;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};

use self::words::{Word, Words};
use super::{CosEdge, CosLine, LineError};

/// The pipe is looked at so often, to notice that it was removed.
const LOOK: Duration = Duration::from_millis(500);

/// The named pipe as a line.
#[derive(Debug)]
pub struct FifoCos {
    path: PathBuf,
    pipe: File,
    looked_at: Instant,
    words: Words,
    warned: bool,
    open: bool,
    /// Changes that are to be told.
    edges: VecDeque<CosEdge>,
}

impl FifoCos {
    /// Opens the pipe; makes it, for its owner alone, if it is missing. The squelch counts as closed until told otherwise.
    ///
    /// # Errors
    /// [`LineError`] when it cannot be made or opened, or something else lies there.
    pub fn open(path: &Path) -> Result<Self, LineError> {
        let failed = |step, source| LineError::Fifo { path: path.to_owned(), step, source };
        match mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(failed("make", error.into())),
        }
        let facts = fs::metadata(path).map_err(|error| failed("open", error))?;
        if !facts.file_type().is_fifo() {
            return Err(LineError::NotAFifo { path: path.to_owned(), kind: kind(&facts) });
        }
        // With a writing end of our own the pipe never ends, however writers come and go.
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let pipe =
            rustix::fs::open(path, flags, Mode::empty()).map_err(|error| failed("open", error.into()))?;
        let now = Instant::now();
        Ok(Self {
            path: path.to_owned(),
            pipe: pipe.into(),
            looked_at: now,
            words: Words::default(),
            warned: false,
            open: false,
            edges: VecDeque::from([CosEdge { open: false, at: now }]),
        })
    }

    fn lost(&self, source: io::Error) -> LineError {
        LineError::Lost { what: format!("the named pipe {}", self.path.display()), source }
    }

    /// Notices that the path does not lead to this pipe any more.
    fn look(&mut self, now: Instant) -> Result<(), LineError> {
        if now < self.looked_at + LOOK {
            return Ok(());
        }
        self.looked_at = now;
        let ours = self.pipe.metadata().map_err(|error| self.lost(error))?;
        let same = fs::metadata(&self.path)
            .is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino()));
        if same { Ok(()) } else { Err(LineError::FifoVanished { path: self.path.clone() }) }
    }

    /// Reads what there is, without waiting.
    fn read(&mut self) -> Result<(), LineError> {
        let mut buffer = [0; 512];
        let bytes = match self.pipe.read(&mut buffer) {
            Ok(length) => buffer.get(..length).unwrap_or_default(),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                &[]
            }
            Err(error) => return Err(self.lost(error)),
        };
        let at = Instant::now();
        for word in self.words.take(bytes) {
            match word {
                Word::On => self.tell(true, at),
                Word::Off => self.tell(false, at),
                Word::Other(text) => self.warn(&text),
            }
        }
        Ok(())
    }

    fn tell(&mut self, open: bool, at: Instant) {
        if self.open != open {
            self.open = open;
            self.edges.push_back(CosEdge { open, at });
        }
    }

    fn warn(&mut self, text: &str) {
        if !self.warned {
            self.warned = true;
            tracing::warn!(path = %self.path.display(), text, "only lines `on` and `off` move COS; the rest is ignored");
        }
    }
}

impl CosLine for FifoCos {
    fn wait(&mut self, limit: Duration) -> Result<Option<CosEdge>, LineError> {
        let end = Instant::now() + limit;
        loop {
            if let Some(edge) = self.edges.pop_front() {
                return Ok(Some(edge));
            }
            let now = Instant::now();
            self.look(now)?;
            let left = end.saturating_duration_since(now);
            let until_look = (self.looked_at + LOOK).saturating_duration_since(now);
            let limit = Timespec::try_from(left.min(until_look)).unwrap_or_default();
            match poll(&mut [PollFd::new(&self.pipe, PollFlags::IN)], Some(&limit)) {
                Ok(0) | Err(rustix::io::Errno::INTR) if left.is_zero() => return Ok(None),
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => self.read()?,
                Err(error) => return Err(self.lost(error.into())),
            }
        }
    }
}

/// What something is, for a person.
fn kind(facts: &Metadata) -> &'static str {
    let kind = facts.file_type();
    if kind.is_file() {
        "a file"
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(test)]
mod tests;
