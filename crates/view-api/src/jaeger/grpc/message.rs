//! Answers as HTTP/2 carries them: a frame for each message, and the status in the trailers.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use hyper::body::Frame;

use super::{PREFIX, Wrong};

/// The messages of an answer.
pub(super) type Messages = Vec<Vec<u8>>;

pub(super) fn framed(messages: Messages) -> Response {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(0));
    let mut frames: VecDeque<_> =
        messages.into_iter().map(|message| Frame::data(prefixed(&message))).collect();
    frames.push_back(Frame::trailers(trailers));
    of(Body::new(Reply(frames)))
}

/// An answer without a message: its status stands in the head.
pub(super) fn refused(wrong: &Wrong) -> Response {
    let mut response = of(Body::empty());
    let headers = response.headers_mut();
    headers.insert("grpc-status", HeaderValue::from(wrong.code));
    if let Ok(message) = HeaderValue::from_str(&percent_encoded(&wrong.message)) {
        headers.insert("grpc-message", message);
    }
    response
}

fn of(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

fn prefixed(message: &[u8]) -> Bytes {
    let mut prefixed = Vec::with_capacity(PREFIX + message.len());
    prefixed.push(0);
    prefixed.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    prefixed.extend_from_slice(message);
    prefixed.into()
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

/// Frames that are all there.
struct Reply(VecDeque<Frame<Bytes>>);

impl HttpBody for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}
