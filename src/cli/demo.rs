//! `demo`: the main job on any machine, without radio and without account.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use super::out;

mod figures;
mod gateway;
mod picture;
mod scene;
mod speech;
mod strips;
mod timeline;

/// Shows the gateway at work, without radio, sound card or account
///
/// A simulated Zello server, a phone and a radio talk through the real gateway, both ways, in under 30 seconds. Prints a
/// live timeline and the figures; ends with 0 only if everything that it shows has happened.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  zello-gateway demo
  zello-gateway demo --out demo/ --speech my-voice.wav

The folder of --out then holds a picture, timeline.svg; the recordings of the way up,
radio-hears.wav and channel-hears.wav, and of the way down, phone-says.wav and radio-says.wav;
and the gateway's own configuration, log and counters.

Exit codes: 0 everything happened, 1 something did not, 2 wrong command line.")]
pub struct Args {
    /// Leave both recordings and a picture of the timeline in this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Speak this recording instead of the built-in ones; of a long one, the first 8 seconds
    #[arg(long, value_name = "WAV")]
    pub speech: Option<PathBuf>,
}

/// Runs the command.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    match show(args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => out::failure(
            "zello-gateway demo: something that should have happened did not; see the list above",
        ),
        Err(error) => out::failure(&format!("zello-gateway demo: {error:#}")),
    }
}

fn show(args: &Args) -> anyhow::Result<bool> {
    let folder = Folder::new(args.out.as_deref())?;
    let files = gateway::Files::in_folder(folder.path());
    let speech = speech::Speech::load(args.speech.as_deref())?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    let played = runtime.block_on(scene::play(&files, &speech))?;
    let report = figures::judge(&files, &speech, &played)?;
    out::say(&report.text);
    if args.out.is_some() {
        let svg = picture::draw(
            "zello-gateway demo: one over each way",
            played.length_s,
            &strips::strips(&speech, &played, &report),
        );
        folder.keep("timeline.svg", svg.as_bytes())?;
        folder.keep_sound("channel-hears.wav", &played.channel_heard)?;
        folder.keep_sound("phone-says.wav", &speech.phone)?;
        out::say(&format!("\nPicture, recordings and the gateway's log: {}\n", folder.path().display()));
    }
    Ok(report.everything_happened)
}

/// Where the demo's files lie: the folder that was asked for, or one that goes with the demo.
struct Folder {
    path: PathBuf,
    kept: bool,
}

impl Folder {
    fn new(asked: Option<&Path>) -> anyhow::Result<Self> {
        let (path, kept) = match asked {
            Some(path) => (path.to_owned(), true),
            None => (std::env::temp_dir().join(format!("zello-gateway-demo-{}", std::process::id())), false),
        };
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self { path, kept })
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn keep(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.path.join(name);
        std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    }

    fn keep_sound(&self, name: &str, sound: &[f32]) -> anyhow::Result<()> {
        let path = self.path.join(name);
        scene::write_wav(&path, sound).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept {
            // A temporary folder that stays behind harms nobody.
            let _stays = std::fs::remove_dir_all(&self.path);
        }
    }
}
