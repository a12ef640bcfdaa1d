//! A folder with configurations and the files that they name: good secrets, bad ones, and none.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare itself has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A temporary folder, gone with the value.
pub(crate) struct Desk(tempfile::TempDir);

impl Desk {
    /// A folder with all the files of `tests/data/config`'s configurations.
    pub(crate) fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        let key = fs::read(data("keys/account.pkcs1.pem")).unwrap();
        desk.write("password", b"hunter2\n", 0o600);
        desk.write("open-password", b"hunter2\n", 0o644);
        desk.write("key.pem", &key, 0o600);
        desk.write("open-key.pem", &key, 0o640);
        desk.write("token", format!("{}\n", desk.token()).as_bytes(), 0o600);
        desk.write("empty", b"\n", 0o600);
        let ca = rcgen::generate_simple_self_signed(["zello.test".to_owned()]).unwrap();
        desk.write("ca.pem", ca.cert.pem().as_bytes(), 0o644);
        desk.write("own-board.toml", &fs::read(data("own-board.toml")).unwrap(), 0o644);
        fs::create_dir(desk.path("folder")).unwrap();
        fs::create_dir(desk.path("credentials")).unwrap();
        desk.write("credentials/password", b"from systemd", 0o440);
        desk
    }

    /// A development token that ends in the year 2100, signed by nobody.
    #[expect(clippy::unused_self, reason = "reads better at the callers")]
    pub(crate) fn token(&self) -> String {
        "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJXa002TVRJei5hYmM9IiwiZXhwIjo0MTAyNDQ0ODAwLCJhenAiOiJkZXYifQ.aHVudGVyMg"
            .to_owned()
    }

    /// The place of a file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Puts a configuration of `tests/data/config` on the desk.
    pub(crate) fn fixture(&self, name: &str) -> PathBuf {
        let text = fs::read(data(&format!("config/{name}.toml"))).unwrap();
        self.write("gw.toml", &text, 0o644)
    }

    /// Writes a file with a mode.
    pub(crate) fn write(&self, name: &str, bytes: &[u8], mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// The text with the folder's name replaced, which differs each time.
    pub(crate) fn without_paths(&self, text: &str) -> String {
        text.replace(&self.0.path().display().to_string(), "DESK")
    }
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}
