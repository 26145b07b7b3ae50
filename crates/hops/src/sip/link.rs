//! One socket to the first hop.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::{Bytes, BytesMut};
use throughline_sip::{Frame, Frames, Limits, Message, Side};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;

use super::Address;
use super::address::Transport;

pub(super) enum Link {
    Datagrams(UdpSocket),
    Stream { stream: Box<dyn Stream>, frames: Box<Frames>, own: SocketAddr },
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Link {
    pub(super) async fn open(address: &Address, tls: &TlsConnector) -> std::io::Result<Self> {
        let to = address.resolve().await?;
        if address.transport != Transport::Udp {
            let stream = TcpStream::connect(to).await?;
            let own = stream.local_addr()?;
            let stream: Box<dyn Stream> = if address.transport == Transport::Tls {
                let failed = |error| std::io::Error::other(format!("TLS: {error}"));
                Box::new(tls.connect(address.certified()?, stream).await.map_err(failed)?)
            } else {
                Box::new(stream)
            };
            let frames = Box::new(Frames::new(Side::Opened, Limits::default()));
            return Ok(Self::Stream { stream, frames, own });
        }
        let any = if to.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0)).await?;
        socket.connect(to).await?;
        Ok(Self::Datagrams(socket))
    }

    pub(super) fn own(&self) -> std::io::Result<SocketAddr> {
        match self {
            Self::Datagrams(socket) => socket.local_addr(),
            Self::Stream { own, .. } => Ok(*own),
        }
    }

    pub(super) fn is_stream(&self) -> bool {
        matches!(self, Self::Stream { .. })
    }

    pub(super) async fn send(&mut self, message: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Datagrams(socket) => socket.send(message).await.map(drop),
            Self::Stream { stream, .. } => {
                stream.write_all(message).await?;
                stream.flush().await
            }
        }
    }

    /// The next message; what is none is passed over. May be given up and called again.
    pub(super) async fn receive(&mut self) -> std::io::Result<Message<Bytes>> {
        match self {
            Self::Datagrams(socket) => loop {
                let mut buffer = BytesMut::with_capacity(65_535);
                socket.recv_buf(&mut buffer).await?;
                if let Ok(message) = Message::parse(buffer.freeze(), &Limits::default()) {
                    return Ok(message);
                }
            },
            Self::Stream { stream, frames, .. } => loop {
                match frames.next() {
                    Ok(Some(Frame::Message(message))) => return Ok(message),
                    Ok(Some(Frame::Ping | Frame::Pong)) => {}
                    Ok(None) => {
                        if stream.read_buf(frames.buffer()).await? == 0 {
                            return Err(std::io::Error::other("the hop closed the connection"));
                        }
                    }
                    Err(_) => return Err(std::io::Error::other("what the hop sends is no SIP")),
                }
            },
        }
    }
}
