//! Good configurations become the values that they say.

#[path = "support/desk.rs"]
mod desk;

use std::time::Duration;

use desk::Desk;
use zello_gateway::config::{
    self, AudioDevice, Bias, Busy, Channel, Config, Cos, GpioIn, GpioLine, GpioOut, Polarity, Ptt, Service,
    TokenSource, Vox,
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
    assert_eq!((user.name.as_str(), user.password.reveal()), ("sherlock", "hunter2"));
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
    assert!(matches!(&config.zello.token, TokenSource::Pasted(token) if token.reveal() == desk.token()));
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
    assert_eq!(config.zello.user.unwrap().password.reveal(), "from systemd");
}

#[test]
fn debug_of_a_configuration_shows_no_secret() {
    let desk = Desk::new();
    for fixture in ["good-full", "good-pasted"] {
        let text = format!("{:?}", read(&desk, fixture));
        assert!(!text.contains("hunter2") && !text.contains(&desk.token()), "{text}");
    }
}

#[test]
fn every_board_gives_a_whole_gateway_once_account_and_sound_are_named() {
    let desk = Desk::new();
    let short = std::fs::read_to_string(desk.fixture("good-short")).unwrap();
    let (account, _) = short.split_once("[ptt").unwrap();
    for board in config::board::names() {
        let text = format!("board = \"{board}\"\n{account}");
        let path = desk.write("gw.toml", text.as_bytes(), 0o644);
        let config = config::load(&path).unwrap_or_else(|complaints| panic!("{complaints}"));
        assert!(matches!(config.ptt, Ptt::Gpio(_)), "{board}");
        assert!(matches!(config.cos, Cos::Gpio(_)), "{board}");
    }
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
