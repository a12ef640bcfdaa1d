//! The radio's ear and mouth: the other end of the loopback card that the gateway's sound goes through.
//!
//! Both threads run all the time, as a radio's audio does, so that sample numbers are times.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use alsa::pcm::{Access, Format, Frames, HwParams, PCM, TstampType};
use alsa::{Direction, ValueOr};
use anyhow::{Context as _, Result, bail};

use crate::resample;

/// What loopback cards and the gateway agree on.
const RATE_HZ: u32 = 48_000;
/// 10 ms.
const PERIOD: usize = 480;
/// One second: this side must not lose sound on a slow machine, and how late it is does not matter.
const BUFFER: Frames = 48_000;

/// The level of a 16 bit sample that is 1.0.
const FULL_SCALE: f32 = 32_768.0;

#[derive(Debug, Default)]
struct Inner {
    /// What is still to be said, 48 kHz.
    mouth: VecDeque<i16>,
    /// When the first sample of what was said last passes through the card.
    began: Option<Duration>,
    /// What was heard, 48 kHz.
    ear: Vec<i16>,
    /// Sample numbers and when they passed through the card.
    marks: Vec<(usize, Duration)>,
    lost: Option<String>,
}

#[derive(Debug, Default)]
struct Shared {
    inner: Mutex<Inner>,
    news: Condvar,
    stop: AtomicBool,
    xruns: AtomicU64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something to say, made ready for the card: that takes a while on a slow machine.
pub(crate) struct Speech(Vec<i16>);

impl Speech {
    /// Of 16 kHz sound.
    pub(crate) fn new(sound: &[f32]) -> Self {
        Self(resample::up(sound).into_iter().map(to_16_bit).collect())
    }
}

/// The radio's side of a loopback card. Dropping it closes the card.
pub(crate) struct Air {
    shared: Arc<Shared>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Drop for Air {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

impl Air {
    /// Opens the radio's end, device 1, of the loopback card with this ALSA id.
    pub(crate) fn open(card: &str) -> Result<Self> {
        let name = format!("hw:CARD={card},DEV=1");
        let shared = Arc::new(Shared::default());
        let mut threads = Vec::new();
        for direction in [Direction::Playback, Direction::Capture] {
            let pcm = set_up(&name, direction)
                .with_context(|| format!("cannot open {name} for the radio ({direction:?})"))?;
            let shared = Arc::clone(&shared);
            threads.push(std::thread::spawn(move || {
                // Refused, the scenario's quality suffers and says so.
                drop(zello_gateway::realtime::request(50));
                let end = match direction {
                    Direction::Playback => talk(&pcm, &shared),
                    Direction::Capture => listen(&pcm, &shared),
                };
                if let Err(error) = end {
                    shared.lock().lost = Some(error.to_string());
                    shared.news.notify_all();
                }
            }));
        }
        Ok(Self { shared, threads })
    }

    /// Begins to say something, after what is being said.
    pub(crate) fn say(&self, speech: &Speech) {
        let mut inner = self.shared.lock();
        inner.began = None;
        inner.mouth.extend(&speech.0);
    }

    /// Waits until everything has been said; when its first sample passed through the card.
    pub(crate) fn said(&self, limit: Duration) -> Result<Duration> {
        self.wait(limit, "the end of the radio's speech", |inner| {
            inner.began.filter(|_| inner.mouth.is_empty())
        })
    }

    /// Where the ear stands, a sample number.
    pub(crate) fn mark(&self) -> usize {
        self.shared.lock().ear.len()
    }

    /// Waits until so much more has been heard.
    pub(crate) fn hear(&self, mark: usize, span: Duration) -> Result<()> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of sound")]
        let samples = (span.as_secs_f64() * f64::from(RATE_HZ)) as usize;
        self.wait(span + crate::harness::AMPLE, "sound from the gateway's card", |inner| {
            (inner.ear.len() >= mark + samples).then_some(())
        })
    }

    /// What was heard since `mark`, 16 kHz, and when its first sample passed.
    pub(crate) fn heard(&self, mark: usize) -> Result<(Vec<f32>, Duration)> {
        // Copied, for the card's threads cannot wait for the conversion.
        let (part, (number, at)) = {
            let inner = self.shared.lock();
            let first =
                inner.marks.iter().find(|(number, _)| *number >= mark).context("nothing was heard")?;
            (inner.ear.get(mark..).unwrap_or_default().to_vec(), *first)
        };
        let sound: Vec<f32> = part.iter().map(|sample| f32::from(*sample) / FULL_SCALE).collect();
        let before = Duration::from_secs_f64((number - mark) as f64 / f64::from(RATE_HZ));
        Ok((resample::down(&sound), at.saturating_sub(before)))
    }

    /// What was heard is forgotten, for it takes memory.
    pub(crate) fn forget(&self) {
        let mut inner = self.shared.lock();
        inner.ear.clear();
        inner.marks.clear();
    }

    /// Overruns and underruns of this side: sound that this program lost itself.
    pub(crate) fn xruns(&self) -> u64 {
        self.shared.xruns.load(Ordering::Relaxed)
    }

    fn wait<T>(&self, limit: Duration, what: &str, ready: impl Fn(&Inner) -> Option<T>) -> Result<T> {
        let end = Instant::now() + limit;
        let mut inner = self.shared.lock();
        loop {
            if let Some(found) = ready(&inner) {
                return Ok(found);
            }
            if let Some(lost) = &inner.lost {
                bail!("{what}: the radio's sound card is lost: {lost}");
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("{what}: not within {limit:?}");
            }
            inner = self.shared.news.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn set_up(name: &str, direction: Direction) -> Result<PCM> {
    let pcm = PCM::new(name, direction, false)?;
    {
        let hw = HwParams::any(&pcm)?;
        hw.set_access(Access::RWInterleaved)?;
        hw.set_format(Format::S16LE)?;
        hw.set_rate(RATE_HZ, ValueOr::Nearest)?;
        hw.set_channels(2)?;
        hw.set_period_size_near(Frames::try_from(PERIOD)?, ValueOr::Nearest)?;
        hw.set_buffer_size_near(BUFFER)?;
        pcm.hw_params(&hw)?;
        let sw = pcm.sw_params_current()?;
        sw.set_tstamp_mode(true)?;
        sw.set_tstamp_type(TstampType::Monotonic)?;
        sw.set_start_threshold(BUFFER / 2)?;
        pcm.sw_params(&sw)?;
    }
    pcm.prepare()?;
    Ok(pcm)
}

/// Says what there is to say, and silence otherwise.
fn talk(pcm: &PCM, shared: &Shared) -> Result<()> {
    let io = pcm.io_i16()?;
    while !shared.stop.load(Ordering::Relaxed) {
        let mut block = [0_i16; 2 * PERIOD];
        let begins = {
            let mut inner = shared.lock();
            let begins = !inner.mouth.is_empty() && inner.began.is_none();
            for frame in block.chunks_exact_mut(2) {
                let sample = inner.mouth.pop_front().unwrap_or_default();
                frame.fill(sample);
            }
            begins
        };
        if io.writei(&block).is_err() {
            // An underrun, or a card that made no progress; one that is unplugged refuses this too.
            pcm.prepare()?;
            shared.xruns.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        if begins {
            let status = pcm.status()?;
            // The block is the newest of what the card still has to play.
            let ahead = status.get_delay() - Frames::try_from(PERIOD)?;
            shared.lock().began = Some(shifted(time(&status), ahead));
        }
        shared.news.notify_all();
    }
    let _closed_anyway = pcm.drop();
    Ok(())
}

fn listen(pcm: &PCM, shared: &Shared) -> Result<()> {
    let io = pcm.io_i16()?;
    pcm.start()?;
    let mut block = [0_i16; 2 * PERIOD];
    while !shared.stop.load(Ordering::Relaxed) {
        if let Ok(frames) = io.readi(&mut block) {
            let status = pcm.status()?;
            let newest = shifted(time(&status), -status.get_avail());
            let mut inner = shared.lock();
            inner.ear.extend(block.chunks_exact(2).take(frames).filter_map(|frame| frame.first().copied()));
            let count = inner.ear.len();
            inner.marks.push((count, newest));
        } else {
            pcm.prepare()?;
            pcm.start()?;
            shared.xruns.fetch_add(1, Ordering::Relaxed);
        }
        shared.news.notify_all();
    }
    let _closed_anyway = pcm.drop();
    Ok(())
}

fn time(status: &alsa::pcm::Status) -> Duration {
    let stamp = status.get_htstamp();
    let (seconds, nanos) = (u64::try_from(stamp.tv_sec), u32::try_from(stamp.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
}

fn shifted(at: Duration, frames: Frames) -> Duration {
    let span = Duration::from_secs_f64(frames.unsigned_abs() as f64 / f64::from(RATE_HZ));
    if frames < 0 { at.saturating_sub(span) } else { at + span }
}

fn to_16_bit(sample: f32) -> i16 {
    #[expect(clippy::cast_possible_truncation, reason = "clamped to 16 bit")]
    let sample = (sample * FULL_SCALE).clamp(-FULL_SCALE, FULL_SCALE - 1.0) as i16;
    sample
}
