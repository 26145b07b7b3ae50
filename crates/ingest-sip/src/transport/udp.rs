//! Datagrams. Each socket has a thread of its own, which waits in the kernel: no other task wakes up for a message.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustix::net::{SendFlags, sendto, sockopt};
use throughline_sip::{Limits, Message, ParseError};

use super::Shared;
use crate::edge::{Flow, Output};
use crate::hop::Transport;

/// The largest datagram.
const LARGEST: usize = 65_535;
/// What may wait in the kernel while all processors are busy: seconds of calls. The kernel gives less where its own limit is
/// lower.
const WAITING: usize = 4 << 20;
/// How long the thread waits before it looks whether it is to end.
const LOOK: Duration = Duration::from_millis(100);

pub(super) fn prepare(socket: &UdpSocket) -> io::Result<()> {
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(Some(LOOK))?;
    if sockopt::socket_recv_buffer_size(socket)? < WAITING {
        sockopt::set_socket_recv_buffer_size(socket, WAITING)?;
    }
    Ok(())
}

/// Until the receiver is stopped.
pub(super) fn serve(shared: &Arc<Shared>, listener: usize, socket: &UdpSocket) {
    let listener = u16::try_from(listener).unwrap_or(u16::MAX);
    let stopped = shared.stopped.clone();
    let mut buffer = vec![0; LARGEST];
    let mut out: Vec<Output> = Vec::new();
    while !*stopped.borrow() && stopped.has_changed().is_ok() {
        match socket.recv_from(&mut buffer) {
            Ok((length, peer)) => {
                // A message that is kept for a while keeps its own bytes alone.
                let bytes = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
                let flow = Flow { listener, transport: Transport::Udp, peer: canonical(peer), connection: 0 };
                match Message::parse(bytes, &Limits::default()) {
                    Ok(message) => shared.receive(flow, &message, &mut out),
                    Err(ParseError::Empty) => {}
                    Err(_) => shared.with(&mut out, |edge, _| edge.unreadable()),
                }
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                // An answer of ICMP to what was sent; the socket goes on.
                ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
                }
                _ => {
                    tracing::error!(%error, "a socket cannot be read");
                    std::thread::park_timeout(LOOK);
                }
            },
        }
    }
}

pub(super) fn send(socket: &UdpSocket, to: SocketAddr, bytes: &[u8]) -> Result<(), &'static str> {
    match sendto(socket, bytes, SendFlags::DONTWAIT, &to) {
        Ok(_) => Ok(()),
        // As if the network had lost it: whoever waits sends again.
        Err(error) if error.kind() == ErrorKind::WouldBlock => Err("full"),
        Err(_) => Err("network"),
    }
}

fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}
