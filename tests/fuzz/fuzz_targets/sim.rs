//! Clients of the simulator.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zello_gateway_fuzz::sim::sim(bytes));
