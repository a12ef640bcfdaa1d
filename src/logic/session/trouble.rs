//! Why there is no link, who has to act, and what that person should do.

use std::fmt;

use super::state::Deadline;
use crate::logic::outbox::Ghost;
use crate::zello::{CloseReason, ErrorCode};

/// A connect that came to nothing, as the shell saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectFailure {
    /// What kind, for the back-off.
    pub kind: ConnectKind,
    /// Host, what failed, what the system said, what to do; for the log.
    pub text: String,
}

/// Kinds of failed connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectKind {
    /// The name has no address, or there is no name server.
    Dns,
    /// No TCP connection: refused, unreachable, reset.
    Tcp,
    /// No TLS: certificate, version.
    Tls,
    /// The server's certificate is not valid at the time that the clock of this machine tells.
    CertificateTime,
    /// The server answered the upgrade with this HTTP status.
    Http(u16),
    /// The server is no WebSocket server, or broke off.
    WebSocket,
    /// Something took too long.
    TimedOut,
    /// The address, a certificate file or the key cannot be used.
    Settings,
    /// The token that a person pasted has ended.
    Token,
    /// The clock of this machine is not set: nothing was tried.
    Clock,
}

/// Where an error string was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The reply to `logon`.
    Logon,
    /// `on_error`.
    Event,
    /// The reply to a stream request.
    Stream,
}

/// Why there is no link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The connect failed.
    Connect(ConnectFailure),
    /// The server told an error that ends the session.
    Refused {
        /// Where.
        place: Place,
        /// What.
        error: ErrorCode,
    },
    /// The channel can never be entered with these credentials.
    Channel(Option<ErrorCode>),
    /// The server closed the connection.
    Closed(CloseReason),
    /// The transport failed; the system's words.
    Lost(String),
    /// Something did not come in time.
    TimedOut(Deadline),
    /// The connection takes no overs.
    Ghost(Ghost),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(failure) => f.write_str(&failure.text),
            Self::Refused { place: Place::Logon, error } => write!(f, "log-on refused: {error}"),
            Self::Refused { place: Place::Event, error } => write!(f, "the server reports: {error}"),
            Self::Refused { place: Place::Stream, error } => write!(f, "start_stream refused: {error}"),
            Self::Channel(Some(error)) => write!(f, "the channel cannot be entered: {error}"),
            Self::Channel(None) => f.write_str("the channel cannot be entered with this account"),
            Self::Closed(reason) => reason.fmt(f),
            Self::Lost(text) => write!(f, "connection lost: {text}"),
            Self::TimedOut(deadline) => f.write_str(deadline.complaint()),
            Self::Ghost(Ghost::StartsUnanswered) => {
                f.write_str("the server does not answer start_stream: the connection is a ghost")
            }
            Self::Ghost(Ghost::NotReady) => f.write_str("the channel stays \"not ready\""),
        }
    }
}

impl Trouble {
    /// The error string in it, wherever it was found.
    #[must_use]
    pub fn error(&self) -> Option<&ErrorCode> {
        match self {
            Self::Refused { error, .. } | Self::Closed(CloseReason::Error(error)) => Some(error),
            Self::Channel(error) => error.as_ref(),
            Self::Closed(CloseReason::NotAuthorized) => Some(&ErrorCode::NotAuthorized),
            Self::Connect(_)
            | Self::Closed(CloseReason::Lost | CloseReason::Ended | CloseReason::Protocol(_))
            | Self::Lost(_)
            | Self::TimedOut(_)
            | Self::Ghost(_) => None,
        }
    }

    /// Whether its words are few and ours, not made up by the server or the system.
    #[must_use]
    pub fn is_in_our_words(&self) -> bool {
        match self {
            Self::Connect(failure) => match failure.kind {
                ConnectKind::Settings | ConnectKind::Token | ConnectKind::Clock => true,
                ConnectKind::Dns
                | ConnectKind::Tcp
                | ConnectKind::Tls
                | ConnectKind::CertificateTime
                | ConnectKind::Http(_)
                | ConnectKind::WebSocket
                | ConnectKind::TimedOut => false,
            },
            Self::Lost(_) => false,
            Self::Refused { .. }
            | Self::Channel(_)
            | Self::Closed(_)
            | Self::TimedOut(_)
            | Self::Ghost(_) => !matches!(self.error(), Some(ErrorCode::Other(_))),
        }
    }

    /// Whether a clock that is wrong may be to blame: certificates and tokens are told by it.
    pub(super) fn is_about_time(&self) -> bool {
        match self {
            Self::Connect(failure) => {
                matches!(failure.kind, ConnectKind::Clock | ConnectKind::CertificateTime | ConnectKind::Token)
            }
            Self::Refused { error, .. } => *error == ErrorCode::NotAuthorized,
            Self::Closed(reason) => *reason == CloseReason::NotAuthorized,
            Self::Channel(_) | Self::Lost(_) | Self::TimedOut(_) | Self::Ghost(_) => false,
        }
    }

    /// What a person can do, where there is something.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        if matches!(self, Self::Channel(_)) {
            return Some(
                "check channel in [zello], letter by letter; channels with a password are not open to gateways",
            );
        }
        if matches!(self, Self::TimedOut(Deadline::Online)) {
            return Some("check channel in [zello], letter by letter, and that the account may enter it");
        }
        if matches!(self, Self::TimedOut(Deadline::Connect | Deadline::LogonReply)) {
            return Some(
                "check that this machine reaches the internet, that no firewall or proxy is between, and url or \
                 server in [zello]",
            );
        }
        self.error().and_then(remedy)
    }
}

fn remedy(error: &ErrorCode) -> Option<&'static str> {
    let hints = [
        (
            ErrorCode::NotAuthorized,
            "check username, password_file, issuer and private_key_file in [zello], and the clock of this machine",
        ),
        (ErrorCode::InvalidUsername, "check username in [zello]"),
        (ErrorCode::InvalidPassword, "check password_file in [zello]"),
        (ErrorCode::InvalidCredentials, "check username, password_file and network in [zello]"),
        (ErrorCode::UnableToVerify, "check username, password_file and network in [zello]"),
        (ErrorCode::NotEnoughParams, "the service wants a token: issuer and private_key_file in [zello]"),
        (ErrorCode::NoPermission, "the account may not do this: ask the channel's owner"),
        (ErrorCode::ChannelsLimitExceeded, "one channel an account: end the other log-ons"),
        (ErrorCode::Suspended, "the network is suspended: ask Zello or its administrator"),
        (ErrorCode::Banned, "the account is shut out: ask the channel's owner"),
        (ErrorCode::Kicked, "the same account logged on elsewhere: give this gateway an account of its own"),
    ];
    hints.iter().find(|(known, _)| known == error).map(|(_, hint)| *hint)
}
