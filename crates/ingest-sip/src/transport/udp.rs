//! Datagrams.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use throughline_sip::{Limits, Message, ParseError};
use tokio::net::UdpSocket;

use super::Shared;
use crate::edge::{Flow, Output};
use crate::hop::Transport;

/// The largest datagram.
const LARGEST: usize = 65_535;
/// Datagrams before other tasks have their turn.
const TURN: usize = 128;

/// Reads until nothing is there, and then waits.
pub(super) async fn serve(shared: &Arc<Shared>, listener: usize, socket: &UdpSocket) {
    let listener = u16::try_from(listener).unwrap_or(u16::MAX);
    let mut buffer = vec![0; LARGEST];
    let mut out: Vec<Output> = Vec::new();
    loop {
        if let Err(error) = socket.readable().await {
            tracing::error!(%error, "a socket cannot be read");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        for _ in 0..TURN {
            match socket.try_recv_from(&mut buffer) {
                Ok((length, peer)) => {
                    // A message that is kept for a while keeps its own bytes alone.
                    let bytes = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
                    let flow =
                        Flow { listener, transport: Transport::Udp, peer: canonical(peer), connection: 0 };
                    match Message::parse(bytes, &Limits::default()) {
                        Ok(message) => shared.receive(flow, &message, &mut out),
                        Err(ParseError::Empty) => {}
                        Err(_) => shared.with(&mut out, |edge, _| edge.unreadable()),
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // An answer of ICMP to what was sent; the socket goes on.
                Err(_) => {}
            }
        }
        tokio::task::yield_now().await;
    }
}

pub(super) fn send(socket: &UdpSocket, to: SocketAddr, bytes: &[u8]) -> Result<(), &'static str> {
    match socket.try_send_to(bytes, to) {
        Ok(_) => Ok(()),
        // As if the network had lost it: whoever waits sends again.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err("full"),
        Err(_) => Err("network"),
    }
}

fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}
