//! Held speech: what the channel or the radio could not take is said later, whole, in order, once, and told from live.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::similar_names,
    clippy::unchecked_time_subtraction,
    reason = "helpers of a test fail as the test does: by panicking"
)]

#[path = "support/gateway.rs"]
mod gateway;

use gateway::world::talk::{Talk, decode, ms, samples, speech};
use gateway::world::{assert_same, place};
use gateway::{Gateway, heard, radio_speaks, scene};
use tokio::task::LocalSet;
use zello_gateway::codec::encode_whole;
use zello_gateway::dsp::{compare, tone};
use zello_gateway::sim::Fault;

/// What the over of [`radio_speaks`] must become, to the bit.
fn over(gateway: &Gateway) -> Vec<Vec<u8>> {
    gateway.world.borrow().encoded(ms(2_300)..ms(10_000))
}

/// The packets of the tone.
fn tone_packets(gateway: &Gateway) -> Vec<Vec<u8>> {
    let uplink = gateway.world.borrow().config.uplink;
    let packets = encode_whole(uplink.packet, uplink.bitrate_bps, &tone::held()).unwrap();
    packets.into_iter().map(Vec::from).collect()
}

async fn play(story: impl Future<Output = ()>) {
    LocalSet::new().run_until(story).await;
}

#[tokio::test(start_paused = true)]
async fn speech_of_an_outage_begins_with_the_tone_and_is_whole() {
    play(async {
        let (_sim, mut gateway, phone) = scene(|config| config.uplink.held_tone = true).await;
        gateway.wire.up.set(false);
        gateway.wire.cut();
        radio_speaks(&gateway);
        gateway.until(ms(20_000)).await;
        gateway.wire.up.set(true);
        gateway.online().await;
        gateway.until(ms(60_000)).await;
        let (tone, said, heard) = (tone_packets(&gateway), over(&gateway), heard(&phone));
        assert_same(&heard, &[tone.clone(), said.clone()].concat());
        assert_eq!(phone.heard().len(), 1, "one stream");
        let numbers: Vec<_> = phone.heard()[0].packets.iter().map(|packet| packet.id).collect();
        assert!(numbers.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1), "{numbers:?}");
        // Another encoder's packets before the speech are no harm to it.
        let all = decode(heard.iter().map(Vec::as_slice));
        let alone = decode(said.iter().map(Vec::as_slice));
        let behind = &all[tone.len() * samples(ms(60))..];
        let likeness = compare::find(&alone, behind).unwrap();
        assert!(likeness.worst > 0.95, "{likeness:?}");
        let counters = &gateway.world.borrow().counters;
        assert_eq!(counters.uplink_overs_held.value(), 1);
        assert_eq!(counters.uplink_packets_sent.value(), said.len() as u64);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn without_the_key_nothing_is_put_before_held_speech() {
    play(async {
        let (_sim, mut gateway, phone) = scene(|_| {}).await;
        gateway.wire.up.set(false);
        gateway.wire.cut();
        radio_speaks(&gateway);
        gateway.until(ms(20_000)).await;
        gateway.wire.up.set(true);
        gateway.online().await;
        gateway.until(ms(60_000)).await;
        assert_same(&heard(&phone), &over(&gateway));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_alone_makes_no_tone() {
    play(async {
        let (sim, gateway, phone) = scene(|config| config.uplink.held_tone = true).await;
        sim.set_fault(Fault::StartLate { ms: 2_500, times: Some(1) });
        radio_speaks(&gateway);
        gateway.until(ms(30_000)).await;
        assert_same(&heard(&phone), &over(&gateway));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn starts_that_are_never_answered_cost_no_speech_once_they_are() {
    play(async {
        let (sim, gateway, phone) = scene(|_| {}).await;
        sim.set_fault(Fault::StartUnanswered { times: None });
        radio_speaks(&gateway);
        gateway.until(ms(40_000)).await;
        assert!(heard(&phone).is_empty());
        let connects = gateway.world.borrow().counters.connects.value();
        assert!((2..10).contains(&connects), "{connects} connections");
        sim.clear_faults();
        gateway.until(ms(100_000)).await;
        assert_same(&heard(&phone), &over(&gateway));
        assert_eq!(gateway.world.borrow().counters.uplink_packets_expired.value(), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn radio_and_channel_at_once_hear_each_other_whole_and_later() {
    play(async {
        let (sim, gateway, phone) = scene(|config| config.downlink.held_tone = true).await;
        {
            let mut world = gateway.world.borrow_mut();
            // The radio is first, and its squelch stays open for longer than the phone talks.
            world.radio_hears(ms(2_500), &speech("radio"));
            world.squelch(ms(2_103)..ms(22_003));
        }
        sim.set_fault(Fault::Overlap);
        gateway.until(ms(2_400)).await;
        let said = speech("phone");
        let talk = phone.talk(&said).await.unwrap();
        gateway.until(ms(40_000)).await;
        let world = gateway.world.borrow();
        let mut same = Talk::new(1, ms(0), &said);
        same.packets.truncate(talk.packets as usize);
        let at = place(&same.sound(), &world.on_air).expect("bit by bit");
        assert!(at > samples(ms(22_000)), "when the radio was free");
        let tone = tone::held();
        assert_eq!(world.on_air[at - tone.len()..at], *tone, "the tone goes before it");
        assert_eq!(world.counters.downlink_streams_held.value(), 1);
        let keyed = world.keyed();
        assert_eq!(keyed.len(), 1, "{keyed:?}");
        // Tone and talk come behind the whole lead-in.
        assert!(at - tone.len() >= samples(keyed[0].start + world.config.downlink.lead));
        assert_eq!(world.unexplained_packets(), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_busy_for_long_gets_the_over_when_it_is_free() {
    play(async {
        let (sim, gateway, phone) = scene(|config| config.uplink.held_tone = true).await;
        sim.set_fault(Fault::StartRefused { error: "channel busy".to_owned(), times: None });
        radio_speaks(&gateway);
        gateway.until(ms(25_000)).await;
        assert!(heard(&phone).is_empty());
        sim.clear_faults();
        gateway.until(ms(60_000)).await;
        assert_same(&heard(&phone), &[tone_packets(&gateway), over(&gateway)].concat());
        let counters = &gateway.world.borrow().counters;
        assert_eq!(counters.uplink_packets_expired.value(), 0);
        assert_eq!(counters.connects.value(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_over_goes_on_when_the_sound_card_is_back() {
    play(async {
        let (_sim, gateway, phone) = scene(|_| {}).await;
        radio_speaks(&gateway);
        {
            // Unplugged and found again, while the squelch stays open.
            let mut world = gateway.world.borrow_mut();
            world.radio_hears(ms(9_500), &speech("radio"));
            world.squelch(ms(9_503)..ms(13_003));
            world.microphone_at(ms(5_003), false);
            world.microphone_at(ms(9_003), true);
        }
        gateway.until(ms(20_000)).await;
        let (phone, heard) = (phone.heard(), heard(&phone));
        let sound = decode(heard.iter().map(Vec::as_slice));
        let world = gateway.world.borrow();
        assert_eq!(phone.len(), 2, "a stream on each side of the gap");
        // The filters and the encoder have not heard the gap, so that it is not the same to the bit.
        for said in [ms(2_500)..ms(5_000), ms(9_000)..ms(13_500)] {
            let likeness = compare::find(&world.filtered(said.clone()), &sound).unwrap();
            assert!(likeness.worst > 0.8, "{said:?}: {likeness:?}");
        }
        let counters = &world.counters;
        assert_eq!(counters.uplink_packets.value(), heard.len() as u64);
        assert_eq!(counters.uplink_packets_sent.value(), heard.len() as u64);
        assert_eq!((counters.uplink_overs.value(), counters.uplink_overs_lost.value()), (1, 0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_too_much_to_hold_goes_oldest_first_and_is_counted() {
    play(async {
        let (_sim, mut gateway, phone) = scene(|config| config.uplink.hold = ms(3_000)).await;
        gateway.wire.up.set(false);
        gateway.wire.cut();
        radio_speaks(&gateway);
        gateway.until(ms(20_000)).await;
        gateway.wire.up.set(true);
        gateway.online().await;
        gateway.until(ms(60_000)).await;
        let said = over(&gateway);
        assert_same(&heard(&phone), &said[said.len() - 50..]);
        let expired = gateway.world.borrow().counters.uplink_packets_expired.value();
        assert_eq!(expired, said.len() as u64 - 50);
    })
    .await;
}
