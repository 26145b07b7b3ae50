//! A request body made of chunks, and an answer's body within limits.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;

/// More than any honest answer has.
const MAX_ANSWER: usize = 64 << 10;

/// Bytes that are sent one after another without being joined, with their exact length.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    rest: std::vec::IntoIter<Bytes>,
    left: u64,
}

impl From<Vec<Bytes>> for Chunks {
    fn from(chunks: Vec<Bytes>) -> Self {
        let left = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Self { rest: chunks.into_iter(), left }
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.rest.next();
        self.left -= next.as_ref().map_or(0, |chunk| chunk.len() as u64);
        Poll::Ready(next.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// The beginning of an answer, at most 64 KiB. An answer that breaks off is what came until then: the status,
/// which decides, was there before.
pub(crate) async fn beginning<B: Body<Data = Bytes> + Unpin>(mut body: B) -> Bytes {
    let mut read = BytesMut::new();
    while read.len() < MAX_ANSWER {
        match body.frame().await {
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                read.extend(data.get(..MAX_ANSWER - read.len()).unwrap_or(&data));
            }
            Some(Err(_)) | None => break,
        }
    }
    read.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn chunks_come_as_they_are() {
        let parts = [Bytes::from_static(b"one"), Bytes::from_static(b"two")];
        let mut body = Chunks::from(parts.to_vec());
        assert_eq!(body.size_hint().exact(), Some(6));
        for part in parts {
            let data = body.frame().await.unwrap().unwrap().into_data().unwrap();
            assert_eq!(data.as_ptr(), part.as_ptr(), "not copied");
        }
        assert!(body.is_end_stream());
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn an_endless_answer_is_cut() {
        let answer = Chunks::from(vec![Bytes::from(vec![1; 50_000]); 1000]);
        assert_eq!(beginning(answer).await.len(), MAX_ANSWER);
        assert_eq!(beginning(Chunks::from(vec![Bytes::from_static(b"ok")])).await, "ok");
    }
}
