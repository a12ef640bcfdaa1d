//! What describes a stream, and what its packets say of themselves.

#![no_main]

use libfuzzer_sys::fuzz_target;
use zello_gateway::zello::CodecHeader;
use zello_gateway::zello::toc::{LONGEST_PACKET, packet_duration};

fuzz_target!(|bytes: &[u8]| {
    if let Some(duration) = packet_duration(bytes) {
        assert!(!duration.is_zero() && duration <= LONGEST_PACKET);
    }
    let header = std::str::from_utf8(bytes).ok().and_then(CodecHeader::from_base64);
    if let Some(header) = header {
        let _ = header.packet_ms();
        assert_eq!(CodecHeader::from_base64(&header.to_base64()), Some(header));
    }
});
