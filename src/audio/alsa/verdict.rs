//! What a wake-up or an error of a PCM means. Pure.

use alsa::poll::Flags;
use rustix::io::Errno;

/// State of a PCM by ALSA's numbers; a number from a newer ALSA is no reason to panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PcmState {
    /// It could transfer sound or does so.
    Working,
    /// It ran over or dry.
    XRun,
    /// The machine slept.
    Suspended,
    /// The hardware is gone.
    Disconnected,
    /// It is not set up, or in a state that we never ask for.
    Other,
}

impl PcmState {
    /// From `snd_pcm_state_t`.
    pub(super) const fn from_raw(raw: i32) -> Self {
        match raw {
            2 | 3 => Self::Working,
            4 => Self::XRun,
            7 => Self::Suspended,
            8 => Self::Disconnected,
            _ => Self::Other,
        }
    }
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing happened yet: poll again.
    Pending,
    /// A transfer is worth trying; it also brings out an error that poll has only hinted at.
    Ready,
    /// Sound was lost: prepare, and go on.
    Recover,
    /// The machine slept: resume, else as [`Self::Recover`].
    Resume,
    /// The device is gone.
    Lost(i32),
}

/// What `poll` has told.
///
/// Loss is tested before everything else: an unplugged card shows itself as an xrun too.
pub(super) fn of_poll(revents: Flags, state: PcmState) -> Verdict {
    match state {
        PcmState::Disconnected => Verdict::Lost(Errno::NODEV.raw_os_error()),
        PcmState::XRun => Verdict::Recover,
        PcmState::Suspended => Verdict::Resume,
        PcmState::Working | PcmState::Other if revents.intersects(Flags::HUP | Flags::NVAL) => {
            Verdict::Lost(Errno::NODEV.raw_os_error())
        }
        PcmState::Working | PcmState::Other if revents.intersects(Flags::IN | Flags::OUT | Flags::ERR) => {
            Verdict::Ready
        }
        PcmState::Working | PcmState::Other => Verdict::Pending,
    }
}

/// What an error of a transfer, or of asking for room, means. ALSA's wrapper gives either sign.
pub(super) fn of_error(errno: i32, state: PcmState) -> Verdict {
    let errno = errno.abs();
    let is = |one: Errno| errno == one.raw_os_error();
    if state == PcmState::Disconnected || is(Errno::NODEV) || is(Errno::NXIO) || is(Errno::SHUTDOWN) {
        return Verdict::Lost(errno);
    }
    if is(Errno::AGAIN) || is(Errno::INTR) {
        return Verdict::Pending;
    }
    if is(Errno::STRPIPE) || state == PcmState::Suspended {
        return Verdict::Resume;
    }
    // EBADFD: the state changed between the question and the transfer; to prepare it anew is right in each case.
    if is(Errno::PIPE) || is(Errno::BADFD) || state == PcmState::XRun {
        return Verdict::Recover;
    }
    Verdict::Lost(errno)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EAGAIN: i32 = 11;
    const ENODEV: i32 = 19;
    const EPIPE: i32 = 32;
    const EBADFD: i32 = 77;
    const ESTRPIPE: i32 = 86;

    #[test]
    fn an_unplugged_card_is_lost_even_when_it_looks_like_an_xrun() {
        assert_eq!(of_error(EPIPE, PcmState::Disconnected), Verdict::Lost(EPIPE));
        assert_eq!(of_error(ENODEV, PcmState::XRun), Verdict::Lost(ENODEV));
        assert_eq!(of_poll(Flags::ERR | Flags::OUT, PcmState::Disconnected), Verdict::Lost(ENODEV));
        assert_eq!(of_poll(Flags::ERR | Flags::HUP, PcmState::Working), Verdict::Lost(ENODEV));
    }

    #[test]
    fn an_xrun_is_recovered_wherever_it_shows() {
        assert_eq!(of_error(EPIPE, PcmState::Working), Verdict::Recover);
        assert_eq!(of_error(-EPIPE, PcmState::XRun), Verdict::Recover);
        assert_eq!(of_error(EBADFD, PcmState::Other), Verdict::Recover);
        assert_eq!(of_poll(Flags::ERR, PcmState::XRun), Verdict::Recover);
    }

    #[test]
    fn a_machine_that_slept_resumes() {
        assert_eq!(of_error(ESTRPIPE, PcmState::Other), Verdict::Resume);
        assert_eq!(of_error(EPIPE, PcmState::Suspended), Verdict::Resume);
        assert_eq!(of_poll(Flags::empty(), PcmState::Suspended), Verdict::Resume);
    }

    #[test]
    fn a_spurious_wake_up_waits_on_and_a_hint_is_tried() {
        assert_eq!(of_poll(Flags::empty(), PcmState::Working), Verdict::Pending);
        assert_eq!(of_error(EAGAIN, PcmState::Working), Verdict::Pending);
        assert_eq!(of_poll(Flags::IN, PcmState::Working), Verdict::Ready);
        assert_eq!(of_poll(Flags::ERR, PcmState::Working), Verdict::Ready);
    }

    #[test]
    fn an_error_that_nobody_knows_is_a_loss_and_not_an_endless_loop() {
        assert_eq!(of_error(5, PcmState::Working), Verdict::Lost(5));
    }

    #[test]
    fn alsas_numbers_are_read_and_unknown_ones_survived() {
        use PcmState::{Disconnected, Other, Suspended, Working, XRun};
        let states = [0, 2, 3, 4, 7, 8, 1_024].map(PcmState::from_raw);
        assert_eq!(states, [Other, Working, Working, XRun, Suspended, Disconnected, Other]);
    }
}
