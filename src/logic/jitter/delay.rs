//! How late packets come: the network's jitter as far as the next seconds need it.

use std::time::{Duration, Instant};

/// Lateness is counted in steps of this; finer than any packet.
const STEP_US: u64 = 10_000;

/// Steps that are told apart: up to 5 s, the highest limit that can be configured.
const STEPS: usize = 501;

/// A packet counts a third when so many others have come after it: 40 s of talk. Less forgets what happens a few times in a
/// minute, as when a satellite hands over; more takes a passing cloud for the climate.
const MEMORY: f32 = 640.0;

/// One packet in a hundred that comes too late weighs as much as 500 ms of delay: a gap in a word is heard, a delay
/// hardly, on a channel where one speaks at a time.
const PRICE_MS: f32 = 50_000.0;

/// The quickest packet is sought among the last so many, and as many before them.
const BLOCK: u32 = 128;

/// A pause is one of the sender, not jitter, when a packet comes later than this.
const PAUSE_US: i64 = 5_000_000;

/// Weights are made small again before `f32` gets coarse.
const WEIGHT_MAX: f32 = 1.0e6;

/// Estimates the delay that is worth its price: what it adds to every packet against the gaps that it saves.
///
/// A packet's *lateness* is its arrival minus the time at which it would have come had the network been as quick as
/// for the quickest packet of late. Over TCP one packet that is late holds up others; those are not counted as late:
/// whoever waits for the first waits for them too. Lateness that no allowed delay covers is not waited for at all.
/// What one stream taught serves the next.
#[derive(Debug, Clone)]
pub struct Delay {
    min: Duration,
    max: Duration,
    /// Weight of the packets that were late by so many steps.
    late: [f32; STEPS],
    /// Of the newest packet; those before it have less and less by comparison.
    weight: f32,
    anchor: Option<Anchor>,
}

/// The newest packet, as the base for the media time of the next.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    first_at: Instant,
    newest_at: Instant,
    /// Media time of the newest packet, µs after the first.
    media_us: i64,
    span_us: i64,
    /// Transit of the quickest packet of this block, and of the block before, µs relative to the first.
    quickest_us: i64,
    quickest_before_us: i64,
    packets: u32,
}

impl Delay {
    /// Nothing is known yet: the target is `min`. It never exceeds `max`.
    #[must_use]
    pub fn new(min: Duration, max: Duration) -> Self {
        Self { min, max: max.max(min), late: [0.0; STEPS], weight: 1.0, anchor: None }
    }

    /// Delay between the arrival of a punctual packet and its turn.
    #[must_use]
    pub fn target(&self) -> Duration {
        let all: f32 = self.late.iter().sum();
        if all <= 0.0 {
            return self.min;
        }
        let (mut beyond, mut least, mut target) = (all, f32::INFINITY, self.min);
        for (step, late) in (0_u64..).zip(&self.late) {
            beyond = (beyond - late).max(0.0);
            let delay = Duration::from_micros(step * STEP_US);
            if delay > self.max {
                break;
            }
            let delay = delay.max(self.min);
            let price = delay.as_secs_f32() * 1_000.0 + PRICE_MS * beyond / all;
            if price < least {
                (least, target) = (price, delay);
            }
        }
        target
    }

    /// The delay that is never exceeded.
    #[must_use]
    pub fn most(&self) -> Duration {
        self.max
    }

    /// A packet came: `steps` after the newest one so far (negative: reordered; 0: the first), playing for `span`.
    pub fn arrived(&mut self, at: Instant, steps: i32, span: Duration) {
        let span_us = micros(span);
        let Some(anchor) = self.anchor.as_mut().filter(|_| steps != 0) else {
            return self.begin(at, span_us);
        };
        let media_us = anchor.media_us.saturating_add(i64::from(steps).saturating_mul(anchor.span_us));
        let transit_us = micros(at.saturating_duration_since(anchor.first_at)).saturating_sub(media_us);
        if transit_us.abs() > PAUSE_US {
            return self.begin(at, span_us);
        }
        // It was there already, and waited for the one before it.
        let was_held =
            steps > 0 && micros(at.saturating_duration_since(anchor.newest_at)) < anchor.span_us / 2;
        if steps > 0 {
            anchor.media_us = media_us;
            anchor.span_us = span_us;
            anchor.newest_at = at;
        }
        let late_us = transit_us.saturating_sub(anchor.quickest(transit_us));
        self.count(if was_held { 0 } else { late_us });
    }

    /// Another stream begins over the same network. Both are measured from their own first packet; what they share is the lateness.
    pub fn next_stream(&mut self) {
        self.anchor = None;
    }

    fn begin(&mut self, at: Instant, span_us: i64) {
        self.anchor = Some(Anchor {
            first_at: at,
            newest_at: at,
            media_us: 0,
            span_us,
            quickest_us: 0,
            quickest_before_us: 0,
            packets: 0,
        });
        self.count(0);
    }

    fn count(&mut self, late_us: i64) {
        let steps = u64::try_from(late_us).unwrap_or(0).div_ceil(STEP_US);
        let step = usize::try_from(steps).unwrap_or(STEPS).min(STEPS - 1);
        self.weight *= 1.0 + 1.0 / MEMORY;
        if let Some(late) = self.late.get_mut(step) {
            *late += self.weight;
        }
        if self.weight > WEIGHT_MAX {
            let weight = std::mem::replace(&mut self.weight, 1.0);
            self.late.iter_mut().for_each(|late| *late /= weight);
        }
    }
}

impl Anchor {
    /// The transit of the quickest packet of late, with one more.
    fn quickest(&mut self, transit_us: i64) -> i64 {
        self.packets = self.packets.wrapping_add(1);
        if self.packets % BLOCK == 0 {
            self.quickest_before_us = std::mem::replace(&mut self.quickest_us, transit_us);
        }
        self.quickest_us = self.quickest_us.min(transit_us);
        self.quickest_us.min(self.quickest_before_us)
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_millis(60);
    const MAX: Duration = Duration::from_millis(800);
    const SPAN: Duration = Duration::from_millis(60);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A stream of packets that come `late_ms` after their time, one by one.
    fn feed(delay: &mut Delay, late_ms: &[u64]) {
        let from = Instant::now();
        delay.next_stream();
        for (n, late) in (0_u32..).zip(late_ms) {
            delay.arrived(from + SPAN * n + ms(*late), i32::from(n > 0), SPAN);
        }
    }

    /// As [`feed`], over TCP: what is late holds up what is behind it.
    fn feed_in_order(delay: &mut Delay, late_ms: &[u64]) {
        let mut latest = 0;
        let in_order = (0_u64..).zip(late_ms).map(|(n, late)| {
            latest = latest.max(n * 60 + late);
            latest - n * 60
        });
        let in_order: Vec<u64> = in_order.collect();
        feed(delay, &in_order);
    }

    /// `count` packets of which every `one_in`th is late.
    fn some_late(count: usize, one_in: usize, late_ms: u64) -> Vec<u64> {
        (0..count).map(|n| if n % one_in == one_in / 2 { late_ms } else { 0 }).collect()
    }

    #[test]
    fn a_steady_network_needs_the_least_delay() {
        let mut delay = Delay::new(MIN, MAX);
        feed(&mut delay, &[0, 3, 1, 5, 0, 2, 0, 0, 10, 0]);
        assert_eq!(delay.target(), MIN);
    }

    #[test]
    fn what_is_often_late_is_waited_for_and_what_is_rarely_so_is_not() {
        let mut delay = Delay::new(MIN, MAX);
        feed(&mut delay, &some_late(500, 10, 300));
        assert_eq!(delay.target(), ms(300));
        let mut delay = Delay::new(MIN, MAX);
        feed(&mut delay, &some_late(500, 250, 300));
        assert_eq!(delay.target(), MIN);
    }

    #[test]
    fn the_packets_behind_a_late_one_are_not_late_themselves() {
        // One packet in 300 is 700 ms late, and eleven behind it come with it.
        let mut delay = Delay::new(MIN, MAX);
        feed_in_order(&mut delay, &some_late(900, 300, 700));
        assert_eq!(delay.target(), MIN);
        // A network that stops for 250 ms each second is another matter.
        feed_in_order(&mut delay, &some_late(900, 16, 250));
        assert_eq!(delay.target(), ms(250));
    }

    #[test]
    fn a_talker_whose_packets_come_by_threes_is_waited_for() {
        let mut delay = Delay::new(MIN, MAX);
        feed_in_order(&mut delay, &[120, 60, 0].repeat(100));
        assert_eq!(delay.target(), ms(120));
    }

    #[test]
    fn lateness_that_no_allowed_delay_covers_is_not_waited_for() {
        let mut delay = Delay::new(MIN, MAX);
        feed(&mut delay, &[0, 2_000, 0, 2_000, 0, 2_000]);
        assert_eq!(delay.target(), MIN);
        feed(&mut delay, &some_late(100, 4, 795));
        assert_eq!(delay.target(), MAX);
    }

    #[test]
    fn the_target_keeps_to_its_limits() {
        for late in [0, 100, 799, 800, 801, 4_000] {
            for limits in [(60, 800), (300, 300), (0, 20), (0, 5_000), (77, 333)] {
                let (min, max) = (ms(limits.0), ms(limits.1));
                let mut delay = Delay::new(min, max);
                feed(&mut delay, &some_late(200, 3, late));
                let target = delay.target();
                assert!((min..=max).contains(&target), "{target:?} of {limits:?}, {late} ms late");
            }
        }
    }

    #[test]
    fn what_one_stream_taught_serves_the_next() {
        let mut delay = Delay::new(MIN, MAX);
        feed(&mut delay, &[0, 250, 0, 250, 0, 250, 0]);
        delay.next_stream();
        assert_eq!(delay.target(), ms(250));
    }

    #[test]
    fn a_good_network_is_believed_again_after_some_minutes() {
        let mut delay = Delay::new(MIN, MAX);
        feed(&mut delay, &some_late(2_000, 2, 500));
        assert_eq!(delay.target(), ms(500));
        feed(&mut delay, &vec![0; 6 * 512]);
        assert_eq!(delay.target(), MIN);
    }

    #[test]
    fn a_year_of_packets_is_counted_as_well_as_a_minute() {
        let mut delay = Delay::new(MIN, MAX);
        for _ in 0..200 {
            feed(&mut delay, &some_late(1_000, 10, 300));
        }
        assert_eq!(delay.target(), ms(300));
        assert!(delay.weight.is_finite() && delay.late.iter().all(|late| late.is_finite()));
    }
}
