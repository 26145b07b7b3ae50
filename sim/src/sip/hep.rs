//! Copies of messages for whoever watches: HEP version 3.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::net::UdpSocket;

use super::message::Message;
use super::wire::Transport;

/// Genesys, in the list of vendors.
const GENESYS: u16 = 8;
const AGENT: u32 = 2008;

/// Sends a copy of each message, over UDP; what does not fit into the socket is not sent.
pub(super) struct Watch {
    socket: UdpSocket,
    /// Conversations by Call-ID.
    conversations: Mutex<HashMap<String, String>>,
}

impl Watch {
    pub(super) async fn to(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(SocketAddr::new(address.ip(), 0)).await?;
        socket.connect(address).await?;
        Ok(Self { socket, conversations: Mutex::default() })
    }

    pub(super) fn remember(&self, call_id: &str, conversation: &str) {
        let mut conversations = self.conversations.lock().unwrap_or_else(PoisonError::into_inner);
        conversations.insert(call_id.to_owned(), conversation.to_owned());
    }

    pub(super) fn forget(&self, call_id: &str) {
        self.conversations.lock().unwrap_or_else(PoisonError::into_inner).remove(call_id);
    }

    pub(super) fn copy(&self, from: SocketAddr, to: SocketAddr, transport: Transport, message: &Message) {
        let conversations = self.conversations.lock().unwrap_or_else(PoisonError::into_inner);
        let conversation = conversations.get(message.call_id()).map(String::as_str);
        let protocol = if transport == Transport::Udp { 17 } else { 6 };
        let packet = packet(from, to, protocol, &message.bytes(), conversation);
        self.socket.try_send(&packet).ok();
    }
}

/// One packet with a SIP message, from an agent that speaks as Genesys does.
fn packet(
    from: SocketAddr,
    to: SocketAddr,
    protocol: u8,
    message: &[u8],
    correlation: Option<&str>,
) -> Vec<u8> {
    let since: Duration = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = u32::try_from(since.as_secs()).unwrap_or(u32::MAX);
    let mut body = Vec::new();
    let family = if from.is_ipv4() { 2 } else { 10 };
    chunk(&mut body, 0, 1, &[family]);
    chunk(&mut body, 0, 2, &[protocol]);
    for (address, v4, v6) in [(from.ip(), 3, 5), (to.ip(), 4, 6)] {
        match address {
            IpAddr::V4(address) => chunk(&mut body, 0, v4, &address.octets()),
            IpAddr::V6(address) => chunk(&mut body, 0, v6, &address.octets()),
        }
    }
    chunk(&mut body, 0, 7, &from.port().to_be_bytes());
    chunk(&mut body, 0, 8, &to.port().to_be_bytes());
    chunk(&mut body, 0, 9, &seconds.to_be_bytes());
    chunk(&mut body, 0, 10, &since.subsec_micros().to_be_bytes());
    chunk(&mut body, 0, 11, &[1]);
    chunk(&mut body, 0, 12, &AGENT.to_be_bytes());
    if let Some(correlation) = correlation {
        chunk(&mut body, 0, 17, correlation.as_bytes());
        chunk(&mut body, GENESYS, 1, correlation.as_bytes());
    }
    chunk(&mut body, 0, 15, message);
    let length = u16::try_from(body.len() + 6).unwrap_or(u16::MAX);
    [b"HEP3".as_slice(), &length.to_be_bytes(), &body].concat()
}

fn chunk(to: &mut Vec<u8>, vendor: u16, kind: u16, value: &[u8]) {
    let length = u16::try_from(value.len() + 6).unwrap_or(u16::MAX);
    for number in [vendor, kind, length] {
        to.extend_from_slice(&number.to_be_bytes());
    }
    to.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lengths_of_the_chunks_make_up_the_packet() {
        let end = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let packet = packet(end(5060), end(5080), 17, b"OPTIONS sip:a SIP/2.0\r\n\r\n", Some("c41e"));
        assert_eq!(&packet[..4], b"HEP3");
        assert_eq!(usize::from(u16::from_be_bytes([packet[4], packet[5]])), packet.len());
        let (mut rest, mut kinds) = (&packet[6..], Vec::new());
        while let [v, w, a, b, c, d, ..] = rest {
            kinds.push((u16::from_be_bytes([*v, *w]), u16::from_be_bytes([*a, *b])));
            rest = &rest[usize::from(u16::from_be_bytes([*c, *d]))..];
        }
        assert!(rest.is_empty());
        assert_eq!(kinds.last(), Some(&(0, 15)));
        assert!(kinds.contains(&(8, 1)));
    }
}
