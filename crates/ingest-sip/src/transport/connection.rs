//! One connection over TCP or TLS.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use throughline_sip::{Frame, Frames, Limits, PONG, Side};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::Shared;
use super::streams::Place;
use crate::edge::Flow;

/// For a message, from its first byte to its last; and for the first message of all.
const MESSAGE: Duration = Duration::from_secs(30);
/// For a peer to take what is written.
const WRITE: Duration = Duration::from_secs(10);
/// For a peer to see why it is hung up on, and to stop.
const LINGER: Duration = Duration::from_secs(2);
/// Messages that are written at once.
const TOGETHER: usize = 32;
/// Each connection has so much, whether anything comes or not.
const READ: usize = 2 << 10;
/// So much is kept to write into.
const KEPT: usize = 16 << 10;

pub(super) async fn serve<S: AsyncRead + AsyncWrite>(
    shared: &Arc<Shared>,
    mut place: Place,
    stream: S,
    side: Side,
) -> io::Result<()> {
    let flow = place.flow;
    shared.with(&mut Vec::new(), |edge, _| edge.opened(flow));
    let (reader, writer) = tokio::io::split(stream);
    let (pings, pongs) = mpsc::channel(1);
    let mut reading = pin!(read(shared, flow, reader, side, pings));
    tokio::select! {
        read = &mut reading => read,
        written = write(&mut place.unsent, pongs, writer) => match written {
            Ok(()) => reading.await,
            Err(error) => Err(error),
        },
    }
}

async fn read<S: AsyncRead>(
    shared: &Arc<Shared>,
    flow: Flow,
    mut stream: ReadHalf<S>,
    side: Side,
    pings: mpsc::Sender<()>,
) -> io::Result<()> {
    let mut frames = Frames::new(side, Limits::default());
    let mut out = Vec::new();
    let mut until = Instant::now() + MESSAGE;
    loop {
        frames.buffer().reserve(READ);
        let read = timeout_at(until, stream.read_buf(frames.buffer())).await;
        if read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? == 0 {
            return Ok(());
        }
        let mut whole = false;
        loop {
            match frames.next() {
                Ok(Some(Frame::Message(message))) => shared.receive(flow, &message, &mut out),
                // A peer that pings faster than it reads gets fewer answers.
                Ok(Some(Frame::Ping)) => _ = pings.try_send(()),
                Ok(Some(Frame::Pong)) => {}
                Ok(None) => break,
                Err(broken) => {
                    shared.broken(flow, frames.rest(), broken, &mut out);
                    shared.streams.hang_up(flow.connection);
                    drop(pings);
                    // With bytes left unread the system would take back what was written.
                    _ = timeout(LINGER, tokio::io::copy(&mut stream, &mut tokio::io::sink())).await;
                    return Err(io::Error::new(io::ErrorKind::InvalidData, broken));
                }
            }
            whole = true;
        }
        if frames.rest().is_empty() {
            until = Instant::now() + shared.streams.idle();
        } else if whole {
            until = Instant::now() + MESSAGE;
        } else {
            // Of a message that began after a silence, the time counts from now on, once.
            until = until.min(Instant::now() + MESSAGE);
        }
        tokio::task::yield_now().await;
    }
}

/// Until nothing more is to be written.
async fn write<S: AsyncWrite>(
    unsent: &mut mpsc::Receiver<Bytes>,
    mut pongs: mpsc::Receiver<()>,
    mut stream: WriteHalf<S>,
) -> io::Result<()> {
    let mut messages = Vec::new();
    let mut buffer = Vec::new();
    loop {
        tokio::select! {
            count = unsent.recv_many(&mut messages, TOGETHER) => if count == 0 {
                return timeout(WRITE, stream.shutdown()).await?;
            },
            Some(()) = pongs.recv() => messages.push(Bytes::from_static(PONG)),
        }
        messages.drain(..).for_each(|message| buffer.extend_from_slice(&message));
        let written = async {
            stream.write_all(&buffer).await?;
            stream.flush().await
        };
        timeout(WRITE, written).await??;
        buffer.clear();
        buffer.shrink_to(KEPT);
    }
}
