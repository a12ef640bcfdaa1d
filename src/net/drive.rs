//! The loop between session, socket and engine: brings facts, carries out actions, waits.

use std::future::{Future, pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use futures_util::{SinkExt, StreamExt};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_util::sync::CancellationToken;

use super::Ports;
use super::dial::Dial;
use super::log::Log;
use super::outlet::Outlet;
use super::upgrade::upgrade;
use crate::bell::Bell;
use crate::codec::encode_whole;
use crate::config::{self, TokenSource};
use crate::dsp::tone;
use crate::logic::clock;
use crate::logic::session::{Action, ConnectFailure, ConnectKind, Fact, LinkState, Session};
use crate::queue::Consumer;
use crate::secret::Secret;
use crate::zello::token::{LIFETIME, describe};

/// A frame that the system does not take for so long tells of a dead link: mobile networks stall for seconds, and after more
/// than that a fresh connection is quicker than TCP with its doubled waits.
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// For the close frame and its answer. It keeps a stop short, and half-open links need no more.
const HANGUP_LIMIT: Duration = Duration::from_secs(1);

type Connecting<'a, Io> =
    Pin<Box<dyn Future<Output = Result<(WebSocketStream<Io>, Option<Secret>), ConnectFailure>> + 'a>>;

/// At most one connection, or one connect.
enum Link<'a, Io> {
    Down,
    Connecting(Connecting<'a, Io>),
    Up(Box<WebSocketStream<Io>>),
}

/// What came from the link.
enum News<Io> {
    Connected(Box<WebSocketStream<Io>>, Option<Secret>),
    Failed(ConnectFailure),
    Frame(Message),
    /// The system has taken all that was fed.
    Sent,
    Lost(String),
}

impl<Io: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Link<'_, Io> {
    /// With `unsent` frames, pushes them on as well.
    async fn news(&mut self, unsent: bool) -> News<Io> {
        match self {
            Self::Down => pending().await,
            Self::Connecting(connecting) => match connecting.await {
                Ok((socket, token)) => News::Connected(Box::new(socket), token),
                Err(failure) => News::Failed(failure),
            },
            Self::Up(socket) => {
                poll_fn(|context| {
                    if unsent {
                        match socket.poll_flush_unpin(context) {
                            Poll::Ready(Ok(())) => return Poll::Ready(News::Sent),
                            Poll::Ready(Err(error)) => return Poll::Ready(News::Lost(error.to_string())),
                            Poll::Pending => {}
                        }
                    }
                    socket.poll_next_unpin(context).map(|next| match next {
                        Some(Ok(frame)) => News::Frame(frame),
                        Some(Err(error)) => News::Lost(error.to_string()),
                        None => News::Lost("closed without a word".to_owned()),
                    })
                })
                .await
            }
        }
    }
}

/// Everything that the network task has in hand.
pub(super) struct Driver<'a, D: Dial> {
    dial: &'a D,
    zello: Arc<config::Zello>,
    session: Session,
    link: Link<'a, D::Io>,
    /// Since when the system has not taken what was sent.
    unsent: Option<Instant>,
    bell: AsyncFd<Bell>,
    uplink: Consumer<'static, crate::logic::exchange::UplinkItem>,
    outlet: Outlet<'a>,
}

/// The clock of the runtime, which tests can turn.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl<'a, D: Dial> Driver<'a, D> {
    /// # Errors
    /// The system's error when the bell cannot be waited for, or libopus's when it has no encoder.
    pub(super) fn new(
        dial: &'a D,
        zello: config::Zello,
        uplink: &config::Uplink,
        ports: Ports,
        states: &'a watch::Sender<LinkState>,
        seed: u64,
    ) -> io::Result<Self> {
        let session = Session::new(now(), &zello, uplink, Arc::clone(&ports.counters), seed)
            .with_held_tone(held_tone(uplink)?);
        Ok(Self {
            dial,
            zello: Arc::new(zello),
            session,
            link: Link::Down,
            unsent: None,
            bell: listen(ports.uplink_bell)?,
            uplink: ports.uplink,
            outlet: Outlet {
                downlink: ports.downlink,
                engine_bell: ports.engine_bell,
                counters: ports.counters,
                states,
                log: Log::default(),
            },
        })
    }

    /// Runs until `stop`.
    pub(super) async fn drive(mut self, stop: CancellationToken) {
        let dial = self.dial;
        // One watch from one news to the next: what happens between two turns of the loop is not missed.
        let mut clock_set = Box::pin(dial.clock_set());
        loop {
            self.act().await;
            if self.session.is_closed() {
                return;
            }
            let wake = self.session.poll_timeout().map(|(at, _why)| at);
            let stuck = self.unsent.map(|since| since + SEND_LIMIT);
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    // The last over, which the engine has closed just before.
                    self.take_uplink();
                    self.session.handle(now(), Fact::Shutdown);
                }
                rung = self.bell.readable() => {
                    if let Ok(mut rung) = rung {
                        rung.clear_ready();
                        let _rings = rung.get_inner().take();
                    }
                    self.take_uplink();
                }
                // Before the news: no flood of frames keeps a deadline from passing.
                () = sleep_or_never(wake) => self.session.handle(now(), Fact::Timeout),
                () = &mut clock_set => {
                    clock_set = Box::pin(dial.clock_set());
                    self.session.handle(now(), Fact::ClockSet);
                }
                () = sleep_or_never(stuck) => self.give_up(),
                news = self.link.news(self.unsent.is_some()) => self.take_news(news),
            }
        }
    }

    fn take_uplink(&mut self) {
        while let Some(item) = self.uplink.dequeue() {
            self.session.handle(now(), Fact::Uplink(item));
        }
    }

    fn take_news(&mut self, news: News<D::Io>) {
        let now = now();
        match news {
            News::Connected(socket, auth_token) => {
                self.unsent = None;
                self.link = Link::Up(socket);
                self.session.handle(now, Fact::Connected { auth_token });
            }
            News::Failed(failure) => {
                self.link = Link::Down;
                self.session.handle(now, Fact::ConnectFailed(failure));
            }
            News::Frame(Message::Text(text)) => self.session.handle(now, Fact::Text(&text)),
            News::Frame(Message::Binary(bytes)) => self.session.handle(now, Fact::Binary(&bytes)),
            News::Frame(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {
                self.session.handle(now, Fact::SignOfLife);
            }
            News::Frame(Message::Close(frame)) => {
                (self.link, self.unsent) = (Link::Down, None);
                let (code, reason) = frame.map_or((None, String::new()), |frame| {
                    (Some(frame.code.into()), frame.reason.to_string())
                });
                self.session.handle(now, Fact::Closed { code: Some(code.unwrap_or(1005)), reason: &reason });
            }
            News::Sent => {
                if self.unsent.take().is_some() {
                    self.session.handle(now, Fact::Congestion(false));
                }
            }
            News::Lost(why) => self.lose(why),
        }
    }

    fn lose(&mut self, why: String) {
        self.link = Link::Down;
        self.unsent = None;
        self.session.handle(now(), Fact::Lost(why));
    }

    fn give_up(&mut self) {
        self.lose(format!("the system did not take a frame within {} s", SEND_LIMIT.as_secs()));
    }

    /// Carries out what the session wants, until it wants nothing more.
    async fn act(&mut self) {
        loop {
            let mut unflushed = false;
            while let Some(action) = self.session.poll() {
                match action {
                    Action::Connect => self.connect(),
                    Action::SendText(text) => unflushed |= self.feed(Message::text(text)).await,
                    Action::SendBinary(bytes) => unflushed |= self.feed(Message::binary(bytes)).await,
                    Action::Ping => unflushed |= self.feed(Message::Ping(Vec::new().into())).await,
                    Action::Hangup { code, reason } => self.hang_up(code, reason).await,
                    Action::Tell(item) => self.outlet.tell(*item),
                    Action::Report(report) => self.outlet.report(now(), report),
                }
            }
            if !unflushed {
                return;
            }
            self.flush().await;
        }
    }

    /// Hands what was fed to the system; what it does not take at once follows while the loop goes on.
    async fn flush(&mut self) {
        let Link::Up(socket) = &mut self.link else { return };
        match poll_fn(|context| Poll::Ready(socket.poll_flush_unpin(context))).await {
            Poll::Ready(Ok(())) => self.take_news(News::Sent),
            Poll::Ready(Err(error)) => self.lose(error.to_string()),
            Poll::Pending => {
                if self.unsent.is_none() {
                    self.unsent = Some(now());
                    self.session.handle(now(), Fact::Congestion(true));
                }
            }
        }
    }

    fn connect(&mut self) {
        let (dial, zello) = (self.dial, Arc::clone(&self.zello));
        let shows_pasted = self.session.shows_pasted_token();
        self.link = Link::Connecting(Box::pin(async move {
            // Before the connect: what cannot succeed costs the server nothing.
            let wall = dial.wall();
            check_clock(wall)?;
            let token = token(&zello.token, wall, shows_pasted)?;
            let io = dial.dial().await?;
            Ok((upgrade(&zello.url, io).await?, token))
        }));
    }

    /// Hands a frame to the socket. True if a flush is due.
    async fn feed(&mut self, message: Message) -> bool {
        let Link::Up(socket) = &mut self.link else { return false };
        match timeout(SEND_LIMIT, socket.feed(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.lose(error.to_string()),
            Err(_elapsed) => self.give_up(),
        }
        true
    }

    /// Says goodbye as the protocol wants it: the next log-on of the account fails while a dead session lingers.
    async fn hang_up(&mut self, code: u16, reason: &'static str) {
        self.unsent = None;
        if let Link::Up(mut socket) = std::mem::replace(&mut self.link, Link::Down) {
            let _in_time = timeout(HANGUP_LIMIT, async {
                let frame = CloseFrame { code: code.into(), reason: reason.into() };
                if socket.send(Message::Close(Some(frame))).await.is_ok() {
                    while let Some(Ok(_)) = socket.next().await {}
                }
            })
            .await;
        }
    }
}

/// Packets of the tone before held speech; none where none is wanted.
fn held_tone(uplink: &config::Uplink) -> io::Result<Vec<Box<[u8]>>> {
    if !uplink.held_tone {
        return Ok(Vec::new());
    }
    encode_whole(uplink.packet, uplink.bitrate_bps, &tone::held()).map_err(io::Error::other)
}

#[expect(
    deprecated,
    reason = "its successor is unsafe; what it asks for holds: a bell keeps one descriptor open as long as it lives"
)]
fn listen(bell: Bell) -> io::Result<AsyncFd<Bell>> {
    AsyncFd::with_interest(bell, Interest::READABLE)
}

fn check_clock(wall: SystemTime) -> Result<(), ConnectFailure> {
    if clock::is_set(wall) {
        return Ok(());
    }
    Err(ConnectFailure {
        kind: ConnectKind::Clock,
        text: "the clock of this machine is not set: no certificate and no token is right before it is; waiting for \
               it (timedatectl shows it; the network sets it, a clock module keeps it)"
            .to_owned(),
    })
}

/// A token fresh from the key, where there is one. A pasted token is looked at if the log-on would show it.
fn token(
    source: &TokenSource,
    wall: SystemTime,
    shows_pasted: bool,
) -> Result<Option<Secret>, ConnectFailure> {
    match source {
        TokenSource::Pasted(pasted) if shows_pasted => {
            let ended = describe(&pasted.reveal()).is_ok_and(|info| info.is_expired(wall));
            if !ended {
                return Ok(None);
            }
            Err(ConnectFailure {
                kind: ConnectKind::Token,
                text: "the token in token_file has ended: make a new one in the developer portal, or set issuer and \
                       private_key_file instead, with which it never ends; check the clock too (timedatectl)"
                    .to_owned(),
            })
        }
        TokenSource::None | TokenSource::Pasted(_) => Ok(None),
        TokenSource::Key { issuer, key } => {
            key.mint(issuer, wall, LIFETIME).map(Some).map_err(|refused| ConnectFailure {
                kind: ConnectKind::Settings,
                text: format!("no token can be signed: {refused}: check private_key_file in [zello]"),
            })
        }
    }
}

async fn sleep_or_never(wake: Option<Instant>) {
    match wake {
        Some(at) => sleep_until(at.into()).await,
        None => pending().await,
    }
}
