//! Whether sound leaves the gateway: a playback thread that stands still, or a sound card that takes nothing, must not
//! hold the transmitter.
//!
//! Of all threads only two decide on "keyed": the engine, without which no heartbeat goes to the guard, and the one
//! that plays. A radio that is keyed and cannot speak is a fault; one that cannot listen, or has lost the network, is
//! not: its streams end by their own rules.

use std::time::{Duration, Instant};

/// Sound that stands still for so long has stalled: fifty blocks. A buffer is six, so that not a word is saved by waiting
/// longer; shorter, a machine that is busy for a moment would cut an over.
pub const STALL: Duration = Duration::from_millis(500);

/// A device that was just opened may need so long before it takes the first sound: a sound server a second. One that takes
/// none at all is given up by its own thread.
pub const START: Duration = Duration::from_secs(2);

/// Steps that a device which was just opened makes before any sound leaves it: it fills its buffer of six blocks.
const FILLING: u32 = 10;

/// Between two looks counts at most this. An engine that did not run itself for longer cannot tell who stood still.
const STRIDE: Duration = Duration::from_millis(20);

/// Watches a number that moves with each block.
#[derive(Debug, Clone, Copy)]
pub struct Flow {
    steps: u64,
    /// How often it has moved, up to [`FILLING`].
    moves: u32,
    looked_at: Instant,
    still: Duration,
}

impl Flow {
    /// A device that was just opened; `steps` is the number so far.
    #[must_use]
    pub fn new(now: Instant, steps: u64) -> Self {
        Self { steps, moves: 0, looked_at: now, still: Duration::ZERO }
    }

    /// Takes the number as it is at `now`, and tells whether sound flows.
    pub fn look(&mut self, now: Instant, steps: u64) -> bool {
        let passed = now.saturating_duration_since(self.looked_at).min(STRIDE);
        self.looked_at = now;
        if std::mem::replace(&mut self.steps, steps) == steps {
            self.still = self.still.saturating_add(passed);
        } else {
            self.still = Duration::ZERO;
            self.moves = (self.moves + 1).min(FILLING);
        }
        self.still < if self.moves < FILLING { START } else { STALL }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Duration = Duration::from_millis(5);

    /// Looks every 5 ms for `time`; `moves` tells at which looks the number moves. The verdicts.
    fn looks(flow: &mut Flow, now: &mut Instant, time: Duration, moves: impl Fn(u32) -> bool) -> Vec<bool> {
        let mut steps = flow.steps;
        let count = u32::try_from(time.as_millis() / LOOK.as_millis()).unwrap();
        let look = |n| {
            *now += LOOK;
            steps += u64::from(moves(n));
            flow.look(*now, steps)
        };
        (0..count).map(look).collect()
    }

    /// A device through which sound flows.
    fn flowing() -> (Flow, Instant) {
        let mut now = Instant::now();
        let mut flow = Flow::new(now, 7);
        assert!(looks(&mut flow, &mut now, STALL, |_| true).into_iter().all(|flows| flows));
        (flow, now)
    }

    #[test]
    fn sound_that_moves_every_second_look_flows() {
        let (mut flow, mut now) = flowing();
        assert!(looks(&mut flow, &mut now, STALL * 4, |n| n % 2 == 0).into_iter().all(|flows| flows));
    }

    #[test]
    fn sound_that_stands_still_has_stalled_after_half_a_second_and_not_before() {
        let (mut flow, mut now) = flowing();
        let verdicts = looks(&mut flow, &mut now, STALL, |_| false);
        assert_eq!(verdicts.iter().position(|flows| !flows), Some(verdicts.len() - 1));
    }

    #[test]
    fn a_device_that_was_just_opened_may_fill_its_buffer_and_then_take_its_time() {
        let mut now = Instant::now();
        let mut flow = Flow::new(now, 7);
        let verdicts = looks(&mut flow, &mut now, START + LOOK * 5, |n| n < 5);
        assert_eq!(verdicts.iter().position(|flows| !flows), Some(verdicts.len() - 1));
    }

    #[test]
    fn one_step_is_enough_to_flow_again_and_the_time_begins_anew() {
        let (mut flow, mut now) = flowing();
        assert_eq!(looks(&mut flow, &mut now, STALL, |_| false).last(), Some(&false));
        let verdicts = looks(&mut flow, &mut now, STALL, |n| n == 0);
        assert!(verdicts.into_iter().all(|flows| flows));
    }

    #[test]
    fn a_machine_that_slept_or_an_engine_that_stood_still_itself_is_no_stall() {
        let (mut flow, mut now) = flowing();
        for _ in 0..10 {
            now += Duration::from_secs(60);
            assert!(flow.look(now, flow.steps), "both have just begun to run again");
        }
    }

    #[test]
    fn a_clock_that_seems_to_go_back_harms_nothing() {
        let now = Instant::now();
        let mut flow = Flow::new(now + STALL, 7);
        assert!(flow.look(now, 7) && flow.look(now + STALL, 8));
    }
}
