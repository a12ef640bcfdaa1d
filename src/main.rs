//! The program: reads its arguments, runs a command, and ends with its exit code.

use std::alloc::System;
use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

/// Overwrites all memory that is freed: the JSON of the log-on, buffers of files and of TLS, numbers of an RSA key. Real-time
/// threads free nothing.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    zello_gateway::cli::main()
}
