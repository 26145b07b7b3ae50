//! OTLP/gRPC: unary calls on raw bytes (gRPC over HTTP/2, "Requests" and "Responses").

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::{Buf, Bytes};
use flow::{BuildError, Ctx, Refusal, Signal};
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use super::body::{self, READ_TIMEOUT, Unread};
use super::intake::{Body, Format, Intake};
use super::settings::Grpc;
use crate::net::coding::Coding;
use crate::net::endpoint::bind;
use crate::net::gate::Gate;
use crate::net::listener::{Accepted, Listener, drive};
use crate::net::serve::{HEAD, acceptor};
use crate::net::status::{Code, Status};
use crate::transit::{Arrival, WallClock};

const PATHS: [(Signal, &str); 3] = [
    (Signal::Traces, "/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
    (Signal::Metrics, "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"),
    (Signal::Logs, "/opentelemetry.proto.collector.logs.v1.LogsService/Export"),
];
/// Bytes of a frame, which a connection holds unaccounted until the whole of it has come. A usual request fits in.
const FRAME: u32 = 64 << 10;
/// Compressed flag and length.
const PREFIX: usize = 5;
/// An empty `Export…ServiceResponse`.
const SUCCESS: &[u8] = &[0; PREFIX];
const ENCODINGS: HeaderValue = HeaderValue::from_static("identity,gzip,zstd,snappy,deflate");

/// Binds and serves.
pub(super) async fn serve(ctx: &Ctx, settings: &Grpc, intake: Arc<Intake>) -> Result<Listener, BuildError> {
    let tls = acceptor(ctx, settings.tls.as_ref(), &[b"h2"])?;
    let tcp = bind(ctx, "grpc", &settings.endpoint).await?;
    let builder = Arc::new(builder(settings));
    let gate = Gate::new(ctx, settings.auth.as_ref(), &settings.middlewares)?;
    let wall = settings.transit.then(|| ctx.get().unwrap_or_default());
    let door = Arc::new(Door { intake, gate, limit: settings.max_message(), wall });
    Ok(Listener::start(tcp, tls, settings.patience(), move |accepted| {
        let (door, builder) = (Arc::clone(&door), Arc::clone(&builder));
        let Accepted { stream, peer, activity } = accepted;
        async move {
            let service = service_fn(|request| {
                let (door, open) = (Arc::clone(&door), activity.request());
                // Boxed, because HTTP/2 makes a task of it, which moves it several times.
                Box::pin(async move {
                    let answer = door.answer(request, peer).await;
                    drop(open);
                    Ok::<_, Infallible>(answer)
                })
            });
            drive(builder.serve_connection(TokioIo::new(stream), service), &activity, peer).await;
        }
    }))
}

fn builder(settings: &Grpc) -> http2::Builder<TokioExecutor> {
    let keepalive = &settings.keepalive.server_parameters;
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .max_frame_size(FRAME)
        .max_header_list_size(HEAD)
        .keep_alive_interval(Some(keepalive.time.get()).filter(|time| !time.is_zero()))
        .keep_alive_timeout(keepalive.timeout.get());
    if settings.max_concurrent_streams > 0 {
        builder.max_concurrent_streams(settings.max_concurrent_streams);
    }
    builder
}

struct Door {
    intake: Arc<Intake>,
    gate: Gate,
    limit: usize,
    /// Set where stamps are answered.
    wall: Option<Arc<WallClock>>,
}

impl Door {
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Reply> {
        let content_type = request.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        // Not gRPC-Web, whose messages look otherwise.
        if !matches!(content_type.strip_prefix(b"application/grpc"), Some([] | [b'+' | b';', ..])) {
            return not_grpc(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        if request.method() != Method::POST {
            return not_grpc(StatusCode::METHOD_NOT_ALLOWED);
        }
        let mut arrival = self.wall.as_ref().and_then(|wall| Arrival::of(request.headers(), wall));
        let taken = self.take(request, peer, &mut arrival).await;
        let mut answer = match &taken {
            Ok(()) => succeeded(),
            Err(status) => {
                self.intake.count_refused_request();
                failed(status)
            }
        };
        if let Some(arrival) = arrival {
            arrival.stamp(answer.headers_mut());
        }
        answer
    }

    async fn take(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        arrival: &mut Option<Arrival>,
    ) -> Result<(), Status> {
        let admitted = self.gate.admit(request.uri(), request.headers(), peer).await;
        let mut admitted = admitted.map_err(|away| Status::from(&away.refusal))?;
        let path = request.uri().path();
        let signal = PATHS.iter().find(|(_, known)| *known == path).map(|(signal, _)| *signal);
        let signal = signal
            .filter(|signal| self.intake.takes(*signal))
            .ok_or_else(|| Status::new(Code::Unimplemented, format!("no pipeline takes {path}")))?;
        let coding = coding(request.headers())?;
        let identity = std::mem::take(&mut admitted.identity);
        let mut client = self.intake.client(peer, request.headers(), identity);
        let within = timeout(request.headers()).unwrap_or(READ_TIMEOUT).min(READ_TIMEOUT);
        let limits = body::Limits { signal, bytes: self.limit.saturating_add(PREFIX), within };
        let announced = |first: &[u8]| self.announced(first);
        let (framed, hold) =
            match body::read(&mut request.into_body(), &limits, &self.intake, announced).await {
                Ok(read) => read,
                Err(Unread::Refused(refusal)) => return Err(Status::from(&refusal)),
                Err(Unread::Slow(limit)) => {
                    let why = format!("the message did not arrive within {limit:?}");
                    return Err(Status::new(Code::DeadlineExceeded, why));
                }
                Err(Unread::Broken) => return Err(Status::new(Code::Cancelled, "the message broke off")),
            };
        if let Some(arrival) = arrival {
            arrival.is_whole(&mut client);
        }
        let client = Arc::new(client);
        let (bytes, coding) = unframed(framed, coding)?;
        let body = Body { bytes, coding, format: Format::Protobuf, limit: self.limit, hold };
        self.intake.take(signal, body, client, &admitted).await.map_err(|refusal| Status::from(&refusal))
    }

    /// The length of the whole body, by the prefix of its one message.
    fn announced(&self, first: &[u8]) -> Result<Option<usize>, Refusal> {
        let Some([_, len @ ..]) = first.first_chunk::<PREFIX>() else { return Ok(None) };
        let len = u32::from_be_bytes(*len) as usize;
        if len > self.limit {
            let limit = self.limit;
            return Err(Refusal::too_large(format!(
                "a message of {len} bytes, and {limit} are allowed; send smaller batches or raise the limit"
            )));
        }
        Ok(Some(PREFIX + len))
    }
}

fn coding(headers: &HeaderMap) -> Result<Option<Coding>, Status> {
    let Some(name) = headers.get("grpc-encoding") else { return Ok(None) };
    match name.to_str().ok().and_then(Coding::from_name) {
        Some(Coding::Identity) => Ok(None),
        Some(coding) => Ok(Some(coding)),
        None => {
            let why = format!("grpc-encoding {name:?} is not supported; use gzip, zstd, snappy or identity");
            Err(Status::new(Code::Unimplemented, why))
        }
    }
}

/// The call's deadline, as its client has it: at most eight digits and a unit.
fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (amount, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let amount: u32 = amount.parse().ok()?;
    let amount_of = |unit: Duration| unit.saturating_mul(amount);
    Some(match unit {
        "H" => amount_of(Duration::from_secs(3600)),
        "M" => amount_of(Duration::from_secs(60)),
        "S" => amount_of(Duration::from_secs(1)),
        "m" => amount_of(Duration::from_millis(1)),
        "u" => amount_of(Duration::from_micros(1)),
        "n" => amount_of(Duration::from_nanos(1)),
        _ => return None,
    })
}

/// The one message of a unary request, and how it is compressed.
fn unframed(mut framed: Bytes, coding: Option<Coding>) -> Result<(Bytes, Coding), Status> {
    let wrong = |why: String| Err(Status::new(Code::InvalidArgument, why));
    if framed.len() < PREFIX {
        return wrong("a request without a message".to_owned());
    }
    let compressed = framed.get_u8();
    let len = framed.get_u32() as usize;
    if len < framed.len() {
        return wrong("more than one message in a request; Export takes one".to_owned());
    }
    if len > framed.len() {
        return wrong(format!("a message of {len} bytes announced, {} came", framed.len()));
    }
    match (compressed, coding) {
        (0, _) => Ok((framed, Coding::Identity)),
        (1, Some(coding)) => Ok((framed, coding)),
        // The code that the gRPC specification ("Compression") has for this.
        (1, None) => {
            Err(Status::new(Code::Internal, "a compressed message without a grpc-encoding that says how"))
        }
        (other, _) => wrong(format!("compressed flag {other}; it is 0 or 1")),
    }
}

fn succeeded() -> Response<Reply> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    response(Reply { data: Some(Bytes::from_static(SUCCESS)), trailers: Some(trailers) })
}

/// What HTTP says to those who do not speak gRPC.
fn not_grpc(status: StatusCode) -> Response<Reply> {
    let mut answer = Response::new(Reply::default());
    *answer.status_mut() = status;
    if status == StatusCode::METHOD_NOT_ALLOWED {
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    answer
}

/// An answer without a message: its status stands in the headers ("Trailers-Only").
fn failed(status: &Status) -> Response<Reply> {
    let mut answer = response(Reply::default());
    let headers = answer.headers_mut();
    headers.insert("grpc-status", HeaderValue::from(status.code));
    if status.code == Code::Unimplemented as i32 {
        headers.insert("grpc-accept-encoding", ENCODINGS);
    }
    if let Ok(message) = HeaderValue::from_str(&percent_encoded(&status.message)) {
        headers.insert("grpc-message", message);
    }
    if status.retry_after.is_some()
        && let Ok(details) = HeaderValue::from_str(&STANDARD_NO_PAD.encode(status.to_proto()))
    {
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
