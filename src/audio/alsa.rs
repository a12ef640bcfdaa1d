//! ALSA devices: opened by name, driven by poll → verdict → act.

mod capture;
mod list;
mod parameters;
mod playback;
mod port;
mod verdict;

pub(super) use capture::AlsaCapture;
pub use list::{Access, SoundCard, list};
pub use parameters::Offer;
pub(super) use playback::AlsaPlayback;
