//! The commands.
pub mod sim;
use std::process::ExitCode;
/// Runs the command of the arguments.
#[must_use]
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
