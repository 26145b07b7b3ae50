//! A server for the exporters' tests: remembers what it got, answers as it is told.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use flow::BoxFuture;
use flow::config::Node;
use http::{HeaderMap, Request, Response, Uri, Version};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::net::tls::ServerTls;
use crate::net::tls::certificates::Certificates;

pub(crate) type Reply = Response<BoxBody<Bytes, io::Error>>;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) uri: Uri,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Counts connections from 0.
    pub(crate) connection: usize,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// `Err` breaks the connection.
type Answer = BoxFuture<'static, io::Result<Reply>>;
type All = Arc<watch::Sender<Vec<Seen>>>;
type Script = Arc<dyn Fn(Seen) -> Answer + Send + Sync>;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: All,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers at once.
    pub(crate) async fn start(reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::run(None, always(reply)).await
    }

    /// Answers with TLS, by a `tls` section.
    pub(crate) async fn start_tls(
        certificates: &Certificates,
        tls: &str,
        reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let tls: ServerTls = Node::load("tls", &certificates.fill(tls)).unwrap().parse().unwrap();
        let mut tls = tls.server_config().unwrap();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        Self::run(Some(acceptor), always(reply)).await
    }

    /// Never answers.
    pub(crate) async fn silent() -> Self {
        Self::run(None, Arc::new(|_| Box::pin(std::future::pending()))).await
    }

    /// Breaks the connection as often as told, then answers.
    pub(crate) async fn breaking(
        times: usize,
        reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let left = Mutex::new(times);
        let script = move |seen: Seen| {
            let mut left = left.lock().unwrap();
            let answer = match left.checked_sub(1) {
                Some(fewer) => {
                    *left = fewer;
                    Err(io::Error::other("broken on purpose"))
                }
                None => Ok(reply(&seen)),
            };
            Box::pin(std::future::ready(answer)) as Answer
        };
        Self::run(None, Arc::new(script)).await
    }

    /// Answers once it is let go: one call for each permit.
    pub(crate) async fn gated(
        gate: Arc<Semaphore>,
        reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let reply = Arc::new(reply);
        let script = move |seen: Seen| {
            let (gate, reply) = (Arc::clone(&gate), Arc::clone(&reply));
            Box::pin(async move {
                gate.acquire().await.unwrap().forget();
                Ok(reply(&seen))
            }) as Answer
        };
        Self::run(None, Arc::new(script)).await
    }

    /// Answers at an address that another server has had.
    pub(crate) async fn start_at(
        address: SocketAddr,
        reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::listen(TcpListener::bind(address).await.unwrap(), None, always(reply))
    }

    /// Answers at a Unix socket.
    #[cfg(unix)]
    pub(crate) async fn start_unix(
        path: &std::path::Path,
        reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::UnixListener::bind(path).unwrap();
        let script = always(reply);
        let seen = All::default();
        let all = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            converse(TokioIo::new(stream), 0, script, all).await;
        });
        Self { address: ([127, 0, 0, 1], 0).into(), seen, task }
    }

    /// Ends the server and its connections.
    pub(crate) async fn stop(mut self) -> SocketAddr {
        self.task.abort();
        assert!((&mut self.task).await.unwrap_err().is_cancelled());
        self.address
    }

    /// Waits until so many requests are there.
    pub(crate) async fn requests(&self, count: usize) {
        self.seen.subscribe().wait_for(|seen| seen.len() >= count).await.unwrap();
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.borrow().len()
    }

    async fn run(tls: Option<TlsAcceptor>, script: Script) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").await.unwrap(), tls, script)
    }

    fn listen(listener: TcpListener, tls: Option<TlsAcceptor>, script: Script) -> Self {
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(watch::Sender::default());
        let task = tokio::spawn(accept(listener, tls, script, Arc::clone(&seen)));
        Self { address, seen, task }
    }

    /// What came since the last call.
    pub(crate) fn take(&self) -> Vec<Seen> {
        self.seen.send_replace(Vec::new())
    }

    /// The one request that came since the last call.
    pub(crate) fn one(&self) -> Seen {
        let [one] = self.take().try_into().unwrap();
        one
    }
}

fn always(reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Script {
    Arc::new(move |seen| Box::pin(std::future::ready(Ok(reply(&seen)))))
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, script: Script, seen: All) {
    let mut open = JoinSet::new();
    for connection in 0.. {
        let (stream, _) = listener.accept().await.unwrap();
        let (script, seen, tls) = (Arc::clone(&script), Arc::clone(&seen), tls.clone());
        open.spawn(async move {
            match tls {
                None => converse(TokioIo::new(stream), connection, script, seen).await,
                Some(tls) => shake(tls, stream, connection, script, seen).await,
            }
        });
    }
}

async fn shake(tls: TlsAcceptor, stream: TcpStream, connection: usize, script: Script, seen: All) {
    if let Ok(stream) = tls.accept(stream).await {
        converse(TokioIo::new(stream), connection, script, seen).await;
    }
}

async fn converse(
    stream: impl Read + Write + Unpin + Send + 'static,
    connection: usize,
    script: Script,
    seen: All,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (script, all) = (Arc::clone(&script), Arc::clone(&seen));
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
            let seen = Seen { uri: head.uri, version: head.version, headers: head.headers, body, connection };
            all.send_modify(|all| all.push(seen.clone()));
            script(seen).await
        }
    });
    // A test that breaks connections means it.
    drop(auto::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await);
}

/// A reply with a body and headers.
pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed();
    let mut reply = Response::new(body);
    *reply.status_mut() = status.try_into().unwrap();
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().unwrap();
        reply.headers_mut().insert(name, value.parse().unwrap());
    }
    reply
}

/// An answer of gRPC: a message, and the status behind it.
pub(crate) fn grpc_reply(message: &[u8], trailers: &[(&str, &str)]) -> Reply {
    let mut body = vec![0];
    body.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend_from_slice(message);
    let mut map = HeaderMap::new();
    for (name, value) in trailers {
        let name: http::HeaderName = name.parse().unwrap();
        map.insert(name, value.parse().unwrap());
    }
    let trailers = std::future::ready(Some(Ok(map)));
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).with_trailers(trailers);
    let mut reply = Response::new(BodyExt::boxed(body));
    reply.headers_mut().insert("content-type", http::HeaderValue::from_static("application/grpc"));
    reply
}
