//! What the protocol's documents and its official client show on the wire, byte for byte.

use zello_gateway::secret::Secret;
use zello_gateway::zello::{
    ChannelStatus, CodecHeader, Command, ErrorCode, Event, Image, Location, Logon, Reply, Request, SendImage,
    SendLocation, ServerMessage, StartStream, StreamId, StreamStart, Success, TextMessage, Transcription,
    Translation,
};

#[expect(clippy::unnecessary_wraps, reason = "every optional field needs it so")]
fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn request(seq: impl Into<Option<u64>>, command: Command) -> Request {
    Request { seq: seq.into(), command }
}

/// Read back as this message.
fn reads_as(json: &str, message: &ServerMessage) {
    assert_eq!(ServerMessage::parse(json).as_ref(), Ok(message));
}

/// Written exactly so, and read back as the same.
fn request_stands_as(request: &Request, json: &str) {
    assert_eq!(request.to_json(), json);
    assert_eq!(Request::parse(json).as_ref(), Ok(request));
}

/// Written exactly so, and read back as the same.
fn message_stands_as(message: &ServerMessage, json: &str) {
    assert_eq!(message.to_json(), json);
    assert_eq!(ServerMessage::parse(json).as_ref(), Ok(message));
}

#[test]
fn a_named_log_on_to_the_consumer_service_leaves_absent_keys_out() {
    let logon = Logon {
        auth_token: Some(Secret::new("a.b.c")),
        username: text("sherlock"),
        password: Some(Secret::new("secret")),
        channels: vec!["Baker Street 221B".to_owned()],
        version: text("0.1.0"),
        platform_name: text("zello-gateway Gateway"),
        ..Logon::default()
    };
    request_stands_as(
        &request(1, Command::Logon(logon)),
        r#"{"command":"logon","seq":1,"auth_token":"a.b.c","username":"sherlock","password":"secret","channels":["Baker Street 221B"],"version":"0.1.0","platform_name":"zello-gateway Gateway"}"#,
    );
}

#[test]
fn an_anonymous_log_on_that_only_listens_says_so() {
    let logon = Logon {
        refresh_token: Some(Secret::new("r")),
        channels: vec!["a".to_owned(), "ü".to_owned()],
        listen_only: true,
        platform_type: text("linux"),
        language: text("en"),
        ..Logon::default()
    };
    request_stands_as(
        &request(0, Command::Logon(logon)),
        r#"{"command":"logon","seq":0,"refresh_token":"r","channels":["a","ü"],"listen_only":true,"platform_type":"linux","language":"en"}"#,
    );
}

#[test]
fn a_stream_is_started_and_stopped() {
    let start = StartStream::opus("test", CodecHeader::single(16_000, 60));
    request_stands_as(
        &request(2, Command::StartStream(start.clone())),
        r#"{"command":"start_stream","seq":2,"channel":"test","type":"audio","codec":"opus","codec_header":"gD4BPA==","packet_duration":60}"#,
    );
    let direct = StartStream { to: text("watson"), packet_duration: Some(2.5), ..start };
    request_stands_as(
        &request(3, Command::StartStream(direct)),
        r#"{"command":"start_stream","seq":3,"channel":"test","type":"audio","codec":"opus","codec_header":"gD4BPA==","packet_duration":2.5,"for":"watson"}"#,
    );
    let stop = Command::StopStream { stream_id: Some(StreamId(22_695)), channel: text("test") };
    request_stands_as(
        &request(None, stop),
        r#"{"command":"stop_stream","stream_id":22695,"channel":"test"}"#,
    );
}

#[test]
fn the_other_commands_are_written_as_documented() {
    let message =
        Command::SendTextMessage { channel: text("test"), text: text("Hello \"Zello\"!\n"), to: None };
    request_stands_as(
        &request(4, message),
        r#"{"command":"send_text_message","seq":4,"channel":"test","text":"Hello \"Zello\"!\n"}"#,
    );
    let location = SendLocation {
        channel: text("test"),
        latitude: Some(51.523_7),
        longitude: Some(-0.158_5),
        accuracy: Some(20.0),
        formatted_address: text("Baker Street"),
        to: text("watson"),
    };
    request_stands_as(
        &request(5, Command::SendLocation(location)),
        r#"{"command":"send_location","seq":5,"channel":"test","latitude":51.5237,"longitude":-0.1585,"accuracy":20,"formatted_address":"Baker Street","for":"watson"}"#,
    );
    let image = SendImage {
        channel: text("test"),
        kind: text("jpeg"),
        thumbnail_content_length: Some(123),
        content_length: Some(4_567),
        width: Some(1_280),
        height: Some(720),
        source: text("camera"),
        to: None,
    };
    request_stands_as(
        &request(6, Command::SendImage(image)),
        r#"{"command":"send_image","seq":6,"channel":"test","type":"jpeg","thumbnail_content_length":123,"content_length":4567,"width":1280,"height":720,"source":"camera"}"#,
    );
    request_stands_as(&request(7, Command::Keepalive), r#"{"command":"keepalive","seq":7}"#);
    let end = Command::EndDispatchCall { call_id: Some(9), channel: text("test") };
    request_stands_as(
        &request(8, end),
        r#"{"command":"end_dispatch_call","seq":8,"call_id":9,"channel":"test"}"#,
    );
    request_stands_as(&request(9, Command::Unknown("ping".to_owned())), r#"{"command":"ping","seq":9}"#);
}

#[test]
fn the_frames_of_the_official_javascript_client_are_understood() {
    let logon = Request::parse(
        r#"{"command":"logon","seq":1,"channel":"Test ch","auth_token":"x.y.z","username":"tx","password":"p","version":"1.4.0"}"#,
    );
    let expected = Logon {
        auth_token: Some(Secret::new("x.y.z")),
        username: text("tx"),
        password: Some(Secret::new("p")),
        channels: vec!["Test ch".to_owned()],
        version: text("1.4.0"),
        ..Logon::default()
    };
    assert_eq!(logon, Ok(request(1, Command::Logon(expected))));

    let start = Request::parse(
        r#"{"type":"audio","codec":"opus","codec_header":"gD4BFA==","packet_duration":20,"seq":2,"command":"start_stream"}"#,
    );
    let expected = StartStream { channel: None, ..StartStream::opus("", CodecHeader::single(16_000, 20)) };
    assert_eq!(start, Ok(request(2, Command::StartStream(expected))));

    let stop = Request::parse(r#"{"stream_id":22695,"seq":3,"command":"stop_stream"}"#);
    let expected = Command::StopStream { stream_id: Some(StreamId(22_695)), channel: None };
    assert_eq!(stop, Ok(request(3, expected)));

    let message = Request::parse(r#"{"text":"héllo","seq":4,"command":"send_text_message"}"#);
    let expected = Command::SendTextMessage { channel: None, text: text("héllo"), to: None };
    assert_eq!(message, Ok(request(4, expected)));

    let image = Request::parse(
        r#"{"seq":5,"command":"send_image","type":"jpeg","width":200,"height":100,"source":"library"}"#,
    );
    let expected = SendImage {
        kind: text("jpeg"),
        width: Some(200),
        height: Some(100),
        source: text("library"),
        ..SendImage::default()
    };
    assert_eq!(image, Ok(request(5, Command::SendImage(expected))));
}

#[test]
fn replies_tell_failure_by_error_alone() {
    let good = |success| ServerMessage::Reply(Reply { seq: Some(1), outcome: Ok(success) });
    message_stands_as(&good(Success::default()), r#"{"seq":1,"success":true}"#);
    let logon = Success { refresh_token: Some(Secret::new("r")), ..Success::default() };
    message_stands_as(&good(logon), r#"{"seq":1,"success":true,"refresh_token":"r"}"#);
    let start = Success { stream_id: Some(StreamId(22_695)), ..Success::default() };
    message_stands_as(&good(start), r#"{"seq":1,"success":true,"stream_id":22695}"#);
    let image = Success { image_id: Some(777), ..Success::default() };
    message_stands_as(&good(image), r#"{"seq":1,"success":true,"image_id":777}"#);
    message_stands_as(
        &ServerMessage::Reply(Reply { seq: Some(3), outcome: Err(ErrorCode::InvalidRequest) }),
        r#"{"error":"invalid request","seq":3}"#,
    );
}

#[test]
fn the_live_channel_status_is_written_and_read() {
    let status = ChannelStatus {
        channel: "test".to_owned(),
        online: true,
        users_online: 2,
        images_supported: true,
        texting_supported: true,
        locations_supported: true,
        ..ChannelStatus::default()
    };
    message_stands_as(
        &ServerMessage::Event(Event::ChannelStatus(status)),
        r#"{"command":"on_channel_status","channel":"test","status":"online","users_online":2,"images_supported":true,"texting_supported":true,"locations_supported":true,"full_duplex":false}"#,
    );
    let protected = ChannelStatus {
        channel: "test".to_owned(),
        error: Some(ErrorCode::InvalidPassword),
        configuration: true,
        ..ChannelStatus::default()
    };
    message_stands_as(
        &ServerMessage::Event(Event::ChannelStatus(protected)),
        r#"{"command":"on_channel_status","channel":"test","status":"offline","users_online":0,"images_supported":false,"texting_supported":false,"locations_supported":false,"full_duplex":false,"error":"invalid password","error_type":"configuration"}"#,
    );
}

#[test]
fn stream_events_are_written_and_read() {
    let start = StreamStart {
        stream_id: StreamId(22_695),
        channel: "test".to_owned(),
        from: "alex".to_owned(),
        codec_header: Some(CodecHeader::single(16_000, 60)),
        packet_duration: Some(60.0),
        ..StreamStart::default()
    };
    message_stands_as(
        &ServerMessage::Event(Event::StreamStart(start.clone())),
        r#"{"command":"on_stream_start","type":"audio","codec":"opus","codec_header":"gD4BPA==","packet_duration":60,"stream_id":22695,"channel":"test","from":"alex","for":false}"#,
    );
    let direct = StreamStart {
        to: text("watson"),
        translations_enabled: true,
        language: text("en"),
        key: text("AAAA"),
        ..start
    };
    message_stands_as(
        &ServerMessage::Event(Event::StreamStart(direct)),
        r#"{"command":"on_stream_start","type":"audio","codec":"opus","codec_header":"gD4BPA==","packet_duration":60,"stream_id":22695,"channel":"test","from":"alex","for":"watson","translations_enabled":true,"language":"en","key":"AAAA"}"#,
    );
    message_stands_as(
        &ServerMessage::Event(Event::StreamStop { stream_id: StreamId(22_695) }),
        r#"{"command":"on_stream_stop","stream_id":22695}"#,
    );
    message_stands_as(
        &ServerMessage::Event(Event::Error(ErrorCode::ServerClosedConnection)),
        r#"{"command":"on_error","error":"server closed connection"}"#,
    );
}

#[test]
fn message_events_are_written_and_read() {
    let message = TextMessage {
        channel: "test".to_owned(),
        from: "alex".to_owned(),
        to: None,
        message_id: 16_777_215,
        text: "Hello Zello!".to_owned(),
    };
    message_stands_as(
        &ServerMessage::Event(Event::TextMessage(message)),
        r#"{"command":"on_text_message","channel":"test","from":"alex","for":false,"message_id":16777215,"text":"Hello Zello!"}"#,
    );
    let image = Image {
        channel: "test".to_owned(),
        from: "alex".to_owned(),
        to: text("watson"),
        message_id: 777,
        kind: "jpeg".to_owned(),
        width: 640,
        height: 480,
        source: text("camera"),
    };
    message_stands_as(
        &ServerMessage::Event(Event::Image(image)),
        r#"{"command":"on_image","channel":"test","from":"alex","for":"watson","message_id":777,"type":"jpeg","width":640,"height":480,"source":"camera"}"#,
    );
    let transcription = Transcription {
        stream_id: Some(StreamId(7)),
        text: "elementary".to_owned(),
        confidence: 0.5,
        sender: "sherlock".to_owned(),
        language: "en".to_owned(),
        truncated: false,
        translations: vec![Translation { language: "fr".to_owned(), message: "élémentaire".to_owned() }],
    };
    message_stands_as(
        &ServerMessage::Event(Event::Transcription(transcription)),
        r#"{"command":"on_transcription","text":"elementary","stream_id":7,"confidence":0.5,"sender":"sherlock","language":"en","truncated":false,"translations":[{"language":"fr","message":"élémentaire"}]}"#,
    );
}

#[test]
fn the_documented_location_has_its_address_under_another_name() {
    let expected = Location {
        channel: "test".to_owned(),
        from: "alex".to_owned(),
        to: None,
        message_id: 3,
        latitude: 30.254_3,
        longitude: -97.785_8,
        accuracy: Some(35.0),
        formatted_address: text("1317 S Lamar"),
    };
    let json = r#"{"command":"on_location","channel":"test","from":"alex","for":false,"message_id":3,"latitude":30.2543,"longitude":-97.7858,"accuracy":35,"formatted_address":"1317 S Lamar"}"#;
    message_stands_as(&ServerMessage::Event(Event::Location(expected.clone())), json);
    let other = json.replace("formatted_address", "rgl");
    reads_as(&other, &ServerMessage::Event(Event::Location(expected)));
}

#[test]
fn an_event_of_the_first_protocol_version_is_enough() {
    let status = ChannelStatus {
        channel: "test".to_owned(),
        online: true,
        users_online: 2,
        ..ChannelStatus::default()
    };
    reads_as(
        r#"{"command":"on_channel_status","channel":"test","status":"online","users_online":2}"#,
        &ServerMessage::Event(Event::ChannelStatus(status)),
    );
    let stream_id = StreamId(7);
    reads_as(
        r#"{"command":"on_stream_stop","streamId":7}"#,
        &ServerMessage::Event(Event::StreamStop { stream_id }),
    );
}
