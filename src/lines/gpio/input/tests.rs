//! The mapping of the kernel's time stamps, and its bits.

use super::*;

#[test]
fn the_kernels_time_stamp_becomes_an_instant_and_one_of_another_clock_becomes_now() {
    let edge = Instant::now();
    let now = edge + Duration::from_millis(3);
    let clock = 5_000_000_000_000;
    assert_eq!(edge_time(clock - 3_000_000, clock, now), edge);
    assert_eq!(edge_time(1_700_000_000_000_000_000, clock, now), now, "the wall clock");
    assert_eq!(edge_time(clock - 60_000_000_000, clock, now), now, "too old to be true");
    assert_eq!(edge_time(clock + 1, clock, now), now, "read a moment before the stamp");
}

#[test]
fn polarity_and_bias_become_the_kernels_bits() {
    assert_eq!(flags(Polarity::High, Bias::AsIs).bits(), 0b1);
    assert_eq!(flags(Polarity::Low, Bias::PullUp).bits(), 0b10_0101);
    assert_eq!(flags(Polarity::High, Bias::PullDown).bits(), 0b100_0001);
    assert_eq!(flags(Polarity::Low, Bias::Off).bits(), 0b1000_0101);
}
