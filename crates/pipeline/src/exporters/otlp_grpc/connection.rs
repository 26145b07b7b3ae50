//! One HTTP/2 connection: TCP or a Unix socket, TLS where asked for.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::gather::Gather;
use super::settings::Keepalive;
use super::target::Address;
use crate::exporters::otlp::body::Chunks;
use crate::net::failure::chain;

/// How to connect.
pub(super) struct Connector {
    pub(super) tls: Option<(TlsConnector, ServerName<'static>)>,
    pub(super) keepalive: Option<Keepalive>,
}

/// A connection that calls share.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) address: Arc<Address>,
    pub(super) sender: SendRequest<Chunks>,
    /// Held by each call under way, and by the pool.
    holders: Arc<()>,
}

impl Connection {
    /// Calls under way, while this is the pool's own.
    pub(super) fn calls(&self) -> usize {
        Arc::strong_count(&self.holders) - 1
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.holders, &other.holders)
    }
}

/// What rustls connects with for gRPC.
pub(super) fn over_http2(mut config: ClientConfig) -> TlsConnector {
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Connector {
    /// Errors say what failed in one line.
    pub(super) async fn connect(&self, address: &Address) -> Result<Connection, String> {
        let stream: Box<dyn Stream> = match address {
            Address::Tcp(address) => {
                let stream = TcpStream::connect(address).await;
                let stream = stream.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
                Box::new(stream.map_err(|error| chain(&error))?)
            }
            Address::Unix(path) => unix(path).await.map_err(|error| chain(&error))?,
        };
        let stream: Box<dyn Stream> = match &self.tls {
            None => stream,
            Some((tls, name)) => {
                Box::new(tls.connect(name.clone(), stream).await.map_err(|error| chain(&error))?)
            }
        };
        let stream = Gather::new(WRITE_BUFFER, stream);
        let (sender, connection) =
            self.http2().handshake(TokioIo::new(stream)).await.map_err(|error| chain(&error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = chain(&error), "a gRPC connection ended");
            }
        });
        Ok(Connection { address: Arc::new(address.clone()), sender, holders: Arc::default() })
    }

    fn http2(&self) -> Builder<TokioExecutor> {
        let mut http2 = Builder::new(TokioExecutor::new());
        // Until the server has said how many it takes, one call at a time: more could be refused.
        http2.timer(TokioTimer::new()).initial_max_send_streams(1);
        if let Some(keepalive) = self.keepalive.filter(|keepalive| !keepalive.time.is_zero()) {
            let patience = Some(keepalive.timeout.get()).filter(|timeout| !timeout.is_zero());
            http2
                .keep_alive_interval(keepalive.time.get().max(SHORTEST_PING))
                .keep_alive_timeout(patience.unwrap_or(PING_TIMEOUT))
                .keep_alive_while_idle(keepalive.permit_without_stream);
        }
        http2
    }
}

const WRITE_BUFFER: usize = 64 << 10;
/// As in gRPC's own client.
const SHORTEST_PING: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

#[cfg(unix)]
async fn unix(path: &Path) -> io::Result<Box<dyn Stream>> {
    Ok(Box::new(tokio::net::UnixStream::connect(path).await?))
}

#[cfg(not(unix))]
async fn unix(_: &Path) -> io::Result<Box<dyn Stream>> {
    Err(io::Error::other("there are no Unix sockets on this system"))
}
