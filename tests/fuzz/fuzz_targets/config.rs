//! Configuration files of any content: a configuration or complaints, never a panic.

#![no_main]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use zello_gateway::config;

/// A folder with the files that a configuration names, so that good ones can be found.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("zello-gateway-fuzz-{}", std::process::id()));
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

fuzz_target!(|bytes: &[u8]| {
    // A configuration may name any file. Devices, some of which never end, are not for the fuzzer to read.
    if ["/dev", "/proc", "/sys"]
        .iter()
        .any(|root| bytes.windows(root.len()).any(|part| part == root.as_bytes()))
    {
        return;
    }
    let path = FOLDER.join("gateway.toml");
    fs::write(&path, bytes).expect("a file to read");
    let report = config::read_with(&path, None);
    for note in report.advice.iter() {
        assert!(!note.to_string().is_empty());
    }
    match report.config {
        Ok(config) => assert!(!config.zello.url.is_empty() && !report.effective.is_empty()),
        Err(complaints) => {
            assert!(!complaints.is_empty());
            assert!(!complaints.to_string().is_empty());
        }
    }
});
