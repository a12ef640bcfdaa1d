//! The configuration: a TOML file becomes a valid [`Config`], or a list of complaints with line and column.
//!
//! Everything is looked at before anything is said, so that one reading suffices to put a file right. No device is
//! touched; files with secrets and certificates are read.

use std::path::PathBuf;
use std::time::Duration;

use crate::secret::Secret;
use crate::zello::token::SigningKey;

mod account;
pub mod board;
mod build;
mod complaint;
mod files;
mod hint;
mod lines;
mod load;
mod ptt;
mod reader;
mod schema;
mod show;

pub use complaint::{Complaint, Complaints, Place};
pub use files::secret_file;
pub(crate) use hint::nearest;
pub use lines::{
    Bias, Cos, GpioIn, GpioLine, GpioOut, HidBit, HidIn, HidName, HidOut, ModemIn, ModemInput, ModemOut,
    ModemOutput, Polarity, Ptt, Vox,
};
pub use load::{Report, load, read, read_with};
pub use ptt::read_ptt;
pub use show::{defaults, reference_markdown};

/// Everything that `run` needs to know, checked and in the types of the program.
#[derive(Debug, Clone)]
pub struct Config {
    /// Of the board profile whose values were the defaults.
    pub board: Option<String>,
    /// `[zello]`
    pub zello: Zello,
    /// `[audio]`
    pub audio: Audio,
    /// `[ptt.*]`
    pub ptt: Ptt,
    /// `[cos.*]`
    pub cos: Cos,
    /// `[uplink]`
    pub uplink: Uplink,
    /// `[downlink]`
    pub downlink: Downlink,
}

/// The account and the channel.
#[derive(Debug, Clone)]
pub struct Zello {
    /// Which of the three services.
    pub service: Service,
    /// Where to connect: the service's own address, or the one that the file names.
    pub url: String,
    /// Trusted beside the system's roots.
    pub ca_file: Option<PathBuf>,
    /// The channel, byte for byte.
    pub channel: String,
    /// Absent: anonymous, which can only listen.
    pub user: Option<User>,
    /// Where auth tokens come from.
    pub token: TokenSource,
    /// Never sends to the channel.
    pub listen_only: bool,
}

/// Which service; decides what a log-on needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// zello.io: token, and username with password.
    Consumer,
    /// Zello Work: username with password.
    Work,
    /// A Zello Enterprise Server: username with password.
    Enterprise,
}

/// A named account.
#[derive(Debug, Clone)]
pub struct User {
    /// Account name.
    pub name: String,
    /// Its password.
    pub password: Secret,
}

/// Where auth tokens come from.
#[derive(Debug, Clone)]
pub enum TokenSource {
    /// The service needs none.
    None,
    /// Minted for each connect.
    Key {
        /// Issuer, verbatim from the developer portal.
        issuer: String,
        /// Signs.
        key: SigningKey,
    },
    /// Pasted from the developer portal.
    Pasted(Secret),
}

/// Sound devices.
#[derive(Debug, Clone, PartialEq)]
pub struct Audio {
    /// The radio's receiver.
    pub capture: AudioDevice,
    /// The radio's microphone input.
    pub playback: AudioDevice,
    /// Which channel of a stereo capture is the radio.
    pub capture_channel: Channel,
    /// Which channels of a stereo playback carry the voice.
    pub playback_channel: Channel,
    /// Applied to what is captured, dB.
    pub capture_gain_db: f32,
    /// Applied to what is played, dB.
    pub playback_gain_db: f32,
    /// What the card's own mixer is set to; absent: it is left alone.
    pub mixer: Option<MixerGoals>,
}

/// `[mixer]`: simple mixer controls by name, in the order in which they are set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MixerGoals {
    /// Its playback side is switched off.
    pub sidetone: Option<String>,
    /// Switched off.
    pub agc: Option<String>,
    /// Switched off, too.
    pub off: Vec<String>,
    /// Switched on.
    pub on: Vec<String>,
    /// Level towards the radio.
    pub playback: Option<MixerLevel>,
    /// Level from the radio.
    pub capture: Option<MixerLevel>,
}

/// A control and its level.
#[derive(Debug, Clone, PartialEq)]
pub struct MixerLevel {
    /// Name of the control.
    pub control: String,
    /// dB as the card counts.
    pub db: f32,
}

/// One sound device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AudioDevice {
    /// An ALSA PCM by name.
    Alsa(String),
    /// A WAV file: played in real time, or recorded.
    Wav(PathBuf),
    /// None: this way is not used.
    None,
}

impl AudioDevice {
    /// The card in an ALSA name, by id or number: `hw:CARD=Device,DEV=0`, `plughw:Device`, `hw:1,0`.
    #[must_use]
    pub fn card(&self) -> Option<&str> {
        let Self::Alsa(name) = self else { return None };
        let (_, arguments) = name.split_once(':')?;
        let first = arguments.split(',').next()?;
        let card = arguments.split(',').find_map(|argument| argument.strip_prefix("CARD=")).unwrap_or(first);
        (!card.is_empty() && !card.contains('=')).then_some(card)
    }
}

impl std::fmt::Display for AudioDevice {
    /// As the configuration names it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Alsa(name) => f.write_str(name),
            Self::Wav(path) => write!(f, "wav:{}", path.display()),
            Self::None => f.write_str("none"),
        }
    }
}

/// Left, right or both of a stereo device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// The first.
    Left,
    /// The second.
    Right,
    /// Capture: their mean. Playback: the same on each.
    Both,
}

/// Radio → Zello.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uplink {
    /// Speech in an Opus packet: 20, 40 or 60 ms.
    pub packet: Duration,
    /// Opus bit rate, 6000 to 64000.
    pub bitrate_bps: u32,
    /// Audio kept from before the squelch opened.
    pub pre_roll: Duration,
    /// A squelch closed for less than this does not end the over.
    pub hang: Duration,
    /// Speech kept while the channel cannot take it; zero: dropped.
    pub hold: Duration,
    /// A short tone before held speech.
    pub held_tone: bool,
    /// A longer over goes on as a new stream.
    pub roll_over: Duration,
    /// A squelch open longer than this is a fault.
    pub stuck: Duration,
}

/// Zello → radio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Downlink {
    /// Keyed and silent before the first word.
    pub lead: Duration,
    /// Keyed and silent after the last.
    pub tail: Duration,
    /// Longest transmission.
    pub time_out: Duration,
    /// COS is not believed for so long after unkeying.
    pub rx_mute: Duration,
    /// What to do when the radio receives while the channel talks.
    pub busy: Busy,
    /// How much talk is kept while it must wait.
    pub wait: Duration,
    /// A short tone before talk that had to wait.
    pub held_tone: bool,
    /// Least delay of the jitter buffer.
    pub jitter_min: Duration,
    /// Most delay of the jitter buffer.
    pub jitter_max: Duration,
}

/// What the channel's talk does while the radio receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Busy {
    /// Waits for the radio.
    Wait,
    /// Keys over the radio's signal.
    Override,
    /// Is discarded.
    Drop,
}

#[cfg(test)]
mod tests {
    use super::AudioDevice;

    #[test]
    fn the_card_is_found_in_every_way_to_write_a_pcm() {
        for (name, card) in [
            ("hw:CARD=Device,DEV=0", Some("Device")),
            ("plughw:DEV=0,CARD=Device_1", Some("Device_1")),
            ("hw:Device", Some("Device")),
            ("hw:1,0", Some("1")),
            ("sysdefault:CARD=AllInOneCable", Some("AllInOneCable")),
            ("default", None),
            ("pulse", None),
            ("hw:DEV=0", None),
        ] {
            assert_eq!(AudioDevice::Alsa(name.to_owned()).card(), card, "{name}");
        }
    }
}
