//! Replies and events: what a server sends as text frames (protocol sections 4 and 5).

mod wire;

use super::{CodecHeader, ErrorCode, Seq, StreamId};
use crate::secret::Secret;

/// One text frame from the server.
#[derive(Debug, Clone, PartialEq)]
pub enum ServerMessage {
    /// The answer to the request with the same `seq`.
    Reply(Reply),
    /// Something that happened.
    Event(Event),
}

/// The answer to one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// Of the request.
    pub seq: Option<Seq>,
    /// Failure is told by `error` alone.
    pub outcome: Result<Success, ErrorCode>,
}

/// What a good reply can carry.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Success {
    /// Of `logon`, on the consumer service.
    pub refresh_token: Option<Secret>,
    /// Of `start_stream`.
    pub stream_id: Option<StreamId>,
    /// Of `send_image`.
    pub image_id: Option<u32>,
}

/// Everything that a server tells unasked.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// State of a channel; repeated on every join and leave.
    ChannelStatus(ChannelStatus),
    /// Somebody begins to talk.
    StreamStart(StreamStart),
    /// A stream is over: one that we hear, or our own ended by the server.
    StreamStop {
        /// Which.
        stream_id: StreamId,
    },
    /// An error tied to no request.
    Error(ErrorCode),
    /// A text.
    TextMessage(TextMessage),
    /// A place.
    Location(Location),
    /// An image; two binary frames follow.
    Image(Image),
    /// Speech as text.
    Transcription(Transcription),
    /// State of a dispatch call.
    DispatchCallStatus(DispatchCall),
    /// An event that this program does not know; to be ignored.
    Unknown {
        /// Its `command`.
        command: String,
        /// A server's own request asks for an answer with this number.
        seq: Option<Seq>,
    },
}

/// `on_channel_status`.
#[expect(
    clippy::struct_excessive_bools,
    reason = "the wire has these flags, and each means something of its own"
)]
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChannelStatus {
    /// As the server writes it; case may differ from ours.
    pub channel: String,
    /// `status == "online"`.
    pub online: bool,
    /// How many are there; 0 when offline.
    pub users_online: u32,
    /// May be missing on old servers: false.
    pub images_supported: bool,
    /// May be missing on old servers: false.
    pub texting_supported: bool,
    /// May be missing on old servers: false.
    pub locations_supported: bool,
    /// Why it is offline.
    pub error: Option<ErrorCode>,
    /// `error_type == "configuration"`: these credentials can never enter.
    pub configuration: bool,
    /// Seen as `false` only.
    pub full_duplex: bool,
}

/// `on_stream_start`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamStart {
    /// Which stream.
    pub stream_id: StreamId,
    /// On which channel; empty if the server leaves it out.
    pub channel: String,
    /// Who talks; empty if the server leaves it out.
    pub from: String,
    /// Only for this user; `false` and absent are `None`.
    pub to: Option<String>,
    /// A hint only; the packets say what they are. `None` if it cannot be read.
    pub codec_header: Option<CodecHeader>,
    /// Milliseconds; a hint only.
    pub packet_duration: Option<f64>,
    /// The channel translates.
    pub translations_enabled: bool,
    /// Of the talker; ISO 639-1.
    pub language: Option<String>,
    /// Base64 of 32 bytes, seen and unexplained; the packets are plain Opus all the same.
    pub key: Option<String>,
}

/// `on_text_message`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TextMessage {
    /// On which channel.
    pub channel: String,
    /// Who wrote.
    pub from: String,
    /// Only for this user.
    pub to: Option<String>,
    /// Number of the message.
    pub message_id: u32,
    /// The text.
    pub text: String,
}

/// `on_location`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Location {
    /// On which channel.
    pub channel: String,
    /// Who is there.
    pub from: String,
    /// Only for this user.
    pub to: Option<String>,
    /// Number of the message.
    pub message_id: u32,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Metres.
    pub accuracy: Option<f64>,
    /// Read from `formatted_address` or `rgl`.
    pub formatted_address: Option<String>,
}

/// `on_image`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Image {
    /// On which channel.
    pub channel: String,
    /// Who sends.
    pub from: String,
    /// Only for this user.
    pub to: Option<String>,
    /// The same number as in the binary frames.
    pub message_id: u32,
    /// Read from `type` or `ct`.
    pub kind: String,
    /// Pixels; 0 if missing.
    pub width: u32,
    /// Pixels; 0 if missing.
    pub height: u32,
    /// `camera` or `library`.
    pub source: Option<String>,
}

/// `on_transcription`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Transcription {
    /// Of which stream.
    pub stream_id: Option<StreamId>,
    /// What was said.
    pub text: String,
    /// 0 to 1.
    pub confidence: f64,
    /// Who said it.
    pub sender: String,
    /// ISO 639-1.
    pub language: String,
    /// Cut short.
    pub truncated: bool,
    /// The same in other languages.
    pub translations: Vec<Translation>,
}

/// A transcription in another language.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Translation {
    /// ISO 639-1.
    pub language: String,
    /// What was said.
    pub message: String,
}

/// `on_dispatch_call_status`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DispatchCall {
    /// On which channel.
    pub channel: Option<String>,
    /// `received`, `taken` or `ended`.
    pub status: Option<String>,
    /// Which call.
    pub call_id: Option<i64>,
    /// Account of the one who took it.
    pub dispatcher: Option<String>,
    /// Name of the one who took it.
    pub dispatcher_display_name: Option<String>,
    /// Address of a picture.
    pub dispatcher_profile_picture: Option<String>,
}
