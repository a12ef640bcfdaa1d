//! A gateway with everything around it: the simulator and its phone, the radio's lines, the radio's sound.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::harness::{AMPLE, Lab};
use crate::mono;
use crate::radio::{Radio, Wiring};
use crate::server::{Event, Saying, Server};
use crate::sound::Air;
use crate::tape::until;
use crate::unit::{Gateway, Setup};

/// The promise: whatever happens to the daemon, the radio is unkeyed so soon.
pub(crate) const UNKEYED_WITHIN: Duration = Duration::from_millis(250);

/// Everything, in the order in which it ends.
pub(crate) struct Scene {
    pub(crate) gateway: Gateway,
    pub(crate) server: Server,
    air: Option<Air>,
    pub(crate) radio: Radio,
}

/// Runs `body` on a gateway that is in its channel, with these lines.
pub(crate) fn with(
    lab: &mut Lab,
    wiring: Wiring,
    body: impl FnOnce(&mut Lab, &mut Scene) -> Result<()>,
) -> Result<()> {
    with_setup(lab, wiring, |_| (), body)
}

/// The same with a configuration that `change` has changed.
pub(crate) fn with_setup(
    lab: &mut Lab,
    wiring: Wiring,
    change: impl FnOnce(&mut Setup),
    body: impl FnOnce(&mut Lab, &mut Scene) -> Result<()>,
) -> Result<()> {
    let radio = Radio::open(wiring, &lab.lines)?;
    with_radio(lab, radio, change, body)
}

/// The same with a radio that is there already.
pub(crate) fn with_radio(
    lab: &mut Lab,
    radio: Radio,
    change: impl FnOnce(&mut Setup),
    body: impl FnOnce(&mut Lab, &mut Scene) -> Result<()>,
) -> Result<()> {
    let mut scene = Scene::launch(lab, radio, change)?;
    let result = scene.online(0).and_then(|at| {
        let start = mono::ms_between(Gateway::started_at()?, at);
        lab.figures.add("start -> logged on", "ms", start);
        body(lab, &mut scene)
    });
    if result.is_err() {
        lab.evidence += &scene.gateway.journal.text();
    }
    result
}

impl Scene {
    /// Starts everything; the gateway need not come up.
    pub(crate) fn launch(lab: &Lab, radio: Radio, change: impl FnOnce(&mut Setup)) -> Result<Self> {
        let server = Server::start(&lab.network)?;
        let mut setup = Setup::new(radio.tables()?);
        let sound = format!("hw:CARD={},DEV=0", radio.card);
        (setup.capture, setup.playback) = (sound.clone(), sound);
        change(&mut setup);
        let gateway = Gateway::launch(&setup, server.port)?;
        Ok(Self { gateway, server, air: None, radio })
    }

    /// Waits until the gateway is in its channel; when the server took its log-on, which came after `mark`.
    pub(crate) fn online(&self, mark: usize) -> Result<Duration> {
        let at = self.server.seen.wait(mark, AMPLE, "the gateway's log-on", Event::is_logon)?;
        until("the unit's state active", AMPLE, || {
            Gateway::property("ActiveState").ok().filter(|state| state == "active")
        })?;
        Ok(at)
    }

    /// After a scenario's part that failed: another gateway, whatever became of this one.
    pub(crate) fn begin_anew(&self) -> Result<()> {
        let seen = self.server.seen.mark();
        Gateway::start_anew()?;
        self.online(seen)?;
        self.quiet()
    }

    /// The radio's ear and mouth, which most scenarios do without.
    pub(crate) fn open_air(&mut self) -> Result<()> {
        self.air = Some(Air::open(&self.radio.card)?);
        Ok(())
    }

    pub(crate) fn air(&self) -> Result<&Air> {
        self.air.as_ref().context("the radio's end of the sound card is not open")
    }

    /// The phone talks, until the radio is keyed.
    pub(crate) fn key(&self) -> Result<Keyed> {
        let (line, seen) = (self.radio.mark(), self.server.seen.mark());
        let saying = self.server.chat()?;
        let asked = self.server.seen.wait(seen, AMPLE, "the phone's stream", Event::is_talk)?;
        let at = self.radio.keyed(line, true, AMPLE)?;
        Ok(Keyed { saying, asked, at })
    }

    /// Waits until the radio is unkeyed for a second: talk that had to wait has been said.
    pub(crate) fn quiet(&self) -> Result<()> {
        until("a radio that stays unkeyed", AMPLE, || {
            self.radio
                .stays_unkeyed(Duration::from_secs(1))
                .ok()
                .filter(|()| self.radio.is_keyed().is_ok_and(|keyed| !keyed))
        })
    }

    /// Shows that both ways work: the radio is keyed by the phone and let go, and an opened squelch begins an over.
    pub(crate) fn works(&mut self) -> Result<()> {
        let keyed = self.key().context("the downlink does not work")?;
        let line = self.radio.mark();
        self.server.cut(keyed.saying)?;
        self.radio.keyed(line, false, AMPLE)?;
        let seen = self.server.seen.mark();
        self.over(seen).context("the uplink does not work").map(drop)
    }

    /// An over of the radio without words: squelch open until the stream is there, and closed until it is gone.
    pub(crate) fn over(&mut self, seen: usize) -> Result<Over> {
        // After an unkeying, COS is not believed for `rx_mute_ms`; a squelch that is still open then counts.
        let opened = self.radio.squelch(true)?;
        let started = self.server.seen.wait(seen, AMPLE, "the radio's stream", Event::is_over)?;
        self.radio.squelch(false)?;
        self.server.seen.wait(seen, AMPLE, "the end of the radio's stream", Event::is_over_end)?;
        Ok(Over { opened, started })
    }
}

/// The radio is keyed.
pub(crate) struct Keyed {
    pub(crate) saying: Saying,
    /// `on_stream_start` went out.
    pub(crate) asked: Duration,
    /// The line was set.
    pub(crate) at: Duration,
}

/// An over of the radio, by the kernel's clock.
pub(crate) struct Over {
    /// The squelch opened.
    pub(crate) opened: Duration,
    /// `start_stream` was there.
    pub(crate) started: Duration,
}
