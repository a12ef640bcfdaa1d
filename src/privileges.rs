//! What a process of the gateway gives up for good when it starts.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::set_no_new_privs;

/// Gives up two things that neither daemon nor guard ever needs. For all threads and children to come when it runs before
/// there are any:
///
/// * New privileges: no program that is started can be more than this one.
/// * Core dumps: a core file would hold passwords and keys.
///
/// # Errors
/// The system's words and what was refused; nothing else depends on it.
pub fn give_up() -> Result<(), (&'static str, io::Error)> {
    set_no_new_privs(true).map_err(|refused| ("no new privileges", refused.into()))?;
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(|refused| ("no core dumps", refused.into()))
}

/// Gives up the same, and being looked into: no other process of the same user may read this one's memory or trace it, and
/// a crash handler behind a pipe, for which the limit of core files does not count, gets nothing. A process may still look
/// at itself, and root at everything.
///
/// For whoever knows secrets. The guard knows none, is a program of its own to the kernel, and must be found by `ptt off`
/// when its daemon has died.
///
/// # Errors
/// As [`give_up`].
pub fn hide() -> Result<(), (&'static str, io::Error)> {
    give_up()?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|refused| ("no look into this process", refused.into()))
}
