//! Configuration files.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zello_gateway_fuzz::config::config(bytes));
