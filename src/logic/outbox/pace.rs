//! How long the outbox waits for what; each with its source.

use std::time::Duration;

use crate::zello::ErrorCode;

/// An answer to `start_stream` later than this is not waited for (protocol section 4.2: 2 s is usual).
pub const START_REPLY: Duration = Duration::from_secs(2);
/// A server whose answers come late on a connection is waited for so long at most.
pub const START_REPLY_MAX: Duration = Duration::from_secs(8);
/// Least time from one `start_stream` to the next (protocol section 4.2: closer ones are punished).
pub const START_SPACING: Duration = Duration::from_millis(500);
/// So much speech may be sent ahead of real time; receivers' jitter buffers are not made for whole overs at once.
pub const BURST: Duration = Duration::from_secs(1);
/// Starts without any answer before the connection is held to be a ghost (protocol section 4.2).
pub const UNANSWERED_MAX: u32 = 3;
/// Waits after each refusal because somebody talks or the channel is not ready; the last one repeats. The end of the
/// other talk cuts them short (protocol section 8: 0.5 to 1 s at least for `failed to start stream`, 3 s at most for
/// `channel busy`, because the word of that end may be missed).
pub const BUSY_WAITS: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(3)];
/// Waits after each `woodpecker prohibited`; the last one repeats (protocol section 8).
pub const WOODPECKER_WAITS: [Duration; 3] =
    [Duration::from_millis(1_500), Duration::from_secs(3), Duration::from_secs(8)];
/// A channel that says `channel is not ready` for so long needs a new connection (protocol section 8).
pub const NOT_READY_MAX: Duration = Duration::from_secs(30);
/// Speech kept for an answer that is on its way, even where nothing is to be held: it covers one lost answer.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// Held speech older than this is of no use to anybody.
pub const STALE: Duration = Duration::from_secs(15 * 60);
/// An open over without a packet for so long has lost its end, or its sound for a while: it gives the channel back, and
/// goes on in a new stream if more comes.
pub const QUIET: Duration = Duration::from_secs(3);

/// Asking again with the same words changes nothing.
pub(super) fn is_final(error: &ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::InvalidRequest
            | ErrorCode::NotEnoughParams
            | ErrorCode::UnknownCommand
            | ErrorCode::InvalidJson
            | ErrorCode::NoPermission
    )
}

/// The `count`th wait of a table, counted from 1; the last one repeats.
pub(super) fn nth(waits: &[Duration], count: usize) -> Duration {
    let index = count.saturating_sub(1).min(waits.len().saturating_sub(1));
    waits.get(index).copied().unwrap_or(START_SPACING)
}
