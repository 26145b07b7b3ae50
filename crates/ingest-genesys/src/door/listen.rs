//! The socket: so many connections, so much time for each step, and an end in which open requests are answered.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::Answer;

/// Open connections; more wait in the kernel's queue.
const CONNECTIONS: usize = 128;
const HANDSHAKE: Duration = Duration::from_secs(10);
/// To send the head of a request, and between two requests.
const HEAD: Duration = Duration::from_secs(30);
const HEAD_BYTES: usize = 32 << 10;
/// For open requests at the stop.
const GRACE: Duration = Duration::from_secs(5);
/// Between two attempts to accept where the system is out of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// What answers the requests.
pub(crate) trait Answers: Send + Sync + 'static {
    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Answer> + Send;
}

/// Until it is stopped: `stopped` is told or dropped.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    intake: Arc<impl Answers>,
    mut stopped: oneshot::Receiver<()>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let (ends, ending) = watch::channel(());
    let mut tasks = JoinSet::new();
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            accepted = accepted => accepted,
            Some(_) = tasks.join_next() => continue,
            _ = &mut stopped => break,
        };
        match (accepted, place) {
            (Ok((stream, _)), Ok(place)) => {
                tasks.spawn(connection(stream, tls.clone(), Arc::clone(&intake), ending.clone(), place));
            }
            (Err(error), _) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
            (_, Err(_)) => break,
        }
    }
    drop((listener, ends));
    let answered = async { while tasks.join_next().await.is_some() {} };
    if timeout(GRACE, answered).await.is_err() {
        tracing::warn!("some requests were cut off at the stop");
    }
}

async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    intake: Arc<impl Answers>,
    mut ending: watch::Receiver<()>,
    _place: OwnedSemaphorePermit,
) {
    let Some(tls) = tls else { return requests(stream, intake, ending).await };
    let secured = tokio::select! {
        secured = timeout(HANDSHAKE, tls.accept(stream)) => secured,
        _ = ending.changed() => return,
    };
    match secured {
        Ok(Ok(stream)) => requests(stream, intake, ending).await,
        Ok(Err(error)) => tracing::debug!(%error, "no TLS with a client"),
        Err(_) => tracing::debug!("no TLS with a client in time"),
    }
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    intake: Arc<impl Answers>,
    mut ending: watch::Receiver<()>,
) {
    let service = service_fn(|request| {
        let intake = Arc::clone(&intake);
        async move { Ok::<_, Infallible>(intake.answer(request).await) }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service)
    );
    let served = tokio::select! {
        served = connection.as_mut() => served,
        _ = ending.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}
