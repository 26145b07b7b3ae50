//! Sockets that the edge listens on.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use tls::Acceptor;
use tokio::net::{self, TcpListener};

use super::udp;
use crate::hop::Transport;
use crate::settings::Listen;

/// One that is bound.
pub(crate) enum Socket {
    Udp(UdpSocket),
    Stream(Transport, TcpListener, Option<Box<Acceptor>>),
}

impl Socket {
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Udp(socket) => socket.local_addr(),
            Self::Stream(_, socket, _) => socket.local_addr(),
        }
    }
}

pub(crate) async fn bind(listen: &Listen) -> Result<Socket, String> {
    let (transport, endpoint) = (Transport::from(listen.transport), listen.endpoint.as_str());
    let acceptor = listen
        .tls
        .as_ref()
        .map(|tls| Acceptor::new(tls, &[]).map(Box::new))
        .transpose()
        .map_err(|error| error.to_string())?;
    let bound = match transport {
        Transport::Udp => datagrams(endpoint).await.map(Socket::Udp),
        _ => {
            let socket = TcpListener::bind(endpoint).await;
            socket.map(|socket| Socket::Stream(transport, socket, acceptor))
        }
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

async fn datagrams(endpoint: &str) -> io::Result<UdpSocket> {
    let socket = net::UdpSocket::bind(endpoint).await?.into_std()?;
    udp::prepare(&socket)?;
    Ok(socket)
}
