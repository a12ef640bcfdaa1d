//! The real-time class for the threads that sound depends on.

use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

/// Of the audio threads: above everything that is ours.
pub const AUDIO_PRIORITY: u8 = 70;

/// Of the engine: below the audio threads, which it must never keep waiting.
pub const ENGINE_PRIORITY: u8 = 60;

/// The system refused the real-time class. The gateway runs on without it; under load sound may get gaps.
#[derive(Debug, thiserror::Error)]
#[error(
    "the real-time class (SCHED_FIFO, priority {priority}) was refused: {why}; the gateway runs without it, and sound \
     may get gaps under load; set LimitRTPRIO={priority} or more in the systemd unit, or rtprio in limits.conf"
)]
pub struct RealtimeRefused {
    /// What was asked for, 1 to 99.
    pub priority: u8,
    /// What the system said.
    pub why: String,
}

/// Asks for `SCHED_FIFO` at `priority` (1 to 99) for the calling thread.
///
/// # Errors
/// [`RealtimeRefused`] is a warning: the thread runs on as it was.
pub fn request(priority: u8) -> Result<(), RealtimeRefused> {
    let refused = |why: String| RealtimeRefused { priority, why };
    let value = ThreadPriority::try_from(priority).map_err(|why| refused(why.to_owned()))?;
    let fifo = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    set_thread_priority_and_policy(thread_native_id(), value, fifo)
        .map_err(|error| refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_that_does_not_exist_is_refused_with_a_remedy() {
        let text = request(100).unwrap_err().to_string();
        assert!(text.contains("priority 100") && text.contains("LimitRTPRIO"), "{text}");
    }
}
