//! The network changes under a live connection: another address, as after a new lease or a change from cable to mobile.
//!
//! A real kernel's network in namespaces of its own, and virtual time: this test starts itself anew in a namespace of its
//! own, with a server in a second one and a cable between. Where the system does not grant that, it says so and skips.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "helpers of a test fail by panicking; the test looks at real time where real packets travel"
)]

#[path = "support/session.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use support::{Station, account};
use tokio::task::LocalSet;
use tokio::time::Instant;
use zello_gateway::config::Zello;
use zello_gateway::logic::session::LinkState;
use zello_gateway::net::Internet;

/// Set in the process that runs within the namespace.
const WITHIN: &str = "ZELLO_GATEWAY_TEST_WITHIN_NAMESPACE";
const TEST: &str = "a_new_address_under_the_socket_is_noticed_and_the_link_made_anew_from_it";
/// Real time in which a packet is surely there and back over a cable within one kernel.
const TRAVEL: Duration = Duration::from_millis(10);
/// Real time for handshakes on a busy machine.
const AMPLE: Duration = Duration::from_secs(20);

#[test]
fn a_new_address_under_the_socket_is_noticed_and_the_link_made_anew_from_it() {
    if std::env::var_os(WITHIN).is_some() {
        return within();
    }
    let may = |program: &str, arguments: &[&str]| {
        let probe =
            Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
        probe.is_ok_and(|status| status.success())
    };
    let cable =
        ["--net", "--map-root-user", "ip", "link", "add", "near", "type", "veth", "peer", "name", "far"];
    if !may("unshare", &cable) {
        println!("SKIPPED: no network namespaces here (unshare --net, ip link add type veth)");
        return;
    }
    let myself = std::env::current_exe().unwrap();
    let mut test = Command::new("unshare");
    test.args(["--net", "--map-root-user"])
        .arg(myself)
        .args(["--exact", TEST, "--nocapture"])
        .env(WITHIN, "1");
    let done = test.output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

fn sh(line: &str) {
    let done = Command::new("sh").args(["-ec", line]).output().unwrap();
    assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A server in a namespace of its own at 10.99.0.2, and a cable to it from 10.99.0.1.
fn server(ca: &std::path::Path) -> Running {
    let mut command = Command::new("unshare");
    command.args(["--net", "sh", "-c"]);
    let program = env!("CARGO_BIN_EXE_zello-gateway");
    // Waits for its end of the cable, which comes by its process number.
    command.arg(format!(
        "echo $$; ip link set lo up; until ip link set far up 2>/dev/null; do sleep 0.02; done; \
         ip addr add 10.99.0.2/16 dev far; exec {program} sim --listen 10.99.0.2:8443 --tls --ca-file {}",
        ca.display()
    ));
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let running = Running(child);
    let pid = said.next().unwrap().unwrap();
    sh(&format!(
        "ip link set lo up; ip link add near type veth peer name far; ip link set far netns {pid}; \
         ip addr add 10.99.0.1/16 dev near; ip link set near up"
    ));
    assert!(said.next().unwrap().unwrap().starts_with("listening on wss://10.99.0.2:8443"));
    running
}

fn within() {
    let ca = tempfile::NamedTempFile::new().unwrap();
    let _server = server(ca.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let ca_file = Some(ca.path().to_owned());
        let zello = Zello { url: "wss://10.99.0.2:8443/ws".to_owned(), ca_file, ..account() };
        let mut station = Station::start(Internet::new(&zello), zello, Duration::ZERO);
        station.wait_for(AMPLE, |state| *state == LinkState::Online).await;
        let lived = passes(secs(60), &station, |state| *state != LinkState::Online).await;
        assert_eq!(lived, secs(60), "an idle link lives: {}", *station.states.borrow());

        // The first address takes those of its network along when it goes.
        sh("ip addr del 10.99.0.1/16 dev near; ip addr add 10.99.7.7/16 dev near");
        let noticed = passes(secs(60), &station, |state| matches!(state, LinkState::Waiting { .. })).await;
        let said = station.states.borrow().to_string();
        assert!(noticed <= secs(46), "noticed after {noticed:?}: {said}");

        let back = passes(secs(5), &station, |state| *state == LinkState::Online).await;
        assert!(back <= secs(3), "online again after {back:?}: {}", *station.states.borrow());
        assert_eq!(station.counters.connects.value(), 2);
    });
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Lets virtual time pass by the second, with real time for real packets after each, until `wanted`; how much passed.
async fn passes(limit: Duration, station: &Station, wanted: impl Fn(&LinkState) -> bool) -> Duration {
    tokio::time::pause();
    // As long as a thread of the runtime works, time moves only by hand.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let holder = tokio::task::spawn_blocking(move || held.recv());
    let begin = Instant::now();
    while begin.elapsed() < limit && !wanted(&station.states.borrow()) {
        tokio::time::advance(secs(1)).await;
        tokio::task::spawn_blocking(|| std::thread::sleep(TRAVEL)).await.unwrap();
    }
    let passed = begin.elapsed();
    drop(release);
    let _released = holder.await.unwrap();
    tokio::time::resume();
    passed
}
