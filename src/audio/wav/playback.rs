//! `playback = "wav:FILE"`: what the radio would be given to say, recorded as 16 kHz mono.
//!
//! The header is made true every second, so a gateway that is killed leaves a file that plays.

use std::fs;
use std::io::{self, BufWriter, Seek};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use hound::{SampleFormat, WavSpec, WavWriter};

use super::io_error;
use crate::audio::clock::PlaybackClock;
use crate::audio::{AudioError, Playback, Write};
use crate::codec::{BLOCK_SAMPLES, Block, SAMPLE_RATE_HZ};

const SPEC: WavSpec = WavSpec {
    channels: 1,
    sample_rate: SAMPLE_RATE_HZ,
    bits_per_sample: 16,
    sample_format: SampleFormat::Int,
};

/// Blocks between two updates of the header: a second.
const CHECKPOINT_BLOCKS: u32 = 100;

/// Samples that a file holds: lengths in the header are 32 bit, and a block of room stays.
const MAX_SAMPLES: u32 = u32::MAX / 2 - 1_000;

/// The file behind a recording.
pub(crate) type File = BufWriter<fs::File>;

/// A recording that takes sound at the pace of a card.
pub(crate) struct WavPlayback<W: io::Write + Seek> {
    path: PathBuf,
    writer: WavWriter<W>,
    blocks_since_checkpoint: u32,
    clock: PlaybackClock,
}

impl WavPlayback<File> {
    /// Begins the recording anew.
    pub(crate) fn create(path: &Path) -> Result<Self, AudioError> {
        let file = fs::File::create(path)
            .map_err(|source| AudioError::WavWrite { path: path.to_owned(), source })?;
        Self::begin(path, WavWriter::new(BufWriter::new(file), SPEC))
    }

    /// Goes on with a recording after a fault; begins it where there is none that fits.
    pub(crate) fn append(path: &Path) -> Result<Self, AudioError> {
        match WavWriter::append(path) {
            Ok(writer) if writer.spec() == SPEC => Self::begin(path, Ok(writer)),
            Ok(_) | Err(_) => Self::create(path),
        }
    }
}

impl<W: io::Write + Seek> WavPlayback<W> {
    fn begin(path: &Path, writer: hound::Result<WavWriter<W>>) -> Result<Self, AudioError> {
        let path = path.to_owned();
        match writer.and_then(|mut writer| writer.flush().map(|()| writer)) {
            Ok(writer) => {
                Ok(Self { path, writer, blocks_since_checkpoint: 0, clock: PlaybackClock::default() })
            }
            Err(error) => Err(AudioError::WavWrite { path, source: io_error(error) }),
        }
    }

    fn record(&mut self, block: &Block) -> Result<(), AudioError> {
        if self.writer.len() > MAX_SAMPLES {
            return Err(AudioError::WavFull { path: self.path.clone() });
        }
        self.blocks_since_checkpoint += 1;
        let checkpoint = self.blocks_since_checkpoint >= CHECKPOINT_BLOCKS;
        self.put(block, checkpoint)
            .map_err(|error| AudioError::WavWrite { path: self.path.clone(), source: io_error(error) })?;
        if checkpoint {
            self.blocks_since_checkpoint = 0;
        }
        Ok(())
    }

    #[expect(clippy::cast_possible_truncation, reason = "clamped to the range of 16 bit")]
    fn put(&mut self, block: &Block, checkpoint: bool) -> hound::Result<()> {
        let mut writer = self.writer.get_i16_writer(BLOCK_SAMPLES as u32);
        for sample in block {
            writer.write_sample((sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16);
        }
        writer.flush()?;
        if checkpoint { self.writer.flush() } else { Ok(()) }
    }
}

impl<W: io::Write + Seek + Send> Playback for WavPlayback<W> {
    fn wait(&mut self) -> Result<(), AudioError> {
        sleep(self.clock.until_room(Instant::now()));
        Ok(())
    }

    fn reserve(&self) -> Duration {
        self.clock.reserve(Instant::now())
    }

    fn write(&mut self, block: &Block) -> Result<Write, AudioError> {
        self.wait()?;
        self.record(block)?;
        Ok(self.clock.write(Instant::now()))
    }

    fn delay(&self) -> Duration {
        self.reserve()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, SeekFrom};

    use super::*;

    fn samples(path: &Path) -> Vec<i16> {
        hound::WavReader::open(path).unwrap().into_samples().map(Result::unwrap).collect()
    }

    #[test]
    fn a_recording_is_what_was_played_clamped_to_full_scale() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut playback = WavPlayback::create(file.path()).unwrap();
        playback.record(&[0.5; BLOCK_SAMPLES]).unwrap();
        playback.record(&[-9.0; BLOCK_SAMPLES]).unwrap();
        drop(playback);
        let got = samples(file.path());
        assert_eq!(got.len(), 2 * BLOCK_SAMPLES);
        assert_eq!((got[0], got[BLOCK_SAMPLES]), (16_384, -32_767));
    }

    #[test]
    fn a_killed_gateway_leaves_a_readable_file_that_lacks_less_than_a_second() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut playback = WavPlayback::create(file.path()).unwrap();
        assert_eq!(samples(file.path()).len(), 0);
        for _ in 0..250 {
            playback.record(&[0.1; BLOCK_SAMPLES]).unwrap();
        }
        // A killed process runs no destructor.
        std::mem::forget(playback);
        assert_eq!(samples(file.path()).len(), 200 * BLOCK_SAMPLES);
    }

    #[test]
    fn after_a_fault_the_recording_grows_and_a_new_start_begins_anew() {
        let file = tempfile::NamedTempFile::new().unwrap();
        WavPlayback::create(file.path()).unwrap().record(&[0.1; BLOCK_SAMPLES]).unwrap();
        WavPlayback::append(file.path()).unwrap().record(&[0.1; BLOCK_SAMPLES]).unwrap();
        assert_eq!(samples(file.path()).len(), 2 * BLOCK_SAMPLES);
        WavPlayback::create(file.path()).unwrap().record(&[0.1; BLOCK_SAMPLES]).unwrap();
        assert_eq!(samples(file.path()).len(), BLOCK_SAMPLES);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named_when_the_device_is_opened() {
        for path in ["/dev/full", "/nowhere/recording.wav"] {
            let error = WavPlayback::create(Path::new(path)).err().unwrap();
            assert!(
                matches!(error, AudioError::WavWrite { .. }) && error.to_string().contains(path),
                "{error}"
            );
        }
    }

    /// A disk with room for so many bytes.
    struct SmallDisk(Cursor<Vec<u8>>, u64);

    impl io::Write for SmallDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.position() + bytes.len() as u64 > self.1 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for SmallDisk {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }

    #[test]
    fn a_disk_that_becomes_full_is_a_named_fault_and_no_panic() {
        let disk = SmallDisk(Cursor::new(Vec::new()), 1_000);
        let mut playback = WavPlayback::begin(Path::new("rec.wav"), WavWriter::new(disk, SPEC)).unwrap();
        for _ in 0..2 {
            playback.record(&[0.0; BLOCK_SAMPLES]).unwrap();
        }
        let error = playback.record(&[0.0; BLOCK_SAMPLES]).unwrap_err();
        let AudioError::WavWrite { source, .. } = error else { panic!("{error}") };
        assert_eq!(source.kind(), io::ErrorKind::StorageFull);
    }
}
