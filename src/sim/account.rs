//! Who may log on, and what a refusal is called (protocol section 3).

use std::time::{Duration, UNIX_EPOCH};

use super::refresh::{RefreshTokens, is_token_shaped};
use super::settings::{Issuer, Mode, Settings};
use crate::secret::Secret;
use crate::zello::Logon;

/// Most channels of one session on Work and enterprise servers.
const MAX_CHANNELS: usize = 100;

/// The service that a connection has chosen by its path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// `/ws`: a token besides name and password; one channel.
    Consumer,
    /// `/ws/NETWORK`: name and password.
    Work {
        /// The network; each has accounts of its own.
        network: String,
    },
    /// `/ws/mesh`: name and password.
    Enterprise,
}

impl Service {
    /// Reads the path of the upgrade request; `None` for a path that no service has.
    #[must_use]
    pub fn of_path(mode: Mode, path: &str) -> Option<Self> {
        let rest = path.strip_prefix("/ws")?;
        if !(rest.is_empty() || rest.starts_with('/')) {
            return None;
        }
        let network = rest.trim_matches('/');
        if network.contains('/') {
            return None;
        }
        Some(match (mode, network) {
            (Mode::Consumer, _) | (Mode::ByPath, "") => Self::Consumer,
            (Mode::Enterprise, _) | (Mode::ByPath, "mesh") => Self::Enterprise,
            (Mode::Work | Mode::ByPath, network) => Self::Work { network: network.to_owned() },
        })
    }
}

/// What a good log-on gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// `None`: anonymous.
    pub username: Option<String>,
    /// Cannot send.
    pub listen_only: bool,
    /// For the reply, on the consumer service.
    pub refresh_token: Option<String>,
    /// For interrupting others.
    pub priority: i64,
}

/// Judges log-ons.
#[derive(Debug)]
pub(crate) struct Accounts {
    refresh_tokens: RefreshTokens,
}

impl Accounts {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { refresh_tokens: RefreshTokens::new(settings.seed) }
    }

    /// Judges a log-on; `unix` is the time since the epoch, for tokens.
    pub(crate) fn admit(
        &self,
        settings: &Settings,
        service: &Service,
        logon: &Logon,
        unix: Duration,
    ) -> Result<Admitted, String> {
        let name = logon.username.as_deref().filter(|name| !name.is_empty());
        let password = logon.password.as_ref().filter(|password| !password.reveal().is_empty());
        let channels_limit = match service {
            Service::Consumer => {
                self.check_tokens(settings, logon, name, password, unix)?;
                1
            }
            Service::Work { .. } | Service::Enterprise => {
                if name.is_none() || password.is_none() {
                    return Err("not enough params".into());
                }
                MAX_CHANNELS
            }
        };
        let priority = match name.zip(password) {
            Some((name, password)) => check_password(settings, service, name, password)?,
            None => 100,
        };
        if logon.channels.is_empty() {
            return Err("not enough params".into());
        }
        if logon.channels.len() > channels_limit {
            return Err("channels limit exceeded".into());
        }
        Ok(Admitted {
            username: name.map(str::to_owned),
            listen_only: logon.listen_only || name.is_none(),
            refresh_token: (*service == Service::Consumer).then(|| self.refresh_tokens.mint(unix)),
            priority,
        })
    }

    /// The table of protocol section 3.2. A server without issuers takes name and password alone too.
    fn check_tokens(
        &self,
        settings: &Settings,
        logon: &Logon,
        name: Option<&str>,
        password: Option<&Secret>,
        unix: Duration,
    ) -> Result<(), String> {
        let tokens_needed = !settings.issuers.is_empty();
        if let Some(token) = &logon.auth_token {
            let good = if tokens_needed {
                is_signed(&token.reveal(), &settings.issuers, unix)
            } else {
                is_token_shaped(&token.reveal())
            };
            return match (good, name, password) {
                (false, _, _) => Err("not authorized".into()),
                (true, Some(_), None) => Err("not enough params".into()),
                (true, None, _) | (true, Some(_), Some(_)) => Ok(()),
            };
        }
        if let Some(token) = &logon.refresh_token {
            let good = self.refresh_tokens.check(&token.reveal(), unix)
                || (!tokens_needed && is_token_shaped(&token.reveal()));
            return match (name, password) {
                (None, _) => Err("invalid username".into()),
                (Some(_), Some(_)) if good => Ok(()),
                (Some(_), _) => Err("no permission".into()),
            };
        }
        if tokens_needed || name.is_none() || password.is_none() {
            return Err("not enough params".into());
        }
        Ok(())
    }
}

/// Whether one of the issuers has signed a token that is still good.
fn is_signed(token: &str, issuers: &[Issuer], unix: Duration) -> bool {
    let mut verifiers = issuers.iter().filter_map(|issuer| issuer.verifier.as_ref());
    verifiers.any(|verifier| verifier.check(token, UNIX_EPOCH + unix).is_ok())
}

/// Checks name and password; the account's priority.
fn check_password(
    settings: &Settings,
    service: &Service,
    name: &str,
    password: &Secret,
) -> Result<i64, String> {
    if settings.accounts.is_empty() {
        return Ok(100);
    }
    let (unknown, wrong) = match service {
        Service::Consumer => ("invalid username", "invalid password"),
        Service::Work { .. } | Service::Enterprise => ("invalid credentials", "invalid credentials"),
    };
    let account = settings.accounts.iter().find(|one| one.username == name).ok_or(unknown)?;
    if account.password != *password {
        return Err(wrong.into());
    }
    match &account.refused {
        Some(error) => Err(error.clone()),
        None => Ok(account.priority),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln";

    fn try_on(service: &Service, logon: &Logon) -> Result<Admitted, String> {
        let settings = Settings::default();
        let accounts = Accounts::new(&settings);
        let logon = Logon { channels: vec!["Test".into()], ..logon.clone() };
        accounts.admit(&settings, service, &logon, Duration::from_secs(1_700_000_000))
    }

    fn named() -> Logon {
        Logon { username: Some("sherlock".into()), password: Some(Secret::new("p")), ..Logon::default() }
    }

    #[test]
    fn paths_name_the_service() {
        let service = |path| Service::of_path(Mode::ByPath, path);
        assert_eq!(service("/ws"), Some(Service::Consumer));
        assert_eq!(service("/ws/"), Some(Service::Consumer));
        assert_eq!(service("/ws/mesh"), Some(Service::Enterprise));
        assert_eq!(service("/ws/acme"), Some(Service::Work { network: "acme".into() }));
        assert_eq!(service("/"), None);
        assert_eq!(service("/wsx"), None);
        assert_eq!(service("/ws/a/b"), None);
    }

    #[test]
    fn the_table_of_refresh_tokens_holds() {
        let refresh = Some(Secret::new(TOKEN));
        let alone = Logon { refresh_token: refresh.clone(), ..Logon::default() };
        assert_eq!(try_on(&Service::Consumer, &alone), Err("invalid username".into()));
        let nameless = Logon { password: None, refresh_token: refresh.clone(), ..named() };
        assert_eq!(try_on(&Service::Consumer, &nameless), Err("no permission".into()));
        assert!(try_on(&Service::Consumer, &Logon { refresh_token: refresh, ..named() }).is_ok());
    }

    #[test]
    fn a_token_alone_may_only_listen() {
        let logon = Logon { auth_token: Some(Secret::new(TOKEN)), ..Logon::default() };
        let admitted = try_on(&Service::Consumer, &logon).unwrap();
        assert!(admitted.listen_only && admitted.username.is_none() && admitted.refresh_token.is_some());
    }

    #[test]
    fn work_takes_name_and_password_and_gives_no_refresh_token() {
        let work = Service::Work { network: "acme".into() };
        assert_eq!(try_on(&work, &named()).unwrap().refresh_token, None);
        let nobody = Logon { auth_token: Some(Secret::new(TOKEN)), ..Logon::default() };
        assert_eq!(try_on(&work, &nobody), Err("not enough params".into()));
    }

    #[test]
    fn garbage_for_a_token_is_refused() {
        let logon = Logon { auth_token: Some(Secret::new("garbage")), ..named() };
        assert_eq!(try_on(&Service::Consumer, &logon), Err("not authorized".into()));
    }

    #[test]
    fn the_consumer_service_has_one_channel_a_session() {
        let settings = Settings::default();
        let accounts = Accounts::new(&settings);
        let logon = Logon { channels: vec!["a".into(), "b".into()], ..named() };
        let answer = accounts.admit(&settings, &Service::Consumer, &logon, Duration::ZERO);
        assert_eq!(answer, Err("channels limit exceeded".into()));
        assert!(accounts.admit(&settings, &Service::Enterprise, &logon, Duration::ZERO).is_ok());
    }
}
