//! Sockets: bind, accept, TLS, and a stop that lets open requests finish.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use flow::BuildError;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::settings::split_port;

/// Connections that one listener serves at once; more wait in the accept queue.
const CONNECTIONS: usize = 4096;
/// How long open requests may take after the stop.
const GRACE: Duration = Duration::from_secs(10);
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A running listener.
pub(super) struct Listener {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Turns true when the listener stops: finish the open request, then close.
pub(super) type Stopping = watch::Receiver<bool>;

impl Listener {
    /// Accepts until stopped; `serve` is one connection's whole life.
    pub(super) fn start<S, F>(tcp: TcpListener, tls: Option<TlsAcceptor>, serve: S) -> Self
    where
        S: Fn(Stream, SocketAddr, Stopping) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopping) = watch::channel(false);
        Self { stop, task: tokio::spawn(accept(tcp, tls, Arc::new(serve), stopping)) }
    }

    pub(super) async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "listener ended badly");
        }
    }
}

pub(super) async fn stopped(stopping: &mut Stopping) {
    // An error means that the listener is gone, which is a stop too.
    drop(stopping.wait_for(|stop| *stop).await);
}

/// Binds an endpoint as the collector reads it: `localhost` is a loopback address, an empty host is every address.
pub(super) async fn bind(component: &str, endpoint: &str) -> Result<TcpListener, BuildError> {
    let fail = |why: String| BuildError::new(component, why);
    let Some((host, port)) = split_port(endpoint) else {
        return Err(fail(format!("{endpoint:?} is not an address and a port")));
    };
    let resolved =
        tokio::net::lookup_host((host, port)).await.map_err(|error| fail(format!("{endpoint}: {error}")))?;
    let mut addresses: Vec<_> = resolved.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    match TcpListener::bind(addresses.as_slice()).await {
        Ok(tcp) => {
            let address =
                tcp.local_addr().map_or_else(|_| endpoint.to_owned(), |address| address.to_string());
            tracing::info!(component, address, "listening");
            Ok(tcp)
        }
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(fail(format!(
            "{endpoint} is taken by another process; stop it, or set another `endpoint` for this receiver"
        ))),
        Err(error) => Err(fail(format!("cannot listen on {endpoint}: {error}"))),
    }
}

async fn accept<S, F>(tcp: TcpListener, tls: Option<TlsAcceptor>, serve: Arc<S>, mut stopping: Stopping)
where
    S: Fn(Stream, SocketAddr, Stopping) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = stopped(&mut stopping) => break,
        };
        let accepted = tokio::select! {
            accepted = tcp.accept() => accepted,
            () = stopped(&mut stopping) => break,
            Some(_) = connections.join_next() => continue,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, or a connection that went away: neither is a reason to end.
                tracing::warn!(%error, "cannot accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        drop(socket.set_nodelay(true));
        let (tls, serve, stopping) = (tls.clone(), Arc::clone(&serve), stopping.clone());
        connections.spawn(async move {
            let _place = place;
            if let Some(stream) = secured(socket, tls).await {
                serve(stream, peer, stopping).await;
            }
        });
    }
    drop(tcp);
    let finished = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, finished).await.is_err() {
        tracing::warn!(open = connections.len(), "connections closed before they were done");
    }
}

async fn secured(socket: TcpStream, tls: Option<TlsAcceptor>) -> Option<Stream> {
    let Some(tls) = tls else { return Some(Stream::Plain(socket)) };
    match tokio::time::timeout(HANDSHAKE, tls.accept(socket)).await {
        Ok(Ok(stream)) => Some(Stream::Tls(Box::new(stream))),
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS handshake failed");
            None
        }
        Err(_) => None,
    }
}

/// A plain or a TLS connection.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

macro_rules! either {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Plain(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Stream::Tls(stream) => {
                let $stream = Pin::new(stream.as_mut());
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_shutdown(cx))
    }
}
