//! From the radio: blocks of sound become Opus packets of overs.

use std::time::Instant;

use heapless::Vec;

use super::{Event, Ports};
use crate::audio::CapturedBlock;
use crate::codec::{CodecError, Encoder};
use crate::config::{Config, Cos};
use crate::dsp::UplinkChain;
use crate::dsp::vox::Vox;
use crate::logic::exchange::{OverId, UPLINK_PAYLOAD_MAX, UplinkItem};
use crate::logic::uplink::{Action, Uplink};

/// The uplink's half of the engine.
pub(super) struct Listener {
    chain: UplinkChain,
    vox: Option<Vox>,
    uplink: Uplink,
    encoder: Encoder,
    opened_at: Option<Instant>,
}

impl Listener {
    pub(super) fn new(now: Instant, config: &Config) -> Result<Self, CodecError> {
        let encoder = Encoder::new(config.uplink.packet, config.uplink.bitrate_bps)?;
        let vox = match &config.cos {
            Cos::Vox(settings) => Some(Vox::new(*settings)),
            Cos::Gpio(_) | Cos::Cm108(_) | Cos::Serial(_) | Cos::Fifo { .. } | Cos::None => None,
        };
        let uplink = Uplink::new(now, &config.uplink, encoder.lookahead());
        Ok(Self {
            chain: UplinkChain::with_gain_db(config.audio.capture_gain_db),
            vox,
            uplink,
            encoder,
            opened_at: None,
        })
    }

    /// Takes a block; with VOX, tells when the squelch opens or closes.
    pub(super) fn handle_block(
        &mut self,
        captured: &CapturedBlock,
        ports: &mut Ports,
        rings: &mut bool,
    ) -> Option<bool> {
        let mut block = captured.samples;
        let level = self.chain.process(&mut block);
        self.uplink.handle_block(captured.captured_at, &block);
        self.drain(ports, rings);
        self.vox.as_mut().and_then(|vox| vox.handle(captured.captured_at, level))
    }

    /// With VOX: a microphone that falls silent altogether closes the squelch too.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<bool> {
        self.vox.as_mut().and_then(|vox| vox.handle_timeout(now))
    }

    pub(super) fn open(&mut self, at: Instant, ports: &mut Ports, rings: &mut bool) {
        self.opened_at = Some(at);
        self.uplink.open(at);
        self.drain(ports, rings);
        // A full event queue costs a log line, no more.
        let _unread = ports.events.enqueue(Event::OverBegan);
    }

    pub(super) fn close(&mut self, now: Instant, ports: &mut Ports, rings: &mut bool) {
        self.uplink.close();
        self.drain(ports, rings);
        if let Some(since) = self.opened_at.take() {
            let _unread =
                ports.events.enqueue(Event::OverEnded { after: now.saturating_duration_since(since) });
        }
    }

    pub(super) fn refuse(&mut self, over: OverId) {
        self.uplink.refuse(over);
    }

    fn drain(&mut self, ports: &mut Ports, rings: &mut bool) {
        while let Some(action) = self.uplink.poll() {
            let item = match action {
                Action::Start { over, at, continues } => {
                    if continues.is_none() {
                        self.encoder.reset();
                    }
                    UplinkItem::Start { over, at, continues }
                }
                Action::Packet { over, captured_at, pcm } => {
                    ports.counters.uplink_packets.add_one();
                    match encode(&mut self.encoder, pcm) {
                        Ok(payload) => UplinkItem::Packet { over, captured_at, payload },
                        Err(_refused) => {
                            ports.counters.uplink_packets_dropped.add_one();
                            continue;
                        }
                    }
                }
                Action::End { over } => UplinkItem::End { over },
            };
            let begins = matches!(item, UplinkItem::Start { continues: None, .. });
            *rings = true;
            match ports.to_net.enqueue(item) {
                // A start or an end that is missing is made up for by the outbox; it counts overs of which nothing comes.
                Ok(()) | Err(UplinkItem::Start { .. } | UplinkItem::End { .. }) => {}
                Err(UplinkItem::Packet { .. }) => ports.counters.uplink_packets_dropped.add_one(),
            }
            if begins {
                // The channel is asked for before the pre-roll is encoded, with the next block: on a small processor
                // that takes longer than the request may.
                return;
            }
        }
    }
}

fn encode(encoder: &mut Encoder, pcm: &[f32]) -> Result<Vec<u8, UPLINK_PAYLOAD_MAX>, CodecError> {
    let mut bytes = [0_u8; UPLINK_PAYLOAD_MAX];
    let length = encoder.encode(pcm, &mut bytes)?;
    let mut payload = Vec::new();
    let whole = bytes.get(..length).is_some_and(|packet| payload.extend_from_slice(packet).is_ok());
    debug_assert!(whole, "libopus keeps to the buffer that it was given");
    Ok(payload)
}
