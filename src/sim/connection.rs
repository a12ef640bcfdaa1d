//! One connection: the HTTP upgrade, then frames both ways.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::account::Service;
use super::journal::{Direction, Entry};
use super::pong_filter::PongFilter;
use super::serve::Hub;
use super::world::{ConnId, Fact};

/// A client that has connected must send its upgrade request within this time.
const UPGRADE_LIMIT: Duration = Duration::from_secs(60);

/// How long the answer to a close frame is waited for.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// What a connection is told to do.
#[derive(Debug)]
pub(super) enum Order {
    Text(String),
    Binary(Vec<u8>),
    Ping,
    Close(u16, String),
    Abort,
    Freeze,
}

/// Whether a connection goes on.
enum Next {
    Go,
    End,
}

type Socket<S> = WebSocketStream<PongFilter<S>>;

/// Serves one client until either side ends, or the server does.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(hub: Arc<Hub>, stream: S) {
    let conn = hub.next_conn();
    let stop = hub.stop.clone();
    tokio::select! {
        () = talk(&hub, conn, stream) => {}
        () = stop.cancelled() => {}
    }
    hub.close(conn);
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(hub: &Hub, conn: ConnId, stream: S) {
    sleep(hub.upgrade_delay()).await;
    let upgraded = timeout(UPGRADE_LIMIT, upgrade(hub, conn, stream)).await;
    let Ok(Some((mut socket, service))) = upgraded else { return };
    let mut orders = hub.open(conn, service);
    loop {
        let next = tokio::select! {
            order = orders.recv() => match order {
                Some(order) => carry_out(hub, conn, &mut socket, &mut orders, order).await,
                None => Next::End,
            },
            message = socket.next() => receive(hub, conn, message),
        };
        match next {
            Next::Go => {}
            Next::End => return,
        }
    }
}

async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(
    hub: &Hub,
    conn: ConnId,
    stream: S,
) -> Option<(Socket<S>, Service)> {
    let mut service = None;
    #[expect(clippy::result_large_err, reason = "the callback's type is the library's")]
    let judge = |request: &Request, response: Response| {
        let path = request.uri().path();
        match hub.admit(path) {
            Ok(named) => {
                hub.note(conn, Direction::In, Entry::Open { path });
                service = Some(named);
                Ok(with_protocol(request, response))
            }
            Err(status) => {
                hub.note(conn, Direction::In, Entry::Refused { path, status });
                Err(refusal(status))
            }
        }
    };
    let stream = PongFilter::new(stream, hub.answers.clone());
    match tokio_tungstenite::accept_hdr_async(stream, judge).await {
        Ok(mut socket) => {
            socket.get_mut().upgraded();
            Some((socket, service?))
        }
        Err(error) => {
            tracing::debug!(conn = conn.0, %error, "no upgrade");
            None
        }
    }
}

/// Selects the subprotocol `zello` if the client offers it.
fn with_protocol(request: &Request, mut response: Response) -> Response {
    let offers = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL);
    let is_zello = |offer: &HeaderValue| {
        offer.to_str().is_ok_and(|names| names.split(',').any(|name| name.trim() == "zello"))
    };
    if offers.iter().any(is_zello) {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("zello"));
    }
    response
}

fn refusal(status: u16) -> ErrorResponse {
    let mut answer = ErrorResponse::new(Some("refused\n".to_owned()));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    answer
}

fn receive(hub: &Hub, conn: ConnId, message: Option<Result<Message, Error>>) -> Next {
    let note = |entry: Entry<'_>| hub.note(conn, Direction::In, entry);
    match message {
        Some(Ok(Message::Text(text))) => {
            note(Entry::Text(&text));
            hub.fact(conn, Fact::Text(text.as_str().to_owned()));
        }
        Some(Ok(Message::Binary(bytes))) => {
            note(Entry::Binary(&bytes));
            hub.fact(conn, Fact::Binary(bytes.to_vec()));
        }
        Some(Ok(Message::Ping(_))) => {
            note(Entry::Ping);
            if hub.answers.load(std::sync::atomic::Ordering::Relaxed) {
                hub.note(conn, Direction::Out, Entry::Pong);
            }
        }
        Some(Ok(Message::Pong(_))) => {
            note(Entry::Pong);
            hub.fact(conn, Fact::Pong);
        }
        Some(Ok(Message::Close(frame))) => {
            let (code, reason) =
                frame.map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.to_string()));
            note(Entry::Close { code, reason: &reason });
            hub.fact(conn, Fact::Closed);
        }
        Some(Ok(Message::Frame(_))) => {}
        Some(Err(Error::ConnectionClosed)) | None => return Next::End,
        Some(Err(error)) => {
            note(Entry::Close { code: 1006, reason: &error.to_string() });
            return Next::End;
        }
    }
    Next::Go
}

async fn carry_out<S: AsyncRead + AsyncWrite + Unpin>(
    hub: &Hub,
    conn: ConnId,
    socket: &mut Socket<S>,
    orders: &mut UnboundedReceiver<Order>,
    order: Order,
) -> Next {
    let note = |entry: Entry<'_>| hub.note(conn, Direction::Out, entry);
    let message = match order {
        Order::Text(text) => {
            note(Entry::Text(&text));
            Message::text(text)
        }
        Order::Binary(bytes) => {
            note(Entry::Binary(&bytes));
            Message::binary(bytes)
        }
        Order::Ping => {
            note(Entry::Ping);
            Message::Ping(Vec::new().into())
        }
        Order::Close(code, reason) => {
            note(Entry::Close { code, reason: &reason });
            let frame = CloseFrame { code: code.into(), reason: reason.into() };
            let _lost = timeout(CLOSE_LIMIT, say_goodbye(socket, frame)).await;
            return Next::End;
        }
        Order::Abort => {
            note(Entry::Close { code: 1006, reason: "" });
            return Next::End;
        }
        Order::Freeze => {
            // Held open, neither read nor written, until the client is told to go or the server ends.
            while let Some(order) = orders.recv().await {
                match order {
                    Order::Close(..) | Order::Abort => return Next::End,
                    Order::Text(_) | Order::Binary(_) | Order::Ping | Order::Freeze => {}
                }
            }
            return Next::End;
        }
    };
    match socket.send(message).await {
        Ok(()) => Next::Go,
        Err(_) => Next::End,
    }
}

/// Sends the close frame and reads on until the client has answered it.
async fn say_goodbye<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut Socket<S>, frame: CloseFrame) {
    if socket.send(Message::Close(Some(frame))).await.is_ok() {
        while let Some(Ok(_)) = socket.next().await {}
    }
}
