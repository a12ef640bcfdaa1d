//! The first byte of an Opus packet (RFC 6716, section 3): how long the packet plays.

use std::time::Duration;

/// How long an Opus packet plays, from its TOC byte and frame count.
///
/// `None` for an empty packet and for one that breaks the rules of RFC 6716 (no frame, more than 120 ms).
#[must_use]
pub fn packet_duration(packet: &[u8]) -> Option<Duration> {
    let _ = packet;
    todo!()
}
