//! gzip for answers that are worth it.

use std::io::Write;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Below this the header costs more than it saves.
const LEAST: u64 = 4096;

pub(crate) async fn compress(request: Request, next: Next) -> Response {
    let wanted = request.method() == Method::GET && accepts_gzip(request.headers());
    let mut response = next.run(request).await;
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let large = response.body().size_hint().exact().is_some_and(|size| size >= LEAST);
    if !wanted || !large || response.status() != StatusCode::OK {
        return response;
    }
    let (mut head, body) = response.into_parts();
    // All bodies here are whole in memory already.
    let Ok(bytes) = axum::body::to_bytes(body, usize::MAX).await else {
        return Response::from_parts(head, Body::empty());
    };
    let plain = bytes.clone();
    let body = match tokio::task::spawn_blocking(move || gzip(&bytes)).await {
        Ok(Ok(packed)) => {
            head.headers.remove(header::CONTENT_LENGTH);
            head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            weaken(&mut head.headers);
            packed
        }
        _ => plain,
    };
    Response::from_parts(head, Body::from(body))
}

fn gzip(bytes: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish().map(Bytes::from)
}

/// The same file in other bytes has the same tag only in the weak sense.
fn weaken(headers: &mut HeaderMap) {
    let tag = headers
        .get(header::ETAG)
        .and_then(|tag| HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()).ok());
    if let Some(tag) = tag {
        headers.insert(header::ETAG, tag);
    }
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse() == Ok(0.0));
        matches!(name.trim(), "gzip" | "*") && !refused
    })
}
