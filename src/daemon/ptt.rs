//! The PTT line as the daemon sees it: what its guard reports, and what is left to do when the guard has died.

use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, error, info, warn};

use crate::bell::Bell;
use crate::config::Ptt;
use crate::counters::Counters;
use crate::lines::guard::orphan::{Fate, Orphan};
use crate::lines::guard::{PttStatus, Report};
use crate::lines::{NotReleased, release};

/// A device that hangs must not keep the daemon from ending: together with the guard's own time to end, this stays within
/// what the main thread waits for.
const LAST_ACT: Duration = Duration::from_millis(800);

/// Tells of a guard that had outlived another gateway.
pub(super) fn tell_orphan(line: &Ptt, Orphan { id, fate }: &Orphan) {
    match fate {
        Fate::Ended | Fate::Killed => warn!(%line, guard = id, "the guard of a dead gateway {fate}"),
        Fate::Held | Fate::Refused(_) => {
            error!(%line, guard = id, "the guard of a dead gateway {fate}; it may hold PTT");
        }
    }
}

/// Hears the guard's reports: counts and logs them, and tells the engine whether there is a transmitter.
pub(super) struct Hearer {
    pub(super) ptt: Ptt,
    pub(super) status: Arc<PttStatus>,
    pub(super) counters: Arc<Counters>,
    pub(super) engine_bell: Bell,
}

impl Hearer {
    /// Takes a report. Keying itself is told by the engine.
    pub(super) fn hear(&self, report: &Report) {
        let line = &self.ptt;
        match report {
            Report::Ready | Report::Keyed | Report::Unkeyed | Report::Reads { .. } => {
                debug!(?report, "guard");
            }
            Report::Lost(why) => {
                self.status.lose();
                self.engine_bell.ring();
                self.counters.ptt_losses.add_one();
                warn!(%line, why, "PTT is lost: nothing is transmitted until it is back; it is looked for four times a second");
            }
            Report::Missing(why) => warn!(%line, why, "PTT is still missing"),
            Report::Back => {
                self.status.find();
                self.engine_bell.ring();
                info!(%line, "PTT is back, and released");
            }
            Report::Silent => warn!(
                %line,
                "the guard heard no heartbeat for a quarter of a second and has released PTT: the gateway stood still"
            ),
            Report::TimeOut => error!(
                %line,
                "the guard's own time-out has released PTT: the gateway kept it keyed for longer than time_out_seconds"
            ),
            Report::Failed(why) => error!(%line, why, "the guard of PTT failed"),
            Report::Garbled(_) | Report::Unknown(_) => {
                error!(?report, "guard and gateway do not understand each other; PTT is released");
            }
        }
    }

    /// The guard ended and released nothing. Many a line stays keyed then: this process, which is about to end, opens
    /// it, which releases it. Only for that.
    pub(super) fn release(&self) {
        let line = &self.ptt;
        match release(line, LAST_ACT) {
            Ok(()) => {
                warn!(%line, "the guard ended without a release; PTT is released by the daemon itself");
            }
            Err(NotReleased::Refused(error)) => {
                error!(%line, %error, "the guard ended without a release, and PTT cannot be released; it may be keyed");
            }
            Err(NotReleased::Stuck) => {
                error!(%line, "the guard ended without a release, and the device of PTT does not answer; it may be keyed");
            }
            Err(NotReleased::NoThread(error)) => {
                error!(%line, %error, "the guard ended without a release, and neither can the daemon release PTT; it may be keyed");
            }
        }
    }
}
