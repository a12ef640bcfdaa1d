//! What a log-on says: who we are, and which token proves it (protocol sections 3.2 and 4.1).

use crate::config::{self, TokenSource, User};
use crate::secret::Secret;
use crate::zello::Logon;

/// Free text of the log-on.
const PLATFORM_TYPE: &str = "linux";
/// With "Gateway" in it, Zello Alarms watches whether we are online.
const PLATFORM_NAME: &str = "Zello Radio Gateway";

/// The account, and the tokens for it.
#[derive(Debug)]
pub(super) struct Credentials {
    user: Option<User>,
    channel: String,
    listen_only: bool,
    /// The token that a person pasted: only with it are refresh tokens of use.
    pasted: Option<Secret>,
    /// From the last log-on; dropped when it is refused.
    refresh: Option<Secret>,
    /// The log-on under way relies on the refresh token.
    refreshing: bool,
}

impl Credentials {
    pub(super) fn new(zello: &config::Zello) -> Self {
        let pasted = match &zello.token {
            TokenSource::Pasted(token) => Some(token.clone()),
            TokenSource::None | TokenSource::Key { .. } => None,
        };
        Self {
            user: zello.user.clone(),
            channel: zello.channel.clone(),
            listen_only: zello.listen_only,
            pasted,
            refresh: None,
            refreshing: false,
        }
    }

    /// The log-on for this connection; `minted` comes fresh from the key, where there is one.
    pub(super) fn logon(&mut self, minted: Option<Secret>) -> Logon {
        let refresh_token = if minted.is_none() { self.refresh.clone() } else { None };
        self.refreshing = refresh_token.is_some();
        let auth_token = if self.refreshing { None } else { minted.or_else(|| self.pasted.clone()) };
        Logon {
            auth_token,
            refresh_token,
            username: self.user.as_ref().map(|user| user.name.clone()),
            password: self.user.as_ref().map(|user| user.password.clone()),
            channels: vec![self.channel.clone()],
            listen_only: self.listen_only,
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            platform_type: Some(PLATFORM_TYPE.to_owned()),
            platform_name: Some(PLATFORM_NAME.to_owned()),
            language: None,
        }
    }

    /// The pasted token is what the next log-on relies on.
    pub(super) fn shows_pasted_token(&self) -> bool {
        self.pasted.is_some() && self.refresh.is_none()
    }

    /// The log-on was accepted and gave a token for the next.
    pub(super) fn accepted(&mut self, refresh: Option<Secret>) {
        if self.pasted.is_some() {
            self.refresh = refresh;
        }
        self.refreshing = false;
    }

    /// The log-on was refused. True if the refresh token is to blame and the pasted one has its turn.
    pub(super) fn refused(&mut self) -> bool {
        self.refresh = None;
        std::mem::take(&mut self.refreshing)
    }

    /// Is this us? The service does not care for case.
    pub(super) fn is_me(&self, name: &str) -> bool {
        self.user.as_ref().is_some_and(|user| user.name.to_lowercase() == name.to_lowercase())
    }

    /// Is this our channel? Case was seen to differ in events; a server may leave the name out.
    pub(super) fn is_my_channel(&self, name: &str) -> bool {
        name.is_empty() || self.channel.to_lowercase() == name.to_lowercase()
    }

    pub(super) fn channel(&self) -> &str {
        &self.channel
    }
}
