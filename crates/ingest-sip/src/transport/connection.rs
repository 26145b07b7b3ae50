//! One connection over TCP or TLS.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use throughline_sip::{Frame, Frames, Limits, PONG, Side};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::Shared;
use super::streams::{Place, Unsent};
use crate::edge::Flow;

/// For a message, from its first byte to its last; and for the first message of all.
const MESSAGE: Duration = Duration::from_secs(30);
/// For a peer to take what is written.
const WRITE: Duration = Duration::from_secs(10);
/// For a peer to see why it is hung up on, and to stop.
const LINGER: Duration = Duration::from_secs(2);
/// Messages that are written at once.
const TOGETHER: usize = 32;
/// Each connection has so much to read into, whether anything comes or not; more as it comes.
const READ: usize = 1 << 10;
/// With less room than this it gets more.
const LEAST: usize = 256;
/// So much is kept to write into.
const KEPT: usize = 16 << 10;

/// The stream is taken apart before anything waits: what waits is small, however large the stream is.
pub(super) fn serve<S: AsyncRead + AsyncWrite + Send>(
    shared: &Arc<Shared>,
    place: Place,
    stream: S,
    side: Side,
) -> impl Future<Output = io::Result<()>> + Send {
    served(shared, place, tokio::io::split(stream), side)
}

async fn served<S: AsyncRead + AsyncWrite + Send>(
    shared: &Arc<Shared>,
    mut place: Place,
    (reader, writer): (ReadHalf<S>, WriteHalf<S>),
    side: Side,
) -> io::Result<()> {
    let flow = place.flow;
    shared.with(&mut Vec::new(), |edge, _| edge.opened(flow));
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
        let buffer = frames.buffer();
        if buffer.capacity() - buffer.len() < LEAST {
            buffer.reserve(READ);
        }
        let read = timeout_at(until, stream.read_buf(frames.buffer())).await;
        if read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? == 0 {
            return Ok(());
        }
        let mut whole = false;
        let broken = loop {
            match frames.next() {
                Ok(Some(Frame::Message(message))) => shared.receive(flow, &message, &mut out),
                // A peer that pings faster than it reads gets fewer answers.
                Ok(Some(Frame::Ping)) => _ = pings.try_send(()),
                Ok(Some(Frame::Pong)) => {}
                Ok(None) => break None,
                Err(broken) => break Some(broken),
            }
            whole = true;
        };
        if let Some(broken) = broken {
            shared.broken(flow, frames.rest(), broken, &mut out);
            drop(frames);
            shared.streams.hang_up(flow.connection);
            drop(pings);
            // With bytes left unread the system would take back what was written.
            _ = timeout(LINGER, tokio::io::copy(&mut stream, &mut tokio::io::sink())).await;
            return Err(io::Error::new(io::ErrorKind::InvalidData, broken));
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
    unsent: &mut mpsc::UnboundedReceiver<Unsent>,
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
            Some(()) = pongs.recv() => buffer.extend_from_slice(PONG),
        }
        messages.iter().for_each(|message| buffer.extend_from_slice(&message.bytes));
        let written = async {
            stream.write_all(&buffer).await?;
            stream.flush().await
        };
        timeout(WRITE, written).await??;
        messages.clear();
        buffer.clear();
        buffer.shrink_to(KEPT);
    }
}
