//! Clients that say exactly what they are told to say.

use std::fmt::Write as _;
use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use pipeline::net::status::Status;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
pub(crate) const JSON: (&str, &str) = ("content-type", "application/json");
pub(crate) const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// A request's head, short enough for a table.
pub(crate) fn request(
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(body.into())).unwrap()
}

pub(crate) fn post(headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    request(Method::POST, "/v1/traces", headers, body)
}

/// What came back, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Answer {
    async fn read(answer: Response<Incoming>) -> Self {
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap();
        let trailers = body.trailers().cloned();
        Self { status: head.status, headers: head.headers, body: body.to_bytes(), trailers }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// One line for golden text: status, the headers that matter, the body.
    pub(crate) fn line(&self) -> String {
        let mut line = self.status.as_u16().to_string();
        for name in ["content-type", "allow", "retry-after", "connection"] {
            if let Some(value) = self.headers.get(name) {
                write!(line, " | {name}: {}", value.to_str().unwrap()).unwrap();
            }
        }
        match self.header("content-type") {
            "application/x-protobuf" if !self.body.is_empty() => {
                let status = Status::from_proto(&self.body);
                write!(line, " | protobuf {} {:?}", status.code, status.message).unwrap();
                if let Some(after) = status.retry_after {
                    write!(line, " retry after {after:?}").unwrap();
                }
            }
            _ => write!(line, " | {}", String::from_utf8_lossy(&self.body)).unwrap(),
        }
        line
    }
}

/// One request on an HTTP/1.1 connection of its own.
pub(crate) async fn http(address: SocketAddr, request: Request<Full<Bytes>>) -> Answer {
    let mut connection = Http1::open(address).await;
    connection.send(request).await
}

async fn connected(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A kept-alive HTTP/1.1 connection.
pub(crate) struct Http1(http1::SendRequest<Full<Bytes>>);

impl Http1 {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self::over(connected(address).await).await
    }

    pub(crate) async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    pub(crate) async fn send(&mut self, mut request: Request<Full<Bytes>>) -> Answer {
        request.headers_mut().entry("host").or_insert("throughline".parse().unwrap());
        self.0.ready().await.unwrap();
        Answer::read(self.0.send_request(request).await.unwrap()).await
    }
}

/// An HTTP/2 connection.
pub(crate) struct Http2(pub(crate) http2::SendRequest<Full<Bytes>>);

impl Http2 {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self::over(connected(address).await).await
    }

    pub(crate) async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Answer {
        let (mut head, body) = request.into_parts();
        head.uri = format!("http://throughline{}", head.uri.path()).parse().unwrap();
        self.0.ready().await.unwrap();
        Answer::read(self.0.send_request(Request::from_parts(head, body)).await.unwrap()).await
    }

    /// A gRPC call with one message.
    pub(crate) async fn export(&mut self, message: &[u8]) -> Called {
        self.call(EXPORT, &[], framed(0, message)).await
    }

    /// A gRPC call with any body.
    pub(crate) async fn call(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Called {
        let mut request = request(Method::POST, path, headers, body);
        request.headers_mut().entry("content-type").or_insert("application/grpc".parse().unwrap());
        request.headers_mut().insert("te", "trailers".parse().unwrap());
        Called::of(self.send(request).await)
    }
}

/// How a gRPC call ended.
#[derive(Debug)]
pub(crate) struct Called {
    pub(crate) answer: Answer,
    pub(crate) code: Option<i32>,
    pub(crate) message: String,
    pub(crate) details: Option<Status>,
    /// The status stood in the headers of an answer without a body.
    pub(crate) trailers_only: bool,
}

impl Called {
    fn of(answer: Answer) -> Self {
        let trailers_only = answer.headers.contains_key("grpc-status");
        let from = if trailers_only { Some(&answer.headers) } else { answer.trailers.as_ref() };
        let text = |name: &str| from.and_then(|from| from.get(name)).map(|value| value.to_str().unwrap());
        let details = text("grpc-status-details-bin").map(|text| STANDARD_NO_PAD.decode(text).unwrap());
        Self {
            code: text("grpc-status").map(|code| code.parse().unwrap()),
            message: percent_decoded(text("grpc-message").unwrap_or_default()),
            details: details.map(|bytes| Status::from_proto(&bytes)),
            trailers_only,
            answer,
        }
    }

    pub(crate) fn line(&self) -> String {
        let Some(code) = self.code else { return format!("HTTP {}", self.answer.line()) };
        let mut line = format!("{code} {:?}", self.message);
        if let Some(after) = self.details.as_ref().and_then(|details| details.retry_after) {
            write!(line, " retry after {after:?}").unwrap();
        }
        if !self.trailers_only && code != 0 {
            line.push_str(" (not trailers-only)");
        }
        line
    }
}

fn percent_decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
            out.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).unwrap()
}

/// A gRPC message behind its prefix.
pub(crate) fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let len = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[flag][..], &len, message].concat()
}

/// Bytes on a plain connection, and everything that comes back until it is closed.
pub(crate) async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
