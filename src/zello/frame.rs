//! Binary frames: audio and image packets (protocol section 6).

use super::{PacketId, StreamId};

/// Bytes before the payload.
pub const HEADER_LEN: usize = 9;

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
        let _ = bytes;
        todo!()
    }

    /// The bytes of the frame.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        todo!()
    }
}
