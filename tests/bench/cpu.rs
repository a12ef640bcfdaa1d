//! CPU of the whole uplink and downlink against bare libopus on the same speech.

use std::hint::black_box;
use std::time::Duration;

use opus::{Application, Bitrate, Channels, Signal};
use zello_gateway::codec::{BLOCK_SAMPLES, COMPLEXITY, MAX_PACKET_SAMPLES, SAMPLE_RATE_HZ};
use zello_gateway::config::Config;
use zello_gateway::logic::exchange::DownlinkItem;
use zello_gateway::zello::{PacketId, StreamId};

use crate::desk::Desk;
use crate::rig::{Rig, Sound, cpu_time};
use crate::speech::{self, CARD, CARD_HZ};
use crate::table::Table;

/// Speech each way.
const SECONDS: usize = 30;
/// Each round measures all three, so that a machine that changes its pace changes it for all.
const ROUNDS: usize = 15;
/// The bound of the design.
const BOUND: f64 = 1.25;

/// What is said, in every form.
struct Material {
    config: Config,
    radio: Vec<f32>,
    radio_card: Vec<u8>,
    hiss: Vec<f32>,
    hiss_card: Vec<u8>,
    packets: Vec<Vec<u8>>,
}

/// CPU time of one round.
#[derive(Clone, Copy)]
struct Cost {
    up: Duration,
    down: Duration,
    idle: Duration,
}

pub(crate) fn measure(table: &mut Table) {
    let samples = SECONDS * SAMPLE_RATE_HZ as usize;
    let config = Desk::new(1, "").config();
    let (radio, hiss) = (speech::load("radio.wav", samples), speech::hiss(SAMPLE_RATE_HZ as usize));
    let packets = speech::as_packets(&speech::load("phone.wav", samples), &config.uplink);
    let material = Material {
        radio_card: speech::as_captured(&radio),
        hiss_card: speech::as_captured(&hiss),
        config,
        radio,
        hiss,
        packets,
    };
    let mut bare = Bare::new(&material.config);
    let mut plain = Rig::new(&material.config, false);
    let mut card = Rig::new(&material.config, true);
    let mut costs: [Vec<Cost>; 3] = Default::default();
    for round in 0..=ROUNDS {
        let round_costs = [
            bare.round(&material),
            rig_round(&mut plain, &material, false),
            rig_round(&mut card, &material, true),
        ];
        // The first one warms caches.
        if round > 0 {
            costs.iter_mut().zip(round_costs).for_each(|(all, one)| all.push(one));
        }
    }
    let [bare, plain, card] = costs.map(|all| median(&all));
    for (name, cost) in
        [("CPU against bare libopus, sound card at 48 kHz", card), ("  the same, device at 16 kHz", plain)]
    {
        let ratio = both(cost) / both(bare);
        let ways = format!(
            "{ratio:.3} (up {:.3}, down {:.3})",
            cost.up.as_secs_f64() / bare.up.as_secs_f64(),
            cost.down.as_secs_f64() / bare.down.as_secs_f64()
        );
        table.row(name, &format!("≤ {BOUND} ×"), ways, ratio <= BOUND);
    }
    for (name, cost) in [("bare libopus", bare), ("gateway, 16 kHz", plain), ("gateway, 48 kHz", card)] {
        let each = |time: Duration| time.as_nanos() / SECONDS as u128;
        let idle =
            if cost.idle.is_zero() { String::new() } else { format!(", idle {} ns/s", each(cost.idle)) };
        table.note(
            &format!("{name}: CPU of a second of speech"),
            format!("up {} ns, down {} ns{idle}", each(cost.up), each(cost.down)),
        );
    }
}

/// libopus, and nothing else.
struct Bare {
    encoder: opus::Encoder,
    decoder: opus::Decoder,
    packet_samples: usize,
}

impl Bare {
    /// The settings of the gateway's own encoder.
    fn new(config: &Config) -> Self {
        let mut encoder =
            opus::Encoder::new(SAMPLE_RATE_HZ, Channels::Mono, Application::Voip).expect("an encoder");
        let bits = i32::try_from(config.uplink.bitrate_bps).expect("a bit rate");
        encoder.set_bitrate(Bitrate::Bits(bits)).expect("a bit rate");
        encoder.set_signal(Signal::Voice).expect("a signal");
        encoder.set_complexity(COMPLEXITY).expect("a complexity");
        encoder.set_vbr(true).expect("variable bit rate");
        encoder.set_vbr_constraint(true).expect("constrained bit rate");
        encoder.set_inband_fec(false).expect("no error correction");
        encoder.set_dtx(false).expect("no gaps");
        let decoder = opus::Decoder::new(SAMPLE_RATE_HZ, Channels::Mono).expect("a decoder");
        let packet_samples = config.uplink.packet.as_millis() as usize * SAMPLE_RATE_HZ as usize / 1_000;
        Self { encoder, decoder, packet_samples }
    }

    fn round(&mut self, material: &Material) -> Cost {
        let mut packet = [0; 1_275];
        let mut pcm = [0.0; MAX_PACKET_SAMPLES];
        let start = cpu_time();
        self.encoder.reset_state().expect("an encoder");
        for speech in material.radio.chunks_exact(self.packet_samples) {
            black_box(self.encoder.encode_float(speech, &mut packet).expect("a packet"));
        }
        let encoded = cpu_time();
        self.decoder.reset_state().expect("a decoder");
        for packet in &material.packets {
            black_box(self.decoder.decode_float(packet, &mut pcm, false).expect("speech"));
        }
        Cost { up: encoded - start, down: cpu_time() - encoded, idle: Duration::ZERO }
    }
}

/// One over each way and as much quiet, through everything between the devices and the network task.
fn rig_round(rig: &mut Rig, material: &Material, card: bool) -> Cost {
    let start = cpu_time();
    over_up(rig, material, card);
    let up = cpu_time();
    over_down(rig, material, card);
    let down = cpu_time();
    for tick in 0..SECONDS * 100 {
        rig.tick(material.quiet(tick, card));
    }
    Cost { up: up - start, down: down - up, idle: cpu_time() - down }
}

/// An over that, with its pre-roll and its hang, is exactly the recording.
fn over_up(rig: &mut Rig, material: &Material, card: bool) {
    let blocks = material.radio.len() / BLOCK_SAMPLES;
    let in_blocks = |time: Duration| time.as_millis() as usize / 10;
    let opens = in_blocks(material.config.uplink.pre_roll);
    let closes = blocks - in_blocks(material.config.uplink.hang);
    let mut packets = 0;
    for tick in 0..blocks + 2 {
        if tick == opens || tick == closes {
            rig.squelch(tick == opens);
        }
        packets +=
            rig.tick(if tick < blocks { material.speech(tick, card) } else { material.quiet(tick, card) });
    }
    let wanted = material.radio.len() / SAMPLE_RATE_HZ as usize * 1_000 / 60;
    assert!(packets.abs_diff(wanted) <= 2, "{packets} packets instead of {wanted}");
}

/// An over of a phone, until the transmitter is off.
fn over_down(rig: &mut Rig, material: &Material, card: bool) {
    let stream =
        StreamId(22_695 + u32::try_from(rig.counters.downlink_streams.value()).expect("a few streams"));
    let played = rig.counters.downlink_packets_played.value();
    rig.channel(DownlinkItem::Start { stream, at: rig.now });
    let mut packets = (1..).zip(&material.packets);
    for tick in 0.. {
        if tick % 6 == 0 {
            match packets.next() {
                Some((number, packet)) => rig.channel(DownlinkItem::Packet {
                    stream,
                    id: PacketId(number),
                    at: rig.now,
                    payload: heapless::Vec::from_slice(packet).expect("a usual packet"),
                }),
                None if tick / 6 == material.packets.len() => rig.channel(DownlinkItem::Stop { stream }),
                None => {}
            }
        }
        rig.tick(material.quiet(tick, card));
        if rig.was_unkeyed() {
            break;
        }
        assert!(tick < SECONDS * 200, "the transmitter is not unkeyed");
    }
    let played = rig.counters.downlink_packets_played.value() - played;
    assert_eq!(played, material.packets.len() as u64, "every packet is played");
    assert_eq!(rig.counters.downlink_blocks_concealed.value(), 0, "nothing is concealed");
}

impl Material {
    fn speech(&self, tick: usize, card: bool) -> Sound<'_> {
        block(&self.radio, &self.radio_card, tick, card)
    }

    fn quiet(&self, tick: usize, card: bool) -> Sound<'_> {
        block(&self.hiss, &self.hiss_card, tick % 100, card)
    }
}

fn block<'a>(plain: &'a [f32], captured: &'a [u8], number: usize, card: bool) -> Sound<'a> {
    let part = |length: usize| number * length..(number + 1) * length;
    if card {
        Sound::Card(&captured[part(CARD_HZ as usize / 100 * CARD.bytes())])
    } else {
        Sound::Plain(&plain[part(BLOCK_SAMPLES)])
    }
}

fn both(cost: Cost) -> f64 {
    (cost.up + cost.down).as_secs_f64()
}

fn median(costs: &[Cost]) -> Cost {
    let middle = |part: fn(&Cost) -> Duration| {
        let mut times: Vec<Duration> = costs.iter().map(part).collect();
        times.sort_unstable();
        times[times.len() / 2]
    };
    Cost { up: middle(|cost| cost.up), down: middle(|cost| cost.down), idle: middle(|cost| cost.idle) }
}
