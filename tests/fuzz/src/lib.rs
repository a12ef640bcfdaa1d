//! What each fuzz target does with its bytes. The targets are thin; these bodies run in `cargo test` too, over the kept
//! corpus (`tests/hostile.rs`) and over bytes by chance.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "tests and fuzz targets each use a part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unchecked_time_subtraction,
    clippy::cast_possible_truncation,
    reason = "a body fails as a test does: by panicking"
)]

pub mod config;
pub mod gateway;
pub mod guard;
pub mod hid;
pub mod input;
pub mod opus;
pub mod sim;
pub mod wire;

/// A target's name and its body.
pub type Target = (&'static str, fn(&[u8]));

/// Every target; each has a file in `fuzz_targets` and a folder in `corpus`.
pub const TARGETS: &[Target] = &[
    ("message", wire::message),
    ("request", wire::request),
    ("frame", wire::frame),
    ("codec_header", wire::codec_header),
    ("token", wire::token),
    ("config", config::config),
    ("board", config::board),
    ("hid", hid::hid),
    ("guard", guard::guard),
    ("sim", sim::sim),
    ("opus", opus::opus),
    ("gateway", gateway::gateway),
];
