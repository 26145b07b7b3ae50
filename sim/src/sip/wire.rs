//! Sockets: UDP, TCP, TLS and WebSocket (RFC 7118).

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, tungstenite};

use super::frames::Frames;
use super::hep::Watch;
use super::message::{MAX_BYTES, Message};
use super::tls::Identity;
use crate::chance::Chance;

/// Messages that wait to be looked at, and messages that wait for a connection.
const WAITING: usize = 8192;

/// How messages travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    #[default]
    Udp,
    Tcp,
    Tls,
    Ws,
}

impl Transport {
    /// As a Via has it.
    pub fn via(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
        }
    }

    /// As the parameter of a URI.
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
        }
    }
}

pub(super) type Arrived = (Message, SocketAddr);

/// An address that messages come to and go from.
pub(super) struct Wire {
    pub(super) transport: Transport,
    pub(super) local: SocketAddr,
    udp: Option<UdpSocket>,
    identity: Option<Identity>,
    connections: Mutex<HashMap<SocketAddr, mpsc::Sender<Vec<u8>>>>,
    /// One connection is opened at a time, so that there are never two to the same peer.
    opening: tokio::sync::Mutex<()>,
    tasks: Mutex<JoinSet<()>>,
    inbox: mpsc::Sender<Arrived>,
    /// The share of outgoing messages that get lost, with the chance that decides; UDP only.
    loss: Mutex<(f64, Chance)>,
    pub(super) watch: Option<Watch>,
}

impl Wire {
    pub(super) async fn open(
        transport: Transport,
        listen: SocketAddr,
        identity: Option<Identity>,
        loss: f64,
        watch: Option<Watch>,
    ) -> anyhow::Result<(Arc<Self>, mpsc::Receiver<Arrived>)> {
        let (inbox, arrived) = mpsc::channel(WAITING);
        let (udp, listener) = match transport {
            Transport::Udp => (Some(UdpSocket::bind(listen).await?), None),
            _ => (None, Some(TcpListener::bind(listen).await?)),
        };
        let local = match (&udp, &listener) {
            (Some(socket), _) => socket.local_addr()?,
            (_, Some(listener)) => listener.local_addr()?,
            _ => listen,
        };
        let wire = Arc::new(Self {
            transport,
            local,
            udp,
            identity,
            connections: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
            tasks: Mutex::default(),
            inbox,
            loss: Mutex::new((loss, Chance::new(u64::from(local.port())))),
            watch,
        });
        match listener {
            None => wire.spawn(datagrams(wire.clone())),
            Some(listener) => wire.spawn(accept(wire.clone(), listener)),
        }
        Ok((wire, arrived))
    }

    /// Nobody reads any more, and all connections are closed.
    pub(super) fn close(&self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }

    pub(super) fn reliable(&self) -> bool {
        self.transport != Transport::Udp
    }

    /// What cannot be sent is lost; whoever waits for an answer finds out.
    pub(super) async fn send(self: &Arc<Self>, message: &Message, to: SocketAddr) {
        if let Some(watch) = &self.watch {
            watch.copy(self.local, to, self.transport, message);
        }
        let bytes = message.bytes();
        if let Some(socket) = &self.udp {
            if !self.lost() {
                socket.send_to(&bytes, to).await.ok();
            }
            return;
        }
        if let Ok(connection) = self.connection(to).await {
            connection.send(bytes).await.ok();
        }
    }

    fn lost(&self) -> bool {
        let mut loss = self.loss.lock().unwrap_or_else(PoisonError::into_inner);
        let (share, chance) = &mut *loss;
        *share > 0.0 && chance.happens(*share)
    }

    async fn connection(self: &Arc<Self>, to: SocketAddr) -> anyhow::Result<mpsc::Sender<Vec<u8>>> {
        if let Some(open) = self.open_to(to) {
            return Ok(open);
        }
        let _opening = self.opening.lock().await;
        if let Some(open) = self.open_to(to) {
            return Ok(open);
        }
        // From the agent's own address, by which peers know it.
        let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.bind(SocketAddr::new(self.local.ip(), 0))?;
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        match self.transport {
            Transport::Tls => {
                let identity = self.identity.as_ref().ok_or_else(|| io::Error::other("no certificate"))?;
                let name = rustls::pki_types::ServerName::from(to.ip());
                let stream = identity.connector()?.connect(name, stream).await?;
                Ok(self.talk(to, stream))
            }
            Transport::Ws => {
                let mut request = format!("ws://{to}/").into_client_request()?;
                request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("sip"));
                let (socket, _) = tokio_tungstenite::client_async(request, stream).await?;
                Ok(self.talk_by_web(to, socket))
            }
            Transport::Udp | Transport::Tcp => Ok(self.talk(to, stream)),
        }
    }

    fn open_to(&self, peer: SocketAddr) -> Option<mpsc::Sender<Vec<u8>>> {
        self.connections().get(&peer).filter(|open| !open.is_closed()).cloned()
    }

    fn talk(self: &Arc<Self>, peer: SocketAddr, stream: impl Io) -> mpsc::Sender<Vec<u8>> {
        let (sender, outgoing) = self.enter(peer);
        self.spawn(stream_of(self.clone(), peer, stream, outgoing));
        sender
    }

    fn talk_by_web(
        self: &Arc<Self>,
        peer: SocketAddr,
        socket: WebSocketStream<impl Io>,
    ) -> mpsc::Sender<Vec<u8>> {
        let (sender, outgoing) = self.enter(peer);
        self.spawn(web_socket(self.clone(), peer, socket, outgoing));
        sender
    }

    fn enter(&self, peer: SocketAddr) -> (mpsc::Sender<Vec<u8>>, mpsc::Receiver<Vec<u8>>) {
        let (sender, outgoing) = mpsc::channel(WAITING);
        self.connections().insert(peer, sender.clone());
        (sender, outgoing)
    }

    fn connections(&self) -> std::sync::MutexGuard<'_, HashMap<SocketAddr, mpsc::Sender<Vec<u8>>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    async fn take(&self, message: Message, from: SocketAddr) {
        if let Some(watch) = &self.watch {
            watch.copy(from, self.local, self.transport, &message);
        }
        self.inbox.send((message, from)).await.ok();
    }
}

trait Io: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Io for T {}

async fn datagrams(wire: Arc<Wire>) {
    let mut buffer = vec![0; MAX_BYTES];
    loop {
        let Some(socket) = &wire.udp else { return };
        // An error is that of an earlier datagram nobody wanted.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        if let Ok(message) = Message::parse(buffer.get(..length).unwrap_or_default()) {
            wire.take(message, from).await;
        }
    }
}

async fn accept(wire: Arc<Wire>, listener: TcpListener) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else { continue };
        stream.set_nodelay(true).ok();
        let greeted = wire.clone();
        wire.spawn(async move {
            greet(greeted, stream, peer).await.ok();
        });
    }
}

async fn greet(wire: Arc<Wire>, stream: TcpStream, peer: SocketAddr) -> anyhow::Result<()> {
    match wire.transport {
        Transport::Tls => {
            let identity = wire.identity.as_ref().ok_or_else(|| io::Error::other("no certificate"))?;
            let stream = identity.acceptor()?.accept(stream).await?;
            wire.talk(peer, stream);
        }
        Transport::Ws => {
            let socket = tokio_tungstenite::accept_hdr_async(stream, speaks_sip).await?;
            wire.talk_by_web(peer, socket);
        }
        Transport::Udp | Transport::Tcp => {
            wire.talk(peer, stream);
        }
    }
    Ok(())
}

#[expect(clippy::result_large_err, reason = "the WebSocket library's callback")]
fn speaks_sip(_: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    response.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("sip"));
    Ok(response)
}

async fn stream_of(
    wire: Arc<Wire>,
    peer: SocketAddr,
    mut stream: impl Io,
    mut outgoing: mpsc::Receiver<Vec<u8>>,
) {
    let (mut frames, mut buffer) = (Frames::default(), vec![0; 16 << 10]);
    loop {
        tokio::select! {
            bytes = outgoing.recv() => {
                let Some(bytes) = bytes else { return };
                if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
            read = stream.read(&mut buffer) => {
                let Ok(length @ 1..) = read else { return };
                frames.add(buffer.get(..length).unwrap_or_default());
                loop {
                    match frames.next() {
                        Ok(Some(message)) => wire.take(message, peer).await,
                        Ok(None) => break,
                        Err(_) => return,
                    }
                }
            }
        }
    }
}

async fn web_socket(
    wire: Arc<Wire>,
    peer: SocketAddr,
    mut socket: WebSocketStream<impl Io>,
    mut outgoing: mpsc::Receiver<Vec<u8>>,
) {
    loop {
        tokio::select! {
            bytes = outgoing.recv() => {
                let Some(bytes) = bytes else { return };
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if socket.send(tungstenite::Message::text(text)).await.is_err() {
                    return;
                }
            }
            frame = socket.next() => {
                let Some(Ok(frame)) = frame else { return };
                if let (true, Ok(message)) = (frame.is_text() || frame.is_binary(), Message::parse(&frame.into_data())) {
                    wire.take(message, peer).await;
                }
            }
        }
    }
}
