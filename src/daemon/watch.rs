//! The main thread while the gateway runs: signals, the engine's log lines, systemd, and the first thread to end or hang.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use tracing::{debug, error, info, warn};

use super::Error;
use super::start::Gateway;
use super::threads::caught;
use super::watchdog::{Verdict, Watchdog};
use crate::engine::Event;
use crate::logic::downlink;
use crate::quota::Quota;

/// The main thread looks at signals and log lines this often.
const LOOK: Duration = Duration::from_millis(50);

/// A flag that rises when a signal asks the gateway to end.
pub(super) fn listen() -> Result<Arc<AtomicBool>, Error> {
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&asked))
            .map_err(|source| Error::System { what: "a signal handler", source })?;
    }
    Ok(asked)
}

/// Watches until a signal asks to end, or a thread ends. A panic in here is an ending, too: that of the main thread.
pub(super) fn watch(gateway: &mut Gateway, asked: &AtomicBool) -> Result<(), Error> {
    caught(|| watch_others(gateway, asked)).unwrap_or_else(|why| Err(ended("main", why)))
}

fn watch_others(gateway: &mut Gateway, asked: &AtomicBool) -> Result<(), Error> {
    tell_systemd(&[NotifyState::Ready]);
    let mut watchdog = Watchdog::new(Instant::now());
    loop {
        if let Some(ending) = gateway.threads.next_ending(LOOK) {
            let why = ending.result.err().unwrap_or_else(|| "it left its loop".to_owned());
            return Err(ended(ending.name, why));
        }
        log_events(gateway);
        if asked.load(Ordering::Relaxed) {
            info!("asked to end");
            return Ok(());
        }
        match watchdog.look(Instant::now(), gateway.progress.steps()) {
            Verdict::Wait => {}
            Verdict::Feed => tell_systemd(&[NotifyState::Watchdog]),
            Verdict::Hangs(thread) => warn!(thread, "a thread stands still; systemd's watchdog is not fed"),
            Verdict::Dead { thread, still } => {
                error!(thread, "a thread still stands still; the gateway stops, unkeyed");
                return Err(Error::Hangs { thread, still });
            }
        }
    }
}

fn ended(thread: &'static str, why: String) -> Error {
    error!(thread, why, "a thread ended; the gateway stops, unkeyed");
    Error::Thread { thread, why }
}

pub(super) fn tell_systemd(states: &[NotifyState]) {
    if let Err(unheard) = sd_notify::notify(false, states) {
        debug!(%unheard, "systemd could not be told");
    }
}

/// Logs what the engine has told; also after its end, which unkeys.
pub(super) fn log_events(gateway: &mut Gateway) {
    // Not until there are none: an engine that a server keeps busy must not keep this thread from its other duties.
    for _ in 0..gateway.events.len() {
        match gateway.events.dequeue() {
            Some(event) => log(&event, &mut gateway.stream_lines),
            None => return,
        }
    }
}

fn log(event: &Event, stream_lines: &mut Quota) {
    match *event {
        Event::OverBegan => info!("the radio hears somebody"),
        Event::OverEnded { after } => info!(seconds = after.as_secs_f32(), "the over on the radio ended"),
        Event::Keyed => info!("transmitter keyed"),
        Event::Unkeyed { after } => info!(seconds = after.as_secs_f32(), "transmitter unkeyed"),
        Event::TimedOut => warn!(
            "time-out: the transmitter was keyed for time_out_seconds and is released; the rest of the stream is discarded"
        ),
        Event::Stuck { stuck: true } => warn!(
            "the squelch has been open for stuck_seconds: COS is not believed until it closes; check COS wiring and squelch level"
        ),
        Event::Stuck { stuck: false } => info!("the squelch has closed; COS is believed again"),
        Event::PlaybackStalled { stalled: true } => warn!(
            "the sound card takes no sound: nothing is transmitted until it does; check the kernel log for USB errors"
        ),
        Event::PlaybackStalled { stalled: false } => info!("the sound card takes sound again"),
        Event::Stream(event) => log_stream(&event, stream_lines),
    }
}

/// A server can cause as many of these as it likes.
fn log_stream(event: &downlink::Event, lines: &mut Quota) {
    use downlink::Event as E;
    let (warns, stream, packets, words) = match *event {
        E::Started { .. } | E::Began { .. } | E::Ended { .. } | E::Late { .. } => {
            return debug!(?event, "stream");
        }
        E::StopMissing { stream } => (false, stream, None, "a stream ended by silence: its stop never came"),
        E::Expired { stream, packets } => (
            true,
            stream,
            Some(packets),
            "talk could not wait any longer for the radio and is lost; see wait_seconds",
        ),
        E::Discarded { stream, packets } => (false, stream, Some(packets), "talk discarded by rule"),
        E::Invalid { stream, packets } => (true, stream, Some(packets), "packets that are not Opus"),
    };
    let Some(left_out) = lines.take(Instant::now()) else { return };
    if left_out > 0 {
        warn!(left_out, "streams cause more log lines than are written; the counters have them all");
    }
    if warns {
        warn!(stream = stream.0, packets, "{words}");
    } else {
        info!(stream = stream.0, packets, "{words}");
    }
}
