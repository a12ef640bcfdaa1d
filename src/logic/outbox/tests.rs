//! The outbox on a bench: engine, server and clock do as they are told.

#![allow(
    clippy::cast_possible_truncation,
    clippy::wildcard_enum_match_arm,
    reason = "small numbers; a test looks for one kind"
)]

mod asking;
mod gap;
mod holding;
mod properties;
mod sending;

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::config;

const PACKET: Duration = Duration::from_millis(60);

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn settings(hold: Duration) -> config::Uplink {
    config::Uplink {
        packet: PACKET,
        bitrate_bps: 16_000,
        pre_roll: ms(200),
        hang: ms(500),
        hold,
        held_tone: false,
        roll_over: ms(55_000),
        stuck: ms(300_000),
    }
}

/// An outbox, its clock, and what it put on the wire.
struct Bench {
    outbox: Outbox,
    counters: Arc<Counters>,
    now: Instant,
    begin: Instant,
    next_packet: u32,
    /// Milliseconds and what was done.
    wire: Vec<(u64, Output)>,
}

impl Bench {
    fn new(hold: Duration) -> Self {
        let (now, counters) = (Instant::now(), Arc::new(Counters::default()));
        Self {
            outbox: Outbox::new(now, &settings(hold), false, Arc::clone(&counters)),
            counters,
            now,
            begin: now,
            next_packet: 0,
            wire: Vec::new(),
        }
    }

    fn online(hold: Duration) -> Self {
        let mut bench = Self::new(hold);
        bench.do_it(|outbox, now| outbox.handle_online(now, now));
        bench
    }

    fn do_it(&mut self, what: impl FnOnce(&mut Outbox, Instant)) {
        what(&mut self.outbox, self.now);
        let at = u64::try_from((self.now - self.begin).as_millis()).unwrap();
        while let Some(output) = self.outbox.poll() {
            self.wire.push((at, output));
        }
    }

    fn item(&mut self, item: UplinkItem) {
        self.do_it(|outbox, now| outbox.handle_item(now, item));
    }

    fn start(&mut self, over: u32, continues: Option<u32>) {
        let at = self.now;
        self.item(UplinkItem::Start { over: OverId(over), at, continues: continues.map(OverId) });
    }

    /// The next packet; its payload is its number among all.
    fn packet(&mut self, over: u32) {
        let payload = heapless::Vec::from_slice(&self.next_packet.to_be_bytes()).unwrap();
        self.next_packet += 1;
        let captured_at = self.now;
        self.item(UplinkItem::Packet { over: OverId(over), captured_at, payload });
    }

    fn end(&mut self, over: u32) {
        self.item(UplinkItem::End { over: OverId(over) });
    }

    fn over(&mut self, over: u32, packets: u32) {
        self.start(over, None);
        for _ in 0..packets {
            self.packet(over);
        }
        self.end(over);
    }

    /// `count` packets in real time.
    fn talk(&mut self, over: u32, count: u32) {
        for _ in 0..count {
            self.wait(PACKET);
            self.packet(over);
        }
    }

    fn reply(&mut self, attempt: u32, stream: u32) {
        self.do_it(|outbox, now| {
            outbox.handle_start_reply(now, Attempt(attempt), Ok(Some(StreamId(stream))));
        });
    }

    fn refuse(&mut self, attempt: u32, error: ErrorCode) {
        self.do_it(|outbox, now| outbox.handle_start_reply(now, Attempt(attempt), Err(error)));
    }

    /// Lets time pass, from deadline to deadline.
    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut wakes = 0;
        while let Some((at, why)) = self.outbox.poll_timeout().filter(|(at, _)| *at <= end) {
            wakes += 1;
            assert!(wakes < 100_000, "woken for nothing by {why:?}");
            self.now = self.now.max(at);
            self.do_it(Outbox::handle_timeout);
        }
        self.now = end;
    }

    /// Lets time pass until the next start, for a while.
    fn wait_for_start(&mut self) {
        let before = self.starts().len();
        for _ in 0..2_000 {
            if self.starts().len() > before {
                return;
            }
            self.wait(ms(10));
        }
    }

    fn starts(&self) -> Vec<u64> {
        let is_start = |output: &Output| matches!(output, Output::Start { .. });
        self.wire.iter().filter(|(_, output)| is_start(output)).map(|(at, _)| *at).collect()
    }

    /// Numbers of the packets on the wire.
    fn sent(&self) -> Vec<u32> {
        let packets = self.wire.iter().filter_map(|(_, output)| match output {
            Output::Packet { payload, .. } => Some(u32::from_be_bytes((**payload).try_into().unwrap())),
            _ => None,
        });
        packets.collect()
    }

    fn saw(&self, wanted: &Output) -> bool {
        self.wire.iter().any(|(_, output)| output == wanted)
    }

    fn last(&self) -> &Output {
        &self.wire.iter().rfind(|(_, output)| !matches!(output, Output::Told(_))).unwrap().1
    }
}

fn stop(stream: u32) -> Output {
    Output::Stop { stream: StreamId(stream) }
}

/// Packets only on a stream that is open, starts one at a time and spaced, never more than [`BURST`] ahead.
fn check_wire(bench: &Bench) -> Result<(), TestCaseError> {
    let (mut played, mut open) = (0_u64, None);
    for (at, output) in &bench.wire {
        match output {
            Output::Packet { stream, id, .. } => {
                let (known, next) = open.unwrap_or((*stream, 0));
                // A new stream begins with its first packet.
                let expected = if known == *stream { next } else { 0 };
                prop_assert_eq!(id.0, expected);
                open = Some((*stream, expected + 1));
                played = played.max(*at) + 60;
                prop_assert!(played - at <= 1_000);
            }
            Output::Stop { stream } => {
                if open.is_some_and(|(known, _)| known == *stream) {
                    open = None;
                }
            }
            Output::Start { .. } | Output::Refused { .. } | Output::Reconnect(_) | Output::Told(_) => {}
        }
    }
    Ok(())
}
