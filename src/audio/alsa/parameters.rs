//! Which rate, format and channels to ask for, and what a device offers.

use std::fmt;

use alsa::pcm::{Access, Format, Frames as AlsaFrames, HwParams, PCM};
use alsa::{Direction, ValueOr};

use super::super::AudioError;
use super::super::sample::SampleFormat;
use crate::config::Channel;

/// Rates in order of preference: 48 kHz is what cards are made for; then those with an easy ratio to the engine's.
const RATES_HZ: [u32; 9] = [48_000, 96_000, 32_000, 16_000, 44_100, 24_000, 22_050, 11_025, 8_000];

/// Periods in a second: 10 ms each.
const PERIODS_PER_SECOND: u32 = 100;

/// Periods that a capture buffer holds. Room costs no delay here, and saves speech when the machine is busy.
const CAPTURE_PERIODS: AlsaFrames = 16;

/// Periods that a playback buffer holds.
const PLAYBACK_PERIODS: AlsaFrames = 6;

/// One way to run a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) rate_hz: u32,
    pub(super) channels: u32,
    pub(super) format: SampleFormat,
}

/// All ways that suit the gateway, best first. The right channel needs two; elsewhere mono will do.
pub(super) fn candidates(channel: Channel) -> impl Iterator<Item = Candidate> {
    // Two first: a sound server that is asked for mono mixes both channels, and a codec may give either.
    let channels: &[u32] = match channel {
        Channel::Left | Channel::Both => &[2, 1],
        Channel::Right => &[2],
    };
    RATES_HZ.into_iter().flat_map(move |rate_hz| {
        channels.iter().flat_map(move |&channels| {
            SampleFormat::ALL.into_iter().map(move |format| Candidate { rate_hz, channels, format })
        })
    })
}

/// What was agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Agreed {
    pub(super) candidate: Candidate,
    /// 10 ms, rounded up.
    pub(super) block_frames: usize,
    pub(super) period_frames: usize,
    /// At least four blocks.
    pub(super) buffer_frames: usize,
}

/// What a device can do by itself, without conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Rates of those that the gateway can use, Hz, ascending.
    pub rates_hz: Vec<u32>,
    /// Formats of those that the gateway can use.
    pub formats: Vec<SampleFormat>,
    /// Fewest and most channels.
    pub channels: (u32, u32),
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(f, &self.rates_hz, " Hz", "no usable rate")?;
        f.write_str("; ")?;
        list(f, &self.formats, "", "no usable format")?;
        match self.channels {
            (1, 1) => f.write_str("; 1 channel"),
            (least, most) if least == most => write!(f, "; {most} channels"),
            (least, most) => write!(f, "; {least} to {most} channels"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, items: &[impl fmt::Display], unit: &str, none: &str) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
    }
    f.write_str(if items.is_empty() { none } else { unit })
}

const fn alsa_format(format: SampleFormat) -> Format {
    match format {
        SampleFormat::S16 => Format::S16LE,
        SampleFormat::S32 => Format::S32LE,
        SampleFormat::S24In3 => Format::S243LE,
        SampleFormat::S24In4 => Format::S24LE,
        SampleFormat::F32 => Format::FloatLE,
    }
}

/// Asks a device what it can do.
pub(super) fn offer(pcm: &PCM) -> alsa::Result<Offer> {
    let hw = HwParams::any(pcm)?;
    hw.set_rate_resample(false)?;
    let mut rates_hz: Vec<u32> = RATES_HZ.into_iter().filter(|rate| hw.test_rate(*rate).is_ok()).collect();
    rates_hz.sort_unstable();
    let formats = SampleFormat::ALL.into_iter().filter(|f| hw.test_format(alsa_format(*f)).is_ok()).collect();
    Ok(Offer { rates_hz, formats, channels: (hw.get_channels_min()?, hw.get_channels_max()?) })
}

/// Agrees with a device on the best candidate and sets it up.
pub(super) fn agree(
    name: &str,
    pcm: &PCM,
    direction: Direction,
    channel: Channel,
) -> Result<Agreed, AudioError> {
    // A plugin may convert rates itself; ours is better, so it is let to do it only when nothing else is left.
    for resample in [false, true] {
        for candidate in candidates(channel) {
            if let Ok(hw) = narrow(pcm, candidate, resample) {
                let agreed = set_up(pcm, &hw, candidate, direction)
                    .map_err(|source| AudioError::from_alsa(name, "setting buffer and periods", source))?;
                return check(name, agreed);
            }
        }
    }
    let offer =
        offer(pcm).map_err(|source| AudioError::from_alsa(name, "asking what it supports", source))?;
    let wanted = match channel {
        Channel::Right => "two channels (the configuration names the right one)",
        Channel::Left | Channel::Both => {
            "sound in one or two channels at a rate and format that the gateway knows"
        }
    };
    Err(AudioError::Unsupported {
        device: name.to_owned(),
        wanted: wanted.to_owned(),
        offer: offer.to_string(),
    })
}

fn narrow(pcm: &PCM, candidate: Candidate, resample: bool) -> alsa::Result<HwParams<'_>> {
    let hw = HwParams::any(pcm)?;
    hw.set_rate_resample(resample)?;
    hw.set_access(Access::RWInterleaved)?;
    hw.set_rate(candidate.rate_hz, ValueOr::Nearest)?;
    hw.set_channels(candidate.channels)?;
    hw.set_format(alsa_format(candidate.format))?;
    Ok(hw)
}

fn set_up(pcm: &PCM, hw: &HwParams, candidate: Candidate, direction: Direction) -> alsa::Result<Agreed> {
    let block = frames(candidate.rate_hz.div_ceil(PERIODS_PER_SECOND) as usize);
    let period = hw.set_period_size_near(block, ValueOr::Nearest)?;
    let periods = match direction {
        Direction::Capture => CAPTURE_PERIODS,
        Direction::Playback => PLAYBACK_PERIODS,
    };
    let buffer = hw.set_buffer_size_near(period.max(block) * periods)?;
    pcm.hw_params(hw)?;
    let sw = pcm.sw_params_current()?;
    sw.set_avail_min(block)?;
    // Both directions start by an explicit order: capture because nothing else starts it, playback when it is primed.
    sw.set_start_threshold(sw.get_boundary()?)?;
    sw.set_stop_threshold(buffer)?;
    pcm.sw_params(&sw)?;
    let [block_frames, period_frames, buffer_frames] = [block, period, buffer].map(count);
    Ok(Agreed { candidate, block_frames, period_frames, buffer_frames })
}

/// A buffer that cannot hold what is played while the next block is made would only stutter.
fn check(name: &str, agreed: Agreed) -> Result<Agreed, AudioError> {
    if agreed.buffer_frames >= 4 * agreed.block_frames {
        return Ok(agreed);
    }
    Err(AudioError::Unsupported {
        device: name.to_owned(),
        wanted: format!("a buffer of 40 ms ({} frames)", 4 * agreed.block_frames),
        offer: format!("{} frames", agreed.buffer_frames),
    })
}

/// A count in ALSA's type, which is 32 bit on 32-bit machines; no buffer comes near its limit.
pub(super) fn frames(count: usize) -> AlsaFrames {
    AlsaFrames::try_from(count).unwrap_or(AlsaFrames::MAX)
}

/// A count out of ALSA's type; below zero there is nothing.
pub(super) fn count(frames: AlsaFrames) -> usize {
    usize::try_from(frames).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_card_is_run_at_48_khz_in_16_bit() {
        let first = candidates(Channel::Both).next();
        assert_eq!(first, Some(Candidate { rate_hz: 48_000, channels: 2, format: SampleFormat::S16 }));
    }

    #[test]
    fn the_rate_counts_more_than_channels_and_channels_more_than_the_format() {
        let all: Vec<_> = candidates(Channel::Left).collect();
        let at = |rate_hz, channels, format| {
            all.iter().position(|c| *c == Candidate { rate_hz, channels, format }).unwrap()
        };
        assert!(at(48_000, 1, SampleFormat::F32) < at(44_100, 2, SampleFormat::S16));
        assert!(at(48_000, 2, SampleFormat::F32) < at(48_000, 1, SampleFormat::S16));
        assert_eq!(all.len(), 9 * 2 * 5);
    }

    #[test]
    fn the_right_channel_is_never_looked_for_in_mono() {
        assert!(candidates(Channel::Right).all(|candidate| candidate.channels == 2));
    }

    #[test]
    fn a_buffer_too_small_for_steady_sound_is_refused_with_its_size() {
        let candidate = Candidate { rate_hz: 48_000, channels: 1, format: SampleFormat::S16 };
        let with = |buffer_frames| Agreed { candidate, block_frames: 480, period_frames: 480, buffer_frames };
        assert_eq!(check("hw:0", with(1_920)).unwrap(), with(1_920));
        let text = check("hw:0", with(1_024)).unwrap_err().to_string();
        assert!(text.contains("1920 frames") && text.contains("1024 frames"), "{text}");
    }

    #[test]
    fn an_offer_reads_like_a_sentence() {
        let offer =
            Offer { rates_hz: vec![44_100, 48_000], formats: vec![SampleFormat::S16], channels: (1, 2) };
        assert_eq!(offer.to_string(), "44100, 48000 Hz; S16_LE; 1 to 2 channels");
        let odd = Offer { rates_hz: vec![], formats: vec![], channels: (1, 1) };
        assert_eq!(odd.to_string(), "no usable rate; no usable format; 1 channel");
    }
}
