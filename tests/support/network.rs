//! Networks as a gateway meets them, seeded: when each packet comes that somebody sent over a TCP connection.
//!
//! Over TCP nothing is lost and nothing overtakes: a packet that is late, or that must be sent again, holds up all
//! behind it. Each network is shaped like what has been published about its kind; where a figure is assumed, it says so.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::time::Duration;

/// A kind of network between a talker's phone and the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Cable or fibre with nobody else on it: milliseconds of jitter (assumed: 2 ms on average).
    GoodLine,
    /// A phone or a hut on LTE. Round trip 50 to 70 ms; a block that fails is sent again after 8 ms (HARQ), after several
    /// failures by the layer above, 40 ms and more later; handovers of 50 to 500 ms, assumed once a minute; and round
    /// trips of several seconds, several times an hour.
    ///
    /// HARQ and in-order delivery: H.-S. Park, J.-Y. Lee, B.-C. Kim, "TCP Performance Degradation of In-Sequence
    /// Delivery in LTE Link Layer". Seconds: N. Larson et al., "Investigating Excessive Delays in Mobile Broadband
    /// Networks", `AllThingsCellular` 2015 (200 subscriptions, one month).
    Lte,
    /// A satellite in low orbit that changes every 15 s: the least delay changes with it (30 to 80 ms of round trip at worst),
    /// jitter 6.7 ms between neighbours, spikes for 140 ms after and 75 ms before each change, some loss there (assumed: 2 %).
    ///
    /// G. Huston, "A transport protocol's view of Starlink", APNIC 2024; "Statistical Characterization and
    /// Prediction of E2E Latency over LEO Satellite Networks", arXiv 2601.08439 (500 Hz one-way measurements).
    LowOrbit,
    /// A geostationary satellite: round trip 600 ms; so a lost packet (assumed: one in 300) comes most of a second late. The wait
    /// for a slot of the shared uplink is assumed to be up to 40 ms.
    ///
    /// G. Huston, "Testing LEO and GEO satellite services in Australia", APNIC 2022.
    Geostationary,
    /// Wi-Fi among many: half of the packets wait up to 3 ms for the air, a tenth more than 20 ms, one in a hundred more than
    /// 250 ms; bad moments come together.
    ///
    /// K. Sui et al., "Characterizing and Improving `WiFi` Latency in Large-Scale Operational Networks", `MobiSys` 2016.
    /// That spikes of 50 to 200 ms hold up what is behind: C. Huitema, "Wi-Fi jitter", 2025.
    BusyWifi,
}

/// Time that one slot of a satellite in low orbit lasts.
const SLOT_US: u64 = 15_000_000;

impl Network {
    /// Every kind, the good one first.
    pub const ALL: [Self; 5] =
        [Self::GoodLine, Self::Lte, Self::LowOrbit, Self::Geostationary, Self::BusyWifi];

    /// For a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::GoodLine => "good line",
            Self::Lte => "LTE",
            Self::LowOrbit => "low orbit",
            Self::Geostationary => "geostationary",
            Self::BusyWifi => "busy Wi-Fi",
        }
    }

    /// Its least round trip.
    fn round_trip_us(self) -> u64 {
        match self {
            Self::GoodLine => 20_000,
            Self::Lte => 50_000,
            Self::LowOrbit => 30_000,
            Self::Geostationary => 600_000,
            Self::BusyWifi => 22_000,
        }
    }

    /// The least time of a packet from the talker to the gateway; no trace has a quicker one.
    pub fn least(self) -> Duration {
        Duration::from_micros(self.round_trip_us() / 2)
    }
}

/// A connection over a network. Packets are sent through it in the order of their times.
pub struct Connection {
    network: Network,
    chance: Chance,
    /// Nothing arrives from the first until the second.
    stall: (u64, u64),
    /// When the last packet came: none overtakes it.
    latest: u64,
    /// Wi-Fi: the air is taken, until then.
    bad_until: u64,
    /// Low orbit: which slot, and what its satellite adds.
    slot: (u64, u64),
}

impl Connection {
    /// The same seed makes the same weather.
    pub fn new(network: Network, seed: u64) -> Self {
        let chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ network as u64);
        let mut connection =
            Self { network, chance, stall: (0, 0), latest: 0, bad_until: 0, slot: (u64::MAX, 0) };
        connection.stall = connection.next_stall(0);
        connection
    }

    /// When a packet comes that is sent at `sent`.
    pub fn carry(&mut self, sent: Duration) -> Duration {
        let sent_us = u64::try_from(sent.as_micros()).unwrap_or(u64::MAX);
        let alone = sent_us + self.network.round_trip_us() / 2 + self.delay_us(sent_us);
        while self.stall.1 <= alone {
            self.stall = self.next_stall(self.stall.1);
        }
        let through = if self.stall.0 <= alone { self.stall.1 } else { alone };
        self.latest = self.latest.max(through);
        Duration::from_micros(self.latest)
    }

    /// What the network adds for this packet alone.
    fn delay_us(&mut self, sent_us: u64) -> u64 {
        match self.network {
            Network::GoodLine => self.chance.exponential(2_000),
            Network::Lte => self.lte_us(),
            Network::LowOrbit => self.low_orbit_us(sent_us),
            Network::Geostationary => self.chance.below(40_000) + self.sent_again_us(300),
            Network::BusyWifi => self.wifi_us(sent_us),
        }
    }

    fn lte_us(&mut self) -> u64 {
        let mut delay = self.chance.below(10_000) + self.chance.exponential(3_000);
        // A tenth of all blocks fails, by design; after four tries the layer above notices.
        let mut tries = 1;
        while self.chance.one_in(10) && tries < 4 {
            delay += 8_000;
            tries += 1;
        }
        if self.chance.one_in(200) {
            delay += 40_000 + self.chance.below(60_000);
        }
        delay
    }

    fn low_orbit_us(&mut self, sent_us: u64) -> u64 {
        let (slot, within) = (sent_us / SLOT_US, sent_us % SLOT_US);
        if self.slot.0 != slot {
            let far = if self.chance.one_in(10) { 25_000 } else { 12_000 };
            self.slot = (slot, self.chance.below(far));
        }
        let mut delay = self.slot.1 + self.chance.exponential(6_700);
        if !(140_000..SLOT_US - 75_000).contains(&within) {
            delay += 15_000 + self.chance.below(35_000) + self.sent_again_us(50);
        }
        delay
    }

    fn wifi_us(&mut self, sent_us: u64) -> u64 {
        // Bad moments of half a second on average take a tenth of the time.
        if sent_us >= self.bad_until && self.chance.one_in(75) {
            self.bad_until = sent_us + self.chance.exponential(500_000);
        }
        if sent_us >= self.bad_until {
            return if self.chance.one_in(2) {
                self.chance.below(3_000)
            } else {
                3_000 + self.chance.exponential(7_000)
            };
        }
        if self.chance.one_in(10) {
            250_000 + self.chance.below(150_000)
        } else {
            20_000 + self.chance.exponential(60_000)
        }
    }

    /// One packet in so many is lost. The sender knows it when the next one has been acknowledged and a quarter of a round trip
    /// has passed (RACK, RFC 8985), and sends it again.
    fn sent_again_us(&mut self, one_in: u64) -> u64 {
        const NEXT_PACKET_US: u64 = 60_000;
        if self.chance.one_in(one_in) { NEXT_PACKET_US + self.network.round_trip_us() * 5 / 4 } else { 0 }
    }

    /// The next time in which nothing comes at all.
    fn next_stall(&mut self, after: u64) -> (u64, u64) {
        let Network::Lte = self.network else { return (u64::MAX, u64::MAX) };
        let begins = after + 5_000_000 + self.chance.exponential(55_000_000);
        // Six times an hour it is no handover but seconds.
        let lasts = if self.chance.one_in(10) {
            1_000_000 + self.chance.below(4_000_000)
        } else {
            50_000 + self.chance.below(200_000)
        };
        (begins, begins + lasts)
    }
}

/// Numbers that look random and are the same each time (`SplitMix64`).
pub struct Chance(u64);

impl Chance {
    /// A beginning of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// True once in so many.
    pub fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    /// Many small ones, few large ones; `mean` on average.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "some seconds in microseconds"
    )]
    pub fn exponential(&mut self, mean: u64) -> u64 {
        let unit = ((self.next() >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
        (-unit.ln() * mean as f64) as u64
    }
}
