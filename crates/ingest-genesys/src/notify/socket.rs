//! The socket of a channel.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::header::AUTHORIZATION;
use http::{HeaderValue, StatusCode, Uri};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::platform::{Io, Platform, connect, plain, tls_over};

/// Bytes of one message. A snapshot of a conversation with a hundred participants has some 200 kB.
const LARGEST: usize = 8 << 20;
/// Bytes of answers to pings that the service does not take.
const UNSENT: usize = 256 << 10;
/// Bytes that are kept of an answer that is no socket.
const BODY: usize = 4096;
/// How long the service may take to take a message.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the service may take to read one, and what may come over the socket until then.
const READ: Duration = Duration::from_secs(2);
const BEFORE: usize = 64;

pub(crate) const OPEN_THE_WAY: &str = "open the way out to this host and port in the firewall, for TLS and WebSocket, or name your proxy with `proxy_url` or HTTPS_PROXY";
const LOGIN: &str =
    "the channel's own address was refused: look for a proxy or firewall on the way that wants a login";
const TROUBLE: &str = "the service, or a proxy on the way, has trouble; it is tried again";
const IN_ITS_PLACE: &str = "something on the way answers in its place: let proxies and firewalls pass WebSocket handshakes to this host on";

pub(crate) struct Socket {
    stream: WebSocketStream<Box<dyn Io>>,
    /// What came while a pong was waited for.
    early: VecDeque<Result<Bytes, Ended>>,
}

enum Came {
    Said(Result<Bytes, Ended>),
    Pong,
    Nothing,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub(crate) struct NotConnected {
    /// The service itself refused the address.
    pub(crate) gone: bool,
    /// In one word, for a counter.
    pub(crate) reason: &'static str,
    pub(crate) why: String,
    /// What to do about it; empty where `why` says it.
    pub(crate) mend: &'static str,
    /// What it answered, and the first bytes of what it said.
    pub(crate) answer: Option<(StatusCode, Vec<u8>)>,
}

/// How a socket ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    /// As sockets do.
    Closed,
    /// By what came over it.
    Broken { reason: &'static str, why: String },
}

impl NotConnected {
    pub(crate) fn new(reason: &'static str, why: String, mend: &'static str) -> Self {
        Self { gone: false, reason, why, mend, answer: None }
    }

    fn answered(host: &str, status: StatusCode, mut body: Vec<u8>) -> Self {
        body.truncate(BODY);
        let gone = status.is_client_error();
        let mend = match gone {
            true => LOGIN,
            false if status.is_server_error() => TROUBLE,
            false => IN_ITS_PLACE,
        };
        let why = format!("{host} answered the handshake with {status}");
        Self { gone, answer: Some((status, body)), ..Self::new("refused", why, mend) }
    }

    /// Why, with what to do.
    pub(crate) fn explained(&self) -> String {
        if self.mend.is_empty() { self.why.clone() } else { format!("{}; {}", self.why, self.mend) }
    }
}

impl Socket {
    /// Opens a `ws` or `wss` address, with a token where it wants one, the way that requests of the platform go.
    pub(crate) async fn connect(
        address: &str,
        token: Option<&str>,
        platform: &Platform,
        tls: &Arc<rustls::ClientConfig>,
    ) -> Result<Self, NotConnected> {
        let wrong = |why: &str| NotConnected::new("garbled", why.to_owned(), "check `region`");
        let uri: Uri = address.parse().map_err(|_| wrong("the service named an address that is none"))?;
        let secure = match uri.scheme_str() {
            Some("wss") => true,
            Some("ws") => false,
            _ => return Err(wrong("the service named an address that is not `ws` or `wss`")),
        };
        let host = plain(uri.host().unwrap_or_default());
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let unreachable = |why: String| NotConnected::new("unreachable", why, OPEN_THE_WAY);
        let way = connect((&host, port), platform.proxies().of(&uri).as_ref(), tls).await;
        let mut stream = way.map_err(|blocked| match blocked.by_proxy {
            true => NotConnected::new("proxy", blocked.why, ""),
            false => unreachable(blocked.why),
        })?;
        if secure {
            let tunnel = tls_over(stream, &host, tls).await;
            stream = tunnel.map_err(|error| unreachable(format!("{host}: {error}")))?;
        }
        let config = WebSocketConfig::default()
            .max_message_size(Some(LARGEST))
            .max_frame_size(Some(LARGEST))
            .max_write_buffer_size(UNSENT);
        let mut request =
            uri.into_client_request().map_err(|error| unreachable(format!("{host}: {error}")))?;
        if let Some(token) = token {
            let bearer = HeaderValue::from_str(&format!("Bearer {token}"));
            request.headers_mut().insert(AUTHORIZATION, bearer.map_err(|_| wrong("the token is none"))?);
        }
        match tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await {
            Ok((stream, _)) => Ok(Self { stream, early: VecDeque::new() }),
            Err(Error::Http(answer)) => {
                let status = answer.status();
                Err(NotConnected::answered(&host, status, answer.into_body().unwrap_or_default()))
            }
            Err(Error::Io(error)) => Err(unreachable(format!("{host}: {error}"))),
            Err(error) => {
                let why = format!("{host} did not answer the handshake as a WebSocket: {error}");
                Err(NotConnected::new("garbled", why, IN_ITS_PLACE))
            }
        }
    }

    /// The next message, or how the socket ended.
    pub(crate) async fn next(&mut self) -> Result<Bytes, Ended> {
        loop {
            if let Some(early) = self.early.pop_front() {
                return early;
            }
            if let Came::Said(said) = self.read().await {
                return said;
            }
        }
    }

    async fn read(&mut self) -> Came {
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => Came::Said(Ok(text.into())),
            Some(Ok(Message::Binary(bytes))) => Came::Said(Ok(bytes)),
            Some(Ok(Message::Pong(_))) => Came::Pong,
            // Pings are answered by the library when the stream is read on.
            Some(Ok(Message::Ping(_) | Message::Frame(_))) => Came::Nothing,
            Some(Ok(Message::Close(frame))) => Came::Said(Err(Ended::with(frame.map(|frame| frame.code)))),
            Some(Err(error)) => Came::Said(Err(Ended::by(&error))),
            None => Came::Said(Err(Ended::Closed)),
        }
    }

    /// False where it is not taken in time.
    pub(crate) async fn send(&mut self, text: String) -> bool {
        let sent = tokio::time::timeout(PATIENCE, self.stream.send(Message::text(text))).await;
        matches!(sent, Ok(Ok(())))
    }

    /// The same, and has been read, where the other side answers pings as it has to (RFC 6455, 5.5.2): in the order in which
    /// it reads.
    pub(crate) async fn send_through(&mut self, text: String) -> bool {
        let sent = self.send(text).await && self.stream.send(Message::Ping(Bytes::new())).await.is_ok();
        if sent {
            // Whoever does not answer pings may have read it all the same.
            tokio::time::timeout(READ, self.is_read()).await.ok();
        }
        sent
    }

    async fn is_read(&mut self) {
        while self.early.len() < BEFORE && self.early.back().is_none_or(Result::is_ok) {
            match self.read().await {
                Came::Said(said) => self.early.push_back(said),
                Came::Pong => return,
                Came::Nothing => {}
            }
        }
    }

    pub(crate) async fn close(mut self) {
        let closed = tokio::time::timeout(PATIENCE, self.stream.close(None)).await;
        if let Ok(Err(error)) = closed {
            tracing::debug!(%error, "a notification socket was not closed in order");
        }
    }
}

impl Ended {
    fn with(code: Option<CloseCode>) -> Self {
        match code {
            None | Some(CloseCode::Normal | CloseCode::Away) => Self::Closed,
            Some(code) => {
                let why = format!("the service closed a notification socket with {code}; it is opened again");
                Self::Broken { reason: "closed", why }
            }
        }
    }

    fn by(error: &Error) -> Self {
        let reason = match error {
            Error::Capacity(_) => "too_large",
            Error::Utf8(_) => "not_utf8",
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return Self::Closed,
            Error::Protocol(_) => "protocol",
            _ => {
                tracing::debug!(%error, "a notification socket ended");
                return Self::Closed;
            }
        };
        let why = format!(
            "what came over a notification socket is not to be taken ({error}); it is opened again; if that goes on, look for a proxy on the way that changes WebSockets"
        );
        Self::Broken { reason, why }
    }
}
