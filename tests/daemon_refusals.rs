//! A gateway that cannot start ends with 1, and names what is wrong and what to do about it.

use std::fs;

#[path = "support/daemon.rs"]
mod daemon;

use daemon::{Site, after_silence, samples, write_wav};

/// Where nobody listens; the network is not reached before all this is refused.
const NO_PORT: u16 = 9;

/// Demands an end with 1 whose words hold all of `words`, and that the line was never keyed.
async fn refused(site: &Site, words: &[&str]) {
    let (code, log) = site.refusal().await;
    for word in words {
        assert!(log.contains(word), "{word:?} is not in: {log}");
    }
    assert_eq!(code, Some(1), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    assert_eq!(site.ptt(), []);
}

#[tokio::test]
async fn a_mistake_in_the_configuration_is_told_with_its_place() {
    let mut site = Site::new(NO_PORT);
    site.more = "[uplink]\npaket_ms = 60\n".to_owned();
    refused(&site, &["gateway.toml:", "paket_ms", "packet_ms", "not started: 1 to put right"]).await;
}

#[tokio::test]
async fn a_configuration_that_is_not_there_is_named() {
    let site = Site::new(NO_PORT);
    let mut command = site.command();
    fs::remove_file(site.path("gateway.toml")).unwrap();
    let mut daemon = daemon::Daemon::spawn({
        command.current_dir("/");
        command
    });
    assert_eq!(daemon.ended().await.code(), Some(1));
    assert!(daemon.log().contains("gateway.toml"), "{}", daemon.log());
}

#[tokio::test]
async fn a_recording_to_play_that_is_not_there_is_named() {
    let mut site = Site::hearing(NO_PORT, &after_silence(0.1, &[]));
    fs::remove_file(site.path("hears.wav")).unwrap();
    site.capture = "wav:hears.wav".to_owned();
    refused(&site, &["ERROR", "hears.wav", "name a WAV file that the gateway may read", "No such file"])
        .await;
}

#[tokio::test]
async fn a_recording_in_a_wrong_format_is_named_with_what_is_accepted() {
    let site = Site::hearing(NO_PORT, &after_silence(0.1, &[]));
    fs::write(site.path("hears.wav"), b"OggS, and then something else entirely, for long enough").unwrap();
    refused(&site, &["ERROR", "hears.wav", "cannot be played", "accepted are WAV files"]).await;
}

#[tokio::test]
async fn a_recording_that_is_cut_short_is_named() {
    let site = Site::hearing(NO_PORT, &[]);
    let path = site.path("hears.wav");
    write_wav(&path, &vec![0.1; samples(1.0)]);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, whole.get(..whole.len() / 2).unwrap()).unwrap();
    refused(&site, &["ERROR", "hears.wav", "cut short"]).await;
}

#[tokio::test]
async fn sound_cards_that_are_not_there_are_named_with_a_remedy() {
    let mut site = Site::hearing(NO_PORT, &[]);
    site.capture = "hw:CARD=Nope,DEV=0".to_owned();
    refused(&site, &["ERROR", "hw:CARD=Nope,DEV=0", "zello-gateway devices"]).await;
    let mut site = Site::new(NO_PORT);
    site.playback = "hw:CARD=Nope,DEV=0".to_owned();
    refused(&site, &["ERROR", "hw:CARD=Nope,DEV=0", "zello-gateway devices"]).await;
}

#[tokio::test]
async fn a_recording_on_a_full_disk_is_named() {
    let mut site = Site::new(NO_PORT);
    site.playback = "wav:/dev/full".to_owned();
    refused(&site, &["ERROR", "cannot record to /dev/full", "make room", "No space left on device"]).await;
}

#[tokio::test]
async fn a_ptt_log_that_cannot_be_written_is_named() {
    let mut site = Site::new(NO_PORT);
    site.lines = "[ptt.log]\npath = \"nowhere/ptt.log\"\n[cos.none]\n".to_owned();
    refused(&site, &["ERROR", "PTT log", "nowhere/ptt.log", "No such file"]).await;
}

#[tokio::test]
async fn something_else_in_the_place_of_the_cos_pipe_is_named() {
    let site = Site::hearing(NO_PORT, &[]);
    fs::write(site.path("cos"), b"on\n").unwrap();
    refused(&site, &["ERROR", "[cos.fifo] path", "not a named pipe"]).await;
}

#[tokio::test]
async fn a_gpio_chip_that_is_not_there_is_named() {
    let mut site = Site::new(NO_PORT);
    site.lines = "[ptt.gpio]\nchip = \"nochip\"\nline = 17\n[cos.none]\n".to_owned();
    refused(&site, &["ERROR", "no GPIO chip", "nochip", "set `chip`"]).await;
}
