//! What holds for every message: nothing panics, and what is written is read back the same.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use zello_gateway::secret::Secret;
use zello_gateway::zello::toc::{LONGEST_PACKET, packet_duration};
use zello_gateway::zello::{
    AudioFrame, BinaryFrame, ChannelStatus, CloseReason, CodecHeader, Command, DispatchCall, ErrorCode,
    Event, Image, ImageFrame, ImageKind, Location, Logon, PacketId, Reply, Request, SendImage, SendLocation,
    ServerMessage, StartStream, StreamId, StreamStart, Success, TextMessage, Transcription, Translation,
    token,
};

fn text() -> impl Strategy<Value = String> {
    ".{0,12}"
}

/// An empty addressee is read as none.
fn addressee() -> impl Strategy<Value = Option<String>> {
    of(".{1,12}")
}

fn secret() -> impl Strategy<Value = Option<Secret>> {
    of(text().prop_map(Secret::new))
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![(-180.0..180.0f64), any::<i32>().prop_map(f64::from), prop::num::f64::NORMAL,]
}

fn error() -> impl Strategy<Value = ErrorCode> {
    prop_oneof![
        Just(ErrorCode::ChannelBusy),
        Just(ErrorCode::Kicked),
        // Through the reader: a random text could be a known error.
        ".{1,20}".prop_map(|text| ErrorCode::from_wire(&text)),
    ]
}

fn header() -> impl Strategy<Value = CodecHeader> {
    any::<(u16, u8, u8)>().prop_map(|(sample_rate_hz, frames_per_packet, frame_ms)| CodecHeader {
        sample_rate_hz,
        frames_per_packet,
        frame_ms,
    })
}

fn logon() -> impl Strategy<Value = Command> {
    let names = (of(text()), of(text()), of(text()), of(text()), of(text()));
    let channels = vec(text(), 0..3);
    (secret(), secret(), secret(), channels, any::<bool>(), names).prop_map(
        |(auth_token, refresh_token, password, channels, listen_only, names)| {
            Command::Logon(Logon {
                auth_token,
                refresh_token,
                username: names.0,
                password,
                channels,
                listen_only,
                version: names.1,
                platform_type: names.2,
                platform_name: names.3,
                language: names.4,
            })
        },
    )
}

fn start_stream() -> impl Strategy<Value = Command> {
    let texts = (of(text()), of(text()), of(text()), of(text()));
    (texts, of(number()), addressee()).prop_map(|(texts, packet_duration, to)| {
        Command::StartStream(StartStream {
            channel: texts.0,
            kind: texts.1,
            codec: texts.2,
            codec_header: texts.3,
            packet_duration,
            to,
        })
    })
}

fn send_location() -> impl Strategy<Value = Command> {
    let numbers = (of(number()), of(number()), of(number()));
    (of(text()), numbers, of(text()), addressee()).prop_map(|(channel, numbers, formatted_address, to)| {
        Command::SendLocation(SendLocation {
            channel,
            latitude: numbers.0,
            longitude: numbers.1,
            accuracy: numbers.2,
            formatted_address,
            to,
        })
    })
}

fn send_image() -> impl Strategy<Value = Command> {
    let lengths = any::<(Option<u64>, Option<u64>, Option<u32>, Option<u32>)>();
    (of(text()), of(text()), lengths, of(text()), addressee()).prop_map(
        |(channel, kind, lengths, source, to)| {
            Command::SendImage(SendImage {
                channel,
                kind,
                thumbnail_content_length: lengths.0,
                content_length: lengths.1,
                width: lengths.2,
                height: lengths.3,
                source,
                to,
            })
        },
    )
}

fn request() -> impl Strategy<Value = Request> {
    let command = prop_oneof![
        logon(),
        start_stream(),
        send_location(),
        send_image(),
        (any::<Option<u32>>(), of(text()))
            .prop_map(|(id, channel)| Command::StopStream { stream_id: id.map(StreamId), channel }),
        (of(text()), of(text()), addressee()).prop_map(|(channel, text, to)| Command::SendTextMessage {
            channel,
            text,
            to
        }),
        (any::<Option<i64>>(), of(text()))
            .prop_map(|(call_id, channel)| Command::EndDispatchCall { call_id, channel }),
        Just(Command::Keepalive),
        "x[a-z_]{0,12}".prop_map(Command::Unknown),
    ];
    (any::<Option<u64>>(), command).prop_map(|(seq, command)| Request { seq, command })
}

fn status() -> impl Strategy<Value = Event> {
    let flags = any::<(bool, bool, bool, bool, bool, bool)>();
    (text(), any::<u32>(), of(error()), flags).prop_map(|(channel, users_online, error, flags)| {
        Event::ChannelStatus(ChannelStatus {
            channel,
            online: flags.0,
            users_online,
            images_supported: flags.1,
            texting_supported: flags.2,
            locations_supported: flags.3,
            error,
            configuration: flags.4,
            full_duplex: flags.5,
        })
    })
}

fn stream_start() -> impl Strategy<Value = Event> {
    let extras = (any::<bool>(), of(text()), of(text()));
    let names = (text(), text(), addressee());
    (any::<u32>(), names, of(header()), of(number()), extras).prop_map(
        |(id, names, codec_header, packet_duration, extras)| {
            Event::StreamStart(StreamStart {
                stream_id: StreamId(id),
                channel: names.0,
                from: names.1,
                to: names.2,
                codec_header,
                packet_duration,
                translations_enabled: extras.0,
                language: extras.1,
                key: extras.2,
            })
        },
    )
}

fn image() -> impl Strategy<Value = Event> {
    let numbers = any::<(u32, u32, u32)>();
    (text(), text(), addressee(), numbers, text(), of(text())).prop_map(
        |(channel, from, to, numbers, kind, source)| {
            Event::Image(Image {
                channel,
                from,
                to,
                message_id: numbers.0,
                kind,
                width: numbers.1,
                height: numbers.2,
                source,
            })
        },
    )
}

fn location() -> impl Strategy<Value = Event> {
    let numbers = (any::<u32>(), number(), number(), of(number()));
    (text(), text(), addressee(), numbers, of(text())).prop_map(
        |(channel, from, to, numbers, formatted_address)| {
            Event::Location(Location {
                channel,
                from,
                to,
                message_id: numbers.0,
                latitude: numbers.1,
                longitude: numbers.2,
                accuracy: numbers.3,
                formatted_address,
            })
        },
    )
}

fn transcription() -> impl Strategy<Value = Event> {
    let translation = (text(), text()).prop_map(|(language, message)| Translation { language, message });
    let texts = (text(), text(), text());
    let numbers = (any::<Option<u32>>(), number(), any::<bool>());
    (texts, numbers, vec(translation, 0..3)).prop_map(|(texts, numbers, translations)| {
        Event::Transcription(Transcription {
            stream_id: numbers.0.map(StreamId),
            text: texts.0,
            confidence: numbers.1,
            sender: texts.1,
            language: texts.2,
            truncated: numbers.2,
            translations,
        })
    })
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        status(),
        stream_start(),
        image(),
        location(),
        transcription(),
        any::<u32>().prop_map(|id| Event::StreamStop { stream_id: StreamId(id) }),
        error().prop_map(Event::Error),
        (text(), text(), addressee(), any::<u32>(), text()).prop_map(
            |(channel, from, to, message_id, text)| Event::TextMessage(TextMessage {
                channel,
                from,
                to,
                message_id,
                text
            })
        ),
        (of(text()), any::<Option<i64>>(), of(text())).prop_map(|(status, call_id, name)| {
            Event::DispatchCallStatus(DispatchCall {
                status,
                call_id,
                dispatcher: name,
                ..DispatchCall::default()
            })
        }),
        ("x[a-z_]{0,12}", any::<Option<u64>>()).prop_map(|(command, seq)| Event::Unknown { command, seq }),
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    let success = (secret(), of(1..=u32::MAX), any::<Option<u32>>()).prop_map(
        |(refresh_token, stream_id, image_id)| Success {
            refresh_token,
            stream_id: stream_id.map(StreamId),
            image_id,
        },
    );
    let outcome = prop_oneof![success.prop_map(Ok), error().prop_map(Err)];
    (any::<Option<u64>>(), outcome).prop_map(|(seq, outcome)| Reply { seq, outcome })
}

fn message() -> impl Strategy<Value = ServerMessage> {
    prop_oneof![event().prop_map(ServerMessage::Event), reply().prop_map(ServerMessage::Reply)]
}

/// A command or event whose fields are of any type at all.
fn muddle() -> impl Strategy<Value = String> {
    const NAMES: [&str; 17] = [
        "logon",
        "start_stream",
        "stop_stream",
        "send_text_message",
        "send_location",
        "send_image",
        "keepalive",
        "end_dispatch_call",
        "on_channel_status",
        "on_stream_start",
        "on_stream_stop",
        "on_error",
        "on_text_message",
        "on_location",
        "on_image",
        "on_transcription",
        "on_dispatch_call_status",
    ];
    const KEYS: [&str; 24] = [
        "seq",
        "error",
        "success",
        "stream_id",
        "streamId",
        "channel",
        "channels",
        "status",
        "for",
        "from",
        "codec_header",
        "packet_duration",
        "users_online",
        "message_id",
        "text",
        "latitude",
        "longitude",
        "rgl",
        "ct",
        "width",
        "translations",
        "auth_token",
        "error_type",
        "call_id",
    ];
    let value = prop_oneof![
        Just("null".to_owned()),
        Just("\"online\"".to_owned()),
        Just("[{\"language\":5},7,null]".to_owned()),
        any::<bool>().prop_map(|flag| flag.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<u64>().prop_map(|number| number.to_string()),
        Just("1e308".to_owned()),
        Just("\"gD4BPA==\"".to_owned()),
    ];
    let field =
        (prop::sample::select(&KEYS[..]), value).prop_map(|(key, value)| format!(r#","{key}":{value}"#));
    (prop::sample::select(&NAMES[..]), vec(field, 0..8))
        .prop_map(|(name, fields)| format!(r#"{{"command":"{name}"{}}}"#, fields.concat()))
}

proptest! {
    #[test]
    fn a_request_is_read_back_as_it_was_written(request in request()) {
        prop_assert_eq!(Request::parse(&request.to_json()), Ok(request));
    }

    #[test]
    fn a_server_message_is_read_back_as_it_was_written(message in message()) {
        prop_assert_eq!(ServerMessage::parse(&message.to_json()), Ok(message));
    }

    #[test]
    fn what_was_read_from_a_muddle_can_be_written_and_read_again(text in muddle()) {
        if let Ok(message) = ServerMessage::parse(&text) {
            prop_assert_eq!(ServerMessage::parse(&message.to_json()), Ok(message));
        }
        let request = Request::parse(&text).unwrap();
        prop_assert_eq!(Request::parse(&request.to_json()), Ok(request));
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in ".{0,200}") {
        let _ = ServerMessage::parse(&text);
        let _ = Request::parse(&text);
        let _ = CodecHeader::from_base64(&text);
        let _ = token::describe(&text);
        let _ = token::SigningKey::from_pem(&text);
        let _ = token::PublicKey::from_pem(&text);
        prop_assert!(!CloseReason::from_frame(Some(1000), &text).to_string().is_empty());
    }

    #[test]
    fn a_codec_header_is_read_back_whatever_follows(header in header(), more in vec(any::<u8>(), 0..20)) {
        prop_assert_eq!(CodecHeader::from_base64(&header.to_base64()), Some(header));
        let mut bytes = header.sample_rate_hz.to_le_bytes().to_vec();
        bytes.extend([header.frames_per_packet, header.frame_ms]);
        bytes.extend(more);
        let text = URL_SAFE.encode(bytes);
        prop_assert_eq!(CodecHeader::from_base64(&text), Some(header));
    }

    #[test]
    fn a_binary_frame_is_read_back_as_it_was_written(
        first: u32, second: u32, audio: bool, payload in vec(any::<u8>(), 0..64)
    ) {
        let frame = if audio {
            BinaryFrame::Audio(AudioFrame {
                stream_id: StreamId(first), packet_id: PacketId(second), payload: &payload,
            })
        } else {
            let kind = match second { 1 => ImageKind::Full, 2 => ImageKind::Thumbnail, other => ImageKind::Other(other) };
            BinaryFrame::Image(ImageFrame { image_id: first, kind, payload: &payload })
        };
        let bytes = frame.to_vec();
        prop_assert_eq!(bytes.len(), 9 + payload.len());
        prop_assert_eq!(BinaryFrame::parse(&bytes), Ok(frame));
    }

    #[test]
    fn bytes_that_are_a_frame_are_written_back_the_same(
        kind in 0u8..4, rest in vec(any::<u8>(), 0..64)
    ) {
        let mut bytes = vec![kind];
        bytes.extend(rest);
        match BinaryFrame::parse(&bytes) {
            Ok(frame) => prop_assert_eq!(frame.to_vec(), bytes),
            Err(_) => prop_assert!(bytes.len() < 9 || kind == 0 || kind == 3),
        }
    }

    #[test]
    fn no_packet_plays_for_nothing_or_for_too_long(packet in vec(any::<u8>(), 0..8)) {
        if let Some(duration) = packet_duration(&packet) {
            prop_assert!(!duration.is_zero() && duration <= LONGEST_PACKET);
        }
    }
}
