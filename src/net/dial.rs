//! From an address to a connection: names, TCP, TLS; every failure with its host and what to do.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::http::Uri;

use super::{tls, wall};
use crate::config;
use crate::logic::session::{ConnectFailure, ConnectKind};

/// Each address of a host gets so long, so that a dead IPv6 route leaves time for IPv4 within the session's limit.
const TCP_LIMIT: Duration = Duration::from_secs(5);
/// The kernel keeps so much that the network has not taken, bookkeeping of as much again not counted: two to four seconds of
/// speech. What it keeps comes late after a stall and is lost with the link; what the outbox keeps is neither.
const SEND_BUFFER: u32 = 32 * 1024;

/// What the network task needs of the world: a way to the server, and the wall clock.
pub trait Dial {
    /// The connection.
    type Io: AsyncRead + AsyncWrite + Unpin;

    /// Makes a connection: bytes in, bytes out, already safe.
    fn dial(&self) -> impl Future<Output = Result<Self::Io, ConnectFailure>>;

    /// What time it is here; tokens are made by it.
    fn wall(&self) -> SystemTime {
        wall::now()
    }

    /// Ends when the wall clock is set to another time.
    fn clock_set(&self) -> impl Future<Output = ()> {
        wall::set()
    }
}

/// Where a name leads.
pub trait Resolve {
    /// The addresses of a host, best first; asked for each connect anew.
    fn resolve(&self, host: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>>;
}

/// The system's own way: its hosts file, its name servers.
#[derive(Debug, Clone, Copy, Default)]
pub struct NameServer;

impl Resolve for NameServer {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        tokio::net::lookup_host((host, port)).await.map(Iterator::collect)
    }
}

/// An address of the form `wss://host:port/path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// With TLS.
    pub secure: bool,
    /// Name or IP address, without brackets.
    pub host: String,
    /// 443 or 80 where the address names none.
    pub port: u16,
}

/// An address that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No address of a WebSocket.
    #[error("\"{0}\" is not an address like wss://zello.io/ws: check url in [zello]")]
    NotAnAddress(String),
    /// Passwords would cross the network in the open.
    #[error(
        "\"{0}\" is without TLS, and {1} is another machine: write wss:// (ws:// is for 127.0.0.1 and the like)"
    )]
    NotSafe(String, String),
}

impl Address {
    /// Reads an address; `ws://` is taken for loopback only.
    ///
    /// # Errors
    /// [`AddressError`] says what is wrong and what to write.
    pub fn parse(url: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError::NotAnAddress(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let secure = match uri.scheme_str() {
            Some(scheme) if scheme.eq_ignore_ascii_case("wss") => true,
            Some(scheme) if scheme.eq_ignore_ascii_case("ws") => false,
            Some(_) | None => return Err(wrong()),
        };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err(wrong());
        }
        if !secure && !is_loopback(&host) {
            return Err(AddressError::NotSafe(url.to_owned(), host));
        }
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { secure, host, port })
    }
}

/// Is this a name of this machine? Only the literal ones: a name server is not asked.
fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The real way: TCP, and TLS unless the server is this machine.
#[derive(Debug)]
pub struct Internet<R = NameServer> {
    url: String,
    ca_file: Option<PathBuf>,
    names: R,
    /// Reading all roots takes a while; made at the first use, and again only as long as it fails.
    tls: OnceLock<Arc<ClientConfig>>,
}

impl Internet {
    /// The way to the server of this configuration.
    #[must_use]
    pub fn new(zello: &config::Zello) -> Self {
        Self::with_names(zello, NameServer)
    }
}

impl<R: Resolve> Internet<R> {
    /// The same, with names told by `names`.
    #[must_use]
    pub fn with_names(zello: &config::Zello, names: R) -> Self {
        Self { url: zello.url.clone(), ca_file: zello.ca_file.clone(), names, tls: OnceLock::new() }
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, ConnectFailure> {
        if let Some(config) = self.tls.get() {
            return Ok(Arc::clone(config));
        }
        let config = tls::client_config(self.ca_file.as_deref())?;
        Ok(Arc::clone(self.tls.get_or_init(|| config)))
    }
}

impl<R: Resolve> Dial for Internet<R> {
    type Io = Transport;

    async fn dial(&self) -> Result<Transport, ConnectFailure> {
        let address = Address::parse(&self.url)
            .map_err(|wrong| ConnectFailure { kind: ConnectKind::Settings, text: wrong.to_string() })?;
        // Before the connection, so that a bad ca_file costs the server nothing.
        let config = if address.secure { Some(self.tls()?) } else { None };
        let tcp = connect_tcp(&address, &self.names).await?;
        match config {
            Some(config) => Ok(Transport::Tls(Box::new(tls::secure(config, &address.host, tcp).await?))),
            None => Ok(Transport::Plain(tcp)),
        }
    }
}

/// Tries the addresses of a host in the system's order.
async fn connect_tcp(address: &Address, names: &impl Resolve) -> Result<TcpStream, ConnectFailure> {
    let (host, port) = (address.host.as_str(), address.port);
    let found = names.resolve(host, port).await.map_err(|error| ConnectFailure {
        kind: ConnectKind::Dns,
        text: format!("{host}: the name has no address: {error}; check the network and its name server"),
    })?;
    let mut last = ConnectFailure {
        kind: ConnectKind::Dns,
        text: format!("{host}: the name has no address; check the network and its name server"),
    };
    for at in found.into_iter().filter(|at| address.secure || at.ip().is_loopback()) {
        match tokio::time::timeout(TCP_LIMIT, connect_to(at)).await {
            Ok(Ok(tcp)) => {
                // Packets are small and late ones are of no use: nothing may wait for more.
                let _without = tcp.set_nodelay(true);
                return Ok(tcp);
            }
            Ok(Err(error)) => last = tcp_failure(host, at, &error),
            Err(_elapsed) => {
                last = ConnectFailure {
                    kind: ConnectKind::TimedOut,
                    text: format!(
                        "{host}: no answer from {at} within {} s; check the network and its firewall",
                        TCP_LIMIT.as_secs()
                    ),
                };
            }
        }
    }
    Err(last)
}

async fn connect_to(at: SocketAddr) -> io::Result<TcpStream> {
    let socket = if at.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Where it is refused, a stall costs more speech, no more.
    let _refused = socket.set_send_buffer_size(SEND_BUFFER);
    socket.connect(at).await
}

fn tcp_failure(host: &str, at: SocketAddr, error: &io::Error) -> ConnectFailure {
    let remedy = if error.kind() == io::ErrorKind::ConnectionRefused {
        "no server listens there: check url or server in [zello]"
    } else {
        "check the network"
    };
    ConnectFailure {
        kind: ConnectKind::Tcp,
        text: format!("{host}: no connection to {at}: {error}; {remedy}"),
    }
}

/// A connection, with TLS or to this machine.
#[derive(Debug)]
pub enum Transport {
    /// To this machine.
    Plain(TcpStream),
    /// To any other.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Self::Tls(tls) => Pin::new(tls).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Self::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Self::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_only_this_machine_is_taken() {
        for url in ["ws://127.0.0.1:8008/ws", "ws://127.3.2.1/ws", "ws://[::1]:8008/ws", "WS://localhost/ws"]
        {
            assert!(Address::parse(url).is_ok(), "{url}");
        }
        for url in
            ["ws://192.168.1.4/ws", "ws://zello.io/ws", "ws://127.0.0.1.example.org/ws", "ws://[::2]/ws"]
        {
            let refused = Address::parse(url).unwrap_err();
            assert!(matches!(refused, AddressError::NotSafe(..)), "{url}: {refused}");
        }
    }

    #[test]
    fn an_address_names_host_and_port() {
        let address = |secure, host: &str, port| Ok(Address { secure, host: host.to_owned(), port });
        assert_eq!(Address::parse("wss://zello.io/ws"), address(true, "zello.io", 443));
        assert_eq!(
            Address::parse("wss://zes.example.org:8443/ws/mesh"),
            address(true, "zes.example.org", 8443)
        );
        assert_eq!(Address::parse("ws://[::1]:8008/ws"), address(false, "::1", 8008));
    }

    #[test]
    fn what_is_no_address_is_said() {
        for url in ["", "zello.io", "https://zello.io/ws", "wss:///ws", "wss://", "wss://a b/"] {
            assert!(matches!(Address::parse(url), Err(AddressError::NotAnAddress(_))), "{url}");
        }
    }
}
