//! To the radio: packets of the speaking stream become blocks of sound.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::codec::{BLOCK_SAMPLES, Block, CodecError, Decoder, MAX_PACKET_SAMPLES, samples_in};
use crate::config::Config;
use crate::counters::Counters;
use crate::dsp::{DownlinkChain, tone};
use crate::logic::downlink::{Downlink, Pull};

/// The downlink's half of the engine.
pub(super) struct Speaker {
    pub(super) streams: Downlink,
    decoder: Decoder,
    chain: DownlinkChain,
    /// Decoded and not yet played.
    pcm: VecDeque<f32>,
    scratch: Box<[f32; MAX_PACKET_SAMPLES]>,
    /// Before talk that had to wait.
    held_tone: Box<[f32]>,
    /// Samples that were invented and make no whole block yet, for the counter.
    invented: usize,
}

impl Speaker {
    pub(super) fn new(config: &Config) -> Result<Self, CodecError> {
        Ok(Self {
            streams: Downlink::new(config.downlink),
            decoder: Decoder::new()?,
            chain: DownlinkChain::with_gain_db(config.audio.playback_gain_db),
            pcm: VecDeque::with_capacity(2 * MAX_PACKET_SAMPLES + tone::HELD_SAMPLES),
            held_tone: if config.downlink.held_tone { tone::held() } else { Box::default() },
            scratch: Box::new([0.0; MAX_PACKET_SAMPLES]),
            invented: 0,
        })
    }

    /// Writes the next 10 ms; false when there is nothing more to say (the block is silent then).
    pub(super) fn next_block(&mut self, now: Instant, block: &mut Block, counters: &Counters) -> bool {
        let mut more = true;
        while more && self.pcm.len() < block.len() {
            match self.streams.pull(now) {
                Pull::Begin { held } => {
                    self.decoder.reset();
                    if held {
                        self.pcm.extend(&self.held_tone);
                    }
                }
                Pull::Packet(packet) => match self.decoder.decode(packet, &mut self.scratch[..]) {
                    Ok(samples) => {
                        counters.downlink_packets_played.add_one();
                        self.pcm.extend(self.scratch.iter().take(samples));
                    }
                    Err(_not_opus) => counters.downlink_packets_invalid.add_one(),
                },
                Pull::Conceal(time) => self.conceal(time, counters),
                Pull::Silence => break,
                Pull::Done => more = false,
            }
        }
        more |= !self.pcm.is_empty();
        let ready = block.len().min(self.pcm.len());
        for (sample, pcm) in block.iter_mut().zip(self.pcm.drain(..ready)) {
            *sample = pcm;
        }
        self.chain.process(block);
        more
    }

    /// Forgets what is decoded and not yet played: the transmitter is off.
    pub(super) fn hush(&mut self) {
        self.pcm.clear();
    }

    fn conceal(&mut self, time: Duration, counters: &Counters) {
        let samples = samples_in(time).min(MAX_PACKET_SAMPLES);
        let Some(gap) = self.scratch.get_mut(..samples) else { return };
        if let Ok(invented) = self.decoder.conceal(gap) {
            self.invented += invented;
            counters.downlink_blocks_concealed.add((self.invented / BLOCK_SAMPLES) as u64);
            self.invented %= BLOCK_SAMPLES;
            self.pcm.extend(gap.iter().take(invented));
        }
    }
}
