//! A session with its clock, driven fact by fact.

use std::time::Duration;

use super::super::*;
use crate::config::{Service, TokenSource, User};
use crate::logic::exchange::OverId;

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn account(token: TokenSource) -> config::Zello {
    config::Zello {
        service: Service::Consumer,
        url: "ws://127.0.0.1:8008/ws".to_owned(),
        ca_file: None,
        channel: "Baker Street 221B".to_owned(),
        user: Some(User { name: "Sherlock".to_owned(), password: Secret::new("elementary") }),
        token,
        listen_only: false,
    }
}

pub(super) fn uplink() -> config::Uplink {
    config::Uplink {
        packet: Duration::from_millis(60),
        bitrate_bps: 16_000,
        pre_roll: Duration::from_millis(200),
        hang: Duration::from_millis(500),
        hold: secs(60),
        held_tone: false,
        roll_over: secs(55),
        stuck: secs(300),
    }
}

pub(super) const ONLINE_STATUS: &str =
    r#"{"command":"on_channel_status","channel":"baker street 221b","status":"online","users_online":2}"#;

/// A session, its clock, and what it did.
pub(super) struct Bench {
    pub(super) session: Session,
    pub(super) counters: Arc<Counters>,
    pub(super) now: Instant,
    pub(super) done: Vec<Action>,
}

impl Bench {
    pub(super) fn new(zello: &config::Zello) -> Self {
        let (now, counters) = (Instant::now(), Arc::new(Counters::default()));
        let session = Session::new(now, zello, &uplink(), Arc::clone(&counters), 7);
        Self { session, counters, now, done: Vec::new() }
    }

    pub(super) fn online() -> Self {
        let mut bench = Self::new(&account(TokenSource::None));
        bench.come_online();
        bench
    }

    pub(super) fn fact(&mut self, fact: Fact<'_>) {
        self.session.handle(self.now, fact);
        while let Some(action) = self.session.poll() {
            self.done.push(action);
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        self.fact(Fact::Text(text));
    }

    /// Lets time pass, from deadline to deadline; an idle server answers pings if `alive`.
    pub(super) fn wait(&mut self, duration: Duration, alive: bool) {
        let (end, mut wakes) = (self.now + duration, 0);
        while let Some((at, why)) = self.session.poll_timeout().filter(|(at, _)| *at <= end) {
            wakes += 1;
            assert!(wakes < 10_000, "woken for nothing by {why:?}");
            self.now = self.now.max(at);
            let before = self.done.len();
            self.fact(Fact::Timeout);
            if alive && self.done[before..].contains(&Action::Ping) {
                self.fact(Fact::SignOfLife);
            }
        }
        self.now = end;
    }

    /// From a state that waits to the next `Connect`; how long it took.
    pub(super) fn next_connect(&mut self) -> Duration {
        let (begin, before) = (self.now, self.connects());
        while self.connects() == before {
            let (at, _) = self.session.poll_timeout().expect("a session always tries again");
            self.now = self.now.max(at);
            self.fact(Fact::Timeout);
        }
        self.now - begin
    }

    pub(super) fn connects(&self) -> usize {
        self.done.iter().filter(|action| **action == Action::Connect).count()
    }

    pub(super) fn log_on(&mut self) -> Duration {
        let waited = self.next_connect();
        self.fact(Fact::Connected { auth_token: None });
        waited
    }

    pub(super) fn come_online(&mut self) -> Duration {
        let waited = self.log_on();
        self.text(r#"{"success":true,"seq":1}"#);
        self.text(ONLINE_STATUS);
        assert_eq!(*self.state(), LinkState::Online);
        waited
    }

    pub(super) fn state(&self) -> &LinkState {
        let states = self.done.iter().rev().find_map(|action| match action {
            Action::Report(Report::State(state)) => Some(state),
            _ => None,
        });
        states.expect("a state was told")
    }

    pub(super) fn texts(&self) -> Vec<&str> {
        let texts = self.done.iter().filter_map(|action| match action {
            Action::SendText(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    pub(super) fn told(&self) -> Vec<&DownlinkItem> {
        let items = self.done.iter().filter_map(|action| match action {
            Action::Tell(item) => Some(&**item),
            _ => None,
        });
        items.collect()
    }

    pub(super) fn is_fault(&self) -> bool {
        matches!(self.state(), LinkState::Fault { .. })
    }

    pub(super) fn start_over(&mut self) {
        let at = self.now;
        self.fact(Fact::Uplink(UplinkItem::Start { over: OverId(1), at, continues: None }));
    }

    pub(super) fn packet(&mut self) {
        let payload = heapless::Vec::from_slice(&[0x48, 1, 2]).unwrap();
        self.fact(Fact::Uplink(UplinkItem::Packet { over: OverId(1), captured_at: self.now, payload }));
    }
}
