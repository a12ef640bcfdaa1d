//! What a person reads when a configuration is wrong: the whole message, for every kind of mistake.

#[path = "support/desk.rs"]
mod desk;

use desk::Desk;
use zello_gateway::config;

/// One test a file of `tests/data/config`: the message is the snapshot.
macro_rules! complaints {
    ($($test:ident: $file:literal;)*) => {$(
        #[test]
        fn $test() {
            let desk = Desk::new();
            let path = desk.fixture($file);
            let Err(complaints) = config::read_with(&path, None).config else {
                panic!("{} was accepted", $file);
            };
            let text = desk.without_paths(&complaints.to_string());
            assert!(!text.contains("hunter2"), "a secret is shown:\n{text}");
            insta::assert_snapshot!($file, text);
        }
    )*};
}

complaints! {
    unknown_keys_are_named_with_the_nearest_known_one: "unknown-keys";
    wrong_types_are_named_with_the_right_one: "wrong-types";
    values_out_of_range_are_told_the_range_and_the_unit: "out-of-range";
    an_empty_file_is_told_everything_that_it_needs: "empty";
    missing_keys_are_asked_for_at_their_tables: "missing-keys";
    two_ptt_or_cos_tables_are_refused_at_the_last: "two-of-each";
    hid_devices_and_pins_that_cannot_be_are_told_what_can: "bad-lines";
    serial_lines_of_the_wrong_direction_are_refused: "bad-serial";
    a_kind_in_the_wrong_place_is_led_to_the_header: "wrong-kind";
    values_in_place_of_tables_are_told_how_to_write_one: "not-tables";
    secrets_in_the_file_are_refused_and_not_shown: "secret-in-file";
    secret_files_that_others_may_read_are_refused: "world-readable";
    missing_files_and_folders_are_named: "missing-files";
    files_with_something_else_in_them_are_named: "wrong-files";
    a_key_beside_a_pasted_token_is_refused: "key-and-token";
    halves_of_an_account_are_told_the_other_half: "half-account";
    the_consumer_service_needs_a_token: "no-token";
    the_work_service_needs_a_network_and_an_account: "work-alone";
    addresses_must_be_encrypted_and_networks_bare_names: "addresses";
    secrets_in_place_of_paths_are_refused_and_not_shown: "pasted-secrets";
    a_gateway_without_any_device_has_nothing_to_do: "nothing-to-do";
    a_squelch_without_capture_is_refused: "cos-without-capture";
    lines_that_are_not_toml_are_marked: "syntax";
    an_unknown_board_is_told_the_nearest_and_all: "unknown-board";
    complaints_about_values_of_a_board_name_its_file: "board-cos-without-capture";
    a_board_does_not_hide_mistakes: "board-incomplete";
    what_a_board_leaves_to_the_user_is_asked_for: "board-needs-port";
    a_board_file_that_does_not_exist_is_named: "board-file-missing";
    complaints_about_a_board_file_point_into_it: "board-file";
    mixer_goals_of_the_wrong_kind_are_refused: "bad-mixer";
    a_mixer_level_and_its_control_go_together: "half-mixer";
}

#[test]
fn a_file_that_does_not_exist_is_said_so() {
    let desk = Desk::new();
    let text = config::load(&desk.path("nowhere.toml")).unwrap_err().to_string();
    insta::assert_snapshot!("no-file", desk.without_paths(&text));
}

#[test]
fn a_folder_is_not_a_configuration() {
    let desk = Desk::new();
    let text = config::load(&desk.path("folder")).unwrap_err().to_string();
    insta::assert_snapshot!("folder", desk.without_paths(&text));
}

#[test]
fn text_in_another_encoding_is_marked_at_its_first_foreign_byte() {
    let desk = Desk::new();
    let path = desk.write("gw.toml", b"[zello]\nchannel = \"K\xf6ln\"\n", 0o644);
    let text = config::load(&path).unwrap_err().to_string();
    insta::assert_snapshot!("latin-1", desk.without_paths(&text));
}

#[test]
fn every_complaint_about_a_line_stands_at_a_line_and_a_column() {
    let desk = Desk::new();
    let path = desk.fixture("wrong-types");
    let complaints = config::load(&path).unwrap_err();
    assert!(complaints.len() > 10, "{complaints}");
    for complaint in &complaints {
        assert!(complaint.place.line > 0 && complaint.place.column > 0, "{complaint}");
        assert!(!complaint.expected.is_empty() && !complaint.help.is_empty(), "{complaint}");
    }
}
