//! Whom the kernel kills when memory runs out: the daemon, never the guard, which then releases the transmitter.
//!
//! The unit takes its whole service out of the kernel's reach by `OOMScoreAdjust=-1000`. That alone lets an ordinary user's
//! process come back to that value later, so the daemon offers itself again, and the guard, which inherits the offer, takes
//! itself back out.

use std::fs;

/// Of this process: -1000 never killed, 0 as any other, 1000 first (proc(5)). Whoever hides can no longer write it.
const SCORE: &str = "/proc/self/oom_score_adj";

/// Never killed for want of memory.
const EXEMPT: &str = "-1000";

/// As any other process.
const ORDINARY: &str = "0";

/// For the daemon: to be killed as any other process, if it was exempt. Any other value is the administrator's.
///
/// An exempt daemon would have others killed in its stead. That the kernel refuses this is unknown; nothing depends on it.
pub fn offer() {
    if fs::read_to_string(SCORE).is_ok_and(|score| score.trim_end() == EXEMPT) {
        let _stays_exempt = fs::write(SCORE, ORDINARY);
    }
}

/// For the guard: never to be killed, where the kernel grants it: to a child of a service that was exempt, and to root.
/// Elsewhere it stays what it is, and when both die the unit's `ptt off` releases the line.
pub fn exempt() {
    let _stays_ordinary = fs::write(SCORE, EXEMPT);
}
