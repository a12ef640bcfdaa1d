//! What a trouble asks for: how long to wait, and whether a person must act.

use std::time::{Duration, Instant};

use super::credentials::Credentials;
use super::trouble::{ConnectKind, Trouble};
use crate::logic::backoff::{Backoff, Cause, KICKS_MANY};
use crate::zello::{CloseReason, ErrorClass, ErrorCode};

/// For so long after a kick, `not authorized` passes by itself (protocol section 8).
pub(super) const KICK_SHADOW: Duration = Duration::from_secs(120);
/// So many refusals of fresh tokens in a row are no accident.
const DENIALS_MAX: u32 = 2;

/// What a trouble asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sentence {
    /// When to connect again.
    pub(super) until: Instant,
    /// A person must mend it.
    pub(super) fault: bool,
    /// A clock that is set may mend it at once.
    pub(super) by_clock: bool,
}

/// Remembers what makes the same words mean different things.
#[derive(Debug)]
pub(super) struct Judge {
    backoff: Backoff,
    kicked_at: Option<Instant>,
    denials: u32,
}

impl Judge {
    pub(super) fn new(seed: u64) -> Self {
        Self { backoff: Backoff::new(seed), kicked_at: None, denials: 0 }
    }

    pub(super) fn connecting(&mut self, now: Instant) {
        self.backoff.connecting(now);
    }

    /// The channel is online for the first time on this connection.
    pub(super) fn online(&mut self) {
        self.denials = 0;
    }

    pub(super) fn was_online(&mut self, how_long: Duration) {
        self.backoff.was_online(how_long);
    }

    /// When to connect if nothing is wrong any more.
    pub(super) fn soonest(&self, now: Instant) -> Instant {
        self.backoff.soonest(now)
    }

    /// What a trouble asks for.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        trouble: &Trouble,
        credentials: &mut Credentials,
    ) -> Sentence {
        let cause = self.cause(now, trouble, credentials);
        let until = self.backoff.next(now, cause);
        // A kick or two pass by themselves. Gateways that fight for an account do not, however long each of them waits.
        let fights = cause == Cause::Kicked && self.backoff.kicks() >= KICKS_MANY;
        let passes = matches!(cause, Cause::Ordinary | Cause::Clock | Cause::Fatal);
        Sentence {
            until,
            fault: cause == Cause::Fatal || fights,
            by_clock: passes && trouble.is_about_time(),
        }
    }

    fn cause(&mut self, now: Instant, trouble: &Trouble, credentials: &mut Credentials) -> Cause {
        match trouble {
            Trouble::Connect(failure) => connect_cause(failure.kind),
            Trouble::Channel(_) => Cause::Fatal,
            Trouble::Closed(CloseReason::NotAuthorized) => self.denied(now, credentials, Cause::Unwelcome),
            Trouble::Refused { error: ErrorCode::NotAuthorized, .. } => {
                self.denied(now, credentials, Cause::Ordinary)
            }
            Trouble::Refused { error, .. } | Trouble::Closed(CloseReason::Error(error)) => {
                self.error(now, error, credentials)
            }
            Trouble::Closed(CloseReason::Lost | CloseReason::Ended | CloseReason::Protocol(_))
            | Trouble::Lost(_)
            | Trouble::TimedOut(_)
            | Trouble::Ghost(_) => Cause::Ordinary,
        }
    }

    fn error(&mut self, now: Instant, error: &ErrorCode, credentials: &mut Credentials) -> Cause {
        if *error == ErrorCode::Kicked {
            self.kicked_at = Some(now);
            return Cause::Kicked;
        }
        match error.class(false) {
            ErrorClass::Fatal if credentials.refused() => Cause::Ordinary,
            ErrorClass::Fatal => Cause::Fatal,
            ErrorClass::Transient | ErrorClass::Stream | ErrorClass::Bug => Cause::Ordinary,
        }
    }

    /// `not authorized`: the token may be stale, a kick may cast its shadow; only what repeats is a fault.
    fn denied(&mut self, now: Instant, credentials: &mut Credentials, first: Cause) -> Cause {
        if credentials.refused() {
            return Cause::Ordinary;
        }
        if self.kicked_at.is_some_and(|at| now.saturating_duration_since(at) < KICK_SHADOW) {
            return Cause::Unwelcome;
        }
        self.denials = self.denials.saturating_add(1);
        if self.denials >= DENIALS_MAX { Cause::Fatal } else { first }
    }
}

fn connect_cause(kind: ConnectKind) -> Cause {
    match kind {
        ConnectKind::Clock => Cause::Clock,
        ConnectKind::Http(429) => Cause::Throttled,
        // Other refusals of the address itself: a proxy, a wrong host, a wrong path. 408 and 425 ask to try again.
        ConnectKind::Http(400..=407 | 409..=424 | 426..=499) | ConnectKind::Settings | ConnectKind::Token => {
            Cause::Fatal
        }
        ConnectKind::Dns
        | ConnectKind::Tcp
        | ConnectKind::Tls
        | ConnectKind::CertificateTime
        | ConnectKind::Http(_)
        | ConnectKind::WebSocket
        | ConnectKind::TimedOut => Cause::Ordinary,
    }
}
