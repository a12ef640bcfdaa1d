//! Streams that come damaged, to the whole gateway: the radio is keyed while somebody talks and not for long after.

use std::time::Duration;

use zello_gateway::dsp::compare;
use zello_gateway::sim::Fault;

use crate::gateway::world::talk::{ms, speech};
use crate::gateway::{Gateway, scene};
use crate::scene::story;

/// After the last packet of a stream: two seconds of silence where its stop does not come, the tail, and the jitter.
const UNKEYED_AFTER: Duration = Duration::from_millis(3_500);

/// Says something under the fault; keyed once from its begin to its end, whatever is damaged. Then once more without.
async fn is_said(fault: Fault, check: impl Fn(&Gateway, u32)) {
    let (sim, gateway, phone) = scene(|_| {}).await;
    sim.set_fault(fault.clone());
    let said = speech("phone");
    let talk = phone.talk(&said).await.unwrap();
    let (began, ended) = (gateway.since(talk.started), gateway.since(talk.ended));
    gateway.until(ended + UNKEYED_AFTER).await;
    {
        let world = gateway.world.borrow();
        let keyed = world.keyed();
        assert_eq!(keyed.len(), 1, "{fault:?}: {keyed:?}");
        assert!(keyed[0].start <= began + ms(50), "{fault:?}: {keyed:?}, began {began:?}");
        assert!(keyed[0].end > ended && !world.is_keyed(), "{fault:?}: {keyed:?}, ended {ended:?}");
        assert_eq!(world.unexplained_packets(), 0, "{fault:?}");
    }
    check(&gateway, talk.packets);

    sim.clear_faults();
    let before = gateway.world.borrow().counters.downlink_packets_played.value();
    let talk = phone.talk(&said).await.unwrap();
    gateway.until(gateway.since(talk.ended) + UNKEYED_AFTER).await;
    let world = gateway.world.borrow();
    let played = world.counters.downlink_packets_played.value() - before;
    assert_eq!(played, u64::from(talk.packets), "{fault:?}: the next talk is whole");
    assert_eq!(world.keyed().len(), 2, "{fault:?}");
}

fn played(gateway: &Gateway) -> u64 {
    gateway.world.borrow().counters.downlink_packets_played.value()
}

#[test]
pub(crate) fn a_stop_that_never_comes() {
    story! {
        is_said(Fault::MissingStop, |gateway, packets| assert_eq!(played(gateway), u64::from(packets))).await;
    }
}

#[test]
pub(crate) fn a_stop_before_the_last_packet() {
    story! {
        is_said(Fault::EarlyStop, |gateway, packets| assert_eq!(played(gateway), u64::from(packets))).await;
    }
}

#[test]
pub(crate) fn packets_that_never_come() {
    story! {
        is_said(Fault::PacketLoss { percent: 20 }, |gateway, packets| {
            let (played, packets) = (played(gateway), u64::from(packets));
            assert!((packets / 2..packets).contains(&played), "{played} of {packets}");
        })
        .await;
    }
}

#[test]
pub(crate) fn packets_that_come_twice() {
    story! {
        is_said(Fault::PacketDuplicate { percent: 50 }, |gateway, packets| {
            assert_eq!(played(gateway), u64::from(packets), "each once");
        })
        .await;
    }
}

#[test]
pub(crate) fn packets_in_the_wrong_order() {
    story! {
        is_said(Fault::PacketReorder { percent: 40 }, |gateway, packets| {
            let (played, packets) = (played(gateway), u64::from(packets));
            assert!(played + 3 >= packets && played <= packets, "{played} of {packets}");
        })
        .await;
    }
}

#[test]
pub(crate) fn packets_that_come_late() {
    story! {
        is_said(Fault::PacketJitter { max_ms: 400 }, |gateway, packets| {
            let (played, packets) = (played(gateway), u64::from(packets));
            assert!(played * 10 >= packets * 7 && played <= packets, "{played} of {packets}");
        })
        .await;
    }
}

#[test]
pub(crate) fn packets_without_sound() {
    story! {
        is_said(Fault::PacketEmpty { percent: 30 }, |gateway, packets| {
            let (played, packets) = (played(gateway), u64::from(packets));
            assert!((packets / 3..=packets).contains(&played), "{played} of {packets}");
        })
        .await;
    }
}

/// Streams encoded anew, in packets of `ms`, are said whole and sound as they were meant.
fn is_said_from_packets_of(ms: u8) {
    story! {
        is_said(Fault::OddPackets { ms }, |gateway, packets| {
            assert_eq!(played(gateway), (u64::from(packets) * 60).div_ceil(ms.into()));
            let worst = compare::find(&speech("phone"), &gateway.world.borrow().on_air).unwrap().worst;
            assert!(worst > 0.7, "the worst quarter of a second is like what was said by {worst} only");
        })
        .await;
    }
}

#[test]
pub(crate) fn stereo_at_48_khz_with_three_frames_a_packet() {
    is_said_from_packets_of(60);
}

#[test]
pub(crate) fn packets_of_120_ms() {
    is_said_from_packets_of(120);
}
