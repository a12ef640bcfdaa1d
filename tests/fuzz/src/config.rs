//! Configuration files and board files of any content: a configuration or complaints, never a panic.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use zello_gateway::config::{self, Config};

/// A folder with the files that a configuration names, so that good ones can be found.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = match option_env!("CARGO_TARGET_TMPDIR") {
        Some(target) => Path::new(target).join("hostile"),
        None => std::env::temp_dir().join(format!("zello-gateway-fuzz-{}", std::process::id())),
    };
    fs::create_dir_all(&folder).expect("a folder for the files");
    for (name, content) in
        [("password", "secret\n"), ("key.pem", include_str!("../../data/keys/account.pkcs1.pem"))]
    {
        let path = folder.join(name);
        fs::write(&path, content).expect("a secret");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a secret of our own");
    }
    folder
});

/// Good in itself; the board adds the rest.
const WITH_BOARD: &str = r#"board = "./board.toml"
[zello]
service = "work"
network = "acme"
channel = "hill"
username = "gateway"
password_file = "password"
"#;

/// Good, and nearly all of it defaults.
const USUAL: &str = r#"
[zello]
service = "work"
network = "acme"
channel = "hill"
username = "gateway"
password_file = "password"
[audio]
capture = "none"
playback = "wav:says.wav"
[ptt.log]
path = "ptt.log"
[cos.none]
"#;

/// A file of `zello-gateway run`.
pub fn config(bytes: &[u8]) {
    if names_devices(bytes) {
        return;
    }
    let path = FOLDER.join("gateway.toml");
    fs::write(&path, bytes).expect("a file to read");
    read(&path);
}

/// A board file of one's own.
pub fn board(bytes: &[u8]) {
    if names_devices(bytes) {
        return;
    }
    fs::write(FOLDER.join("board.toml"), bytes).expect("a board to read");
    let path = FOLDER.join("with-board.toml");
    fs::write(&path, WITH_BOARD).expect("a file to read");
    read(&path);
}

/// A good configuration: the defaults, and what has none.
pub fn usual() -> Config {
    let path = FOLDER.join("usual.toml");
    fs::write(&path, USUAL).expect("a file to read");
    config::read_with(&path, None).config.expect("a good configuration")
}

fn read(path: &Path) {
    let report = config::read_with(path, None);
    for note in &report.advice {
        assert!(!note.to_string().is_empty());
    }
    match report.config {
        Ok(config) => assert!(!config.zello.url.is_empty() && !report.effective.is_empty()),
        Err(complaints) => {
            assert!(!complaints.is_empty());
            assert!(!complaints.to_string().is_empty());
        }
    }
}

/// A configuration may name any file. Devices, some of which never end, are not for the fuzzer to read.
fn names_devices(bytes: &[u8]) -> bool {
    ["/dev", "/proc", "/sys"].iter().any(|root| bytes.windows(root.len()).any(|part| part == root.as_bytes()))
}
