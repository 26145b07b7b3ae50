//! Sockets that the edge listens on.

use std::io;
use std::net::SocketAddr;

use tokio::net::UdpSocket;

use crate::hop::Transport;
use crate::settings::Listen;

/// One that is bound.
pub(crate) enum Socket {
    Udp(UdpSocket),
}

impl Socket {
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Udp(socket) => socket.local_addr(),
        }
    }
}

pub(crate) async fn bind(listen: &Listen) -> Result<Socket, String> {
    let (transport, endpoint) = (Transport::from(listen.transport), listen.endpoint.as_str());
    let bound = match transport {
        Transport::Udp => UdpSocket::bind(endpoint).await.map(Socket::Udp),
        _ => Err(io::ErrorKind::Unsupported.into()),
    };
    bound.map_err(|error| {
        let mend = match error.kind() {
            io::ErrorKind::AddrInUse => "; stop what listens there, or set another `endpoint`",
            io::ErrorKind::PermissionDenied => {
                "; ports below 1024 need a right of their own: take a higher one"
            }
            io::ErrorKind::AddrNotAvailable => "; this machine does not have that address",
            _ => "",
        };
        format!("cannot listen on {endpoint} ({}): {error}{mend}", transport.token())
    })
}
