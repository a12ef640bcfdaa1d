//! Sessions: log-on, one session an account, and the end of a connection.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::account::Admitted;
use super::{ConnId, Deadline, Fault, Now, Seen, Service, StopReason, World, ending};
use crate::zello::{Logon, Seq};

/// Kicks that are remembered; where every name is an account, there may be any number of them.
const KEPT_KICKS: usize = 1_024;

/// An account: names belong to a service, on Work to a network.
pub(super) type AccountKey = (Service, String);

/// A channel of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Membership {
    pub(super) name: String,
    pub(super) online: bool,
}

/// A log-on that succeeded.
#[derive(Debug)]
pub(super) struct Session {
    /// Number of the log-on, so that what was planned for an earlier one is forgotten.
    pub(super) logon: u64,
    pub(super) admitted: Admitted,
    pub(super) channels: Vec<Membership>,
    /// Has had a stream: later audio without one is of a finished stream.
    pub(super) had_stream: bool,
    /// Recent starts, for the woodpecker rule.
    pub(super) starts: VecDeque<Instant>,
}

impl Session {
    pub(super) fn is_online(&self, channel: &str) -> bool {
        self.channels.iter().any(|membership| membership.online && membership.name == channel)
    }

    pub(super) fn first_online(&self) -> Option<String> {
        self.channels.iter().find(|membership| membership.online).map(|membership| membership.name.clone())
    }

    pub(super) fn name(&self) -> &str {
        self.admitted.username.as_deref().unwrap_or("")
    }
}

impl World {
    pub(super) fn session(&self, conn: ConnId) -> Option<&Session> {
        self.clients.get(&conn)?.session.as_ref()
    }

    /// Whether a connection still lives on the log-on of this number.
    pub(super) fn is_logon(&self, conn: ConnId, logon: u64) -> bool {
        self.session(conn).is_some_and(|session| session.logon == logon)
    }

    pub(super) fn log_on(
        &mut self,
        now: Now,
        conn: ConnId,
        seq: Option<Seq>,
        logon: &Logon,
        text: &str,
        late: bool,
    ) {
        let Some(service) = self.clients.get(&conn).map(|client| client.service.clone()) else { return };
        if self.logon_goes_wrong(now, conn, seq, text, late) {
            return;
        }
        let admitted = match self.accounts.admit(&self.settings, &service, logon, now.unix) {
            Ok(admitted) => admitted,
            Err(error) => return self.fail(now, conn, seq, &error),
        };
        if let Some(name) = &admitted.username {
            let key = (service, name.clone());
            if self.was_kicked_lately(now, &key) {
                return self.hang_up(now, conn, 3002, "not authorized");
            }
            self.kick_others(now, conn, key);
        }
        self.tell(Seen::LoggedOn(conn, admitted.username.clone()));
        let reply = match &admitted.refresh_token {
            Some(token) => json!({"refresh_token": token}),
            None => json!({}),
        };
        let number = self.begin_session(now, conn, admitted, logon);
        self.succeed(now, conn, seq, reply);
        self.enter_channels(now, conn, number);
        self.replay_pictures(now, conn);
        self.babble(now, conn);
        self.plan_end(now, conn, number);
    }

    /// Faults of the log-on itself; true when one has taken it.
    fn logon_goes_wrong(&mut self, now: Now, conn: ConnId, seq: Option<Seq>, text: &str, late: bool) -> bool {
        if self.faults.has(&Fault::SilentLogon) {
            return true;
        }
        let wait =
            self.faults.read(|fault| if let Fault::LogonLate { ms } = fault { Some(*ms) } else { None });
        if let Some(ms) = wait.filter(|_| !late) {
            let due = now.at + Duration::from_millis(ms);
            self.schedule.add(due, Deadline::Command(conn, text.to_owned()));
            return true;
        }
        let error = self.faults.take(|fault| {
            if let Fault::LogonError { error, .. } = fault { Some(error.clone()) } else { None }
        });
        if let Some(error) = error {
            self.fail(now, conn, seq, &error);
            return true;
        }
        let close = self.faults.take(|fault| {
            if let Fault::CloseOnLogon { code, reason, .. } = fault {
                Some((*code, reason.clone()))
            } else {
                None
            }
        });
        if let Some((code, reason)) = &close {
            self.hang_up(now, conn, *code, reason);
        }
        close.is_some()
    }

    fn was_kicked_lately(&self, now: Now, key: &AccountKey) -> bool {
        let shut = self.faults.read(|fault| {
            if let Fault::NotAuthorizedAfterKick { ms } = fault {
                Some(Duration::from_millis(*ms))
            } else {
                None
            }
        });
        let kicked = self.kicks.get(key);
        shut.zip(kicked).is_some_and(|(shut, kicked)| now.at < *kicked + shut)
    }

    /// One session an account: the older one is thrown out.
    fn kick_others(&mut self, now: Now, conn: ConnId, key: AccountKey) {
        let is_other = |other: &ConnId| {
            *other != conn
                && self.clients.get(other).is_some_and(|client| client.service == key.0)
                && self
                    .session(*other)
                    .is_some_and(|session| session.admitted.username.as_ref() == Some(&key.1))
        };
        let others: Vec<ConnId> = self.clients.keys().copied().filter(is_other).collect();
        if !others.is_empty() {
            if self.kicks.len() >= KEPT_KICKS {
                self.kicks.pop_first();
            }
            self.kicks.insert(key, now.at);
        }
        for other in others {
            self.event(now, other, json!({"command": "on_error", "error": "kicked"}));
            self.hang_up(now, other, 3003, "kicked");
        }
    }

    /// Puts a session in place, perhaps of an earlier one on the same connection; its number.
    fn begin_session(&mut self, now: Now, conn: ConnId, admitted: Admitted, logon: &Logon) -> u64 {
        self.logons += 1;
        let number = self.logons;
        let Some(client) = self.clients.get_mut(&conn) else { return number };
        let before = client.session.take();
        let is_online = |name: &String| before.as_ref().is_some_and(|before| before.is_online(name));
        let channels: Vec<Membership> = logon
            .channels
            .iter()
            .map(|name| Membership { name: name.clone(), online: is_online(name) })
            .collect();
        let had_stream = before.as_ref().is_some_and(|before| before.had_stream);
        let session = Session { logon: number, admitted, channels, had_stream, starts: VecDeque::new() };
        let left: Vec<String> = before
            .iter()
            .flat_map(|before| &before.channels)
            .filter(|old| old.online && !session.is_online(&old.name))
            .map(|old| old.name.clone())
            .collect();
        client.session = Some(session);
        for channel in left {
            self.refresh(now, &channel);
        }
        number
    }

    /// Faults that end a session some time after its log-on.
    fn plan_end(&mut self, now: Now, conn: ConnId, number: u64) {
        let close = self.faults.take(|fault| {
            if let Fault::CloseAfter { ms, code, reason, .. } = fault {
                Some((*ms, *code, reason.clone()))
            } else {
                None
            }
        });
        if let Some((ms, code, reason)) = close {
            let due = now.at + Duration::from_millis(ms);
            self.schedule.add(due, Deadline::Close(conn, number, code, reason));
        }
        let silent =
            self.faults.read(|fault| if let Fault::HalfOpen { ms } = fault { Some(*ms) } else { None });
        if let Some(ms) = silent {
            self.schedule.add(now.at + Duration::from_millis(ms), Deadline::Freeze(conn, number));
        }
    }

    /// Ends a connection from this side; 1006 cuts it without a close frame.
    pub(super) fn hang_up(&mut self, now: Now, conn: ConnId, code: u16, reason: &str) {
        if !self.clients.contains_key(&conn) {
            return;
        }
        self.outputs.push_back(ending(conn, code, reason));
        self.leave(now, conn);
    }

    /// Forgets a connection that is over.
    pub(super) fn leave(&mut self, now: Now, conn: ConnId) {
        let Some(client) = self.clients.remove(&conn) else { return };
        let streams: Vec<u32> =
            self.streams.iter().filter(|(_, stream)| stream.owner == conn).map(|(id, _)| *id).collect();
        for stream in streams {
            self.end_stream(now, stream, StopReason::Gone);
        }
        let channels = client.session.map(|session| session.channels).unwrap_or_default();
        for membership in channels.iter().filter(|membership| membership.online) {
            self.refresh(now, &membership.name);
        }
        self.tell(Seen::Closed(conn));
    }
}
