//! Text frames from a client: nothing panics, and what is understood survives being written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use zello_gateway::zello::Request;

fuzz_target!(|text: &str| {
    if let Ok(request) = Request::parse(text) {
        assert_eq!(Request::parse(&request.to_json()), Ok(request));
    }
});
