//! The log-on, as `run` does it.

use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle, sleep};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::report::Finding;
use crate::bell::Bell;
use crate::config::Config;
use crate::counters::Counters;
use crate::logic::exchange::{DownlinkItem, UplinkItem};
use crate::logic::session::LinkState;
use crate::net;
use crate::queue::{self, Consumer, Producer};

/// The session gives up sooner, and says why.
const LIMIT: Duration = Duration::from_secs(60);

/// The state is looked at so often.
const LOOK: Duration = Duration::from_millis(20);

/// A connection that is being made, or stands.
pub(super) struct Link {
    states: watch::Receiver<LinkState>,
    stop: CancellationToken,
    thread: JoinHandle<()>,
    online: bool,
    /// The engine's ends: nothing is said, and nothing played.
    _silent: (Producer<'static, UplinkItem>, Consumer<'static, DownlinkItem>),
}

impl Link {
    /// Begins to connect.
    pub(super) fn start(config: &Config) -> io::Result<Self> {
        let (to_net, uplink) = queue::channel::<_, 2>();
        let (downlink, from_net) = queue::channel::<_, 64>();
        let ports = net::Ports {
            uplink,
            uplink_bell: Bell::new()?,
            downlink,
            engine_bell: Bell::new()?,
            counters: Arc::<Counters>::default(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (tell, states) = watch::channel(LinkState::Connecting);
        let stop = CancellationToken::new();
        let (zello, uplink, stopped) = (config.zello.clone(), config.uplink, stop.clone());
        let body = move || runtime.block_on(net::run_watched(zello, uplink, ports, &tell, stopped));
        let thread = Builder::new().name("net".to_owned()).spawn(body)?;
        Ok(Self { states, stop, thread, online: false, _silent: (to_net, from_net) })
    }

    /// Waits until it is clear how the log-on went.
    pub(super) fn wait(&mut self, channel: &str) -> Finding {
        let until = Instant::now() + LIMIT;
        loop {
            let state = self.states.borrow().clone();
            if let Some(finding) = judge(&state, channel) {
                self.online = state == LinkState::Online;
                return finding;
            }
            if Instant::now() >= until {
                return Finding::fault(
                    "zello",
                    format!("no result within {} s: {state}", LIMIT.as_secs()),
                    NETWORK,
                );
            }
            sleep(LOOK);
        }
    }

    /// Says goodbye. Tells of a connection that stood, and is gone.
    pub(super) fn end(self) -> Option<Finding> {
        let state = self.states.borrow().clone();
        self.stop.cancel();
        // A panic in it has been printed; the findings stand.
        let _panicked = self.thread.join();
        let lost = self.online && state != LinkState::Online;
        lost.then(|| Finding::fault("zello", format!("the connection did not last: {state}"), NETWORK))
    }
}

const NETWORK: &str = "check the network of this machine";

/// What a state means for a doctor; `None`: too early to say.
fn judge(state: &LinkState, channel: &str) -> Option<Finding> {
    match state {
        LinkState::Online => Some(Finding::ok("zello", format!("logged on; channel {channel:?} is online"))),
        LinkState::Waiting { trouble: Some(trouble), .. } | LinkState::Fault { trouble, .. } => {
            let text = trouble.to_string();
            Some(match trouble.remedy() {
                Some(remedy) => Finding::fault("zello", text, remedy),
                None => Finding::failed("zello", text),
            })
        }
        LinkState::Closed => Some(Finding::fault("zello", "the connection has ended", NETWORK)),
        LinkState::Waiting { trouble: None, .. }
        | LinkState::Connecting
        | LinkState::LoggingOn
        | LinkState::Joining => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::session::Trouble;

    #[test]
    fn a_refusal_is_a_fault_with_its_remedy_and_what_is_under_way_is_nothing_yet() {
        let wait = Duration::from_secs(1);
        let trouble = Trouble::Channel(None);
        let text = judge(&LinkState::Fault { trouble, wait }, "Hill").unwrap().to_string();
        assert!(
            text.starts_with("fault     zello") && text.contains("-> check channel in [zello]"),
            "{text}"
        );
        let lost = Trouble::Lost("reset by peer".to_owned());
        let text = judge(&LinkState::Waiting { trouble: Some(lost), wait }, "Hill").unwrap().to_string();
        assert!(text.contains("connection lost: reset by peer"), "{text}");
        for early in [LinkState::Waiting { trouble: None, wait }, LinkState::LoggingOn, LinkState::Joining] {
            assert_eq!(judge(&early, "Hill"), None);
        }
        assert!(judge(&LinkState::Online, "Hill").unwrap().to_string().starts_with("ok "));
    }
}
