//! Binary frames from anybody: what is understood is written back byte for byte.

#![no_main]

use libfuzzer_sys::fuzz_target;
use zello_gateway::zello::BinaryFrame;

fuzz_target!(|bytes: &[u8]| {
    match BinaryFrame::parse(bytes) {
        Ok(frame) => assert_eq!(frame.to_vec(), bytes),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
