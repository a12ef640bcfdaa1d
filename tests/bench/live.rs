//! The real program against the simulator on loopback, in real time: latencies, memory, reconnects, a sudden death.

use std::time::{Duration, Instant, SystemTime};

use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{sleep, timeout};
use zello_gateway::codec::{BLOCK_SAMPLES, Encoder, SAMPLE_RATE_HZ};
use zello_gateway::dsp::{UplinkChain, compare};
use zello_gateway::sim::{Heard, Login, Phone, Seen, Settings, Sim, SimEvent};
use zello_gateway::zello::{CodecHeader, PacketId, StreamId};

use crate::desk::{CHANNEL, Desk};
use crate::gateway::{Gateway, PROGRAM, since_epoch};
use crate::speech;
use crate::table::{Table, ms};

/// Starts of the gateway; in every second one it is killed while it transmits.
const STARTS: u32 = 20;
/// Overs for the latency of COS, and streams for that of PTT: one outlier in a hundred does not decide.
const OVERS: usize = 100;
/// The network goes and comes back so often.
const OUTAGES: u32 = 6;
/// An over for the latency of each packet.
const LONG_OVER: Duration = Duration::from_secs(24);
/// The file that the radio hears; all overs lie in it.
const SPEECH_SECONDS: usize = 120;
/// Packets captured so soon after COS wait for the server's first answer together with the pre-roll.
const SETTLED: Duration = Duration::from_millis(500);
/// Short hang and no lead: they are settings, not latencies, and would only lengthen the measurement.
const QUICK: &str = "
[uplink]
hang_ms = 100

[downlink]
lead_ms = 0
tail_ms = 0
rx_mute_ms = 0
";
/// Nothing that is measured takes longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The service and the gateway allow one stream in half a second.
const SPACING: Duration = Duration::from_millis(520);

/// The service, and what it sees.
struct Service {
    sim: Sim,
    seen: UnboundedReceiver<SimEvent>,
    port: u16,
}

pub(crate) fn measure(table: &mut Table) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut service = Service::start(0).await;
        starts_and_deaths(table, &mut service).await;
        session(table, &mut service).await;
    });
    let megabytes = std::fs::metadata(PROGRAM).expect("the program").len() as f64 / 1e6;
    let name = format!("stripped release binary, {}", std::env::consts::ARCH);
    table.row(&name, "≤ 6 MB (aarch64)", format!("{megabytes:.1} MB"), megabytes <= 6.0);
}

impl Service {
    async fn start(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a port of loopback");
        let port = listener.local_addr().expect("its address").port();
        let sim = Sim::start(Settings::default());
        let seen = sim.events();
        sim.serve(listener);
        Self { sim, seen, port }
    }

    async fn phone(&self) -> Phone {
        let url = format!("ws://127.0.0.1:{}/ws/bench", self.port);
        Phone::connect(&url, &Login::new("phone", CHANNEL)).await.expect("a phone")
    }

    /// The next thing of this kind, and when.
    async fn sees<T>(&mut self, kind: impl Fn(&Seen) -> Option<T>) -> Option<(Instant, T)> {
        let look = async {
            loop {
                let event = self.seen.recv().await?;
                if let Some(found) = kind(&event.what) {
                    return Some((event.at.into_std(), found));
                }
            }
        };
        timeout(PATIENCE, look).await.ok().flatten()
    }

    async fn logged_on(&mut self) -> Option<Instant> {
        let gateway =
            |what: &Seen| matches!(what, Seen::LoggedOn(_, Some(name)) if name == "gateway").then_some(());
        self.sees(gateway).await.map(|(at, ())| at)
    }

    async fn stream_of(&mut self, who: &str) -> Option<Instant> {
        let started =
            |what: &Seen| matches!(what, Seen::StreamStarted { from, .. } if from == who).then_some(());
        self.sees(started).await.map(|(at, ())| at)
    }
}

/// A stream of the phone with a packet in it.
async fn talk(phone: &Phone) -> StreamId {
    let stream = phone.start(CodecHeader::single(16_000, 60), 60.0).await.expect("the channel is free");
    let silence = speech::as_packets(&[0.0; 960], &Desk::new(1, "").config().uplink);
    phone.send_packet(stream, PacketId(1), &silence[0]).expect("a connection");
    stream
}

async fn starts_and_deaths(table: &mut Table, service: &mut Service) {
    let desk = Desk::new(service.port, QUICK);
    speech::record(&desk.path("radio-hears.wav"), &[0.0; BLOCK_SAMPLES]);
    let phone = service.phone().await;
    let (mut starts, mut deaths) = (Vec::new(), Vec::new());
    for number in 1..=STARTS {
        let mut gateway = Gateway::start(&desk);
        let Some(logged_on) = service.logged_on().await else { break };
        starts.push(logged_on - gateway.spawned_at);
        // Online follows the log-on.
        sleep(Duration::from_millis(50)).await;
        if number % 2 == 0 {
            gateway.stop().await;
            continue;
        }
        let stream = talk(&phone).await;
        let count = deaths.len() + 1;
        if gateway.keyed(true, count).await.is_none() {
            break;
        }
        // Anywhere between two heartbeats.
        sleep(Duration::from_millis(100 + u64::from(number) * 7)).await;
        let killed = gateway.kill();
        let Some(off) = gateway.keyed(false, count).await else { break };
        deaths.push(off.saturating_sub(killed));
        phone.stop(stream).await.expect("a stream to stop");
    }
    table.times("start of `run` → logged on", Duration::from_millis(150), &mut starts);
    table.times("daemon killed while keyed → line inactive", Duration::from_millis(250), &mut deaths);
    phone.hang_up().await;
}

/// One gateway that lives on: latencies, memory, and outages at the end.
async fn session(table: &mut Table, service: &mut Service) {
    let desk = Desk::new(service.port, QUICK);
    let radio = speech::load("radio.wav", SPEECH_SECONDS * SAMPLE_RATE_HZ as usize);
    speech::record(&desk.path("radio-hears.wav"), &radio);
    let phone = service.phone().await;
    let gateway = Gateway::start(&desk);
    if service.logged_on().await.is_none() {
        return table.failed("a session", "the gateway does not log on");
    }
    sleep(Duration::from_millis(500)).await;
    long_over(table, service, &gateway, &phone, &radio).await;
    cos_edges(table, service, &gateway).await;
    keyings(table, service, &gateway, &phone).await;
    let (daemon, guard) = gateway.resident();
    let mb = |bytes: u64| bytes as f64 / 1e6;
    let measured = format!("{:.1} MB, and its guard {:.1} MB", mb(daemon), mb(guard));
    table.row("resident memory, steady", "≤ 12 MB", measured, mb(daemon) <= 12.0);
    drop(phone);
    outages(table, service).await;
    gateway.stop().await;
}

async fn long_over(
    table: &mut Table,
    service: &mut Service,
    gateway: &Gateway<'_>,
    phone: &Phone,
    radio: &[f32],
) {
    let figure = "sample captured → packet on the wire (packets of 60 ms)";
    let used = gateway.cpu_time();
    let opened = gateway.squelch(true);
    sleep(LONG_OVER).await;
    let used = gateway.cpu_time() - used;
    gateway.squelch(false);
    let mut arrivals = Vec::new();
    loop {
        let event = service.sees(|what| match what {
            Seen::Packet { from, .. } if from == "gateway" => Some(true),
            Seen::StreamStopped { from, .. } if from == "gateway" => Some(false),
            _ => None,
        });
        match event.await {
            Some((at, true)) => arrivals.push(at),
            Some((_, false)) => break,
            None => return table.failed(figure, "the over does not come"),
        }
    }
    let heard = match timeout(PATIENCE, phone.hear(1)).await {
        Ok(Ok(mut heard)) => heard.remove(0),
        Ok(Err(_)) | Err(_) => return table.failed(figure, "the phone hears nothing"),
    };
    // Both clocks at one moment, to bring the gateway's log to ours.
    let (here, there) = (Instant::now(), since_epoch(SystemTime::now()));
    let file_began = here - there.saturating_sub(gateway.opened_at());
    match packet_delays(radio, &heard, &arrivals, file_began, opened) {
        Ok(mut delays) => table.times(figure, Duration::from_millis(80), &mut delays),
        Err(why) => table.failed(figure, &why),
    }
    table.note(
        "CPU of the running gateway in an over, all threads",
        format!("{:.2} % of a core", 100.0 * used.as_secs_f64() / LONG_OVER.as_secs_f64()),
    );
}

/// From the capture of each packet's first sample to its arrival at the server; only what was captured live.
///
/// The file began when the gateway's log says that its devices run, which is right within a millisecond.
fn packet_delays(
    radio: &[f32],
    heard: &Heard,
    arrivals: &[Instant],
    file_began: Instant,
    opened: Instant,
) -> Result<Vec<Duration>, String> {
    let second = SAMPLE_RATE_HZ as usize;
    let in_samples = |time: Duration| (time.as_secs_f64() * f64::from(SAMPLE_RATE_HZ)) as usize;
    let copy = heard.speech().map_err(|error| error.to_string())?;
    // Five seconds from the middle of the over. The recording repeats itself: it is looked for near its place only.
    let opened_in_file = in_samples(opened - file_began);
    let middle = opened_in_file + in_samples(LONG_OVER / 2);
    let original = as_sent(&radio[middle..middle + 5 * second]);
    let from = in_samples(LONG_OVER / 2) - second;
    let near = copy.get(from..from + 8 * second).ok_or("the over is cut short")?;
    let found = compare::find(&original, near).ok_or("silence was heard")?;
    if found.correlation < 0.8 || heard.packets.len() != arrivals.len() {
        return Err(format!(
            "what was heard is not what was said: {found:?}, {} packets of {}",
            heard.packets.len(),
            arrivals.len()
        ));
    }
    // The encoder's look-ahead delays what is decoded: it is no part of when a sample was sent.
    let encoder = Encoder::new(Duration::from_millis(60), 16_000).map_err(|error| error.to_string())?;
    let first_in_file = (middle + encoder.lookahead()).saturating_sub(from + found.delay);
    let packet = second * 60 / 1_000;
    let delays = arrivals.iter().enumerate().filter_map(|(number, arrived)| {
        let sample = first_in_file + number * packet;
        let captured = file_began + Duration::from_secs_f64(sample as f64 / f64::from(SAMPLE_RATE_HZ));
        (captured > opened + SETTLED).then(|| arrived.saturating_duration_since(captured))
    });
    // The last packet is filled up at once when the over ends.
    let mut delays: Vec<Duration> = delays.collect();
    delays.truncate(delays.len().saturating_sub(5));
    Ok(delays)
}

/// The original as the gateway sends it: without what lies below speech.
fn as_sent(original: &[f32]) -> Vec<f32> {
    let mut sent = original.to_vec();
    let mut chain = UplinkChain::new();
    for block in sent.chunks_mut(BLOCK_SAMPLES) {
        chain.process(block);
    }
    sent
}

async fn cos_edges(table: &mut Table, service: &mut Service, gateway: &Gateway<'_>) {
    let mut delays = Vec::new();
    for number in 0..OVERS {
        sleep(SPACING).await;
        let edge = gateway.squelch(true);
        let Some(started) = service.stream_of("gateway").await else { break };
        delays.push(started - edge);
        sleep(Duration::from_millis(80 + number as u64 % 7)).await;
        gateway.squelch(false);
        let stopped =
            |what: &Seen| matches!(what, Seen::StreamStopped { from, .. } if from == "gateway").then_some(());
        if service.sees(stopped).await.is_none() {
            break;
        }
    }
    table.times("COS edge → start_stream at the server", Duration::from_millis(5), &mut delays);
}

async fn keyings(table: &mut Table, service: &mut Service, gateway: &Gateway<'_>, phone: &Phone) {
    let mut delays = Vec::new();
    for number in 1..=OVERS {
        let stream = talk(phone).await;
        let Some(started) = service.stream_of("phone").await else { break };
        let (here, there) = (Instant::now(), since_epoch(SystemTime::now()));
        let Some(keyed) = gateway.keyed(true, number).await else { break };
        delays.push(keyed.saturating_sub(there.saturating_sub(here - started)));
        phone.stop(stream).await.expect("a stream to stop");
        if gateway.keyed(false, number).await.is_none() {
            break;
        }
        sleep(Duration::from_millis(20 + number as u64 % 7)).await;
    }
    table.times("on_stream_start at the server → PTT active", Duration::from_millis(5), &mut delays);
}

async fn outages(table: &mut Table, service: &mut Service) {
    let mut delays = Vec::new();
    for number in 0..OUTAGES {
        service.sim.stop();
        sleep(Duration::from_millis(300 + u64::from(number) * 170)).await;
        *service = Service::start(service.port).await;
        let back = Instant::now();
        let Some(logged_on) = service.logged_on().await else { break };
        delays.push(logged_on.saturating_duration_since(back));
        sleep(Duration::from_secs(1)).await;
    }
    table.times("network back after about a second → logged on", Duration::from_secs(2), &mut delays);
    if delays.len() < OUTAGES as usize {
        table.note("outages after which it did not come back", ms(PATIENCE));
    }
}
