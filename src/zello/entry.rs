//! Where each of the three services is reached (protocol section 1).

/// A service and what its address needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryPoint<'a> {
    /// zello.io.
    Consumer,
    /// Zello Work.
    Work {
        /// Name of the network: `acme` of `acme.zellowork.com`.
        network: &'a str,
    },
    /// A Zello Enterprise Server.
    Enterprise {
        /// Host name, with a port where it is not 443.
        server: &'a str,
    },
}

/// A name that makes no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The network's name holds something else than letters, digits, `-`, `_`.
    #[error(
        "\"{0}\" is not the name of a Zello Work network: write the first part of its address only, as acme of acme.zellowork.com"
    )]
    Network(String),
    /// The server is no host name.
    #[error(
        "\"{0}\" is not the name of a server: write its host name only, as zes.example.org, with :PORT if it is not 443"
    )]
    Server(String),
}

impl EntryPoint<'_> {
    /// The address of the service's WebSocket.
    ///
    /// # Errors
    /// [`EntryError`] for a name that is none.
    pub fn url(&self) -> Result<String, EntryError> {
        match *self {
            Self::Consumer => Ok("wss://zello.io/ws".to_owned()),
            Self::Work { network } => is_network(network)
                .then(|| format!("wss://zellowork.io/ws/{network}"))
                .ok_or_else(|| EntryError::Network(network.to_owned())),
            Self::Enterprise { server } => is_server(server)
                .then(|| format!("wss://{server}/ws/mesh"))
                .ok_or_else(|| EntryError::Server(server.to_owned())),
        }
    }
}

fn is_network(name: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    !name.is_empty() && name.chars().all(fits)
}

fn is_server(name: &str) -> bool {
    let (host, port) = match name.rsplit_once(':') {
        // The last colon of a bare IPv6 address is not that of a port.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        Some(_) | None => (name, None),
    };
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.');
    let host_fits = match inner {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(fits),
    };
    host_fits && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_its_own_address() {
        assert_eq!(EntryPoint::Consumer.url().as_deref(), Ok("wss://zello.io/ws"));
        assert_eq!(EntryPoint::Work { network: "acme" }.url().as_deref(), Ok("wss://zellowork.io/ws/acme"));
        let enterprise = |server| EntryPoint::Enterprise { server }.url();
        assert_eq!(enterprise("zes.example.org").as_deref(), Ok("wss://zes.example.org/ws/mesh"));
        assert_eq!(enterprise("[::1]:8443").as_deref(), Ok("wss://[::1]:8443/ws/mesh"));
    }

    #[test]
    fn a_network_is_one_name() {
        for network in ["", "acme.zellowork.com", "ac me", "a/b", "acmé", "a?b"] {
            let url = EntryPoint::Work { network }.url();
            assert_eq!(url, Err(EntryError::Network(network.to_owned())));
        }
    }

    #[test]
    fn a_server_is_a_host_without_scheme_or_path() {
        for server in [
            "",
            "wss://zes.example.org",
            "zes.example.org/ws",
            "user@host",
            "host:",
            "host:0",
            "host:70000",
            "::1",
            "[::1",
            "a b",
        ] {
            let url = EntryPoint::Enterprise { server }.url();
            assert_eq!(url, Err(EntryError::Server(server.to_owned())), "{server}");
        }
    }
}
