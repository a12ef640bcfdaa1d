//! `codec_header`: four bytes that describe a stream (protocol section 7).

/// What a stream says of its packets. The Opus packets themselves have the last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodecHeader {
    /// Sample rate in Hz, at most 65535.
    pub sample_rate_hz: u16,
    /// Opus frames in a packet.
    pub frames_per_packet: u8,
    /// Milliseconds of a frame.
    pub frame_ms: u8,
}

impl CodecHeader {
    /// Base64 of the four bytes.
    #[must_use]
    pub fn to_base64(self) -> String {
        todo!()
    }

    /// Reads base64 of four or more bytes; what follows the fourth is ignored.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        let _ = text;
        todo!()
    }
}
