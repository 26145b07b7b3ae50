//! One unary call: the request's frame, and what the answer consists of.

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, TE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use http_body_util::BodyExt;

use crate::exporters::otlp::body::Chunks;
use crate::net::coding::Coding;

const PREFIX: usize = 5;
/// An honest answer has a few bytes.
const MAX_ANSWER: usize = 64 << 10;

/// The chunks of one message behind its prefix. `None` where it is longer than a frame can say.
pub(super) fn frame(mut message: Vec<Bytes>, compressed: bool) -> Option<Vec<Bytes>> {
    let length: usize = message.iter().map(Bytes::len).sum();
    let mut prefix = BytesMut::with_capacity(PREFIX);
    prefix.put_u8(u8::from(compressed));
    prefix.put_u32(u32::try_from(length).ok()?);
    message.insert(0, prefix.freeze());
    Some(message)
}

/// The message of an answer; empty where there is none that can be read.
pub(super) fn unframe(body: &[u8]) -> &[u8] {
    match body.split_first_chunk::<PREFIX>() {
        Some(([0, length @ ..], message)) => {
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            message.get(..length).unwrap_or_default()
        }
        _ => &[],
    }
}

/// The headers of every call.
pub(super) fn headers(coding: Coding, user_agent: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    if let Ok(name) = HeaderValue::from_str(user_agent) {
        headers.insert(USER_AGENT, name);
    }
    let encoding = match coding {
        Coding::Identity => return headers,
        Coding::SnappyFramed => "snappy",
        other => other.name(),
    };
    headers.insert(HeaderName::from_static("grpc-encoding"), HeaderValue::from_static(encoding));
    headers
}

pub(super) fn request(uri: Uri, headers: HeaderMap, frame: Vec<Bytes>) -> Request<Chunks> {
    let mut request = Request::new(Chunks::from(frame));
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    request
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) http: StatusCode,
    /// The headers, and over them the trailers, where gRPC puts its status.
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// Reads to the trailers, however much stands before them.
    pub(super) async fn read<B>(answer: Response<B>) -> Result<Self, B::Error>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (head, mut body) = answer.into_parts();
        let mut answer = Self { http: head.status, headers: head.headers, body: Bytes::new() };
        let mut read = BytesMut::new();
        while let Some(frame) = body.frame().await {
            match frame?.into_data() {
                Ok(data) if read.len() + data.len() <= MAX_ANSWER => read.extend(data),
                Ok(_) => {}
                Err(frame) => answer.headers.extend(frame.into_trailers().unwrap_or_default()),
            }
        }
        answer.body = read.freeze();
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_frame_is_read_as_it_was_written(parts: Vec<Vec<u8>>) {
            let chunks: Vec<Bytes> = parts.into_iter().map(Bytes::from).collect();
            let framed = frame(chunks.clone(), false).unwrap().concat();
            prop_assert_eq!(unframe(&framed), chunks.concat());
        }

        #[test]
        fn any_bytes_are_read(body: Vec<u8>) {
            prop_assert!(unframe(&body).len() <= body.len().saturating_sub(PREFIX));
        }
    }

    #[test]
    fn broken_frames_are_empty() {
        for body in [&b""[..], b"\0\0\0", b"\0\0\0\0\x02a", b"\x01\0\0\0\x01a"] {
            assert_eq!(unframe(body), b"", "{body:?}");
        }
    }
}
