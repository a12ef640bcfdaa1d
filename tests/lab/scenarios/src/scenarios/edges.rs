//! How soon an edge on one side is an edge on the other; and a squelch that is open before the gateway is there.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::harness::{AMPLE, Lab, Scenario};
use crate::mono;
use crate::radio::{Radio, Wiring};
use crate::scene::{self, Scene};
use crate::server::Event;
use crate::unit::Setup;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "edges-gpio",
        about: "COS on GPIO begins overs, overs of the channel key GPIO; timed by the kernel.",
        body: |lab| scene::with(lab, Wiring::Gpio, |lab, scene| edges(lab, scene, Wiring::Gpio)),
    },
    Scenario {
        name: "edges-hid",
        about: "The same by HID.",
        body: |lab| scene::with(lab, Wiring::Hid, |lab, scene| edges(lab, scene, Wiring::Hid)),
    },
    Scenario {
        name: "edges-serial",
        about: "The same by modem lines.",
        body: |lab| scene::with(lab, Wiring::Serial, |lab, scene| edges(lab, scene, Wiring::Serial)),
    },
    Scenario {
        name: "open-at-start-gpio",
        about: "A squelch that is open before the gateway starts begins an over at once: GPIO.",
        body: |lab| open_at_start(lab, Wiring::Gpio),
    },
    Scenario {
        name: "open-at-start-hid",
        about: "The same by HID, which tells changes only.",
        body: |lab| open_at_start(lab, Wiring::Hid),
    },
    Scenario {
        name: "open-at-start-serial",
        about: "The same by modem lines.",
        body: |lab| open_at_start(lab, Wiring::Serial),
    },
];

const REPEATS: usize = 10;

/// COS is not believed for so long after an unkeying.
const RX_MUTE: Duration = Duration::from_millis(300);

/// The gateway asks for the channel no sooner than 0.8 s after it came online (protocol section 4.2).
const SETTLED: Duration = Duration::from_secs(1);

/// The machine gets so long to be quiet in between: everything that follows an over has been done.
const QUIET: Duration = Duration::from_millis(300);

fn edges(lab: &mut Lab, scene: &mut Scene, wiring: Wiring) -> Result<()> {
    let up = format!("COS edge after debounce -> start_stream ({})", wiring.name());
    let down = format!("on_stream_start -> PTT line ({})", wiring.name());
    std::thread::sleep(SETTLED);
    for _ in 0..REPEATS {
        let seen = scene.server.seen.mark();
        let over = scene.over(seen)?;
        let delay = mono::ms_between(over.opened + Radio::DEBOUNCE, over.started);
        // The driver of a fob or a port may see the edge a little late, but nobody sees it before it is there.
        ensure!(delay > -1.0, "the over began {:.1} ms before COS had been stable", -delay);
        lab.figures.add(&up, "ms", delay);
        std::thread::sleep(QUIET);
    }
    for _ in 0..REPEATS {
        let keyed = scene.key()?;
        lab.figures.add(&down, "ms", mono::ms_between(keyed.asked, keyed.at));
        let line = scene.radio.mark();
        scene.server.cut(keyed.saying)?;
        scene.radio.keyed(line, false, AMPLE)?;
        std::thread::sleep(RX_MUTE + QUIET);
    }
    for name in [up, down] {
        let line = lab.figures.line(&name);
        lab.note(line);
    }
    Ok(())
}

fn open_at_start(lab: &mut Lab, wiring: Wiring) -> Result<()> {
    let mut radio = Radio::open(wiring, &lab.lines)?;
    radio.squelch(true)?;
    // The lab's chip would take the pull-up for a closed squelch.
    let as_it_is = |setup: &mut Setup| setup.lines = setup.lines.replace("pull-up", "as-is");
    scene::with_radio(lab, radio, as_it_is, |_, scene| {
        scene.server.seen.wait(0, AMPLE, "the radio's stream", Event::is_over)?;
        scene.radio.squelch(false)?;
        scene.server.seen.wait(0, AMPLE, "the end of the radio's stream", Event::is_over_end)?;
        Ok(())
    })
}
