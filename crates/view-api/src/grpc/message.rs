//! Answers as HTTP/2 carries them: a frame for each message, and the status in the trailers.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use futures_util::{Stream, StreamExt, stream};
use http_body_util::StreamBody;
use hyper::body::Frame;

use super::{PREFIX, Wrong};

/// The messages of an answer.
pub(crate) type Messages = Vec<Vec<u8>>;

pub(crate) fn framed(messages: Messages) -> Response {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(0));
    let mut frames: VecDeque<_> =
        messages.into_iter().map(|message| Frame::data(prefixed(&message))).collect();
    frames.push_back(Frame::trailers(trailers));
    of(Body::new(Reply(frames)))
}

/// Messages as they come, in bytes that have their prefixes; what breaks off says why at its end.
pub(crate) fn streamed(bytes: impl Stream<Item = Result<Bytes, Wrong>> + Send + 'static) -> Response {
    let end = std::iter::once(Err(Wrong::new(0, "")));
    let frames = bytes.chain(stream::iter(end)).scan(false, |ended, next| {
        let frame = match next {
            _ if *ended => None,
            Ok(bytes) => Some(Frame::data(bytes)),
            Err(wrong) => {
                *ended = true;
                let mut trailers = HeaderMap::new();
                told(&mut trailers, &wrong);
                Some(Frame::trailers(trailers))
            }
        };
        std::future::ready(frame.map(Ok::<_, Infallible>))
    });
    of(Body::new(StreamBody::new(frames)))
}

/// An answer without a message: its status stands in the head.
pub(crate) fn refused(wrong: &Wrong) -> Response {
    let mut response = of(Body::empty());
    told(response.headers_mut(), wrong);
    response
}

fn told(headers: &mut HeaderMap, wrong: &Wrong) {
    headers.insert("grpc-status", HeaderValue::from(wrong.code));
    if let Ok(message) = HeaderValue::from_str(&percent_encoded(&wrong.message))
        && !wrong.message.is_empty()
    {
        headers.insert("grpc-message", message);
    }
}

fn of(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

fn prefixed(message: &[u8]) -> Bytes {
    let mut prefixed = Vec::with_capacity(PREFIX + message.len());
    prefix(&mut prefixed, message.len());
    prefixed.extend_from_slice(message);
    prefixed.into()
}

/// What stands before a message of so many bytes.
pub(crate) fn prefix(out: &mut Vec<u8>, len: usize) {
    out.push(0);
    out.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
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
