//! `codec_header`: four bytes that describe a stream (protocol section 7).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::base64::decode_lenient;

/// What a stream says of its packets. The Opus packets themselves have the last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodecHeader {
    /// Sample rate in Hz, at most 65535.
    pub sample_rate_hz: u16,
    /// Opus frames in a packet.
    pub frames_per_packet: u8,
    /// Milliseconds of a frame; some senders write the length of the whole packet here.
    pub frame_ms: u8,
}

impl CodecHeader {
    /// A header of one frame a packet, which all receivers schedule alike.
    #[must_use]
    pub fn single(sample_rate_hz: u16, packet_ms: u8) -> Self {
        Self { sample_rate_hz, frames_per_packet: 1, frame_ms: packet_ms }
    }

    /// Milliseconds of a packet, as the header has it.
    #[must_use]
    pub fn packet_ms(self) -> u16 {
        u16::from(self.frames_per_packet) * u16::from(self.frame_ms)
    }

    /// Base64 of the four bytes.
    #[must_use]
    pub fn to_base64(self) -> String {
        // The only little-endian number of the protocol.
        let [low, high] = self.sample_rate_hz.to_le_bytes();
        STANDARD.encode([low, high, self.frames_per_packet, self.frame_ms])
    }

    /// Reads base64 of four or more bytes; what follows the fourth is ignored.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        let bytes = decode_lenient(text)?;
        let &[low, high, frames_per_packet, frame_ms] = bytes.first_chunk()?;
        Some(Self { sample_rate_hz: u16::from_le_bytes([low, high]), frames_per_packet, frame_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the protocol reference.
    const KNOWN: [(u16, u8, u8, &str); 11] = [
        (16_000, 1, 60, "gD4BPA=="),
        (16_000, 1, 20, "gD4BFA=="),
        (8_000, 1, 20, "QB8BFA=="),
        (8_000, 1, 60, "QB8BPA=="),
        (8_000, 2, 60, "QB8CPA=="),
        (12_000, 1, 20, "4C4BFA=="),
        (16_000, 2, 20, "gD4CFA=="),
        (16_000, 3, 60, "gD4DPA=="),
        (24_000, 1, 20, "wF0BFA=="),
        (48_000, 1, 20, "gLsBFA=="),
        (16_000, 1, 5, "gD4BBQ=="),
    ];

    #[test]
    fn every_known_header_is_written_and_read_byte_for_byte() {
        for (sample_rate_hz, frames_per_packet, frame_ms, text) in KNOWN {
            let header = CodecHeader { sample_rate_hz, frames_per_packet, frame_ms };
            assert_eq!(header.to_base64(), text);
            assert_eq!(CodecHeader::from_base64(text), Some(header));
        }
    }

    #[test]
    fn a_long_header_is_read_by_its_first_four_bytes() {
        let mut bytes = [0x80, 0x3e, 0x01, 0x3c].to_vec();
        bytes.resize(18, 0xaa);
        assert_eq!(CodecHeader::from_base64(&STANDARD.encode(bytes)), Some(CodecHeader::single(16_000, 60)));
    }

    #[test]
    fn padding_may_be_missing() {
        assert_eq!(CodecHeader::from_base64("gD4BPA"), Some(CodecHeader::single(16_000, 60)));
    }

    #[test]
    fn short_and_broken_headers_are_refused() {
        for text in ["", "gD4B", "gD4B*A==", "g", "16000"] {
            assert_eq!(CodecHeader::from_base64(text), None, "{text}");
        }
    }

    #[test]
    fn the_packet_is_as_long_as_its_frames() {
        let header = CodecHeader { sample_rate_hz: 8_000, frames_per_packet: 255, frame_ms: 255 };
        assert_eq!(header.packet_ms(), 65_025);
        assert_eq!(CodecHeader::single(16_000, 60).packet_ms(), 60);
    }
}
