//! Reports of a HID device that is no CM108, or is broken: each pin is told from its own bit or not at all, and a squelch
//! moves only when its pin has rested for the debounce time.

use std::time::{Duration, Instant};

use zello_gateway::config::Polarity;
use zello_gateway::lines::CosEdge;
use zello_gateway::lines::cm108::report::{Outputs, Pin, level};
use zello_gateway::lines::debounce::Debounce;

use super::input::Input;

const NEEDED: Duration = Duration::from_millis(20);

/// Reports and the times between them; some of the bytes also move outputs.
pub fn hid(bytes: &[u8]) {
    let mut input = Input(bytes);
    let pin = pin(&mut input);
    let mut squelch = Squelch::new();
    let mut outputs = Outputs::default();
    while !input.is_empty() {
        squelch.now += Duration::from_millis(u64::from(input.byte() % 64));
        let count = usize::from(input.byte() % 68);
        let report = input.bytes(count);
        check_report(report);
        if let Some(level) = level(report, pin) {
            squelch.see(level == Polarity::Low);
        }
        set_output(&mut outputs, input.byte());
    }
    squelch.rest();
}

fn pin(input: &mut Input<'_>) -> Pin {
    let number = input.byte();
    input.one(&[Pin::VolumeUp, Pin::VolumeDown, Pin::MutePlayback, Pin::MuteRecord, Pin::Gpio(number)])
}

/// A bit of the keys is a pin pulled low, a bit of the GPIOs a high one; what is not there tells nothing.
fn check_report(report: &[u8]) {
    for (bit, pin) in (0..).zip([Pin::VolumeUp, Pin::VolumeDown, Pin::MutePlayback, Pin::MuteRecord]) {
        let low = report.first().map(|keys| keys >> bit & 1 == 1);
        assert_eq!(level(report, pin).map(|level| level == Polarity::Low), low);
    }
    for number in 0..=255 {
        let exists = (1..=8).contains(&number);
        let high = report.get(1).map(|gpios| exists && gpios >> (number - 1) & 1 == 1);
        assert_eq!(level(report, Pin::Gpio(number)).map(|level| level == Polarity::High), high);
    }
}

/// Moves one pin and no other.
fn set_output(outputs: &mut Outputs, choice: u8) {
    let (number, high) = (choice >> 1, choice & 1 == 1);
    let [.., data, mask, _] = outputs.report();
    outputs.set(number, if high { Polarity::High } else { Polarity::Low });
    let bit = if (1..=8).contains(&number) { 1 << (number - 1) } else { 0 };
    let expected = if high { data | bit } else { data & !bit };
    assert_eq!(outputs.report(), [0, 0, expected, mask | bit, 0]);
}

/// A debounced pin, and all that was seen of it.
struct Squelch {
    now: Instant,
    debounce: Debounce,
    levels: Vec<(Instant, bool)>,
    told: Vec<CosEdge>,
}

impl Squelch {
    fn new() -> Self {
        let now = Instant::now();
        Self { now, debounce: Debounce::new(NEEDED), levels: Vec::new(), told: Vec::new() }
    }

    fn see(&mut self, open: bool) {
        self.levels.push((self.now, open));
        self.told.extend(self.debounce.handle_level(open, self.now));
    }

    /// Nothing comes any more: the last level counts, and every change that was told was true for long enough.
    fn rest(&mut self) {
        self.now += 2 * NEEDED;
        self.told.extend(self.debounce.handle_timeout(self.now));
        assert_eq!(self.told.last().map(|edge| edge.open), self.levels.last().map(|(_, open)| *open));
        assert!(self.told.windows(2).all(|pair| pair[0].open != pair[1].open && pair[0].at <= pair[1].at));
        for edge in self.told.iter().skip(1) {
            let within = |at: Instant| at + NEEDED > edge.at && at < edge.at;
            assert!(self.levels.iter().all(|(at, open)| !within(*at) || *open == edge.open));
        }
    }
}
