//! Every fault of the simulator against the gateway: the reaction and its name, how long it waits, that it hammers
//! nobody and fills no journal, and that it recovers by itself.
//!
//! The table below has every fault with how it is written in the simulator's configuration and where it is proven. A
//! fault without a line does not compile, nor does a line without its test.
#![allow(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::wildcard_enum_match_arm,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unchecked_time_subtraction,
    reason = "helpers of a test fail as the test does: by panicking"
)]

#[path = "faults/connect.rs"]
mod connect;
#[path = "support/gateway.rs"]
mod gateway;
#[path = "faults/logon.rs"]
mod logon;
#[path = "faults/noise.rs"]
mod noise;
#[path = "faults/packets.rs"]
mod packets;
#[path = "faults/scene.rs"]
mod scene;
#[path = "faults/status.rs"]
mod status;
#[path = "faults/streams.rs"]
mod streams;
#[path = "support/session.rs"]
mod support;
#[path = "faults/time.rs"]
mod time;

use std::collections::HashSet;
use std::mem::discriminant;

use serde::Deserialize;
use zello_gateway::sim::{Fault, Settings, Sim};

macro_rules! faults {
    ($($pattern:pat = $written:literal => $($proof:path),+;)+) => {
        /// How each fault is written in a configuration.
        const WRITTEN: &[&str] = &[$($written),+];

        /// Where a fault is proven.
        fn proofs(fault: &Fault) -> Vec<fn()> {
            match fault {
                $($pattern => vec![$($proof),+],)+
            }
        }
    };
}

faults! {
    Fault::RefuseUpgrade { .. } = "{ refuse_upgrade = { status = 429, times = 3 } }"
        => connect::an_upgrade_that_is_refused_is_waited_out_by_its_status,
           connect::the_waits_under_http_429_grow_to_a_quarter_of_an_hour;
    Fault::SlowUpgrade { .. } = "{ slow_upgrade = { ms = 9 } }"
        => connect::an_upgrade_without_an_answer_is_given_up, connect::a_slow_upgrade_is_waited_for;
    Fault::SilentLogon = "'silent_logon'" => logon::a_log_on_without_an_answer_is_given_up;
    Fault::LogonLate { .. } = "{ logon_late = { ms = 9 } }"
        => logon::a_log_on_without_an_answer_is_given_up, logon::an_answer_within_10_s_is_waited_for;
    Fault::LogonError { .. } = "{ logon_error = { error = 'suspended' } }"
        => logon::every_error_of_a_log_on_is_waited_out_by_its_class,
           logon::not_authorized_is_latched_only_when_it_repeats;
    Fault::CloseOnLogon { .. } = "{ close_on_logon = { code = 3001, reason = 'unable to verify' } }"
        => logon::every_close_code_at_log_on_is_waited_out_by_its_class,
           logon::not_authorized_is_latched_only_when_it_repeats;
    Fault::CloseAfter { .. } = "{ close_after = { ms = 9, code = 1006 } }"
        => connect::a_link_that_ends_soon_after_its_log_on_is_not_made_anew_in_haste,
           connect::a_service_that_recycles_its_sockets_costs_no_over_and_is_no_news,
           logon::a_link_closed_as_refused_later_is_waited_out_by_the_same_rules;
    Fault::NotAuthorizedAfterKick { .. } = "{ not_authorized_after_kick = { ms = 9 } }"
        => logon::not_authorized_after_a_kick_passes_and_is_never_latched;
    Fault::StatusOffline = "'status_offline'"
        => status::a_channel_that_stays_offline_is_waited_for_and_then_entered_anew;
    Fault::StatusLate { .. } = "{ status_late = { ms = 9 } }"
        => status::a_channel_that_comes_online_late_is_waited_for,
           status::a_channel_that_stays_offline_is_waited_for_and_then_entered_anew;
    Fault::StatusFlapping { .. } = "{ status_flapping = { ms = 9 } }"
        => status::a_channel_that_flaps_costs_no_connect_and_few_lines;
    Fault::StatusError { .. } = "{ status_error = { error = 'x', error_type = 'unknown' } }"
        => status::every_error_of_a_status_is_waited_out_by_its_class, status::what_the_status_says_is_in_the_log;
    Fault::StatusWithoutFlags = "'status_without_flags'" => noise::status_events_without_flags;
    Fault::StartUnanswered { .. } = "{ start_unanswered = { times = 2 } }"
        => streams::a_connection_that_answers_no_start_is_a_ghost_and_left_at_a_growing_pace,
           streams::a_start_without_an_answer_is_made_again;
    Fault::StartLate { .. } = "{ start_late = { ms = 9 } }"
        => streams::an_answer_after_its_time_is_an_orphan_that_is_stopped,
           streams::a_server_that_always_answers_late_is_given_the_time;
    Fault::StartRefused { .. } = "{ start_refused = { error = 'channel busy' } }"
        => streams::a_refusal_that_passes_is_asked_again_and_no_word_is_lost,
           streams::a_refusal_that_lasts_drops_the_oldest_and_says_so,
           streams::a_refusal_for_good_costs_the_over_and_not_the_session,
           streams::a_log_on_that_may_only_listen_goes_on_listening,
           streams::a_server_that_forgot_the_log_on_is_logged_on_to_again,
           streams::a_channel_that_is_never_ready_is_entered_anew;
    Fault::Woodpecker { .. } = "{ woodpecker = { starts = 2, within_ms = 9 } }"
        => streams::many_short_overs_are_spaced_as_the_server_wants_and_none_is_lost;
    Fault::StopStreamsAfter { .. } = "{ stop_streams_after = { ms = 9 } }"
        => streams::an_over_that_the_server_ends_is_told_and_the_next_is_said;
    Fault::MissingStop = "'missing_stop'" => packets::a_stop_that_never_comes;
    Fault::StopBeforeStart = "'stop_before_start'" => noise::a_stop_before_the_start;
    Fault::EarlyStop = "'early_stop'" => packets::a_stop_before_the_last_packet;
    Fault::Overlap = "'overlap'" => streams::two_who_talk_at_once_and_over_us_are_both_told;
    Fault::PacketLoss { .. } = "{ packet_loss = { percent = 9 } }" => packets::packets_that_never_come;
    Fault::PacketDuplicate { .. } = "{ packet_duplicate = { percent = 9 } }" => packets::packets_that_come_twice;
    Fault::PacketReorder { .. } = "{ packet_reorder = { percent = 9 } }" => packets::packets_in_the_wrong_order;
    Fault::PacketJitter { .. } = "{ packet_jitter = { max_ms = 9 } }" => packets::packets_that_come_late;
    Fault::PacketEmpty { .. } = "{ packet_empty = { percent = 9 } }" => packets::packets_without_sound;
    Fault::OddPackets { .. } = "{ odd_packets = { ms = 60 } }"
        => packets::stereo_at_48_khz_with_three_frames_a_packet, packets::packets_of_120_ms;
    Fault::UsersOnlineStorm { .. } = "{ users_online_storm = { events = 9 } }"
        => noise::status_events_between_request_and_reply;
    Fault::UnknownEvents = "'unknown_events'" => noise::events_that_nobody_documents;
    Fault::UnknownFields = "'unknown_fields'" => noise::fields_that_nobody_documents;
    Fault::Garbage = "'garbage'" => noise::frames_that_are_no_messages;
    Fault::MissingPong = "'missing_pong'" => connect::pongs_that_stay_away_are_a_dead_link_unless_the_server_pings;
    Fault::HalfOpen { .. } = "{ half_open = { ms = 9 } }" => connect::a_link_that_falls_silent_is_left_and_made_anew;
    Fault::WrongCase = "'wrong_case'" => noise::the_channel_s_name_in_another_case;
    Fault::ForeignNames = "'foreign_names'" => noise::talkers_in_other_scripts, noise::names_of_every_script;
    Fault::ImageReplay = "'image_replay'" => noise::images_again_at_each_log_on;
    Fault::LongHeader = "'long_header'" => noise::a_codec_header_of_18_bytes;
}

/// A configuration of the simulator with nothing but faults.
#[derive(Deserialize)]
struct Written {
    faults: Vec<Fault>,
}

#[tokio::test(start_paused = true)]
async fn every_fault_can_be_written_in_a_configuration_and_set_at_run_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sim.toml");
    let sim = Sim::start(Settings::default());
    let mut kinds = HashSet::new();
    for written in WRITTEN {
        let text = format!("faults = [{written}]");
        let fault = toml::from_str::<Written>(&text).unwrap_or_else(|why| panic!("{written}: {why}")).faults;
        std::fs::write(&path, &text).unwrap();
        assert_eq!(Settings::read(&path).unwrap().faults, fault);
        assert!(!proofs(&fault[0]).is_empty() && kinds.insert(discriminant(&fault[0])), "{written}");
        sim.set_fault(fault[0].clone());
        sim.clear_fault(&fault[0]);
    }
}
