//! A radio that tells its squelch by sound alone.
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

use world::talk::{Talk, duration, ms, samples, speech};
use world::{World, worst_likeness};
use zello_gateway::config::{Cos, Vox};

fn with_vox() -> World {
    let vox = Vox { threshold_dbfs: -35.0, attack: ms(20), release: ms(600) };
    World::with(|config| config.cos = Cos::Vox(vox))
}

#[test]
fn speech_opens_an_over_with_its_first_syllable_and_silence_ends_it() {
    let mut world = with_vox();
    let said = speech("radio");
    world.radio_hears(ms(1_000), &said);
    world.run(ms(12_000));
    let [over] = world.overs.as_slice() else { panic!("one over, not {}", world.overs.len()) };
    let whole = ms(1_000)..ms(1_000) + duration(said.len());
    let pre_rolled = over.began - ms(200);
    assert!(pre_rolled <= ms(1_010), "the pre-roll reaches back before the first word: {pre_rolled:?}");
    let worst = worst_likeness(&world.filtered(whole.clone()), &over.sound(), samples(ms(200)));
    assert!(worst > 0.8, "the worst quarter of a second is like its source by {worst} only");
    let ended = over.ended.unwrap();
    // Release and hang after the last loud block.
    assert!((whole.end..whole.end + ms(1_200)).contains(&ended), "{ended:?}");
}

#[test]
fn what_the_radio_hears_of_its_own_transmission_starts_no_over() {
    let mut world = with_vox();
    let talk = Talk::new(7, ms(1_000), &speech("phone"));
    world.channel_says(&talk);
    // Side tone: the receiver's output carries what is transmitted.
    world.radio_hears(ms(1_200), &talk.sound());
    world.run(ms(12_000));
    let unkeyed = world.keyed()[0].end;
    assert!(unkeyed < ms(9_000));
    // VOX itself falls only 600 ms after the side tone; that is later than the mute.
    for over in &world.overs {
        assert!(over.began >= unkeyed + ms(300), "{over:?}");
    }
}

#[test]
fn a_microphone_that_falls_silent_ends_the_over() {
    let mut world = with_vox();
    world.radio_hears(ms(1_000), &speech("radio"));
    world.microphone_at(ms(3_000), false);
    world.run(ms(8_000));
    let ended = world.overs[0].ended.unwrap();
    assert!(ended <= ms(3_000) + ms(600) + ms(500) + ms(10), "{ended:?}");
}

#[test]
fn hum_and_clicks_open_nothing() {
    let mut world = with_vox();
    let hum: Vec<f32> = (0..samples(ms(3_000)))
        .map(|n| 0.5 * (n as f32 * std::f32::consts::TAU * 67.0 / 16_000.0).sin())
        .collect();
    world.radio_hears(ms(1_000), &hum);
    for n in 0..20 {
        world.radio_hears(ms(5_000 + 200 * n), &[0.9; 8]);
    }
    world.run(ms(10_000));
    assert!(world.overs.is_empty());
}
