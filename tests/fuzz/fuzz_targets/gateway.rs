//! The whole gateway beside a reference model.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zello_gateway_fuzz::gateway::gateway(bytes));
