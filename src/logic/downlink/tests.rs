use super::*;

const SPAN: Duration = Duration::from_millis(60);

pub(super) fn settings() -> config::Downlink {
    let ms = Duration::from_millis;
    config::Downlink {
        lead: ms(200),
        tail: ms(150),
        time_out: ms(180_000),
        rx_mute: ms(300),
        busy: config::Busy::Wait,
        wait: ms(30_000),
        held_tone: false,
        jitter_min: ms(60),
        jitter_max: ms(800),
    }
}

/// A 60 ms packet (SILK wide band, one frame) that says who it is.
pub(super) fn opus(stream: u32, id: u32) -> heapless::Vec<u8, DOWNLINK_PAYLOAD_MAX> {
    let mut packet = heapless::Vec::from_slice(&[11 << 3]).unwrap();
    packet.extend_from_slice(&stream.to_be_bytes()).unwrap();
    packet.extend_from_slice(&id.to_be_bytes()).unwrap();
    packet.extend_from_slice(&[0x55; 80]).unwrap();
    packet
}

/// Stream and number of a packet made by [`opus`].
pub(super) fn read(packet: &[u8]) -> (u32, u32) {
    let number = |at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
    assert_eq!(packet.len(), 89);
    (number(1), number(5))
}

/// The channel and the radio in virtual time.
struct Air {
    now: Instant,
    downlink: Downlink,
}

impl Air {
    fn new(settings: config::Downlink) -> Self {
        Self { now: Instant::now(), downlink: Downlink::new(settings) }
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.downlink.handle_timeout(self.now);
    }

    fn start(&mut self, stream: u32) {
        let item = DownlinkItem::Start { stream: StreamId(stream), at: self.now };
        self.downlink.handle(self.now, &item);
    }

    fn packet(&mut self, stream: u32, id: u32) {
        let (stream, payload) = (StreamId(stream), opus(stream, id));
        let item = DownlinkItem::Packet { stream, id: PacketId(id), at: self.now, payload };
        self.downlink.handle(self.now, &item);
    }

    /// Live speech: each packet comes at its time.
    fn packets(&mut self, stream: u32, ids: std::ops::RangeInclusive<u32>) {
        for id in ids {
            self.packet(stream, id);
            self.wait(SPAN);
        }
    }

    fn stop(&mut self, stream: u32) {
        self.downlink.handle(self.now, &DownlinkItem::Stop { stream: StreamId(stream) });
    }

    fn over(&mut self, stream: u32, ids: std::ops::RangeInclusive<u32>) {
        self.start(stream);
        self.packets(stream, ids);
        self.stop(stream);
    }

    /// Speaks until there is nothing more to say; what was said, by stream and number.
    fn speak(&mut self) -> Vec<(u32, u32)> {
        let mut said = Vec::new();
        for _ in 0..100_000 {
            let time = match self.downlink.pull(self.now) {
                Pull::Begin { .. } => Duration::ZERO,
                Pull::Packet(packet) => {
                    said.push(read(packet));
                    SPAN
                }
                Pull::Conceal(time) => time,
                Pull::Silence => Duration::from_millis(10),
                Pull::Done => return said,
            };
            self.wait(time);
        }
        panic!("the transmitter would stay keyed: {said:?}");
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.downlink.poll_event()).collect()
    }
}

fn all(stream: u32, ids: std::ops::RangeInclusive<u32>) -> Vec<(u32, u32)> {
    ids.map(|id| (stream, id)).collect()
}

const ONE: StreamId = StreamId(1);

#[test]
fn the_radio_is_wanted_from_the_start_to_the_last_word() {
    let mut air = Air::new(settings());
    assert!(!air.downlink.wants_radio());
    assert_eq!(air.downlink.pull(air.now), Pull::Done);
    air.start(1);
    assert!(air.downlink.wants_radio(), "keyed before the first packet");
    assert_eq!(air.downlink.pull(air.now), Pull::Begin { held: false });
    assert_eq!(air.downlink.pull(air.now), Pull::Silence);
    air.packets(1, 1..=10);
    air.stop(1);
    assert_eq!(air.speak(), all(1, 1..=10));
    assert!(!air.downlink.wants_radio());
    let began = Event::Began { stream: ONE, held: false };
    let events = [Event::Started { stream: ONE }, began, Event::Ended { stream: ONE }];
    assert_eq!(air.events(), events);
    let counts = Counts { streams: 1, packets: 10, ..Counts::default() };
    assert_eq!(air.downlink.take_counts(), counts);
    assert_eq!(air.downlink.take_counts(), Counts::default());
}

#[test]
fn the_last_packet_may_play_out_before_the_stream_is_over() {
    let mut air = Air::new(settings());
    air.over(1, 1..=1);
    assert_eq!(air.downlink.pull(air.now), Pull::Begin { held: false });
    assert!(matches!(air.downlink.pull(air.now), Pull::Packet(_)));
    air.wait(SPAN / 2);
    assert!(air.downlink.wants_radio(), "half of it is still to be played");
    assert_eq!(air.downlink.pull(air.now), Pull::Done);
    assert!(!air.downlink.wants_radio());
}

#[test]
fn a_second_talker_waits_for_the_first() {
    let mut air = Air::new(settings());
    air.start(1);
    air.start(2);
    for id in 1..=20 {
        air.packet(2, id);
        air.packets(1, id..=id);
    }
    air.stop(2);
    air.stop(1);
    let said = air.speak();
    assert_eq!(said, [all(1, 1..=20), all(2, 1..=20)].concat());
    let counts = air.downlink.take_counts();
    assert_eq!((counts.packets, counts.late, counts.expired), (40, 0, 0));
}

#[test]
fn talk_that_waits_too_long_goes_oldest_first_and_is_counted() {
    let mut air = Air::new(settings());
    air.over(1, 1..=600);
    let kept = 30_000 / 60;
    assert_eq!(air.speak(), all(1, 601 - kept..=600));
    assert_eq!(air.downlink.take_counts().expired, 600 - u64::from(kept));
    let expired = Event::Expired { stream: ONE, packets: 600 - kept };
    assert!(air.events().contains(&expired), "one event for all of them");
}

#[test]
fn the_speaking_stream_does_not_eat_the_room_of_those_that_wait() {
    let mut air = Air::new(settings());
    air.over(1, 1..=400);
    assert_eq!(air.downlink.pull(air.now), Pull::Begin { held: true });
    air.over(2, 1..=400);
    assert_eq!(air.speak().len(), 800);
}

#[test]
fn even_without_waiting_talk_survives_the_lead_in() {
    let mut air = Air::new(config::Downlink { wait: Duration::ZERO, ..settings() });
    air.start(1);
    air.packets(1, 1..=10);
    air.stop(1);
    assert_eq!(air.speak(), all(1, 1..=10));
}

#[test]
fn a_stream_without_stop_ends_two_seconds_after_its_last_packet() {
    let mut air = Air::new(settings());
    air.start(1);
    air.packets(1, 1..=4);
    let last = air.now;
    air.packets(1, 5..=5);
    assert_eq!(air.downlink.poll_timeout(), Some((last + STOP_MISSING, Deadline::StopMissing(ONE))));
    assert_eq!(air.speak(), all(1, 1..=5));
    let over = air.now - last;
    assert!(over >= STOP_MISSING && over < STOP_MISSING + SPAN, "over after {over:?}");
    assert_eq!(air.downlink.take_counts().stops_missing, 1);
    assert_eq!(air.downlink.poll_timeout(), None);
}

#[test]
fn a_stream_that_never_says_anything_lets_go_after_two_seconds() {
    let mut air = Air::new(settings());
    air.start(1);
    let start = air.now;
    assert_eq!(air.speak(), []);
    assert!(air.now - start <= STOP_MISSING + Duration::from_millis(10));
    assert!(!air.downlink.wants_radio());
}

#[test]
fn a_waiting_stream_without_stop_ends_too() {
    let mut air = Air::new(settings());
    air.start(1);
    air.start(2);
    air.packet(2, 1);
    air.wait(STOP_MISSING);
    assert!(air.downlink.wants_radio(), "the packet of the second is still to be said");
    assert_eq!(air.downlink.poll_timeout(), None);
    assert_eq!(air.speak(), [(2, 1)]);
}

#[test]
fn a_stream_that_comes_back_after_a_long_stall_is_heard() {
    let mut air = Air::new(settings());
    air.start(1);
    air.packets(1, 1..=5);
    assert_eq!(air.speak(), all(1, 1..=5));
    air.wait(Duration::from_secs(5));
    air.packets(1, 6..=9);
    air.stop(1);
    assert_eq!(air.speak(), all(1, 6..=9));
    assert_eq!(air.downlink.take_counts().late, 0);
}

#[test]
fn markers_of_a_loss_and_repetitions_do_not_hold_the_key() {
    let mut air = Air::new(settings());
    air.start(1);
    air.packet(1, 1);
    for id in 2..40 {
        air.wait(SPAN);
        let payload = heapless::Vec::new();
        let item = DownlinkItem::Packet { stream: ONE, id: PacketId(id), at: air.now, payload };
        air.downlink.handle(air.now, &item);
        air.packet(1, 1);
    }
    assert_eq!(air.speak(), [(1, 1)]);
    let counts = air.downlink.take_counts();
    assert_eq!((counts.stops_missing, counts.packets), (1, 39));
}

#[test]
fn a_lost_start_and_a_start_overtaken_by_its_packet_lose_nothing() {
    let mut air = Air::new(settings());
    air.packet(1, 1);
    assert!(air.downlink.wants_radio());
    air.start(1);
    air.packet(1, 2);
    air.stop(1);
    assert_eq!(air.speak(), all(1, 1..=2));
    assert_eq!(air.downlink.take_counts().streams, 1);
}

#[test]
fn a_stop_that_overtakes_packets_loses_nothing_while_the_stream_is_said() {
    let mut air = Air::new(settings());
    air.start(1);
    air.packet(1, 1);
    air.stop(1);
    air.packet(1, 2);
    assert_eq!(air.speak(), all(1, 1..=2));
    air.packet(1, 3);
    assert!(!air.downlink.wants_radio(), "the stream is over");
    assert_eq!(air.downlink.take_counts().late, 1);
}

#[test]
fn stops_of_unknown_streams_are_ignored() {
    let mut air = Air::new(settings());
    air.stop(9);
    assert!(!air.downlink.wants_radio());
    air.over(9, 1..=3);
    assert_eq!(air.speak(), all(9, 1..=3));
}

#[test]
fn a_number_that_is_given_again_is_a_new_stream() {
    let mut air = Air::new(settings());
    air.start(1);
    air.packets(1, 100..=102);
    air.over(1, 1..=3);
    assert_eq!(air.speak(), [all(1, 100..=102), all(1, 1..=3)].concat());
    air.over(1, 1..=2);
    assert_eq!(air.speak(), all(1, 1..=2));
}

#[test]
fn a_lost_link_ends_the_streams_but_what_came_is_said() {
    let mut air = Air::new(settings());
    air.start(1);
    air.packets(1, 1..=5);
    air.start(2);
    air.packet(2, 1);
    air.start(3);
    air.downlink.handle(air.now, &DownlinkItem::LinkLost);
    assert_eq!(air.downlink.poll_timeout(), None);
    // The new session gives the same number to somebody else.
    air.packet(1, 50);
    air.stop(1);
    assert_eq!(air.speak(), [all(1, 1..=5), all(2, 1..=1), all(1, 50..=50)].concat());
}

#[test]
fn after_a_time_out_the_rest_of_the_stream_is_ignored_and_the_next_one_served() {
    let mut air = Air::new(settings());
    air.start(1);
    air.packets(1, 1..=5);
    assert_eq!(air.downlink.pull(air.now), Pull::Begin { held: false });
    assert!(matches!(air.downlink.pull(air.now), Pull::Packet(_)));
    air.start(2);
    air.packet(2, 1);
    air.downlink.discard(air.now, Discard::TimeOut);
    air.packet(1, 6);
    air.wait(Duration::from_millis(1_900));
    air.packet(1, 7);
    air.stop(2);
    assert_eq!(air.speak(), [(2, 1)]);
    air.wait(STOP_MISSING);
    air.packet(1, 8);
    assert!(!air.downlink.wants_radio());
    let counts = air.downlink.take_counts();
    assert_eq!((counts.packets, counts.discarded), (9, 4 + 3));
    air.stop(1);
    air.packet(1, 9);
    assert!(!air.downlink.wants_radio(), "what the stop overtook is of the same stream");
    assert_eq!(air.downlink.take_counts().discarded, 1);
    air.over(1, 1..=2);
    assert_eq!(air.speak(), all(1, 1..=2), "its number can be given to another");
}

#[test]
fn with_busy_drop_everything_that_is_there_goes() {
    let mut air = Air::new(settings());
    air.start(1);
    air.packet(1, 1);
    air.over(2, 1..=2);
    air.downlink.discard(air.now, Discard::Busy);
    assert!(!air.downlink.wants_radio());
    air.packet(1, 2);
    assert_eq!(air.speak(), []);
    assert_eq!(air.downlink.take_counts().discarded, 4);
    air.over(3, 1..=2);
    assert_eq!(air.speak(), all(3, 1..=2));
}

#[test]
fn of_more_streams_than_can_be_followed_the_oldest_that_waits_goes_and_is_counted() {
    let mut air = Air::new(settings());
    let count = u32::try_from(STREAMS_MAX).unwrap();
    air.over(1, 1..=2);
    assert_eq!(air.downlink.pull(air.now), Pull::Begin { held: false });
    for stream in 2..=count + 3 {
        air.over(stream, 1..=2);
    }
    assert!(air.events().contains(&Event::Expired { stream: StreamId(2), packets: 2 }));
    assert_eq!(air.downlink.take_counts().expired, 3 * 2);
    let said: Vec<_> =
        std::iter::once(1).chain(5..=count + 3).flat_map(|stream| all(stream, 1..=2)).collect();
    assert_eq!(air.speak(), said, "the one that speaks is not disturbed");
}

#[test]
fn a_flood_of_starts_costs_no_talk() {
    let mut air = Air::new(settings());
    for stream in 1..=5 {
        air.over(stream, 1..=3);
    }
    for stream in 100..1_000 {
        air.start(stream);
    }
    let talk: Vec<_> = (1..=5).flat_map(|stream| all(stream, 1..=3)).collect();
    assert_eq!(air.speak(), talk);
    assert_eq!(air.downlink.take_counts().expired, 0);
}

#[test]
fn talk_that_had_to_wait_is_held_talk_and_what_the_lead_in_delayed_is_live() {
    let mut air = Air::new(settings());
    air.start(1);
    air.packet(1, 1);
    air.wait(HELD.checked_sub(Duration::from_millis(1)).unwrap());
    assert_eq!(air.downlink.pull(air.now), Pull::Begin { held: false });
    assert_eq!(air.speak(), all(1, 1..=1));
    air.over(2, 1..=2);
    air.wait(HELD);
    assert_eq!(air.downlink.pull(air.now), Pull::Begin { held: true });
    assert_eq!(air.speak(), all(2, 1..=2));
    assert_eq!(air.downlink.take_counts().held, 1);
}

#[test]
fn what_counts_is_the_age_of_the_first_word_that_is_left() {
    // Half a minute of live talk of which only the last 5 s were kept.
    let mut air = Air::new(config::Downlink { wait: Duration::from_secs(5), ..settings() });
    air.over(1, 1..=500);
    assert_eq!(air.downlink.pull(air.now), Pull::Begin { held: false });
}

#[test]
fn what_is_not_opus_is_counted_and_not_played() {
    let mut air = Air::new(settings());
    air.start(1);
    // Code 3 with no frame at all.
    let payload = heapless::Vec::from_slice(&[11 << 3 | 3, 0, 1, 2]).unwrap();
    let item = DownlinkItem::Packet { stream: ONE, id: PacketId(1), at: air.now, payload };
    air.downlink.handle(air.now, &item);
    air.packet(1, 2);
    air.stop(1);
    assert_eq!(air.speak(), [(1, 2)]);
    assert_eq!(air.downlink.take_counts().invalid, 1);
}

#[test]
fn a_lost_packet_is_concealed_and_a_late_one_is_counted() {
    let mut air = Air::new(settings());
    air.start(1);
    for id in [1, 2, 4, 5] {
        air.packet(1, id);
    }
    air.stop(1);
    let mut pulled = Vec::new();
    loop {
        let what = match air.downlink.pull(air.now) {
            Pull::Begin { .. } => continue,
            Pull::Packet(packet) => read(packet).1,
            Pull::Conceal(time) => {
                assert_eq!(time, SPAN);
                0
            }
            Pull::Silence => panic!("nothing is left to wait for"),
            Pull::Done => break,
        };
        pulled.push(what);
        if what == 4 {
            air.packet(1, 3);
        }
    }
    assert_eq!(pulled, [1, 2, 0, 4, 5]);
    assert_eq!(air.downlink.take_counts().late, 1);
}
