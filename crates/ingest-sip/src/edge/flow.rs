//! Where messages come from and go to.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::hop::Transport;

/// One way between the edge and a peer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Flow {
    /// Which of the edge's sockets: for UDP the one itself; else the one whose address the edge gives as its own.
    pub listener: u16,
    pub transport: Transport,
    pub peer: SocketAddr,
    /// Nought for datagrams, and where a connection to `peer` is still to be found or opened.
    pub connection: u64,
}

/// What the edge wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    Send {
        to: Flow,
        bytes: Bytes,
    },
    /// Tell [`Edge::resolved`](super::Edge::resolved) which address this host has.
    Resolve(Box<str>),
}

impl Transport {
    pub const ALL: [Self; 5] = [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss];

    /// As a Via has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// As the parameter `transport` of a URI and a label of metrics have it.
    pub fn token(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    pub(crate) fn read(token: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|transport| token.eq_ignore_ascii_case(transport.token().as_bytes()))
    }

    /// Whether messages are framed by a connection rather than by datagrams.
    pub fn is_stream(self) -> bool {
        self != Self::Udp
    }

    /// Whether nobody on the way can read along.
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// The port of a URI or Via that names none (RFC 3261, section 19.1.2; RFC 7118).
    pub fn usual_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }
}
