//! The socket of a channel.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::header::AUTHORIZATION;
use http::{HeaderValue, StatusCode, Uri};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Bytes of one message. A snapshot of a conversation with a hundred participants has some 200 kB.
const LARGEST: usize = 8 << 20;
/// Bytes that are kept of an answer that is no socket.
const BODY: usize = 4096;
/// How long the service may take to take a message.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Socket {
    stream: WebSocketStream<Stream>,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub(crate) struct NotConnected {
    /// The service itself refused the address.
    pub(crate) gone: bool,
    pub(crate) why: String,
    /// What it answered, and the first bytes of what it said.
    pub(crate) answer: Option<(StatusCode, Vec<u8>)>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    /// Opens a `ws` or `wss` address.
    pub(crate) async fn connect(
        address: &str,
        tls: &Arc<rustls::ClientConfig>,
    ) -> Result<Self, NotConnected> {
        Self::connect_as(address, None, tls).await
    }

    /// The same with a token, for addresses that want one.
    pub(crate) async fn connect_as(
        address: &str,
        token: Option<&str>,
        tls: &Arc<rustls::ClientConfig>,
    ) -> Result<Self, NotConnected> {
        let failed = |why: String| NotConnected { gone: false, why, answer: None };
        let uri: Uri =
            address.parse().map_err(|_| failed("the service named an address that is none".to_owned()))?;
        let secure = match uri.scheme_str() {
            Some("wss") => true,
            Some("ws") => false,
            _ => return Err(failed("the service named an address that is not `ws` or `wss`".to_owned())),
        };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let tcp = TcpStream::connect((host.as_str(), port))
            .await
            .map_err(|error| failed(format!("{host}: {error}")))?;
        tcp.set_nodelay(true).map_err(|error| failed(error.to_string()))?;
        let stream = if secure {
            let name = ServerName::try_from(host.clone())
                .map_err(|_| failed(format!("{host} is not a name for TLS")))?;
            let connected = TlsConnector::from(Arc::clone(tls)).connect(name, tcp).await;
            Stream::Tls(Box::new(connected.map_err(|error| failed(format!("{host}: {error}")))?))
        } else {
            Stream::Plain(tcp)
        };
        let config = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
        let mut request = uri.into_client_request().map_err(|error| failed(format!("{host}: {error}")))?;
        if let Some(token) = token {
            let bearer = HeaderValue::from_str(&format!("Bearer {token}"));
            request
                .headers_mut()
                .insert(AUTHORIZATION, bearer.map_err(|_| failed("the token is none".to_owned()))?);
        }
        let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await;
        match opened {
            Ok((stream, _)) => Ok(Self { stream }),
            Err(Error::Http(answer)) => {
                let status = answer.status();
                let mut body = answer.into_body().unwrap_or_default();
                body.truncate(BODY);
                let why = format!("{host} answered {status}");
                Err(NotConnected { gone: status.is_client_error(), why, answer: Some((status, body)) })
            }
            Err(error) => Err(failed(format!("{host}: {error}"))),
        }
    }

    /// The next message; `None` when the socket is at its end.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.stream.next().await? {
                Ok(Message::Text(text)) => return Some(text.into()),
                Ok(Message::Binary(bytes)) => return Some(bytes),
                // Pings are answered by the library when the stream is read on.
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Ok(Message::Close(_)) => return None,
                Err(error) => {
                    tracing::debug!(%error, "a notification socket ended");
                    return None;
                }
            }
        }
    }

    /// False where it is not taken in time.
    pub(crate) async fn send(&mut self, text: String) -> bool {
        let sent = tokio::time::timeout(PATIENCE, self.stream.send(Message::text(text))).await;
        matches!(sent, Ok(Ok(())))
    }

    pub(crate) async fn close(mut self) {
        let closed = tokio::time::timeout(PATIENCE, self.stream.close(None)).await;
        if let Ok(Err(error)) = closed {
            tracing::debug!(%error, "a notification socket was not closed in order");
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
