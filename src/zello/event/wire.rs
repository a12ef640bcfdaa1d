//! Events and replies as JSON: read leniently, written exactly.

use super::{
    ChannelStatus, DispatchCall, Event, Image, Location, Reply, ServerMessage, StreamStart, Success,
    TextMessage, Transcription, Translation,
};
use crate::zello::json::{Fields, Object};
use crate::zello::{CodecHeader, ErrorCode, WireError};

impl ServerMessage {
    /// Reads a text frame from a server.
    ///
    /// # Errors
    /// [`WireError`] for anything that is not a JSON object, or a known event without its necessary fields.
    pub fn parse(text: &str) -> Result<Self, WireError> {
        let fields = Fields::parse(text)?;
        match fields.get("command").and_then(|name| name.as_str()) {
            Some(name) => Event::read(name, &fields).map(Self::Event),
            None => Reply::read(&fields).map(Self::Reply),
        }
    }

    /// The text frame, as the simulator sends it.
    #[must_use]
    pub fn to_json(&self) -> String {
        match self {
            Self::Reply(reply) => reply.write(),
            Self::Event(event) => event.write(),
        }
        .to_json()
    }
}

impl Reply {
    fn read(fields: &Fields) -> Result<Self, WireError> {
        let seq = fields.unsigned("seq");
        let success = fields.get("success");
        let outcome = match fields.error() {
            Some(error) => Err(error),
            None if seq.is_none() && success.is_none() => {
                return Err(WireError::Malformed {
                    what: "message".to_owned(),
                    why: "it is neither an event, with command, nor a reply, with seq".to_owned(),
                });
            }
            None if success.is_some() && !fields.flag("success") => {
                Err(ErrorCode::Other("no success, and no reason given".to_owned()))
            }
            None => Ok(Success {
                refresh_token: fields.secret("refresh_token"),
                // 0 is how servers and clients write "none".
                stream_id: fields.stream_id().filter(|id| id.0 > 0),
                image_id: fields.short("image_id"),
            }),
        };
        Ok(Self { seq, outcome })
    }

    fn write(&self) -> Object {
        match &self.outcome {
            Ok(success) => Object::default()
                .maybe("seq", self.seq)
                .put("success", true)
                .reveal("refresh_token", success.refresh_token.as_ref())
                .maybe("stream_id", success.stream_id.map(|id| id.0))
                .maybe("image_id", success.image_id),
            Err(error) => Object::of("error", error.as_str()).maybe("seq", self.seq),
        }
    }
}

/// Where an event was sent, by whom, and to whom alone.
fn sent(fields: &Fields) -> (String, String, Option<String>) {
    let name = |key| fields.text(key).unwrap_or_default();
    (name("channel"), name("from"), fields.addressee())
}

/// Says which necessary field of an event is missing.
fn need<T>(event: &str, field: &str, value: Option<T>) -> Result<T, WireError> {
    value.ok_or_else(|| WireError::Malformed {
        what: event.to_owned(),
        why: format!("{field} is missing or of the wrong type"),
    })
}

impl Event {
    fn read(name: &str, fields: &Fields) -> Result<Self, WireError> {
        Ok(match name {
            "on_channel_status" => Self::ChannelStatus(ChannelStatus::read(name, fields)?),
            "on_stream_start" => Self::StreamStart(StreamStart::read(name, fields)?),
            "on_stream_stop" => Self::StreamStop { stream_id: need(name, "stream_id", fields.stream_id())? },
            "on_error" => Self::Error(need(name, "error", fields.error())?),
            "on_text_message" => Self::TextMessage(TextMessage::read(name, fields)?),
            "on_location" => Self::Location(Location::read(name, fields)?),
            "on_image" => Self::Image(Image::read(name, fields)?),
            "on_transcription" => Self::Transcription(Transcription::read(name, fields)?),
            "on_dispatch_call_status" => Self::DispatchCallStatus(DispatchCall::read(fields)),
            other => Self::Unknown { command: other.to_owned(), seq: fields.unsigned("seq") },
        })
    }

    fn write(&self) -> Object {
        let event = |name: &str| Object::of("command", name);
        match self {
            Self::ChannelStatus(status) => status.write(event("on_channel_status")),
            Self::StreamStart(start) => start.write(event("on_stream_start")),
            Self::StreamStop { stream_id } => event("on_stream_stop").put("stream_id", stream_id.0),
            Self::Error(error) => event("on_error").put("error", error.as_str()),
            Self::TextMessage(message) => message.write(event("on_text_message")),
            Self::Location(location) => location.write(event("on_location")),
            Self::Image(image) => image.write(event("on_image")),
            Self::Transcription(text) => text.write(event("on_transcription")),
            Self::DispatchCallStatus(call) => call.write(event("on_dispatch_call_status")),
            Self::Unknown { command, seq } => event(command).maybe("seq", *seq),
        }
    }
}

impl ChannelStatus {
    fn read(name: &str, fields: &Fields) -> Result<Self, WireError> {
        let status = need(name, "status", fields.text("status"))?;
        let users_online = fields.unsigned("users_online").unwrap_or(0);
        Ok(Self {
            channel: fields.text("channel").unwrap_or_default(),
            online: status.eq_ignore_ascii_case("online"),
            users_online: users_online.try_into().unwrap_or(u32::MAX),
            images_supported: fields.flag("images_supported"),
            texting_supported: fields.flag("texting_supported"),
            locations_supported: fields.flag("locations_supported"),
            error: fields.error(),
            configuration: fields
                .text("error_type")
                .is_some_and(|kind| kind.eq_ignore_ascii_case("configuration")),
            full_duplex: fields.flag("full_duplex"),
        })
    }

    fn write(&self, object: Object) -> Object {
        let error_type = match (self.configuration, &self.error) {
            (true, _) => Some("configuration"),
            (false, Some(_)) => Some("unknown"),
            (false, None) => None,
        };
        object
            .put("channel", self.channel.as_str())
            .put("status", if self.online { "online" } else { "offline" })
            .put("users_online", self.users_online)
            .put("images_supported", self.images_supported)
            .put("texting_supported", self.texting_supported)
            .put("locations_supported", self.locations_supported)
            .put("full_duplex", self.full_duplex)
            .maybe("error", self.error.as_ref().map(ErrorCode::as_str))
            .maybe("error_type", error_type)
    }
}

impl StreamStart {
    fn read(name: &str, fields: &Fields) -> Result<Self, WireError> {
        let (channel, from, to) = sent(fields);
        Ok(Self {
            stream_id: need(name, "stream_id", fields.stream_id())?,
            channel,
            from,
            to,
            codec_header: fields.codec_header(),
            packet_duration: fields.float("packet_duration"),
            translations_enabled: fields.flag("translations_enabled"),
            language: fields.text("language"),
            key: fields.text("key"),
        })
    }

    fn write(&self, object: Object) -> Object {
        object
            .put("type", "audio")
            .put("codec", "opus")
            .maybe("codec_header", self.codec_header.map(CodecHeader::to_base64))
            .number("packet_duration", self.packet_duration)
            .put("stream_id", self.stream_id.0)
            .sent(&self.channel, &self.from, self.to.as_deref())
            .maybe("translations_enabled", self.translations_enabled.then_some(true))
            .maybe("language", self.language.as_deref())
            .maybe("key", self.key.as_deref())
    }
}

impl TextMessage {
    fn read(name: &str, fields: &Fields) -> Result<Self, WireError> {
        let (channel, from, to) = sent(fields);
        Ok(Self {
            channel,
            from,
            to,
            message_id: fields.short("message_id").unwrap_or_default(),
            text: need(name, "text", fields.text("text"))?,
        })
    }

    fn write(&self, object: Object) -> Object {
        object
            .sent(&self.channel, &self.from, self.to.as_deref())
            .put("message_id", self.message_id)
            .put("text", self.text.as_str())
    }
}

impl Location {
    fn read(name: &str, fields: &Fields) -> Result<Self, WireError> {
        let (channel, from, to) = sent(fields);
        Ok(Self {
            channel,
            from,
            to,
            message_id: fields.short("message_id").unwrap_or_default(),
            latitude: need(name, "latitude", fields.float("latitude"))?,
            longitude: need(name, "longitude", fields.float("longitude"))?,
            accuracy: fields.float("accuracy"),
            formatted_address: fields.text("formatted_address").or_else(|| fields.text("rgl")),
        })
    }

    fn write(&self, object: Object) -> Object {
        object
            .sent(&self.channel, &self.from, self.to.as_deref())
            .put("message_id", self.message_id)
            .number("latitude", Some(self.latitude))
            .number("longitude", Some(self.longitude))
            .number("accuracy", self.accuracy)
            .maybe("formatted_address", self.formatted_address.as_deref())
    }
}

impl Image {
    fn read(name: &str, fields: &Fields) -> Result<Self, WireError> {
        let (channel, from, to) = sent(fields);
        Ok(Self {
            channel,
            from,
            to,
            message_id: need(name, "message_id", fields.short("message_id"))?,
            kind: fields.text("type").or_else(|| fields.text("ct")).unwrap_or_default(),
            width: fields.short("width").unwrap_or_default(),
            height: fields.short("height").unwrap_or_default(),
            source: fields.text("source"),
        })
    }

    fn write(&self, object: Object) -> Object {
        object
            .sent(&self.channel, &self.from, self.to.as_deref())
            .put("message_id", self.message_id)
            .put("type", self.kind.as_str())
            .put("width", self.width)
            .put("height", self.height)
            .maybe("source", self.source.as_deref())
    }
}

impl Transcription {
    fn read(name: &str, fields: &Fields) -> Result<Self, WireError> {
        let translation = |fields: &Fields| Translation {
            language: fields.text("language").unwrap_or_default(),
            message: fields.text("message").unwrap_or_default(),
        };
        Ok(Self {
            stream_id: fields.stream_id(),
            text: need(name, "text", fields.text("text"))?,
            confidence: fields.float("confidence").unwrap_or_default(),
            sender: fields.text("sender").unwrap_or_default(),
            language: fields.text("language").unwrap_or_default(),
            truncated: fields.flag("truncated"),
            translations: fields.objects("translations").iter().map(translation).collect(),
        })
    }

    fn write(&self, object: Object) -> Object {
        let translations: Vec<_> = self
            .translations
            .iter()
            .map(|it| serde_json::json!({ "language": it.language, "message": it.message }))
            .collect();
        object
            .put("text", self.text.as_str())
            .maybe("stream_id", self.stream_id.map(|id| id.0))
            .number("confidence", Some(self.confidence))
            .put("sender", self.sender.as_str())
            .put("language", self.language.as_str())
            .put("truncated", self.truncated)
            .put("translations", translations)
    }
}

impl DispatchCall {
    fn read(fields: &Fields) -> Self {
        Self {
            channel: fields.text("channel"),
            status: fields.text("status"),
            call_id: fields.signed("call_id"),
            dispatcher: fields.text("dispatcher"),
            dispatcher_display_name: fields.text("dispatcher_display_name"),
            dispatcher_profile_picture: fields.text("dispatcher_profile_picture"),
        }
    }

    fn write(&self, object: Object) -> Object {
        object
            .maybe("channel", self.channel.as_deref())
            .maybe("status", self.status.as_deref())
            .maybe("call_id", self.call_id)
            .maybe("dispatcher", self.dispatcher.as_deref())
            .maybe("dispatcher_display_name", self.dispatcher_display_name.as_deref())
            .maybe("dispatcher_profile_picture", self.dispatcher_profile_picture.as_deref())
    }
}
