//! OTLP/gRPC: unary calls on raw bytes (gRPC over HTTP/2, "Requests" and "Responses").

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::{Buf, Bytes};
use flow::{BuildError, Hold, Refusal, Signal};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::body::{self, READ_TIMEOUT, Unread};
use super::intake::{Body, Format, Intake};
use super::listener::{self, Listener, Stopping, Stream, stopped};
use super::settings::Grpc;
use crate::net::coding::Coding;
use crate::net::status::{Code, Status};

const PATHS: [(Signal, &str); 3] = [
    (Signal::Traces, "/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
    (Signal::Metrics, "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"),
    (Signal::Logs, "/opentelemetry.proto.collector.logs.v1.LogsService/Export"),
];
/// Compressed flag and length.
const PREFIX: usize = 5;
/// An empty `Export…ServiceResponse`.
const SUCCESS: &[u8] = &[0; PREFIX];

/// Binds and serves.
pub(super) async fn serve(
    component: &str,
    settings: &Grpc,
    intake: Arc<Intake>,
) -> Result<Listener, BuildError> {
    let tls = match &settings.tls {
        Some(tls) => {
            let mut config =
                tls.server_config().map_err(|error| BuildError::new(component, error.to_string()))?;
            config.alpn_protocols = vec![b"h2".to_vec()];
            Some(TlsAcceptor::from(Arc::new(config)))
        }
        None => None,
    };
    let tcp = listener::bind(component, &settings.endpoint).await?;
    let builder = Arc::new(builder(settings));
    let age = settings.keepalive.server_parameters.max_connection_age.get();
    let limit = settings.max_message();
    Ok(Listener::start(tcp, tls, move |stream, peer, stopping| {
        let door = Arc::new(Door { intake: Arc::clone(&intake), limit });
        connection(Arc::clone(&builder), stream, peer, door, age, stopping)
    }))
}

fn builder(settings: &Grpc) -> http2::Builder<TokioExecutor> {
    let keepalive = &settings.keepalive.server_parameters;
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .max_frame_size(256 << 10)
        .max_header_list_size(64 << 10)
        .keep_alive_interval(Some(keepalive.time.get()).filter(|time| !time.is_zero()))
        .keep_alive_timeout(keepalive.timeout.get());
    if settings.max_concurrent_streams > 0 {
        builder.max_concurrent_streams(settings.max_concurrent_streams);
    }
    builder
}

async fn connection(
    builder: Arc<http2::Builder<TokioExecutor>>,
    stream: Stream,
    peer: SocketAddr,
    door: Arc<Door>,
    age: Duration,
    mut stopping: Stopping,
) {
    let service = service_fn(move |request| {
        let door = Arc::clone(&door);
        async move { Ok::<_, Infallible>(door.answer(request, peer).await) }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let old = async {
        match age {
            Duration::ZERO => std::future::pending().await,
            age => tokio::time::sleep_until(Instant::now() + age).await,
        }
    };
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = old => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "connection ended");
    }
}

struct Door {
    intake: Arc<Intake>,
    limit: usize,
}

impl Door {
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Reply> {
        let content_type = request.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        if !content_type.starts_with(b"application/grpc") {
            let mut answer = Response::new(Reply::default());
            *answer.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return answer;
        }
        let signal = PATHS.iter().find(|(_, path)| *path == request.uri().path()).map(|(signal, _)| *signal);
        let Some(signal) = signal.filter(|signal| self.intake.takes(*signal)) else {
            self.intake.count_refused_request();
            let message = format!("no pipeline takes {}", request.uri().path());
            return failed(&Status { code: Code::Unimplemented as i32, message, retry_after: None });
        };
        let taken = self.take(request, signal, peer).await;
        if taken.is_err() {
            self.intake.count_refused_request();
        }
        match taken {
            Ok(()) => succeeded(),
            Err(Unread::Refused(refusal)) => failed(&Status::from(&refusal)),
            Err(Unread::Slow(limit)) => {
                let message = format!("the message did not arrive within {limit:?}");
                failed(&Status { code: Code::DeadlineExceeded as i32, message, retry_after: None })
            }
            Err(Unread::Broken) => {
                let message = "the message broke off".to_owned();
                failed(&Status { code: Code::Cancelled as i32, message, retry_after: None })
            }
        }
    }

    async fn take(&self, request: Request<Incoming>, signal: Signal, peer: SocketAddr) -> Result<(), Unread> {
        let encoding =
            request.headers().get("grpc-encoding").and_then(|name| name.to_str().ok()).unwrap_or_default();
        let coding = Coding::from_name(encoding).ok_or_else(|| unimplemented(encoding))?;
        let client = self.intake.client(peer, request.headers());
        let limit = self.limit.saturating_add(PREFIX);
        let (framed, hold) =
            body::read(request.into_body(), signal, limit, READ_TIMEOUT, &self.intake).await?;
        let (bytes, coding) = unframed(framed, coding)?;
        let body = self.body(bytes, coding, hold);
        Ok(self.intake.take(signal, body, client).await?)
    }

    fn body(&self, bytes: Bytes, coding: Coding, hold: Hold) -> Body {
        Body { bytes, coding, format: Format::Protobuf, limit: self.limit, hold }
    }
}

/// The one message of a unary request.
fn unframed(mut framed: Bytes, coding: Coding) -> Result<(Bytes, Coding), Refusal> {
    if framed.len() < PREFIX {
        return Err(Refusal::caller("a request without a message"));
    }
    let compressed = framed.get_u8();
    let len = framed.get_u32() as usize;
    if len != framed.len() {
        return Err(Refusal::caller(format!(
            "a message of {len} bytes announced, {} bytes came",
            framed.len()
        )));
    }
    match compressed {
        0 => Ok((framed, Coding::Identity)),
        1 => Ok((framed, coding)),
        other => Err(Refusal::caller(format!("compressed flag {other}; it is 0 or 1"))),
    }
}

fn unimplemented(encoding: &str) -> Refusal {
    let why = format!("grpc-encoding {encoding:?} is not supported; use gzip, zstd, snappy or identity");
    Refusal { fault: flow::Fault::Missing, why, retry_after: None }
}

fn succeeded() -> Response<Reply> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    response(Reply { data: Some(Bytes::from_static(SUCCESS)), trailers: Some(trailers) })
}

/// An answer without a message: its status stands in the headers ("Trailers-Only").
fn failed(status: &Status) -> Response<Reply> {
    let mut answer = response(Reply::default());
    let headers = answer.headers_mut();
    headers.insert("grpc-status", HeaderValue::from(status.code));
    if let Ok(message) = HeaderValue::from_str(&percent_encoded(&status.message)) {
        headers.insert("grpc-message", message);
    }
    if let Ok(details) = HeaderValue::from_str(&STANDARD_NO_PAD.encode(status.to_proto())) {
        headers.insert("grpc-status-details-bin", details);
    }
    answer
}

fn response(reply: Reply) -> Response<Reply> {
    let mut answer = Response::new(reply);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    answer
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

/// One data frame and the trailers, either of them left out.
#[derive(Default)]
struct Reply {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl hyper::body::Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = match self.data.take() {
            Some(data) => Some(Frame::data(data)),
            None => self.trailers.take().map(Frame::trailers),
        };
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.trailers.is_none()
    }
}
