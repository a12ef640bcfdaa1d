//! Channels: who may enter, who is there, and what everybody is told of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::json::put;
use super::session::Membership;
use super::{ConnId, Deadline, Fault, Now, World};

/// How long `offline` comes before `online`, as seen in the field.
const OFFLINE_FIRST: Duration = Duration::from_millis(300);

/// What a client meets at a channel's door.
enum Entry {
    Open,
    /// Offline for a while.
    Later(Duration),
    /// Offline and online in turn.
    Flapping(Duration),
    /// Offline for good, perhaps with error and `error_type`.
    Shut(Option<(String, String)>),
}

impl World {
    /// A client that has just logged on enters its channels.
    pub(super) fn enter_channels(&mut self, now: Now, conn: ConnId, logon: u64) {
        let Some(session) = self.session(conn) else { return };
        let name = session.admitted.username.clone();
        let channels: Vec<Membership> = session.channels.clone();
        for membership in channels {
            let channel = &membership.name;
            if membership.online {
                let status = self.online_status(channel);
                self.event(now, conn, status);
                continue;
            }
            match self.entry(channel, name.as_deref()) {
                Entry::Open => self.set_online(now, conn, channel),
                Entry::Later(wait) => {
                    self.event(now, conn, offline_status(&self.spelled(channel), None));
                    self.schedule.add(now.at + wait, Deadline::Online(conn, logon));
                }
                Entry::Flapping(each) => {
                    self.set_online(now, conn, channel);
                    self.schedule.add(now.at + each, Deadline::Flap(conn, logon));
                }
                Entry::Shut(error) => self.event(now, conn, offline_status(&self.spelled(channel), error)),
            }
        }
    }

    fn entry(&self, channel: &str, name: Option<&str>) -> Entry {
        if let Some(entry) = self.entry_by_rule(channel, name) {
            return entry;
        }
        if self.faults.has(&Fault::StatusOffline) {
            return Entry::Shut(None);
        }
        let error = self.faults.read(|fault| {
            if let Fault::StatusError { error, error_type } = fault {
                Some((error.clone(), error_type.clone()))
            } else {
                None
            }
        });
        if error.is_some() {
            return Entry::Shut(error);
        }
        if let Some(each) = self.flapping() {
            return Entry::Flapping(each);
        }
        let late =
            self.faults.read(|fault| if let Fault::StatusLate { ms } = fault { Some(*ms) } else { None });
        match late {
            Some(ms) => Entry::Later(Duration::from_millis(ms)),
            None if self.settings.offline_first => Entry::Later(OFFLINE_FIRST),
            None => Entry::Open,
        }
    }

    /// What the configuration says against a client's entry.
    fn entry_by_rule(&self, channel: &str, name: Option<&str>) -> Option<Entry> {
        let Some(rule) = self.settings.channels.iter().find(|rule| rule.name == channel) else {
            // A name with blanks around it is never made: the service knows no such channel either.
            let is_made =
                self.settings.channels.is_empty() && !channel.is_empty() && channel.trim() == channel;
            return (!is_made).then_some(Entry::Shut(None));
        };
        let shut = |error: &str| Some(Entry::Shut(Some((error.to_owned(), "configuration".to_owned()))));
        if rule.password_protected {
            return shut("invalid password");
        }
        let users = rule.users.as_ref()?;
        if users.iter().any(|user| Some(user.as_str()) == name) { None } else { shut("not authorized") }
    }

    fn flapping(&self) -> Option<Duration> {
        self.faults.read(|fault| {
            if let Fault::StatusFlapping { ms } = fault {
                Some(Duration::from_millis((*ms).max(1)))
            } else {
                None
            }
        })
    }

    /// The channels of a log-on come online after their wait.
    pub(super) fn come_online(&mut self, now: Now, conn: ConnId, logon: u64) {
        let waiting = self.waiting_channels(conn, logon);
        for channel in waiting {
            self.set_online(now, conn, &channel);
        }
    }

    /// Channels of a client that are not online and whose door is open.
    fn waiting_channels(&self, conn: ConnId, logon: u64) -> Vec<String> {
        let Some(session) = self.session(conn).filter(|session| session.logon == logon) else {
            return Vec::new();
        };
        let name = session.admitted.username.as_deref();
        let offline = session.channels.iter().filter(|membership| !membership.online);
        offline
            .map(|membership| membership.name.clone())
            .filter(|channel| self.entry_by_rule(channel, name).is_none())
            .collect()
    }

    /// The channels of a log-on go offline or come back; once the fault is cleared they stay online.
    pub(super) fn flap(&mut self, now: Now, conn: ConnId, logon: u64) {
        if !self.is_logon(conn, logon) {
            return;
        }
        let each = self.flapping();
        let waiting = self.waiting_channels(conn, logon);
        if waiting.is_empty() && each.is_some() {
            self.send_offline(now, conn);
        }
        for channel in waiting {
            self.set_online(now, conn, &channel);
        }
        if let Some(each) = each {
            self.schedule.add(now.at + each, Deadline::Flap(conn, logon));
        }
    }

    fn send_offline(&mut self, now: Now, conn: ConnId) {
        let Some(session) = self.clients.get_mut(&conn).and_then(|client| client.session.as_mut()) else {
            return;
        };
        let mut left = Vec::new();
        for membership in session.channels.iter_mut().filter(|membership| membership.online) {
            membership.online = false;
            left.push(membership.name.clone());
        }
        for channel in left {
            self.event(now, conn, offline_status(&self.spelled(&channel), None));
            self.refresh(now, &channel);
        }
    }

    fn set_online(&mut self, now: Now, conn: ConnId, channel: &str) {
        let Some(session) = self.clients.get_mut(&conn).and_then(|client| client.session.as_mut()) else {
            return;
        };
        for membership in session.channels.iter_mut().filter(|membership| membership.name == channel) {
            membership.online = true;
        }
        self.refresh(now, channel);
    }

    /// Who is online in a channel.
    pub(super) fn members(&self, channel: &str) -> Vec<ConnId> {
        let is_member = |conn: &ConnId| self.session(*conn).is_some_and(|session| session.is_online(channel));
        self.clients.keys().copied().filter(is_member).collect()
    }

    /// Tells everybody in a channel how many they are.
    pub(super) fn refresh(&mut self, now: Now, channel: &str) {
        let status = self.online_status(channel);
        for conn in self.members(channel) {
            self.event(now, conn, status.clone());
        }
    }

    pub(super) fn online_status(&self, channel: &str) -> Value {
        let mut status = json!({
            "command": "on_channel_status",
            "channel": self.spelled(channel),
            "status": "online",
            "users_online": self.members(channel).len(),
        });
        if !self.faults.has(&Fault::StatusWithoutFlags) {
            for flag in ["images_supported", "texting_supported", "locations_supported"] {
                put(&mut status, flag, true);
            }
            put(&mut status, "full_duplex", false);
        }
        status
    }

    /// The channel's name as events write it.
    pub(super) fn spelled(&self, channel: &str) -> String {
        if !self.faults.has(&Fault::WrongCase) {
            return channel.to_owned();
        }
        let upper = channel.to_uppercase();
        if upper == channel { channel.to_lowercase() } else { upper }
    }

    /// A sender's name as events write it.
    pub(super) fn called(&self, name: &str) -> String {
        let foreign = if self.faults.has(&Fault::ForeignNames) { "Ватсон 川 ☂ " } else { "" };
        format!("{foreign}{name}")
    }
}

fn offline_status(channel: &str, error: Option<(String, String)>) -> Value {
    let mut status = json!({
        "command": "on_channel_status",
        "channel": channel,
        "status": "offline",
        "users_online": 0,
        "images_supported": false,
        "texting_supported": false,
        "locations_supported": false,
    });
    if let Some((error, error_type)) = error {
        put(&mut status, "error", error);
        put(&mut status, "error_type", error_type);
    }
    status
}
