//! The socket: takes connections, bounds what each may do, and lets them finish at shutdown.

use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tls::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};

use crate::auth::Peer;
use crate::patient::{Left, Patient};

/// For a client to agree on TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Open connections; more wait in the kernel's queue.
const CONNECTIONS: usize = 256;
/// To send the head of a request, and between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Without taking any of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of the head of a request.
const HEAD_BYTES: usize = 64 << 10;
/// Requests of one connection at the same time.
const STREAMS: u32 = 32;
/// For open requests at shutdown.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until `stop` is told or dropped.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Acceptor>,
    router: Router,
    mut stop: oneshot::Receiver<()>,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            accepted = accepted => accepted,
            _ = &mut stop => break,
        };
        match accepted {
            Ok((stream, from)) => {
                let left = Left::default();
                let known = (Extension(left.clone()), Extension(Peer(from.ip())));
                let router = router.clone().layer(known.0).layer(known.1);
                let tls = tls.as_ref().map(Acceptor::now);
                let watcher = graceful.watcher();
                tokio::spawn(async move {
                    let _place = place;
                    let served = async {
                        match tls {
                            None => watcher.watch(connection(stream, router)).await,
                            Some(tls) => {
                                let stream = tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await??;
                                watcher.watch(connection(stream, router)).await
                            }
                        }
                    };
                    let error = tokio::select! {
                        ended = served => ended.err(),
                        () = left.lying() => Some("its answers are not read".into()),
                    };
                    if let Some(error) = error {
                        tracing::debug!(%error, "a connection to the page ended early");
                    }
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: wait until some are free again.
                tracing::warn!(%error, "cannot accept a connection to the page");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests to the page were cut off at shutdown");
    }
}

type Stream<S> = TokioIo<Patient<S>>;
type Connection<S> = auto::Connection<'static, Stream<S>, TowerToHyperService<Router>, TokioExecutor>;

/// HTTP/1.1, or HTTP/2 with its preface, which clients of gRPC speak.
fn connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    router: Router,
) -> Connection<S> {
    let stream = TokioIo::new(Patient::new(stream, WRITE_TIMEOUT));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES as u32)
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(Some(HEAD_TIMEOUT))
        .keep_alive_timeout(HEAD_TIMEOUT);
    builder.serve_connection(stream, TowerToHyperService::new(router)).into_owned()
}
