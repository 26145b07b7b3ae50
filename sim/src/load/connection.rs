//! One connection to the system under test, and what it answers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER, TE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tokio::net::TcpStream;

use crate::format::Format;
use crate::grpc;

/// The largest answer that is read.
const MAX_ANSWER: usize = 1 << 20;

/// Where requests go, and how they look apart from their bodies.
#[derive(Clone, Debug)]
pub struct Target {
    pub address: SocketAddr,
    pub format: Format,
    pub gzip: bool,
}

/// What became of one request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// Taken, except for the spans that the answer says were rejected.
    Accepted { rejected: u64 },
    /// Not taken; the same request may be sent again.
    Busy { retry_after: Option<Duration> },
    /// Not taken, for good.
    Refused(String),
    /// The connection was found closed before the request was sent.
    Unsent,
    /// The connection broke after the request was sent: whether it was taken is not known.
    Unknown,
}

/// An open connection.
pub struct Connection {
    sender: Sender,
    request: Request<()>,
    format: Format,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    /// Connects; HTTP/2 for gRPC, HTTP/1.1 for the others.
    pub async fn open(target: &Target) -> io::Result<Self> {
        let stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        let io = TokioIo::new(stream);
        let sender = match target.format {
            Format::Protobuf | Format::Json => {
                let (sender, connection) = http1::handshake(io).await.map_err(io::Error::other)?;
                tokio::spawn(connection);
                Sender::Http1(sender)
            }
            Format::Grpc => {
                let (sender, connection) =
                    http2::handshake(TokioExecutor::new(), io).await.map_err(io::Error::other)?;
                tokio::spawn(connection);
                Sender::Http2(sender)
            }
        };
        let request = head(target).map_err(io::Error::other)?;
        Ok(Self { sender, request, format: target.format })
    }

    /// Sends one body and waits for the answer.
    pub async fn send(&mut self, body: Bytes) -> Reply {
        let request = self.request.clone().map(|()| Full::new(body));
        let ready = match &mut self.sender {
            Sender::Http1(sender) => sender.ready().await,
            Sender::Http2(sender) => sender.ready().await,
        };
        if ready.is_err() {
            return Reply::Unsent;
        }
        let answer = match &mut self.sender {
            Sender::Http1(sender) => sender.send_request(request).await,
            Sender::Http2(sender) => sender.send_request(request).await,
        };
        let (head, body) = match answer {
            Ok(answer) => answer.into_parts(),
            Err(error) if error.is_canceled() => return Reply::Unsent,
            Err(_) => return Reply::Unknown,
        };
        let Ok(body) = Limited::new(body, MAX_ANSWER).collect().await else { return Reply::Unknown };
        let trailers = body.trailers().cloned();
        let body = body.to_bytes();
        match self.format {
            Format::Grpc => read_grpc(&head.headers, trailers.as_ref(), body),
            Format::Protobuf | Format::Json => read_http(self.format, head.status, &head.headers, &body),
        }
    }
}

fn head(target: &Target) -> http::Result<Request<()>> {
    let path = target.format.traces_path();
    let media_type = HeaderValue::from_static(target.format.media_type());
    let mut request = Request::builder().method(Method::POST).header(CONTENT_TYPE, media_type);
    request = match target.format {
        // HTTP/2 takes scheme and authority from the URI, HTTP/1.1 wants them in `Host`.
        Format::Grpc => request
            .uri(Uri::try_from(format!("http://{}{path}", target.address))?)
            .header(TE, HeaderValue::from_static("trailers")),
        Format::Protobuf | Format::Json => request.uri(path).header(HOST, target.address.to_string()),
    };
    if target.gzip {
        request = request.header(target.format.encoding_header(), HeaderValue::from_static("gzip"));
    }
    request.body(())
}

fn read_http(format: Format, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Reply {
    match status {
        StatusCode::OK => Reply::Accepted { rejected: rejected(format, body) },
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => {
            let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            Reply::Busy { retry_after: seconds.map(Duration::from_secs) }
        }
        other => Reply::Refused(format!("HTTP {}: {}", other.as_u16(), String::from_utf8_lossy(body))),
    }
}

fn read_grpc(headers: &HeaderMap, trailers: Option<&HeaderMap>, body: Bytes) -> Reply {
    let ended = trailers.unwrap_or(headers);
    let retry_after = grpc::read_retry_after(ended);
    match grpc::read_status(ended) {
        None => Reply::Unknown,
        Some(grpc::code::OK) => {
            let message = grpc::unframe(body).map(|(message, _)| message).unwrap_or_default();
            Reply::Accepted { rejected: rejected(Format::Grpc, &message) }
        }
        Some(grpc::code::UNAVAILABLE) => Reply::Busy { retry_after },
        Some(grpc::code::RESOURCE_EXHAUSTED) if retry_after.is_some() => Reply::Busy { retry_after },
        Some(code) => {
            let text = ended.get("grpc-message").map(|value| String::from_utf8_lossy(value.as_bytes()));
            Reply::Refused(format!("gRPC {code}: {}", text.unwrap_or_default()))
        }
    }
}

/// The spans that an answer of success takes back.
fn rejected(format: Format, answer: &[u8]) -> u64 {
    let rejected = match format {
        Format::Json => serde_json::from_slice::<serde_json::Value>(answer).ok().and_then(|answer| {
            let rejected = answer.pointer("/partialSuccess/rejectedSpans")?;
            rejected.as_i64().or_else(|| rejected.as_str()?.parse().ok())
        }),
        Format::Protobuf | Format::Grpc => ExportTraceServiceResponse::decode(answer)
            .ok()
            .and_then(|answer| answer.partial_success)
            .map(|partial| partial.rejected_spans),
    };
    rejected.and_then(|spans| u64::try_from(spans).ok()).unwrap_or(0)
}
