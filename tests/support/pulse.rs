//! A PulseAudio of its own with null sinks, seen through libasound: real devices with real pacing, without a card.

#![allow(dead_code, reason = "each test file uses its part")]
#![expect(clippy::expect_used, reason = "a test harness fails by panicking")]

use std::fmt::Write;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The server; it ends with this value.
pub(crate) struct Pulse {
    server: Child,
    dir: tempfile::TempDir,
    socket: PathBuf,
}

impl Pulse {
    /// Starts a server with one null sink for each of `sinks`.
    ///
    /// For the sink `x` there are the ALSA devices `x` (to play to it) and `x_monitor` (to hear what was played).
    ///
    /// # Panics
    /// When PulseAudio is not installed or does not start: these tests must not pass without it.
    pub(crate) fn start(sinks: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let socket = dir.path().join("native");
        let mut script =
            format!("load-module module-native-protocol-unix auth-anonymous=1 socket={}\n", socket.display());
        let mut devices = "</usr/share/alsa/alsa.conf>\n".to_owned();
        let server = format!("unix:{}", socket.display());
        for sink in sinks {
            writeln!(script, "load-module module-null-sink sink_name={sink} rate=48000 channels=2")
                .expect("memory");
            for (pcm, device) in [("", ""), ("_monitor", ".monitor")] {
                writeln!(
                    devices,
                    "pcm.{sink}{pcm} {{ type pulse server \"{server}\" device \"{sink}{device}\" }}"
                )
                .expect("memory");
            }
        }
        if let Some(sink) = sinks.first() {
            // The mixer of every card: the server's, which tells no decibels.
            let card = "@args [ CARD ] @args.CARD { type string }";
            writeln!(devices, "ctl.!hw {{ {card} type pulse server \"{server}\" device \"{sink}\" }}")
                .expect("memory");
        }
        fs::write(dir.path().join("server.pa"), script).expect("the server's script");
        fs::write(dir.path().join("asound.conf"), devices).expect("the devices' configuration");
        let mut pulse = Self { server: spawn(&dir), dir, socket };
        pulse.await_socket();
        pulse
    }

    /// What a process needs in its environment to see the devices.
    pub(crate) fn env(&self) -> [(&'static str, PathBuf); 3] {
        [
            ("ALSA_CONFIG_PATH", self.dir.path().join("asound.conf")),
            ("XDG_RUNTIME_DIR", self.dir.path().to_owned()),
            ("HOME", self.dir.path().to_owned()),
        ]
    }

    fn await_socket(&mut self) {
        let limit = Instant::now() + Duration::from_secs(20);
        while UnixStream::connect(&self.socket).is_err() {
            if let Some(status) = self.server.try_wait().expect("the server's state") {
                panic!("pulseaudio ended at once ({status})");
            }
            assert!(Instant::now() < limit, "pulseaudio does not open its socket");
            // The server is another process; there is nothing else to wait on.
            sleep(Duration::from_millis(20));
        }
    }

    /// The ignored test `body` of this file as a process that sees the devices.
    pub(crate) fn inside(&self, body: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this test"));
        command.args([body, "--exact", "--ignored", "--nocapture", "--test-threads=1"]).envs(self.env());
        command
    }

    /// Ends the server at once, as a card is unplugged.
    pub(crate) fn unplug(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }

    /// Freezes the server, as a card that takes no sound and says nothing, or lets it go on.
    pub(crate) fn freeze(&self, frozen: bool) {
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        kill_process(Pid::from_child(&self.server), signal).expect("the server lives");
    }

    /// Starts the server again, as a card is plugged in again.
    pub(crate) fn plug_in(&mut self) {
        drop(fs::remove_file(&self.socket));
        self.server = spawn(&self.dir);
        self.await_socket();
    }
}

fn spawn(dir: &tempfile::TempDir) -> Child {
    let server = Command::new("pulseaudio")
        .args(["-n", "--exit-idle-time=-1", "--daemonize=no", "--use-pid-file=no", "--log-level=error", "-F"])
        .arg(dir.path().join("server.pa"))
        .env("XDG_RUNTIME_DIR", dir.path())
        .env("HOME", dir.path())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match server {
        Ok(server) => server,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("this test needs PulseAudio and ALSA's plugin for it: run `cross/deps --tests`")
        }
        Err(error) => panic!("pulseaudio: {error}"),
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.unplug();
    }
}
