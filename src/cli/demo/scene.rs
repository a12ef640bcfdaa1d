//! What happens in the demo: one over of the radio, then one of a phone, through a real gateway.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};
use hound::{SampleFormat, WavSpec, WavWriter};
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{sleep_until, timeout};

use super::gateway::{Files, Gateway};
use super::speech::Speech;
use super::timeline::Timeline;
use crate::codec::{SAMPLE_RATE_HZ, samples_in, time_of};
use crate::sim::{Heard, Login, Phone, Seen, Settings, Sim, SimEvent};

/// Both ends must be logged on within this.
const LOG_ON: Duration = Duration::from_secs(5);
/// The radio hears the first word so long after the sound devices opened.
const FIRST_WORD: Duration = Duration::from_millis(1_500);
/// The squelch opens so long after the first word began, as real ones do; the pre-roll makes up for it.
const SQUELCH_DELAY: Duration = Duration::from_millis(80);
/// The squelch closes so long after the last word.
const SQUELCH_TAIL: Duration = Duration::from_millis(150);
/// The phone answers so long after the squelch closed: the hang, and a breath.
const ANSWER: Duration = Duration::from_millis(1_200);
/// The end of the answer must have been heard on the air within this.
const LAST_WORD: Duration = Duration::from_millis(1_700);

const USER: &str = "gateway";
const CHANNEL: &str = "Demo Hill";

/// Everything that was seen, in seconds since the gateway's sound devices opened.
pub(super) struct Played {
    pub(super) length_s: f64,
    /// When the first word of the radio was captured.
    pub(super) radio_said_s: f64,
    /// When the first word of the phone was sent.
    pub(super) phone_said_s: f64,
    pub(super) cos: Range<f64>,
    pub(super) ptt: Vec<Range<f64>>,
    pub(super) up: Vec<Range<f64>>,
    pub(super) down: Vec<Range<f64>>,
    /// The gateway's stream as the phone heard it.
    pub(super) over: Heard,
    pub(super) channel_heard: Vec<f32>,
    /// When each packet of the over reached the phone.
    pub(super) over_packets_s: Vec<f64>,
    pub(super) resident_bytes: Option<u64>,
    /// Processor time used per second of the demo.
    pub(super) cpu_share: Option<f64>,
}

/// Plays the whole scene.
pub(super) async fn play(files: &Files, speech: &Speech) -> anyhow::Result<Played> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen on the loopback address")?;
    let port = listener.local_addr()?.port();
    let sim = Sim::start(Settings::default());
    let events = sim.events();
    sim.serve(listener);
    write_gateway_files(files, port, &speech.radio)?;
    let phone =
        Phone::connect(&format!("ws://127.0.0.1:{port}/ws/demo"), &Login::new("phone", CHANNEL)).await?;

    let gateway = Gateway::start(files)?;
    let mut stage =
        Stage { files, speech, events, start: gateway.opened_at, wall: wall_clock(), seen: Vec::new() };
    stage.wait_for_log_on().await?;
    let played = stage.act(&phone, &gateway).await;
    let status = gateway.stop(files).await?;
    phone.hang_up().await;
    let played = played?;
    ensure!(status.success(), "the gateway ended with {status}; its log: {}", files.log.display());
    Ok(played)
}

struct Stage<'a> {
    files: &'a Files,
    speech: &'a Speech,
    events: UnboundedReceiver<SimEvent>,
    start: Instant,
    /// Wall clock at `start`, for the times of `ptt.log`.
    wall: f64,
    seen: Vec<SimEvent>,
}

impl Stage<'_> {
    async fn wait_for_log_on(&mut self) -> anyhow::Result<()> {
        let on = async {
            while let Some(event) = self.events.recv().await {
                if matches!(&event.what, Seen::LoggedOn(_, Some(user)) if user == USER) {
                    return;
                }
            }
        };
        if timeout(LOG_ON, on).await.is_err() {
            bail!("the gateway did not log on within {LOG_ON:?}");
        }
        Ok(())
    }

    async fn act(&mut self, phone: &Phone, gateway: &Gateway) -> anyhow::Result<Played> {
        let radio_said = self.start + FIRST_WORD;
        let open = radio_said + SQUELCH_DELAY;
        let close = radio_said + time_of(self.speech.radio.len()) + SQUELCH_TAIL;
        let answer = close + ANSWER;
        let end = answer + time_of(self.speech.phone.len()) + LAST_WORD;

        let timeline = Timeline {
            start: self.start,
            wall: self.wall,
            files: self.files,
            speech: self.speech,
            radio_said,
            squelch: open..close,
            phone_talks: answer..answer + time_of(self.speech.phone.len()),
        };
        let shown = timeline.show(phone, end);
        let talked = async {
            at(open).await;
            self.squelch("on")?;
            at(close).await;
            self.squelch("off")?;
            at(answer).await;
            let talk = phone.talk(&self.speech.phone).await?;
            at(end).await;
            anyhow::Ok(talk)
        };
        let (talk, ()) = tokio::join!(talked, shown);
        let talk = talk?;
        let cpu_share = gateway.cpu_time().map(|cpu| cpu.as_secs_f64() / self.start.elapsed().as_secs_f64());
        let resident_bytes = gateway.resident_bytes();
        while let Ok(event) = self.events.try_recv() {
            self.seen.push(event);
        }
        let over = phone
            .heard()
            .into_iter()
            .find(|heard| heard.from == USER)
            .context("the channel heard nothing of the radio")?;
        let channel_heard = over.speech()?;
        Ok(Played {
            length_s: self.since(end),
            radio_said_s: self.since(radio_said),
            phone_said_s: self.since(talk.started.into_std()),
            cos: self.since(open)..self.since(close),
            ptt: ptt_times(&self.files.ptt_log, self.wall),
            up: self.streams_of(USER),
            down: self.streams_of("phone"),
            over_packets_s: over.packets.iter().map(|packet| self.since(packet.at.into_std())).collect(),
            over,
            channel_heard,
            resident_bytes,
            cpu_share,
        })
    }

    fn squelch(&self, level: &str) -> anyhow::Result<()> {
        // Never waits for a reader: a gateway that is gone is an error, not a hang.
        #[expect(
            clippy::cast_possible_wrap,
            reason = "flags of open(2), which the standard library takes as i32"
        )]
        let no_wait = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        let pipe = OpenOptions::new().write(true).custom_flags(no_wait).open(&self.files.cos);
        pipe.and_then(|mut pipe| writeln!(pipe, "{level}"))
            .with_context(|| format!("cannot write to {}", self.files.cos.display()))
    }

    fn streams_of(&self, user: &str) -> Vec<Range<f64>> {
        let mut streams: Vec<(u32, Range<f64>)> = Vec::new();
        for event in &self.seen {
            let now = self.since(event.at.into_std());
            match &event.what {
                Seen::StreamStarted { stream, from, .. } if from == user => {
                    streams.push((*stream, now..f64::INFINITY));
                }
                Seen::StreamStopped { stream, .. } => {
                    if let Some((_, times)) = streams.iter_mut().find(|(known, _)| known == stream) {
                        times.end = now;
                    }
                }
                Seen::Opened(_)
                | Seen::LoggedOn(..)
                | Seen::Refused(..)
                | Seen::StreamStarted { .. }
                | Seen::Packet { .. }
                | Seen::Text { .. }
                | Seen::Closed(_) => {}
            }
        }
        streams.into_iter().map(|(_, times)| times).collect()
    }

    fn since(&self, instant: Instant) -> f64 {
        instant.saturating_duration_since(self.start).as_secs_f64()
    }
}

/// The times at which PTT was active, in seconds since the wall clock said `start`.
pub(super) fn ptt_times(log: &Path, start: f64) -> Vec<Range<f64>> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let mut times: Vec<Range<f64>> = Vec::new();
    for (time, level) in text.lines().filter_map(|line| line.split_once(' ')) {
        let Ok(time) = time.parse::<f64>().map(|time| time - start) else { continue };
        match level {
            "on" => times.push(time..f64::INFINITY),
            _ => {
                if let Some(last) = times.last_mut().filter(|last| last.end.is_infinite()) {
                    last.end = time;
                }
            }
        }
    }
    times
}

fn write_gateway_files(files: &Files, port: u16, speech: &[f32]) -> anyhow::Result<()> {
    for stale in [&files.ptt_log, &files.figures, &files.cos] {
        // What is not there need not go.
        let _absent = std::fs::remove_file(stale);
    }
    let silence = vec![0.0; samples_in(FIRST_WORD)];
    write_wav(&files.heard_by_radio, &[silence.as_slice(), speech].concat())
        .with_context(|| format!("cannot write {}", files.heard_by_radio.display()))?;
    let password = files.config.with_file_name("password");
    let write = |path: &Path, text: &str| -> std::io::Result<()> {
        let _absent = std::fs::remove_file(path);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
    };
    write(&password, "demo").with_context(|| format!("cannot write {}", password.display()))?;
    let config = format!(
        r#"# The gateway of the demo: a simulated server, a radio of files.
[zello]
service = "work"
network = "demo"
url = "ws://127.0.0.1:{port}/ws/demo"
channel = "{CHANNEL}"
username = "{USER}"
password_file = "password"

[audio]
capture = "wav:radio-hears.wav"
playback = "wav:radio-says.wav"

[ptt.log]
path = "ptt.log"

[cos.fifo]
path = "cos"
"#
    );
    write(&files.config, &config).with_context(|| format!("cannot write {}", files.config.display()))
}

/// Writes 16 kHz mono, 16 bit.
pub(super) fn write_wav(path: &Path, sound: &[f32]) -> Result<(), hound::Error> {
    let spec = WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE_HZ,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut wav = WavWriter::create(path, spec)?;
    for sample in sound {
        #[expect(clippy::cast_possible_truncation, reason = "clamped to the range of 16 bits")]
        wav.write_sample((sample * 32_767.0).clamp(-32_768.0, 32_767.0) as i16)?;
    }
    wav.finalize()
}

async fn at(when: Instant) {
    sleep_until(when.into()).await;
}

#[expect(clippy::disallowed_methods, reason = "ptt.log speaks wall clock; the demo translates it")]
fn wall_clock() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
