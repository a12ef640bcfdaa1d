//! Whatever the channel does: nothing panics, nothing grows, no packet is said twice or disappears uncounted.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::tests::{opus, read, settings};
use super::*;

#[derive(Debug, Clone)]
enum Step {
    Start(u32),
    /// Stream, how many numbers are skipped (negative: an old one comes again).
    Packet(u32, i32),
    Garbage(u32, u32, Vec<u8>),
    Stop(u32),
    LinkLost,
    Wait(u64),
    Pull(u8),
    Discard(Discard),
}

fn step() -> impl Strategy<Value = Step> {
    let stream = || 1_u32..12;
    prop_oneof![
        4 => stream().prop_map(Step::Start),
        30 => (stream(), prop_oneof![8 => Just(0), 1 => -3..20]).prop_map(|(stream, skip)| Step::Packet(stream, skip)),
        2 => (any::<u32>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..200)).prop_map(|(s, id, bytes)| Step::Garbage(s, id, bytes)),
        3 => stream().prop_map(Step::Stop),
        1 => Just(Step::LinkLost),
        8 => (0_u64..300).prop_map(Step::Wait),
        1 => (0_u64..5_000).prop_map(Step::Wait),
        10 => (1_u8..20).prop_map(Step::Pull),
        1 => prop_oneof![Just(Discard::TimeOut), Just(Discard::Busy)].prop_map(Step::Discard),
    ]
}

/// The channel, the radio and the books.
struct World {
    now: Instant,
    downlink: Downlink,
    next_id: BTreeMap<u32, u32>,
    /// Number of the packet said last, of the stream that speaks.
    last: Option<(u32, u32)>,
    given: u64,
    said: u64,
    counts: Counts,
}

impl World {
    fn new(wait: u64) -> Self {
        let settings = config::Downlink { wait: Duration::from_millis(wait), ..settings() };
        Self {
            now: Instant::now(),
            downlink: Downlink::new(settings),
            next_id: BTreeMap::new(),
            last: None,
            given: 0,
            said: 0,
            counts: Counts::default(),
        }
    }

    fn act(&mut self, step: &Step) {
        let at = self.now;
        let item = match step {
            Step::Start(stream) => DownlinkItem::Start { stream: StreamId(*stream), at },
            Step::Packet(stream, skip) => {
                let next = self.next_id.entry(*stream).or_insert(100);
                let id = next.wrapping_add_signed(*skip);
                *next = (*next).max(id + 1);
                self.given += 1;
                DownlinkItem::Packet {
                    stream: StreamId(*stream),
                    id: PacketId(id),
                    at,
                    payload: opus(*stream, id),
                }
            }
            Step::Garbage(stream, id, bytes) => {
                self.given += u64::from(!bytes.is_empty());
                let payload = heapless::Vec::from_slice(bytes).unwrap();
                DownlinkItem::Packet { stream: StreamId(*stream), id: PacketId(*id), at, payload }
            }
            Step::Stop(stream) => DownlinkItem::Stop { stream: StreamId(*stream) },
            Step::LinkLost => DownlinkItem::LinkLost,
            Step::Wait(ms) => {
                self.now += Duration::from_millis(*ms);
                return self.downlink.handle_timeout(self.now);
            }
            Step::Pull(times) => {
                for _ in 0..*times {
                    self.pull();
                }
                return;
            }
            Step::Discard(why) => return self.downlink.discard(self.now, *why),
        };
        self.downlink.handle(self.now, &item);
    }

    /// False when there is nothing more to say.
    fn pull(&mut self) -> bool {
        let time = match self.downlink.pull(self.now) {
            Pull::Begin { .. } => {
                self.last = None;
                Duration::ZERO
            }
            Pull::Packet(packet) => {
                self.said += 1;
                // Garbage that happens to be Opus has no name.
                if packet.len() == 89 && packet[0] == 11 << 3 {
                    let (stream, id) = read(packet);
                    if let Some((same, before)) = self.last {
                        assert_eq!(stream, same, "two streams are mixed");
                        assert!(id > before, "{id} was said after {before}");
                    }
                    self.last = Some((stream, id));
                }
                packet_duration(packet).unwrap()
            }
            Pull::Conceal(time) => {
                assert!(!time.is_zero() && time <= Duration::from_millis(120));
                time
            }
            Pull::Silence => Duration::from_millis(10),
            Pull::Done => return false,
        };
        self.now += time;
        self.downlink.handle_timeout(self.now);
        true
    }

    /// Every packet has exactly one fate.
    fn books_balance(&mut self) {
        let new = self.downlink.take_counts();
        self.counts.packets += new.packets;
        self.counts.late += new.late + new.expired + new.discarded + new.invalid;
        let waiting: Duration = self.downlink.live().iter().map(|stream| stream.jitter.buffered()).sum();
        assert!(waiting <= self.downlink.limit * 2, "{waiting:?} are kept");
        assert_eq!(self.counts.packets, self.given);
        let kept: usize = self.downlink.live().iter().map(|stream| stream.jitter.len()).sum();
        assert_eq!(self.given, self.said + self.counts.late + kept as u64);
        assert_eq!(self.downlink.wants_radio(), self.downlink.live > 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_packet_is_said_twice_or_disappears_uncounted(steps in prop::collection::vec(step(), 1..300), wait in 0_u64..20_000) {
        let mut world = World::new(wait);
        for step in &steps {
            world.act(step);
            world.books_balance();
            while world.downlink.poll_event().is_some() {}
        }
        // No stop comes any more: everything ends by itself, and the transmitter is let go.
        let silent_since = world.now;
        let mut pulls = 0;
        while world.pull() {
            pulls += 1;
            prop_assert!(pulls < 100_000, "the transmitter would stay keyed");
        }
        world.books_balance();
        prop_assert!(!world.downlink.wants_radio());
        prop_assert_eq!(world.given, world.said + world.counts.late);
        prop_assert!(world.now - silent_since < Duration::from_secs(600));
    }
}
