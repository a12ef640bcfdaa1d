//! What has to happen later, in order of time and, at the same time, in order of asking.

use std::collections::BTreeMap;
use std::time::Instant;

/// Things to do at given times.
#[derive(Debug)]
pub(crate) struct Schedule<T> {
    tasks: BTreeMap<(Instant, u64), T>,
    asked: u64,
}

impl<T> Default for Schedule<T> {
    fn default() -> Self {
        Self { tasks: BTreeMap::new(), asked: 0 }
    }
}

impl<T> Schedule<T> {
    pub(crate) fn add(&mut self, at: Instant, task: T) {
        self.asked = self.asked.wrapping_add(1);
        self.tasks.insert((at, self.asked), task);
    }

    /// The next time and what happens then.
    pub(crate) fn next(&self) -> Option<(Instant, &T)> {
        self.tasks.first_key_value().map(|((at, _), task)| (*at, task))
    }

    /// Takes the next task that is due.
    pub(crate) fn due(&mut self, now: Instant) -> Option<T> {
        let (at, _) = self.next()?;
        if at > now { None } else { self.tasks.pop_first().map(|(_, task)| task) }
    }
}
