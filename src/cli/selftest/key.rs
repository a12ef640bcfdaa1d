//! The transmitter: keyed by the guard with a tone, and released whatever its keeper does.

use std::time::{Duration, Instant};

use super::ear::Ear;
use super::report::Finding;
use super::rig::Rig;
use crate::codec::{BLOCK, BLOCK_SAMPLES, Block, SAMPLE_RATE_HZ};
use crate::config::{AudioDevice, Config};
use crate::dsp::DownlinkChain;
use crate::lines::guard::{GuardEnd, GuardKeyer, GuardWatch, Report, Watched};
use crate::lines::{HEARTBEAT, HEARTBEAT_LIMIT, Keyer};

/// How long the tone lasts.
const TONE: Duration = Duration::from_secs(1);

/// Its frequency, and its level under full scale: −12 dBFS, as loud as speech.
const TONE_HZ: f64 = 1_000.0;
const TONE_AMPLITUDE: f64 = 0.25;

/// Blocks ahead of the sound card, as the engine has them.
const AHEAD: usize = 3;

/// Nothing that the guard does takes so long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(2);

/// A guard that was not woken in time, on a machine that refuses the real-time class and is busy.
const LATE: Duration = Duration::from_millis(500);

/// A line that was set is read back within this.
const READ_BACK: Duration = Duration::from_millis(50);

/// A guard on trial: beats, and measures.
struct Trial {
    keyer: GuardKeyer,
    watch: GuardWatch,
    beat_at: Option<Instant>,
    /// Levels that the line had by itself, with those that were wished.
    read: Vec<(bool, bool)>,
    keyed: bool,
}

/// What cannot go on.
struct Broken(String);

type Step<T> = Result<T, Broken>;

/// Keys for a moment with a tone; then proves that the line is released when heartbeats stay away, and when the one who
/// keys is gone. What comes from the radio meanwhile goes to `ear`.
pub(super) fn prove(config: &Config, rig: &mut Rig, ear: &mut Ear) -> Vec<Finding> {
    let Some((keyer, watch)) = rig.guard.take() else { return Vec::new() };
    let mut trial = Trial { keyer, watch, beat_at: None, read: Vec::new(), keyed: false };
    let mut findings = Vec::new();
    if let Err(Broken(why)) = trial.transmit(config, rig, ear, &mut findings) {
        findings.push(Finding::failed("ptt", why));
        return findings;
    }
    match trial.fall_silent() {
        Ok(took) => findings.push(released("no heartbeat comes", took)),
        Err(Broken(why)) => findings.push(Finding::failed("guard", why)),
    }
    findings.extend(read_back(&trial.read));
    match trial.vanish() {
        Ok(took) => findings.push(released("the gateway is gone", took)),
        Err(Broken(why)) => findings.push(Finding::failed("guard", why)),
    }
    findings
}

impl Trial {
    /// An ordinary transmission.
    fn transmit(
        &mut self,
        config: &Config,
        rig: &mut Rig,
        ear: &mut Ear,
        findings: &mut Vec<Finding>,
    ) -> Step<()> {
        let keyed = self.set(true)?;
        let began = Instant::now();
        let length = config.downlink.lead + TONE + config.downlink.tail;
        let mut tone = Tone::new(config);
        while began.elapsed() < length {
            self.beat(true)?;
            self.look(BLOCK / 2)?;
            while let Some(playback) = rig.playback.as_mut().filter(|playback| playback.len() < AHEAD) {
                // There is room: it was asked for.
                let _full = playback.enqueue(tone.next());
            }
            rig.listen(ear);
        }
        let unkeyed = self.set(false)?;
        let ms = |took: Duration| took.as_secs_f64() * 1e3;
        findings.push(Finding::ok(
            "ptt",
            format!("keyed after {:.1} ms, and released after {:.1} ms", ms(keyed), ms(unkeyed)),
        ));
        findings.extend(sound_of(config, rig));
        Ok(())
    }

    /// Keys, and beats no more; the time from the last heartbeat to the release.
    fn fall_silent(&mut self) -> Step<Duration> {
        self.set(true)?;
        let last = self.beat_at.unwrap_or_else(Instant::now);
        self.until(&Report::Silent, None)?;
        self.keyed = false;
        let took = last.elapsed();
        self.look(READ_BACK)?;
        self.beat(false)?;
        Ok(took)
    }

    /// Keys, and is gone, as a gateway that is killed; the time to the release.
    fn vanish(mut self) -> Step<Duration> {
        self.set(true)?;
        let Self { keyer, mut watch, .. } = self;
        let gone = Instant::now();
        drop(keyer);
        let mut took = None;
        while gone.elapsed() < PATIENCE {
            match watch.poll(PATIENCE) {
                Watched::Report(Report::Unkeyed) => took = Some(gone.elapsed()),
                Watched::Ended(GuardEnd::Released) => {
                    return took.ok_or_else(|| Broken("the guard ended without a word".to_owned()));
                }
                Watched::Ended(end) => return Err(Broken(format!("the guard {end}"))),
                Watched::Report(_) | Watched::Nothing => {}
            }
        }
        Err(Broken("the guard does not end".to_owned()))
    }

    /// Sets the line; the time until the guard has told that it is so.
    fn set(&mut self, keyed: bool) -> Step<Duration> {
        let began = Instant::now();
        self.beat_at = None;
        self.beat(keyed)?;
        self.until(if keyed { &Report::Keyed } else { &Report::Unkeyed }, Some(keyed))?;
        self.keyed = keyed;
        let took = began.elapsed();
        self.look(READ_BACK)?;
        Ok(took)
    }

    /// A heartbeat, if it is time for one.
    fn beat(&mut self, keyed: bool) -> Step<()> {
        if self.beat_at.is_none_or(|last| last.elapsed() >= HEARTBEAT) {
            self.keyer.beat(keyed).map_err(|error| Broken(error.to_string()))?;
            self.beat_at = Some(Instant::now());
        }
        Ok(())
    }

    /// Waits for a report, with heartbeats or without.
    fn until(&mut self, wanted: &Report, beats: Option<bool>) -> Step<()> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(keyed) = beats {
                self.beat(keyed)?;
            }
            if self.next(HEARTBEAT / 2)?.as_ref() == Some(wanted) {
                return Ok(());
            }
        }
        Err(Broken(format!("the guard does not tell \"{wanted}\" within {} s", PATIENCE.as_secs())))
    }

    /// Hears reports for a while.
    fn look(&mut self, limit: Duration) -> Step<()> {
        let began = Instant::now();
        while let Some(left) = limit.checked_sub(began.elapsed()) {
            if self.next(left)?.is_some_and(|report| matches!(report, Report::Reads { .. })) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn next(&mut self, limit: Duration) -> Step<Option<Report>> {
        match self.watch.poll(limit) {
            Watched::Nothing => Ok(None),
            Watched::Report(Report::Lost(why) | Report::Failed(why)) => Err(Broken(why)),
            Watched::Report(report) => {
                if let Report::Reads { keyed } = report {
                    self.read.push((self.keyed, keyed));
                }
                Ok(Some(report))
            }
            Watched::Ended(end) => Err(Broken(format!("the guard {end}"))),
        }
    }
}

/// What a doctor says of a release that took so long.
fn released(when: &str, took: Duration) -> Finding {
    let text = format!("released {:.1} ms after {when}", took.as_secs_f64() * 1e3);
    if took <= HEARTBEAT_LIMIT {
        Finding::ok("guard", text)
    } else if took <= LATE {
        Finding::warning(
            "guard",
            format!("{text}, which is late"),
            "the real-time class for the user of the gateway (LimitRTPRIO in the unit), or a machine that is less busy",
        )
    } else {
        Finding::fault("guard", text, "do not transmit with this machine; please report it with the log")
    }
}

/// What a doctor says of levels that were read back, each with what it should be.
fn read_back(levels: &[(bool, bool)]) -> Option<Finding> {
    if levels.is_empty() {
        return None;
    }
    let word = |keyed: bool| if keyed { "keyed" } else { "released" };
    Some(match levels.iter().find(|(wished, read)| wished != read) {
        None => Finding::ok("ptt", "read back each time as it was set"),
        Some((wished, read)) => Finding::warning(
            "ptt",
            format!("reads {} while it is {}", word(*read), word(*wished)),
            "measure the line: something else holds it, or its driver cannot read what it sets",
        ),
    })
}

/// What a doctor says of the playback during the tone.
fn sound_of(config: &Config, rig: &Rig) -> Option<Finding> {
    if config.audio.playback == AudioDevice::None {
        return None;
    }
    let (xruns, lost) = (rig.counters.playback_xruns.value(), rig.counters.audio_devices_lost.value());
    Some(if rig.playback.is_none() {
        Finding::failed("sound", "keyed without a tone: there is no playback")
    } else if lost > 0 {
        Finding::fault("sound", "a sound device was lost while transmitting", RF)
    } else if xruns > 0 {
        Finding::warning(
            "sound",
            format!("playback ran dry {xruns} times"),
            "a machine that is less busy, or the real-time class",
        )
    } else {
        Finding::ok("sound", "a tone of one second was played")
    })
}

const RF: &str = "ferrites, a short USB cable, distance to the antenna; a better power supply";

/// The tone, after the silence of the lead; with the level that speech gets.
struct Tone {
    chain: DownlinkChain,
    sample: u32,
    begins: u32,
    ends: u32,
}

impl Tone {
    fn new(config: &Config) -> Self {
        let samples = |time: Duration| u32::try_from(crate::codec::samples_in(time)).unwrap_or(u32::MAX / 2);
        let begins = samples(config.downlink.lead);
        let chain = DownlinkChain::with_gain_db(config.audio.playback_gain_db);
        Self { chain, sample: 0, begins, ends: begins + samples(TONE) }
    }

    fn next(&mut self) -> Block {
        let mut block = [0.0; BLOCK_SAMPLES];
        for sample in &mut block {
            if (self.begins..self.ends).contains(&self.sample) {
                let turns = f64::from(self.sample - self.begins) * TONE_HZ / f64::from(SAMPLE_RATE_HZ);
                #[expect(clippy::cast_possible_truncation, reason = "sound is f32")]
                {
                    *sample = (TONE_AMPLITUDE * (std::f64::consts::TAU * turns).sin()) as f32;
                }
            }
            self.sample = self.sample.saturating_add(1);
        }
        self.chain.process(&mut block);
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_judged_by_the_promise() {
        let told = |ms| released("no heartbeat comes", Duration::from_millis(ms)).to_string();
        assert_eq!(told(231), "ok        guard     released 231.0 ms after no heartbeat comes");
        let late = told(260);
        assert!(
            late.starts_with("warning   guard     released 260.0 ms") && late.contains("which is late"),
            "{late}"
        );
        let broken = told(900);
        assert!(broken.starts_with("fault     guard") && broken.contains("do not transmit"), "{broken}");
    }

    #[test]
    fn a_line_that_reads_otherwise_than_it_was_set_is_a_warning() {
        assert_eq!(read_back(&[]), None);
        let well = read_back(&[(true, true), (false, false)]).unwrap().to_string();
        assert!(well.starts_with("ok "), "{well}");
        let stuck = read_back(&[(true, true), (false, true)]).unwrap().to_string();
        assert!(
            stuck.starts_with("warning") && stuck.contains("reads keyed while it is released"),
            "{stuck}"
        );
    }
}
