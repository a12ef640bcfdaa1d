//! What the radio hears becomes overs, whole.

#[path = "support/world.rs"]
mod world;

use world::talk::{ms, samples, speech};
use world::{World, worst_likeness};

#[test]
fn an_over_is_whole_to_the_sample_block() {
    let mut world = World::new();
    let said = speech("radio");
    world.radio_hears(ms(1_000), &said);
    world.squelch(ms(1_003)..ms(8_003));
    world.run(ms(10_000));

    let [over] = world.overs.as_slice() else { panic!("one over, not {}", world.overs.len()) };
    // 200 ms of pre-roll before the last whole block at 1 s; the hang's 500 ms after 8 s.
    assert_eq!(over.opus(), world.encoded(ms(800)..ms(8_500)));
    assert_eq!((over.opened_at, over.began, over.ended), (ms(1_003), ms(1_003), Some(ms(8_503))));
    let heard = over.sound();
    let original = world.filtered(ms(1_000)..ms(1_000) + world::talk::duration(said.len()));
    let worst = worst_likeness(&original, &heard, samples(ms(200)));
    assert!(worst > 0.8, "the worst quarter of a second is like its source by {worst} only");
}
