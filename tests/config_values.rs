//! Good configurations become the values that they say.
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare itself has failed")]

#[path = "support/desk.rs"]
mod desk;

use std::time::Duration;

use desk::Desk;
use zello_gateway::config::{
    self, AudioDevice, Bias, Busy, Channel, Config, Cos, GpioIn, GpioLine, GpioOut, HidName, HidOut,
    MixerGoals, MixerLevel, ModemOut, ModemOutput, Polarity, Ptt, Service, TokenSource, Vox,
};

fn read(desk: &Desk, fixture: &str) -> Config {
    let report = config::read_with(&desk.fixture(fixture), Some(desk.path("credentials")));
    report.config.unwrap_or_else(|complaints| panic!("{complaints}"))
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn what_is_left_out_has_the_defaults_of_the_design() {
    let desk = Desk::new();
    let config = read(&desk, "good-short");
    assert_eq!(config.board, None);
    assert_eq!(config.zello.url, "wss://zellowork.io/ws/acme");
    assert_eq!(config.zello.ca_file, None);
    assert!(!config.zello.listen_only);
    assert_eq!(config.audio.capture_channel, Channel::Left);
    assert_eq!(config.audio.playback_channel, Channel::Both);
    assert_eq!((config.audio.capture_gain_db, config.audio.playback_gain_db), (0.0, 0.0));
    assert_eq!(config.cos, Cos::Fifo { path: desk.path("cos") });
    let up = config.uplink;
    assert_eq!((up.packet, up.bitrate_bps, up.pre_roll, up.hang), (ms(60), 16_000, ms(200), ms(500)));
    assert_eq!((up.hold, up.roll_over, up.stuck), (ms(60_000), ms(55_000), ms(300_000)));
    let down = config.downlink;
    assert_eq!((down.lead, down.tail, down.time_out), (ms(200), ms(150), ms(180_000)));
    assert_eq!((down.rx_mute, down.busy, down.wait), (ms(300), Busy::Wait, ms(30_000)));
    assert_eq!((down.jitter_min, down.jitter_max), (ms(60), ms(800)));
}

#[test]
fn every_key_is_taken_as_written() {
    let desk = Desk::new();
    let config = read(&desk, "good-full");
    assert_eq!(config.zello.service, Service::Consumer);
    assert_eq!(config.zello.url, "ws://127.0.0.1:8008/ws");
    assert_eq!(config.zello.ca_file, Some(desk.path("ca.pem")));
    assert_eq!(config.zello.channel, "Baker Street 221B");
    let user = config.zello.user.unwrap();
    assert_eq!((user.name.as_str(), user.password.reveal().as_str()), ("sherlock", "hunter2"));
    assert!(matches!(&config.zello.token, TokenSource::Key { issuer, .. } if issuer == "WkM6MTIz.abc="));
    assert_eq!(config.audio.capture, AudioDevice::Wav(desk.path("in/over.wav")));
    assert_eq!(config.audio.playback, AudioDevice::Wav(desk.path("out.wav")));
    assert_eq!(config.audio.capture_channel, Channel::Right);
    assert_eq!(config.audio.playback_channel, Channel::Left);
    assert_eq!((config.audio.capture_gain_db, config.audio.playback_gain_db), (-3.0, 1.5));
    let chip = Some("pinctrl-bcm2835".to_owned());
    let line = GpioLine::Name("GPIO17".to_owned());
    assert_eq!(config.ptt, Ptt::Gpio(GpioOut { chip, line, active: Polarity::Low }));
    let (line, active, bias) = (GpioLine::Offset(27), Polarity::High, Bias::Off);
    assert_eq!(config.cos, Cos::Gpio(GpioIn { chip: None, line, active, bias, debounce: ms(0) }));
    let up = config.uplink;
    assert_eq!((up.packet, up.bitrate_bps, up.pre_roll, up.hang), (ms(20), 24_000, ms(100), ms(400)));
    assert_eq!((up.hold, up.roll_over, up.stuck), (ms(0), ms(2_500), ms(30_000)));
    let down = config.downlink;
    assert_eq!((down.lead, down.tail, down.time_out), (ms(0), ms(0), ms(3_000)));
    assert_eq!((down.rx_mute, down.busy, down.wait), (ms(0), Busy::Override, ms(5_000)));
    assert_eq!((down.jitter_min, down.jitter_max), (ms(100), ms(100)));
}

#[test]
fn a_pasted_token_without_account_listens_only() {
    let desk = Desk::new();
    let config = read(&desk, "good-pasted");
    assert!(config.zello.user.is_none());
    assert!(config.zello.listen_only);
    assert_eq!(config.zello.url, "wss://zello.io/ws");
    assert!(matches!(&config.zello.token, TokenSource::Pasted(token) if *token.reveal() == desk.token()));
    assert_eq!(config.audio.playback, AudioDevice::Alsa("default".to_owned()));
}

#[test]
fn a_board_fills_tables_of_the_same_kind_and_yields_to_another() {
    let desk = Desk::new();
    let config = read(&desk, "good-board");
    assert_eq!(config.board.as_deref(), Some("svxspot-hat"));
    let line = GpioLine::Offset(16);
    assert_eq!(config.ptt, Ptt::Gpio(GpioOut { chip: None, line, active: Polarity::High }));
    let vox = Vox { threshold_dbfs: -35.0, attack: ms(20), release: ms(600) };
    assert_eq!(config.cos, Cos::Vox(vox));
}

#[test]
fn secrets_come_from_systemd_credentials_even_when_their_group_bits_are_set() {
    let desk = Desk::new();
    let config = read(&desk, "good-board");
    assert_eq!(config.zello.url, "wss://zes.example.org/ws/mesh");
    assert_eq!(*config.zello.user.unwrap().password.reveal(), "from systemd");
}

#[test]
fn debug_of_a_configuration_shows_no_secret() {
    let desk = Desk::new();
    for fixture in ["good-full", "good-pasted"] {
        let text = format!("{:?}", read(&desk, fixture));
        assert!(!text.contains("hunter2") && !text.contains(&desk.token()), "{text}");
    }
}

/// The least that a user writes beside `board`: the account, the sound where the board does not know it, the port.
fn minimal(desk: &Desk, board: &str) -> std::path::PathBuf {
    let short = std::fs::read_to_string(desk.fixture("good-short")).unwrap();
    let (account, _) = short.split_once("[audio]").unwrap();
    let profile = config::board::text(board).unwrap();
    let mut text = format!("board = \"{board}\"\n{account}");
    if !profile.contains("capture = ") {
        text += "[audio]\ncapture = \"hw:CARD=Mine\"\nplayback = \"hw:CARD=Mine\"\n";
    }
    if profile.contains("[ptt.serial]") {
        text += "[ptt.serial]\nport = \"/dev/serial/by-id/mine\"\n";
    }
    desk.write("gw.toml", text.as_bytes(), 0o644)
}

#[test]
fn every_board_gives_a_whole_gateway_with_a_minimal_file() {
    let desk = Desk::new();
    for board in config::board::names() {
        let report = config::read(&minimal(&desk, board));
        let config = report.config.unwrap_or_else(|complaints| panic!("{board}:\n{complaints}"));
        assert!(report.advice.is_empty(), "{board}:\n{}", report.advice);
        assert_eq!(config.board.as_deref(), Some(board));
        assert_eq!(config.ptt == Ptt::None, board == "vox-signalink", "{board}");
        assert_ne!(config.cos, Cos::None, "{board}");
        assert_eq!(config.audio.mixer, None, "{board} touches the mixer unasked");
    }
}

#[test]
fn boards_key_by_what_their_names_say() {
    let desk = Desk::new();
    let ptt = |board| config::load(&minimal(&desk, board)).unwrap().ptt;
    let port = "/dev/serial/by-id/mine".into();
    let serial =
        |line| Ptt::Serial(ModemOut { port: std::path::PathBuf::clone(&port), line, active: Polarity::High });
    assert_eq!(ptt("aioc-serial"), serial(ModemOutput::Dtr));
    assert_eq!(ptt("digirig-mobile"), serial(ModemOutput::Rts));
    let hid = |card: &str| {
        Ptt::Cm108(HidOut { device: HidName::OfCard(card.to_owned()), gpio: 3, active: Polarity::High })
    };
    assert_eq!(ptt("aioc-hid"), hid("AllInOneCable"));
    assert_eq!(ptt("shari"), hid("Device"));
}

#[test]
fn the_mixer_goals_of_a_board_are_set_when_asked_and_yield_to_the_users() {
    let desk = Desk::new();
    let path = minimal(&desk, "cm108-generic");
    let text = std::fs::read_to_string(&path).unwrap();
    let text =
        format!("{text}\n[audio]\nset_mixer = true\n\n[mixer]\nplayback_db = -19\nagc_control = \"none\"\n");
    std::fs::write(&path, text).unwrap();
    let report = config::read(&path);
    assert!(report.advice.is_empty(), "{}", report.advice);
    let level = |control: &str, db| Some(MixerLevel { control: control.to_owned(), db });
    let goals = MixerGoals {
        sidetone: Some("Mic".to_owned()),
        playback: level("Speaker", -19.0),
        capture: level("Mic", 8.0),
        ..MixerGoals::default()
    };
    assert_eq!(report.config.unwrap().audio.mixer, Some(goals));
}

#[test]
fn setting_a_mixer_without_goals_or_card_is_advised() {
    let desk = Desk::new();
    let short = std::fs::read_to_string(desk.fixture("good-short")).unwrap();
    let text = short.replace("[audio]", "[audio]\nset_mixer = true");
    let path = desk.write("gw.toml", text.as_bytes(), 0o644);
    let no_goals = config::read(&path).advice.to_string();
    let text = text.replace("hw:CARD=Device,DEV=0", "default") + "\n[mixer]\nagc_control = \"AGC\"\n";
    std::fs::write(&path, text).unwrap();
    let no_card = config::read(&path).advice.to_string();
    insta::assert_snapshot!("mixer-advice", desk.without_paths(&format!("{no_goals}\n\n{no_card}")));
}

#[test]
fn a_board_may_be_a_file_beside_the_configuration() {
    let desk = Desk::new();
    let profile = config::board::text("pi-gpio-transistor").unwrap().replace("line = 17", "line = 24");
    desk.write("mine.toml", profile.as_bytes(), 0o644);
    let path = minimal(&desk, "pi-gpio-transistor");
    let text = std::fs::read_to_string(&path).unwrap().replace("\"pi-gpio-transistor\"", "\"mine.toml\"");
    std::fs::write(&path, text).unwrap();
    let config = config::load(&path).unwrap_or_else(|complaints| panic!("{complaints}"));
    assert_eq!(config.board.as_deref(), Some("mine.toml"));
    assert!(matches!(config.ptt, Ptt::Gpio(GpioOut { line: GpioLine::Offset(24), .. })));
}

#[test]
fn the_merged_settings_tell_where_each_value_comes_from() {
    let desk = Desk::new();
    let report = config::read_with(&desk.fixture("good-board"), Some(desk.path("credentials")));
    insta::assert_snapshot!("effective", desk.without_paths(&report.effective));
}

#[test]
fn the_merged_settings_read_back_as_the_same_configuration() {
    let desk = Desk::new();
    let path = desk.fixture("good-full");
    let first = config::read(&path);
    std::fs::write(&path, &first.effective).unwrap();
    let again = config::read(&path).config.unwrap_or_else(|complaints| panic!("{complaints}"));
    assert_eq!(format!("{:?}", first.config.unwrap()), format!("{again:?}"));
}

#[test]
fn what_works_but_is_odd_is_advised() {
    let desk = Desk::new();
    let text = std::fs::read_to_string(desk.fixture("good-short")).unwrap();
    let text = text.replace("playback = \"hw:CARD=Device,DEV=0\"", "playback = \"none\"")
        + "\n[uplink]\nroll_over_seconds = 90\n";
    let text = text.replace("[ptt.none]", "[ptt.log]").replace("[zello]", "[zello]\nlisten_only = true");
    let path = desk.write("gw.toml", text.as_bytes(), 0o644);
    let report = config::read(&path);
    assert!(report.config.is_ok());
    insta::assert_snapshot!("advice", desk.without_paths(&report.advice.to_string()));
}

#[test]
fn a_serial_line_that_keys_when_low_is_advised_against() {
    let desk = Desk::new();
    let text = std::fs::read_to_string(desk.fixture("good-short")).unwrap();
    let advice = |active: &str| {
        let table = format!("[ptt.serial]\nport = \"/dev/ttyUSB0\"\nline = \"rts\"\nactive = \"{active}\"");
        let path = desk.write("gw.toml", text.replace("[ptt.none]", &table).as_bytes(), 0o644);
        let report = config::read(&path);
        assert!(report.config.is_ok());
        report.advice.to_string()
    };
    assert_eq!(advice("high"), "");
    assert!(advice("low").contains("keyed then"), "{}", advice("low"));
}
