//! Frames and tokens from anybody: nothing panics, and what is understood survives being written and read again.

use std::time::{Duration, UNIX_EPOCH};

use zello_gateway::zello::toc::{LONGEST_PACKET, packet_duration};
use zello_gateway::zello::token::{self, PublicKey, SigningKey, Verifier};
use zello_gateway::zello::{BinaryFrame, CloseReason, CodecHeader, ErrorCode, Request, ServerMessage};

use super::input::text;

/// Text frames from a server.
pub fn message(bytes: &[u8]) {
    let text = text(bytes);
    if let Ok(message) = ServerMessage::parse(text) {
        assert_eq!(ServerMessage::parse(&message.to_json()), Ok(message));
    }
    assert_eq!(ErrorCode::from_wire(ErrorCode::from_wire(text).as_str()), ErrorCode::from_wire(text));
    let reason = CloseReason::from_frame(u16::try_from(text.len()).ok(), text);
    assert!(!reason.to_string().is_empty());
}

/// Text frames from a client.
pub fn request(bytes: &[u8]) {
    if let Ok(request) = Request::parse(text(bytes)) {
        assert_eq!(Request::parse(&request.to_json()), Ok(request));
    }
}

/// Binary frames: what is understood is written back byte for byte.
pub fn frame(bytes: &[u8]) {
    match BinaryFrame::parse(bytes) {
        Ok(frame) => assert_eq!(frame.to_vec(), bytes),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// What describes a stream, and what its packets say of themselves.
pub fn codec_header(bytes: &[u8]) {
    if let Some(duration) = packet_duration(bytes) {
        assert!(!duration.is_zero() && duration <= LONGEST_PACKET);
    }
    if let Some(header) = CodecHeader::from_base64(text(bytes)) {
        let _ = header.packet_ms();
        assert_eq!(CodecHeader::from_base64(&header.to_base64()), Some(header));
    }
}

/// Tokens and key files of any content. A token that nobody signed is never good.
pub fn token(bytes: &[u8]) {
    const KEY: &str = include_str!("../../data/keys/account.pkcs1.pem");
    let text = text(bytes);
    let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let described = token::describe(text);
    let own = SigningKey::from_pem(KEY).unwrap().public_key();
    assert!(Verifier::new("issuer", own).check(text, now).is_err(), "signed by nobody");
    if let Err(wrong) = described {
        assert!(!wrong.to_string().is_empty());
    }
    for wrong in [SigningKey::from_pem(text).err(), PublicKey::from_pem(text).err()].into_iter().flatten() {
        assert!(!wrong.to_string().is_empty());
    }
}
