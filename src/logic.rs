//! Decisions, without IO: facts and `now` in, actions out, every deadline named.
//!
//! Nothing here opens, sleeps, spawns or reads a clock; a day of traffic plays in a second and twice the same.

pub mod backoff;
pub mod clock;
pub mod downlink;
pub mod exchange;
pub mod flow;
pub mod jitter;
pub mod outbox;
pub mod radio;
pub mod session;
pub mod uplink;
