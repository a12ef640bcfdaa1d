//! Text frames from a server.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zello_gateway_fuzz::wire::message(bytes));
