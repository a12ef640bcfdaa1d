//! A jitter buffer listens to overs from a network: how much of them was late, and how much later all of it was heard.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot prepare itself has failed"
)]

use std::time::{Duration, Instant};

use zello_gateway::logic::jitter::{Delay, Jitter, Next, SILENCE_STEP};
use zello_gateway::zello::PacketId;

use super::network::{Chance, Connection, Network};

/// Speech in a packet, as phones send it.
const SPAN: Duration = Duration::from_millis(60);
/// Overs of a trace: about 20 minutes of a lively channel.
const OVERS: usize = 50;

/// The limits of the configuration without a line in the file, ms.
pub const LIMITS_MS: (u64, u64) = (60, 800);

/// The fixed settings that are tried, ms: every step of 20 within the limits.
pub fn settings() -> impl Iterator<Item = u64> {
    (LIMITS_MS.0..=LIMITS_MS.1).step_by(20)
}

/// One over: when its packets were sent, and when they came.
pub struct Over {
    begins: Duration,
    packets: Vec<(Duration, Duration)>,
}

/// All that came over a network.
pub struct Trace {
    network: Network,
    overs: Vec<Over>,
}

impl Trace {
    /// Overs of 2 to 25 s, with pauses of 1 to 20 s between them.
    pub fn new(network: Network, seed: u64) -> Self {
        let (mut connection, mut chance) = (Connection::new(network, seed), Chance::new(!seed));
        let mut now = Duration::from_secs(1);
        let overs = (0..OVERS).map(|_| {
            let begins = connection.carry(now);
            let count = 33 + chance.below(384);
            let packets = (0..count).map(|_| {
                now += SPAN;
                (now, connection.carry(now))
            });
            let packets = packets.collect();
            now += Duration::from_millis(1_000 + chance.below(19_000));
            Over { begins, packets }
        });
        Self { network, overs: overs.collect() }
    }
}

/// What a setting makes of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Of a hundred packets: those that were not there when their turn came.
    pub late_percent: f64,
    /// How much later than by the quickest way of the network a packet was heard, on average, ms.
    pub delay_ms: f64,
}

impl Score {
    /// Of all these.
    #[allow(clippy::cast_precision_loss, reason = "a dozen")]
    pub fn mean(scores: &[Self]) -> Self {
        let mean = |of: fn(&Self) -> f64| scores.iter().map(of).sum::<f64>() / scores.len() as f64;
        Self { late_percent: mean(|score| score.late_percent), delay_ms: mean(|score| score.delay_ms) }
    }
}

/// A trace through a buffer of these limits, ms; equal ones make a fixed setting.
#[allow(clippy::cast_precision_loss, reason = "counts of packets")]
pub fn listen(trace: &Trace, (min_ms, max_ms): (u64, u64)) -> Score {
    let mut delay = Delay::new(Duration::from_millis(min_ms), Duration::from_millis(max_ms));
    let mut buffer = Jitter::new(1_000, delay.clone());
    let (mut packets, mut late, mut sum) = (0_usize, 0_usize, Duration::ZERO);
    let zero = Instant::now();
    for over in &trace.overs {
        buffer.begin(&delay);
        late += play(&mut buffer, zero, over, |n, at| {
            packets += 1;
            sum += at.saturating_sub(over.packets[n].0 + trace.network.least());
        });
        delay.clone_from(buffer.delay());
    }
    let expected: usize = trace.overs.iter().map(|over| over.packets.len()).sum();
    assert_eq!(packets, expected, "every packet is heard once");
    Score {
        late_percent: 100.0 * late as f64 / packets as f64,
        delay_ms: 1_000.0 * sum.as_secs_f64() / packets as f64,
    }
}

/// Plays an over as the engine does; `heard` is told each packet and its time. How often one was awaited in vain.
fn play(
    buffer: &mut Jitter<usize>,
    zero: Instant,
    over: &Over,
    mut heard: impl FnMut(usize, Duration),
) -> usize {
    let ends = over.packets.last().unwrap().1;
    let mut coming = over.packets.iter().enumerate().peekable();
    let (mut clock, mut late, mut flows) = (over.begins, 0, false);
    loop {
        while let Some((n, (_, came))) = coming.next_if(|(_, (_, came))| *came <= clock) {
            let id = PacketId(u32::try_from(n).unwrap());
            buffer.insert(zero + *came, id, SPAN, n).unwrap();
        }
        let time = match buffer.pull(zero + clock, clock >= ends) {
            Next::Packet(n) => {
                heard(n, clock);
                flows = true;
                SPAN
            }
            gap @ (Next::Conceal(_) | Next::Silence) => {
                late += usize::from(std::mem::take(&mut flows));
                if let Next::Conceal(time) = gap { time } else { SILENCE_STEP }
            }
            Next::End => return late,
        };
        clock += time;
    }
}
