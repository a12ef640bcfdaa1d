//! Rate conversion at the edge: any hardware rate to the engine's and back, by rubato. Nothing allocates after `new`.

use std::time::Duration;
use std::vec::Drain;

use rubato::{
    FftFixedInOut, Resampler, ResamplerConstructionError, SincFixedIn, SincInterpolationParameters,
    SincInterpolationType, WindowFunction,
};

/// Longest stretch that the synchronous converter may take at a time; it is delay. Rates with a small common divisor
/// (44,099 Hz, say) would need a whole second and go through the slower sinc converter instead.
const MAX_CHUNK_PER_SECOND: usize = 20;

/// Changes the rate of a mono stream: push samples of one rate in, take samples of the other out.
pub struct Converter {
    from_hz: usize,
    to_hz: usize,
    stage: Option<Stage>,
    out: Vec<f32>,
}

/// The resampler with its buffers; rubato wants one vector for each channel.
struct Stage {
    resampler: Method,
    input: [Vec<f32>; 1],
    filled: usize,
    output: [Vec<f32>; 1],
    /// Nothing but silence is in the resampler: more silence comes out as silence, without any work.
    is_at_rest: bool,
}

/// How the rate is changed.
enum Method {
    /// In the spectrum: whole-number ratios, fixed stretches in and out. Cheap.
    Fft(Box<FftFixedInOut<f32>>),
    /// By interpolation: any ratio.
    Sinc(Box<SincFixedIn<f32>>),
}

impl Converter {
    /// A converter that is given at most `most` samples at a time.
    ///
    /// # Errors
    /// When there is no way from one rate to the other.
    pub fn new(from_hz: u32, to_hz: u32, most: usize) -> Result<Self, ResamplerConstructionError> {
        let (from_hz, to_hz) = (from_hz as usize, to_hz as usize);
        let stage = if from_hz == to_hz { None } else { Some(Stage::new(from_hz, to_hz)?) };
        let burst = stage.as_ref().map_or(0, |stage| stage.output[0].len());
        let longest = (most * to_hz).div_ceil(from_hz.max(1)) + 2 * burst + to_hz / 50;
        Ok(Self { from_hz, to_hz, stage, out: Vec::with_capacity(longest) })
    }

    /// Takes samples in; what they become waits to be taken out.
    pub fn push(&mut self, mut samples: &[f32]) {
        let Some(stage) = &mut self.stage else { return self.out.extend_from_slice(samples) };
        while !samples.is_empty() {
            samples = stage.fill(samples);
            if stage.filled == stage.input[0].len() {
                self.out.extend_from_slice(stage.convert());
            }
        }
    }

    /// Fills `block`, or leaves it alone and says no when there is not enough yet.
    #[must_use]
    pub fn take_block(&mut self, block: &mut [f32]) -> bool {
        let Some(ready) = self.out.get(..block.len()) else { return false };
        block.copy_from_slice(ready);
        self.out.drain(..block.len());
        true
    }

    /// Takes out everything that is ready.
    pub fn take_all(&mut self) -> Drain<'_, f32> {
        self.out.drain(..)
    }

    /// Most samples that one push of `most` (as given to `new`) can make ready at once.
    #[must_use]
    pub fn most_out(&self, most: usize) -> usize {
        let burst = self.stage.as_ref().map_or(0, |stage| stage.output[0].len());
        (most * self.to_hz).div_ceil(self.from_hz.max(1)).next_multiple_of(burst.max(1))
    }

    /// How much later sound comes out than it went in: what waits, and the filter's own delay.
    #[must_use]
    pub fn delay(&self) -> Duration {
        let (waiting, filter) =
            self.stage.as_ref().map_or((0, 0), |stage| (stage.filled, stage.resampler.output_delay()));
        duration(waiting, self.from_hz) + duration(self.out.len() + filter, self.to_hz)
    }

    /// Forgets the past: what is pushed next follows a gap.
    pub fn reset(&mut self) {
        self.out.clear();
        if let Some(stage) = &mut self.stage {
            stage.filled = 0;
            stage.is_at_rest = matches!(stage.resampler, Method::Fft(_));
            stage.resampler.reset();
        }
    }
}

impl Stage {
    fn new(from_hz: usize, to_hz: usize) -> Result<Self, ResamplerConstructionError> {
        let shortest = from_hz / gcd(from_hz, to_hz).max(1);
        let resampler = if shortest * MAX_CHUNK_PER_SECOND <= from_hz {
            Method::Fft(Box::new(FftFixedInOut::new(from_hz, to_hz, from_hz / 100, 1)?))
        } else {
            let ratio = to_hz as f64 / from_hz as f64;
            Method::Sinc(Box::new(SincFixedIn::new(ratio, 1.0, sinc(), (from_hz / 100).max(1), 1)?))
        };
        let (input, output) = resampler.frames_max();
        let (input, output) = ([vec![0.0; input]], [vec![0.0; output]]);
        let is_at_rest = matches!(resampler, Method::Fft(_));
        Ok(Self { resampler, input, filled: 0, output, is_at_rest })
    }

    /// Takes what there is room for; the rest of `samples`.
    fn fill<'a>(&mut self, samples: &'a [f32]) -> &'a [f32] {
        let room = self.input[0].get_mut(self.filled..).unwrap_or_default();
        let (taken, rest) = samples.split_at(room.len().min(samples.len()));
        room.iter_mut().zip(taken).for_each(|(slot, sample)| *slot = *sample);
        self.filled += taken.len();
        rest
    }

    /// Converts the input, which is full, and empties it.
    fn convert(&mut self) -> &[f32] {
        self.filled = 0;
        let silent = self.input[0].iter().all(|sample| *sample == 0.0);
        if silent && self.is_at_rest {
            self.output[0].fill(0.0);
            return &self.output[0];
        }
        // One stretch of silence pushes out all that the spectral method remembers. The other one remembers more than
        // a stretch, and where between two samples it stands: it always works.
        self.is_at_rest = silent && matches!(self.resampler, Method::Fft(_));
        let length = self.resampler.process(&self.input, &mut self.output);
        self.output[0].get(..length).unwrap_or_default()
    }
}

impl Method {
    /// Converts all of `input`; the number of samples in `output`.
    fn process(&mut self, input: &[Vec<f32>; 1], output: &mut [Vec<f32>; 1]) -> usize {
        let converted = match self {
            Self::Fft(fft) => fft.process_into_buffer(input, output, None),
            Self::Sinc(sinc) => sinc.process_into_buffer(input, output, None),
        };
        // It can only refuse buffers of a wrong size; ours have the sizes that it asked for.
        converted.map_or(0, |(_, length)| length)
    }

    /// Sizes of the buffers.
    fn frames_max(&self) -> (usize, usize) {
        match self {
            Self::Fft(fft) => (fft.input_frames_max(), fft.output_frames_max()),
            Self::Sinc(sinc) => (sinc.input_frames_max(), sinc.output_frames_max()),
        }
    }

    /// Samples of the output by which sound comes later.
    fn output_delay(&self) -> usize {
        match self {
            Self::Fft(fft) => fft.output_delay(),
            Self::Sinc(sinc) => sinc.output_delay(),
        }
    }

    fn reset(&mut self) {
        match self {
            Self::Fft(fft) => fft.reset(),
            Self::Sinc(sinc) => sinc.reset(),
        }
    }
}

/// Voice quality: flat to nine tenths of the band, 100 dB beyond it.
fn sinc() -> SincInterpolationParameters {
    SincInterpolationParameters {
        sinc_len: 128,
        f_cutoff: 0.9,
        oversampling_factor: 128,
        interpolation: SincInterpolationType::Linear,
        window: WindowFunction::BlackmanHarris2,
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Time of `samples` at `rate_hz`.
pub(super) fn duration(samples: usize, rate_hz: usize) -> Duration {
    Duration::from_secs_f64(samples as f64 / rate_hz.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f32, rate_hz: u32, samples: usize) -> Vec<f32> {
        let step = std::f32::consts::TAU * hz / rate_hz as f32;
        (0..samples).map(|n| 0.5 * (step * n as f32).sin()).collect()
    }

    /// Amplitude of the part of `sound` at `hz`.
    fn amplitude(sound: &[f32], hz: f32, rate_hz: u32) -> f32 {
        let step = std::f32::consts::TAU * hz / rate_hz as f32;
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in sound.iter().enumerate() {
            re += sample * (step * n as f32).cos();
            im += sample * (step * n as f32).sin();
        }
        2.0 * re.hypot(im) / sound.len() as f32
    }

    fn convert(from_hz: u32, to_hz: u32, sound: &[f32]) -> Vec<f32> {
        let mut converter = Converter::new(from_hz, to_hz, 512).unwrap();
        let mut out = Vec::new();
        for part in sound.chunks(512) {
            converter.push(part);
            out.extend(converter.take_all());
        }
        out
    }

    #[test]
    fn a_tone_keeps_pitch_and_level_at_every_rate_that_cards_and_files_have() {
        for rate in [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_099, 44_100, 48_000, 96_000, 192_000] {
            for (from, to) in [(rate, 16_000), (16_000, rate)] {
                let out = convert(from, to, &tone(1_000.0, from, from as usize));
                let settled = &out[to as usize / 4..to as usize * 3 / 4];
                let level = amplitude(settled, 1_000.0, to);
                assert!((level - 0.5).abs() < 0.01, "{from} -> {to} Hz: {level}");
            }
        }
    }

    #[test]
    fn what_the_engine_cannot_hear_does_not_fold_back_into_speech() {
        let out = convert(48_000, 16_000, &tone(11_000.0, 48_000, 48_000));
        let alias = amplitude(&out[4_000..12_000], 5_000.0, 16_000);
        assert!(alias < 0.5e-3, "alias {alias}");
    }

    #[test]
    fn ten_milliseconds_of_a_usual_card_make_exactly_one_block() {
        for rate in [16_000, 32_000, 44_100, 48_000, 96_000] {
            let mut converter = Converter::new(rate, 16_000, rate as usize / 100).unwrap();
            let mut block = [0.0; 160];
            for _ in 0..50 {
                assert!(!converter.take_block(&mut block));
                converter.push(&vec![0.1; rate as usize / 100]);
                assert!(converter.take_block(&mut block), "{rate} Hz");
            }
        }
    }

    #[test]
    fn the_delay_that_it_tells_is_the_delay_of_the_sound() {
        for rate in [8_000, 44_100, 48_000] {
            let mut sound = vec![0.0; rate as usize];
            sound[rate as usize / 2] = 1.0;
            let mut converter = Converter::new(rate, 16_000, sound.len()).unwrap();
            let filter = converter.delay();
            converter.push(&sound);
            let out: Vec<f32> = converter.take_all().collect();
            let peak = (0..out.len()).max_by(|a, b| out[*a].total_cmp(&out[*b])).unwrap();
            let told = filter.as_secs_f64() * 16_000.0;
            assert!((peak as f64 - 8_000.0 - told).abs() < 3.0, "{rate} Hz: peak at {peak}, told {told}");
        }
    }

    #[test]
    fn after_a_reset_nothing_of_the_past_is_heard() {
        let mut converter = Converter::new(48_000, 16_000, 700).unwrap();
        converter.push(&[1.0; 700]);
        converter.reset();
        converter.push(&[0.0; 480]);
        assert!(converter.take_all().all(|sample| sample.abs() < f32::EPSILON));
    }
    #[test]
    fn speech_ends_and_begins_the_same_whether_or_not_silence_around_it_is_worked_on() {
        // A sound too quiet to hear keeps the second converter at work all the time.
        let mut sound = vec![0.0; 9_600];
        sound.extend(tone(1_000.0, 48_000, 4_799));
        sound.extend(vec![0.0; 9_600]);
        sound.extend(tone(700.0, 48_000, 2_401));
        let busy: Vec<f32> = sound.iter().map(|sample| sample + 1e-12).collect();
        for (a, b) in convert(48_000, 16_000, &sound).iter().zip(convert(48_000, 16_000, &busy)) {
            assert!((a - b).abs() < 1e-6, "{a} or {b}");
        }
    }
}
