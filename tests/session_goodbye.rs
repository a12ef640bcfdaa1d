//! What a server sees of the gateway at the edges: the first frame, the last, and what it may not send back.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of a test fail by panicking")]

#[path = "support/session.rs"]
mod support;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use support::{Station, Wire, account};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

type Server = WebSocketStream<DuplexStream>;

/// A gateway, and the server's end of each of its connections.
fn gateway() -> (Station, mpsc::UnboundedReceiver<DuplexStream>, Wire) {
    let (servers_tx, servers) = mpsc::unbounded_channel();
    let wire = Wire::new(move || {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        servers_tx.send(theirs).unwrap();
        ours
    });
    (Station::start(wire.clone(), account(), Duration::from_secs(60)), servers, wire)
}

async fn accept(servers: &mut mpsc::UnboundedReceiver<DuplexStream>) -> Server {
    tokio_tungstenite::accept_async(servers.recv().await.unwrap()).await.unwrap()
}

async fn text(server: &mut Server) -> String {
    loop {
        match server.next().await.unwrap().unwrap() {
            Message::Text(text) => return text.to_string(),
            Message::Ping(_) | Message::Pong(_) => {}
            other @ (Message::Binary(_) | Message::Close(_) | Message::Frame(_)) => panic!("{other:?}"),
        }
    }
}

async fn say(server: &mut Server, text: &str) {
    server.send(Message::text(text)).await.unwrap();
}

async fn log_on(servers: &mut mpsc::UnboundedReceiver<DuplexStream>) -> Server {
    let mut server = accept(servers).await;
    assert!(text(&mut server).await.starts_with(r#"{"command":"logon","seq":1,"#));
    say(&mut server, r#"{"success":true,"seq":1}"#).await;
    say(&mut server, r#"{"command":"on_channel_status","channel":"Test","status":"online"}"#).await;
    server
}

#[tokio::test(start_paused = true)]
async fn a_stop_stops_the_stream_and_closes_the_socket_properly() {
    LocalSet::new()
        .run_until(async {
            let (mut station, mut servers, _) = gateway();
            let mut server = log_on(&mut servers).await;
            sleep(Duration::from_secs(1)).await;
            station.begin(1, None);
            assert!(text(&mut server).await.starts_with(r#"{"command":"start_stream","seq":2,"#));
            say(&mut server, r#"{"success":true,"seq":2,"stream_id":9}"#).await;
            sleep(Duration::from_millis(10)).await;
            let watch = tokio::task::spawn_local(async move {
                let stop = text(&mut server).await;
                let close = server.next().await.unwrap().unwrap();
                (stop, close)
            });
            let took = station.stop().await;
            let (stop, close) = watch.await.unwrap();
            assert!(stop.starts_with(r#"{"command":"stop_stream","seq":3,"stream_id":9"#), "{stop}");
            let Message::Close(Some(frame)) = close else { panic!("{close:?}") };
            assert_eq!(u16::from(frame.code), 1000);
            assert!(took <= Duration::from_secs(1), "{took:?}");
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_the_close_delays_a_stop_by_a_second_at_most() {
    LocalSet::new()
        .run_until(async {
            let (mut station, mut servers, _) = gateway();
            let _deaf = log_on(&mut servers).await;
            station.online().await;
            assert!(station.stop().await <= Duration::from_millis(1_001));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_server_s_ping_is_answered() {
    LocalSet::new()
        .run_until(async {
            let (mut station, mut servers, _) = gateway();
            let mut server = log_on(&mut servers).await;
            station.online().await;
            server.send(Message::Ping(b"42".to_vec().into())).await.unwrap();
            let begin = Instant::now();
            let pong = timeout(Duration::from_secs(1), server.next()).await.unwrap().unwrap().unwrap();
            assert_eq!(pong, Message::Pong(b"42".to_vec().into()));
            assert!(begin.elapsed() < Duration::from_millis(10));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_frame_of_any_size_costs_at_most_the_connection() {
    LocalSet::new()
        .run_until(async {
            let (mut station, mut servers, wire) = gateway();
            let mut server = log_on(&mut servers).await;
            station.online().await;
            let flood = vec![1; 9 * 1024 * 1024];
            let _cut = timeout(Duration::from_secs(5), server.send(Message::binary(flood))).await;
            drop(server);
            station.lost().await;
            let _again = log_on(&mut servers).await;
            station.online().await;
            assert_eq!(wire.tries.borrow().len(), 2);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_speaks_no_websocket_is_named_and_tried_again() {
    LocalSet::new()
        .run_until(async {
            use tokio::io::AsyncWriteExt;
            let (mut station, mut servers, _) = gateway();
            let mut theirs = servers.recv().await.unwrap();
            theirs.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").await.unwrap();
            station.lost().await;
            let said = station.states.borrow().to_string();
            assert!(said.contains("ws://127.0.0.1:8008/ws") && said.contains("WebSocket"), "{said}");
            let _again = log_on(&mut servers).await;
            station.online().await;
        })
        .await;
}
