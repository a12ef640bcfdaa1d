//! COS by a GPIO line: edges with the kernel's time, debounced.

use std::io;
use std::time::{Duration, Instant};

use gpio_cdev::{EventRequestFlags, EventType, LineEventHandle, LineRequestFlags};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};

use super::CONSUMER;
use super::choice::{Asked, refusal};
use super::system::{find, system_error};
use crate::config::{Bias, GpioIn, Polarity};
use crate::lines::debounce::input::{Debounced, Input};
use crate::lines::{CosEdge, CosLine, LineError};

/// A GPIO input that tells the state of the squelch.
#[derive(Debug)]
pub struct GpioCos(Debounced<Edges>);

impl GpioCos {
    /// Takes the line as an input with edge detection.
    ///
    /// # Errors
    /// [`LineError`] when there is no such chip or line, it is in use, the bias cannot be had, or rights are missing.
    pub fn open(settings: &GpioIn) -> Result<Self, LineError> {
        let (chip, line, handle) = find(settings.chip.as_deref(), &settings.line)?;
        let asked = match settings.bias {
            Bias::AsIs => Asked::Plain,
            Bias::PullUp | Bias::PullDown | Bias::Off => Asked::WithBias,
        };
        let handle = handle
            .events(flags(settings.active, settings.bias), EventRequestFlags::BOTH_EDGES, CONSUMER)
            .map_err(|error| refusal(&chip, &line, asked, system_error(&error)))?;
        let what = format!("COS on line {} of GPIO chip {}", line.describe(), chip.describe());
        Ok(Self(Debounced::new(Edges { what, handle }, settings.debounce)))
    }
}

impl CosLine for GpioCos {
    fn wait(&mut self, limit: Duration) -> Result<Option<CosEdge>, LineError> {
        self.0.wait(limit)
    }
}

/// The kernel applies the polarity: rising means "became active". gpio-cdev has no names for the bits of the bias.
fn flags(active: Polarity, bias: Bias) -> LineRequestFlags {
    let polarity = match active {
        Polarity::High => LineRequestFlags::empty(),
        Polarity::Low => LineRequestFlags::ACTIVE_LOW,
    };
    let bias = match bias {
        Bias::AsIs => 0,
        Bias::PullUp => 1 << 5,
        Bias::PullDown => 1 << 6,
        Bias::Off => 1 << 7,
    };
    LineRequestFlags::INPUT | polarity | LineRequestFlags::from_bits_retain(bias)
}

/// Edges of a real line.
#[derive(Debug)]
struct Edges {
    /// For messages.
    what: String,
    handle: LineEventHandle,
}

impl Edges {
    fn lost(&self, source: io::Error) -> LineError {
        LineError::Lost { what: self.what.clone(), source }
    }
}

impl Input for Edges {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn level(&mut self) -> Result<bool, LineError> {
        self.handle.get_value().map(|value| value != 0).map_err(|error| self.lost(system_error(&error)))
    }

    fn edge(&mut self, limit: Duration) -> Result<Option<(bool, Instant)>, LineError> {
        let limit = Timespec::try_from(limit).unwrap_or_default();
        let mut polled = [PollFd::new(&self.handle, PollFlags::IN)];
        match poll(&mut polled, Some(&limit)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(None),
            Ok(_) => {}
            Err(error) => return Err(self.lost(error.into())),
        }
        if polled.iter().all(|fd| !fd.revents().contains(PollFlags::IN)) {
            return Err(self.lost(io::ErrorKind::BrokenPipe.into()));
        }
        let event = self.handle.get_event().map_err(|error| self.lost(system_error(&error)))?;
        let open = event.event_type() == EventType::RisingEdge;
        Ok(Some((open, edge_time(event.timestamp(), monotonic_nanoseconds(), Instant::now()))))
    }
}

/// An edge is read within milliseconds; a time stamp further from now is of another clock.
const OLDEST_EDGE: Duration = Duration::from_secs(10);

/// The kernel's time stamp as an `Instant`, given the clock that `Instant` counts by. Kernels before 5.7 stamp with the
/// wall clock, which may jump: there the time of reading serves.
fn edge_time(stamp_ns: u64, clock_ns: u64, now: Instant) -> Instant {
    clock_ns
        .checked_sub(stamp_ns)
        .map(Duration::from_nanos)
        .filter(|age| *age <= OLDEST_EDGE)
        .and_then(|age| now.checked_sub(age))
        .unwrap_or(now)
}

fn monotonic_nanoseconds() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or_default()
}

#[cfg(test)]
mod tests;
