//! zello-gateway joins a physical two-way radio to a Zello channel.

pub mod audio;
pub mod bell;
pub mod cli;
pub mod codec;
pub mod config;
pub mod counters;
// pub mod daemon;
pub mod dsp;
// pub mod engine;
pub mod lines;
pub mod logic;
pub mod net;
pub mod queue;
pub mod realtime;
pub mod secret;
pub mod sim;
pub mod zello;
