//! Text frames from a server: nothing panics, and what is understood survives being written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use zello_gateway::zello::{CloseReason, ErrorCode, ServerMessage, token};

fuzz_target!(|text: &str| {
    if let Ok(message) = ServerMessage::parse(text) {
        assert_eq!(ServerMessage::parse(&message.to_json()), Ok(message));
    }
    assert_eq!(ErrorCode::from_wire(ErrorCode::from_wire(text).as_str()), ErrorCode::from_wire(text));
    let code = u16::try_from(text.len()).ok();
    let reason = CloseReason::from_frame(code, text);
    assert!(!reason.to_string().is_empty());
    let _ = token::describe(text);
});
