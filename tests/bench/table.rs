//! The table: figure, bound, measured, verdict.

use std::fmt::Write as _;
use std::time::Duration;

/// Rows as they are measured.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<[String; 4]>,
}

impl Table {
    /// A figure with a bound.
    pub(crate) fn row(&mut self, figure: &str, bound: &str, measured: String, holds: bool) {
        self.push([
            figure.to_owned(),
            bound.to_owned(),
            measured,
            if holds { "ok" } else { "MISSED" }.to_owned(),
        ]);
    }

    /// A figure that explains another.
    pub(crate) fn note(&mut self, figure: &str, measured: String) {
        self.push([format!("  {figure}"), String::new(), measured, String::new()]);
    }

    /// A figure that could not be measured.
    pub(crate) fn failed(&mut self, figure: &str, why: &str) {
        self.push([figure.to_owned(), String::new(), why.to_owned(), "NOT MEASURED".to_owned()]);
    }

    /// Times of which the 99th percentile has a bound.
    pub(crate) fn times(&mut self, figure: &str, bound: Duration, times: &mut [Duration]) {
        if times.is_empty() {
            return self.failed(figure, "nothing was seen");
        }
        times.sort_unstable();
        let (p50, p99) = (percentile(times, 50), percentile(times, 99));
        let measured = format!("p50 {}, p99 {}, n = {}", ms(p50), ms(p99), times.len());
        self.row(figure, &format!("p99 ≤ {}", ms(bound)), measured, p99 <= bound);
    }

    /// The rows in columns.
    pub(crate) fn text(&self) -> String {
        let width =
            |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2), width(3)];
        self.rows.iter().fold(String::new(), |mut text, row| {
            for (cell, width) in row.iter().zip(widths) {
                let _infallible = write!(text, "{cell:width$}  ");
            }
            text.truncate(text.trim_end().len());
            text + "\n"
        })
    }

    fn push(&mut self, row: [String; 4]) {
        if self.rows.is_empty() {
            self.rows.push(["Figure", "Bound", "Measured", "Verdict"].map(str::to_owned));
        }
        // Shown at once too: the whole takes minutes.
        eprintln!("{}", row.join("  "));
        self.rows.push(row);
    }
}

/// Of sorted times: the lowest that so many of a hundred do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1]
}

/// Milliseconds with a digit that matters.
pub(crate) fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1_000.0;
    if ms < 10.0 { format!("{ms:.2} ms") } else { format!("{ms:.0} ms") }
}
