//! Writes of one turn, sent together.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, BufWriter, ReadBuf};

/// HTTP/2 flushes after each frame, and a message leaves in frames of 16 KiB: a flush right behind a write is put off
/// until the next one, which comes when there is nothing more to write. That it comes is made sure by a wake-up.
pub(super) struct Gather<S> {
    stream: BufWriter<S>,
    written: bool,
}

impl<S: AsyncWrite> Gather<S> {
    pub(super) fn new(capacity: usize, stream: S) -> Self {
        Self { stream: BufWriter::with_capacity(capacity, stream), written: false }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gather<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.written = true;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.written = true;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.written) {
            cx.waker().wake_by_ref();
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gather<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn frames_of_one_turn_leave_together() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let mut gather = Gather::new(64, ours);
        for frame in [b"one ", b"two "] {
            gather.write_all(frame).await.unwrap();
            gather.flush().await.unwrap();
        }
        let mut read = [0; 8];
        let early = poll_fn(|cx| {
            let mut read = ReadBuf::new(&mut read);
            Poll::Ready(Pin::new(&mut theirs).poll_read(cx, &mut read).is_ready())
        });
        assert!(!early.await);
        gather.flush().await.unwrap();
        theirs.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"one two ");
    }
}
