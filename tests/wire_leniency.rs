//! Reading forgives what servers and clients are known, or likely, to do.

use zello_gateway::zello::{
    ChannelStatus, CodecHeader, Command, ErrorCode, Event, Logon, Reply, Request, ServerMessage, StreamId,
    StreamStart, Success, WireError,
};

fn event(json: &str) -> Event {
    match ServerMessage::parse(json) {
        Ok(ServerMessage::Event(event)) => event,
        other => panic!("{json} is {other:?}"),
    }
}

fn outcome(json: &str) -> Result<Success, ErrorCode> {
    match ServerMessage::parse(json) {
        Ok(ServerMessage::Reply(reply)) => reply.outcome,
        other => panic!("{json} is {other:?}"),
    }
}

fn command(json: &str) -> Command {
    match Request::parse(json) {
        Ok(request) => request.command,
        Err(error) => panic!("{json}: {error}"),
    }
}

fn logon(json: &str) -> Logon {
    let command = command(json);
    let Command::Logon(logon) = command else {
        panic!("{json} is {command:?}");
    };
    logon
}

#[test]
fn an_unknown_event_keeps_its_name_and_the_number_that_wants_an_answer() {
    assert_eq!(
        event(r#"{"command":"on_full_moon","seq":0,"wolves":[1,2]}"#),
        Event::Unknown { command: "on_full_moon".to_owned(), seq: Some(0) }
    );
}

#[test]
fn for_may_be_false_null_empty_or_missing() {
    for addressee in [r#""for":false,"#, r#""for":null,"#, r#""for":"","#, ""] {
        let json = format!(r#"{{"command":"on_stream_start",{addressee}"stream_id":1}}"#);
        let expected = StreamStart { stream_id: StreamId(1), ..StreamStart::default() };
        assert_eq!(event(&json), Event::StreamStart(expected));
    }
}

#[test]
fn numbers_may_be_floats_or_texts() {
    for number in ["7", "7.0", "7e0", "\"7\"", "\" 7.0 \""] {
        let stop = event(&format!(r#"{{"command":"on_stream_stop","stream_id":{number}}}"#));
        assert_eq!(stop, Event::StreamStop { stream_id: StreamId(7) });
        let json = format!(r#"{{"seq":{number},"success":true,"stream_id":{number}}}"#);
        let expected = Reply {
            seq: Some(7),
            outcome: Ok(Success { stream_id: Some(StreamId(7)), ..Success::default() }),
        };
        assert_eq!(ServerMessage::parse(&json), Ok(ServerMessage::Reply(expected)));
    }
}

#[test]
fn numbers_out_of_range_are_absent() {
    for number in ["-1", "7.5", "4294967296", "1e300", "[7]", "{}", "true"] {
        let json = format!(r#"{{"command":"stop_stream","stream_id":{number}}}"#);
        let expected = Command::StopStream { stream_id: None, channel: None };
        assert_eq!(command(&json), expected, "{number}");
    }
}

#[test]
fn a_long_codec_header_is_a_header_and_a_broken_one_is_none() {
    let header = |text: &str| {
        let json = format!(
            r#"{{"command":"on_stream_start","stream_id":1,"codec_header":{text},"packet_duration":"20"}}"#
        );
        let event = event(&json);
        let Event::StreamStart(start) = event else {
            panic!("{json} is {event:?}");
        };
        (start.codec_header, start.packet_duration)
    };
    let known = Some(CodecHeader::single(16_000, 60));
    assert_eq!(header(r#""gD4BPAAAAAAAAAAAAAAAAAAA""#), (known, Some(20.0)));
    assert_eq!(header(r#""gD4B""#), (None, Some(20.0)));
    assert_eq!(header("5"), (None, Some(20.0)));
}

#[test]
fn a_status_is_known_by_one_word_alone() {
    assert_eq!(
        event(
            r#"{"command":"on_channel_status","status":"ONLINE","users_online":-1,"images_supported":"true"}"#
        ),
        Event::ChannelStatus(ChannelStatus {
            online: true,
            images_supported: true,
            ..ChannelStatus::default()
        })
    );
    assert_eq!(
        event(
            r#"{"command":"on_channel_status","channel":"x","status":"offline","error":"unable to verify","error_type":"unknown"}"#
        ),
        Event::ChannelStatus(ChannelStatus {
            channel: "x".to_owned(),
            error: Some(ErrorCode::UnableToVerify),
            ..ChannelStatus::default()
        })
    );
}

#[test]
fn an_error_fails_a_reply_and_nothing_else_does() {
    assert_eq!(outcome(r#"{"success":true,"error":"channel busy","seq":1}"#), Err(ErrorCode::ChannelBusy));
    assert_eq!(outcome(r#"{"error":"kicked"}"#), Err(ErrorCode::Kicked), "even without seq");
    assert_eq!(outcome(r#"{"seq":0}"#), Ok(Success::default()));
    for none in ["null", "false", "\"\""] {
        let json = format!(r#"{{"seq":1,"success":true,"error":{none}}}"#);
        assert_eq!(outcome(&json), Ok(Success::default()));
    }
    assert!(outcome(r#"{"seq":1,"success":false}"#).is_err());
    assert_eq!(outcome(r#"{"seq":1,"error":{"code":5}}"#), Err(ErrorCode::Other(r#"{"code":5}"#.to_owned())));
}

#[test]
fn stream_number_zero_is_none_in_a_reply() {
    assert_eq!(outcome(r#"{"seq":1,"success":true,"stream_id":0}"#), Ok(Success::default()));
}

#[test]
fn a_log_on_names_channels_in_one_of_two_forms_or_both() {
    for (json, channels) in [
        (r#"{"command":"logon","channel":"a"}"#, vec!["a"]),
        (r#"{"command":"logon","channels":["a","b"]}"#, vec!["a", "b"]),
        (r#"{"command":"logon","channels":"a"}"#, vec!["a"]),
        (r#"{"command":"logon","channel":["a","b"]}"#, vec!["a", "b"]),
        (r#"{"command":"logon","channel":"b","channels":["a","b"]}"#, vec!["a", "b"]),
        (r#"{"command":"logon","channel":null,"channels":[null]}"#, vec![]),
        (r#"{"command":"logon"}"#, vec![]),
    ] {
        assert_eq!(logon(json).channels, channels, "{json}");
    }
}

#[test]
fn null_is_absent() {
    let json = r#"{"command":"logon","seq":null,"auth_token":null,"username":null,"listen_only":null,"channel":null}"#;
    assert_eq!(logon(json), Logon::default());
    assert_eq!(Request::parse(json).map(|request| request.seq), Ok(None));
}

#[test]
fn what_is_no_object_is_told_apart_from_what_misses_something() {
    for text in ["", "nonsense", "[]", "5", "null", "\"text\"", "{\"a\":1", "\u{0}"] {
        assert!(matches!(ServerMessage::parse(text), Err(WireError::NotAnObject(_))), "{text}");
        assert!(matches!(Request::parse(text), Err(WireError::NotAnObject(_))), "{text}");
    }
    for text in [
        "{}",
        r#"{"command":5}"#,
        r#"{"command":"on_stream_start","from":"x"}"#,
        r#"{"command":"on_stream_stop","stream_id":"x"}"#,
        r#"{"command":"on_channel_status","channel":"x"}"#,
        r#"{"command":"on_error"}"#,
        r#"{"command":"on_text_message"}"#,
        r#"{"command":"on_location","latitude":1}"#,
        r#"{"command":"on_image"}"#,
        r#"{"command":"on_transcription"}"#,
    ] {
        assert!(matches!(ServerMessage::parse(text), Err(WireError::Malformed { .. })), "{text}");
    }
    for text in ["{}", r#"{"command":5}"#, r#"{"command":null,"seq":1}"#] {
        assert!(matches!(Request::parse(text), Err(WireError::Malformed { .. })), "{text}");
    }
}

#[test]
fn a_malformed_event_says_what_it_misses() {
    let error = ServerMessage::parse(r#"{"command":"on_stream_stop"}"#).unwrap_err();
    assert_eq!(error.to_string(), "on_stream_stop: stream_id is missing or of the wrong type");
}

#[test]
fn nesting_without_end_is_refused() {
    let deep = format!(r#"{{"command":{}"#, "[".repeat(100_000));
    assert!(ServerMessage::parse(&deep).is_err());
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let json = r#"{"command":"logon","auth_token":"hunter2","refresh_token":"hunter2","password":"hunter2"}"#;
    assert!(!format!("{:?}", Request::parse(json)).contains("hunter2"));
    let json = r#"{"seq":1,"success":true,"refresh_token":"hunter2"}"#;
    assert!(!format!("{:?}", ServerMessage::parse(json)).contains("hunter2"));
}
