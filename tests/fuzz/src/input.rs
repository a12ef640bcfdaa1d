//! Bytes as a row of choices. Behind their end every choice is 0, so that any bytes mean something.

use std::time::Duration;

/// What is left of the bytes.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, left)) = self.0.split_first() else { return 0 };
        self.0 = left;
        *first
    }

    pub fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    pub fn number(&mut self) -> u32 {
        u32::from_be_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    pub fn is(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// One of `choices`.
    pub fn one<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    /// So many of the next bytes, or what is left.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, left) = self.0.split_at(count.min(self.0.len()));
        self.0 = left;
        taken
    }

    /// A stretch of bytes that tells its own length, below 256.
    pub fn short(&mut self) -> &'a [u8] {
        let count = usize::from(self.byte());
        self.bytes(count)
    }

    /// A time: mostly short, sometimes minutes.
    pub fn time(&mut self) -> Duration {
        let byte = u64::from(self.byte());
        Duration::from_millis(match byte {
            0..128 => byte * 5,
            128..224 => (byte - 127) * 100,
            _ => (byte - 223) * 10_000,
        })
    }
}

/// The text at the beginning of the bytes.
pub fn text(bytes: &[u8]) -> &str {
    bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid())
}
