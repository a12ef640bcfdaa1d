//! Releases a PTT line that nobody holds any more: for the moment after a guard or a whole gateway has died.

use std::io;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::Builder;
use std::time::Duration;

use super::{LineError, open_ptt};
use crate::config::Ptt;

/// Why a line is not released.
#[derive(Debug)]
pub enum NotReleased {
    /// The line cannot be had, with the remedy.
    Refused(LineError),
    /// The device does not answer.
    Stuck,
    /// The system refused a thread.
    NoThread(io::Error),
}

/// Opens the line, which releases it, and closes it again; in a thread of its own, because a device may never answer.
///
/// # Errors
/// [`NotReleased`], after `limit` at the latest; the line may still be keyed.
pub fn release(ptt: &Ptt, limit: Duration) -> Result<(), NotReleased> {
    let (tell, told) = channel();
    let ptt = ptt.clone();
    let body = move || {
        // Nobody hears it any more if that took too long.
        let _too_late = tell.send(open_ptt(&ptt).map(drop));
    };
    Builder::new().name("release".to_owned()).spawn(body).map_err(NotReleased::NoThread)?;
    match told.recv_timeout(limit) {
        Ok(released) => released.map_err(NotReleased::Refused),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(NotReleased::Stuck),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_never_answers_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        // To open a named pipe for writing waits for its reader, as a device may wait for ever.
        let path = folder.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        let stuck = release(&Ptt::Log { path: path.clone() }, Duration::from_millis(50));
        assert!(matches!(stuck, Err(NotReleased::Stuck)), "{stuck:?}");
        // Lets the thread go on to its end.
        drop(std::fs::File::open(&path).unwrap());
    }
}
