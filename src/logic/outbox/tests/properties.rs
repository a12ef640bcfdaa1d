//! Whatever happens to an outbox, in whatever order.

use super::*;

/// What can happen to an outbox.
#[derive(Debug, Clone)]
enum Move {
    Start { rolls_over: bool },
    Talk(u32),
    End,
    Wait(u64),
    Grant,
    GrantOld(u32),
    Refuse(ErrorCode),
    Complain(ErrorCode),
    OwnStop,
    Free,
    Congestion(bool),
    Offline,
    Online,
}

fn moves() -> impl Strategy<Value = Move> {
    let errors = prop_oneof![
        Just(ErrorCode::ChannelBusy),
        Just(ErrorCode::WoodpeckerProhibited),
        Just(ErrorCode::ChannelIsNotReady),
        Just(ErrorCode::InvalidRequest),
        Just(ErrorCode::InvalidStreamId),
        Just(ErrorCode::EmptyMessage),
        Just(ErrorCode::Other("what".to_owned())),
    ];
    prop_oneof![
        3 => any::<bool>().prop_map(|rolls_over| Move::Start { rolls_over }),
        6 => (1..30_u32).prop_map(Move::Talk),
        2 => Just(Move::End),
        4 => (1..5_000_u64).prop_map(Move::Wait),
        6 => Just(Move::Grant),
        1 => (1..20_u32).prop_map(Move::GrantOld),
        1 => errors.clone().prop_map(Move::Refuse),
        1 => errors.prop_map(Move::Complain),
        1 => Just(Move::OwnStop),
        1 => Just(Move::Free),
        2 => any::<bool>().prop_map(Move::Congestion),
        1 => Just(Move::Offline),
        3 => Just(Move::Online),
    ]
}

fn play(bench: &mut Bench, moves: &[Move]) {
    let (mut over, mut open) = (0, false);
    for one in moves {
        let attempt = bench.starts().len() as u32;
        match one {
            Move::Start { rolls_over } => {
                if open {
                    bench.end(over);
                }
                over += 1;
                bench.start(over, (*rolls_over && over > 1).then(|| over - 1));
                open = true;
            }
            Move::Talk(count) if open => bench.talk(over, *count),
            Move::Talk(_) => {}
            Move::End => {
                bench.end(over);
                open = false;
            }
            Move::Wait(time) => bench.wait(ms(*time)),
            Move::Grant => bench.reply(attempt, 1_000 + attempt),
            Move::GrantOld(old) => bench.reply(*old, 1_000 + *old),
            Move::Refuse(error) => bench.refuse(attempt, error.clone()),
            Move::Complain(error) => bench.do_it(|outbox, now| outbox.handle_error(now, error)),
            Move::OwnStop => bench.do_it(|outbox, now| {
                outbox.handle_own_stop(now, StreamId(1_000 + attempt));
            }),
            Move::Free => bench.do_it(Outbox::handle_channel_free),
            Move::Congestion(congested) => {
                bench.do_it(|outbox, now| outbox.handle_congestion(now, *congested));
            }
            Move::Offline => bench.do_it(Outbox::handle_offline),
            Move::Online => bench.do_it(|outbox, now| outbox.handle_online(now, now + ms(100))),
        }
    }
}

proptest! {
    #[test]
    fn every_packet_is_sent_once_in_order_or_counted(
        moves in proptest::collection::vec(moves(), 1..80),
        hold in prop_oneof![Just(0_u64), Just(900), Just(60_000)],
    ) {
        let mut bench = Bench::new(ms(hold));
        play(&mut bench, &moves);
        check_wire(&bench)?;
        let sent = bench.sent();
        prop_assert!(sent.is_sorted_by(|a, b| a < b), "{:?}", sent);
        prop_assert_eq!(bench.counters.uplink_packets_sent.value(), sent.len() as u64);
        let lost = bench.counters.uplink_packets_expired.value() + bench.counters.uplink_packets_refused.value();
        let kept = bench.outbox.held().as_millis() as u64 / 60;
        prop_assert_eq!(sent.len() as u64 + lost + kept, u64::from(bench.next_packet));
    }

    #[test]
    fn whatever_happened_a_working_channel_empties_the_outbox(
        moves in proptest::collection::vec(moves(), 1..60),
    ) {
        let mut bench = Bench::new(ms(60_000));
        play(&mut bench, &moves);
        bench.end(u32::MAX);
        bench.do_it(|outbox, _| outbox.queue.end_last());
        bench.do_it(Outbox::handle_offline);
        bench.do_it(|outbox, now| outbox.handle_online(now, now));
        for _ in 0..400 {
            let attempt = bench.starts().len() as u32;
            bench.reply(attempt, 5_000 + attempt);
            bench.wait(ms(1_000));
        }
        prop_assert_eq!(bench.outbox.held(), Duration::ZERO);
        prop_assert_eq!(bench.outbox.poll_timeout(), None);
    }
}
