//! The simulator's configuration: a TOML file, or what a test writes down.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Fault;
use crate::secret::Secret;
use crate::zello::token::{PublicKey, TokenError, Verifier};

/// Which service the server plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// By the path: `/ws` consumer, `/ws/mesh` enterprise, `/ws/NETWORK` work.
    #[default]
    ByPath,
    /// The consumer service on every path.
    Consumer,
    /// Zello Work on every path.
    Work,
    /// An enterprise server on every path.
    Enterprise,
}

/// How the server behaves. The default accepts every well-formed credential and makes channels as asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of a configuration file")]
pub struct Settings {
    /// Which service.
    pub mode: Mode,
    /// Who may log on. Empty: everybody.
    pub accounts: Vec<Account>,
    /// Whose tokens count. Empty: every token of the right shape.
    pub issuers: Vec<Issuer>,
    /// Which channels there are. Empty: those that are asked for.
    pub channels: Vec<Channel>,
    /// Answer to `start_stream` while another talks.
    pub busy_error: String,
    /// Milliseconds between pings of the server; 0 for none.
    pub ping_ms: u64,
    /// Milliseconds in which a pong must come.
    pub pong_limit_ms: u64,
    /// Milliseconds without a packet after which the server ends a stream; 0 for never.
    pub stream_gap_ms: u64,
    /// Milliseconds after which the server ends any stream; 0 for never.
    pub stream_limit_ms: u64,
    /// An `offline` status comes before the first `online` one.
    pub offline_first: bool,
    /// A stream that had no packet is answered with `empty message` instead of success and an `on_error`.
    pub empty_message_fails: bool,
    /// Events leave out `for` where it would be `false`, for clients with strict parsers.
    pub omit_for: bool,
    /// Stream starts carry the unexplained `key`.
    pub stream_key: bool,
    /// Seed of all chance.
    pub seed: u64,
    /// Faults in force from the start.
    pub faults: Vec<Fault>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::ByPath,
            accounts: Vec::new(),
            issuers: Vec::new(),
            channels: Vec::new(),
            busy_error: "channel busy".into(),
            ping_ms: 30_000,
            pong_limit_ms: 30_000,
            stream_gap_ms: 10_000,
            stream_limit_ms: 0,
            offline_first: false,
            empty_message_fails: false,
            omit_for: false,
            stream_key: false,
            seed: 1,
            faults: Vec::new(),
        }
    }
}

/// Somebody who may log on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Compared byte by byte.
    pub username: String,
    /// Compared byte by byte.
    #[serde(deserialize_with = "secret")]
    pub password: Secret,
    /// A higher one interrupts a lower one; a request's `talk_priority` goes before it. 100 is usual.
    #[serde(default = "usual_priority")]
    pub priority: i64,
    /// Error string with which every log-on of this account is refused, such as `suspended`.
    #[serde(default)]
    pub refused: Option<String>,
}

/// Whose tokens count.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// PEM file of the public key, or of the private key that holds it; relative to the configuration file.
    pub key_file: PathBuf,
    /// Checks its tokens, once the key is read.
    #[serde(skip)]
    pub verifier: Option<Verifier>,
}

/// A channel with rules.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Compared byte by byte.
    pub name: String,
    /// Has a password, which this API cannot give: offline with `invalid password`.
    #[serde(default)]
    pub password_protected: bool,
    /// Who may enter; left out: everybody.
    #[serde(default)]
    pub users: Option<Vec<String>>,
    /// Whom others hear; left out: everybody. Others may start streams all the same, as on moderated channels.
    #[serde(default)]
    pub talkers: Option<Vec<String>>,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{}: {source}", path.display())]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Where, and what was expected.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A key file holds something else.
    #[error("issuer {issuer}: {}: {source}; a public key will do too", path.display())]
    Key {
        /// Whose key.
        issuer: String,
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: TokenError,
    },
    /// A name stands twice.
    #[error("{what} {name:?} stands twice; leave one out")]
    Twice {
        /// `account`, `issuer` or `channel`.
        what: &'static str,
        /// The name.
        name: String,
    },
}

impl Settings {
    /// Reads a configuration file and the key files it names.
    ///
    /// # Errors
    /// [`SettingsError`], with file, line and column where there is one.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let mut settings: Self = toml::from_str(&text_of(path)?)
            .map_err(|source| SettingsError::Parse { path: path.into(), source: Box::new(source) })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for issuer in &mut settings.issuers {
            let file = folder.join(&issuer.key_file);
            let key = PublicKey::from_pem(&text_of(&file)?).map_err(|source| SettingsError::Key {
                issuer: issuer.issuer.clone(),
                path: file,
                source,
            })?;
            issuer.verifier = Some(Verifier::new(issuer.issuer.clone(), key));
        }
        no_name_twice("account", settings.accounts.iter().map(|account| &account.username))?;
        no_name_twice("issuer", settings.issuers.iter().map(|issuer| &issuer.issuer))?;
        no_name_twice("channel", settings.channels.iter().map(|channel| &channel.name))?;
        Ok(settings)
    }
}

fn text_of(path: &Path) -> Result<String, SettingsError> {
    std::fs::read_to_string(path).map_err(|source| SettingsError::Read { path: path.into(), source })
}

fn no_name_twice<'a>(
    what: &'static str,
    names: impl Iterator<Item = &'a String>,
) -> Result<(), SettingsError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(SettingsError::Twice { what, name: name.clone() });
        }
    }
    Ok(())
}

fn usual_priority() -> i64 {
    100
}

fn secret<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
    String::deserialize(from).map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unwrap_in_result, reason = "what fails here is the test's own folder")]
    fn read(text: &str) -> Result<Settings, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sim.toml");
        std::fs::write(&path, text).unwrap();
        Settings::read(&path)
    }

    #[test]
    fn a_file_names_accounts_channels_and_faults() {
        let settings = read(
            r#"
            mode = "work"
            busy_error = "failed to start stream"
            faults = ["missing_stop", { start_refused = { error = "channel busy", times = 2 } }]
            [[accounts]]
            username = "sherlock"
            password = "elementary"
            [[channels]]
            name = "Baker Street 221B"
            users = ["sherlock"]
            "#,
        )
        .unwrap();
        assert_eq!(settings.mode, Mode::Work);
        assert_eq!(settings.accounts[0].priority, 100);
        assert_eq!(
            settings.faults,
            [Fault::MissingStop, Fault::StartRefused { error: "channel busy".into(), times: Some(2) }]
        );
    }

    #[test]
    fn a_wrong_key_is_named_with_its_line() {
        let message = read("ping_ms = 5\npings = 3\n").unwrap_err().to_string();
        assert!(message.contains("line 2") && message.contains("pings"), "{message}");
    }

    #[test]
    fn an_account_that_stands_twice_is_refused() {
        let twice = "[[accounts]]\nusername='a'\npassword='1'\n[[accounts]]\nusername='a'\npassword='2'\n";
        assert_eq!(read(twice).unwrap_err().to_string(), "account \"a\" stands twice; leave one out");
    }

    #[test]
    fn a_missing_key_file_is_named() {
        let message = read("[[issuers]]\nissuer='WkM6'\nkey_file='none.pem'\n").unwrap_err().to_string();
        assert!(message.starts_with("cannot read ") && message.contains("none.pem"), "{message}");
    }
}
