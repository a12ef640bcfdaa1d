//! Start: devices and lines first, so that a refusal ends the program before anything runs; then the threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::ptt::Hearer;
use super::threads::Threads;
use super::watchdog::Progress;
use super::{Error, Options};
use crate::audio::{self, Capture, CapturedBlock, DeviceStatus, Playback};
use crate::bell::Bell;
use crate::codec::Block;
use crate::config::{Audio, Config, Cos, Ptt};
use crate::counters::Counters;
use crate::engine::{self, Engine};
use crate::lines::cos::{self, LineStatus};
use crate::lines::guard::{self, GuardEnd, GuardKeyer, GuardWatch, PttStatus};
use crate::lines::{CosEdge, CosLine};
use crate::queue::{self, Consumer, Producer};
use crate::quota::Quota;
use crate::realtime::{AUDIO_PRIORITY, ENGINE_PRIORITY};
use crate::{net, realtime};

/// 10 ms blocks between the audio threads and the engine: 310 ms in which the engine may be late.
const SOUND_QUEUE: usize = 32;
/// Squelch edges; debounced ones come far slower than the engine looks.
const COS_QUEUE: usize = 64;
/// Overs and packets for the network task: 15 s of packets of 60 ms.
const UPLINK_QUEUE: usize = 256;
/// Streams and packets from the network task: the burst after a stall of 5 s at 20 ms.
const DOWNLINK_QUEUE: usize = 256;
/// Log lines of the engine.
const EVENT_QUEUE: usize = 64;

/// The network task gets so long for its goodbye.
const NET_GOODBYE: Duration = Duration::from_secs(3);
/// Any other thread notices its stop within one period, one poll or one look at its flag.
const THREAD_GOODBYE: Duration = Duration::from_secs(2);

/// The network's thread shows so often that it gets on.
const NET_TURN: Duration = Duration::from_millis(500);

/// A running gateway, as the main thread sees it.
pub(super) struct Gateway {
    pub(super) threads: Threads,
    pub(super) counters: Arc<Counters>,
    pub(super) events: Consumer<'static, engine::Event>,
    /// Of log lines about streams.
    pub(super) stream_lines: Quota,
    /// The threads that must get on.
    pub(super) progress: Progress,
    pub(super) stopping: bool,
    stop_net: CancellationToken,
    stop_engine: Arc<AtomicBool>,
    stop_devices: Arc<AtomicBool>,
    engine_bell: Bell,
}

pub(super) fn start(config: &Config, options: &Options) -> Result<Gateway, Error> {
    let playback = audio::open_playback(&config.audio)?;
    let capture = audio::open_capture(&config.audio)?;
    audio::set_mixer(&config.audio);
    for orphan in guard::orphan::end(&config.ptt) {
        super::ptt::tell_orphan(&config.ptt, &orphan);
    }
    // Before COS: who first opens a serial port raises its outputs for a moment, and only the guard knows how they rest.
    let (keyer, guard) = guard::spawn(&options.guard_program, &config.ptt, config.downlink.time_out)?;
    let cos = match &config.cos {
        Cos::Gpio(_) | Cos::Cm108(_) | Cos::Serial(_) | Cos::Fifo { .. } => Some(cos::open_cos(&config.cos)?),
        Cos::Vox(_) | Cos::None => None,
    };

    let (capture_tx, capture_rx) = queue::channel::<_, SOUND_QUEUE>();
    let (playback_tx, playback_rx) = queue::channel::<_, SOUND_QUEUE>();
    let (cos_tx, cos_rx) = queue::channel::<_, COS_QUEUE>();
    let (uplink_tx, uplink_rx) = queue::channel::<_, UPLINK_QUEUE>();
    let (downlink_tx, downlink_rx) = queue::channel::<_, DOWNLINK_QUEUE>();
    let (events_tx, events) = queue::channel::<_, EVENT_QUEUE>();
    let bell = || Bell::new().map_err(|source| Error::System { what: "an event descriptor", source });
    let (engine_bell, uplink_bell) = (bell()?, bell()?);
    let counters = Arc::new(Counters::default());
    let playback_status = Arc::new(DeviceStatus::new());
    let ptt_status = Arc::<PttStatus>::default();

    let ports = engine::Ports {
        capture: capture_rx,
        playback: playback_tx,
        cos: cos_rx,
        to_net: uplink_tx,
        net_bell: uplink_bell.clone(),
        from_net: downlink_rx,
        events: events_tx,
        playback_status: Arc::clone(&playback_status),
        ptt_status: Arc::clone(&ptt_status),
        counters: Arc::clone(&counters),
    };
    let engine = Engine::new(Instant::now(), config, ports, keyer)?;
    let net_ports = net::Ports {
        uplink: uplink_rx,
        uplink_bell,
        downlink: downlink_tx,
        engine_bell: engine_bell.clone(),
        counters: Arc::clone(&counters),
    };
    let mut gateway = Gateway {
        threads: Threads::new(),
        counters,
        events,
        stream_lines: Quota::default(),
        progress: Progress::default(),
        stopping: false,
        stop_net: CancellationToken::new(),
        stop_engine: Arc::default(),
        stop_devices: Arc::default(),
        engine_bell,
    };
    gateway.start_engine(engine)?;
    gateway.start_guard_watch(guard, &config.ptt, ptt_status)?;
    gateway.start_playback(&config.audio, playback, playback_rx, playback_status)?;
    if let Some(capture) = capture {
        gateway.start_capture(&config.audio, capture, capture_tx)?;
    }
    if let Some(cos) = cos {
        gateway.start_cos(&config.cos, cos, cos_tx)?;
    }
    gateway.start_net(config, net_ports)?;
    info!(capture = %config.audio.capture, playback = %config.audio.playback, "sound devices and lines are open");
    Ok(gateway)
}

impl Gateway {
    fn start_engine(&mut self, engine: Engine<GuardKeyer>) -> Result<(), Error> {
        let (bell, stop) = (self.engine_bell.clone(), self.stop_engine.clone());
        let ticks = self.watched("engine");
        let run = move |engine: &mut Engine<GuardKeyer>| {
            ask_for_real_time("engine", ENGINE_PRIORITY);
            while !stop.load(Ordering::Relaxed) {
                let next = engine.step(Instant::now()).map_err(|gone| gone.to_string())?;
                ticks.fetch_add(1, Ordering::Relaxed);
                let _rang = bell.wait(next.saturating_duration_since(Instant::now()));
            }
            engine.shut_down(Instant::now()).map_err(|gone| gone.to_string())
        };
        // The guard ends when the engine is dropped.
        self.threads.spawn_owning("engine", engine, run).map_err(no_thread)
    }

    fn start_guard_watch(
        &mut self,
        guard: GuardWatch,
        ptt: &Ptt,
        status: Arc<PttStatus>,
    ) -> Result<(), Error> {
        let (stop, counters, engine_bell) =
            (self.stop_devices.clone(), self.counters.clone(), self.engine_bell.clone());
        let hearer = Hearer { ptt: ptt.clone(), status, counters, engine_bell };
        let looks = self.watched("guard-watch");
        self.spawn("guard-watch", move || {
            let end = guard.wait(&stop, &looks, |report| hearer.hear(&report));
            if end != GuardEnd::Released {
                hearer.release();
            }
            Err(format!("the guard of the PTT line {end}"))
        })
    }

    fn start_playback(
        &mut self,
        audio: &Audio,
        device: Box<dyn Playback>,
        blocks: Consumer<'static, Block>,
        status: Arc<DeviceStatus>,
    ) -> Result<(), Error> {
        let (audio, counters, stop) = (audio.clone(), self.counters.clone(), self.stop_devices.clone());
        let watched = Arc::clone(&status);
        self.progress.add("audio-out", move || watched.steps());
        self.spawn("audio-out", move || {
            if audio::is_rt_eligible(&audio.playback) {
                ask_for_real_time("audio-out", AUDIO_PRIORITY);
            }
            audio::run_playback(&audio, device, blocks, &status, &counters, &stop);
            Ok(())
        })
    }

    fn start_capture(
        &mut self,
        audio: &Audio,
        device: Box<dyn Capture>,
        blocks: Producer<'static, CapturedBlock>,
    ) -> Result<(), Error> {
        let (audio, counters, stop) = (audio.clone(), self.counters.clone(), self.stop_devices.clone());
        let status = Arc::new(DeviceStatus::new());
        let watched = Arc::clone(&status);
        self.progress.add("audio-in", move || watched.steps());
        self.spawn("audio-in", move || {
            if audio::is_rt_eligible(&audio.capture) {
                ask_for_real_time("audio-in", AUDIO_PRIORITY);
            }
            audio::run_capture(&audio, device, blocks, &status, &counters, &stop);
            Ok(())
        })
    }

    fn start_cos(
        &mut self,
        cos: &Cos,
        line: Box<dyn CosLine>,
        edges: Producer<'static, CosEdge>,
    ) -> Result<(), Error> {
        let (cos, bell) = (cos.clone(), self.engine_bell.clone());
        let (counters, stop) = (self.counters.clone(), self.stop_devices.clone());
        let status = Arc::new(LineStatus::default());
        let watched = Arc::clone(&status);
        self.progress.add("cos", move || watched.steps());
        self.spawn("cos", move || {
            let outlet = cos::Outlet { edges, engine_bell: &bell, status: &status, counters: &counters };
            cos::run_cos(&cos, line, outlet, &stop);
            Ok(())
        })
    }

    fn start_net(&mut self, config: &Config, ports: net::Ports) -> Result<(), Error> {
        let (zello, uplink, stop) = (config.zello.clone(), config.uplink, self.stop_net.clone());
        let turns = self.watched("net");
        self.spawn("net", move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|refused| format!("the network runtime did not start: {refused}"))?;
            runtime.block_on(async {
                tokio::select! {
                    () = net::run(zello, uplink, ports, stop) => {}
                    () = count_turns(&turns) => {}
                }
            });
            // A name server that is asked and does not answer keeps nobody.
            runtime.shutdown_background();
            Ok(())
        })
    }

    /// A number that the thread must move.
    fn watched(&mut self, thread: &'static str) -> Arc<AtomicU64> {
        let steps = Arc::<AtomicU64>::default();
        let watched = Arc::clone(&steps);
        self.progress.add(thread, move || watched.load(Ordering::Relaxed));
        steps
    }

    fn spawn(
        &mut self,
        name: &'static str,
        body: impl FnOnce() -> Result<(), String> + Send + 'static,
    ) -> Result<(), Error> {
        self.threads.spawn(name, body).map_err(no_thread)
    }

    /// Stops in order: first the engine, which unkeys and closes its over; then the network, which sends the rest of it
    /// and says goodbye, and the devices.
    pub(super) fn stop(&mut self) {
        self.stopping = true;
        self.stop_engine.store(true, Ordering::Relaxed);
        self.engine_bell.ring();
        self.join("engine", THREAD_GOODBYE);
        self.stop_devices.store(true, Ordering::Relaxed);
        self.stop_net.cancel();
        for name in ["cos", "audio-in", "audio-out", "guard-watch"] {
            self.join(name, THREAD_GOODBYE);
        }
        self.join("net", NET_GOODBYE);
    }

    fn join(&mut self, name: &'static str, limit: Duration) {
        if !self.threads.join(name, limit) {
            warn!(thread = name, "a thread did not stop in time; it ends with the process");
        }
    }
}

fn no_thread(source: std::io::Error) -> Error {
    Error::System { what: "a thread", source }
}

/// Counts while the network's runtime turns: its task itself may rightly wait for hours.
async fn count_turns(turns: &AtomicU64) {
    loop {
        turns.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(NET_TURN).await;
    }
}

/// Says once for all threads that the real-time class was refused.
fn ask_for_real_time(thread: &'static str, priority: u8) {
    static SAID: AtomicBool = AtomicBool::new(false);
    if let Err(refused) = realtime::request(priority) {
        if !SAID.swap(true, Ordering::Relaxed) {
            warn!(thread, "{refused}");
        }
    }
}
