//! What comes from the radio in a while: sound and COS, and what a doctor says of it.

use super::report::Finding;
use crate::audio::CapturedBlock;
use crate::config::{AudioDevice, Config, Cos};
use crate::dsp::UplinkChain;
use crate::dsp::level::Level;
use crate::dsp::vox::Vox;

/// A sample so close to full scale was cut there.
const CLIPPED: f32 = 0.999;

/// Sound that comes back from our own transmission is so much louder than the rest before, dB.
const SIDETONE_DB: f32 = 20.0;

/// What was heard.
pub(super) struct Ear {
    chain: UplinkChain,
    vox: Option<Vox>,
    blocks: u32,
    clipped: u32,
    loudest: f32,
    power: f64,
    open: bool,
    openings: u32,
    told: bool,
}

impl Ear {
    pub(super) fn new(config: &Config) -> Self {
        let vox = if let Cos::Vox(settings) = &config.cos { Some(Vox::new(*settings)) } else { None };
        Self {
            chain: UplinkChain::with_gain_db(config.audio.capture_gain_db),
            vox,
            blocks: 0,
            clipped: 0,
            loudest: 0.0,
            power: 0.0,
            open: false,
            openings: 0,
            told: false,
        }
    }

    /// Takes a block of sound.
    pub(super) fn hear(&mut self, captured: &CapturedBlock) {
        let mut block = captured.samples;
        self.clipped += u32::from(block.iter().any(|sample| sample.abs() >= CLIPPED));
        let level = self.chain.process(&mut block);
        self.blocks += 1;
        self.loudest = self.loudest.max(level.peak);
        self.power += f64::from(level.mean_square);
        if let Some(open) = self.vox.as_mut().and_then(|vox| vox.handle(captured.captured_at, level)) {
            self.edge(open);
        }
    }

    /// Takes a change of COS.
    pub(super) fn edge(&mut self, open: bool) {
        self.openings += u32::from(open && !self.open);
        self.open = open;
        self.told = true;
    }

    /// COS has opened, or was open.
    pub(super) fn was_open(&self) -> bool {
        self.openings > 0
    }

    /// The mean level, dBFS.
    fn rms_dbfs(&self) -> f32 {
        #[expect(clippy::cast_possible_truncation, reason = "a level is f32")]
        let mean_square = if self.blocks == 0 { 0.0 } else { (self.power / f64::from(self.blocks)) as f32 };
        Level { mean_square, peak: self.loudest }.rms_dbfs()
    }

    /// What a doctor says of the level.
    pub(super) fn level(&self, config: &Config) -> Option<Finding> {
        let device = &config.audio.capture;
        if *device == AudioDevice::None {
            return None;
        }
        let (rms, peak) = (self.rms_dbfs(), Level { mean_square: 0.0, peak: self.loudest }.peak_dbfs());
        Some(if self.blocks == 0 {
            Finding::fault(
                "level",
                format!("{device} gives no sound"),
                "replug the card; check the kernel log for USB errors",
            )
        } else if self.loudest <= 0.0 {
            Finding::warning(
                "level",
                format!("{device} gives absolute silence, not even noise"),
                "check the cable from the radio, and the capture switch and volume in alsamixer (F4)",
            )
        } else if self.clipped > 0 {
            Finding::warning(
                "level",
                format!("{} of {} blocks are clipped", self.clipped, self.blocks),
                "less capture volume, in alsamixer or by capture_db in [mixer]",
            )
        } else {
            Finding::ok("level", format!("{rms:.0} dBFS in the mean, {peak:.0} dBFS at most"))
        })
    }

    /// What a doctor says of COS; `asked_to_open`: somebody had the time to talk.
    pub(super) fn squelch(&self, config: &Config) -> Finding {
        match &config.cos {
            Cos::None => return Finding::ok("cos", "none: this gateway only transmits"),
            Cos::Vox(_) if self.blocks == 0 => {
                return Finding::failed("cos", "VOX has no sound to listen to");
            }
            Cos::Gpio(_) | Cos::Cm108(_) | Cos::Serial(_) | Cos::Fifo { .. } if !self.told => {
                return Finding::failed("cos", "the line tells nothing");
            }
            Cos::Vox(_) | Cos::Gpio(_) | Cos::Cm108(_) | Cos::Serial(_) | Cos::Fifo { .. } => {}
        }
        match (self.openings, self.open) {
            (0, _) => Finding::ok("cos", "closed all the time; run this while somebody talks to see it open"),
            (1, true) => Finding::warning(
                "cos",
                "open, and does not close",
                "if nobody talks on the radio: active and bias in [cos.*], threshold_dbfs of VOX, or the squelch of the radio",
            ),
            (n @ 1..=20, _) => Finding::ok("cos", format!("opened {}", times(n))),
            (n, _) => Finding::warning(
                "cos",
                format!("chatters: opened {}", times(n)),
                "tighter squelch on the radio; longer debounce_ms and hang_ms; bias, if the pin floats",
            ),
        }
    }

    /// What is said of sound that comes while the gateway itself transmits; `before`: the rest.
    pub(super) fn sidetone(&self, before: &Self) -> Option<Finding> {
        let (during, rest) = (self.rms_dbfs(), before.rms_dbfs());
        (self.blocks > 0 && during > -60.0 && during > rest + SIDETONE_DB).then(|| {
            Finding::warning(
                "level",
                format!("what is transmitted comes back at {during:.0} dBFS"),
                "set_mixer = true in [audio], or microphone playback off in alsamixer; or the radio hears itself",
            )
        })
    }
}

fn times(n: u32) -> String {
    match n {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{n} times"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::codec::BLOCK_SAMPLES;

    fn config(cos: Cos) -> Config {
        use std::os::unix::fs::PermissionsExt as _;

        let text = "[zello]\nservice = \"work\"\nnetwork = \"n\"\nchannel = \"c\"\nusername = \"u\"\n\
                    password_file = \"password\"\n[audio]\ncapture = \"wav:in.wav\"\nplayback = \"none\"\n\
                    [ptt.none]\n[cos.fifo]\npath = \"cos\"\n";
        let folder = tempfile::tempdir().unwrap();
        let (file, password) = (folder.path().join("gw.toml"), folder.path().join("password"));
        std::fs::write(&file, text).unwrap();
        std::fs::write(&password, "secret\n").unwrap();
        std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
        Config { cos, ..crate::config::load(&file).unwrap() }
    }

    fn ear(config: &Config, amplitude: f32) -> Ear {
        let mut ear = Ear::new(config);
        let sign = |n: usize| if n % 8 < 4 { amplitude } else { -amplitude };
        let samples = std::array::from_fn::<f32, BLOCK_SAMPLES, _>(sign);
        for _ in 0..50 {
            ear.hear(&CapturedBlock { samples, captured_at: Instant::now(), after_gap: false });
        }
        ear
    }

    fn fifo() -> Config {
        config(Cos::Fifo { path: "cos".into() })
    }

    #[test]
    fn every_level_is_told_with_what_to_do() {
        let config = fifo();
        let told = |amplitude| ear(&config, amplitude).level(&config).unwrap().to_string();
        let none = Ear::new(&config).level(&config).unwrap().to_string();
        assert!(none.starts_with("fault     level") && none.contains("gives no sound -> replug"), "{none}");
        let silent = told(0.0);
        assert!(
            silent.starts_with("warning   level") && silent.contains("not even noise -> check"),
            "{silent}"
        );
        let good = told(0.1);
        assert!(
            good.starts_with("ok        level     -2") && good.contains("0 dBFS in the mean, -"),
            "{good}"
        );
        let clipped = "warning   level     50 of 50 blocks are clipped -> less capture volume, in alsamixer or by \
                       capture_db in [mixer]";
        assert_eq!(told(1.0), clipped);
    }

    #[test]
    fn every_squelch_is_told_with_what_to_do() {
        let fifo = fifo();
        let after = |edges: &[bool]| {
            let mut ear = Ear::new(&fifo);
            for open in edges {
                ear.edge(*open);
            }
            ear.squelch(&fifo).to_string()
        };
        assert_eq!(after(&[]), "fault     cos       the line tells nothing");
        let closed = after(&[false]);
        assert!(closed.starts_with("ok        cos       closed all the time"), "{closed}");
        let open = after(&[true]);
        assert!(
            open.starts_with("warning   cos       open, and does not close -> if nobody talks"),
            "{open}"
        );
        assert_eq!(after(&[false, true, false]), "ok        cos       opened once");
        assert_eq!(after(&[false, true, false, true, false]), "ok        cos       opened twice");
        let chatter = after(&[true, false].repeat(40));
        assert!(chatter.starts_with("warning   cos       chatters: opened 40 times -> tighter"), "{chatter}");
        let none = config(Cos::None);
        assert_eq!(
            Ear::new(&none).squelch(&none).to_string(),
            "ok        cos       none: this gateway only transmits"
        );
    }

    #[test]
    fn sound_that_comes_back_is_noticed_and_a_noisy_radio_is_not_taken_for_it() {
        let config = fifo();
        let text = ear(&config, 0.1).sidetone(&ear(&config, 0.001)).unwrap().to_string();
        assert!(text.contains("comes back") && text.contains("set_mixer"), "{text}");
        assert_eq!(ear(&config, 0.1).sidetone(&ear(&config, 0.05)), None);
        assert_eq!(ear(&config, 0.000_1).sidetone(&ear(&config, 0.0)), None);
        assert_eq!(Ear::new(&config).sidetone(&ear(&config, 0.0)), None);
    }
}
