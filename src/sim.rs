//! A Zello server for tests, training and the demo, with scripted faults; and a phone that talks to any such server.
//!
//! [`World`] decides and does no IO: facts and the time go in, things to do come out. [`Sim`] is the shell around it:
//! TCP, TLS, the HTTP upgrade, the journal. Existing clients use it unmodified, so what it says on the wire is
//! written here by hand and not with the gateway's own message types: a mistake in those shows.
//!
//! This floor knows only `zello`, `codec` and the ground; the daemon's rooms never see it.

pub mod account;
mod connection;
pub mod fault;
mod journal;
mod json;
pub mod phone;
mod pong_filter;
mod random;
mod refresh;
mod schedule;
pub mod serve;
pub mod settings;
mod tls;
pub mod world;

pub use fault::Fault;
pub use phone::{Heard, HeardPacket, Login, Phone, PhoneError, Talk};
pub use serve::{Sim, SimError, SimEvent};
pub use settings::{Mode, Settings, SettingsError};
pub use world::{ConnId, Seen, StopReason, World};
