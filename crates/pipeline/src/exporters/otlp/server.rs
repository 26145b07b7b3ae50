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
use tokio::task::JoinHandle;
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
type Script = Arc<dyn Fn(Seen) -> Answer + Send + Sync>;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
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
        Self::run(None, Arc::new(move |seen| Box::pin(std::future::ready(Ok(reply(&seen)))))).await
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
        Self::run(Some(acceptor), Arc::new(move |seen| Box::pin(std::future::ready(Ok(reply(&seen)))))).await
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

    async fn run(tls: Option<TlsAcceptor>, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(accept(listener, tls, script, Arc::clone(&seen)));
        Self { address, seen, task }
    }

    /// What came since the last call.
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    /// The one request that came since the last call.
    pub(crate) fn one(&self) -> Seen {
        let [one] = self.take().try_into().unwrap();
        one
    }
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    script: Script,
    seen: Arc<Mutex<Vec<Seen>>>,
) {
    for connection in 0.. {
        let (stream, _) = listener.accept().await.unwrap();
        let (script, seen, tls) = (Arc::clone(&script), Arc::clone(&seen), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => converse(TokioIo::new(stream), connection, script, seen).await,
                Some(tls) => shake(tls, stream, connection, script, seen).await,
            }
        });
    }
}

async fn shake(
    tls: TlsAcceptor,
    stream: TcpStream,
    connection: usize,
    script: Script,
    seen: Arc<Mutex<Vec<Seen>>>,
) {
    if let Ok(stream) = tls.accept(stream).await {
        converse(TokioIo::new(stream), connection, script, seen).await;
    }
}

async fn converse(
    stream: impl Read + Write + Unpin + Send + 'static,
    connection: usize,
    script: Script,
    seen: Arc<Mutex<Vec<Seen>>>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (script, all) = (Arc::clone(&script), Arc::clone(&seen));
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
            let seen = Seen { uri: head.uri, version: head.version, headers: head.headers, body, connection };
            all.lock().unwrap().push(seen.clone());
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
