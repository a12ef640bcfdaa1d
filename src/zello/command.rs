//! Commands: what a client sends as text frames (protocol section 4).

use super::{CodecHeader, Seq, StreamId, WireError};
use crate::secret::Secret;

/// A command with the sequence number that asks for a reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Absent: no reply is wanted.
    pub seq: Option<Seq>,
    /// What is asked.
    pub command: Command,
}

/// Everything that a client can ask.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// First on every connection.
    Logon(Logon),
    /// Asks for the channel.
    StartStream(StartStream),
    /// Gives the channel back.
    StopStream {
        /// Which stream. Absent only in requests of faulty clients.
        stream_id: Option<StreamId>,
        /// Needed only with several channels.
        channel: Option<String>,
    },
    /// A text for the channel or one user.
    SendTextMessage {
        /// Needed only with several channels.
        channel: Option<String>,
        /// At most 30 KB.
        text: Option<String>,
        /// Only to this user.
        to: Option<String>,
    },
    /// A place for the channel or one user.
    SendLocation(SendLocation),
    /// Announces an image; two binary frames follow.
    SendImage(SendImage),
    /// Asks for any sign of life.
    Keepalive,
    /// Ends a dispatch call.
    EndDispatchCall {
        /// Which call.
        call_id: Option<i64>,
        /// Which channel.
        channel: Option<String>,
    },
    /// A command that this protocol does not have.
    Unknown(String),
}

/// The fields of `logon`; absent fields are left out on the wire.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Logon {
    /// Signed token of the issuer.
    pub auth_token: Option<Secret>,
    /// Token of an earlier log-on, instead of `auth_token`.
    pub refresh_token: Option<Secret>,
    /// Absent: anonymous.
    pub username: Option<String>,
    /// With `username`.
    pub password: Option<Secret>,
    /// Channels to join; read from `channel` too.
    pub channels: Vec<String>,
    /// Never sends.
    pub listen_only: bool,
    /// Version of the client.
    pub version: Option<String>,
    /// Free text.
    pub platform_type: Option<String>,
    /// Free text; `Gateway` in it makes Zello Alarms watch the client.
    pub platform_name: Option<String>,
    /// ISO 639-1.
    pub language: Option<String>,
}

/// The fields of `start_stream`. All are optional here so that the simulator can judge what is missing; a client
/// fills them by [`StartStream::opus`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StartStream {
    /// Needed only with several channels.
    pub channel: Option<String>,
    /// `audio`.
    pub kind: Option<String>,
    /// `opus`.
    pub codec: Option<String>,
    /// Base64 of [`CodecHeader`], as it stands on the wire.
    pub codec_header: Option<String>,
    /// Milliseconds of speech in a packet.
    pub packet_duration: Option<f64>,
    /// Only to this user.
    pub to: Option<String>,
}

/// The fields of `send_location`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SendLocation {
    /// Needed only with several channels.
    pub channel: Option<String>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Metres.
    pub accuracy: Option<f64>,
    /// Place as text.
    pub formatted_address: Option<String>,
    /// Only to this user.
    pub to: Option<String>,
}

/// The fields of `send_image`; clients leave out most of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SendImage {
    /// Needed only with several channels.
    pub channel: Option<String>,
    /// `jpeg`.
    pub kind: Option<String>,
    /// Bytes of the thumbnail.
    pub thumbnail_content_length: Option<u64>,
    /// Bytes of the image.
    pub content_length: Option<u64>,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    /// `camera` or `library`.
    pub source: Option<String>,
    /// Only to this user.
    pub to: Option<String>,
}

impl StartStream {
    /// A stream of one Opus frame a packet.
    #[must_use]
    pub fn opus(channel: &str, header: CodecHeader) -> Self {
        let _ = (channel, header);
        todo!()
    }
}

impl Request {
    /// The text frame.
    #[must_use]
    pub fn to_json(&self) -> String {
        todo!()
    }

    /// Reads a text frame as a server does: `null` is absent, unknown fields are ignored.
    ///
    /// # Errors
    /// [`WireError`] for anything that is not an object with a `command`.
    pub fn parse(text: &str) -> Result<Self, WireError> {
        let _ = text;
        todo!()
    }
}
