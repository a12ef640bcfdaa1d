//! `capture = "wav:FILE"`: the file plays once in real time, then there is silence for ever.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use hound::{SampleFormat, WavReader};

use crate::audio::clock::CaptureClock;
use crate::audio::convert::Converter;
use crate::audio::{AudioError, Capture, Read, sample};
use crate::codec::{BLOCK_SAMPLES, Block, SAMPLE_RATE_HZ};
use crate::config::Channel;

/// Read ahead of the file, so that a slow disk is asked seldom: a third of a second of CD sound.
const READ_AHEAD_BYTES: usize = 64 * 1024;

/// Frames that go through the converter at a time; a part of 10 ms of the slowest rate.
const FRAMES_AT_ONCE: usize = 32;

/// A WAV file that plays as if the radio heard it.
pub(crate) struct WavCapture {
    path: PathBuf,
    reader: WavReader<BufReader<File>>,
    channel: Channel,
    /// Of the file; turns its integers into ±1.
    full_scale: f32,
    /// One frame of the file.
    frame: Vec<f32>,
    frames_left: u32,
    converter: Converter,
    clock: CaptureClock,
    due: Option<Instant>,
}

impl WavCapture {
    /// Opens the file and reads its header.
    pub(crate) fn open(path: &Path, channel: Channel) -> Result<Self, AudioError> {
        let bad = |problem: String| AudioError::WavFormat { path: path.to_owned(), problem };
        let unreadable = |source| AudioError::WavOpen { path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        let reader =
            WavReader::new(BufReader::with_capacity(READ_AHEAD_BYTES, file)).map_err(|e| bad(explain(e)))?;
        let spec = reader.spec();
        if !(4_000..=384_000).contains(&spec.sample_rate) {
            return Err(bad(format!("its rate is {} Hz", spec.sample_rate)));
        }
        if u64::from(reader.len()) * u64::from(spec.bits_per_sample.div_ceil(8)) > size {
            return Err(bad(
                "it is cut short, or was recorded without an end: its header promises more".to_owned()
            ));
        }
        if channel == Channel::Right && spec.channels == 1 {
            return Err(bad("it is mono and has no right channel (capture_channel in [audio])".to_owned()));
        }
        let converter = Converter::new(spec.sample_rate, SAMPLE_RATE_HZ, FRAMES_AT_ONCE)
            .map_err(|error| bad(error.to_string()))?;
        Ok(Self {
            path: path.to_owned(),
            channel,
            full_scale: 2_f32.powi(i32::from(spec.bits_per_sample) - 1),
            frame: vec![0.0; usize::from(spec.channels)],
            frames_left: reader.duration(),
            reader,
            converter,
            clock: CaptureClock::default(),
            due: None,
        })
    }

    fn next_block(&mut self, block: &mut Block) -> Result<(), AudioError> {
        while !self.converter.take_block(block) {
            self.advance()?;
        }
        Ok(())
    }

    /// Moves the next stretch of the file, or of the silence after it, into the converter.
    fn advance(&mut self) -> Result<(), AudioError> {
        let mut stretch = [0.0; FRAMES_AT_ONCE];
        for slot in &mut stretch {
            if self.frames_left == 0 {
                break;
            }
            *slot = self.next_frame()?;
        }
        self.converter.push(&stretch);
        Ok(())
    }

    fn next_frame(&mut self) -> Result<f32, AudioError> {
        self.frames_left -= 1;
        for slot in &mut self.frame {
            // The header promises as many samples as are asked for; an end before is an error of the reader.
            let sample = match self.reader.spec().sample_format {
                SampleFormat::Float => self.reader.samples::<f32>().next(),
                SampleFormat::Int => {
                    let scale = self.full_scale;
                    self.reader.samples::<i32>().next().map(|s| s.map(|s| s as f32 / scale))
                }
            };
            *slot = sample
                .transpose()
                .map_err(|error| AudioError::WavRead { path: self.path.clone(), source: io_error(error) })?
                .unwrap_or(0.0);
        }
        Ok(sample::pick(self.frame.iter().copied(), self.channel))
    }
}

/// The whole file at once, mono at the engine's rate; for demonstrations and tests.
///
/// # Errors
/// As for a capture device: [`AudioError`] names the file and what is wrong with it.
pub fn load(path: &Path) -> Result<Vec<f32>, AudioError> {
    let mut wav = WavCapture::open(path, Channel::Both)?;
    let mut sound = Vec::new();
    let mut block = [0.0; BLOCK_SAMPLES];
    while wav.frames_left > 0 {
        wav.next_block(&mut block)?;
        sound.extend(block);
    }
    Ok(sound)
}

impl Capture for WavCapture {
    fn read(&mut self, block: &mut Block) -> Result<Read, AudioError> {
        self.next_block(block)?;
        let due = self.clock.next(Instant::now());
        sleep(due.saturating_duration_since(Instant::now()));
        self.due = Some(due);
        Ok(Read::Whole)
    }

    fn age(&self) -> Duration {
        self.due.map_or(Duration::ZERO, |due| due.elapsed())
    }
}

/// A hound error as an IO error, which is what a vanished file shows itself as.
fn io_error(error: hound::Error) -> io::Error {
    match error {
        hound::Error::IoError(error) => error,
        hound::Error::FormatError(_)
        | hound::Error::TooWide
        | hound::Error::UnfinishedSample
        | hound::Error::Unsupported
        | hound::Error::InvalidSampleFormat => io::Error::other(error),
    }
}

fn explain(error: hound::Error) -> String {
    match error {
        hound::Error::Unsupported => "it is compressed or of an unknown kind".to_owned(),
        hound::Error::FormatError(problem) => problem.to_owned(),
        hound::Error::IoError(_)
        | hound::Error::TooWide
        | hound::Error::UnfinishedSample
        | hound::Error::InvalidSampleFormat => io_error(error).to_string(),
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values have exact representations")]
mod tests {
    use hound::{WavSpec, WavWriter};

    use super::*;

    fn spec(sample_rate: u32, channels: u16, bits_per_sample: u16, sample_format: SampleFormat) -> WavSpec {
        WavSpec { channels, sample_rate, bits_per_sample, sample_format }
    }

    /// A file of constant half scale on the left and minus a quarter on the right.
    fn file(spec: WavSpec, frames: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = WavWriter::create(file.path(), spec).unwrap();
        for _ in 0..frames {
            for channel in 0..spec.channels {
                let value = if channel == 0 { 0.5_f32 } else { -0.25 };
                match spec.sample_format {
                    SampleFormat::Float => writer.write_sample(value).unwrap(),
                    SampleFormat::Int => {
                        let half = 1_i32 << (spec.bits_per_sample - 2);
                        writer.write_sample(if channel == 0 { half } else { -half / 2 }).unwrap();
                    }
                }
            }
        }
        writer.finalize().unwrap();
        file
    }

    /// The sound without the waiting.
    fn next_block(capture: &mut WavCapture) -> Block {
        let mut block = [0.0; BLOCK_SAMPLES];
        while !capture.converter.take_block(&mut block) {
            capture.advance().unwrap();
        }
        block
    }

    #[test]
    fn every_sample_format_and_rate_gives_the_same_sound() {
        let int = SampleFormat::Int;
        for spec in [
            spec(16_000, 1, 8, int),
            spec(16_000, 2, 16, int),
            spec(48_000, 1, 24, int),
            spec(44_100, 2, 32, int),
            spec(8_000, 1, 32, SampleFormat::Float),
        ] {
            let file = file(spec, spec.sample_rate);
            let mut capture = WavCapture::open(file.path(), Channel::Left).unwrap();
            let settled = (0..50).map(|_| next_block(&mut capture)).last().unwrap();
            assert!(settled.iter().all(|sample| (sample - 0.5).abs() < 0.01), "{spec:?}: {settled:?}");
        }
    }

    #[test]
    fn a_file_at_the_engines_rate_comes_sample_by_sample_then_silence_for_ever() {
        let file = file(spec(16_000, 2, 16, SampleFormat::Int), 200);
        let mut capture = WavCapture::open(file.path(), Channel::Right).unwrap();
        let sound: Vec<f32> = (0..100).flat_map(|_| next_block(&mut capture)).collect();
        assert!(sound[..200].iter().all(|sample| *sample == -0.25));
        assert!(sound[200..].iter().all(|sample| *sample == 0.0));
    }

    #[test]
    fn a_file_plays_in_real_time() {
        let file = file(spec(16_000, 1, 16, SampleFormat::Int), 1_600);
        let mut capture = WavCapture::open(file.path(), Channel::Left).unwrap();
        let start = Instant::now();
        for _ in 0..5 {
            assert_eq!(capture.read(&mut [0.0; BLOCK_SAMPLES]).unwrap(), Read::Whole);
        }
        assert!(start.elapsed() >= Duration::from_millis(50), "{:?}", start.elapsed());
    }

    fn complaint(path: &Path, channel: Channel) -> String {
        WavCapture::open(path, channel).err().unwrap().to_string()
    }

    #[test]
    fn a_missing_file_is_named() {
        let text = complaint(Path::new("/nowhere/speech.wav"), Channel::Left);
        assert!(text.contains("/nowhere/speech.wav"), "{text}");
    }

    #[test]
    fn a_file_that_cannot_be_played_is_named_with_what_is_wrong_and_what_is_accepted() {
        let text_file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(text_file.path(), "this is no sound at all, whatever its name says").unwrap();
        let cut = file(spec(16_000, 1, 16, SampleFormat::Int), 1_000);
        File::options().write(true).open(cut.path()).unwrap().set_len(500).unwrap();
        let mono = file(spec(16_000, 1, 16, SampleFormat::Int), 10);
        let slow = file(spec(1_000, 1, 16, SampleFormat::Int), 10);
        for (file, channel, want) in [
            (&text_file, Channel::Left, "RIFF"),
            (&cut, Channel::Left, "cut short"),
            (&mono, Channel::Right, "no right channel"),
            (&slow, Channel::Left, "1000 Hz"),
        ] {
            let text = complaint(file.path(), channel);
            assert!(text.contains(want) && text.contains("accepted are"), "{want}: {text}");
            assert!(text.contains(&file.path().display().to_string()), "{text}");
        }
    }
}
