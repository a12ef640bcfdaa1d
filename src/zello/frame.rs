//! Binary frames: audio and image packets (protocol section 6).

use super::{PacketId, StreamId};

/// Bytes before the payload.
pub const HEADER_LEN: usize = 9;

const AUDIO: u8 = 1;
const IMAGE: u8 = 2;

/// A binary frame, borrowed from the bytes that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryFrame<'a> {
    /// First byte 1.
    Audio(AudioFrame<'a>),
    /// First byte 2.
    Image(ImageFrame<'a>),
}

/// One Opus packet; an empty payload marks a lost one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioFrame<'a> {
    /// Of which stream.
    pub stream_id: StreamId,
    /// Counts in a stream from the server; ignored by the server.
    pub packet_id: PacketId,
    /// The Opus packet.
    pub payload: &'a [u8],
}

/// Part of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageFrame<'a> {
    /// Number of the image message.
    pub image_id: u32,
    /// Which of the two.
    pub kind: ImageKind,
    /// JPEG.
    pub payload: &'a [u8],
}

/// Which part of an image a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageKind {
    /// 1.
    Full,
    /// 2.
    Thumbnail,
    /// Any other number.
    Other(u32),
}

/// Bytes that are no frame of this protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Shorter than the header.
    #[error("a binary frame of {0} bytes is shorter than its header of 9")]
    Short(usize),
    /// First byte neither 1 nor 2.
    #[error("a binary frame of unknown kind {0}")]
    Kind(u8),
}

impl<'a> BinaryFrame<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`FrameError`] for bytes that are no frame.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let short = FrameError::Short(bytes.len());
        let (&kind, rest) = bytes.split_first().ok_or(short)?;
        let (first, rest) = rest.split_first_chunk().ok_or(short)?;
        let (second, payload) = rest.split_first_chunk().ok_or(short)?;
        let (first, second) = (u32::from_be_bytes(*first), u32::from_be_bytes(*second));
        match kind {
            AUDIO => Ok(Self::Audio(AudioFrame {
                stream_id: StreamId(first),
                packet_id: PacketId(second),
                payload,
            })),
            IMAGE => {
                Ok(Self::Image(ImageFrame { image_id: first, kind: ImageKind::from_number(second), payload }))
            }
            other => Err(FrameError::Kind(other)),
        }
    }

    /// The bytes of the frame.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let (kind, first, second, payload) = match *self {
            Self::Audio(frame) => (AUDIO, frame.stream_id.0, frame.packet_id.0, frame.payload),
            Self::Image(frame) => (IMAGE, frame.image_id, frame.kind.number(), frame.payload),
        };
        let mut bytes = Vec::with_capacity(HEADER_LEN + payload.len());
        bytes.push(kind);
        bytes.extend(first.to_be_bytes());
        bytes.extend(second.to_be_bytes());
        bytes.extend(payload);
        bytes
    }
}

impl ImageKind {
    fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Full,
            2 => Self::Thumbnail,
            other => Self::Other(other),
        }
    }

    fn number(self) -> u32 {
        match self {
            Self::Full => 1,
            Self::Thumbnail => 2,
            Self::Other(number) => number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_audio_frame_is_read_and_written() {
        let bytes = [0x01, 0x00, 0x00, 0x58, 0xa7, 0x00, 0x00, 0x00, 0x01, 0x48, 0x83, 0x9c, 0x05];
        let frame = BinaryFrame::Audio(AudioFrame {
            stream_id: StreamId(22_695),
            packet_id: PacketId(1),
            payload: &[0x48, 0x83, 0x9c, 0x05],
        });
        assert_eq!(BinaryFrame::parse(&bytes), Ok(frame));
        assert_eq!(frame.to_vec(), bytes);
    }

    #[test]
    fn the_worked_image_frames_are_read_and_written() {
        for (number, kind) in [(2, ImageKind::Thumbnail), (1, ImageKind::Full)] {
            let bytes = [2, 0, 0, 3, 9, 0, 0, 0, number, 0xff, 0xd8, 0xff, 0xe0];
            let frame =
                BinaryFrame::Image(ImageFrame { image_id: 777, kind, payload: &[0xff, 0xd8, 0xff, 0xe0] });
            assert_eq!(BinaryFrame::parse(&bytes), Ok(frame));
            assert_eq!(frame.to_vec(), bytes);
        }
    }

    #[test]
    fn nine_bytes_are_the_marker_of_a_lost_packet() {
        let bytes = [1, 0, 0, 0, 7, 0, 0, 0, 9];
        assert_eq!(
            BinaryFrame::parse(&bytes),
            Ok(BinaryFrame::Audio(AudioFrame {
                stream_id: StreamId(7),
                packet_id: PacketId(9),
                payload: &[],
            }))
        );
    }

    #[test]
    fn short_frames_and_unknown_kinds_are_named() {
        assert_eq!(BinaryFrame::parse(&[]), Err(FrameError::Short(0)));
        assert_eq!(BinaryFrame::parse(&[1; 8]), Err(FrameError::Short(8)));
        assert_eq!(BinaryFrame::parse(&[3; 9]), Err(FrameError::Kind(3)));
        assert_eq!(BinaryFrame::parse(&[0; 40]), Err(FrameError::Kind(0)));
    }
}
