//! `token`: mints an auth token, or says what stands in one.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use super::{out, utc};
use crate::config::{self, TokenSource};
use crate::zello::token::{self, SigningKey, TokenInfo};

/// Mints a token for the Zello service, or says what stands in one
///
/// The gateway mints its own tokens at each log-on; this command is for other clients, and for finding out why the
/// service refuses. The token goes to stdout, what is in it and when it ends to stderr.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  zello-gateway token --issuer 'WkM6…' --key private_key.pem
  zello-gateway token -c gateway.toml    with the issuer and key of a configuration
  zello-gateway token --show token.txt   explain a token from the developer portal

Who has the token can log on until it ends: treat it like a password.
Exit codes: 0 done, 1 failed or the token shown has ended, 2 wrong command line.")]
#[command(group = clap::ArgGroup::new("source").required(true).args(["issuer", "config", "show"]))]
pub struct Args {
    /// Issuer, exactly as in the developer portal
    #[arg(long, value_name = "ISSUER", requires = "key")]
    issuer: Option<String>,
    /// Private key from the developer portal (PEM, PKCS#1 or PKCS#8); only its owner may read it
    #[arg(long, value_name = "FILE", requires = "issuer")]
    key: Option<PathBuf>,
    /// Take issuer and key, or the pasted token, from this configuration
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Say what stands in the token in this file; - reads stdin
    #[arg(long, value_name = "FILE", conflicts_with = "lifetime_seconds")]
    show: Option<PathBuf>,
    /// How long the token lives, from now; at most 30 days
    #[arg(long, value_name = "SECONDS", default_value_t = token::LIFETIME.as_secs(),
          value_parser = clap::value_parser!(u64).range(1..=MONTH_SECONDS))]
    lifetime_seconds: u64,
}

/// What the developer portal gives its own tokens.
const MONTH_SECONDS: u64 = 30 * 24 * 3_600;

/// Runs the command.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "tokens end by the wall clock")]
    let now = SystemTime::now();
    done(args, now).unwrap_or_else(|why| out::failure(&format!("zello-gateway token: {why}")))
}

fn done(args: &Args, now: SystemTime) -> Result<ExitCode, String> {
    let lifetime = Duration::from_secs(args.lifetime_seconds);
    if let Some(file) = &args.show {
        return show(&read(file)?, now);
    }
    if let Some(file) = &args.config {
        let config =
            config::load(file).map_err(|complaints| format!("the configuration is wrong\n{complaints}"))?;
        return match config.zello.token {
            TokenSource::Key { issuer, key } => mint(&issuer, &key, now, lifetime),
            TokenSource::Pasted(token) => show(&token.reveal(), now),
            TokenSource::None => Err(format!("{} names no key; this service needs no token", file.display())),
        };
    }
    let (Some(issuer), Some(file)) = (&args.issuer, &args.key) else {
        return Err("give --issuer and --key, or -c, or --show".to_owned());
    };
    let pem = config::secret_file(file)?;
    let key = SigningKey::from_pem(&pem.reveal()).map_err(|why| format!("{}: {why}", file.display()))?;
    mint(issuer, &key, now, lifetime)
}

fn mint(issuer: &str, key: &SigningKey, now: SystemTime, lifetime: Duration) -> Result<ExitCode, String> {
    let token = key.mint(issuer, now, lifetime).map_err(|why| why.to_string())?;
    let info = token::describe(&token.reveal()).map_err(|why| why.to_string())?;
    let code = out::result(&format!("{}\n", *token.reveal()));
    out::note(&explain(&info, now));
    Ok(code)
}

fn show(token: &str, now: SystemTime) -> Result<ExitCode, String> {
    let info = token::describe(token.trim()).map_err(|why| why.to_string())?;
    let code = out::result(&format!("{}\n", explain(&info, now)));
    Ok(if info.is_expired(now) { ExitCode::FAILURE } else { code })
}

fn read(file: &Path) -> Result<String, String> {
    if file == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin().take(64 * 1024).read_to_string(&mut text);
        return read.map(|_| text).map_err(|error| format!("cannot read stdin: {error}"));
    }
    std::fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

fn explain(info: &TokenInfo, now: SystemTime) -> String {
    let issuer = info.issuer.as_deref().unwrap_or("none: the service will refuse it");
    let signed = match info.algorithm.as_deref() {
        Some("RS256") => "RS256".to_owned(),
        Some(other) => format!("{other}: not an auth token, those are signed by RS256"),
        None => "not said: the service will refuse it".to_owned(),
    };
    let ends = match info.expires {
        None => "never said: the service will refuse it".to_owned(),
        Some(end) => match end.duration_since(now) {
            Ok(left) if !left.is_zero() => format!("{}, in {}", utc::date(end), utc::span(left)),
            Ok(_) | Err(_) => {
                let ago = now.duration_since(end).unwrap_or_default();
                format!(
                    "{}: it has ended {} ago (or this machine's clock is wrong)",
                    utc::date(end),
                    utc::span(ago)
                )
            }
        },
    };
    let kind =
        if info.development { "\nkind:   development token of the portal, not for lasting use" } else { "" };
    format!("issuer: {issuer}\nsigned: {signed}\nends:   {ends}{kind}")
}
