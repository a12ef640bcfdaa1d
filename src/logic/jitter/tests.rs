use super::*;
use proptest::prelude::*;

const MIN: Duration = Duration::from_millis(60);
const MAX: Duration = Duration::from_millis(800);
const SPAN: Duration = Duration::from_millis(60);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn buffer() -> Jitter<u32> {
    Jitter::new(1_000, Delay::new(MIN, MAX))
}

/// What a listener hears: packets by id, and gaps by their duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Packet(u32),
    Invented(Duration),
    Silent(Duration),
}

/// Plays `arrivals` (ms after the start, id) as the engine does from `lead_ms` on, until the buffer ends.
/// The stream's end is known 10 ms after the last packet. Neighbouring gaps of a kind are one.
fn play(buffer: &mut Jitter<u32>, arrivals: &[(u64, u32)], lead_ms: u64) -> Vec<Heard> {
    let start = Instant::now();
    let mut arrivals = arrivals.to_vec();
    arrivals.sort_unstable();
    let end = arrivals.last().map_or(0, |(at, _)| at + 10);
    let mut coming = arrivals.into_iter().peekable();
    let (mut heard, mut clock) = (Vec::new(), ms(lead_ms));
    loop {
        while let Some((at, id)) = coming.next_if(|(at, _)| ms(*at) <= clock) {
            let _late = buffer.insert(start + ms(at), PacketId(id), SPAN, id);
        }
        let (what, time) = match buffer.pull(start + clock, clock >= ms(end)) {
            Next::Packet(id) => (Heard::Packet(id), SPAN),
            Next::Conceal(time) => (Heard::Invented(time), time),
            Next::Silence => (Heard::Silent(SILENCE_STEP), SILENCE_STEP),
            Next::End => return heard,
        };
        clock += time;
        assert!(clock < ms(600_000), "the stream never ends");
        match (heard.last_mut(), what) {
            (Some(Heard::Invented(sum)), Heard::Invented(time))
            | (Some(Heard::Silent(sum)), Heard::Silent(time)) => {
                *sum += time;
            }
            (_, what) => heard.push(what),
        }
    }
}

fn packets(heard: &[Heard]) -> Vec<u32> {
    heard
        .iter()
        .filter_map(|what| match what {
            Heard::Packet(id) => Some(*id),
            Heard::Invented(_) | Heard::Silent(_) => None,
        })
        .collect()
}

fn punctual(ids: std::ops::Range<u32>) -> Vec<(u64, u32)> {
    ids.clone().map(|id| (u64::from(id - ids.start) * 60, id)).collect()
}

#[test]
fn a_punctual_stream_plays_without_a_gap() {
    let heard = play(&mut buffer(), &punctual(1..50), 0);
    assert_eq!(heard[0], Heard::Silent(MIN), "the least delay is buffered first");
    assert_eq!(heard[1..], (1..50).map(Heard::Packet).collect::<Vec<_>>());
}

#[test]
fn what_the_lead_in_has_buffered_plays_at_once() {
    let heard = play(&mut buffer(), &punctual(1..50), 200);
    assert_eq!(heard, (1..50).map(Heard::Packet).collect::<Vec<_>>());
}

#[test]
fn a_short_stream_that_is_complete_plays_at_once() {
    let heard = play(&mut buffer(), &[(0, 7)], 200);
    assert_eq!(heard, [Heard::Packet(7)]);
}

#[test]
fn a_target_is_not_rounded_up_to_whole_packets() {
    let mut buffer = Jitter::new(1_000, Delay::new(ms(70), MAX));
    let heard = play(&mut buffer, &punctual(1..50), 0);
    assert_eq!(heard[0], Heard::Silent(ms(70)));
    assert_eq!(heard[1..], (1..50).map(Heard::Packet).collect::<Vec<_>>());
}

#[test]
fn a_packet_that_is_overdue_is_waited_for() {
    let heard = play(&mut buffer(), &[(0, 1), (150, 2), (180, 3), (240, 4)], 0);
    // Its 90 ms of lateness are the target then, half a packet more than what is there.
    assert_eq!(heard[0], Heard::Silent(ms(150) + SPAN / 2));
}

#[test]
fn a_lone_packet_waits_no_longer_than_the_most() {
    let mut buffer = buffer();
    let start = Instant::now();
    assert_eq!(buffer.insert(start, PacketId(1), SPAN, 1), Ok(()));
    assert_eq!(buffer.pull(start + ms(799), false), Next::Silence);
    assert_eq!(buffer.pull(start + MAX, false), Next::Packet(1));
}

#[test]
fn a_lost_packet_is_concealed_for_exactly_its_time() {
    let mut arrivals = punctual(1..30);
    arrivals.retain(|(_, id)| ![10, 20, 21, 22].contains(id));
    let heard = play(&mut buffer(), &arrivals, 400);
    assert_eq!(heard[8..11], [Heard::Packet(9), Heard::Invented(SPAN), Heard::Packet(11)]);
    assert_eq!(heard[18..21], [Heard::Packet(19), Heard::Invented(SPAN * 3), Heard::Packet(23)]);
    assert_eq!(heard.len(), 27);
}

#[test]
fn a_loss_found_only_when_the_buffer_is_dry_takes_no_more_than_its_time() {
    let mut arrivals = punctual(1..30);
    arrivals.retain(|(_, id)| ![10, 11].contains(id));
    let heard = play(&mut buffer(), &arrivals, 0);
    let gap: Duration = heard
        .iter()
        .skip(1)
        .map(|what| match what {
            Heard::Invented(time) | Heard::Silent(time) => *time,
            Heard::Packet(_) => Duration::ZERO,
        })
        .sum();
    assert_eq!(packets(&heard).len(), 27);
    assert!(gap >= SPAN * 2 && gap <= SPAN * 3, "two lost packets left a gap of {gap:?}");
}

#[test]
fn reordered_packets_play_in_order() {
    let mut arrivals = punctual(1..30);
    arrivals.swap(10, 12);
    arrivals[10].1 = 11;
    arrivals[12].1 = 13;
    arrivals[10].0 += 130;
    let heard = play(&mut buffer(), &arrivals, 300);
    assert_eq!(heard, (1..30).map(Heard::Packet).collect::<Vec<_>>());
}

#[test]
fn duplicates_and_packets_after_their_turn_are_late() {
    let mut buffer = buffer();
    let now = Instant::now();
    for id in [5, 6, 8] {
        assert_eq!(buffer.insert(now, PacketId(id), SPAN, id), Ok(()));
    }
    assert_eq!(buffer.insert(now, PacketId(6), SPAN, 6), Err((Rejected::Late, 6)));
    assert_eq!(buffer.pull(now, false), Next::Packet(5));
    assert_eq!(buffer.insert(now, PacketId(5), SPAN, 5), Err((Rejected::Late, 5)));
    assert_eq!(buffer.insert(now, PacketId(4), SPAN, 4), Err((Rejected::Late, 4)));
    assert_eq!(buffer.insert(now, PacketId(7), SPAN, 7), Ok(()), "its turn is yet to come");
}

#[test]
fn ids_may_wrap() {
    let ids = [u32::MAX - 1, u32::MAX, 0, 1, 2];
    let arrivals: Vec<_> = (0_u64..).map(|n| n * 60).zip(ids).collect();
    assert_eq!(packets(&play(&mut buffer(), &arrivals, 200)), ids);
}

#[test]
fn after_a_stall_the_whole_late_burst_is_said() {
    let stalled = punctual(1..40)
        .into_iter()
        .map(|(at, id)| if (600..1_500).contains(&at) { (1_500, id) } else { (at, id) });
    let heard = play(&mut buffer(), &stalled.collect::<Vec<_>>(), 0);
    assert_eq!(packets(&heard), (1..40).collect::<Vec<_>>());
    let dry = heard.iter().position(|what| matches!(what, Heard::Invented(_))).unwrap();
    assert_eq!(heard[dry], Heard::Invented(CONCEAL_MAX));
    assert!(matches!(heard[dry + 1], Heard::Silent(_)));
    assert_eq!(heard.len(), 39 + 3, "one start, one gap: {heard:?}");
}

#[test]
fn a_network_with_jitter_ends_up_without_underruns() {
    // Every fourth packet is 300 ms late: far more than the least delay.
    let late = |(at, id): (u64, u32)| if id % 4 == 0 { (at + 300, id) } else { (at, id) };
    let mut buffer = buffer();
    let arrivals: Vec<_> = punctual(1..100).into_iter().map(late).collect();
    let first = play(&mut buffer, &arrivals, 200);
    let learnt = buffer.delay().clone();
    buffer.begin(&learnt);
    let second = play(&mut buffer, &arrivals, 200);
    assert_eq!(packets(&second), (1..100).collect::<Vec<_>>());
    assert!(!second.iter().any(|what| matches!(what, Heard::Invented(_))), "second stream: {second:?}");
    assert!(packets(&first).len() > 93, "first stream: {first:?}");
}

#[test]
fn a_leap_in_the_numbers_is_no_loss() {
    let mut buffer = buffer();
    let now = Instant::now();
    for id in [1, 2, 500_000, 500_001] {
        assert_eq!(buffer.insert(now, PacketId(id), SPAN, id), Ok(()));
    }
    for id in [1, 2, 500_000, 500_001] {
        assert_eq!(buffer.pull(now, true), Next::Packet(id));
    }
    assert_eq!(buffer.pull(now, true), Next::End);
}

#[test]
fn what_is_given_up_is_not_concealed() {
    let mut buffer = buffer();
    let now = Instant::now();
    for id in 1..10 {
        assert_eq!(buffer.insert(now, PacketId(id), SPAN, id), Ok(()));
    }
    assert_eq!(buffer.pull(now, false), Next::Packet(1));
    assert_eq!(buffer.drop_oldest(), Some(2));
    assert_eq!(buffer.pull(now, false), Next::Packet(3));
    assert_eq!(buffer.buffered(), SPAN * 6);
}

#[test]
fn a_full_buffer_says_so() {
    let mut buffer = Jitter::new(2, Delay::new(MIN, MAX));
    let now = Instant::now();
    assert_eq!(buffer.insert(now, PacketId(1), SPAN, 1), Ok(()));
    assert_eq!(buffer.insert(now, PacketId(2), SPAN, 2), Ok(()));
    assert_eq!(buffer.insert(now, PacketId(3), SPAN, 3), Err((Rejected::Full, 3)));
}

proptest! {
    #[test]
    fn every_packet_that_came_in_time_plays_once_and_in_order(
        jitter in prop::collection::vec(0_u64..1_500, 1..80),
        lost in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
        first in any::<u32>(),
        lead in 0_u64..500,
    ) {
        let mut arrivals: Vec<(u64, u32)> = Vec::new();
        let mut clock = 0;
        for (n, late) in (0_u32..).zip(&jitter) {
            // As over TCP: a late packet holds up all behind it.
            clock = clock.max(u64::from(n) * 60 + late);
            arrivals.push((clock, first.wrapping_add(n)));
        }
        for index in &lost {
            if arrivals.len() > 1 {
                arrivals.remove(index.index(arrivals.len()));
            }
        }
        let want: Vec<u32> = arrivals.iter().map(|(_, id)| *id).collect();
        // `play` sorts by time and id; wrapped ids of one instant would change places.
        prop_assume!(want.is_sorted());
        let heard = play(&mut buffer(), &arrivals, lead);
        prop_assert_eq!(packets(&heard), want);
    }

    #[test]
    fn any_ids_in_any_order_neither_panic_nor_get_lost(ids in prop::collection::vec(any::<u32>(), 0..200), pulls in 0_usize..200) {
        let mut buffer = Jitter::new(50, Delay::new(MIN, MAX));
        let mut now = Instant::now();
        let (mut taken, mut given) = (0, 0);
        for (n, id) in ids.iter().enumerate() {
            now += ms(7);
            taken += usize::from(buffer.insert(now, PacketId(*id), SPAN, *id).is_ok());
            if n < pulls && matches!(buffer.pull(now, false), Next::Packet(_)) {
                given += 1;
            }
        }
        for _ in 0..20_000 {
            match buffer.pull(now, true) {
                Next::Packet(_) => given += 1,
                Next::Conceal(time) => prop_assert!(time <= ms(120) && !time.is_zero()),
                Next::Silence => {}
                Next::End => break,
            }
        }
        prop_assert!(buffer.is_empty());
        prop_assert_eq!(taken, given);
    }
}
