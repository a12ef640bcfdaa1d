//! The strips of the picture: the way up above, the way down below.

use std::ops::Range;

use super::figures::Report;
use super::picture::{Content, Strip};
use super::scene::Played;
use super::speech::Speech;

const BLUE: &str = "#1f6fb2";
const GREEN: &str = "#2b8a57";
const RED: &str = "#c23b3b";
const GREY: &str = "#5b6b7b";

/// What the picture shows, from top to bottom.
pub(super) fn strips(speech: &Speech, played: &Played, report: &Report) -> Vec<Strip> {
    vec![
        wave("radio hears", "the original", played.radio_said_s, &speech.radio, BLUE),
        line("COS", "squelch open", std::slice::from_ref(&played.cos), GREY),
        line("stream up", "gateway → channel", &played.up, BLUE),
        wave(
            "channel hears",
            &report.up_note,
            played.over_packets_s.first().copied().unwrap_or(0.0),
            &played.channel_heard,
            BLUE,
        ),
        wave("phone says", "the original", played.phone_said_s, &speech.phone, GREEN),
        line("stream down", "channel → gateway", &played.down, GREEN),
        line("PTT", "transmitter keyed", &played.ptt, RED),
        wave("radio says", &report.down_note, 0.0, &report.on_air, GREEN),
    ]
}

fn wave(label: &str, note: &str, start_s: f64, samples: &[f32], colour: &'static str) -> Strip {
    let content = Content::Wave { start_s, samples: samples.to_vec(), colour };
    Strip { label: label.to_owned(), note: note.to_owned(), content }
}

fn line(label: &str, note: &str, active: &[Range<f64>], colour: &'static str) -> Strip {
    let content = Content::Line { active: active.to_vec(), colour };
    Strip { label: label.to_owned(), note: note.to_owned(), content }
}
