//! Where things go that are not for the server: to the engine, and to people.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

use super::log::Log;
use crate::bell::Bell;
use crate::counters::Counters;
use crate::logic::exchange::DownlinkItem;
use crate::logic::session::{LinkState, Report};
use crate::queue::Producer;

pub(super) struct Outlet<'a> {
    pub(super) downlink: Producer<'static, DownlinkItem>,
    pub(super) engine_bell: Bell,
    pub(super) counters: Arc<Counters>,
    pub(super) states: &'a watch::Sender<LinkState>,
    pub(super) log: Log,
}

impl Outlet<'_> {
    /// Tells the engine; what it has no room for is counted.
    pub(super) fn tell(&mut self, item: DownlinkItem) {
        if let Err(dropped) = self.downlink.enqueue(item) {
            dropped.count_dropped(&self.counters);
        }
        self.engine_bell.ring();
    }

    pub(super) fn report(&mut self, now: Instant, report: Report) {
        self.log.write(now, &report);
        if let Report::State(state) = report {
            self.states.send_replace(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::exchange::OverId;
    use crate::queue;
    use crate::zello::{PacketId, StreamId};

    #[test]
    fn what_the_engine_has_no_room_for_is_counted_and_rings_all_the_same() {
        let (downlink, mut engine) = queue::channel::<_, 2>();
        let (states, _watcher) = watch::channel(LinkState::Closed);
        let (engine_bell, counters) = (Bell::new().unwrap(), Arc::<Counters>::default());
        let mut outlet = Outlet {
            downlink,
            engine_bell: engine_bell.clone(),
            counters: Arc::clone(&counters),
            states: &states,
            log: Log::default(),
        };
        let (stream, at) = (StreamId(7), Instant::now());
        let packet = |bytes: &[u8]| DownlinkItem::Packet {
            stream,
            id: PacketId(0),
            at,
            payload: bytes.try_into().unwrap(),
        };
        outlet.tell(DownlinkItem::Stop { stream });
        let mut tell = |dropped| {
            assert!(engine_bell.take());
            outlet.tell(dropped);
        };
        tell(DownlinkItem::Start { stream, at });
        tell(packet(&[0x48]));
        tell(packet(&[]));
        tell(DownlinkItem::Stop { stream });
        tell(DownlinkItem::LinkLost);
        tell(DownlinkItem::OverRefused { over: OverId(1) });
        assert_eq!(counters.downlink_signals_dropped.value(), 5, "the mark of a loss is no packet");
        assert_eq!(counters.downlink_packets_dropped.value(), 1);
        assert_eq!(counters.downlink_packets.value(), 1);
        assert!(engine_bell.take());
        assert_eq!(engine.dequeue(), Some(DownlinkItem::Stop { stream }));
        assert_eq!(engine.dequeue(), None);
    }
}
