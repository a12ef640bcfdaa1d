//! The picture of the demo: waveforms and lines on one time axis, as SVG.

use std::fmt::Write as _;
use std::ops::Range;

use crate::codec::SAMPLE_RATE_HZ;

/// One strip of the picture.
pub(super) struct Strip {
    /// What it shows, left of it.
    pub(super) label: String,
    /// A second, smaller line of the label.
    pub(super) note: String,
    pub(super) content: Content,
}

/// What a strip shows.
pub(super) enum Content {
    /// Samples at 16 kHz; the first one falls at `start_s`.
    Wave { start_s: f64, samples: Vec<f32>, colour: &'static str },
    /// Times at which a line is active.
    Line { active: Vec<Range<f64>>, colour: &'static str },
}

const WIDTH: f64 = 1_280.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 40.0;
const WAVE_HEIGHT: f64 = 84.0;
const LINE_HEIGHT: f64 = 30.0;
const GAP: f64 = 10.0;
/// Room for the times of a bar.
const TIMES_WIDTH: f64 = 80.0;

/// Draws the strips from top to bottom over `length_s` seconds.
pub(super) fn draw(title: &str, length_s: f64, strips: &[Strip]) -> String {
    let body: f64 = strips.iter().map(|strip| strip.content.height() + GAP).sum();
    let height = TOP + body + BOTTOM;
    let axis = Axis { length_s, full_scale: full_scale(strips) };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"34\" font-size=\"20\" fill=\"#1c2733\">{}</text>\n",
        escape(title)
    );
    axis.grid(&mut svg, TOP + body);
    let mut y = TOP;
    for strip in strips {
        strip.draw(&mut svg, &axis, y);
        y += strip.content.height() + GAP;
    }
    svg.push_str("</svg>\n");
    svg
}

struct Axis {
    length_s: f64,
    /// The amplitude that fills a strip: the same for all, so that levels can be compared.
    full_scale: f64,
}

fn full_scale(strips: &[Strip]) -> f64 {
    let waves = strips.iter().filter_map(|strip| match &strip.content {
        Content::Wave { samples, .. } => Some(samples.as_slice()),
        Content::Line { .. } => None,
    });
    let peak = waves.flatten().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    f64::from(peak.clamp(0.1, 1.0))
}

impl Axis {
    fn x(&self, seconds: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * (seconds / self.length_s).clamp(0.0, 1.0)
    }

    /// A line and a number for each second.
    fn grid(&self, svg: &mut String, bottom: f64) {
        let mut second = 0.0;
        while second <= self.length_s {
            let x = self.x(second);
            line(svg, (x, TOP - 6.0), (x, bottom), "#e3e8ee");
            text(svg, (x, bottom + 18.0), 11, "middle", "#5b6b7b", &format!("{second:.0}"));
            second += 1.0;
        }
        text(
            svg,
            (WIDTH - RIGHT, bottom + 34.0),
            11,
            "end",
            "#5b6b7b",
            "seconds since the gateway opened its sound devices",
        );
    }
}

impl Content {
    fn height(&self) -> f64 {
        match self {
            Self::Wave { .. } => WAVE_HEIGHT,
            Self::Line { .. } => LINE_HEIGHT,
        }
    }
}

impl Strip {
    fn draw(&self, svg: &mut String, axis: &Axis, y: f64) {
        let middle = y + self.content.height() / 2.0;
        let (label_y, note_y) =
            if self.note.is_empty() { (middle + 5.0, middle) } else { (middle - 1.0, middle + 13.0) };
        text(svg, (LEFT - 12.0, label_y), 14, "end", "#1c2733", &self.label);
        text(svg, (LEFT - 12.0, note_y), 11, "end", "#5b6b7b", &self.note);
        match &self.content {
            Content::Wave { start_s, samples, colour } => {
                wave(svg, axis, (y, middle), *start_s, samples, colour);
            }
            Content::Line { active, colour } => bars(svg, axis, y, active, colour),
        }
    }
}

/// The highest and lowest sample under each pixel.
fn wave(
    svg: &mut String,
    axis: &Axis,
    (top, middle): (f64, f64),
    start_s: f64,
    samples: &[f32],
    colour: &str,
) {
    line(svg, (LEFT, middle), (WIDTH - RIGHT, middle), "#cfd8e2");
    let per_pixel = axis.length_s / (WIDTH - LEFT - RIGHT);
    let scale = (middle - top) / axis.full_scale;
    let mut path = String::new();
    let mut x = LEFT;
    while x < WIDTH - RIGHT {
        let from = (x - LEFT) * per_pixel - start_s;
        let range = index(from)..index(from + per_pixel);
        if let Some(under) =
            samples.get(range.start..range.end.min(samples.len())).filter(|under| !under.is_empty())
        {
            let high = under.iter().copied().fold(f32::MIN, f32::max).clamp(-1.0, 1.0);
            let low = under.iter().copied().fold(f32::MAX, f32::min).clamp(-1.0, 1.0);
            let (high, low) = (middle - f64::from(high) * scale, middle - f64::from(low) * scale + 0.5);
            let _infallible = write!(path, "M{x:.0} {high:.1}V{low:.1}");
        }
        x += 1.0;
    }
    let _infallible = writeln!(svg, "<path d=\"{path}\" stroke=\"{colour}\" fill=\"none\"/>");
}

fn bars(svg: &mut String, axis: &Axis, y: f64, active: &[Range<f64>], colour: &str) {
    line(svg, (LEFT, y + LINE_HEIGHT - 4.0), (WIDTH - RIGHT, y + LINE_HEIGHT - 4.0), "#cfd8e2");
    for range in active {
        let (from, to) = (axis.x(range.start), axis.x(range.end));
        let _infallible = writeln!(
            svg,
            "<rect x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>",
            y + 4.0,
            (to - from).max(1.0),
            LINE_HEIGHT - 8.0
        );
        let times = if range.end.is_finite() {
            format!("{:.2} – {:.2}", range.start, range.end)
        } else {
            format!("{:.2} – no end", range.start)
        };
        let y = y + LINE_HEIGHT / 2.0 + 4.0;
        // Beside a bar that is too short for its numbers.
        if to - from > TIMES_WIDTH {
            text(svg, (f64::midpoint(from, to), y), 11, "middle", "#ffffff", &times);
        } else if to + TIMES_WIDTH < WIDTH - RIGHT {
            text(svg, (to + 5.0, y), 11, "start", "#5b6b7b", &times);
        } else {
            text(svg, (from - 5.0, y), 11, "end", "#5b6b7b", &times);
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time before the first sample is index 0"
)]
fn index(seconds: f64) -> usize {
    (seconds * f64::from(SAMPLE_RATE_HZ)).max(0.0) as usize
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), colour: &str) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _infallible = writeln!(
        svg,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\"/>"
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), size: u8, anchor: &str, colour: &str, words: &str) {
    let _infallible = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{}</text>",
        escape(words)
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_every_strip_and_escapes_names() {
        let strips = [
            Strip {
                label: "radio".to_owned(),
                note: "<source>".to_owned(),
                content: Content::Wave { start_s: 1.0, samples: vec![0.5; 16_000], colour: "#000000" },
            },
            Strip {
                label: "PTT".to_owned(),
                note: String::new(),
                content: Content::Line { active: vec![1.0..1.5, 2.0..2.5], colour: "#000000" },
            },
        ];
        let svg = draw("two strips", 4.0, &strips);
        assert!(svg.contains("&lt;source&gt;") && svg.contains("two strips"));
        assert_eq!(svg.matches("<rect x=").count(), 2);
        assert_eq!(svg.matches("<path").count(), 1);
        assert!(svg.contains('M') && svg.ends_with("</svg>\n"));
    }
}
