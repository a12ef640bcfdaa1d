//! What a phone has heard.

use std::time::Duration;

use tokio::time::Instant;

use crate::codec::{CodecError, Decoder, MAX_PACKET_SAMPLES, samples_in};
use crate::zello::{PacketId, StreamId, toc};

/// Longest gap that is filled when decoding; a longer one is a mistake of numbers.
const MAX_GAP_PACKETS: u32 = 50;

/// One over, as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The stream's number.
    pub stream: StreamId,
    /// Who talked.
    pub from: String,
    /// `on_stream_start` arrived.
    pub started: Instant,
    /// `on_stream_stop` arrived.
    pub stopped: Option<Instant>,
    /// The packets, in order of arrival.
    pub packets: Vec<HeardPacket>,
}

/// One packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeardPacket {
    /// When it arrived.
    pub at: Instant,
    /// Its number in the stream.
    pub id: PacketId,
    /// The Opus packet.
    pub opus: Vec<u8>,
}

impl Heard {
    /// Time that the packets play.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.packets.iter().filter_map(|packet| toc::packet_duration(&packet.opus)).sum()
    }

    /// The speech, 16 kHz mono, in order of the packets' numbers; what is missing is concealed.
    ///
    /// # Errors
    /// [`CodecError`] when a packet is no Opus.
    pub fn speech(&self) -> Result<Vec<f32>, CodecError> {
        let mut packets: Vec<&HeardPacket> = self.packets.iter().filter(|one| !one.opus.is_empty()).collect();
        packets.sort_by_key(|packet| packet.id);
        packets.dedup_by_key(|packet| packet.id);
        let mut decoder = Decoder::new()?;
        let mut buffer = vec![0.0; MAX_PACKET_SAMPLES];
        let mut speech = Vec::new();
        let mut expected: Option<u32> = None;
        for packet in packets {
            let missing = expected.map_or(0, |next| packet.id.0.saturating_sub(next)).min(MAX_GAP_PACKETS);
            let samples = toc::packet_duration(&packet.opus).map_or(0, samples_in);
            for _ in 0..missing {
                let Some(gap) = buffer.get_mut(..samples) else { continue };
                let count = decoder.conceal(gap)?;
                speech.extend(gap.iter().take(count));
            }
            let count = decoder.decode(&packet.opus, &mut buffer)?;
            speech.extend(buffer.iter().take(count));
            expected = Some(packet.id.0.wrapping_add(1));
        }
        Ok(speech)
    }
}
