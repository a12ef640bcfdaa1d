//! The engine: the one place where half-duplex rule, streams, DSP and codec meet.
//!
//! [`Engine::step`] is called by the engine thread whenever its bell rings, a deadline falls, or [`POLL`] has passed.
//! It takes what the queues hold, decides, and fills the playback queue. It never waits, allocates, locks or logs;
//! what people should know goes as [`Event`] to the watching thread. Tests drive it in virtual time.

mod event;
mod listener;
mod speaker;

use std::sync::Arc;
use std::time::{Duration, Instant};

pub use event::Event;
use listener::Listener;
use speaker::Speaker;

use crate::audio::{CapturedBlock, DeviceState, DeviceStatus};
use crate::bell::Bell;
use crate::codec::{BLOCK, Block, CodecError};
use crate::config::Config;
use crate::counters::Counters;
use crate::lines::guard::{PttSight, PttStatus};
use crate::lines::{CosEdge, HEARTBEAT, Keyer, LineError};
use crate::logic::downlink::Discard;
use crate::logic::exchange::{DownlinkItem, UplinkItem};
use crate::logic::flow::Flow;
use crate::logic::radio::{Input, Output, Radio, Settings};
use crate::queue::{Consumer, Producer};

/// The queues wake nobody, and the audio threads ring no bell: the engine looks at them this often. Half a block
/// keeps "captured → on the wire" within its bound without busy work.
pub const POLL: Duration = Duration::from_millis(5);

/// Streams and packets that one step takes: what the queue holds. A network that brings more meanwhile must not keep the
/// engine from its heartbeats.
pub const ITEMS_AT_ONCE: usize = 256;

/// Blocks that wait for the playback thread. Three cover 30 ms in which the engine does not run.
const PLAYBACK_AHEAD: usize = 3;

/// The engine's ends of all queues.
pub struct Ports {
    /// Sound from the radio.
    pub capture: Consumer<'static, CapturedBlock>,
    /// Sound for the radio.
    pub playback: Producer<'static, Block>,
    /// Squelch edges.
    pub cos: Consumer<'static, CosEdge>,
    /// Overs for the network task.
    pub to_net: Producer<'static, UplinkItem>,
    /// Wakes the network task.
    pub net_bell: Bell,
    /// Streams from the network task.
    pub from_net: Consumer<'static, DownlinkItem>,
    /// What people should know.
    pub events: Producer<'static, Event>,
    /// State of the playback device.
    pub playback_status: Arc<DeviceStatus>,
    /// State of the PTT line.
    pub ptt_status: Arc<PttStatus>,
    /// Shared with all threads.
    pub counters: Arc<Counters>,
}

/// Joins radio and channel.
pub struct Engine<K> {
    ports: Ports,
    keyer: K,
    radio: Radio,
    listener: Listener,
    speaker: Speaker,
    next_beat: Instant,
    keyed_at: Option<Instant>,
    /// The PTT line as it was last seen.
    line: PttSight,
    /// Whether the sound card takes what it is given.
    flow: Flow,
    stalled: bool,
    rings: bool,
}

impl<K: Keyer> Engine<K> {
    /// An engine at rest. All memory is taken here.
    ///
    /// # Errors
    /// [`CodecError`] when libopus refuses the settings.
    pub fn new(now: Instant, config: &Config, ports: Ports, keyer: K) -> Result<Self, CodecError> {
        Ok(Self {
            radio: Radio::new(Settings::new(&config.uplink, &config.downlink)),
            listener: Listener::new(now, config)?,
            speaker: Speaker::new(config)?,
            next_beat: now,
            keyed_at: None,
            line: ports.ptt_status.look(),
            flow: Flow::new(now, ports.playback_status.steps()),
            stalled: false,
            rings: false,
            ports,
            keyer,
        })
    }

    /// Does all that is to be done at `now`; tells when to come again at the latest.
    ///
    /// # Errors
    /// [`LineError`] when the guard is gone: the transmitter is no longer ours, and the gateway must end.
    pub fn step(&mut self, now: Instant) -> Result<Instant, LineError> {
        // First of all: what follows must not key a radio without a sound card or a line, not for a moment.
        self.look_at_line(now)?;
        self.look_at_sound_card(now)?;
        self.take_edges(now)?;
        self.take_streams(now)?;
        self.tell(now, Input::Timeout)?;
        // When there is news for the network task it leaves at once; to encode sound can wait for the next look.
        if !self.rings {
            self.take_sound(now)?;
        }
        self.fill_playback(now)?;
        self.report_streams();
        if now >= self.next_beat {
            self.beat(now)?;
        }
        if std::mem::take(&mut self.rings) {
            self.ports.net_bell.ring();
        }
        Ok(self.next_wake(now))
    }

    /// Ends the gateway's part on the air: unkeys, and closes an open over.
    ///
    /// # Errors
    /// [`LineError`] when the guard is gone; it has unkeyed by itself then.
    pub fn shut_down(&mut self, now: Instant) -> Result<(), LineError> {
        self.tell(now, Input::Shutdown)?;
        self.ports.net_bell.ring();
        self.beat(now)
    }

    /// Gives the queues back: they live as long as the process, and serve another engine.
    #[must_use]
    pub fn into_ports(self) -> Ports {
        self.ports
    }

    fn look_at_line(&mut self, now: Instant) -> Result<(), LineError> {
        let line = self.ports.ptt_status.look();
        if std::mem::replace(&mut self.line, line) != line {
            // Lost and back since the last look, it is released, whatever was keyed.
            self.tell(now, Input::Line(false))?;
        }
        self.tell(now, Input::Line(line.is_there()))
    }

    /// A device that is lost is told by its thread; one that stalls, or whose thread does, tells nothing.
    fn look_at_sound_card(&mut self, now: Instant) -> Result<(), LineError> {
        let status = &self.ports.playback_status;
        let there = status.state() == DeviceState::Running;
        if !there {
            // To open a device anew may take long, and its thread tells of it.
            self.flow = Flow::new(now, status.steps());
            self.stalled = false;
        }
        let flows = self.flow.look(now, status.steps());
        let stalled = there && !flows;
        if stalled != std::mem::replace(&mut self.stalled, stalled) {
            if stalled {
                self.ports.counters.playback_stalls.add_one();
            }
            self.report(Event::PlaybackStalled { stalled });
        }
        self.tell(now, Input::Playback(there && flows))
    }

    fn next_wake(&self, now: Instant) -> Instant {
        let deadlines = [
            self.radio.poll_timeout().map(|(at, _)| at),
            self.speaker.streams.poll_timeout().map(|(at, _)| at),
        ];
        deadlines.into_iter().flatten().fold(self.next_beat.min(now + POLL), Instant::min)
    }

    fn take_edges(&mut self, now: Instant) -> Result<(), LineError> {
        while let Some(edge) = self.ports.cos.dequeue() {
            self.radio.handle_edge(now, edge.at, edge.open);
            self.act(now)?;
        }
        Ok(())
    }

    fn take_streams(&mut self, now: Instant) -> Result<(), LineError> {
        for _ in 0..ITEMS_AT_ONCE {
            let Some(item) = self.ports.from_net.dequeue() else { break };
            if let DownlinkItem::OverRefused { over } = item {
                self.listener.refuse(over);
            } else {
                self.speaker.streams.handle(now, &item);
            }
            // Keyed at once, before the rest of the queue is read.
            self.tell(now, Input::Talk(self.speaker.streams.wants_radio()))?;
        }
        self.speaker.streams.handle_timeout(now);
        self.tell(now, Input::Talk(self.speaker.streams.wants_radio()))
    }

    fn take_sound(&mut self, now: Instant) -> Result<(), LineError> {
        while let Some(captured) = self.ports.capture.dequeue() {
            let carrier = self.listener.handle_block(&captured, &mut self.ports, &mut self.rings);
            if let Some(open) = carrier {
                self.tell(now, Input::Carrier(open))?;
            }
        }
        match self.listener.handle_timeout(now) {
            Some(open) => self.tell(now, Input::Carrier(open)),
            None => Ok(()),
        }
    }

    fn fill_playback(&mut self, now: Instant) -> Result<(), LineError> {
        while self.ports.playback.len() < PLAYBACK_AHEAD {
            let mut block = [0.0; crate::codec::BLOCK_SAMPLES];
            if self.radio.is_speaking() {
                let spoken = self.speaker.next_block(now, &mut block, &self.ports.counters);
                if !spoken {
                    self.tell(now, Input::Drained(now + self.playback_delay()))?;
                }
            }
            if self.ports.playback.enqueue(block).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Time until a block that is queued now leaves the sound card.
    fn playback_delay(&self) -> Duration {
        let queued = u32::try_from(self.ports.playback.len()).unwrap_or(u32::MAX);
        BLOCK.saturating_mul(queued) + self.ports.playback_status.delay()
    }

    fn tell(&mut self, now: Instant, input: Input) -> Result<(), LineError> {
        self.radio.handle(now, input);
        self.act(now)
    }

    fn act(&mut self, now: Instant) -> Result<(), LineError> {
        while let Some(output) = self.radio.poll() {
            match output {
                Output::Ptt(keyed) => self.key(now, keyed)?,
                Output::OverOpen(at) => {
                    self.ports.counters.uplink_overs.add_one();
                    self.listener.open(at, &mut self.ports, &mut self.rings);
                }
                Output::OverClose => self.listener.close(now, &mut self.ports, &mut self.rings),
                Output::Discard(why) => self.discard(now, why),
                Output::Stuck(stuck) => {
                    if stuck {
                        self.ports.counters.uplink_stuck.add_one();
                    }
                    self.report(Event::Stuck { stuck });
                }
            }
        }
        Ok(())
    }

    fn key(&mut self, now: Instant, keyed: bool) -> Result<(), LineError> {
        // The wish changes hands before the line does: should the guard be gone, nothing here believes it is keyed.
        let since = std::mem::replace(&mut self.keyed_at, keyed.then_some(now));
        self.beat(now)?;
        if keyed {
            self.ports.counters.ptt_keyings.add_one();
        } else {
            self.speaker.hush();
        }
        self.report(match since {
            Some(since) if !keyed => Event::Unkeyed { after: now - since },
            Some(_) | None => Event::Keyed,
        });
        Ok(())
    }

    fn discard(&mut self, now: Instant, what: Discard) {
        if what == Discard::TimeOut {
            self.ports.counters.ptt_time_outs.add_one();
            self.report(Event::TimedOut);
        }
        self.speaker.streams.discard(now, what);
    }

    fn beat(&mut self, now: Instant) -> Result<(), LineError> {
        self.next_beat = now + HEARTBEAT;
        self.keyer.beat(self.keyed_at.is_some())
    }

    fn report_streams(&mut self) {
        self.speaker.streams.take_counts().add_to(&self.ports.counters);
        while let Some(event) = self.speaker.streams.poll_event() {
            self.report(Event::Stream(event));
        }
    }

    fn report(&mut self, event: Event) {
        // A full queue means that nobody reads the log just now; the counters still tell.
        let _unread = self.ports.events.enqueue(event);
    }
}
