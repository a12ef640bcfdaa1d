//! What befalls a hut: every fault of the simulator, the network's, the radio's and the hardware's, at random.

use std::time::Duration;

use zello_gateway::audio::DeviceState;
use zello_gateway::sim::Fault;
use zello_gateway::sim::world::Fact as Told;

use super::world::talk::ms;
use super::{Deed, Hut};
use serde_json::json;

/// Something that lasts for a while.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Trouble {
    /// Of the server.
    Server(Fault),
    /// No network.
    Outage,
    /// No sound card.
    Card,
    /// No PTT line.
    Line,
}

/// Kinds of trouble that come and are gone at once.
const MOMENTS: u64 = 6;

impl Hut {
    /// Something goes wrong; the next thing does in ten minutes or so.
    pub(super) fn trouble(&mut self) {
        if self.night {
            return;
        }
        self.totals.troubles += 1;
        let faults = faults();
        let kinds = MOMENTS + 5 + faults.len() as u64;
        match self.chance.below(kinds) {
            // The wire breaks: both sides see it at once.
            0 => self.cut(),
            1 => {
                if let Some(wire) = &mut self.wire {
                    wire.frozen = true;
                }
            }
            2 => self.server.end_streams(self.clock()),
            3 => self.server.freeze_all(),
            4 => {
                let codes =
                    [(1000, ""), (1001, "going away"), (1006, ""), (3001, "server closed connection")];
                let (code, reason) = codes[self.chance.below(4) as usize];
                self.server.close_all(self.clock(), code, reason);
            }
            5 => self.kick(),
            6 | 7 => {
                self.network_up = false;
                self.cut();
                self.lasts(Trouble::Outage, ms(200_000));
            }
            8 => {
                self.wake();
                self.card.set_state(DeviceState::Lost);
                self.lasts(Trouble::Card, ms(10_000));
            }
            9 | 10 => {
                self.wake();
                self.ptt.lose();
                self.lasts(Trouble::Line, ms(10_000));
            }
            n => {
                let fault = faults[(n - MOMENTS - 5) as usize].clone();
                self.server.faults().set(fault.clone());
                self.lasts(Trouble::Server(fault), ms(240_000));
            }
        }
        let wait = self.some(ms(600_000));
        self.do_in(ms(60_000) + wait, Deed::Trouble);
    }

    pub(super) fn mend(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Server(fault) => self.server.faults().clear(&fault),
            Trouble::Outage => self.network_up = true,
            Trouble::Card => {
                self.wake();
                self.card.set_state(DeviceState::Running);
            }
            Trouble::Line => {
                self.wake();
                self.ptt.find();
            }
        }
    }

    pub(super) fn mend_all(&mut self) {
        self.server.faults().clear_all();
        for trouble in [Trouble::Outage, Trouble::Card, Trouble::Line] {
            self.mend(trouble);
        }
    }

    fn lasts(&mut self, trouble: Trouble, mean: Duration) {
        let time = ms(1_000) + self.some(mean);
        self.do_in(time, Deed::Mend(trouble));
    }

    /// The connection is lost, and what was on its way with it.
    fn cut(&mut self) {
        let Some(wire) = self.wire.as_mut().filter(|wire| !wire.frozen) else { return };
        wire.frozen = true;
        let conn = wire.conn;
        let lost: Vec<_> = self
            .plan
            .iter()
            .filter(|(_, deed)| matches!(deed, Deed::Up(to, _) | Deed::Down(to, _) if *to == conn))
            .map(|(key, _)| *key)
            .collect();
        for key in lost {
            if let Some(Deed::Up(_, frame)) = self.plan.remove(&key) {
                self.lose(&frame);
            }
        }
        self.wire = None;
        self.do_in(Duration::ZERO, Deed::UpClosed(conn));
        let lost = zello_gateway::logic::session::Fact::Lost("reset".to_owned());
        self.session.handle(self.instant(), lost);
    }

    /// Somebody logs on with the gateway's account, and leaves again.
    fn kick(&mut self) {
        let Ok(service) = self.server.admit("/ws") else { return };
        let conn = self.new_conn();
        self.server.handle(self.clock(), conn, Told::Opened(service));
        let channel = self.config.zello.channel.clone();
        let logon = json!({
            "command": "logon", "seq": 1, "username": "gateway", "password": "secret", "channels": [channel],
        });
        self.server.handle(self.clock(), conn, Told::Text(logon.to_string()));
        self.do_in(ms(3_000), Deed::UpClosed(conn));
    }
}

/// Every fault of the simulator that a gateway can live with.
fn faults() -> Vec<Fault> {
    let text = str::to_owned;
    vec![
        Fault::RefuseUpgrade { status: 429, times: Some(2) },
        Fault::RefuseUpgrade { status: 503, times: Some(5) },
        Fault::SlowUpgrade { ms: 20_000 },
        Fault::SilentLogon,
        Fault::LogonLate { ms: 8_000 },
        Fault::LogonError { error: text("internal server error"), times: Some(3) },
        Fault::LogonError { error: text("invalid password"), times: Some(1) },
        Fault::CloseOnLogon { code: 1006, reason: String::new(), times: Some(3) },
        Fault::CloseOnLogon { code: 3002, reason: text("not authorized"), times: Some(2) },
        Fault::CloseAfter { ms: 20_000, code: 1006, reason: String::new(), times: Some(5) },
        Fault::NotAuthorizedAfterKick { ms: 20_000 },
        Fault::StatusOffline,
        Fault::StatusLate { ms: 10_000 },
        Fault::StatusFlapping { ms: 15_000 },
        Fault::StatusError { error: text("channel is not ready"), error_type: text("unknown") },
        Fault::StatusWithoutFlags,
        Fault::StartUnanswered { times: Some(5) },
        Fault::StartLate { ms: 2_500, times: None },
        Fault::StartRefused { error: text("channel busy"), times: None },
        Fault::StartRefused { error: text("failed to start stream"), times: Some(3) },
        Fault::StartRefused { error: text("channel is not ready"), times: None },
        Fault::Woodpecker { starts: 3, within_ms: 20_000 },
        Fault::StopStreamsAfter { ms: 3_000, times: None },
        Fault::MissingStop,
        Fault::StopBeforeStart,
        Fault::EarlyStop,
        Fault::Overlap,
        Fault::PacketLoss { percent: 5 },
        Fault::PacketDuplicate { percent: 10 },
        Fault::PacketReorder { percent: 20 },
        Fault::PacketJitter { max_ms: 700 },
        Fault::PacketEmpty { percent: 5 },
        Fault::OddPackets { ms: 60 },
        Fault::UsersOnlineStorm { events: 20 },
        Fault::UnknownEvents,
        Fault::UnknownFields,
        Fault::Garbage,
        Fault::MissingPong,
        Fault::HalfOpen { ms: 20_000 },
        Fault::WrongCase,
        Fault::ForeignNames,
        Fault::ImageReplay,
        Fault::LongHeader,
    ]
}
