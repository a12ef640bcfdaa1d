//! A folder with the gateway's configuration and files.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use zello_gateway::config::{self, Config};

/// The channel of all figures.
pub(crate) const CHANNEL: &str = "Bench";

/// A temporary folder, gone with the value.
pub(crate) struct Desk(tempfile::TempDir);

impl Desk {
    /// A folder with a gateway of files that connects to this port; `more` is added to its configuration.
    pub(crate) fn new(port: u16, more: &str) -> Self {
        let desk = Self(tempfile::tempdir().expect("a temporary folder"));
        let text = format!(
            r#"
[zello]
service = "work"
network = "bench"
url = "ws://127.0.0.1:{port}/ws/bench"
channel = "{CHANNEL}"
username = "gateway"
password_file = "password"

[audio]
capture = "wav:radio-hears.wav"
playback = "wav:radio-says.wav"

[ptt.log]
path = "ptt.log"

[cos.fifo]
path = "cos"
{more}"#
        );
        fs::write(desk.path("password"), "secret\n").expect("a file");
        fs::set_permissions(desk.path("password"), fs::Permissions::from_mode(0o600)).expect("a file's mode");
        fs::write(desk.path("gateway.toml"), text).expect("a file");
        desk
    }

    /// The place of a file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The configuration as the gateway reads it.
    pub(crate) fn config(&self) -> Config {
        match config::read(&self.path("gateway.toml")).config {
            Ok(config) => config,
            Err(complaints) => panic!("{complaints}"),
        }
    }
}
