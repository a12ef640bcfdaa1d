//! Why the server closed the connection, and what that asks for (protocol section 2).

use std::time::Duration;

use super::{ErrorClass, ErrorCode};

/// Why a connection ended, from the close frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// No close frame: the transport was lost.
    Lost,
    /// An orderly end without an error; the service recycles its sockets.
    Ended,
    /// 3002 says `not authorized` for a while after a kick too, and that passes by itself.
    NotAuthorized,
    /// The service says that a frame of ours was wrong.
    Protocol(u16),
    /// An error of the service, told by the reason's text or by a code that stands for it.
    Error(ErrorCode),
}

impl CloseReason {
    /// Reads a close frame; `code` is absent when there was none.
    ///
    /// A known error string in the text has the last word: the codes are known from the field only.
    #[must_use]
    pub fn from_frame(code: Option<u16>, text: &str) -> Self {
        let silent = text.trim().is_empty();
        match (ErrorCode::known(text), code) {
            (Some(ErrorCode::NotAuthorized), _) | (None, Some(3002)) => Self::NotAuthorized,
            (Some(error), _) => Self::Error(error),
            (None, Some(3001)) => Self::Error(ErrorCode::UnableToVerify),
            (None, Some(3003)) => Self::Error(ErrorCode::Kicked),
            (None, Some(3004)) => Self::Error(ErrorCode::Banned),
            (None, Some(1011)) => Self::Error(ErrorCode::InternalServerError),
            (None, Some(code @ (1002 | 1003 | 1007..=1010 | 3005))) => Self::Protocol(code),
            (None, None | Some(1006)) if silent => Self::Lost,
            (None, Some(_)) if silent => Self::Ended,
            (None, _) => Self::Error(ErrorCode::Other(text.to_owned())),
        }
    }

    /// Who has to act: Fatal asks for an alarm and a slow probe, everything else for a back-off.
    ///
    /// A close frame answers no stream request. A [`CloseReason::NotAuthorized`] becomes Fatal only when it repeats
    /// although no kick came before; that is for the session to know.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Lost | Self::Ended | Self::NotAuthorized => ErrorClass::Transient,
            Self::Protocol(_) => ErrorClass::Bug,
            Self::Error(error) => error.class(false),
        }
    }

    /// The least time before the next attempt; the back-off may ask for more.
    #[must_use]
    pub fn least_wait(&self) -> Duration {
        match self {
            // Shorter ones were seen to be refused again after a kick.
            Self::NotAuthorized => Duration::from_secs(45),
            // The other holder of the account deserves time to settle, else both kick each other for ever.
            Self::Error(ErrorCode::Kicked) => Duration::from_secs(30),
            Self::Lost | Self::Ended | Self::Protocol(_) | Self::Error(_) => Duration::ZERO,
        }
    }
}

impl std::fmt::Display for CloseReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lost => f.write_str("connection lost"),
            Self::Ended => f.write_str("closed by the server"),
            Self::NotAuthorized => f.write_str("closed by the server: not authorized"),
            Self::Protocol(code) => write!(f, "closed by the server as a protocol error ({code})"),
            Self::Error(error) => write!(f, "closed by the server: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(code: u16, text: &str) -> ErrorClass {
        CloseReason::from_frame(Some(code), text).class()
    }

    #[test]
    fn an_orderly_end_and_a_lost_transport_are_retried() {
        assert_eq!(CloseReason::from_frame(Some(1000), ""), CloseReason::Ended);
        assert_eq!(CloseReason::from_frame(Some(1001), ""), CloseReason::Ended);
        assert_eq!(CloseReason::from_frame(Some(1006), ""), CloseReason::Lost);
        assert_eq!(CloseReason::from_frame(None, ""), CloseReason::Lost);
        assert_eq!(CloseReason::Ended.class(), ErrorClass::Transient);
        assert_eq!(CloseReason::Lost.class(), ErrorClass::Transient);
        assert_eq!(CloseReason::Lost.least_wait(), Duration::ZERO);
    }

    #[test]
    fn refused_credentials_and_a_ban_are_fatal() {
        assert_eq!(class(3001, "unable to verify"), ErrorClass::Fatal);
        assert_eq!(class(3001, ""), ErrorClass::Fatal);
        assert_eq!(class(3004, ""), ErrorClass::Fatal);
    }

    #[test]
    fn not_authorized_waits_out_the_time_after_a_kick() {
        let reason = CloseReason::from_frame(Some(3002), "not authorized");
        assert_eq!(reason, CloseReason::NotAuthorized);
        assert_eq!(reason, CloseReason::from_frame(Some(3002), ""));
        assert_eq!(reason.class(), ErrorClass::Transient);
        assert_eq!(reason.least_wait(), Duration::from_secs(45));
    }

    #[test]
    fn a_kicked_session_waits_before_it_kicks_back() {
        let reason = CloseReason::from_frame(Some(3003), "kicked");
        assert_eq!(reason, CloseReason::Error(ErrorCode::Kicked));
        assert_eq!(reason, CloseReason::from_frame(Some(3003), ""));
        assert_eq!(reason.class(), ErrorClass::Transient);
        assert_eq!(reason.least_wait(), Duration::from_secs(30));
    }

    #[test]
    fn the_text_has_the_last_word() {
        assert_eq!(CloseReason::from_frame(Some(1000), "kicked"), CloseReason::Error(ErrorCode::Kicked));
        assert_eq!(
            CloseReason::from_frame(Some(4999), "gone fishing"),
            CloseReason::Error(ErrorCode::Other("gone fishing".into()))
        );
    }

    #[test]
    fn a_protocol_error_is_our_bug() {
        for code in [1002, 1007, 1009, 3005] {
            assert_eq!(class(code, ""), ErrorClass::Bug);
        }
    }
}
