//! `[zello]`: which service, where, as whom, with which proof.

use tokio_tungstenite::tungstenite::http::Uri;

use super::build::Builder;
use super::complaint::Complained;
use super::{Service, TokenSource, User, Zello};
use crate::secret::Secret;
use crate::zello::entry::EntryPoint;
use crate::zello::token::{SigningKey, describe};

type Built<T> = Result<T, Complained>;

const T: &str = "zello";

impl Builder<'_> {
    /// The account and the channel.
    pub(crate) fn zello(&mut self) -> Built<Zello> {
        let service = self.word(
            T,
            "service",
            &[("consumer", Service::Consumer), ("work", Service::Work), ("enterprise", Service::Enterprise)],
        );
        let channel = self.channel();
        let ca_file = self.ca_file();
        let user = self.user();
        let token = self.token();
        let service = service?;
        let url = self.url(service);
        let (user, token) = (user?, token?);
        self.proof(service, user.as_ref(), &token)?;
        let listen_only = self.word_is_true("listen_only")? || user.is_none();
        Ok(Zello { service, url: url?, ca_file: ca_file?, channel: channel?, user, token, listen_only })
    }

    fn word_is_true(&self, key: &str) -> Built<bool> {
        Ok(self
            .settings
            .get(T, key)?
            .is_some_and(|setting| setting.value == super::schema::Value::Bool(true)))
    }

    fn channel(&mut self) -> Built<String> {
        let channel = self.need_text(T, "channel")?;
        if channel.trim() != channel {
            let help = "delete the blanks at the ends; Zello compares names byte for byte";
            return Err(self.refuse(T, "channel", "begins or ends with a blank", "the channel's name", help));
        }
        Ok(channel)
    }

    fn ca_file(&mut self) -> Built<Option<std::path::PathBuf>> {
        let Some(written) = self.text(T, "ca_file")? else { return Ok(None) };
        let read = self.places.certificates(&written);
        read.map(Some).map_err(|why| self.refuse_file(T, "ca_file", "a PEM file with certificates", &why))
    }

    fn url(&mut self, service: Service) -> Built<String> {
        let network = self.network(service);
        let server = self.server(service);
        if let Some(url) = self.text(T, "url")? {
            return self.own_url(url);
        }
        let (network, server) = (network?, server?);
        let entry = match service {
            Service::Consumer => EntryPoint::Consumer,
            Service::Work => EntryPoint::Work { network: network.as_deref().ok_or(Complained)? },
            Service::Enterprise => EntryPoint::Enterprise { server: server.as_deref().ok_or(Complained)? },
        };
        entry.url().map_err(|_| Complained)
    }

    fn network(&mut self, service: Service) -> Built<Option<String>> {
        let network = self.text(T, "network")?;
        let Some(name) = network else {
            let needed = service == Service::Work && self.text(T, "url")?.is_none();
            return if needed { Err(self.needed("network", "work", "acme")) } else { Ok(None) };
        };
        if service != Service::Work {
            return Err(self.other_service("network", "work"));
        }
        match (EntryPoint::Work { network: &name }).url() {
            Ok(_) => Ok(Some(name)),
            Err(error) => {
                let expected = "letters, digits, `-` and `_`";
                Err(self.refuse(T, "network", "is not the name of a network", expected, &error.to_string()))
            }
        }
    }

    fn server(&mut self, service: Service) -> Built<Option<String>> {
        let server = self.text(T, "server")?;
        let Some(host) = server else {
            let needed = service == Service::Enterprise && self.text(T, "url")?.is_none();
            return if needed {
                Err(self.needed("server", "enterprise", "zes.example.org"))
            } else {
                Ok(None)
            };
        };
        if service != Service::Enterprise {
            return Err(self.other_service("server", "enterprise"));
        }
        match (EntryPoint::Enterprise { server: &host }).url() {
            Ok(_) => Ok(Some(host)),
            Err(error) => {
                let expected = "a host name, with :PORT if need be";
                Err(self.refuse(T, "server", "is not a host", expected, &error.to_string()))
            }
        }
    }

    fn needed(&mut self, key: &str, service: &str, example: &str) -> Complained {
        let place = self.settings.place(T, "service");
        let what = format!("`{key}` is missing in [zello]: service \"{service}\" needs it");
        let help = format!("add a line like {key} = \"{example}\"");
        self.complaints.add(place, what, "text in quotes", &help)
    }

    fn other_service(&mut self, key: &str, service: &str) -> Complained {
        let help = format!("delete it, or write service = \"{service}\"");
        self.refuse(
            T,
            key,
            "belongs to another service",
            &format!("only with service = \"{service}\""),
            &help,
        )
    }

    fn own_url(&mut self, url: String) -> Built<String> {
        let expected = "wss://HOST/PATH, or ws:// to a loopback address";
        let parsed = url.parse::<Uri>().ok();
        let scheme = parsed.as_ref().and_then(Uri::scheme_str).map(str::to_ascii_lowercase);
        let host = parsed.as_ref().and_then(Uri::host);
        match (scheme.as_deref(), host) {
            _ if url.contains('@') => {
                let help =
                    "delete what stands before the @; the account stands in `username` and `password_file`";
                Err(self.refuse(T, "url", "holds an account", expected, help))
            }
            (Some("wss"), Some(_)) => Ok(url),
            (Some("ws"), Some(host)) if is_loopback(host) => Ok(url),
            (Some("ws"), Some(_)) => {
                let help = "write wss://; passwords are never sent in the clear. For a server with a certificate of your own name its CA with `ca_file`";
                Err(self.refuse(T, "url", "is not encrypted", expected, help))
            }
            (Some("http" | "https"), Some(_)) => {
                let help = "write wss:// instead of https://";
                Err(self.refuse(T, "url", "is not the address of a WebSocket", expected, help))
            }
            _ => {
                let help = "write it like \"wss://zello.io/ws\"; left out, the service's own address is used";
                Err(self.refuse(T, "url", "is not an address", expected, help))
            }
        }
    }

    fn user(&mut self) -> Built<Option<User>> {
        let name = self.text(T, "username");
        let file = self.text(T, "password_file");
        match (name?, file?) {
            (None, None) => Ok(None),
            (Some(name), Some(file)) => {
                let password = self.secret("password_file", &file)?;
                Ok(Some(User { name, password }))
            }
            (Some(_), None) => Err(self.half("username", "password_file")),
            (None, Some(_)) => Err(self.half("password_file", "username")),
        }
    }

    fn secret(&mut self, key: &str, file: &str) -> Built<Secret> {
        let expected = "the path of a file that only its owner may read";
        self.places.secret(file).map_err(|why| self.refuse_file(T, key, expected, &why))
    }

    /// One of two keys that go together is missing.
    fn half(&mut self, given: &str, missing: &str) -> Complained {
        let help = format!("add a line `{missing} = \"…\"`");
        self.refuse(T, given, &format!("is given without `{missing}`"), "both or neither", &help)
    }

    fn token(&mut self) -> Built<TokenSource> {
        let issuer = self.text(T, "issuer")?;
        let key_file = self.text(T, "private_key_file")?;
        let token_file = self.text(T, "token_file")?;
        match (issuer, key_file, token_file) {
            (None, None, None) => Ok(TokenSource::None),
            (None, None, Some(file)) => Ok(TokenSource::Pasted(self.pasted(&file)?)),
            (Some(issuer), Some(file), None) => {
                let pem = self.secret("private_key_file", &file)?;
                let key = SigningKey::from_pem(&pem.reveal());
                let key = key.map_err(|error| {
                    let help = "name the file with the private key that the developer portal made";
                    let expected = "an RSA private key in PEM form (PKCS#1 or PKCS#8)";
                    self.refuse(T, "private_key_file", &format!("does not fit: {error}"), expected, help)
                })?;
                Ok(TokenSource::Key { issuer, key })
            }
            (Some(_), None, None) => Err(self.half("issuer", "private_key_file")),
            (None, Some(_), None) => Err(self.half("private_key_file", "issuer")),
            (_, _, Some(_)) => {
                let expected = "either `issuer` and `private_key_file`, or `token_file`";
                let help = "keep the key for lasting use: a pasted token ends after 30 days";
                Err(self.refuse(T, "token_file", "is given beside a key", expected, help))
            }
        }
    }

    fn pasted(&mut self, file: &str) -> Built<Secret> {
        let token = self.secret("token_file", file)?;
        let token = Secret::new(token.reveal().trim());
        let info = describe(&token.reveal()).map_err(|error| {
            let help = "paste the development token whole, on one line: three parts with dots between";
            self.refuse(T, "token_file", &format!("does not fit: {error}"), "a JSON Web Token", help)
        })?;
        if info.is_expired(self.now) {
            let what = "`token_file` in [zello] holds a token that has ended";
            let help = "make a new one in the developer portal, or use `issuer` and `private_key_file`";
            self.advise(T, "token_file", what, "a token that is still valid", help);
        }
        Ok(token)
    }

    /// What the service asks for at log-on.
    fn proof(&mut self, service: Service, user: Option<&User>, token: &TokenSource) -> Built<()> {
        let has_token = !matches!(token, TokenSource::None);
        let place = self.settings.place(T, "service");
        match service {
            Service::Consumer if !has_token => {
                let what = "there is no token in [zello]: the consumer service needs one".to_owned();
                let help = "get a key at developers.zello.com and add `issuer` and `private_key_file`";
                let expected = "`issuer` and `private_key_file`, or `token_file`";
                Err(self.complaints.add(place, what, expected, help))
            }
            Service::Work | Service::Enterprise if user.is_none() => {
                let what =
                    "there is no account in [zello]: this service has no anonymous listeners".to_owned();
                let help = "add `username` and `password_file`";
                Err(self.complaints.add(place, what, "`username` and `password_file`", help))
            }
            Service::Work | Service::Enterprise if has_token => {
                let key = if matches!(token, TokenSource::Pasted(_)) { "token_file" } else { "issuer" };
                let what = format!("`{key}` in [zello]: this service needs no token");
                let help = "leave the token out, unless the network's own console gave the key";
                self.advise(T, key, &what, "`username` and `password_file` only", help);
                Ok(())
            }
            Service::Consumer | Service::Work | Service::Enterprise => Ok(()),
        }
    }
}

/// Whether what is sent to `host` stays in this machine.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_this_machine_is_loopback() {
        for host in ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", "LOCALHOST"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["10.0.0.1", "localhost.example.org", "zello.io", "[::2]", "127.0.0.1.example.org", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
