//! `sim`: the simulator alone, for other people's clients, for training and for tests from outside.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::sim::serve::Tls;
use crate::sim::{Settings, Sim};

/// How long clients have to answer the close frame at the end.
const GOODBYE: Duration = Duration::from_millis(200);

/// Runs a Zello server on this machine: existing clients use it unmodified
///
/// Without --config it accepts every well-formed user name, password and token, and makes channels as they are asked
/// for. The path chooses the service: /ws consumer, /ws/mesh enterprise, /ws/NETWORK Zello Work.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  zello-gateway sim                                       for a configuration with
                                                          url = \"ws://127.0.0.1:8008/ws\"
  zello-gateway sim --tls --ca-file ca.pem                wss://, and what clients must trust
  zello-gateway sim --config sim.toml --journal log.jsonl

Exit codes: 0 stopped when asked to, 1 failed, 2 wrong command line.")]
pub struct Args {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8008")]
    pub listen: String,
    /// Accounts, issuer keys, channels and faults (TOML)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Write every frame and connection as a JSON line; passwords and tokens are left out
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Serve wss:// with a certificate of an authority made for this run
    #[arg(long)]
    pub tls: bool,
    /// Where to write the authority's certificate; left out: a new temporary folder
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub ca_file: Option<PathBuf>,
    /// Further host name or address that the certificate is for; may be repeated
    #[arg(long, value_name = "NAME", requires = "tls")]
    pub tls_name: Vec<String>,
}

/// Runs the command until SIGINT or SIGTERM.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    match serve(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is closed too.
            let _closed = writeln!(io::stderr(), "zello-gateway sim: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(args: &Args) -> anyhow::Result<()> {
    let settings = match &args.config {
        Some(path) => Settings::read(path)?,
        None => Settings::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve_until_signal(args, settings))
}

async fn serve_until_signal(args: &Args, settings: Settings) -> anyhow::Result<()> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(&args.listen).await.with_context(|| {
        format!("cannot listen on {}; give a free ADDRESS:PORT of this machine by --listen", args.listen)
    })?;
    let address = listener.local_addr()?;
    let sim = match &args.journal {
        Some(path) => Sim::start_with_journal(settings, path)?,
        None => Sim::start(settings),
    };
    let mut folder = None;
    if args.tls {
        let tls = Tls::new(&names(args, address))?;
        let ca_file = match &args.ca_file {
            Some(path) => path.clone(),
            None => folder.insert(temporary_folder()?).join("ca.pem"),
        };
        std::fs::write(&ca_file, &tls.ca_pem)
            .with_context(|| format!("cannot write the CA certificate {}", ca_file.display()))?;
        sim.serve_tls(listener, &tls);
        say(&format!("listening on wss://{address}/ws\nCA certificate: {}\n", ca_file.display()))?;
    } else {
        sim.serve(listener);
        say(&format!("listening on ws://{address}/ws\n"))?;
    }
    wait(&mut interrupted, &mut terminated).await;
    sim.close_all(1001, "server closed connection");
    tokio::time::sleep(GOODBYE).await;
    if let Some(folder) = folder {
        remove(&folder);
    }
    Ok(())
}

async fn wait(interrupted: &mut Signal, terminated: &mut Signal) {
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
}

/// What the certificate is for besides the loopback names.
fn names(args: &Args, address: SocketAddr) -> Vec<String> {
    let own = (!address.ip().is_unspecified()).then(|| address.ip().to_string());
    own.into_iter().chain(args.tls_name.iter().cloned()).collect()
}

/// A folder of our own; one that is there already is not trusted.
fn temporary_folder() -> anyhow::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("zello-gateway-sim-{}", std::process::id()));
    std::fs::create_dir(&folder)
        .with_context(|| format!("cannot make {}; name a file by --ca-file", folder.display()))?;
    Ok(folder)
}

fn remove(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder) {
        tracing::debug!(%error, "the CA's folder stays");
    }
}

/// Writes to standard output at once: scripts wait for these lines.
fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
