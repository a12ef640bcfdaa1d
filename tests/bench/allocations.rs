//! Heap allocations in the real-time threads after start: the three threads alone, in real time, an over each way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use stats_alloc::Region;
use zello_gateway::audio::{DeviceStatus, open_capture, open_playback, run_capture, run_playback};
use zello_gateway::bell::Bell;
use zello_gateway::codec::SAMPLE_RATE_HZ;
use zello_gateway::counters::Counters;
use zello_gateway::engine::{Engine, Ports};
use zello_gateway::lines::CosEdge;
use zello_gateway::logic::exchange::DownlinkItem;
use zello_gateway::queue;
use zello_gateway::zello::{PacketId, StreamId};

use crate::ALLOCATOR;
use crate::desk::Desk;
use crate::rig::Nowhere;
use crate::speech;
use crate::table::Table;

/// Threads start, devices open.
const START: Duration = Duration::from_millis(500);
/// Speech each way.
const OVER_SECONDS: usize = 2;
/// Hang, lead-in, jitter buffer and tail.
const AFTER: Duration = Duration::from_millis(1_200);

pub(crate) fn measure(table: &mut Table) {
    let desk = Desk::new(1, "");
    let over = OVER_SECONDS * SAMPLE_RATE_HZ as usize;
    speech::record(&desk.path("radio-hears.wav"), &speech::load("radio.wav", 2 * over));
    let (mut audio, config) = (desk.config().audio, desk.config());
    // The whole path: a capture and a playback with gain.
    (audio.capture_gain_db, audio.playback_gain_db) = (3.0, -3.0);
    let packets = speech::as_packets(&speech::load("phone.wav", over), &config.uplink);

    let (capture_tx, capture) = queue::channel::<_, 32>();
    let (playback, playback_rx) = queue::channel::<_, 32>();
    let (mut squelch, cos) = queue::channel::<_, 64>();
    let (to_net, mut sent) = queue::channel::<_, 256>();
    let (mut channel, from_net) = queue::channel::<_, 256>();
    let (events, _log) = queue::channel::<_, 64>();
    let (counters, playback_status) = (Arc::new(Counters::default()), Arc::new(DeviceStatus::new()));
    let (net_bell, engine_bell) = (Bell::new().expect("a bell"), Bell::new().expect("a bell"));
    let ports = Ports {
        capture,
        playback,
        cos,
        to_net,
        net_bell,
        from_net,
        events,
        playback_status: Arc::clone(&playback_status),
        ptt_status: Arc::default(),
        counters: Arc::clone(&counters),
    };
    let mut engine = Engine::new(Instant::now(), &config, ports, Nowhere::new()).expect("an engine");
    let heard = open_capture(&audio).ok().flatten().expect("a file to hear");
    let said = open_playback(&audio).expect("a file to record");
    let (stop, capture_status) = (AtomicBool::new(false), DeviceStatus::new());
    let change = thread::scope(|scope| {
        scope.spawn(|| run_capture(&audio, heard, capture_tx, &capture_status, &counters, &stop));
        scope.spawn(|| run_playback(&audio, said, playback_rx, &playback_status, &counters, &stop));
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let next = engine.step(Instant::now()).expect("a keyer that never fails");
                let _rang = engine_bell.wait(next.saturating_duration_since(Instant::now()));
            }
        });
        thread::sleep(START);
        let region = Region::new(ALLOCATOR);
        let mut squelch = |open| assert!(squelch.enqueue(CosEdge { open, at: Instant::now() }).is_ok());
        squelch(true);
        thread::sleep(Duration::from_secs(OVER_SECONDS as u64));
        squelch(false);
        thread::sleep(AFTER);
        let stream = StreamId(1);
        let mut channel = |item| assert!(channel.enqueue(item).is_ok());
        channel(DownlinkItem::Start { stream, at: Instant::now() });
        for (number, packet) in (1..).zip(&packets) {
            let payload = heapless::Vec::from_slice(packet).expect("a usual packet");
            channel(DownlinkItem::Packet { stream, id: PacketId(number), at: Instant::now(), payload });
            thread::sleep(config.uplink.packet);
        }
        channel(DownlinkItem::Stop { stream });
        thread::sleep(AFTER);
        let change = region.change();
        stop.store(true, Ordering::Relaxed);
        change
    });
    while sent.dequeue().is_some() {}
    let count = change.allocations + change.reallocations + change.deallocations;
    assert!(counters.uplink_packets.value() > 30, "an over went up");
    assert_eq!(counters.downlink_packets_played.value(), packets.len() as u64, "an over came down");
    table.row(
        "heap allocations in real-time threads",
        "0",
        format!("{count} in an over each way"),
        count == 0,
    );
}
