//! The program: reads its arguments, runs a command, and ends with its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    zello_gateway::cli::main()
}
