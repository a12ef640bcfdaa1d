//! zello-gateway joins a physical two-way radio to a Zello channel: what the radio hears, the channel hears; what the
//! channel says, the radio says. Two promises stand above all: the transmitter is never left keyed, and no syllable is
//! lost that could have been kept.
//!
//! # The floors
//!
//! Arrows run down only.
//!
//! ```text
//!  cli        talks to people                               demo, check, run, …
//!   │
//!  daemon     starts, watches, stops                        ┌───────────────┐
//!   │                                                       │ sim           │
//!  engine     joins logic, DSP, codec                       │ a Zello server│
//!   │                                                       │ of our own;   │
//!  audio   lines   net      shells around devices           │ knows zello   │
//!   │                                                       │ and codec     │
//!  logic      decisions, no IO        config                └───────────────┘
//!   │
//!  zello   dsp   codec      know nobody
//!   │
//!  bell  queue  quota  counters  secret  realtime  privileges  out_of_memory     ground tools
//! ```
//!
//! # The threads
//!
//! They meet only in bounded queues ([`queue`]). When one is full the item is dropped and counted; nobody waits.
//!
//! ```text
//!   sound card ─▶ audio-in ──10 ms blocks──▶ ┌────────┐ ──overs, packets──▶ ┌─────┐ ─▶ Zello
//!   COS line ───▶ cos ────────edges────────▶ │ engine │                     │ net │
//!   sound card ◀─ audio-out ◀─10 ms blocks── └────────┘ ◀─streams, packets─ └─────┘ ◀─ Zello
//!                                                │ heartbeats: "keyed" or "not keyed"
//!                                                ▼
//!   PTT line ◀──────────────────────────── guard process
//! ```
//!
//! `audio-in`, `audio-out` and `engine` ask for the real-time class; after start they allocate nothing, lock nothing and
//! log nothing. `net` and `cos` wake the engine by a [`bell::Bell`], the engine wakes `net` by another.
//!
//! # The kinds of time
//!
//! * *Monotonic* (`Instant`): every deadline and every fact. Handed to the logic as `now`; only shells read the clock.
//! * *Sample clock*: 16 kHz, counted in blocks of 10 ms; the sound card paces it. The playback queue paces the downlink.
//! * *Packet numbers*: order and gaps of a stream; they say nothing about when.
//! * *Wall clock* (`SystemTime`): the end of tokens and the lines of `ptt.log`; nowhere else.
//!
//! # Words
//!
//! | Word | Means |
//! |---|---|
//! | uplink, downlink | radio → Zello, Zello → radio |
//! | over | one transmission by one person |
//! | PTT | the line that keys the transmitter |
//! | COS | the line that tells that the radio hears somebody; *squelch open* |
//! | VOX | squelch by sound level |
//! | TOT | time-out timer: the longest transmission |
//! | CTCSS | a tone below speech that opens squelches |
//! | lead, tail | keyed and silent before the first and after the last word |
//! | hang | a squelch closed for less than this does not end an over |
//! | pre-roll | sound kept from before the squelch opened |
//! | frame, period | ALSA: one sample per channel; the stretch between two wake-ups |
//! | packet | one Opus packet |
//! | block | 10 ms at 16 kHz mono, the engine's step |

pub mod audio;
pub mod bell;
pub mod cli;
pub mod codec;
pub mod config;
pub mod counters;
pub mod daemon;
pub mod dsp;
pub mod engine;
pub mod lines;
pub mod logic;
pub mod net;
pub mod out_of_memory;
pub mod privileges;
pub mod queue;
pub mod quota;
pub mod realtime;
pub mod secret;
pub mod sim;
pub mod zello;
