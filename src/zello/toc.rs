//! The first byte of an Opus packet (RFC 6716, section 3): how long the packet plays.

use std::time::Duration;

/// The longest packet that RFC 6716 allows (its rule R5).
pub const LONGEST_PACKET: Duration = Duration::from_millis(120);

/// How long an Opus packet plays, from its TOC byte and frame count.
///
/// `None` for an empty packet and for one that breaks the rules of RFC 6716 (no frame, more than 120 ms).
#[must_use]
pub fn packet_duration(packet: &[u8]) -> Option<Duration> {
    let (&toc, rest) = packet.split_first()?;
    let frames = match toc & 0b11 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(rest.first()? & 0b11_1111),
    };
    let whole = frame_duration(toc) * frames;
    (frames > 0 && whole <= LONGEST_PACKET).then_some(whole)
}

/// How long each frame of the packet plays: table 2 of RFC 6716.
fn frame_duration(toc: u8) -> Duration {
    let microseconds = match (toc >> 3, (toc >> 3) & 0b11) {
        // SILK and, from 12 on, hybrid, which has two lengths only.
        (0..12, 0) | (12 | 14, _) => 10_000,
        (0..12, 1) | (13 | 15, _) => 20_000,
        (0..12, 2) => 40_000,
        (0..12, _) => 60_000,
        // CELT.
        (_, 0) => 2_500,
        (_, 1) => 5_000,
        (_, 2) => 10_000,
        (_, _) => 20_000,
    };
    Duration::from_micros(microseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tenths of a millisecond by configuration number, copied from table 2 of RFC 6716 in its own order.
    const TABLE: [u64; 32] = [
        100, 200, 400, 600, 100, 200, 400, 600, 100, 200, 400, 600, // SILK
        100, 200, 100, 200, // hybrid
        25, 50, 100, 200, 25, 50, 100, 200, 25, 50, 100, 200, 25, 50, 100, 200, // CELT
    ];

    fn expected(config: usize, frames: u64) -> Option<Duration> {
        let whole = Duration::from_micros(TABLE[config] * frames * 100);
        (frames > 0 && whole <= LONGEST_PACKET).then_some(whole)
    }

    #[test]
    fn every_configuration_plays_as_long_as_the_table_says() {
        for (config, number) in (0u8..32).enumerate() {
            for stereo in [0, 0b100] {
                let toc = number << 3 | stereo;
                assert_eq!(packet_duration(&[toc]), expected(config, 1));
                assert_eq!(packet_duration(&[toc | 1, 0, 0]), expected(config, 2));
                assert_eq!(packet_duration(&[toc | 2, 1, 0, 0]), expected(config, 2));
            }
        }
    }

    #[test]
    fn code_three_counts_its_frames_in_six_bits() {
        for (config, number) in (0u8..32).enumerate() {
            for count in 0..64 {
                for flags in [0, 0x40, 0x80, 0xc0] {
                    assert_eq!(
                        packet_duration(&[number << 3 | 3, count | flags]),
                        expected(config, u64::from(count)),
                        "configuration {number}, {count} frames"
                    );
                }
            }
        }
    }

    #[test]
    fn nothing_and_a_missing_count_have_no_duration() {
        assert_eq!(packet_duration(&[]), None);
        assert_eq!(packet_duration(&[0b11]), None);
    }
}
