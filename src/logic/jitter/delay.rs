//! How late packets come: the network's jitter as far as the next seconds need it.

use std::time::{Duration, Instant};

/// Packets that are remembered: 2.6 s of 20 ms packets, 7.7 s of 60 ms packets.
const WINDOW: usize = 128;

/// The target covers all but one packet in so many.
const ONE_IN: usize = 20;

/// A pause is one of the sender, not jitter, when a packet comes later than this.
const PAUSE_US: i64 = 5_000_000;

/// Estimates the delay that a stream needs so that nearly every packet comes in time.
///
/// A packet's *lateness* is its arrival minus the time at which it would have come had the network been as quick as
/// for the quickest packet of the window. The target is a high quantile of that: it rises with the first bad
/// packets and falls when they have left the window. An underrun is proof that the target was too
/// small and raises a floor under it at once; the floor sinks from stream to stream.
#[derive(Debug, Clone)]
pub struct Delay {
    min: Duration,
    max: Duration,
    /// Transit times, µs, relative to an arbitrary packet of the stream.
    transits: heapless::HistoryBuffer<i32, WINDOW>,
    floor: Duration,
    anchor: Option<Anchor>,
}

/// The newest packet, as the base for the media time of the next.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    first_at: Instant,
    /// Media time of the newest packet, µs after the first.
    media_us: i64,
    span_us: i64,
}

impl Delay {
    /// Nothing is known yet: the target is `min`. It never exceeds `max`.
    #[must_use]
    pub fn new(min: Duration, max: Duration) -> Self {
        Self { min, max: max.max(min), transits: heapless::HistoryBuffer::new(), floor: min, anchor: None }
    }

    /// Delay between the arrival of a punctual packet and its turn.
    #[must_use]
    pub fn target(&self) -> Duration {
        let mut sorted = [0; WINDOW];
        let Some(sorted) = sorted.get_mut(..self.transits.len()) else { return self.floor };
        for (to, from) in sorted.iter_mut().zip(self.transits.as_slice()) {
            *to = *from;
        }
        sorted.sort_unstable();
        let late = sorted.len().saturating_sub(1 + sorted.len() / ONE_IN);
        let spread = match (sorted.first(), sorted.get(late)) {
            (Some(quickest), Some(late)) => i64::from(*late) - i64::from(*quickest),
            (None, _) | (_, None) => 0,
        };
        Duration::from_micros(u64::try_from(spread).unwrap_or(0)).max(self.floor).clamp(self.min, self.max)
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
            self.anchor = Some(Anchor { first_at: at, media_us: 0, span_us });
            self.transits.write(0);
            return;
        };
        let media_us = anchor.media_us.saturating_add(i64::from(steps).saturating_mul(anchor.span_us));
        let transit = micros(at.saturating_duration_since(anchor.first_at)).saturating_sub(media_us);
        if steps > 0 {
            anchor.media_us = media_us;
            anchor.span_us = span_us;
        }
        if transit.abs() > PAUSE_US {
            self.anchor = Some(Anchor { first_at: at, media_us: 0, span_us });
            return;
        }
        self.transits.write(i32::try_from(transit).unwrap_or(0));
    }

    /// The stream ran dry: the target was too small by about `span`.
    pub fn ran_dry(&mut self, span: Duration) {
        self.floor = (self.target() + span).clamp(self.min, self.max);
    }

    /// Another stream begins over the same network.
    pub fn next_stream(&mut self) {
        self.anchor = None;
        self.floor = (self.floor * 3 / 4).clamp(self.min, self.max);
        let quickest = self.transits.as_slice().iter().copied().min().unwrap_or(0);
        // Both streams are measured from their own first packet; what they share is the spread.
        let mut kept = heapless::HistoryBuffer::new();
        for transit in self.transits.oldest_ordered() {
            kept.write(transit.saturating_sub(quickest));
        }
        self.transits = kept;
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

    /// Packets that come `late_ms` after their time, one by one.
    fn feed(delay: &mut Delay, from: Instant, late_ms: &[u64]) {
        for (n, late) in (0_u32..).zip(late_ms) {
            delay.arrived(from + SPAN * n + Duration::from_millis(*late), i32::from(n > 0), SPAN);
        }
    }

    #[test]
    fn a_steady_network_needs_the_least_delay() {
        let mut delay = Delay::new(MIN, MAX);
        feed(&mut delay, Instant::now(), &[0, 3, 1, 5, 0, 2, 0, 0, 10, 0]);
        assert_eq!(delay.target(), MIN);
    }

    #[test]
    fn the_target_covers_the_late_packets_but_not_the_one_in_a_hundred() {
        let mut delay = Delay::new(MIN, MAX);
        let mut late = [0; 100];
        late[40] = 700;
        feed(&mut delay, Instant::now(), &late);
        assert_eq!(delay.target(), MIN);
        for n in (0..100).step_by(10) {
            late[n + 5] = 300;
        }
        feed(&mut delay, Instant::now(), &late);
        assert_eq!(delay.target(), Duration::from_millis(300));
    }

    #[test]
    fn the_target_never_exceeds_the_most() {
        let mut delay = Delay::new(MIN, MAX);
        feed(&mut delay, Instant::now(), &[0, 2_000, 0, 2_000, 0, 2_000]);
        assert_eq!(delay.target(), MAX);
        delay.ran_dry(SPAN);
        assert_eq!(delay.target(), MAX);
    }

    #[test]
    fn an_underrun_raises_the_target_at_once_and_streams_lower_it_again() {
        let mut delay = Delay::new(MIN, MAX);
        delay.ran_dry(SPAN);
        assert_eq!(delay.target(), MIN + SPAN);
        delay.next_stream();
        assert!(delay.target() < MIN + SPAN);
        for _ in 0..20 {
            delay.next_stream();
        }
        assert_eq!(delay.target(), MIN);
    }

    #[test]
    fn what_one_stream_taught_serves_the_next() {
        let mut delay = Delay::new(MIN, MAX);
        feed(&mut delay, Instant::now(), &[0, 250, 0, 250, 0, 250, 0]);
        delay.next_stream();
        assert_eq!(delay.target(), Duration::from_millis(250));
    }

    #[test]
    fn a_good_network_is_believed_again_when_the_bad_packets_have_left_the_window() {
        let mut delay = Delay::new(MIN, MAX);
        feed(&mut delay, Instant::now(), &[0, 500, 0, 500, 0, 500, 0]);
        delay.next_stream();
        feed(&mut delay, Instant::now(), &[0; WINDOW]);
        assert_eq!(delay.target(), MIN);
    }
}
