//! The main thread while the gateway runs: signals, the engine's log lines, systemd, and the first thread to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use tracing::{debug, error, info, warn};

use super::Error;
use super::start::Gateway;
use crate::engine::Event;
use crate::logic::downlink;

/// The main thread looks at signals and log lines this often.
const LOOK: Duration = Duration::from_millis(50);

/// systemd's watchdog is fed at this interval while all threads make progress, each of which takes steps of 50 ms at
/// most; `WatchdogSec` must be longer.
const FEED: Duration = Duration::from_secs(2);

/// A flag that rises when a signal asks the gateway to end.
pub(super) fn listen() -> Result<Arc<AtomicBool>, Error> {
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&asked))
            .map_err(|source| Error::System { what: "a signal handler", source })?;
    }
    Ok(asked)
}

/// Watches until a signal asks to end, or a thread ends.
pub(super) fn watch(gateway: &mut Gateway, asked: &AtomicBool) -> Result<(), Error> {
    tell_systemd(&[NotifyState::Ready]);
    let mut watchdog = Watchdog::new(Instant::now());
    loop {
        if let Some(ending) = gateway.threads.next_ending(LOOK) {
            let why = ending.result.err().unwrap_or_else(|| "it left its loop".to_owned());
            error!(thread = ending.name, why, "a thread ended; the gateway stops, unkeyed");
            return Err(Error::Thread { thread: ending.name, why });
        }
        log_events(gateway);
        if asked.load(Ordering::Relaxed) {
            info!("asked to end");
            tell_systemd(&[NotifyState::Stopping]);
            return Ok(());
        }
        match watchdog.look(Instant::now(), gateway.progress.steps()) {
            Verdict::Wait => {}
            Verdict::Feed => tell_systemd(&[NotifyState::Watchdog]),
            Verdict::Hangs(thread) => {
                error!(thread, "a thread makes no progress; systemd's watchdog is not fed");
            }
        }
    }
}

/// When systemd's watchdog is fed, and when not: every thread that the radio depends on must have got on since the last
/// time. A sound card that is lost is looked for, which is progress: a new start would not bring it back.
struct Watchdog {
    next: Instant,
    steps: heapless::Vec<u64, 4>,
}

/// What a look at the threads comes to.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Too early to say.
    Wait,
    /// All have got on.
    Feed,
    /// This one has not; nothing is said of the others.
    Hangs(&'static str),
}

impl Watchdog {
    fn new(now: Instant) -> Self {
        Self { next: now, steps: heapless::Vec::new() }
    }

    /// `steps` has every thread with a number that moves while it does, always in the same order.
    fn look(&mut self, now: Instant, steps: impl Iterator<Item = (&'static str, u64)>) -> Verdict {
        if now < self.next {
            return Verdict::Wait;
        }
        self.next = now + FEED;
        let mut before = std::mem::take(&mut self.steps).into_iter();
        let mut verdict = Verdict::Feed;
        for (name, count) in steps {
            if before.next() == Some(count) && verdict == Verdict::Feed {
                verdict = Verdict::Hangs(name);
            }
            // There are fewer threads than places.
            let _kept = self.steps.push(count);
        }
        verdict
    }
}

fn tell_systemd(states: &[NotifyState]) {
    if let Err(unheard) = sd_notify::notify(false, states) {
        debug!(%unheard, "systemd could not be told");
    }
}

/// Logs what the engine has told; also after its end, which unkeys.
pub(super) fn log_events(gateway: &mut Gateway) {
    while let Some(event) = gateway.events.dequeue() {
        log(&event);
    }
}

fn log(event: &Event) {
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
        Event::Stream(event) => log_stream(&event),
    }
}

fn log_stream(event: &downlink::Event) {
    use downlink::Event as E;
    match *event {
        E::Started { .. } | E::Began { .. } | E::Ended { .. } => debug!(?event, "stream"),
        E::StopMissing { stream } => {
            info!(stream = stream.0, "a stream ended by silence: its stop never came");
        }
        E::Expired { stream, packets } => {
            warn!(
                stream = stream.0,
                packets, "talk could not wait any longer for the radio and is lost; see wait_seconds"
            );
        }
        E::Discarded { stream, packets } => info!(stream = stream.0, packets, "talk discarded by rule"),
        E::Late { stream, packets } => {
            debug!(stream = stream.0, packets, "packets after their turn, or twice");
        }
        E::Invalid { stream, packets } => warn!(stream = stream.0, packets, "packets that are not Opus"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks once a `FEED`, with these numbers of engine, playback and capture.
    fn looks<const N: usize>(counts: [[u64; 3]; N]) -> [Verdict; N] {
        let mut now = Instant::now();
        let mut watchdog = Watchdog::new(now);
        counts.map(|[engine, playback, capture]| {
            let steps = [("engine", engine), ("audio-out", playback), ("audio-in", capture)];
            let verdict = watchdog.look(now, steps.into_iter());
            now += FEED;
            verdict
        })
    }

    #[test]
    fn systemd_is_fed_while_every_thread_gets_on() {
        assert_eq!(looks([[0, 0, 0], [1, 1, 1], [9, 2, 7]]), [Verdict::Feed, Verdict::Feed, Verdict::Feed]);
    }

    #[test]
    fn one_thread_that_hangs_starves_the_watchdog_and_is_named() {
        let [_, engine] = looks([[1, 1, 1], [1, 2, 2]]);
        let [_, playback] = looks([[1, 1, 1], [2, 1, 2]]);
        let [_, capture] = looks([[1, 1, 1], [2, 2, 1]]);
        assert_eq!(engine, Verdict::Hangs("engine"));
        assert_eq!(playback, Verdict::Hangs("audio-out"));
        assert_eq!(capture, Verdict::Hangs("audio-in"));
    }

    #[test]
    fn a_thread_that_moves_again_is_fed_for_again() {
        let [.., hangs, moves] = looks([[1, 1, 1], [2, 1, 2], [3, 2, 3]]);
        assert_eq!((hangs, moves), (Verdict::Hangs("audio-out"), Verdict::Feed));
    }

    #[test]
    fn between_two_feeds_nothing_is_judged() {
        let start = Instant::now();
        let mut watchdog = Watchdog::new(start);
        assert_eq!(watchdog.look(start, [("engine", 1)].into_iter()), Verdict::Feed);
        let early = start + FEED.saturating_sub(Duration::from_millis(1));
        assert_eq!(watchdog.look(early, [("engine", 1)].into_iter()), Verdict::Wait);
        assert_eq!(watchdog.look(start + FEED, [("engine", 1)].into_iter()), Verdict::Hangs("engine"));
    }
}
