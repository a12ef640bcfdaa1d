//! The guard's pipe and line.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zello_gateway_fuzz::guard::guard(bytes));
