//! From a connection to a WebSocket, and what an answer means that is none.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::USER_AGENT;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::logic::session::{ConnectFailure, ConnectKind};

/// Longest message taken. Nothing that a gateway needs is longer than 64 KB, but undelivered images are repeated at
/// every log-on (protocol section 5.7) and must not end the connection each time.
const MESSAGE_MAX: usize = 8 * 1024 * 1024;
/// What is read at once; speech comes in packets of some 100 bytes.
const READ_BUFFER: usize = 8 * 1024;

/// Makes a WebSocket of a connection.
pub(super) async fn upgrade<Io: AsyncRead + AsyncWrite + Unpin>(
    url: &str,
    io: Io,
) -> Result<WebSocketStream<Io>, ConnectFailure> {
    let mut request = url.into_client_request().map_err(|error| ConnectFailure {
        kind: ConnectKind::Settings,
        text: format!("\"{url}\" is not an address like wss://zello.io/ws ({error}): check url in [zello]"),
    })?;
    let agent = concat!("zello-gateway/", env!("CARGO_PKG_VERSION"));
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(agent));
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(MESSAGE_MAX))
        .max_frame_size(Some(MESSAGE_MAX));
    tokio_tungstenite::client_async_with_config(request, io, Some(config))
        .await
        .map(|(socket, _response)| socket)
        .map_err(|error| upgrade_failure(url, &error))
}

fn upgrade_failure(url: &str, error: &WsError) -> ConnectFailure {
    if let WsError::Http(response) = error {
        let status = response.status();
        let remedy = match status.as_u16() {
            200..=399 | 511 => {
                "that is a web page, not Zello: this network wants a log-in in a browser first (a captive portal), \
                 or url or server in [zello] names another server"
            }
            407 => "a proxy is between that wants a password: the gateway needs a direct way to the service",
            408 | 425 => "tried again",
            429 => "too many connects from this address: waiting; see that no other program uses the account",
            400..=499 => {
                "this is not the address of a Zello service: check url, server or network in [zello]"
            }
            _ => "the service has a fault; tried again",
        };
        let text = format!("{url}: the server answers HTTP {status}: {remedy}");
        return ConnectFailure { kind: ConnectKind::Http(status.as_u16()), text };
    }
    ConnectFailure {
        kind: ConnectKind::WebSocket,
        text: format!("{url}: the server does not speak WebSocket: {error}; check url in [zello]"),
    }
}
