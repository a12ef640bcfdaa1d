//! One open PCM: waits for it, recovers it, and says when it is lost. Shared by both directions.

use std::ffi::CString;
use std::thread::sleep;
use std::time::Duration;

use alsa::poll::pollfd;
use alsa::{Direction, Output, PCM, PollDescriptors};

use super::super::{AudioError, Lost};
use super::parameters::{Agreed, agree};
use super::verdict::{PcmState, Verdict, of_error, of_poll};
use crate::config::Channel;

/// A card that moves no sound for so long has hung: a hundred periods.
const STALLED_MS: i32 = 1_000;

/// So many recoveries in a row without any sound between them mean that recovering does not help.
const MAX_RECOVERIES: u32 = 10;

/// A card that wakes from sleep gets so long, in steps.
const RESUME_STEP: Duration = Duration::from_millis(20);
const RESUME_STEPS: u32 = 50;

/// An open PCM that is set up.
pub(super) struct Port {
    pub(super) name: String,
    pub(super) pcm: PCM,
    pub(super) agreed: Agreed,
    fds: Vec<pollfd>,
    recoveries: u32,
}

/// What a transfer should do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Try again.
    Go,
    /// The PCM is prepared anew and must be started; sound was lost.
    Restart,
}

impl Port {
    pub(super) fn open(name: &str, direction: Direction, channel: Channel) -> Result<Self, AudioError> {
        // alsa-lib talks to stderr about everything that it tries; what matters is in its error.
        let chatter = Output::local_error_handler().ok();
        let port = Self::open_quietly(name, direction, channel);
        if let (Err(_), Some(chatter)) = (&port, chatter) {
            tracing::debug!(device = name, alsa = %chatter.borrow(), "what alsa-lib said");
        }
        port
    }

    fn open_quietly(name: &str, direction: Direction, channel: Channel) -> Result<Self, AudioError> {
        let refused = |what| move |source| AudioError::from_alsa(name, what, source);
        let c_name = CString::new(name)
            .map_err(|_nul| refused("opening")(alsa::Error::new("snd_pcm_open", NO_ENTRY)))?;
        let pcm = PCM::open(&c_name, direction, true).map_err(refused("opening"))?;
        let agreed = agree(name, &pcm, direction, channel)?;
        let fds = pcm.get().map_err(refused("asking for its poll descriptors"))?;
        pcm.prepare().map_err(refused("preparing"))?;
        tracing::debug!(device = name, ?direction, ?agreed, "sound device opened");
        Ok(Self { name: name.to_owned(), pcm, agreed, fds, recoveries: 0 })
    }

    /// Waits until a transfer is worth trying.
    pub(super) fn wait(&mut self) -> Result<Next, AudioError> {
        let ready = match alsa::poll::poll(&mut self.fds, STALLED_MS) {
            Ok(0) => return Err(self.lost(Lost::Stalled)),
            Ok(_) => self.pcm.revents(&self.fds),
            Err(error) => Err(error),
        };
        let verdict = match ready {
            Ok(revents) => of_poll(revents, self.state()),
            Err(error) => of_error(error.errno(), self.state()),
        };
        self.act(verdict)
    }

    /// Acts on the error of a transfer, or of asking for room.
    pub(super) fn handle(&mut self, error: alsa::Error) -> Result<Next, AudioError> {
        match of_error(error.errno(), self.state()) {
            Verdict::Pending => self.wait(),
            verdict @ (Verdict::Ready | Verdict::Recover | Verdict::Resume | Verdict::Lost(_)) => {
                self.act(verdict)
            }
        }
    }

    /// Sound has moved: the last recovery has helped.
    pub(super) fn moved(&mut self) {
        self.recoveries = 0;
    }

    fn act(&mut self, verdict: Verdict) -> Result<Next, AudioError> {
        match verdict {
            Verdict::Pending | Verdict::Ready => Ok(Next::Go),
            Verdict::Recover => self.restart(),
            Verdict::Resume => {
                if self.resume() {
                    return Ok(Next::Go);
                }
                self.restart()
            }
            Verdict::Lost(errno) => Err(self.lost(Lost::Gone(errno))),
        }
    }

    fn restart(&mut self) -> Result<Next, AudioError> {
        self.recoveries += 1;
        if self.recoveries > MAX_RECOVERIES {
            return Err(self.lost(Lost::Unrecoverable));
        }
        self.pcm.prepare().map_err(|error| self.lost(Lost::Gone(error.errno().abs())))?;
        Ok(Next::Restart)
    }

    /// Whether the card goes on where it was before the machine slept.
    fn resume(&self) -> bool {
        for _ in 0..RESUME_STEPS {
            match self.pcm.resume() {
                Ok(()) => return true,
                Err(error) if error.errno().abs() == TRY_AGAIN => sleep(RESUME_STEP),
                // Most cards cannot; to prepare them anew is the way then.
                Err(_) => return false,
            }
        }
        false
    }

    fn lost(&self, reason: Lost) -> AudioError {
        // Only at a loss, when the steady loop has ended, may this allocate.
        AudioError::Lost { device: self.name.clone(), reason }
    }

    /// Starts the PCM after it was prepared, and primed if it plays.
    pub(super) fn start(&self) -> Result<(), AudioError> {
        self.pcm.start().map_err(|error| self.lost(Lost::Gone(error.errno().abs())))
    }

    fn state(&self) -> PcmState {
        PcmState::from_raw(self.pcm.state_raw())
    }
}

const NO_ENTRY: i32 = rustix::io::Errno::NOENT.raw_os_error();
const TRY_AGAIN: i32 = rustix::io::Errno::AGAIN.raw_os_error();
