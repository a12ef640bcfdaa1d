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

/// An error string of the service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// `not authorized` (the other known strings follow here).
    NotAuthorized,
    /// A string that no document names.
    Other(String),
}

impl ErrorCode {
    /// Reads the string of the wire.
    #[must_use]
    pub fn from_wire(text: &str) -> Self {
        let _ = text;
        todo!()
    }

    /// The string of the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        todo!()
    }

    /// Who has to act. An unknown string is of class Stream if it answers a stream request, else Transient.
    #[must_use]
    pub fn class(&self, answers_stream_request: bool) -> ErrorClass {
        let _ = answers_stream_request;
        todo!()
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
