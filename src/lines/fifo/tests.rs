//! Real named pipes in a folder of the test's own.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use super::*;

/// More than any machine needs to bring a byte through a pipe.
const AMPLE: Duration = Duration::from_secs(20);

fn fifo() -> (tempfile::TempDir, PathBuf, FifoCos) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cos");
    let mut cos = FifoCos::open(&path).unwrap();
    assert_eq!(levels(&mut cos, 1), [false], "the state is told at once");
    (folder, path, cos)
}

/// A writer comes, writes and goes.
fn write(path: &Path, text: &str) {
    OpenOptions::new().write(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn levels(cos: &mut FifoCos, count: usize) -> Vec<bool> {
    (0..count).map(|_| cos.wait(AMPLE).unwrap().unwrap().open).collect()
}

#[test]
fn a_missing_pipe_is_made_for_its_owner_alone() {
    let (_folder, path, _cos) = fifo();
    let facts = fs::metadata(path).unwrap();
    assert!(facts.file_type().is_fifo());
    assert_eq!(facts.permissions().mode() & 0o077, 0);
}

#[test]
fn writers_come_and_go_and_half_lines_are_joined() {
    let (_folder, path, mut cos) = fifo();
    write(&path, "on\n");
    assert_eq!(levels(&mut cos, 1), [true]);
    write(&path, "of");
    write(&path, "f\n");
    assert_eq!(levels(&mut cos, 1), [false]);
}

#[test]
fn only_changes_are_told_each_with_its_time() {
    let (_folder, path, mut cos) = fifo();
    let before = Instant::now();
    write(&path, "off\nnonsense\non\nON\noff\n");
    let opened = cos.wait(AMPLE).unwrap().unwrap();
    assert!(opened.open && opened.at >= before && opened.at <= Instant::now());
    assert_eq!(levels(&mut cos, 1), [false]);
    assert_eq!(cos.wait(Duration::ZERO).unwrap(), None);
}

#[test]
fn a_pipe_that_vanishes_or_is_replaced_is_a_named_error_and_can_be_made_anew() {
    let (_folder, path, mut cos) = fifo();
    fs::remove_file(&path).unwrap();
    let text = cos.wait(AMPLE).unwrap_err().to_string();
    assert!(text.contains(path.to_str().unwrap()) && text.contains("vanished"), "{text}");

    let mut cos = FifoCos::open(&path).unwrap();
    // The old pipe lives on under another name, so that the new one cannot get its inode.
    fs::rename(&path, path.with_extension("old")).unwrap();
    let mut anew = FifoCos::open(&path).unwrap();
    assert_eq!(levels(&mut cos, 1), [false]);
    assert!(matches!(cos.wait(AMPLE), Err(LineError::FifoVanished { .. })));
    write(&path, "on\n");
    assert_eq!(levels(&mut anew, 2), [false, true]);
}

#[test]
fn another_kind_of_file_in_its_place_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cos");
    fs::write(&path, "precious").unwrap();
    let text = FifoCos::open(&path).unwrap_err().to_string();
    assert!(text.contains("is a file, not a named pipe"), "{text}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");

    let socket = folder.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    for (path, kind) in
        [(folder.path(), "a folder"), (&socket, "a socket"), (Path::new("/dev/null"), "a device")]
    {
        let text = FifoCos::open(path).unwrap_err().to_string();
        assert!(text.contains(kind), "{text}");
    }
}

#[test]
fn a_folder_that_is_missing_is_named() {
    let text = FifoCos::open(Path::new("/nowhere/cos")).unwrap_err().to_string();
    assert!(text.contains("cannot make the named pipe /nowhere/cos: No such file"), "{text}");
}
