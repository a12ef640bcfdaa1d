//! What describes a stream, and what its packets say of themselves.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zello_gateway_fuzz::wire::codec_header(bytes));
