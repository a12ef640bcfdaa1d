//! Where log lines go: to journald when systemd started us, to stderr otherwise.

use std::io::IsTerminal;
use std::str::FromStr;

use rustix::fs::fstat;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The environment variable with the level (`info`) or levels by module (`info,zello_gateway::net=trace`).
pub const LEVEL_VARIABLE: &str = "ZELLO_GATEWAY_LOG";

/// Starts logging for the whole process; a second call changes nothing.
pub fn start() {
    let asked = std::env::var(LEVEL_VARIABLE).ok();
    let levels = asked.as_deref().map(Targets::from_str);
    let unreadable = matches!(levels, Some(Err(_)));
    let levels =
        levels.and_then(Result::ok).unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let registry = tracing_subscriber::registry().with(levels);
    let started = match tracing_journald::layer() {
        Ok(journal) if stderr_is_the_journal() => registry.with(journal).try_init(),
        Ok(_) | Err(_) => {
            let stderr = tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .with_ansi(std::io::stderr().is_terminal())
                .with_target(false);
            registry.with(stderr).try_init()
        }
    };
    if started.is_ok() && unreadable {
        tracing::warn!(
            value = asked,
            "{LEVEL_VARIABLE} is not understood and ignored; use error, warn, info, debug or trace, or module=level"
        );
    }
}

/// systemd names the device and inode of the stream that it connected to the journal.
fn stderr_is_the_journal() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else { return false };
    fstat(std::io::stderr()).is_ok_and(|stderr| named == format!("{}:{}", stderr.st_dev, stderr.st_ino))
}
