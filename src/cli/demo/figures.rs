//! What the demo proves, in figures and in sentences that are true or not.

use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Map, Value};

use super::gateway::{Files, counters};
use super::scene::Played;
use super::speech::Speech;
use crate::audio;
use crate::codec::{BLOCK_SAMPLES, Block, time_of};
use crate::dsp::UplinkChain;
use crate::dsp::compare::{self, Likeness};
use crate::zello::toc;

/// Opus at 16 kbit/s copies speech with a correlation of about 0.95; a lost word leaves far less.
const WHOLE: f32 = 0.85;
/// The worst syllable of a whole over; a lost or shifted one is near 0.
const WORST: f32 = 0.5;
/// Packets captured so soon after the start of the stream were sent in a burst with the pre-roll.
const PRE_ROLL_S: f64 = 0.4;

/// The result of a demo.
pub(super) struct Report {
    pub(super) text: String,
    pub(super) up_note: String,
    pub(super) down_note: String,
    /// What the radio said, from the opening of the sound device.
    pub(super) on_air: Vec<f32>,
    pub(super) everything_happened: bool,
}

/// Compares what was heard with what was said.
pub(super) fn judge(files: &Files, speech: &Speech, played: &Played) -> anyhow::Result<Report> {
    let on_air = audio::load_wav(&files.said_on_air).context("the radio's recording")?;
    let counters = counters(files)?;
    let up = compare::find(&as_sent(&speech.radio), &played.channel_heard);
    let down = compare::find(&speech.phone, &on_air);
    let spoken = down.map(|down| {
        let start = seconds(down.delay);
        start..start + seconds(speech.phone.len())
    });
    let facts = facts(played, up, down, spoken.as_ref(), &counters);
    let everything_happened = facts.iter().all(|(_, happened)| *happened);
    let mut text = String::from("\nWhat happened:\n");
    for (fact, happened) in &facts {
        let _infallible = writeln!(text, "  {}  {fact}", if *happened { "yes" } else { "NO " });
    }
    text += &figures(played, up, down, &counters);
    let note = |way: Option<Likeness>| {
        way.map_or("not heard".to_owned(), |way| format!("correlation {:.2}", way.correlation))
    };
    Ok(Report { text, up_note: note(up), down_note: note(down), on_air, everything_happened })
}

fn facts(
    played: &Played,
    up: Option<Likeness>,
    down: Option<Likeness>,
    spoken: Option<&Range<f64>>,
    counters: &Map<String, Value>,
) -> Vec<(&'static str, bool)> {
    let whole = |way: Option<Likeness>| way.is_some_and(|way| way.correlation > WHOLE && way.worst > WORST);
    let keyed = |from: f64, to: f64| played.ptt.iter().any(|ptt| ptt.start < from && ptt.end > to);
    let apart = played
        .up
        .iter()
        .all(|up| played.ptt.iter().all(|ptt| ptt.end <= up.start || ptt.start >= played.cos.end));
    let count = |name: &str| counters.get(name).and_then(Value::as_u64);
    let nothing_lost = LOSSES.iter().all(|name| count(name) == Some(0));
    vec![
        ("the channel heard the radio's over whole, first syllable and last", whole(up)),
        ("the radio said the phone's over whole, first syllable and last", whole(down)),
        (
            "the transmitter was keyed before the first word and until after the last",
            spoken.is_some_and(|words| keyed(words.start, words.end)),
        ),
        ("the transmitter was never keyed while the radio heard somebody", apart && !played.ptt.is_empty()),
        (
            "the transmitter was released by itself, once for each keying",
            played.ptt.iter().all(|ptt| ptt.end.is_finite()),
        ),
        ("no packet and no block was lost", nothing_lost),
    ]
}

/// Counters that stay at 0 in a demo.
const LOSSES: [&str; 9] = [
    "capture_blocks_dropped",
    "uplink_overs_lost",
    "uplink_packets_dropped",
    "uplink_packets_expired",
    "uplink_packets_refused",
    "downlink_packets_dropped",
    "downlink_packets_expired",
    "downlink_packets_invalid",
    "frames_invalid",
];

fn figures(
    played: &Played,
    up: Option<Likeness>,
    down: Option<Likeness>,
    counters: &Map<String, Value>,
) -> String {
    let count = |name: &str| counters.get(name).and_then(Value::as_u64).unwrap_or(0);
    let mut rows: Vec<(&str, String)> = Vec::new();
    if let (Some(stream), Some(up)) = (played.up.first(), up) {
        rows.push(("COS opens → start_stream at the server", ms(stream.start - played.cos.start)));
        if let Some((median, worst)) = uplink_latency(played, up) {
            rows.push((
                "sound captured → packet on the phone",
                format!("60 ms packet + {} median, {} at most", ms(median), ms(worst)),
            ));
        }
        rows.push(("  likeness to the original", likeness(up)));
    }
    if let (Some(stream), Some(ptt), Some(down)) = (played.down.first(), played.ptt.first(), down) {
        rows.push(("stream begins at the server → PTT active", ms(ptt.start - stream.start)));
        let said = seconds(down.delay) - played.phone_said_s;
        rows.push((
            "word sent by the phone → on the air",
            format!("{} with the lead-in and the jitter buffer", ms(said)),
        ));
        rows.push(("  likeness to the original", likeness(down)));
    }
    rows.push((
        "packets up: encoded, sent",
        format!("{}, {}", count("uplink_packets"), count("uplink_packets_sent")),
    ));
    rows.push((
        "packets down: received, played",
        format!("{}, {}", count("downlink_packets"), count("downlink_packets_played")),
    ));
    rows.push(("blocks of 10 ms concealed", count("downlink_blocks_concealed").to_string()));
    rows.push((
        "xruns: capture, playback",
        format!("{}, {}", count("capture_xruns"), count("playback_xruns")),
    ));
    if let Some(share) = played.cpu_share {
        rows.push(("processor, of one core", format!("{:.1} %", share * 100.0)));
    }
    if let Some(bytes) = played.resident_bytes {
        rows.push(("resident memory", format!("{:.1} MB", bytes as f64 / 1e6)));
    }
    let rows = rows.iter().map(|(name, value)| format!("  {name:<42} {value}\n"));
    rows.fold(String::from("\nFigures:\n"), |text, row| text + &row)
}

/// Median and highest time from the capture of a packet's last sample to its arrival at the phone, seconds.
fn uplink_latency(played: &Played, up: Likeness) -> Option<(f64, f64)> {
    let live = played.up.first()?.start + PRE_ROLL_S;
    // In the copy, the first word lies at `delay`; so the copy's first sample was captured so long before it.
    let mut captured = played.radio_said_s - seconds(up.delay);
    let mut delays = Vec::new();
    for (packet, arrived) in played.over.packets.iter().zip(&played.over_packets_s) {
        captured += toc::packet_duration(&packet.opus).unwrap_or(Duration::ZERO).as_secs_f64();
        if captured > live {
            delays.push(arrived - captured);
        }
    }
    delays.sort_by(f64::total_cmp);
    Some((*delays.get(delays.len() / 2)?, *delays.last()?))
}

/// The original as the gateway sends it: without what lies below speech.
fn as_sent(original: &[f32]) -> Vec<f32> {
    let mut chain = UplinkChain::new();
    let mut sent = Vec::with_capacity(original.len());
    for chunk in original.chunks(BLOCK_SAMPLES) {
        let mut block: Block = [0.0; BLOCK_SAMPLES];
        block.iter_mut().zip(chunk).for_each(|(sample, original)| *sample = *original);
        chain.process(&mut block);
        sent.extend(block.iter().take(chunk.len()));
    }
    sent
}

fn likeness(way: Likeness) -> String {
    format!("correlation {:.3}, worst 250 ms {:.3}", way.correlation, way.worst)
}

fn seconds(samples: usize) -> f64 {
    time_of(samples).as_secs_f64()
}

fn ms(seconds: f64) -> String {
    format!("{:.1} ms", seconds * 1_000.0)
}
