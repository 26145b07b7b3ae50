//! HTTP/2 with prior knowledge, and gRPC on it. Names are lower case there by the specification.

use std::convert::Infallible;
use std::pin::pin;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Limits;
use crate::field::{Field, text};
use crate::http1::MAX_HEAD;
use crate::seen::Seen;

pub(super) async fn serve(stream: TcpStream, limits: Limits) -> std::io::Result<()> {
    let service = service_fn(move |request| answer(request, limits));
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new()).max_concurrent_streams(16);
    builder.max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = match timeout(limits.time, &mut connection).await {
        Ok(ended) => ended,
        // Not cut: a request that is under way gets its answer, and a hop no error to take for its own.
        Err(_) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    ended.map_err(std::io::Error::other)
}

async fn answer(
    request: Request<Incoming>,
    limits: Limits,
) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    let (head, body) = request.into_parts();
    drop(Limited::new(body, limits.body).collect().await);
    let fields = head.headers.iter();
    let seen = Seen {
        protocol: "HTTP/2".to_owned(),
        method: head.method.to_string(),
        target: head.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
        fields: fields.map(|(name, value)| Field::new(name.as_str(), text(value.as_bytes()))).collect(),
    };
    let json = seen.to_json().to_string();
    let kind = head.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let is_grpc = kind.starts_with(b"application/grpc");
    let body = if is_grpc { grpc(&json) } else { Full::new(Bytes::from(json)).boxed() };
    let mut response = Response::new(body);
    let kind = if is_grpc { "application/grpc" } else { "application/json" };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The JSON as a `google.protobuf.StringValue`, and the trailers of a call that went well.
fn grpc(json: &str) -> BoxBody<Bytes, Infallible> {
    let mut message = vec![0x0a];
    let mut length = json.len();
    while length > 0x7f {
        message.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    message.push((length & 0x7f) as u8);
    message.extend(json.as_bytes());
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    frame.append(&mut message);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    Full::new(Bytes::from(frame)).with_trailers(std::future::ready(Some(Ok(trailers)))).boxed()
}
