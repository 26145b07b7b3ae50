//! How long a slow reader may keep an answer waiting, and how many answers may wait.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Notify, OwnedSemaphorePermit, watch};
use tokio::time::{Sleep, sleep};

/// As long as the preface of HTTP/2: by then it is known which HTTP is spoken, and that one has timeouts of its own.
const PREFACE: usize = 24;

/// A stream whose writes fail when nothing of them was taken for a while, and that must begin in the same time.
pub(crate) struct Patient<S> {
    stream: S,
    patience: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
    /// Set until the first bytes have been read, which are so many.
    beginning: Option<(usize, Pin<Box<Sleep>>)>,
}

impl<S> Patient<S> {
    pub(crate) fn new(stream: S, patience: Duration) -> Self {
        Self { stream, patience, waiting: None, beginning: Some((PREFACE, Box::pin(sleep(patience)))) }
    }

    /// Passes on what became of a write, or ends it.
    fn end<T>(&mut self, cx: &mut Context<'_>, write: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.waiting = None;
            return write;
        }
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        let Some((missing, deadline)) = &mut this.beginning else { return read };
        if read.is_ready() {
            *missing = missing.saturating_sub(buf.filled().len() - before);
            if *missing == 0 {
                this.beginning = None;
            }
            return read;
        }
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let write = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.end(cx, write)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flush = Pin::new(&mut this.stream).poll_flush(cx);
        this.end(cx, flush)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shutdown = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.end(cx, shutdown)
    }
}

/// The place of a question; travels with the answer until it is sent.
pub(crate) type Place = Arc<OwnedSemaphorePermit>;

/// For the next part of an answer over HTTP/2 to be taken, whose reader may leave it lying and the connection alive.
const TAKEN_WITHIN: Duration = Duration::from_secs(120);

/// Tells a connection that one of its answers was left lying.
#[derive(Clone, Debug, Default)]
pub(crate) struct Left(Arc<Notify>);

impl Left {
    pub(crate) async fn lying(&self) {
        self.0.notified().await;
    }

    /// A body whose parts are taken in time, or that tells. It says whether one lies there: none does while it is made.
    fn watch(&self) -> watch::Sender<bool> {
        let (lies, mut told) = watch::channel(true);
        let left = Arc::clone(&self.0);
        tokio::spawn(async move {
            loop {
                let patience = if *told.borrow_and_update() { TAKEN_WITHIN } else { Duration::MAX };
                match tokio::time::timeout(patience, told.changed()).await {
                    Ok(Ok(())) => {}
                    // The body is gone, as it should be.
                    Ok(Err(_)) => return,
                    Err(_) => return left.notify_one(),
                }
            }
        });
        lies
    }
}

/// A body that keeps its place.
pub(crate) struct Held {
    body: Body,
    _place: Place,
    lies: Option<watch::Sender<bool>>,
}

impl Held {
    /// `left` where the connection does not see by itself that nobody reads.
    pub(crate) fn new(body: Body, place: Place, left: Option<&Left>) -> Self {
        Self { body, _place: place, lies: left.map(Left::watch) }
    }
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if let Some(lies) = &this.lies {
            lies.send_replace(false);
        }
        let frame = Pin::new(&mut this.body).poll_frame(cx);
        if let Some(lies) = this.lies.as_ref().filter(|_| frame.is_ready()) {
            lies.send_replace(true);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::BodyExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reader_may_be_slow_but_not_gone() {
        let (ours, mut theirs) = tokio::io::duplex(4);
        let mut ours = Patient::new(ours, Duration::from_secs(30));
        let reader = tokio::spawn(async move {
            let mut four = [0; 4];
            for _ in 0..3 {
                sleep(Duration::from_secs(29)).await;
                theirs.read_exact(&mut four).await.unwrap();
            }
            theirs
        });
        let start = Instant::now();
        ours.write_all(&[1; 16]).await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 3 * 29);
        let _silent = reader.await.unwrap();
        let error = ours.write_all(&[1; 16]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), 3 * 29 + 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_beginning_has_its_time() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut ours = Patient::new(ours, Duration::from_secs(30));
        let start = Instant::now();
        theirs.write_all(b"PRI").await.unwrap();
        let error = ours.read_exact(&mut [0; 4]).await.unwrap_err();
        assert_eq!((error.kind(), start.elapsed().as_secs()), (io::ErrorKind::TimedOut, 30));
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut ours = Patient::new(ours, Duration::from_secs(30));
        theirs.write_all(&[0; PREFACE]).await.unwrap();
        ours.read_exact(&mut [0; PREFACE]).await.unwrap();
        let reader = tokio::spawn(async move { ours.read_u8().await });
        sleep(Duration::from_secs(60)).await;
        theirs.write_all(&[7]).await.unwrap();
        assert_eq!(reader.await.unwrap().unwrap(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_left_lying_tells_its_connection() {
        let places = Arc::new(tokio::sync::Semaphore::new(2));
        let left = Left::default();
        let held = || {
            let place = Arc::new(Arc::clone(&places).try_acquire_owned().unwrap());
            Held::new(Body::from("answer"), place, Some(&left))
        };
        let start = Instant::now();
        drop(held());
        let lies = held();
        left.lying().await;
        assert_eq!(start.elapsed(), TAKEN_WITHIN);
        drop(lies);
        let slow = stream::unfold((), async |()| {
            sleep(2 * TAKEN_WITHIN).await;
            Some((Ok::<_, io::Error>(Bytes::from("part")), ()))
        });
        let place = Arc::new(Arc::clone(&places).try_acquire_owned().unwrap());
        let mut taken = Held::new(Body::from_stream(slow), place, Some(&left));
        for _ in 0..3 {
            taken.frame().await.unwrap().unwrap();
            sleep(TAKEN_WITHIN / 2).await;
        }
        drop(taken);
        assert_eq!(places.available_permits(), 2);
        assert!(
            tokio::time::timeout(2 * TAKEN_WITHIN, left.lying()).await.is_err(),
            "what was taken is no matter"
        );
    }
}
