//! GPIO outputs as the kernel sets them: the trace event `gpio_value`, stamped by `CLOCK_MONOTONIC`.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::tape::Tape;

/// A trace buffer of our own, so that nobody else's settings matter.
const INSTANCE: &str = "/sys/kernel/tracing/instances/zello-gateway-lab";

/// An output was set.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GpioSet {
    pub(crate) at: Duration,
    /// Name and number of the task that set it.
    pub(crate) task: String,
    /// Number of the line in the kernel's own count.
    pub(crate) gpio: u32,
    pub(crate) high: bool,
}

/// Starts to record; the tape grows until the program ends.
pub(crate) fn start() -> Result<Tape<GpioSet>> {
    let instance = PathBuf::from(INSTANCE);
    if !Path::new("/sys/kernel/tracing/trace_clock").exists() {
        crate::shell::run("mount", &["-t", "tracefs", "tracefs", "/sys/kernel/tracing"])?;
    }
    if !instance.exists() {
        fs::create_dir(&instance).context("cannot make a trace instance: is tracefs mounted?")?;
    }
    let set = |file: &str, value: &str| {
        fs::write(instance.join(file), value).with_context(|| format!("cannot set {INSTANCE}/{file}"))
    };
    set("trace_clock", "mono")?;
    set("events/gpio/gpio_value/enable", "1")?;
    let pipe = File::open(instance.join("trace_pipe")).context("cannot open trace_pipe")?;
    let tape = Tape::new();
    let sink = tape.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if let Some(event) = parse(&line) {
                sink.record(event);
            }
        }
    });
    Ok(tape)
}

/// `  task-123   [000] d..1.   12.345678: gpio_value: 529 set 1`; reads (`get`) are nothing to us.
fn parse(line: &str) -> Option<GpioSet> {
    let (head, event) = line.split_once(": gpio_value: ")?;
    let at: f64 = head.split_whitespace().last()?.parse().ok()?;
    let task = head.split(" [").next()?.trim().to_owned();
    let mut words = event.split_whitespace();
    let gpio = words.next()?.parse().ok()?;
    let direction = words.next()?;
    let high = words.next()? == "1";
    (direction == "set").then_some(GpioSet { at: Duration::from_secs_f64(at), task, gpio, high })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_trace_is_understood() {
        let line = "   zello-gateway-345     [001] d..1.   123.456789: gpio_value: 529 set 1";
        let event = parse(line);
        let expected = GpioSet {
            at: Duration::from_micros(123_456_789),
            task: "zello-gateway-345".to_owned(),
            gpio: 529,
            high: true,
        };
        assert_eq!(event, Some(expected));
    }

    #[test]
    fn names_with_blanks_reads_and_other_lines_do_no_harm() {
        let named = "  Web Content-9 [000] .....  1.000002: gpio_value: 7 set 0";
        assert_eq!(
            parse(named).map(|event| (event.task, event.high)),
            Some(("Web Content-9".to_owned(), false))
        );
        assert_eq!(parse("  a-9 [000] ..... 1.000002: gpio_value: 7 get 0"), None);
        assert_eq!(parse("CPU:0 [LOST 5 EVENTS]"), None);
        assert_eq!(parse("  a-9 [000] ..... 1.2: gpio_direction: 7 in (0)"), None);
        assert_eq!(parse(""), None);
    }
}
