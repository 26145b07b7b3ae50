//! Connections that others open, and those that the edge opens.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use flow::BoxFuture;
use tls::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::streams::{Place, Streams};
use super::{Shared, connection, websocket};
use crate::edge::Flow;
use crate::hop::Transport;

/// For TCP, TLS and the WebSocket's handshake together.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Between two attempts to accept where the system is out of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn listen(
    shared: &Arc<Shared>,
    listener: usize,
    transport: Transport,
    socket: &TcpListener,
    tls: Option<&Acceptor>,
) {
    let listener = u16::try_from(listener).unwrap_or(u16::MAX);
    loop {
        match socket.accept().await {
            Ok((stream, peer)) => {
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                let flow = Flow { listener, transport, peer, connection: 0 };
                match Streams::enter(shared, flow) {
                    Some(place) => {
                        tokio::spawn(accepted(Arc::clone(shared), place, stream, tls.map(Acceptor::now)));
                    }
                    None => shared.meters.unsent("connections"),
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn accepted(shared: Arc<Shared>, place: Place, stream: TcpStream, tls: Option<TlsAcceptor>) {
    let served = async {
        stream.set_nodelay(true)?;
        match tls {
            None => serve(&shared, place, stream).await,
            Some(tls) => {
                let stream = Box::pin(in_time(tls.accept(stream))).await?;
                serve(&shared, place, stream).await
            }
        }
    };
    ended(&shared, served).await;
}

/// In a box: what a connection waits with is as large as its own kind needs, not as the largest.
fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    shared: &Arc<Shared>,
    place: Place,
    stream: S,
) -> BoxFuture<'_, io::Result<()>> {
    match place.flow.transport {
        Transport::Ws | Transport::Wss => Box::pin(async move {
            let socket = Box::pin(in_time(websocket::accept(stream))).await?;
            websocket::serve(shared, place, socket).await
        }),
        _ => Box::pin(connection::serve(shared, place, stream, throughline_sip::Side::Accepted)),
    }
}

/// Opens the connection that messages wait for already.
pub(super) async fn open(shared: Arc<Shared>, place: Place) {
    let peer = place.flow.peer;
    let served = async {
        let stream =
            in_time(TcpStream::connect(peer)).await.inspect_err(|_| shared.meters.unsent("connect"))?;
        stream.set_nodelay(true)?;
        let side = throughline_sip::Side::Opened;
        if place.flow.transport == Transport::Tls {
            let secured = match shared.streams.connector(peer) {
                Ok((connector, name)) => Box::pin(in_time(connector.connect(name, stream))).await,
                Err(error) => Err(error),
            };
            let stream = secured.inspect_err(|error| {
                shared.unreachable(place.flow, "tls");
                tracing::warn!(%peer, %error, "no TLS with a peer");
            })?;
            return Box::pin(connection::serve(&shared, place, stream, side)).await;
        }
        Box::pin(connection::serve(&shared, place, stream, side)).await
    };
    ended(&shared, served).await;
}

/// Until the connection or the receiver ends.
async fn ended(shared: &Shared, served: impl Future<Output = io::Result<()>>) {
    let mut stopped = shared.stopped.clone();
    tokio::select! {
        served = served => if let Err(error) = served {
            tracing::debug!(%error, "a connection ended early");
        },
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

async fn in_time<T>(step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(HANDSHAKE, step).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}
