//! Opus packets from anybody: bounded, finite sound or an error, and the next good packet is decoded as ever.

use std::sync::LazyLock;
use std::time::Duration;

use zello_gateway::codec::{
    BLOCK_SAMPLES, Decoder, Encoder, MAX_PACKET_SAMPLES, SAMPLE_RATE_HZ, samples_in, time_of,
};
use zello_gateway::dsp::DownlinkChain;
use zello_gateway::dsp::limiter::CEILING;
use zello_gateway::zello::toc::packet_duration;

use super::input::Input;

/// A tone of 1 kHz, packed as the gateway itself packs speech.
static GOOD: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut encoder = Encoder::new(Duration::from_millis(60), 16_000).unwrap();
    let step = std::f32::consts::TAU * 1_000.0 / SAMPLE_RATE_HZ as f32;
    let tone: Vec<f32> = (0_u16..9_600).map(|n| 0.3 * (f32::from(n % 160) * step).sin()).collect();
    let mut out = [0; 1_000];
    let packet = |pcm: &[f32]| encoder.encode(pcm, &mut out).map(|length| out[..length].to_vec());
    tone.chunks(960).map(packet).collect::<Result<_, _>>().unwrap()
});

/// Packets one after the other through one decoder and one chain, some of them lost.
pub fn opus(bytes: &[u8]) {
    let mut input = Input(bytes);
    let mut listener = Listener::new();
    let mut left = 64;
    while !input.is_empty() && left > 0 {
        left -= 1;
        match input.byte() {
            length @ 0..240 => listener.hear(input.bytes(usize::from(length))),
            240..248 => {
                let count = usize::from(input.word() % 4_001);
                listener.hear(input.bytes(count));
            }
            // Damaged, as no transport should leave it.
            248..252 => {
                let mut packet = GOOD[usize::from(input.byte()) % GOOD.len()].clone();
                let at = usize::from(input.byte()) % packet.len();
                packet[at] ^= input.byte();
                listener.hear(&packet);
            }
            choice => listener.miss(usize::from(choice - 251)),
        }
    }
    listener.recovers();
}

struct Listener {
    decoder: Decoder,
    chain: DownlinkChain,
    out: Box<[f32]>,
}

impl Listener {
    fn new() -> Self {
        let out = vec![0.0; MAX_PACKET_SAMPLES].into_boxed_slice();
        Self { decoder: Decoder::new().unwrap(), chain: DownlinkChain::new(), out }
    }

    fn hear(&mut self, packet: &[u8]) {
        let Ok(samples) = self.decoder.decode(packet, &mut self.out) else { return };
        assert!(samples <= MAX_PACKET_SAMPLES);
        assert_eq!(packet_duration(packet), Some(time_of(samples)), "the packet says how long it plays");
        self.play(samples);
    }

    /// So many times 10 ms are missing.
    fn miss(&mut self, blocks: usize) {
        let wanted = blocks * BLOCK_SAMPLES;
        assert_eq!(self.decoder.conceal(&mut self.out[..wanted]), Ok(wanted));
        self.play(wanted);
    }

    /// What goes to the sound card is a number, and below the ceiling.
    fn play(&mut self, samples: usize) {
        for block in self.out[..samples].chunks_mut(BLOCK_SAMPLES) {
            self.chain.process(block);
            assert!(block.iter().all(|sample| sample.abs() <= CEILING), "{block:?}");
        }
    }

    /// Nothing of the past stays: the next stream sounds as from a fresh decoder, and the limiter lets go.
    fn recovers(&mut self) {
        self.decoder.reset();
        let mut fresh = Self::new();
        for packet in &*GOOD {
            let samples = [&mut *self, &mut fresh].map(|one| one.decoder.decode(packet, &mut one.out));
            assert_eq!(samples, [Ok(960); 2]);
            assert_eq!(self.out[..960], fresh.out[..960]);
            self.play(960);
        }
        for _ in 0..samples_in(Duration::from_secs(2)) / 960 {
            self.out[..960].fill(0.5);
            self.play(960);
        }
        assert!(self.out[959] > 0.49, "the limiter lets go: {}", self.out[959]);
    }
}
