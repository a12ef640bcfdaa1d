//! Swallows the pongs that the WebSocket library sends by itself, for the fault of missing pongs.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Opcode of a pong (RFC 6455, section 5.2).
const PONG: u8 = 0xA;

/// Where the outgoing bytes are within WebSocket frames.
#[derive(Debug)]
enum Place {
    /// The HTTP answer: everything passes.
    Upgrade,
    /// Within a frame's header, so far.
    Header(Vec<u8>),
    /// Within a frame's payload.
    Payload { left: u64, keep: bool },
}

/// A stream whose outgoing pongs can be swallowed. A server's frames are not masked, so they are easily told.
#[derive(Debug)]
pub(crate) struct PongFilter<S> {
    inner: S,
    answers: Arc<AtomicBool>,
    place: Place,
    out: Vec<u8>,
    sent: usize,
}

impl<S> PongFilter<S> {
    /// Pongs pass while `answers` is true.
    pub(crate) fn new(inner: S, answers: Arc<AtomicBool>) -> Self {
        Self { inner, answers, place: Place::Upgrade, out: Vec::new(), sent: 0 }
    }

    /// What follows is WebSocket frames.
    pub(crate) fn upgraded(&mut self) {
        self.place = Place::Header(Vec::new());
    }

    fn filter(&mut self, mut bytes: &[u8]) {
        while let Some((&first, rest)) = bytes.split_first() {
            match &mut self.place {
                Place::Upgrade => {
                    self.out.extend_from_slice(bytes);
                    return;
                }
                Place::Header(header) => {
                    header.push(first);
                    bytes = rest;
                    let Some(length) = payload_length(header) else { continue };
                    let opcode = header.first().map_or(0, |byte| byte & 0x0f);
                    let keep = opcode != PONG || self.answers.load(Ordering::Relaxed);
                    if keep {
                        self.out.extend_from_slice(header);
                    }
                    self.place = after(length, keep);
                }
                Place::Payload { left, keep } => {
                    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    let (payload, rest) = bytes.split_at(count);
                    if *keep {
                        self.out.extend_from_slice(payload);
                    }
                    bytes = rest;
                    self.place = after(left.saturating_sub(payload.len() as u64), *keep);
                }
            }
        }
    }
}

fn after(left: u64, keep: bool) -> Place {
    if left == 0 { Place::Header(Vec::new()) } else { Place::Payload { left, keep } }
}

/// The payload's length, once the header is whole.
fn payload_length(header: &[u8]) -> Option<u64> {
    let (&[_, short], long) = header.split_first_chunk::<2>()?;
    match short & 0x7f {
        126 => long.try_into().ok().map(|bytes| u64::from(u16::from_be_bytes(bytes))),
        127 => long.try_into().ok().map(u64::from_be_bytes),
        length => Some(length.into()),
    }
}

impl<S: AsyncWrite + Unpin> PongFilter<S> {
    fn poll_out(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.out.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let count = ready!(Pin::new(&mut self.inner).poll_write(context, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += count;
        }
        self.out.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PongFilter<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PongFilter<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_out(context))?;
        self.filter(bytes);
        // What does not go out at once goes with the flush that follows.
        match self.poll_out(context) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_out(context))?;
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_out(context))?;
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filtered(answers: bool, chunk: usize) -> Vec<u8> {
        let mut filter = PongFilter::new((), Arc::new(AtomicBool::new(answers)));
        filter.filter(b"HTTP/1.1 101\r\n\r\n");
        filter.upgraded();
        let mut frames = vec![0x81, 2, b'h', b'i', 0x8A, 3, 1, 2, 3, 0x8A, 0, 0x82, 126, 1, 0];
        frames.extend([7; 256]);
        frames.extend([0x89, 0]);
        for bytes in frames.chunks(chunk) {
            filter.filter(bytes);
        }
        filter.out
    }

    #[test]
    fn pongs_are_swallowed_and_all_else_passes_however_it_is_cut() {
        let whole = filtered(true, 1_000);
        let without = filtered(false, 1_000);
        assert_eq!(whole.len(), without.len() + 5 + 2);
        assert!(!without.contains(&0x8A));
        for chunk in 1..8 {
            assert_eq!(filtered(true, chunk), whole);
            assert_eq!(filtered(false, chunk), without);
        }
    }
}
