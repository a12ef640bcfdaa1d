//! Measured numbers: collected by name, printed with their middle and their worst.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

/// All figures of a run.
#[derive(Debug, Default)]
pub(crate) struct Figures(BTreeMap<String, Figure>);

#[derive(Debug, Default)]
struct Figure {
    unit: &'static str,
    values: Vec<f64>,
}

impl Figures {
    /// Adds a measured value.
    pub(crate) fn add(&mut self, name: &str, unit: &'static str, value: f64) {
        let figure = self.0.entry(name.to_owned()).or_default();
        figure.unit = unit;
        figure.values.push(value);
    }

    /// One line about a figure.
    pub(crate) fn line(&self, name: &str) -> String {
        self.0.get(name).map_or_else(|| format!("{name}: not measured"), |figure| figure.line(name))
    }

    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        for (name, figure) in &self.0 {
            let _ = writeln!(text, "{}", figure.line(name));
        }
        text
    }

    pub(crate) fn json(&self) -> String {
        let object: serde_json::Map<_, _> =
            self.0.iter().map(|(name, figure)| (name.clone(), figure.json())).collect();
        format!("{:#}\n", serde_json::Value::Object(object))
    }
}

impl Figure {
    /// The value below which so much of all lies: the nearest one that was measured.
    fn quantile(&self, part: f64) -> f64 {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        let index = ((sorted.len() as f64 * part).ceil() as usize).saturating_sub(1);
        sorted.get(index).copied().unwrap_or(f64::NAN)
    }

    fn line(&self, name: &str) -> String {
        let unit = self.unit;
        if let [only] = self.values.as_slice() {
            return format!("{name}: {only:.2} {unit}");
        }
        let [least, middle, worst, most] = [0.0, 0.5, 0.99, 1.0].map(|part| self.quantile(part));
        let count = self.values.len();
        format!("{name}: min {least:.2}, p50 {middle:.2}, p99 {worst:.2}, max {most:.2} {unit}, n = {count}")
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "unit": self.unit,
            "n": self.values.len(),
            "min": self.quantile(0.0),
            "p50": self.quantile(0.5),
            "p99": self.quantile(0.99),
            "max": self.quantile(1.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_worst_are_values_that_were_measured() {
        let mut figures = Figures::default();
        for value in 1..=100 {
            figures.add("delay", "ms", f64::from(value));
        }
        figures.add("memory", "MB", 7.5);
        assert_eq!(figures.line("delay"), "delay: min 1.00, p50 50.00, p99 99.00, max 100.00 ms, n = 100");
        assert_eq!(figures.line("memory"), "memory: 7.50 MB");
        assert_eq!(figures.line("other"), "other: not measured");
        assert!(figures.json().contains("\"max\": 100.0"), "{}", figures.json());
    }
}
