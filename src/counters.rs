//! What happened, in numbers: every dropped packet, xrun and refusal has a counter here.
//!
//! Counters are plain atomics, so that real-time threads may count without locking.

use std::sync::atomic::{AtomicU64, Ordering};

/// One number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts one.
    pub fn add_one(&self) {
        self.add(1);
    }

    /// Counts `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The count so far.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {
        /// All counters of one gateway.
        #[derive(Debug, Default)]
        pub struct Counters { $($(#[doc = $doc])+ pub $name: Counter,)+ }

        impl Counters {
            /// Every counter with its name, in the order of this file.
            pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name.value()),)+].into_iter()
            }
        }
    };
}

counters! {
    /// Capture overruns: sound from the radio that the kernel had to throw away.
    capture_xruns;
    /// Playback underruns: the sound card ran dry.
    playback_xruns;
    /// Captured 10 ms blocks dropped because the engine did not take them in time.
    capture_blocks_dropped;
    /// 10 ms blocks of silence played because the engine delivered none in time.
    playback_blocks_missing;
    /// Times the playback device, or its thread, stood still without being lost.
    playback_stalls;
    /// Sound devices lost (unplugged, or failed beyond recovery).
    audio_devices_lost;
    /// COS edges dropped because the engine did not take them in time.
    cos_edges_dropped;
    /// Overs heard by the radio.
    uplink_overs;
    /// Overs, or parts of them after a roll-over, lost whole: the channel did not take them while they were fresh, or
    /// the network task got nothing of them, which shows with the next over.
    uplink_overs_lost;
    /// Overs, or rests of them, that were sent late: spoken 10 s or more before.
    uplink_overs_held;
    /// Opus packets encoded from the radio.
    uplink_packets;
    /// Opus packets from the radio put on the wire.
    uplink_packets_sent;
    /// Opus packets dropped because the network task did not take them in time.
    uplink_packets_dropped;
    /// Starts and ends of overs dropped because the network task did not take them in time. Packets and silence make
    /// up for them.
    uplink_signals_dropped;
    /// Opus packets dropped because they were held too long or the hold was full.
    uplink_packets_expired;
    /// Opus packets of overs that the server refused or ended.
    uplink_packets_refused;
    /// Squelch openings longer than the limit.
    uplink_stuck;
    /// Streams that began on the channel.
    downlink_streams;
    /// Streams that had to wait for 10 s or more before the radio said them.
    downlink_streams_held;
    /// Opus packets that came from the channel for the radio: those played, dropped, late, expired, discarded and invalid,
    /// and those that still wait. Marks of a loss are none.
    downlink_packets;
    /// Opus packets played on the radio.
    downlink_packets_played;
    /// Opus packets that were not for the radio: of streams that are not ours to hear, that nobody announced, or that
    /// are long over.
    downlink_packets_ignored;
    /// Opus packets dropped because the engine did not take them in time.
    downlink_packets_dropped;
    /// Starts and stops of streams, marks of a loss, losses of the link and refusals of overs, dropped because the engine
    /// did not take them in time. Packets and silence make up for them.
    downlink_signals_dropped;
    /// Opus packets that came after their turn, or twice.
    downlink_packets_late;
    /// Opus packets that could not be kept while waiting for the radio.
    downlink_packets_expired;
    /// Opus packets discarded because of a time-out or the rule `busy = "drop"`.
    downlink_packets_discarded;
    /// Packets that are not Opus, or that libopus refused.
    downlink_packets_invalid;
    /// 10 ms blocks invented where packets were missing.
    downlink_blocks_concealed;
    /// Streams that ended by silence because their stop never came.
    downlink_stops_missing;
    /// Transmissions cut by the daemon's time-out timer.
    ptt_time_outs;
    /// Times the transmitter was keyed.
    ptt_keyings;
    /// Connections to the service that were tried.
    connects;
    /// Log-ons that succeeded.
    logons;
    /// Connections lost after log-on.
    links_lost;
    /// Frames from the server that could not be read.
    frames_invalid;
    /// Times the COS line was lost (unplugged, or its pipe removed).
    cos_losses;
    /// Times the PTT line was lost (unplugged, or stuck and opened anew).
    ptt_losses;
}
