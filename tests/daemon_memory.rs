//! After the log-on the memory of the gateway holds no secret: a real daemon, its memory read from outside.

#![expect(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::indexing_slicing,
    reason = "a test may fail anywhere"
)]

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;

#[path = "support/daemon.rs"]
mod daemon;

use daemon::{CHANNEL, PASSWORD, Server, Site, USER, send};

/// Bytes that are looked for at a time: no accident makes them.
const WINDOW: usize = 16;

/// All that is readable of a process's memory, piece by piece.
fn memory(pid: u32) -> io::Result<Vec<(String, Vec<u8>)>> {
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let mut pieces = Vec::new();
    for map in maps.lines().filter(|map| map.contains(" r")) {
        let (range, rest) = map.split_once(' ').unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let (from, to) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
        let mut piece = vec![0; usize::try_from(to - from).unwrap()];
        // Pages of the kernel's own, and of the program's file, cannot be read or do not matter.
        if memory.read_exact_at(&mut piece, from).is_ok() {
            pieces.push((format!("{range} {}", rest.rsplit(' ').next().unwrap_or_default()), piece));
        }
    }
    Ok(pieces)
}

/// Where these are found.
fn found(pieces: &[(String, Vec<u8>)], needles: &[(String, Vec<u8>)]) -> Vec<String> {
    // Memory is large: two bytes decide at nearly every place.
    let begin = |bytes: &[u8]| usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
    let mut may_begin = vec![false; 1 << 16];
    for (_, needle) in needles {
        may_begin[begin(needle)] = true;
    }
    let mut places = Vec::new();
    for (place, piece) in pieces {
        for at in (0..piece.len().saturating_sub(1)).filter(|at| may_begin[begin(&piece[*at..])]) {
            let here = needles.iter().filter(|(_, needle)| piece[at..].starts_with(needle));
            places.extend(here.map(|(name, _)| format!("{name} in {place}")));
        }
    }
    places
}

/// The private key in every form that it may lie in memory: lines of the file, its bytes, and the numbers in it with the
/// lowest byte first, as libraries reckon.
fn key_needles(pem: &str) -> Vec<(String, Vec<u8>)> {
    let lines: Vec<&str> = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(lines.concat()).unwrap();
    // The modulus, first in the file, is public; behind it come the exponent and the primes.
    let private = &der[300..];
    let mut needles: Vec<(String, Vec<u8>)> = lines[7..]
        .iter()
        .filter(|line| line.len() > WINDOW)
        .map(|line| ("a line of the key".to_owned(), line.as_bytes().to_vec()))
        .collect();
    for (at, bytes) in private.chunks_exact(WINDOW).enumerate().step_by(4) {
        needles.push((format!("the key's bytes at {}", 300 + at * WINDOW), bytes.to_vec()));
        let turned = bytes.iter().rev().copied().collect();
        needles.push((format!("the key's bytes at {}, turned", 300 + at * WINDOW), turned));
    }
    needles
}

#[tokio::test]
async fn after_the_log_on_no_secret_is_left_in_memory() {
    let server = Server::start().await;
    let mut site = Site::new(server.port);
    let pem =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/keys/account.pkcs1.pem"));
    let pem = pem.unwrap();
    site.secret("key.pem", &pem);
    site.zello = format!(
        "service = \"consumer\"\nurl = \"ws://127.0.0.1:{}/ws\"\nchannel = \"{CHANNEL}\"\nusername = \"{USER}\"\n\
         password_file = \"password\"\nissuer = \"WkM6MTIz.YWJj\"\nprivate_key_file = \"key.pem\"\n",
        server.port
    );
    let daemon = site.start_online().await;
    let mut needles = vec![
        ("the password".to_owned(), PASSWORD.as_bytes().to_vec()),
        // The begin of every token that is signed by RS256.
        ("a token".to_owned(), STANDARD.encode(r#"{"typ":"JWT","alg":"RS256"}"#).into_bytes()),
    ];
    needles.extend(key_needles(&pem));

    for pid in [daemon.pid(), daemon.guard_pid()] {
        match memory(pid) {
            Ok(pieces) => {
                assert!(pieces.iter().map(|(_, piece)| piece.len()).sum::<usize>() > 1 << 20);
                // What is not secret shows that the search finds.
                let known = [("the channel".to_owned(), CHANNEL.as_bytes().to_vec())];
                assert!(pid != daemon.pid() || !found(&pieces, &known).is_empty(), "nothing was searched");
                let places = found(&pieces, &needles);
                assert!(places.is_empty(), "{}", places.join("\n"));
            }
            // Not even its own user may look: that is what was asked for.
            Err(refused) => {
                assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied, "{refused}");
                println!("SKIPPED: only root may read the memory of a gateway; nothing was searched");
            }
        }
    }
    daemon.stop().await;
}

#[tokio::test]
async fn neither_daemon_nor_guard_can_gain_privileges_or_leave_a_core() {
    let server = Server::start().await;
    let site = Site::new(server.port);
    let mut daemon = site.start_online().await;
    for pid in [daemon.pid(), daemon.guard_pid()] {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        assert!(status.lines().any(|line| line.split_whitespace().eq(["NoNewPrivs:", "1"])), "{status}");
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");
    }
    // The kernel itself says whether there was a core, by the status of the process.
    send(daemon.pid(), Signal::ABORT);
    let status = daemon.ended().await;
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
}

#[test]
fn a_search_of_memory_finds_what_is_there() {
    // Proves the tool: a process that does have the words in its memory.
    let mut child = Command::new("sleep").arg("60").env("WORDS", PASSWORD).spawn().unwrap();
    let needles = [("the words".to_owned(), PASSWORD.as_bytes().to_vec())];
    match memory(child.id()) {
        Ok(pieces) => assert!(!found(&pieces, &needles).is_empty()),
        Err(refused) => println!("SKIPPED: this user may read no other process's memory: {refused}"),
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
