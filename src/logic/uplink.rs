//! An over of the radio becomes packets: pre-roll before it, roll-over within it, nothing lost at its end.
//!
//! Sound comes in blocks, always; while no over is open only the last `pre_roll` of it is kept. Memory is taken once.

use std::collections::VecDeque;
use std::time::Instant;

use super::exchange::OverId;
use crate::codec::{BLOCK_SAMPLES, Block, samples_in, time_of};
use crate::config;

/// What the engine has to do for the uplink, in order.
#[derive(Debug, PartialEq)]
pub enum Action<'a> {
    /// Begin a stream, with a fresh encoder unless it continues another.
    Start {
        /// Its number.
        over: OverId,
        /// When COS opened, or when the roll-over fell.
        at: Instant,
        /// The over that was cut by a roll-over.
        continues: Option<OverId>,
    },
    /// Encode exactly one packet.
    Packet {
        /// Of which over.
        over: OverId,
        /// When its last sample was captured.
        captured_at: Instant,
        /// Samples of one packet.
        pcm: &'a [f32],
    },
    /// The over is complete.
    End {
        /// Which.
        over: OverId,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Opening {
        over: OverId,
        at: Instant,
        continues: Option<OverId>,
    },
    Open {
        over: OverId,
        sent: usize,
    },
    Refused {
        over: OverId,
    },
    /// `flush` samples are still to be encoded; those beyond what is kept are silence.
    Closing {
        over: OverId,
        flush: usize,
    },
}

/// Cuts the radio's sound into overs and packets.
#[derive(Debug)]
pub struct Uplink {
    state: State,
    next_over: u32,
    pre_roll: usize,
    roll_over: usize,
    lookahead: usize,
    /// Sound that is in no packet yet; pre-roll while no over is open.
    kept: VecDeque<f32>,
    /// When the newest kept sample was captured.
    newest: Instant,
    packet: Vec<f32>,
}

impl Uplink {
    /// An uplink at rest. `lookahead` is the encoder's delay in samples: so much silence is encoded after an over,
    /// that its last sample is heard.
    #[must_use]
    pub fn new(now: Instant, settings: &config::Uplink, lookahead: usize) -> Self {
        let packet = samples_in(settings.packet);
        let pre_roll = samples_in(settings.pre_roll);
        Self {
            state: State::Closed,
            next_over: 1,
            pre_roll,
            roll_over: samples_in(settings.roll_over).max(packet),
            lookahead,
            kept: VecDeque::with_capacity(pre_roll + packet + 2 * BLOCK_SAMPLES),
            newest: now,
            packet: vec![0.0; packet],
        }
    }

    /// Takes the next block of sound; its last sample was captured at `captured_at`.
    pub fn handle_block(&mut self, captured_at: Instant, block: &Block) {
        let room = self.kept.capacity() - BLOCK_SAMPLES;
        let keep =
            if self.is_collecting() { room } else { self.pre_roll.saturating_sub(BLOCK_SAMPLES).min(room) };
        let surplus = self.kept.len().saturating_sub(keep);
        self.kept.drain(..surplus);
        if self.is_collecting() || self.pre_roll > 0 {
            self.kept.extend(block);
        }
        self.newest = captured_at;
    }

    /// COS opened at `at`.
    pub fn open(&mut self, at: Instant) {
        self.state = State::Opening { over: self.number(), at, continues: None };
    }

    /// The over is complete; what is kept still belongs to it.
    pub fn close(&mut self) {
        self.state = match self.state {
            State::Open { over, .. } => State::Closing { over, flush: self.kept.len() + self.lookahead },
            State::Refused { over } => State::Closing { over, flush: 0 },
            other @ (State::Closed | State::Opening { .. } | State::Closing { .. }) => other,
        };
    }

    /// The server does not want the rest of this over.
    pub fn refuse(&mut self, refused: OverId) {
        if let State::Open { over, .. } = self.state {
            if over == refused {
                self.state = State::Refused { over };
            }
        }
    }

    /// The next thing to do. Drain after each call of the others.
    pub fn poll(&mut self) -> Option<Action<'_>> {
        match self.state {
            State::Closed | State::Refused { .. } => None,
            State::Opening { over, at, continues } => {
                self.state = State::Open { over, sent: 0 };
                Some(Action::Start { over, at, continues })
            }
            State::Open { over, sent } => self.poll_open(over, sent),
            State::Closing { over, flush: 0 } => {
                self.state = State::Closed;
                Some(Action::End { over })
            }
            State::Closing { over, flush } => {
                self.state = State::Closing { over, flush: flush.saturating_sub(self.packet.len()) };
                Some(self.take_packet(over))
            }
        }
    }

    /// An over is open, or was refused and its COS has not closed.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed)
    }

    fn poll_open(&mut self, over: OverId, sent: usize) -> Option<Action<'_>> {
        let packet = self.packet.len();
        if self.kept.len() < packet {
            return None;
        }
        if sent + packet > self.roll_over {
            // Cut only when the next packet is ready, so that the new stream is never empty.
            self.state = State::Opening { over: self.number(), at: self.newest, continues: Some(over) };
            return Some(Action::End { over });
        }
        self.state = State::Open { over, sent: sent + packet };
        Some(self.take_packet(over))
    }

    fn take_packet(&mut self, over: OverId) -> Action<'_> {
        let taken = self.kept.len().min(self.packet.len());
        for (sample, kept) in
            self.packet.iter_mut().zip(self.kept.drain(..taken).chain(std::iter::repeat(0.0)))
        {
            *sample = kept;
        }
        let captured_at = self.newest.checked_sub(time_of(self.kept.len())).unwrap_or(self.newest);
        Action::Packet { over, captured_at, pcm: &self.packet }
    }

    fn is_collecting(&self) -> bool {
        matches!(self.state, State::Opening { .. } | State::Open { .. })
    }

    fn number(&mut self) -> OverId {
        let number = self.next_over;
        self.next_over = self.next_over.wrapping_add(1);
        OverId(number)
    }
}

#[cfg(test)]
#[expect(
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the samples are small whole numbers"
)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LOOKAHEAD: usize = 104;

    fn settings() -> config::Uplink {
        config::Uplink {
            packet: Duration::from_millis(60),
            bitrate_bps: 16_000,
            pre_roll: Duration::from_millis(200),
            hang: Duration::from_millis(500),
            hold: Duration::from_secs(60),
            held_tone: false,
            roll_over: Duration::from_secs(55),
            stuck: Duration::from_secs(300),
        }
    }

    /// Feeds a sound in which every sample is its own number, and collects what comes out.
    struct Bench {
        uplink: Uplink,
        start: Instant,
        blocks: u32,
        heard: Vec<f32>,
        starts: Vec<(OverId, Option<OverId>)>,
        ends: Vec<OverId>,
        packets: usize,
    }

    impl Bench {
        fn new(settings: &config::Uplink) -> Self {
            let start = Instant::now();
            let uplink = Uplink::new(start, settings, LOOKAHEAD);
            let (starts, ends, heard) = (vec![], vec![], vec![]);
            Self { uplink, start, blocks: 0, heard, starts, ends, packets: 0 }
        }

        fn drain(&mut self) {
            while let Some(action) = self.uplink.poll() {
                match action {
                    Action::Start { over, continues, .. } => self.starts.push((over, continues)),
                    Action::Packet { pcm, captured_at, .. } => {
                        let last = pcm.iter().rev().find(|sample| **sample != 0.0).copied();
                        if let Some(last) = last.filter(|last| pcm.last() == Some(last)) {
                            let expected = self.start + time_of(last as usize);
                            let error = captured_at.max(expected) - captured_at.min(expected);
                            assert!(error < Duration::from_micros(200), "the packet knows its time");
                        }
                        self.heard.extend_from_slice(pcm);
                        self.packets += 1;
                    }
                    Action::End { over } => self.ends.push(over),
                }
            }
        }

        fn blocks(&mut self, count: u32) {
            for _ in 0..count {
                let first = self.blocks as usize * BLOCK_SAMPLES + 1;
                let block: Block = std::array::from_fn(|i| (first + i) as f32);
                self.blocks += 1;
                let at = self.start + time_of(self.blocks as usize * BLOCK_SAMPLES);
                self.uplink.handle_block(at, &block);
                self.drain();
            }
        }

        fn open(&mut self) {
            self.uplink.open(self.start);
            self.drain();
        }

        fn close(&mut self) {
            self.uplink.close();
            self.drain();
        }
    }

    #[test]
    fn an_over_is_whole_from_its_pre_roll_to_the_last_sample() {
        let mut bench = Bench::new(&settings());
        bench.blocks(100);
        bench.open();
        bench.blocks(95);
        bench.close();
        let first = 80 * BLOCK_SAMPLES + 1;
        let spoken = 115 * BLOCK_SAMPLES;
        assert!(bench.heard[..spoken].iter().enumerate().all(|(i, sample)| *sample == (first + i) as f32));
        assert!(bench.heard[spoken..].iter().all(|sample| *sample == 0.0), "then silence");
        assert!(
            bench.heard.len() >= spoken + LOOKAHEAD,
            "enough silence to push the last sample out of the encoder"
        );
        assert_eq!((bench.starts.len(), bench.ends.len()), (1, 1));
    }

    #[test]
    fn without_pre_roll_an_over_begins_where_cos_opened() {
        let mut bench = Bench::new(&config::Uplink { pre_roll: Duration::ZERO, ..settings() });
        bench.blocks(10);
        bench.open();
        bench.blocks(6);
        bench.close();
        assert_eq!(bench.heard[0], (10 * BLOCK_SAMPLES + 1) as f32);
        assert_eq!(bench.packets, 2, "one of sound, one that flushes the encoder");
    }

    #[test]
    fn an_over_of_no_blocks_still_has_a_packet() {
        let mut bench = Bench::new(&config::Uplink { pre_roll: Duration::ZERO, ..settings() });
        bench.open();
        bench.close();
        assert_eq!((bench.packets, bench.ends.len()), (1, 1));
    }

    #[test]
    fn a_long_over_rolls_over_without_losing_a_sample() {
        let mut bench = Bench::new(&settings());
        bench.open();
        bench.blocks(12_000);
        bench.close();
        assert_eq!(
            bench.starts,
            [(OverId(1), None), (OverId(2), Some(OverId(1))), (OverId(3), Some(OverId(2)))]
        );
        assert_eq!(bench.ends, [OverId(1), OverId(2), OverId(3)]);
        let spoken = 12_000 * BLOCK_SAMPLES;
        assert!(bench.heard[..spoken].iter().enumerate().all(|(i, sample)| *sample == (i + 1) as f32));
    }

    #[test]
    fn a_refused_over_sends_no_more_and_the_next_one_does() {
        let mut bench = Bench::new(&settings());
        bench.open();
        bench.blocks(60);
        let packets = bench.packets;
        bench.uplink.refuse(OverId(99));
        bench.blocks(6);
        assert_eq!(bench.packets, packets + 1, "another over's refusal is not ours");
        bench.uplink.refuse(OverId(1));
        bench.blocks(200);
        bench.close();
        assert_eq!((bench.packets, bench.ends.clone()), (packets + 1, vec![OverId(1)]));
        bench.open();
        bench.blocks(6);
        assert!(bench.packets > packets + 1);
    }

    #[test]
    fn memory_is_taken_once() {
        let mut bench = Bench::new(&settings());
        let capacity = bench.uplink.kept.capacity();
        for _ in 0..50 {
            bench.blocks(37);
            bench.open();
            bench.blocks(91);
            bench.close();
        }
        assert_eq!(bench.uplink.kept.capacity(), capacity);
    }
}
