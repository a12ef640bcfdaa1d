//! Whom the kernel may kill when memory runs out, of a gateway whose unit says `OOMScoreAdjust=-1000`.
//!
//! One test: the score of the process that runs the tests is what its gateways inherit.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::fs;
use std::io::ErrorKind;

#[path = "support/daemon.rs"]
mod daemon;

use daemon::{Server, Site};

const OWN_SCORE: &str = "/proc/self/oom_score_adj";

fn score(pid: u32) -> i32 {
    fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap().trim().parse().unwrap()
}

/// Scores of a gateway and its guard.
async fn scores() -> (i32, i32) {
    let server = Server::start().await;
    let daemon = Site::hearing(server.port, &[0.0; 1_600]).start_online().await;
    (score(daemon.pid()), score(daemon.guard_pid()))
}

#[tokio::test]
async fn the_guard_of_an_exempt_service_is_never_killed_and_the_gateway_may_be() {
    fs::write(OWN_SCORE, "300").unwrap();
    assert_eq!(scores().await.0, 300, "what the administrator set is left alone");
    match fs::write(OWN_SCORE, "-1000") {
        Ok(()) => assert_eq!(scores().await, (0, -1000)),
        Err(refused) => {
            assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
            println!("NOT RUN: an exempt service needs root (CAP_SYS_RESOURCE)");
        }
    }
}
