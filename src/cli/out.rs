//! Words to a person: results on stdout, everything about them on stderr.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// Writes what the command was asked for. A reader that has seen enough (`| head`) is no failure.
pub(crate) fn result(text: &str) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => failure(&format!("cannot write to standard output: {error}")),
    }
}

/// Writes a part of what the command was asked for, while it goes on. A reader that is gone is no failure.
pub(crate) fn say(text: &str) {
    let mut stdout = io::stdout().lock();
    drop(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()));
}

/// Says something beside the result.
pub(crate) fn note(text: &str) {
    let mut stderr = io::stderr().lock();
    // Without stderr nobody is left to tell; the exit code still does.
    drop(writeln!(stderr, "{text}").and_then(|()| stderr.flush()));
}

/// Says why the command failed.
pub(crate) fn failure(text: &str) -> ExitCode {
    note(text);
    ExitCode::FAILURE
}
