//! The Zello Channel API on the wire: what is sent and what arrives, without IO.
//!
//! Reading is lenient (unknown fields and events, `false` for a string, missing flags, long codec headers); writing is
//! exact. Nothing that a server sends can make this module panic.

mod base64;
pub mod close;
pub mod codec_header;
pub mod command;
pub mod entry;
pub mod error;
pub mod event;
pub mod frame;
mod json;
pub mod toc;
pub mod token;

pub use close::CloseReason;
pub use codec_header::CodecHeader;
pub use command::{Command, Logon, Request, SendImage, SendLocation, StartStream};
pub use entry::EntryPoint;
pub use error::{ErrorClass, ErrorCode};
pub use event::{
    ChannelStatus, DispatchCall, Event, Image, Location, Reply, ServerMessage, StreamStart, Success,
    TextMessage, Transcription, Translation,
};
pub use frame::{AudioFrame, BinaryFrame, ImageFrame, ImageKind};

/// A stream's number, given by the server; positive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

/// A packet's number within its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketId(pub u32);

/// The number that pairs a reply with its request; 0 is legal.
pub type Seq = u64;

/// Text that arrived is not a message of this protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not JSON, or not a JSON object.
    #[error("not a JSON object: {0}")]
    NotAnObject(String),
    /// An object without what its kind needs.
    #[error("{what}: {why}")]
    Malformed {
        /// The command or event, or "message" where neither is known.
        what: String,
        /// What is missing or of the wrong type.
        why: String,
    },
}
