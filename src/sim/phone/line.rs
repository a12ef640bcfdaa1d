//! A phone's connection: sends what it is told, writes down what arrives.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::heard::{Heard, HeardPacket};
use super::{Memory, Shared};
use crate::zello::{BinaryFrame, ErrorCode, Event, Reply, Seq, ServerMessage, Success};

/// Where the reply to a request goes.
type ReplyTx = oneshot::Sender<Result<Success, ErrorCode>>;

/// What a phone tells its connection.
#[derive(Debug)]
pub(super) enum Order {
    Ask(Value, ReplyTx),
    Binary(Vec<u8>),
    HangUp,
}

/// Runs until either side ends.
pub(super) async fn run<S>(
    mut socket: WebSocketStream<S>,
    shared: Arc<Shared>,
    mut orders: mpsc::UnboundedReceiver<Order>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut waiting: HashMap<Seq, ReplyTx> = HashMap::new();
    let mut seq: Seq = 0;
    loop {
        tokio::select! {
            order = orders.recv() => {
                let message = match order {
                    Some(Order::Ask(mut fields, reply)) => {
                        seq += 1;
                        if let Some(fields) = fields.as_object_mut() {
                            fields.insert("seq".into(), seq.into());
                        }
                        waiting.insert(seq, reply);
                        Message::text(fields.to_string())
                    }
                    Some(Order::Binary(bytes)) => Message::binary(bytes),
                    Some(Order::HangUp) | None => Message::Close(None),
                };
                if socket.send(message).await.is_err() {
                    break;
                }
            }
            message = socket.next() => {
                let Some(message) = message else { break };
                if !take(&shared, &mut waiting, message) {
                    break;
                }
            }
        }
    }
    shared.lock().is_lost = true;
    shared.news.notify_waiters();
}

/// Takes what arrived; false when the connection is over.
fn take(shared: &Shared, waiting: &mut HashMap<Seq, ReplyTx>, message: Result<Message, Error>) -> bool {
    let now = Instant::now();
    match message {
        Ok(Message::Text(text)) => match ServerMessage::parse(&text) {
            Ok(ServerMessage::Reply(Reply { seq, outcome })) => {
                if let Some(reply) = seq.and_then(|seq| waiting.remove(&seq)) {
                    // Whoever asked may have stopped waiting.
                    let _gone = reply.send(outcome);
                }
            }
            Ok(ServerMessage::Event(event)) => shared.lock().take_event(now, event),
            Err(error) => tracing::debug!(%error, "a phone hears what it does not understand"),
        },
        Ok(Message::Binary(bytes)) => shared.lock().take_packet(now, &bytes),
        Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => {}
        Err(_) => return false,
    }
    shared.news.notify_waiters();
    true
}

impl Memory {
    fn take_event(&mut self, now: Instant, event: Event) {
        if let Event::ChannelStatus(status) = &event {
            self.is_online = status.online;
        }
        if let Event::StreamStart(start) = &event {
            self.heard.push(Heard {
                stream: start.stream_id,
                from: start.from.clone(),
                started: now,
                stopped: None,
                packets: Vec::new(),
            });
        }
        if let Event::StreamStop { stream_id } = event {
            for heard in self.heard.iter_mut().filter(|heard| heard.stream == stream_id) {
                heard.stopped.get_or_insert(now);
            }
        }
        self.events.push((now, event));
    }

    fn take_packet(&mut self, now: Instant, bytes: &[u8]) {
        let Ok(BinaryFrame::Audio(audio)) = BinaryFrame::parse(bytes) else { return };
        match self.heard.iter_mut().rev().find(|heard| heard.stream == audio.stream_id) {
            Some(heard) => {
                heard.packets.push(HeardPacket {
                    at: now,
                    id: audio.packet_id,
                    opus: audio.payload.to_vec(),
                });
            }
            None => self.stray_packets += 1,
        }
    }
}
