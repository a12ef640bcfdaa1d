//! The live timeline: twice a second a row of what radio, lines and channel do.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use super::gateway::Files;
use super::scene::{Speech, ptt_times};
use crate::cli::out;
use crate::codec::{Decoder, MAX_PACKET_SAMPLES, SAMPLE_RATE_HZ};
use crate::sim::phone::{Heard, Phone};

/// A row is printed so often.
const ROW: Duration = Duration::from_millis(500);
/// Levels are the peak of so much sound.
const WINDOW_SAMPLES: usize = SAMPLE_RATE_HZ as usize / 2;
/// Bytes of a WAV header of 16 bit samples.
const WAV_HEADER: usize = 44;

/// Prints rows.
pub(super) struct Timeline<'a> {
    start: Instant,
    wall: f64,
    ptt_log: PathBuf,
    cos_log: CosTimes,
    on_air: PathBuf,
    speech: &'a Speech,
    radio_said: Instant,
}

/// What the squelch does is known beforehand: the demo is the radio.
struct CosTimes {
    open: Instant,
    close: Instant,
}
