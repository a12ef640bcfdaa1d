//! The gateway's devices, opened as `run` opens them, with threads of their own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::ear::Ear;
use super::report::Finding;
use crate::audio::{self, AudioError, CapturedBlock, DeviceStatus};
use crate::bell::Bell;
use crate::codec::Block;
use crate::config::{AudioDevice, Config, Cos, Ptt};
use crate::counters::Counters;
use crate::lines::CosEdge;
use crate::lines::cos::{self, LineStatus, Outlet};
use crate::lines::guard::{self, GuardKeyer, GuardWatch};
use crate::queue::{self, Consumer, Producer};

/// The test's own limit of a transmission; the guard's comes a little later.
const TIME_OUT: Duration = Duration::from_secs(10);

/// Everything that could be opened.
pub(super) struct Rig {
    /// Absent: no playback device.
    pub(super) playback: Option<Producer<'static, Block>>,
    pub(super) playback_status: Arc<DeviceStatus>,
    /// Absent: no guard, or no line.
    pub(super) guard: Option<(GuardKeyer, GuardWatch)>,
    pub(super) counters: Arc<Counters>,
    capture: Option<Consumer<'static, CapturedBlock>>,
    cos: Option<Consumer<'static, CosEdge>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Rig {
    /// Opens all, and tells of each how that went. In the order of `run`: the guard before COS.
    pub(super) fn open(config: &Config, program: &Path, tell: &mut impl FnMut(Finding)) -> Self {
        let mut rig = Self {
            playback: None,
            playback_status: Arc::default(),
            guard: None,
            counters: Arc::default(),
            capture: None,
            cos: None,
            stop: Arc::default(),
            threads: Vec::new(),
        };
        tell(rig.open_playback(config));
        tell(rig.open_capture(config));
        audio::set_mixer(&config.audio);
        tell(rig.open_ptt(config, program));
        if let Some(finding) = rig.open_cos(config) {
            tell(finding);
        }
        rig
    }

    fn open_playback(&mut self, config: &Config) -> Finding {
        let device = match audio::open_playback(&config.audio) {
            Ok(device) => device,
            Err(error) => return sound_fault(&error),
        };
        let (blocks, said) = queue::channel::<_, 32>();
        let (audio, status, counters, stop) =
            (config.audio.clone(), self.playback_status.clone(), self.counters.clone(), self.stop.clone());
        let started = self.spawn("audio-out", move || {
            audio::run_playback(&audio, device, said, &status, &counters, &stop);
        });
        if config.audio.playback != AudioDevice::None {
            self.playback = Some(blocks);
        }
        started.unwrap_or_else(|| match &config.audio.playback {
            AudioDevice::None => Finding::ok("sound", "no playback device: this gateway says nothing"),
            device @ (AudioDevice::Alsa(_) | AudioDevice::Wav(_)) => {
                Finding::ok("sound", format!("playback {device} is open"))
            }
        })
    }

    fn open_capture(&mut self, config: &Config) -> Finding {
        let device = match audio::open_capture(&config.audio) {
            Ok(Some(device)) => device,
            Ok(None) => return Finding::ok("sound", "no capture device: this gateway only transmits"),
            Err(error) => return sound_fault(&error),
        };
        let (heard, blocks) = queue::channel::<_, 64>();
        let (audio, counters, stop) = (config.audio.clone(), self.counters.clone(), self.stop.clone());
        let started = self.spawn("audio-in", move || {
            audio::run_capture(&audio, device, heard, &DeviceStatus::new(), &counters, &stop);
        });
        self.capture = Some(blocks);
        started.unwrap_or_else(|| Finding::ok("sound", format!("capture {} is open", config.audio.capture)))
    }

    fn open_ptt(&mut self, config: &Config, program: &Path) -> Finding {
        if config.ptt == Ptt::None {
            return Finding::ok("ptt", "no line: the radio keys by itself, or never");
        }
        match guard::spawn_telling_levels(program, &config.ptt, TIME_OUT) {
            Ok(guard) => {
                self.guard = Some(guard);
                Finding::ok("ptt", format!("{}: the guard has it, released", config.ptt))
            }
            Err(error) => Finding::failed("ptt", error.to_string()),
        }
    }

    /// Tells only of a fault: what the line says is another finding.
    fn open_cos(&mut self, config: &Config) -> Option<Finding> {
        if let Cos::Vox(_) | Cos::None = config.cos {
            return None;
        }
        let opened = cos::open_cos(&config.cos).map_err(|error| Finding::failed("cos", error.to_string()));
        let bell = Bell::new().map_err(|error| Finding::failed("cos", error.to_string()));
        let (line, bell) = match opened.and_then(|line| Ok((line, bell?))) {
            Ok(both) => both,
            Err(fault) => return Some(fault),
        };
        let (edges_tx, edges) = queue::channel::<_, 64>();
        let (settings, counters, stop) = (config.cos.clone(), self.counters.clone(), self.stop.clone());
        self.cos = Some(edges);
        self.spawn("cos", move || {
            let status = LineStatus::default();
            let outlet = Outlet { edges: edges_tx, engine_bell: &bell, status: &status, counters: &counters };
            cos::run_cos(&settings, line, outlet, &stop);
        })
    }

    /// Starts a thread, or tells why not.
    fn spawn(&mut self, name: &'static str, body: impl FnOnce() + Send + 'static) -> Option<Finding> {
        match Builder::new().name(name.to_owned()).spawn(body) {
            Ok(thread) => {
                self.threads.push(thread);
                None
            }
            Err(error) => Some(Finding::failed("system", format!("no thread for {name}: {error}"))),
        }
    }

    /// COS can be seen.
    pub(super) fn has_cos(&self, config: &Config) -> bool {
        self.cos.is_some() || matches!(config.cos, Cos::Vox(_) | Cos::None)
    }

    /// Sound comes, or shall.
    pub(super) fn has_capture(&self) -> bool {
        self.capture.is_some()
    }

    /// Hands over what has come since the last time.
    pub(super) fn listen(&mut self, ear: &mut Ear) {
        while let Some(block) = self.capture.as_mut().and_then(Consumer::dequeue) {
            ear.hear(&block);
        }
        while let Some(edge) = self.cos.as_mut().and_then(Consumer::dequeue) {
            ear.edge(edge.open);
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // Its panic has been printed.
            let _panicked = thread.join();
        }
    }
}

fn sound_fault(error: &AudioError) -> Finding {
    let source = std::error::Error::source(error).map_or_else(String::new, |source| format!(" ({source})"));
    Finding::failed("sound", format!("{error}{source}"))
}
