//! A connection's bytes, plain or through TLS, that tell what the connection is doing.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;

use super::activity::Activity;

/// How long the rest of a refused body is read, so that its sender comes to read the answer: data that nobody has
/// read when a socket is closed makes the system reset the connection, and the answer is gone (RFC 9112 section 9.6).
const LINGER: Duration = Duration::from_secs(2);

/// An accepted connection.
pub struct Stream {
    socket: Socket,
    activity: Arc<Activity>,
    lingering: Option<Pin<Box<Sleep>>>,
}

pub(super) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    pub(super) fn new(socket: Socket, activity: Arc<Activity>) -> Self {
        Self { socket, activity, lingering: None }
    }

    /// Reads what still comes, for a while.
    fn linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut scrap = [0; 16 << 10];
        while self.lingering.as_mut().is_some_and(|until| until.as_mut().poll(cx).is_pending()) {
            let mut scrap = ReadBuf::new(&mut scrap);
            ready!(self.socket.with(|socket| socket.poll_read(cx, &mut scrap)))?;
            if scrap.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// What a plain and a TLS connection have in common.
trait Duplex: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

impl Socket {
    fn with<T>(&mut self, act: impl FnOnce(Pin<&mut dyn Duplex>) -> T) -> T {
        match self {
            Self::Plain(stream) => act(Pin::new(stream)),
            Self::Tls(stream) => act(Pin::new(stream.as_mut())),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = self.socket.with(|socket| socket.poll_read(cx, buf));
        if let Some(bytes @ [_, ..]) = buf.filled().get(before..) {
            self.activity.heard(bytes);
        }
        read
    }
}

// Not vectored: answers are small, and to write one buffer costs less than to gather several.
impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.socket.with(|socket| socket.poll_write(cx, buf))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.with(|socket| socket.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(self.socket.with(|socket| socket.poll_shutdown(cx)))?;
            if !self.activity.left_unread() {
                return Poll::Ready(Ok(()));
            }
            self.lingering = Some(Box::pin(tokio::time::sleep(LINGER)));
        }
        self.linger(cx)
    }
}
