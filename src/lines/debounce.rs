//! Debounce: a level counts when it has lasted long enough. Pure; the shells bring edges and time through `input`.

pub(in crate::lines) mod input;

use std::time::{Duration, Instant};

use super::CosEdge;

/// The debouncer of one line.
#[derive(Debug)]
pub struct Debounce {
    needed: Duration,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Nothing is known yet.
    Unknown,
    /// The line rests at the level that was told.
    Settled { open: bool },
    /// The line left the told level at `since` and must stay away.
    Changing { from: bool, since: Instant },
}

impl Debounce {
    /// A debouncer that wants a level to last `needed`.
    #[must_use]
    pub fn new(needed: Duration) -> Self {
        Self { needed, state: State::Unknown }
    }

    /// The line is at level `open` from `at` on; times must not run backwards. The first level of all counts at once.
    ///
    /// Tells the change that was decided before `at`, or is decided by this edge.
    pub fn handle_level(&mut self, open: bool, at: Instant) -> Option<CosEdge> {
        let before = self.handle_timeout(at);
        self.state = match self.state {
            State::Unknown => {
                self.state = State::Settled { open };
                return Some(CosEdge { open, at });
            }
            State::Settled { open: told } if told == open => State::Settled { open },
            State::Settled { open: told } => State::Changing { from: told, since: at },
            State::Changing { from, .. } if from == open => State::Settled { open },
            // The same level twice: an edge between them was lost, so the time starts anew.
            State::Changing { from, .. } => State::Changing { from, since: at },
        };
        before.or_else(|| self.handle_timeout(at))
    }

    /// Tells the change that has been decided by `now`; its time is the moment of the decision, not `now`.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<CosEdge> {
        let State::Changing { from, since } = self.state else { return None };
        let at = since + self.needed;
        (now >= at).then(|| {
            self.state = State::Settled { open: !from };
            CosEdge { open: !from, at }
        })
    }

    /// Takes back the change under way: the line is at the told level after all.
    pub fn cancel(&mut self) {
        if let State::Changing { from, .. } = self.state {
            self.state = State::Settled { open: from };
        }
    }

    /// When the change under way will be decided, and to which level.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, bool)> {
        match self.state {
            State::Changing { from, since } => Some((since + self.needed, !from)),
            State::Unknown | State::Settled { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NEEDED: Duration = Duration::from_millis(20);

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn settled(open: bool) -> (Debounce, Instant) {
        let start = Instant::now();
        let mut debounce = Debounce::new(NEEDED);
        assert_eq!(debounce.handle_level(open, start), Some(CosEdge { open, at: start }));
        (debounce, start)
    }

    #[test]
    fn a_level_counts_when_it_has_lasted_and_is_told_once() {
        let (mut debounce, t) = settled(false);
        assert_eq!(debounce.handle_level(true, t + ms(100)), None);
        assert_eq!(debounce.poll_timeout(), Some((t + ms(120), true)));
        assert_eq!(debounce.handle_timeout(t + ms(119)), None);
        let decided = CosEdge { open: true, at: t + ms(120) };
        assert_eq!(
            debounce.handle_timeout(t + ms(133)),
            Some(decided),
            "the time is the decision's, not the wake-up's"
        );
        assert_eq!(debounce.handle_timeout(t + ms(200)), None);
        assert_eq!(debounce.poll_timeout(), None);
    }

    #[test]
    fn a_glitch_is_not_told() {
        let (mut debounce, t) = settled(false);
        assert_eq!(debounce.handle_level(true, t + ms(1)), None);
        assert_eq!(debounce.handle_level(false, t + ms(15)), None);
        assert_eq!(debounce.poll_timeout(), None);
        assert_eq!(debounce.handle_timeout(t + ms(500)), None);
    }

    #[test]
    fn chatter_counts_from_its_last_edge() {
        let (mut debounce, t) = settled(true);
        for n in 0..10 {
            assert_eq!(debounce.handle_level(n % 2 == 1, t + ms(10 * n)), None);
        }
        assert_eq!(debounce.handle_level(false, t + ms(100)), None);
        assert_eq!(debounce.poll_timeout(), Some((t + ms(120), false)));
    }

    #[test]
    fn edges_read_late_give_the_changes_that_they_would_have_given_in_time() {
        let (mut debounce, t) = settled(false);
        assert_eq!(debounce.handle_level(true, t), None);
        let opened = CosEdge { open: true, at: t + NEEDED };
        assert_eq!(debounce.handle_level(false, t + ms(90)), Some(opened));
        assert_eq!(debounce.handle_timeout(t + ms(300)), Some(CosEdge { open: false, at: t + ms(110) }));
    }

    #[test]
    fn without_debounce_every_edge_counts_at_once() {
        let t = Instant::now();
        let mut debounce = Debounce::new(Duration::ZERO);
        assert!(debounce.handle_level(false, t).is_some());
        assert_eq!(debounce.handle_level(true, t + ms(1)), Some(CosEdge { open: true, at: t + ms(1) }));
        assert_eq!(debounce.handle_level(false, t + ms(1)), Some(CosEdge { open: false, at: t + ms(1) }));
    }

    proptest! {
        #[test]
        fn told_levels_alternate_and_were_true_for_the_whole_time(edges in prop::collection::vec((0..60_u64, any::<bool>()), 1..60)) {
            let mut now = Instant::now();
            let mut debounce = Debounce::new(NEEDED);
            let mut levels: Vec<(Instant, bool)> = Vec::new();
            let mut told: Vec<CosEdge> = Vec::new();
            for (after, open) in edges {
                now += ms(after);
                levels.push((now, open));
                told.extend(debounce.handle_level(open, now));
            }
            now += ms(1_000);
            told.extend(debounce.handle_timeout(now));

            prop_assert!(told.windows(2).all(|pair| pair[0].open != pair[1].open && pair[0].at <= pair[1].at));
            for edge in &told[1..] {
                let within = |at: Instant| at + NEEDED > edge.at && at < edge.at;
                prop_assert!(levels.iter().all(|(at, open)| !within(*at) || *open == edge.open));
            }
            prop_assert_eq!(told.last().map(|edge| edge.open), levels.last().map(|(_, open)| *open));
        }
    }
}
