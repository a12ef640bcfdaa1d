//! Faults around the engine: a stuck squelch, a lost sound card, the end of the gateway.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::similar_names,
    clippy::cast_possible_truncation,
    clippy::unchecked_time_subtraction,
    reason = "helpers of a test fail as the test does: by panicking"
)]

#[path = "support/world.rs"]
mod world;

use std::time::Duration;

use world::talk::{Talk, ms, speech};
use world::{World, assert_same, place};
use zello_gateway::audio::DeviceState;
use zello_gateway::engine::Event;
use zello_gateway::lines::HEARTBEAT;

fn phone(begins: u64) -> Talk {
    Talk::new(7, ms(begins), &speech("phone"))
}

fn with_short_stuck() -> World {
    World::with(|config| config.uplink.stuck = ms(5_000))
}

#[test]
fn a_stuck_squelch_ends_its_over_and_is_told() {
    let mut world = with_short_stuck();
    world.cos_at(ms(1_000), true);
    world.run(ms(20_000));
    assert_eq!(world.overs.len(), 1);
    assert_eq!(world.overs[0].ended, Some(ms(6_000)));
    assert!(world.events.contains(&(ms(6_000), Event::Stuck { stuck: true })));
    assert_eq!(world.counters.uplink_stuck.value(), 1);
}

#[test]
fn a_stuck_squelch_does_not_keep_the_channel_from_the_radio() {
    let mut world = with_short_stuck();
    world.cos_at(ms(1_000), true);
    let talk = phone(8_000);
    world.channel_says(&talk);
    world.run(ms(20_000));
    assert_eq!(world.keyed()[0].start, ms(8_000));
    assert!(place(&talk.sound(), &world.on_air).is_some());
    assert_eq!(world.overs.len(), 1, "nor does the mute's end make it an over again");
}

#[test]
fn a_squelch_that_closes_at_last_is_believed_again() {
    let mut world = with_short_stuck();
    world.squelch(ms(1_000)..ms(9_000));
    world.squelch(ms(10_000)..ms(11_000));
    world.run(ms(15_000));
    assert!(world.events.contains(&(ms(9_000), Event::Stuck { stuck: false })));
    assert_eq!(world.overs.len(), 2);
    assert_eq!((world.overs[1].began, world.overs[1].ended), (ms(10_000), Some(ms(11_500))));
}

#[test]
fn chatter_does_not_hide_a_stuck_squelch() {
    let mut world = with_short_stuck();
    for n in 0..100 {
        world.squelch(ms(1_000 + 100 * n)..ms(1_090 + 100 * n));
    }
    world.run(ms(6_500));
    assert_eq!(world.counters.uplink_stuck.value(), 1);
}

#[test]
fn a_sound_card_lost_while_keyed_unkeys_at_once_and_the_rest_is_said_when_it_is_back() {
    let mut world = World::new();
    let talk = phone(1_000);
    world.channel_says(&talk);
    world.playback_at(ms(3_000), DeviceState::Lost);
    world.playback_at(ms(6_000), DeviceState::Running);
    world.run(ms(25_000));
    let [before, after] = world.keyed().try_into().unwrap();
    assert!(before.end <= ms(3_010), "unkeyed at {:?}", before.end);
    assert!((ms(6_000)..ms(6_010)).contains(&after.start), "{after:?}");
    assert_eq!(world.counters.downlink_packets_played.value(), talk.packets.len() as u64);
    // The last two seconds, whole; what was decoded and not yet heard at the loss is all that is missing.
    let sound = talk.sound();
    let rest = &sound[sound.len() - 32_000..];
    assert!(
        zello_gateway::dsp::compare::find(rest, world.played(ms(8_000)..ms(13_000))).unwrap().worst > 0.95
    );
}

#[test]
fn a_sound_card_that_stands_still_while_keyed_unkeys_in_half_a_second_and_the_rest_is_said_when_it_moves() {
    let mut world = World::new();
    let talk = phone(1_000);
    world.channel_says(&talk);
    world.stall_at(ms(3_000), true);
    world.stall_at(ms(6_000), false);
    world.run(ms(25_000));
    let [before, after] = world.keyed().try_into().unwrap();
    let (stall, look) = (zello_gateway::logic::flow::STALL, ms(20));
    assert!((ms(2_990) + stall..ms(3_000) + stall + look).contains(&before.end), "{before:?}");
    assert!((ms(6_000)..ms(6_020)).contains(&after.start), "{after:?}");
    let told: Vec<bool> = world.events.iter().filter_map(|(_, event)| stalled(event)).collect();
    assert_eq!(told, [true, false]);
    assert_eq!(world.counters.playback_stalls.value(), 1);
    assert_eq!(world.counters.ptt_time_outs.value(), 0);
    assert_eq!(world.counters.downlink_packets_played.value(), talk.packets.len() as u64);
}

#[test]
fn a_sound_card_that_stands_still_in_the_lead_or_the_tail_holds_no_key_either() {
    let stall = zello_gateway::logic::flow::STALL;
    for lead in [true, false] {
        // The lead and the tail last longer than it takes to see that nothing moves.
        let mut world = World::with(|config| {
            config.downlink.lead = ms(2_000);
            config.downlink.tail = ms(2_000);
        });
        let talk = phone(1_000);
        world.channel_says(&talk);
        let said = ms(3_000) + zello_gateway::codec::BLOCK * u32::try_from(talk.packets.len() * 6).unwrap();
        let still = if lead { ms(1_500) } else { said + ms(300) };
        world.stall_at(still, true);
        world.run(still + ms(5_000));
        let [keyed] = world.keyed().try_into().unwrap();
        assert!(keyed.end > still && keyed.end <= still + stall + ms(30), "lead {lead}: {keyed:?}");
    }
}

#[test]
fn a_sound_card_that_stands_still_does_not_stop_the_uplink() {
    let mut world = World::new();
    world.stall_at(ms(200), true);
    world.radio_hears(ms(1_000), &speech("radio"));
    world.channel_says(&phone(900));
    world.squelch(ms(1_003)..ms(8_003));
    world.run(ms(20_000));
    assert_same(&world.overs[0].opus(), &world.encoded(ms(800)..ms(8_500)));
    assert!(world.keyed().is_empty());
}

fn stalled(event: &Event) -> Option<bool> {
    if let Event::PlaybackStalled { stalled } = event { Some(*stalled) } else { None }
}

#[test]
fn a_line_lost_while_keyed_unkeys_at_once_and_the_rest_is_said_when_it_is_back() {
    let mut world = World::new();
    let talk = phone(1_000);
    world.channel_says(&talk);
    world.line_at(ms(3_000), false);
    world.line_at(ms(6_000), true);
    world.run(ms(25_000));
    let [before, after] = world.keyed().try_into().unwrap();
    assert!(before.end <= ms(3_010), "unkeyed at {:?}", before.end);
    assert!((ms(6_000)..ms(6_010)).contains(&after.start), "{after:?}");
    assert_eq!(world.counters.downlink_packets_played.value(), talk.packets.len() as u64);
}

#[test]
fn a_line_lost_and_back_between_two_looks_of_the_engine_takes_a_new_wish() {
    let mut world = World::new();
    world.channel_says(&phone(1_000));
    world.line_at(ms(3_000), false);
    world.line_at(ms(3_000), true);
    world.run(ms(25_000));
    let [before, after] = world.keyed().try_into().unwrap();
    assert!(before.end <= ms(3_010), "unkeyed at {:?}", before.end);
    let mute = world.config.downlink.rx_mute;
    assert!((before.end + mute..before.end + mute + ms(10)).contains(&after.start), "{after:?}");
}

#[test]
fn without_a_line_nothing_is_keyed_and_the_uplink_goes_on() {
    let mut world = World::new();
    world.line_at(ms(0), false);
    world.start_at(ms(0), 6);
    world.radio_hears(ms(1_000), &speech("radio"));
    world.squelch(ms(1_003)..ms(8_003));
    world.run(ms(20_000));
    assert_same(&world.overs[0].opus(), &world.encoded(ms(800)..ms(8_500)));
    assert!(world.keyed().is_empty());
}

#[test]
fn without_a_sound_card_nothing_is_keyed_not_even_for_a_moment() {
    for state in [DeviceState::Opening, DeviceState::Lost] {
        let mut world = World::new();
        world.playback_at(ms(0), state);
        // In the engine's very first step, and in the very step in which a card is lost.
        world.start_at(ms(0), 6);
        world.playback_at(ms(1_000), DeviceState::Running);
        world.run(ms(5_000));
        assert_eq!(world.keyed()[0].start, ms(1_000), "{state:?}");
        let before = world.keyed().len();
        world.playback_at(ms(5_000), state);
        world.channel_says(&phone(5_000));
        world.run(ms(9_000));
        assert_eq!(world.keyed().len(), before, "{state:?}");
    }
}

#[test]
fn a_sound_card_that_is_gone_for_good_does_not_stop_the_uplink() {
    let mut world = World::new();
    world.playback_at(ms(0), DeviceState::Lost);
    world.radio_hears(ms(1_000), &speech("radio"));
    world.channel_says(&phone(500));
    world.squelch(ms(1_003)..ms(8_003));
    world.run(ms(60_000));
    assert_same(&world.overs[0].opus(), &world.encoded(ms(800)..ms(8_500)));
    assert!(world.keyed().is_empty());
}

#[test]
fn shutdown_while_keyed_unkeys_in_the_same_moment_and_keys_no_more() {
    let mut world = World::new();
    world.channel_says(&phone(1_000));
    world.run(ms(3_000));
    assert!(world.is_keyed());
    world.shut_down();
    assert!(!world.is_keyed());
    world.channel_says(&Talk::new(8, ms(4_000), &speech("phone")));
    world.run(ms(20_000));
    assert!(!world.is_keyed());
    assert_eq!(world.keyed(), [ms(1_000)..ms(3_000)]);
}

#[test]
fn shutdown_while_receiving_closes_the_over_whole() {
    let mut world = World::new();
    world.radio_hears(ms(1_000), &speech("radio"));
    world.cos_at(ms(1_003), true);
    world.run(ms(3_000));
    world.shut_down();
    assert_eq!(world.overs[0].ended, Some(ms(3_000)));
    assert_same(&world.overs[0].opus(), &world.encoded(ms(800)..ms(3_000)));
    world.squelch(ms(4_000)..ms(5_000));
    world.run(ms(6_000));
    assert_eq!(world.overs.len(), 1, "and opens no other");
}

#[test]
fn heartbeats_come_in_every_state_and_say_what_the_line_is() {
    let mut world = with_short_stuck();
    world.radio_hears(ms(1_000), &speech("radio"));
    world.squelch(ms(1_000)..ms(2_000));
    world.channel_says(&phone(1_500));
    world.playback_at(ms(4_000), DeviceState::Lost);
    world.playback_at(ms(5_000), DeviceState::Running);
    world.squelch(ms(15_000)..ms(25_000));
    world.microphone_at(ms(16_000), false);
    world.run(ms(30_000));
    assert!(world.keyed().len() == 2 && world.overs.len() == 2, "all states were there");
    let beats = world.beats();
    assert!(beats[0].at == Duration::ZERO && !beats[0].keyed, "the first thing that the guard hears");
    assert!(beats.windows(2).all(|pair| pair[1].at - pair[0].at <= HEARTBEAT));
    assert!(world.now - beats.last().unwrap().at <= HEARTBEAT);
}
