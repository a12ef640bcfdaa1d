//! The live timeline: twice a second a row of what radio, lines and channel do.

use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use super::gateway::Files;
use super::scene::ptt_times;
use super::speech::Speech;
use crate::cli::out;
use crate::codec::{Decoder, MAX_PACKET_SAMPLES, samples_in};
use crate::sim::{Heard, Phone};

/// A row is printed so often, and levels are the peak of so much sound.
const ROW: Duration = Duration::from_millis(500);
/// Bytes of a WAV header before 16 bit samples.
const WAV_HEADER: usize = 44;
/// Cells of a level bar.
const CELLS: u8 = 10;
/// The level of an empty bar, dBFS; a full one is 0 dBFS.
const FLOOR_DBFS: f32 = -50.0;

/// What the rows are made of.
pub(super) struct Timeline<'a> {
    pub(super) start: Instant,
    /// Wall clock at `start`.
    pub(super) wall: f64,
    pub(super) files: &'a Files,
    pub(super) speech: &'a Speech,
    pub(super) radio_said: Instant,
    pub(super) squelch: Range<Instant>,
    pub(super) phone_talks: Range<Instant>,
}

impl Timeline<'_> {
    /// Prints rows until `end`.
    pub(super) async fn show(&self, phone: &Phone, end: Instant) {
        out::say(&heading());
        let mut ear = Ear::new();
        let mut rows = interval(ROW);
        rows.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while Instant::now() < end {
            rows.tick().await;
            out::say(&self.row(&phone.heard(), &mut ear));
        }
    }

    fn row(&self, heard: &[Heard], ear: &mut Ear) -> String {
        let now = Instant::now();
        let time = now.saturating_duration_since(self.start).as_secs_f64();
        let cos = self.squelch.contains(&now);
        let up = heard.last().is_some_and(|over| over.stopped.is_none());
        let keyed =
            ptt_times(&self.files.ptt_log, self.wall).last().is_some_and(|last| last.end.is_infinite());
        let talking = self.phone_talks.contains(&now);
        row(
            &format!("{time:.1} s"),
            [
                &bar(spoken_peak(&self.speech.radio, self.radio_said, now)),
                lamp(cos, "open"),
                lamp(up, "up"),
                &bar(ear.peak(heard)),
            ],
            [
                &bar(spoken_peak(&self.speech.phone, self.phone_talks.start, now)),
                lamp(talking, "down"),
                lamp(keyed, "ON"),
                &bar(if keyed { recorded_peak(&self.files.said_on_air) } else { 0.0 }),
            ],
        )
    }
}

/// One row of the table, 95 cells wide: time, the way up, the way down.
fn row(time: &str, up: [&str; 4], down: [&str; 4]) -> String {
    let way = |[said, line, second_line, heard]: [&str; 4]| {
        format!("{said:^11}  {line:^6}  {second_line:^6}  {heard:^13}")
    };
    let text = format!("{time:>6}  {} │ {}", way(up), way(down));
    format!("{}\n", text.trim_end())
}

fn heading() -> String {
    let ways = format!("{:>6}  {:^42} │ {:^42}", "", "radio → channel", "channel → radio");
    let columns = row(
        "time",
        ["radio hears", "COS", "stream", "channel hears"],
        ["phone says", "stream", "PTT", "radio says"],
    );
    format!("{}\n{columns}", ways.trim_end())
}

/// Peak of what was spoken in the last half second, by somebody who began at `began`.
fn spoken_peak(speech: &[f32], began: Instant, now: Instant) -> f32 {
    let spoken = samples_in(now.saturating_duration_since(began));
    let window = spoken.saturating_sub(samples_in(ROW))..spoken.min(speech.len());
    speech.get(window).map_or(0.0, peak)
}

/// Decodes the phone's packets as they come.
struct Ear {
    decoder: Option<Decoder>,
    taken: usize,
}

impl Ear {
    fn new() -> Self {
        Self { decoder: Decoder::new().ok(), taken: 0 }
    }

    /// Peak of what has come since the last call.
    fn peak(&mut self, heard: &[Heard]) -> f32 {
        let (Some(over), Some(decoder)) = (heard.last(), self.decoder.as_mut()) else { return 0.0 };
        let mut sound = [0.0; MAX_PACKET_SAMPLES];
        let mut highest = 0.0_f32;
        for packet in over.packets.iter().skip(self.taken) {
            let count = decoder.decode(&packet.opus, &mut sound).unwrap_or(0);
            highest = highest.max(sound.get(..count).map_or(0.0, peak));
        }
        self.taken = over.packets.len();
        highest
    }
}

/// Peak of the last half second of a recording that is being written.
fn recorded_peak(wav: &Path) -> f32 {
    let bytes = std::fs::read(wav).unwrap_or_default();
    let sound = bytes.get(WAV_HEADER..).unwrap_or_default();
    let tail = sound.len().saturating_sub(2 * samples_in(ROW)) & !1;
    let highest = sound.get(tail..).unwrap_or_default().chunks_exact(2).filter_map(|two| two.try_into().ok());
    highest.map(|two| f32::from(i16::from_le_bytes(two)).abs() / 32_768.0).fold(0.0, f32::max)
}

fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |highest, sample| highest.max(sample.abs()))
}

fn bar(peak: f32) -> String {
    let dbfs = 20.0 * peak.max(1e-6).log10();
    let share = (1.0 - dbfs / FLOOR_DBFS).clamp(0.0, 1.0) * f32::from(CELLS);
    (0..CELLS).map(|cell| if f32::from(cell) < share { '▮' } else { '·' }).collect()
}

fn lamp(lit: bool, word: &str) -> &str {
    if lit { word } else { "·" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_empty_at_silence_and_full_at_full_scale() {
        assert_eq!(bar(0.0), "··········");
        assert_eq!(bar(1.0), "▮▮▮▮▮▮▮▮▮▮");
        assert_eq!(bar(0.1), "▮▮▮▮▮▮····", "-20 dBFS");
    }

    #[test]
    fn columns_stand_under_their_headings_and_fit_a_terminal() {
        let idle =
            row("18.5 s", ["··········", "open", "·", "··········"], ["··········", "·", "ON", "··········"]);
        let columns = heading().lines().last().unwrap_or_default().to_owned();
        assert_eq!(columns.find('│').map(|at| columns[..at].chars().count()), Some(51));
        assert_eq!(idle.find('│').map(|at| idle[..at].chars().count()), Some(51));
        assert!(columns.chars().count() <= 100 && idle.trim_end().chars().count() <= 100);
    }
}
