//! Error strings of the service and what each asks for (protocol section 8).

/// Who has to act on an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// A person must change the configuration; probe slowly.
    Fatal,
    /// Passes by itself; retry with back-off.
    Transient,
    /// Concerns one stream; the session stays.
    Stream,
    /// We sent something wrong; log it and go on.
    Bug,
}

/// An error string of the service. It arrives in a reply, in `on_error`, in a channel's status or as the reason of a
/// close frame, and means the same in all four places.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// `unknown command`: The server does not know the command.
    UnknownCommand,
    /// `internal server error`: A fault of the server.
    InternalServerError,
    /// `invalid json`: The text frame could not be read.
    InvalidJson,
    /// `invalid request`: A field has a value that the server does not take, as frames of 5 ms.
    InvalidRequest,
    /// `not authorized`: Username, password or token are wrong, or the clock of this machine made the token expire.
    NotAuthorized,
    /// `not logged in`: A command came before the log-on was through.
    NotLoggedIn,
    /// `not enough params`: A field is missing; on a log-on to the consumer service: the token.
    NotEnoughParams,
    /// `server closed connection`: The server lost its own back end.
    ServerClosedConnection,
    /// `channel is not ready`: Not online yet, a wrong name, or audio before the reply to `start_stream`.
    ChannelIsNotReady,
    /// `listen only connection`: This log-on may never send.
    ListenOnlyConnection,
    /// `failed to start stream`: Not possible at this moment; often somebody else talks.
    FailedToStartStream,
    /// `failed to stop stream`: The stream was over already.
    FailedToStopStream,
    /// `failed to send data`: A packet was not taken.
    FailedToSendData,
    /// `invalid audio packet`: A binary frame could not be read.
    InvalidAudioPacket,
    /// `channels limit exceeded`: More channels than the service allows.
    ChannelsLimitExceeded,
    /// `channel busy`: Another user is talking.
    ChannelBusy,
    /// `invalid username`: Unknown account, or a refresh token without username.
    InvalidUsername,
    /// `invalid password`: Of the account on log-on, of the channel in a status.
    InvalidPassword,
    /// `invalid credentials`: Wrong credentials or wrong Work network.
    InvalidCredentials,
    /// `no permission`: A refresh token was refused; otherwise the account may not do this.
    NoPermission,
    /// `suspended`: The Work network is suspended.
    Suspended,
    /// `unable to verify`: The server could not check the credentials, or they are wrong.
    UnableToVerify,
    /// `kicked`: The same account logged on elsewhere, or was removed.
    Kicked,
    /// `banned`: The account is shut out.
    Banned,
    /// `woodpecker prohibited`: Too many overs that were too short.
    WoodpeckerProhibited,
    /// `empty message`: A stream was stopped without any audio.
    EmptyMessage,
    /// `invalid stream id`: A packet or stop for a stream that is over.
    InvalidStreamId,
    /// `failed to start sending message`: Older spelling of `failed to start stream`.
    FailedToStartSendingMessage,
    /// `failed to stop sending message`: Older spelling of `failed to stop stream`.
    FailedToStopSendingMessage,
    /// `channel_closed`: The channel was closed.
    ChannelClosed,
    /// A string that no document names.
    Other(String),
}

/// Characters that are kept of an unknown error: every known one has less than 40, and it goes into the log.
const LONGEST_OTHER: usize = 200;

/// Every error that has a name, with its string on the wire.
const KNOWN: [(ErrorCode, &str); 30] = [
    (ErrorCode::UnknownCommand, "unknown command"),
    (ErrorCode::InternalServerError, "internal server error"),
    (ErrorCode::InvalidJson, "invalid json"),
    (ErrorCode::InvalidRequest, "invalid request"),
    (ErrorCode::NotAuthorized, "not authorized"),
    (ErrorCode::NotLoggedIn, "not logged in"),
    (ErrorCode::NotEnoughParams, "not enough params"),
    (ErrorCode::ServerClosedConnection, "server closed connection"),
    (ErrorCode::ChannelIsNotReady, "channel is not ready"),
    (ErrorCode::ListenOnlyConnection, "listen only connection"),
    (ErrorCode::FailedToStartStream, "failed to start stream"),
    (ErrorCode::FailedToStopStream, "failed to stop stream"),
    (ErrorCode::FailedToSendData, "failed to send data"),
    (ErrorCode::InvalidAudioPacket, "invalid audio packet"),
    (ErrorCode::ChannelsLimitExceeded, "channels limit exceeded"),
    (ErrorCode::ChannelBusy, "channel busy"),
    (ErrorCode::InvalidUsername, "invalid username"),
    (ErrorCode::InvalidPassword, "invalid password"),
    (ErrorCode::InvalidCredentials, "invalid credentials"),
    (ErrorCode::NoPermission, "no permission"),
    (ErrorCode::Suspended, "suspended"),
    (ErrorCode::UnableToVerify, "unable to verify"),
    (ErrorCode::Kicked, "kicked"),
    (ErrorCode::Banned, "banned"),
    (ErrorCode::WoodpeckerProhibited, "woodpecker prohibited"),
    (ErrorCode::EmptyMessage, "empty message"),
    (ErrorCode::InvalidStreamId, "invalid stream id"),
    (ErrorCode::FailedToStartSendingMessage, "failed to start sending message"),
    (ErrorCode::FailedToStopSendingMessage, "failed to stop sending message"),
    (ErrorCode::ChannelClosed, "channel_closed"),
];

impl ErrorCode {
    /// Reads the string of the wire; case and stray blanks do not matter. Of what nobody knows the begin is kept.
    #[must_use]
    pub fn from_wire(text: &str) -> Self {
        // Cut first, so that it is the same when it is written and read again.
        let end = text.char_indices().nth(LONGEST_OTHER).map_or(text.len(), |(end, _)| end);
        let text = text.get(..end).unwrap_or(text);
        Self::known(text).unwrap_or_else(|| Self::Other(text.to_owned()))
    }

    /// The error that has this name.
    pub(super) fn known(text: &str) -> Option<Self> {
        KNOWN.iter().find(|(_, known)| known.eq_ignore_ascii_case(text.trim())).map(|(code, _)| code.clone())
    }

    /// The string of the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::UnknownCommand => "unknown command",
            Self::InternalServerError => "internal server error",
            Self::InvalidJson => "invalid json",
            Self::InvalidRequest => "invalid request",
            Self::NotAuthorized => "not authorized",
            Self::NotLoggedIn => "not logged in",
            Self::NotEnoughParams => "not enough params",
            Self::ServerClosedConnection => "server closed connection",
            Self::ChannelIsNotReady => "channel is not ready",
            Self::ListenOnlyConnection => "listen only connection",
            Self::FailedToStartStream => "failed to start stream",
            Self::FailedToStopStream => "failed to stop stream",
            Self::FailedToSendData => "failed to send data",
            Self::InvalidAudioPacket => "invalid audio packet",
            Self::ChannelsLimitExceeded => "channels limit exceeded",
            Self::ChannelBusy => "channel busy",
            Self::InvalidUsername => "invalid username",
            Self::InvalidPassword => "invalid password",
            Self::InvalidCredentials => "invalid credentials",
            Self::NoPermission => "no permission",
            Self::Suspended => "suspended",
            Self::UnableToVerify => "unable to verify",
            Self::Kicked => "kicked",
            Self::Banned => "banned",
            Self::WoodpeckerProhibited => "woodpecker prohibited",
            Self::EmptyMessage => "empty message",
            Self::InvalidStreamId => "invalid stream id",
            Self::FailedToStartSendingMessage => "failed to start sending message",
            Self::FailedToStopSendingMessage => "failed to stop sending message",
            Self::ChannelClosed => "channel_closed",
            Self::Other(text) => text,
        }
    }

    /// Who has to act. An unknown string is of class Stream if it answers a stream request, else Transient.
    ///
    /// `UnableToVerify` is Fatal, because both of its causes ask for an alarm and a slow probe; in a channel's status
    /// without `configuration` it tells of an outage and passes. `ListenOnlyConnection` is of class Stream, so that
    /// the session goes on hearing: see [`ErrorCode::forbids_sending`].
    #[must_use]
    pub fn class(&self, answers_stream_request: bool) -> ErrorClass {
        let stream_or = |otherwise| {
            if answers_stream_request { ErrorClass::Stream } else { otherwise }
        };
        match self {
            Self::UnknownCommand | Self::InvalidJson | Self::NotLoggedIn | Self::InvalidAudioPacket => {
                ErrorClass::Bug
            }
            Self::InvalidRequest => stream_or(ErrorClass::Bug),
            Self::NotEnoughParams if answers_stream_request => ErrorClass::Bug,
            Self::NotEnoughParams
            | Self::NotAuthorized
            | Self::ChannelsLimitExceeded
            | Self::InvalidUsername
            | Self::InvalidPassword
            | Self::InvalidCredentials
            | Self::Suspended
            | Self::UnableToVerify
            | Self::Banned => ErrorClass::Fatal,
            Self::NoPermission => stream_or(ErrorClass::Fatal),
            Self::InternalServerError | Self::ServerClosedConnection | Self::Kicked | Self::ChannelClosed => {
                ErrorClass::Transient
            }
            Self::ChannelIsNotReady | Self::Other(_) => stream_or(ErrorClass::Transient),
            Self::ListenOnlyConnection
            | Self::FailedToStartStream
            | Self::FailedToStopStream
            | Self::FailedToSendData
            | Self::ChannelBusy
            | Self::WoodpeckerProhibited
            | Self::EmptyMessage
            | Self::InvalidStreamId
            | Self::FailedToStartSendingMessage
            | Self::FailedToStopSendingMessage => ErrorClass::Stream,
        }
    }

    /// Nothing can be sent on this session, whatever is tried; it can still be heard.
    #[must_use]
    pub fn forbids_sending(&self) -> bool {
        *self == Self::ListenOnlyConnection
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_string_of_megabytes_is_cut() {
        let error = ErrorCode::from_wire(&"ü".repeat(1 << 20));
        assert_eq!(error.as_str().chars().count(), LONGEST_OTHER);
        let padded = format!("kicked{}!", " ".repeat(LONGEST_OTHER));
        assert_eq!(
            ErrorCode::from_wire(&padded),
            ErrorCode::Kicked,
            "the same when it is written and read again"
        );
    }

    #[test]
    fn every_known_string_is_read_and_written_back() {
        for (code, text) in KNOWN {
            assert_eq!(ErrorCode::from_wire(text), code);
            assert_eq!(code.as_str(), text);
            assert_eq!(code.to_string(), text);
        }
    }

    #[test]
    fn an_unknown_string_is_kept_as_it_came() {
        let code = ErrorCode::from_wire(" Flux Capacitor empty ");
        assert_eq!(code.as_str(), " Flux Capacitor empty ");
        assert_eq!(code.class(true), ErrorClass::Stream);
        assert_eq!(code.class(false), ErrorClass::Transient);
    }

    #[test]
    fn an_endless_error_is_cut() {
        assert_eq!(ErrorCode::from_wire(&"ü".repeat(1 << 20)).as_str(), "ü".repeat(LONGEST_OTHER));
    }

    #[test]
    fn case_and_blanks_do_not_hide_a_known_error() {
        assert_eq!(ErrorCode::from_wire("Kicked "), ErrorCode::Kicked);
    }

    #[test]
    fn wrong_credentials_are_for_a_person_to_mend() {
        for text in [
            "not authorized",
            "invalid username",
            "invalid password",
            "invalid credentials",
            "no permission",
            "not enough params",
            "channels limit exceeded",
            "suspended",
            "banned",
        ] {
            assert_eq!(ErrorCode::from_wire(text).class(false), ErrorClass::Fatal, "{text}");
        }
    }

    #[test]
    fn an_error_that_answers_a_stream_request_never_ends_the_session() {
        for text in [
            "channel is not ready",
            "listen only connection",
            "failed to start stream",
            "channel busy",
            "invalid request",
            "no permission",
            "woodpecker prohibited",
            "empty message",
            "invalid stream id",
            "failed to send data",
        ] {
            assert_eq!(ErrorCode::from_wire(text).class(true), ErrorClass::Stream, "{text}");
        }
    }

    #[test]
    fn faults_of_the_service_pass_by_themselves() {
        for text in [
            "internal server error",
            "server closed connection",
            "kicked",
            "channel_closed",
            "channel is not ready",
        ] {
            assert_eq!(ErrorCode::from_wire(text).class(false), ErrorClass::Transient, "{text}");
        }
    }

    #[test]
    fn only_a_listen_only_log_on_forbids_sending() {
        let forbidding = KNOWN.iter().filter(|(code, _)| code.forbids_sending());
        assert_eq!(forbidding.count(), 1);
        assert!(ErrorCode::ListenOnlyConnection.forbids_sending());
    }
}
