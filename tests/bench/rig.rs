//! The real engine between queues, in virtual time: no thread, no sleep, every block is there when its time comes.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use zello_gateway::audio::{CapturedBlock, Converter, DeviceStatus, open_playback, run_playback};
use zello_gateway::bell::Bell;
use zello_gateway::codec::{BLOCK, BLOCK_SAMPLES, Block, SAMPLE_RATE_HZ};
use zello_gateway::config::{AudioDevice, Config};
use zello_gateway::counters::Counters;
use zello_gateway::engine::{self, Engine, Event, POLL};
use zello_gateway::lines::{CosEdge, Keyer, LineError};
use zello_gateway::logic::exchange::{DownlinkItem, UplinkItem};
use zello_gateway::queue::{self, Consumer, Producer};

use crate::speech::{CARD, CARD_HZ};

/// Heartbeats cost a system call, as those to the guard do.
pub(crate) struct Nowhere(File);

impl Nowhere {
    pub(crate) fn new() -> Self {
        Self(File::create("/dev/null").expect("/dev/null"))
    }
}

impl Keyer for Nowhere {
    fn beat(&mut self, keyed: bool) -> Result<(), LineError> {
        let _always_taken = self.0.write(&[u8::from(keyed)]);
        Ok(())
    }
}

/// The conversions at the edge, as the threads of a card at 48 kHz make them.
struct Card {
    heard: Converter,
    said: Converter,
    voice: Vec<f32>,
    bytes: Vec<u8>,
}

/// The engine, its queues, and the time.
pub(crate) struct Rig {
    engine: Engine<Nowhere>,
    card: Option<Card>,
    capture: Producer<'static, CapturedBlock>,
    playback: Consumer<'static, Block>,
    status: Arc<DeviceStatus>,
    cos: Producer<'static, CosEdge>,
    to_net: Consumer<'static, UplinkItem>,
    from_net: Producer<'static, DownlinkItem>,
    events: Consumer<'static, Event>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) now: Instant,
}

/// What the radio hears in 10 ms: from a card, or at the engine's rate.
#[derive(Clone, Copy)]
pub(crate) enum Sound<'a> {
    Card(&'a [u8]),
    Plain(&'a [f32]),
}

impl Rig {
    /// An engine at rest, behind a card or not.
    pub(crate) fn new(config: &Config, card: bool) -> Self {
        let (capture, capture_rx) = queue::channel::<_, 32>();
        let (playback_tx, playback) = queue::channel::<_, 32>();
        let (cos, cos_rx) = queue::channel::<_, 64>();
        let (to_net_tx, to_net) = queue::channel::<_, 256>();
        let (from_net, from_net_rx) = queue::channel::<_, 256>();
        let (events_tx, events) = queue::channel::<_, 64>();
        let counters = Arc::new(Counters::default());
        let status = running(config);
        let ports = engine::Ports {
            capture: capture_rx,
            playback: playback_tx,
            cos: cos_rx,
            to_net: to_net_tx,
            net_bell: Bell::new().expect("an event descriptor"),
            from_net: from_net_rx,
            events: events_tx,
            playback_status: Arc::clone(&status),
            ptt_status: Arc::default(),
            counters: Arc::clone(&counters),
        };
        let now = Instant::now();
        let engine = Engine::new(now, config, ports, Nowhere::new()).expect("an engine");
        let card_block = BLOCK_SAMPLES * (CARD_HZ / SAMPLE_RATE_HZ) as usize;
        let card = card.then(|| Card {
            heard: Converter::new(CARD_HZ, SAMPLE_RATE_HZ, card_block).expect("a usual rate"),
            said: Converter::new(SAMPLE_RATE_HZ, CARD_HZ, BLOCK_SAMPLES).expect("a usual rate"),
            voice: vec![0.0; card_block],
            bytes: vec![0; 2 * card_block * CARD.bytes()],
        });
        Self { engine, card, capture, playback, status, cos, to_net, from_net, events, counters, now }
    }

    /// The squelch moves.
    pub(crate) fn squelch(&mut self, open: bool) {
        assert!(self.cos.enqueue(CosEdge { open, at: self.now }).is_ok());
    }

    /// Something happens on the channel.
    pub(crate) fn channel(&mut self, item: DownlinkItem) {
        assert!(self.from_net.enqueue(item).is_ok());
    }

    /// 10 ms: a block in, the engine's two looks at its queues, a block out, and what the network task takes.
    /// Returns the packets that left.
    pub(crate) fn tick(&mut self, heard: Sound<'_>) -> usize {
        self.now += BLOCK;
        self.hear(heard);
        for at in [self.now, self.now + POLL] {
            self.engine.step(at).expect("a keyer that never fails");
        }
        self.status.step();
        if let Some(block) = self.playback.dequeue() {
            self.say(&block);
        }
        let mut packets = 0;
        while let Some(item) = self.to_net.dequeue() {
            packets += usize::from(matches!(std::hint::black_box(item), UplinkItem::Packet { .. }));
        }
        packets
    }

    /// Whether the transmitter was unkeyed since the last question.
    pub(crate) fn was_unkeyed(&mut self) -> bool {
        let mut unkeyed = false;
        while let Some(event) = self.events.dequeue() {
            unkeyed |= matches!(event, Event::Unkeyed { .. });
        }
        unkeyed
    }

    fn hear(&mut self, heard: Sound<'_>) {
        let mut samples: Block = [0.0; BLOCK_SAMPLES];
        match (heard, &mut self.card) {
            (Sound::Card(bytes), Some(card)) => {
                let heard = CARD.decode(bytes, &mut card.voice);
                card.heard.push(&card.voice[..heard]);
                assert!(card.heard.take_block(&mut samples), "10 ms of a card make a block");
            }
            (Sound::Plain(sound), None) => samples.copy_from_slice(sound),
            (Sound::Card(_), None) | (Sound::Plain(_), Some(_)) => panic!("sound of another kind of device"),
        }
        let block = CapturedBlock { samples, captured_at: self.now, after_gap: false };
        assert!(self.capture.enqueue(block).is_ok());
    }

    fn say(&mut self, block: &Block) {
        match &mut self.card {
            Some(card) => {
                card.said.push(block);
                CARD.encode(card.said.take_all().as_slice(), &mut card.bytes);
                std::hint::black_box(&card.bytes);
            }
            None => {
                std::hint::black_box(block);
            }
        }
    }
}

/// The status of a playback device that runs, as its thread leaves it.
fn running(config: &Config) -> Arc<DeviceStatus> {
    let mut audio = config.audio.clone();
    audio.playback = AudioDevice::None;
    let status = Arc::new(DeviceStatus::new());
    let device = open_playback(&audio).expect("no device is always there");
    let (_none, blocks) = queue::channel::<Block, 2>();
    run_playback(&audio, device, blocks, &status, &Counters::default(), &AtomicBool::new(true));
    status
}

/// CPU time of this thread so far.
pub(crate) fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("a time that grows from zero")
}
