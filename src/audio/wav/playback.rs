//! `playback = "wav:FILE"`: what the radio would be given to say, recorded as 16 kHz mono.
//!
//! The header is made true every second, so a gateway that is killed leaves a file that plays.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::audio::clock::PlaybackClock;
use crate::audio::{AudioError, Playback, Write};
use crate::codec::{BLOCK_SAMPLES, Block, SAMPLE_RATE_HZ};

/// Bytes of a second: written at once, and then the header is made true.
const SECOND_BYTES: usize = SAMPLE_RATE_HZ as usize * 2;

/// Bytes of the header.
const HEADER_BYTES: usize = 44;

/// Sound that a file holds: the lengths in the header are 32 bit.
const MAX_BYTES: usize = u32::MAX as usize - HEADER_BYTES - SECOND_BYTES;

/// A recording that takes sound at the pace of a card.
pub(crate) struct WavPlayback<W: io::Write + Seek> {
    path: PathBuf,
    file: W,
    /// Sound in the file, as its header says.
    saved: usize,
    /// Less than a second of sound that is not in the file yet.
    pending: Vec<u8>,
    clock: PlaybackClock,
}

impl WavPlayback<File> {
    /// Begins the recording anew.
    pub(crate) fn create(path: &Path) -> Result<Self, AudioError> {
        let file = File::create(path).map_err(|source| write_error(path, source))?;
        Self::begin(path, file, 0)
    }

    /// Goes on with a recording after a fault; begins it where there is none of ours.
    ///
    /// A second of silence marks the fault, and proves that there is room again: a full disk must not be told as a
    /// device that comes and goes.
    pub(crate) fn append(path: &Path) -> Result<Self, AudioError> {
        let file = File::options().read(true).write(true).open(path);
        let found = file.ok().and_then(|mut file| Some((saved_in(&mut file)?, file)));
        let mut recording = match found {
            Some((saved, file)) => Self::begin(path, file, saved)?,
            None => Self::create(path)?,
        };
        recording.pending.resize(SECOND_BYTES, 0);
        recording.save()?;
        Ok(recording)
    }
}

impl<W: io::Write + Seek> WavPlayback<W> {
    fn begin(path: &Path, mut file: W, saved: usize) -> Result<Self, AudioError> {
        put(&mut file, 0, &header(saved)).map_err(|source| write_error(path, source))?;
        let pending = Vec::with_capacity(SECOND_BYTES + BLOCK_SAMPLES * 2);
        Ok(Self { path: path.to_owned(), file, saved, pending, clock: PlaybackClock::default() })
    }

    #[expect(clippy::cast_possible_truncation, reason = "clamped to the range of 16 bit")]
    fn record(&mut self, block: &Block) -> Result<(), AudioError> {
        for sample in block {
            let sample = (sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16;
            self.pending.extend_from_slice(&sample.to_le_bytes());
        }
        if self.pending.len() < SECOND_BYTES { Ok(()) } else { self.save() }
    }

    /// Writes what is pending. The header speaks of it only when it is there, so a fault leaves a true file.
    fn save(&mut self) -> Result<(), AudioError> {
        if self.saved > MAX_BYTES {
            return Err(AudioError::WavFull { path: self.path.clone() });
        }
        let saved = self.saved + self.pending.len();
        put(&mut self.file, HEADER_BYTES + self.saved, &self.pending)
            .and_then(|()| put(&mut self.file, 0, &header(saved)))
            .map_err(|source| write_error(&self.path, source))?;
        self.saved = saved;
        self.pending.clear();
        Ok(())
    }
}

impl<W: io::Write + Seek> Drop for WavPlayback<W> {
    fn drop(&mut self) {
        // Nobody is left to tell; what was saved before is safe.
        drop(self.save());
    }
}

fn write_error(path: &Path, source: io::Error) -> AudioError {
    AudioError::WavWrite { path: path.to_owned(), source }
}

fn put(file: &mut (impl io::Write + Seek), at: usize, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at as u64))?;
    file.write_all(bytes)?;
    file.flush()
}

/// Header of a 16 kHz mono 16-bit file with `sound` bytes.
fn header(sound: usize) -> [u8; HEADER_BYTES] {
    // A recording ends before its length leaves 32 bits.
    let sound = u32::try_from(sound).unwrap_or(u32::MAX);
    let mut bytes = [0; HEADER_BYTES];
    let fields: [&[u8]; 13] = [
        b"RIFF",
        &sound.saturating_add(36).to_le_bytes(),
        b"WAVE",
        b"fmt ",
        &16_u32.to_le_bytes(),
        &1_u16.to_le_bytes(),
        &1_u16.to_le_bytes(),
        &SAMPLE_RATE_HZ.to_le_bytes(),
        &(SAMPLE_RATE_HZ * 2).to_le_bytes(),
        &2_u16.to_le_bytes(),
        &16_u16.to_le_bytes(),
        b"data",
        &sound.to_le_bytes(),
    ];
    for (slot, byte) in bytes.iter_mut().zip(fields.into_iter().flatten()) {
        *slot = *byte;
    }
    bytes
}

/// Bytes of sound in a recording of ours; `None` for any other file.
fn saved_in(file: &mut File) -> Option<usize> {
    let mut bytes = [0; HEADER_BYTES];
    file.read_exact(&mut bytes).ok()?;
    let sound = u32::from_le_bytes(*bytes.last_chunk()?) as usize;
    (bytes == header(sound)).then_some(sound)
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
    use std::io::Cursor;

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
        let got = samples(file.path());
        assert_eq!(got.len(), 102 * BLOCK_SAMPLES);
        assert!(got[BLOCK_SAMPLES..101 * BLOCK_SAMPLES].iter().all(|sample| *sample == 0));
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
    fn a_disk_that_becomes_full_is_a_named_fault_and_what_was_saved_stays_readable() {
        let disk = SmallDisk(Cursor::new(Vec::new()), 40_000);
        let mut playback = WavPlayback::begin(Path::new("rec.wav"), disk, 0).unwrap();
        let error = (0..200).find_map(|_| playback.record(&[0.1; BLOCK_SAMPLES]).err()).unwrap();
        let AudioError::WavWrite { source, .. } = error else { panic!("{error}") };
        assert_eq!(source.kind(), io::ErrorKind::StorageFull);
        let saved = playback.file.0.get_ref().as_slice();
        assert_eq!(hound::WavReader::new(saved).unwrap().len(), SAMPLE_RATE_HZ);
    }

    #[test]
    fn a_recording_ends_before_its_length_leaves_the_header() {
        let disk = SmallDisk(Cursor::new(Vec::new()), 40_000);
        let mut playback = WavPlayback::begin(Path::new("rec.wav"), disk, MAX_BYTES + 2).unwrap();
        assert!(matches!(playback.save(), Err(AudioError::WavFull { .. })));
    }
}
