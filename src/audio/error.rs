//! What can be wrong with a sound device; each kind has its remedy.

use std::io;
use std::path::PathBuf;

/// What is wrong with a sound device; each kind has its remedy, which its text names.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// The name leads to no device: plug it in, or correct the name.
    #[error(
        "sound device {device:?} is not there; plug it in, or name one that `zello-gateway devices` lists under \
         capture/playback in [audio]"
    )]
    Missing {
        /// ALSA name.
        device: String,
        /// What ALSA said.
        source: alsa::Error,
    },
    /// Somebody else has it: stop them.
    #[error(
        "sound device {device:?} is used by another program; stop that program (a sound server such as PipeWire or \
         PulseAudio counts; `fuser -v /dev/snd/*` shows who it is)"
    )]
    Busy {
        /// ALSA name.
        device: String,
        /// What ALSA said.
        source: alsa::Error,
    },
    /// The user may not open it: give permission.
    #[error("no permission for sound device {device:?}; run as a user in the group `audio`")]
    Denied {
        /// ALSA name.
        device: String,
        /// What ALSA said.
        source: alsa::Error,
    },
    /// ALSA refused for another reason.
    #[error("sound device {device:?}: {what} failed")]
    Refused {
        /// ALSA name.
        device: String,
        /// What was tried.
        what: &'static str,
        /// What ALSA said.
        source: alsa::Error,
    },
    /// It cannot do what the gateway needs: other settings, or another device.
    #[error("sound device {device:?} cannot give {wanted}; it supports {offer}")]
    Unsupported {
        /// ALSA name.
        device: String,
        /// What was asked of it.
        wanted: String,
        /// What it can do.
        offer: String,
    },
    /// It worked and is gone.
    #[error("sound device {device:?} is lost: {reason}")]
    Lost {
        /// Name in the configuration.
        device: String,
        /// How that was noticed.
        reason: Lost,
    },
    /// The file to play cannot be opened.
    #[error("cannot open {} to play it; name a WAV file that the gateway may read", path.display())]
    WavOpen {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file to play is no WAV file that we understand.
    #[error(
        "{} cannot be played: {problem}; accepted are WAV files with integer samples of 8, 16, 24 or 32 bit or float \
         of 32 bit, 4000 to 384000 Hz, any number of channels",
        path.display()
    )]
    WavFormat {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The file that plays cannot be read any more.
    #[error("cannot read on in {}", path.display())]
    WavRead {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The recording cannot be written.
    #[error("cannot record to {}; make room or name a file that the gateway may write", path.display())]
    WavWrite {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The recording has reached what a WAV file can hold.
    #[error("{} is full: a WAV file holds 4 GiB, 37 hours of speech; move it away", path.display())]
    WavFull {
        /// The file.
        path: PathBuf,
    },
}

/// How the loss of a device was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The kernel says that it is not there any more.
    #[error(
        "it was unplugged or its driver gave up (error {0}); check plug and cable, and radio interference on USB"
    )]
    Gone(i32),
    /// It neither gives nor takes sound.
    #[error("it stands still for more than a second; replug it, and check the kernel log for USB errors")]
    Stalled,
    /// Every recovery was followed by the next fault.
    #[error("it fails again after each recovery; replug it, and check the kernel log for USB errors")]
    Unrecoverable,
}

impl AudioError {
    /// The rate converter refused; no rate that the gateway asks for does that.
    pub(super) fn no_conversion(
        device: &str,
        rate_hz: u32,
        why: &rubato::ResamplerConstructionError,
    ) -> Self {
        Self::Unsupported {
            device: device.to_owned(),
            wanted: "a rate that can be converted".to_owned(),
            offer: format!("{rate_hz} Hz ({why})"),
        }
    }

    /// Sorts a refusal of ALSA by its remedy.
    pub(super) fn from_alsa(device: &str, what: &'static str, source: alsa::Error) -> Self {
        use rustix::io::Errno;
        let device = device.to_owned();
        let is = |errno: Errno| source.errno().abs() == errno.raw_os_error();
        if is(Errno::BUSY) {
            Self::Busy { device, source }
        } else if is(Errno::ACCESS) || is(Errno::PERM) {
            Self::Denied { device, source }
        } else if is(Errno::NOENT) || is(Errno::NODEV) || is(Errno::NXIO) {
            Self::Missing { device, source }
        } else {
            Self::Refused { device, what, source }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_sorted_by_its_remedy_whatever_the_sign_of_the_error_number() {
        let of = |errno| {
            AudioError::from_alsa("hw:CARD=Device", "opening", alsa::Error::new("snd_pcm_open", errno))
        };
        assert!(matches!(of(16), AudioError::Busy { .. }));
        assert!(matches!(of(-13), AudioError::Denied { .. }));
        assert!(matches!(of(2), AudioError::Missing { .. }));
        assert!(matches!(of(-19), AudioError::Missing { .. }));
        assert!(matches!(of(22), AudioError::Refused { .. }));
        assert!(of(16).to_string().contains("hw:CARD=Device"));
    }
}
