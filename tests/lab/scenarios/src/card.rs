//! Sound cards that are platform devices of the kernel: they go by unbinding, and come back by binding.

use std::fs;
use std::io;
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, anyhow};

use crate::harness::AMPLE;
use crate::tape::until;

/// A card that can be pulled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Card {
    driver: &'static str,
    device: &'static str,
}

/// The card `Loopback`.
pub(crate) const LOOPBACK: Card = Card { driver: "snd_aloop", device: "snd_aloop.0" };
/// The card of snd-dummy.
pub(crate) const DUMMY: Card = Card { driver: "snd_dummy", device: "snd_dummy.0" };

impl Card {
    /// Begins to pull the card out: whoever has it open is told at once, and the kernel waits until all have closed it.
    pub(crate) fn pull(self) -> Pulled {
        let pulling = std::thread::spawn(move || fs::write(self.file("unbind"), self.device));
        Pulled { card: self, pulling: Some(pulling) }
    }

    fn file(self, name: &str) -> String {
        format!("/sys/bus/platform/drivers/{}/{name}", self.driver)
    }
}

/// A card that is being pulled. Dropping this plugs it in again, whatever happened.
pub(crate) struct Pulled {
    card: Card,
    pulling: Option<JoinHandle<io::Result<()>>>,
}

impl Pulled {
    /// Waits until everybody has let go of it.
    pub(crate) fn gone(&mut self) -> Result<()> {
        let Some(pulling) = self.pulling.take() else { return Ok(()) };
        until("everybody's letting go of the card", AMPLE, || pulling.is_finished().then_some(()))?;
        pulling.join().map_err(|_| anyhow!("the pulling thread panicked"))?.context("cannot unbind the card")
    }
}

impl Drop for Pulled {
    fn drop(&mut self) {
        // Refused when it is there already.
        drop(fs::write(self.card.file("bind"), self.card.device));
    }
}
