//! Commands: what a client sends as text frames (protocol section 4).

use super::json::{Fields, Object};
use super::{CodecHeader, Seq, StreamId, WireError};
use crate::secret::Secret;

/// The longest text message, bytes.
pub const LONGEST_TEXT: usize = 30 * 1024;

/// The most channels of one log-on, on Work and Enterprise; the consumer service has one.
pub const MOST_CHANNELS: usize = 100;

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
    /// A stream for everybody on the channel; the duration of its packets is that of the header.
    #[must_use]
    pub fn opus(channel: &str, header: CodecHeader) -> Self {
        Self {
            channel: Some(channel.to_owned()),
            kind: Some("audio".to_owned()),
            codec: Some("opus".to_owned()),
            codec_header: Some(header.to_base64()),
            packet_duration: Some(f64::from(header.packet_ms())),
            to: None,
        }
    }
}

impl Request {
    /// The text frame.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.command.write(Object::of("command", self.command.name()).maybe("seq", self.seq)).to_json()
    }

    /// Reads a text frame as a server does: `null` is absent, unknown fields are ignored.
    ///
    /// # Errors
    /// [`WireError`] for anything that is not an object with a `command`.
    pub fn parse(text: &str) -> Result<Self, WireError> {
        let fields = Fields::parse(text)?;
        let name = fields.get("command").and_then(|name| name.as_str()).ok_or_else(|| {
            WireError::Malformed { what: "message".to_owned(), why: "there is no command".to_owned() }
        })?;
        Ok(Self { seq: fields.unsigned("seq"), command: Command::read(name, &fields) })
    }
}

impl Command {
    /// The name on the wire.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Logon(_) => "logon",
            Self::StartStream(_) => "start_stream",
            Self::StopStream { .. } => "stop_stream",
            Self::SendTextMessage { .. } => "send_text_message",
            Self::SendLocation(_) => "send_location",
            Self::SendImage(_) => "send_image",
            Self::Keepalive => "keepalive",
            Self::EndDispatchCall { .. } => "end_dispatch_call",
            Self::Unknown(name) => name,
        }
    }

    fn read(name: &str, fields: &Fields) -> Self {
        match name {
            "logon" => Self::Logon(Logon::read(fields)),
            "start_stream" => Self::StartStream(StartStream::read(fields)),
            "stop_stream" => {
                Self::StopStream { stream_id: fields.stream_id(), channel: fields.text("channel") }
            }
            "send_text_message" => Self::SendTextMessage {
                channel: fields.text("channel"),
                text: fields.text("text"),
                to: fields.addressee(),
            },
            "send_location" => Self::SendLocation(SendLocation::read(fields)),
            "send_image" => Self::SendImage(SendImage::read(fields)),
            "keepalive" => Self::Keepalive,
            "end_dispatch_call" => {
                Self::EndDispatchCall { call_id: fields.signed("call_id"), channel: fields.text("channel") }
            }
            other => Self::Unknown(other.to_owned()),
        }
    }

    fn write(&self, object: Object) -> Object {
        match self {
            Self::Logon(logon) => logon.write(object),
            Self::StartStream(start) => start.write(object),
            Self::StopStream { stream_id, channel } => {
                object.maybe("stream_id", stream_id.map(|id| id.0)).maybe("channel", channel.as_deref())
            }
            Self::SendTextMessage { channel, text, to } => object
                .maybe("channel", channel.as_deref())
                .maybe("text", text.as_deref())
                .maybe("for", to.as_deref()),
            Self::SendLocation(location) => location.write(object),
            Self::SendImage(image) => image.write(object),
            Self::EndDispatchCall { call_id, channel } => {
                object.maybe("call_id", *call_id).maybe("channel", channel.as_deref())
            }
            Self::Keepalive | Self::Unknown(_) => object,
        }
    }
}

impl Logon {
    fn read(fields: &Fields) -> Self {
        let mut channels = fields.texts("channels");
        for channel in fields.texts("channel") {
            if !channels.contains(&channel) {
                channels.push(channel);
            }
        }
        Self {
            auth_token: fields.secret("auth_token"),
            refresh_token: fields.secret("refresh_token"),
            username: fields.text("username"),
            password: fields.secret("password"),
            channels,
            listen_only: fields.flag("listen_only"),
            version: fields.text("version"),
            platform_type: fields.text("platform_type"),
            platform_name: fields.text("platform_name"),
            language: fields.text("language"),
        }
    }

    fn write(&self, object: Object) -> Object {
        object
            .reveal("auth_token", self.auth_token.as_ref())
            .reveal("refresh_token", self.refresh_token.as_ref())
            .maybe("username", self.username.as_deref())
            .reveal("password", self.password.as_ref())
            .put("channels", self.channels.clone())
            .maybe("listen_only", self.listen_only.then_some(true))
            .maybe("version", self.version.as_deref())
            .maybe("platform_type", self.platform_type.as_deref())
            .maybe("platform_name", self.platform_name.as_deref())
            .maybe("language", self.language.as_deref())
    }
}

impl StartStream {
    fn read(fields: &Fields) -> Self {
        Self {
            channel: fields.text("channel"),
            kind: fields.text("type"),
            codec: fields.text("codec"),
            codec_header: fields.text("codec_header"),
            packet_duration: fields.float("packet_duration"),
            to: fields.addressee(),
        }
    }

    fn write(&self, object: Object) -> Object {
        object
            .maybe("channel", self.channel.as_deref())
            .maybe("type", self.kind.as_deref())
            .maybe("codec", self.codec.as_deref())
            .maybe("codec_header", self.codec_header.as_deref())
            .number("packet_duration", self.packet_duration)
            .maybe("for", self.to.as_deref())
    }
}

impl SendLocation {
    fn read(fields: &Fields) -> Self {
        Self {
            channel: fields.text("channel"),
            latitude: fields.float("latitude"),
            longitude: fields.float("longitude"),
            accuracy: fields.float("accuracy"),
            formatted_address: fields.text("formatted_address"),
            to: fields.addressee(),
        }
    }

    fn write(&self, object: Object) -> Object {
        object
            .maybe("channel", self.channel.as_deref())
            .number("latitude", self.latitude)
            .number("longitude", self.longitude)
            .number("accuracy", self.accuracy)
            .maybe("formatted_address", self.formatted_address.as_deref())
            .maybe("for", self.to.as_deref())
    }
}

impl SendImage {
    fn read(fields: &Fields) -> Self {
        Self {
            channel: fields.text("channel"),
            kind: fields.text("type"),
            thumbnail_content_length: fields.unsigned("thumbnail_content_length"),
            content_length: fields.unsigned("content_length"),
            width: fields.short("width"),
            height: fields.short("height"),
            source: fields.text("source"),
            to: fields.addressee(),
        }
    }

    fn write(&self, object: Object) -> Object {
        object
            .maybe("channel", self.channel.as_deref())
            .maybe("type", self.kind.as_deref())
            .maybe("thumbnail_content_length", self.thumbnail_content_length)
            .maybe("content_length", self.content_length)
            .maybe("width", self.width)
            .maybe("height", self.height)
            .maybe("source", self.source.as_deref())
            .maybe("for", self.to.as_deref())
    }
}
