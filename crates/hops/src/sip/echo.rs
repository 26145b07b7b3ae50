//! The far end: answers every request with what it saw of it. An INVITE is answered as busy, so that no call stands.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use throughline_sip::{Builder, Frame, Frames, Limits as Sizes, Message, Method, PONG, Side};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::kept::Kept;
use super::seen::{FRAGMENT, seen};
use crate::echo::Limits;
use crate::probe::AGENT;

/// Bound for datagrams and for streams; nothing is answered before [`Echo::serve`].
pub struct Echo {
    datagrams: UdpSocket,
    streams: TcpListener,
    limits: Limits,
    kept: Kept,
}

/// Ports tried where any will do: one that is free for datagrams may be taken for streams.
const TRIES: usize = 16;
const DATAGRAM: usize = 65_535;

impl Echo {
    pub async fn bind(address: SocketAddr, limits: Limits) -> std::io::Result<Self> {
        let mut tries = if address.port() == 0 { TRIES } else { 1 };
        loop {
            tries -= 1;
            let datagrams = UdpSocket::bind(address).await?;
            match TcpListener::bind(datagrams.local_addr()?).await {
                Ok(streams) => return Ok(Self { datagrams, streams, limits, kept: Kept::default() }),
                Err(error) if tries == 0 => return Err(error),
                Err(_) => {}
            }
        }
    }

    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.datagrams.local_addr()
    }

    /// What it sees, for a check in the same process.
    pub fn kept(&self) -> Kept {
        self.kept.clone()
    }

    /// Answers for ever; ends with the future.
    pub async fn serve(self) {
        tokio::join!(datagrams(&self.datagrams, &self.kept), streams(&self.streams, self.limits, &self.kept));
    }
}

async fn datagrams(socket: &UdpSocket, kept: &Kept) {
    let mut buffer = BytesMut::zeroed(DATAGRAM);
    loop {
        // An error of one datagram, such as a closed port on the other side, concerns nobody else.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        let datagram = buffer.get(..length).unwrap_or_default();
        let Ok(request) = Message::parse(datagram, &Sizes::default()) else { continue };
        if let Some((answer, to)) = answer(&request, from, kept) {
            drop(socket.send_to(&answer, to).await);
        }
    }
}

async fn streams(listener: &TcpListener, limits: Limits, kept: &Kept) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let Ok((stream, from)) = listener.accept().await else {
            // Out of file descriptors: those of the connections that end come back.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let kept = kept.clone();
        tokio::spawn(async move {
            drop(connection(stream, from, limits, &kept).await);
            drop(permit);
        });
    }
}

/// Ends when nothing came for the time of a request: hops keep connections, and open them again.
async fn connection(
    mut stream: TcpStream,
    from: SocketAddr,
    limits: Limits,
    kept: &Kept,
) -> std::io::Result<()> {
    let mut frames = Frames::new(Side::Accepted, Sizes::default());
    loop {
        match frames.next() {
            Ok(Some(Frame::Message(request))) => {
                if let Some((answer, _)) = answer(&request, from, kept) {
                    timeout(limits.time, stream.write_all(&answer)).await??;
                }
            }
            Ok(Some(Frame::Ping)) => timeout(limits.time, stream.write_all(PONG)).await??,
            Ok(Some(Frame::Pong)) => {}
            Ok(None) => {
                if timeout(limits.time, stream.read_buf(frames.buffer())).await?? == 0 {
                    return Ok(());
                }
            }
            Err(_) => return Ok(()),
        }
    }
}

/// The answer and where a datagram of it goes (RFC 3261, section 18.2.2; RFC 3581). None to what wants none, or is no request.
fn answer<B: AsRef<[u8]>>(
    request: &Message<B>,
    from: SocketAddr,
    kept: &Kept,
) -> Option<(Bytes, SocketAddr)> {
    request.check().ok()?;
    let what = seen(request)?;
    let (code, reason) = match request.method()? {
        Method::Ack => return None,
        Method::Invite => (486, "Busy Here"),
        _ => (200, "OK"),
    };
    kept.keep(what);
    let bytes = request.as_bytes();
    let head = bytes.get(..bytes.len().saturating_sub(request.body().len()))?;
    let answer = Builder::reply(request, code, reason, Some(b"echo"))
        .header("Server", AGENT)
        .header("Allow", "INVITE, ACK, OPTIONS, BYE, CANCEL")
        .body(FRAGMENT, head)
        .build()
        .ok()?;
    let answer = Message::parse(answer, &Sizes { message: 2 * DATAGRAM, ..Sizes::default() }).ok()?;
    let via = answer.top_via().ok()?;
    let is_symmetric = via.params.get("rport").is_some();
    let port = if is_symmetric { from.port() } else { via.port.unwrap_or(5060) };
    let mut edit = answer.edit();
    edit.set_param(via.params, "received", Some(from.ip().to_string().as_bytes())).ok()?;
    if is_symmetric {
        edit.set_param(via.params, "rport", Some(port.to_string().as_bytes())).ok()?;
    }
    Some((edit.write(), SocketAddr::new(from.ip(), port)))
}
