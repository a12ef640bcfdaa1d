//! A gateway's engine in virtual time: a radio on one side, the channel on the other, nobody waits.
//!
//! The radio's sound comes, and the sound card plays, one block every 10 ms. Whatever a test does, each step also
//! checks what must hold always: never keyed while an over is open, and no rest between heartbeats above 50 ms.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::indexing_slicing,
    clippy::single_match_else,
    clippy::unchecked_time_subtraction,
    reason = "a test that cannot prepare itself has failed"
)]

#[path = "talk.rs"]
pub mod talk;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use talk::{Talk, decode, encode, ms, samples};
use zello_gateway::audio::{CapturedBlock, DeviceState, DeviceStatus};
use zello_gateway::bell::Bell;
use zello_gateway::codec::{BLOCK, BLOCK_SAMPLES, Block, SAMPLE_RATE_HZ};
use zello_gateway::config::{
    Audio, AudioDevice, Busy, Channel, Config, Cos, Downlink, Ptt, Service, TokenSource, Uplink, Zello,
};
use zello_gateway::counters::{Counter, Counters};
use zello_gateway::dsp::UplinkChain;
use zello_gateway::engine::{Engine, Event, Ports};
use zello_gateway::lines::guard::PttStatus;
use zello_gateway::lines::{CosEdge, HEARTBEAT, Keyer, LineError};
use zello_gateway::logic::exchange::{DownlinkItem, OverId, UplinkItem};
use zello_gateway::net;
use zello_gateway::queue::{self, Consumer, Producer};
use zello_gateway::zello::{PacketId, StreamId};

/// The defaults of the configuration.
pub fn config() -> Config {
    Config {
        board: None,
        zello: Zello {
            service: Service::Work,
            url: "ws://127.0.0.1:1/ws".to_owned(),
            ca_file: None,
            channel: "hill".to_owned(),
            user: None,
            token: TokenSource::None,
            listen_only: false,
        },
        audio: Audio {
            capture: AudioDevice::None,
            playback: AudioDevice::None,
            capture_channel: Channel::Left,
            playback_channel: Channel::Both,
            capture_gain_db: 0.0,
            playback_gain_db: 0.0,
            mixer: None,
        },
        ptt: Ptt::None,
        cos: Cos::None,
        uplink: Uplink {
            packet: ms(60),
            bitrate_bps: 16_000,
            pre_roll: ms(200),
            hang: ms(500),
            hold: ms(60_000),
            held_tone: false,
            roll_over: ms(55_000),
            stuck: ms(300_000),
        },
        downlink: Downlink {
            lead: ms(200),
            tail: ms(150),
            time_out: ms(180_000),
            rx_mute: ms(300),
            busy: Busy::Wait,
            wait: ms(30_000),
            held_tone: false,
            jitter_min: ms(60),
            jitter_max: ms(800),
        },
    }
}

/// A heartbeat as the guard sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    pub at: Duration,
    pub keyed: bool,
}

/// Stands in for the guard's pipe.
pub struct Hand {
    clock: Arc<AtomicU64>,
    beats: Arc<Mutex<Vec<Beat>>>,
}

impl Keyer for Hand {
    fn beat(&mut self, keyed: bool) -> Result<(), LineError> {
        let at = Duration::from_nanos(self.clock.load(Ordering::Relaxed));
        self.beats.lock().unwrap().push(Beat { at, keyed });
        Ok(())
    }
}

/// A packet that the engine gave to the network task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub captured_at: Duration,
    pub at: Duration,
    pub opus: Vec<u8>,
}

/// An over as the network task sees it.
#[derive(Debug, Clone)]
pub struct Over {
    pub id: OverId,
    /// When COS opened, as told.
    pub opened_at: Duration,
    pub began: Duration,
    pub continues: Option<OverId>,
    pub packets: Vec<Sent>,
    pub ended: Option<Duration>,
}

impl Over {
    pub fn opus(&self) -> Vec<&[u8]> {
        self.packets.iter().map(|packet| packet.opus.as_slice()).collect()
    }

    pub fn sound(&self) -> Vec<f32> {
        decode(self.opus())
    }
}

/// Something that happens to the gateway.
#[derive(Debug, Clone)]
enum Deed {
    Squelch(bool),
    Channel(Box<DownlinkItem>),
    Playback(DeviceState),
    Line(bool),
    Microphone(bool),
    Stall(bool),
}

/// The engine and all that it touches. Times are since the beginning.
pub struct World {
    pub config: Config,
    pub counters: Arc<Counters>,
    /// All that the radio hears; silence behind its end.
    pub heard_by_radio: Vec<f32>,
    /// All that the sound card has played, from the beginning on.
    pub on_air: Vec<f32>,
    pub overs: Vec<Over>,
    pub events: Vec<(Duration, Event)>,
    pub now: Duration,
    start: Instant,
    clock: Arc<AtomicU64>,
    engine: Engine<Hand>,
    beats: Arc<Mutex<Vec<Beat>>>,
    next_step: Duration,
    next_block: Duration,
    plan: BTreeMap<(Duration, usize), Deed>,
    deeds: usize,
    microphone: bool,
    stalls: bool,
    capture: Producer<'static, CapturedBlock>,
    playback: Consumer<'static, Block>,
    status: Arc<DeviceStatus>,
    line: Arc<PttStatus>,
    cos: Producer<'static, CosEdge>,
    /// The network task's ends; absent when there is a real one.
    net: Option<(Consumer<'static, UplinkItem>, Producer<'static, DownlinkItem>)>,
    engine_events: Consumer<'static, Event>,
    /// An over is open, as the log has it.
    receiving: bool,
}

impl World {
    /// A gateway with the defaults of the configuration.
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// A gateway with some other settings.
    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let (mut world, net) = Self::networked(Instant::now(), change);
        world.net = Some((net.uplink, net.downlink));
        world
    }

    /// A gateway that begins at `start`, and what its network task needs.
    pub fn networked(start: Instant, change: impl FnOnce(&mut Config)) -> (Self, net::Ports) {
        let mut config = config();
        change(&mut config);
        let (capture, capture_rx) = queue::channel::<_, 32>();
        let (playback_tx, playback) = queue::channel::<_, 32>();
        let (cos, cos_rx) = queue::channel::<_, 64>();
        let (to_net_tx, to_net) = queue::channel::<_, 64>();
        let (from_net, from_net_rx) = queue::channel::<_, 64>();
        let (events_tx, engine_events) = queue::channel::<_, 64>();
        let counters = Arc::new(Counters::default());
        let status = Arc::new(DeviceStatus::new());
        status.set_state(DeviceState::Running);
        let line = Arc::<PttStatus>::default();
        let clock = Arc::new(AtomicU64::new(0));
        let beats = Arc::new(Mutex::new(Vec::with_capacity(1 << 16)));
        let net_bell = Bell::new().unwrap();
        let ports = Ports {
            capture: capture_rx,
            playback: playback_tx,
            cos: cos_rx,
            to_net: to_net_tx,
            net_bell: net_bell.clone(),
            from_net: from_net_rx,
            events: events_tx,
            playback_status: Arc::clone(&status),
            ptt_status: Arc::clone(&line),
            counters: Arc::clone(&counters),
        };
        let network = net::Ports {
            uplink: to_net,
            uplink_bell: net_bell,
            downlink: from_net,
            engine_bell: Bell::new().unwrap(),
            counters: Arc::clone(&counters),
        };
        let hand = Hand { clock: Arc::clone(&clock), beats: Arc::clone(&beats) };
        let engine = Engine::new(start, &config, ports, hand).unwrap();
        let world = Self {
            config,
            counters,
            heard_by_radio: Vec::new(),
            on_air: Vec::new(),
            overs: Vec::new(),
            events: Vec::new(),
            now: Duration::ZERO,
            start,
            clock,
            engine,
            beats,
            next_step: Duration::ZERO,
            next_block: BLOCK,
            plan: BTreeMap::new(),
            deeds: 0,
            microphone: true,
            stalls: false,
            capture,
            playback,
            status,
            line,
            cos,
            net: None,
            engine_events,
            receiving: false,
        };
        (world, network)
    }

    /// The radio hears a sound from `at` on; squelch is another matter.
    pub fn radio_hears(&mut self, at: Duration, sound: &[f32]) {
        let first = samples(at);
        let end = self.heard_by_radio.len().max(first + sound.len());
        self.heard_by_radio.resize(end, 0.0);
        self.heard_by_radio[first..first + sound.len()].copy_from_slice(sound);
    }

    /// COS is open for a while.
    pub fn squelch(&mut self, open: Range<Duration>) {
        self.cos_at(open.start, true);
        self.cos_at(open.end, false);
    }

    /// COS changes.
    pub fn cos_at(&mut self, at: Duration, open: bool) {
        self.do_at(at, Deed::Squelch(open));
    }

    /// Somebody talks on the channel.
    pub fn channel_says(&mut self, talk: &Talk) {
        let stream = StreamId(talk.stream);
        self.item_at(talk.begins, DownlinkItem::Start { stream, at: self.start + talk.begins });
        for packet in &talk.packets {
            self.packet_at(packet.at, talk.stream, packet.id, &packet.opus);
        }
        if let Some(at) = talk.stops {
            self.item_at(at, DownlinkItem::Stop { stream });
        }
    }

    pub fn packet_at(&mut self, at: Duration, stream: u32, id: u32, opus: &[u8]) {
        let payload = heapless::Vec::from_slice(opus).unwrap();
        let (stream, id, at_instant) = (StreamId(stream), PacketId(id), self.start + at);
        self.item_at(at, DownlinkItem::Packet { stream, id, at: at_instant, payload });
    }

    pub fn start_at(&mut self, at: Duration, stream: u32) {
        self.item_at(at, DownlinkItem::Start { stream: StreamId(stream), at: self.start + at });
    }

    pub fn stop_at(&mut self, at: Duration, stream: u32) {
        self.item_at(at, DownlinkItem::Stop { stream: StreamId(stream) });
    }

    pub fn item_at(&mut self, at: Duration, item: DownlinkItem) {
        self.do_at(at, Deed::Channel(Box::new(item)));
    }

    /// The playback device is lost, or comes back.
    pub fn playback_at(&mut self, at: Duration, state: DeviceState) {
        self.do_at(at, Deed::Playback(state));
    }

    /// The playback device takes no sound and says nothing, or takes it again.
    pub fn stall_at(&mut self, at: Duration, stalls: bool) {
        self.do_at(at, Deed::Stall(stalls));
    }

    /// The PTT line is lost, or comes back.
    pub fn line_at(&mut self, at: Duration, there: bool) {
        self.do_at(at, Deed::Line(there));
    }

    /// The capture device falls silent, or comes back.
    pub fn microphone_at(&mut self, at: Duration, works: bool) {
        self.do_at(at, Deed::Microphone(works));
    }

    /// Time until a block that the sound card takes is heard.
    pub fn set_playback_delay(&mut self, delay: Duration) {
        self.status.set_delay(delay);
    }

    /// When something happens next.
    pub fn next(&self) -> Duration {
        let planned = self.plan.first_key_value().map(|((at, _), _)| *at);
        self.next_step.min(self.next_block).min(planned.unwrap_or(Duration::MAX))
    }

    /// Lets time pass until `until`.
    pub fn run(&mut self, until: Duration) {
        self.drive(until, Engine::step);
    }

    /// As [`Self::run`]; the engine's steps are made by `step`.
    pub fn drive(
        &mut self,
        until: Duration,
        mut step: impl FnMut(&mut Engine<Hand>, Instant) -> Result<Instant, LineError>,
    ) {
        let mut steps_at_once = 0;
        loop {
            let next = self.next();
            steps_at_once = if next > self.now { 0 } else { steps_at_once + 1 };
            assert!(steps_at_once < 100, "the engine spins at {:?}", self.now);
            if next > until {
                self.now = until;
                return;
            }
            self.now = next.max(self.now);
            self.clock.store(u64::try_from(self.now.as_nanos()).unwrap(), Ordering::Relaxed);
            self.happen();
            if self.next_block <= self.now {
                self.pass_block();
            }
            let wake = step(&mut self.engine, self.start + self.now).unwrap();
            self.next_step = wake.saturating_duration_since(self.start).max(self.now);
            self.collect();
        }
    }

    /// The gateway ends now.
    pub fn shut_down(&mut self) {
        self.engine.shut_down(self.start + self.now).unwrap();
        self.collect();
    }

    /// Times at which the transmitter was keyed; one that is not over ends now.
    pub fn keyed(&self) -> Vec<Range<Duration>> {
        let mut times: Vec<Range<Duration>> = Vec::new();
        let mut keyed = false;
        for beat in self.beats.lock().unwrap().iter() {
            match (keyed, beat.keyed) {
                (false, true) => times.push(beat.at..self.now),
                (true, false) => times.last_mut().unwrap().end = beat.at,
                (false, false) | (true, true) => {}
            }
            keyed = beat.keyed;
        }
        times
    }

    pub fn is_keyed(&self) -> bool {
        self.beats.lock().unwrap().last().is_some_and(|beat| beat.keyed)
    }

    pub fn beats(&self) -> Vec<Beat> {
        self.beats.lock().unwrap().clone()
    }

    /// What the sound card played in a time.
    pub fn played(&self, time: Range<Duration>) -> &[f32] {
        &self.on_air[samples(time.start).min(self.on_air.len())..samples(time.end).min(self.on_air.len())]
    }

    /// The packets that this stretch of what the radio heard must become, to the bit.
    pub fn encoded(&self, stretch: Range<Duration>) -> Vec<Vec<u8>> {
        let Uplink { packet, bitrate_bps, .. } = self.config.uplink;
        encode(packet, bitrate_bps, &self.filtered(stretch))
    }

    /// A stretch of what the radio heard, as it goes into the encoder.
    pub fn filtered(&self, stretch: Range<Duration>) -> Vec<f32> {
        let mut sound = self.heard_by_radio.clone();
        sound.resize(samples(stretch.end).next_multiple_of(BLOCK_SAMPLES), 0.0);
        let mut chain = UplinkChain::with_gain_db(self.config.audio.capture_gain_db);
        for block in sound.chunks_mut(BLOCK_SAMPLES) {
            chain.process(block);
        }
        sound[samples(stretch.start)..samples(stretch.end)].to_vec()
    }

    /// Packets that came and that no counter explains: they are still held.
    pub fn unexplained_packets(&self) -> i64 {
        unexplained_packets(&self.counters)
    }

    fn do_at(&mut self, at: Duration, deed: Deed) {
        assert!(at >= self.now, "the past does not change: {deed:?} at {at:?}, now is {:?}", self.now);
        self.deeds += 1;
        self.plan.insert((at, self.deeds), deed);
    }

    fn happen(&mut self) {
        while let Some(entry) = self.plan.first_entry().filter(|entry| entry.key().0 <= self.now) {
            match entry.remove() {
                Deed::Squelch(open) => {
                    self.cos.enqueue(CosEdge { open, at: self.start + self.now }).unwrap();
                }
                Deed::Channel(item) => {
                    let (_, from_net) = self.net.as_mut().unwrap();
                    from_net.enqueue(*item).unwrap_or_else(|_| panic!("the engine takes every item"));
                }
                Deed::Playback(state) => self.status.set_state(state),
                Deed::Line(true) => self.line.find(),
                Deed::Line(false) => self.line.lose(),
                Deed::Microphone(works) => self.microphone = works,
                Deed::Stall(stalls) => self.stalls = stalls,
            }
        }
    }

    /// 10 ms of sound come, and 10 ms go.
    fn pass_block(&mut self) {
        let first = samples(self.next_block) - BLOCK_SAMPLES;
        if self.microphone {
            let heard = |i| self.heard_by_radio.get(first + i).copied().unwrap_or(0.0);
            let samples = std::array::from_fn(heard);
            let block =
                CapturedBlock { samples, captured_at: self.start + self.next_block, after_gap: false };
            self.capture.enqueue(block).unwrap_or_else(|_| panic!("the engine takes every block"));
        }
        if self.status.state() == DeviceState::Running && !self.stalls {
            self.status.step();
            match self.playback.dequeue() {
                Some(block) => self.on_air.extend(block),
                None => {
                    assert!(self.now < ms(50), "the engine delivers a block every 10 ms");
                    self.on_air.extend([0.0; BLOCK_SAMPLES]);
                }
            }
        } else {
            self.on_air.extend([0.0; BLOCK_SAMPLES]);
            while !self.stalls && self.playback.dequeue().is_some() {}
        }
        self.next_block += BLOCK;
    }

    fn collect(&mut self) {
        while let Some(item) = self.net.as_mut().and_then(|(to_net, _)| to_net.dequeue()) {
            self.take(item);
        }
        while let Some(event) = self.engine_events.dequeue() {
            match event {
                Event::OverBegan => self.receiving = true,
                Event::OverEnded { .. } => self.receiving = false,
                Event::Keyed
                | Event::Unkeyed { .. }
                | Event::TimedOut
                | Event::Stuck { .. }
                | Event::PlaybackStalled { .. }
                | Event::Stream(_) => {}
            }
            self.events.push((self.now, event));
        }
        let open = self.overs.last().is_some_and(|over| over.ended.is_none());
        assert!(
            !((open || self.receiving) && self.is_keyed()),
            "keyed at {:?} while an over is open",
            self.now
        );
        let beats = self.beats.lock().unwrap();
        if let [.., before, last] = beats.as_slice() {
            assert!(
                last.at - before.at <= HEARTBEAT,
                "no heartbeat between {:?} and {:?}",
                before.at,
                last.at
            );
        }
        if let Some(last) = beats.last() {
            assert!(
                self.now - last.at <= HEARTBEAT,
                "no heartbeat since {:?}, now is {:?}",
                last.at,
                self.now
            );
        }
    }

    fn take(&mut self, item: UplinkItem) {
        let since = |instant: Instant| instant.saturating_duration_since(self.start);
        match item {
            UplinkItem::Start { over, at, continues } => {
                assert!(self.overs.iter().all(|over| over.ended.is_some()), "one over at a time");
                let (opened_at, began) = (since(at), self.now);
                self.overs.push(Over { id: over, opened_at, began, continues, packets: vec![], ended: None });
            }
            UplinkItem::Packet { over, captured_at, payload } => {
                let packet = Sent { captured_at: since(captured_at), at: self.now, opus: payload.to_vec() };
                self.open_over(over).packets.push(packet);
            }
            UplinkItem::End { over } => {
                let now = self.now;
                self.open_over(over).ended = Some(now);
            }
        }
    }

    fn open_over(&mut self, id: OverId) -> &mut Over {
        let over = self.overs.last_mut().unwrap();
        assert!(over.id == id && over.ended.is_none(), "items of {id:?} belong to an open over");
        over
    }
}

/// Where sound begins and ends in a recording, samples; `None` in silence.
pub fn extent(sound: &[f32]) -> Option<Range<usize>> {
    let first = sound.iter().position(|sample| *sample != 0.0)?;
    let last = sound.iter().rposition(|sample| *sample != 0.0)?;
    Some(first..last + 1)
}

/// Panics with the first packet that differs.
#[track_caller]
pub fn assert_same<A: AsRef<[u8]>, B: AsRef<[u8]>>(heard: &[A], said: &[B]) {
    let same = heard.iter().zip(said).take_while(|(heard, said)| heard.as_ref() == said.as_ref()).count();
    let whole = same == heard.len() && same == said.len();
    assert!(whole, "of {} packets heard and {} said only the first {same} agree", heard.len(), said.len());
}

/// Where a sound, which begins on a block, stands in a recording to the bit; its silent ends do not count.
pub fn place(sound: &[f32], recording: &[f32]) -> Option<usize> {
    let spoken = extent(sound)?;
    let (probe, rest) = (&sound[spoken.clone()][..BLOCK_SAMPLES], &sound[spoken.clone()]);
    let last = recording.len().checked_sub(sound.len())?;
    let found =
        (0..=last).step_by(BLOCK_SAMPLES).find(|at| recording[at + spoken.start..].starts_with(probe))?;
    recording[found + spoken.start..].starts_with(rest).then_some(found)
}

/// How well the copy, found within 100 ms of where it should be, resembles the original at its worst stretch.
pub fn worst_likeness(original: &[f32], copy: &[f32], expected: usize) -> f32 {
    let slack = SAMPLE_RATE_HZ as usize / 10;
    let from = expected.saturating_sub(slack);
    let mut near = copy[from.min(copy.len())..(expected + original.len() + slack).min(copy.len())].to_vec();
    near.resize(near.len().max(original.len()), 0.0);
    zello_gateway::dsp::compare::find(original, &near).map_or(0.0, |likeness| likeness.worst)
}

/// Packets of the channel that no counter explains: they wait.
pub fn unexplained_packets(c: &Counters) -> i64 {
    let fates = [
        &c.downlink_packets_played,
        &c.downlink_packets_dropped,
        &c.downlink_packets_late,
        &c.downlink_packets_expired,
        &c.downlink_packets_discarded,
        &c.downlink_packets_invalid,
    ];
    balance(&c.downlink_packets, &fates)
}

/// What has come and has none of these fates.
pub fn balance(come: &Counter, fates: &[&Counter]) -> i64 {
    let gone: u64 = fates.iter().map(|counter| counter.value()).sum();
    i64::try_from(come.value()).unwrap() - i64::try_from(gone).unwrap()
}
