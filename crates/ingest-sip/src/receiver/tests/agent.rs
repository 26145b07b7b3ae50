//! Small user agents, which do as they are told and check what comes.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use flow::config::Node;
use futures_util::{SinkExt, StreamExt};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use throughline_sip::{Builder, Frame, Frames, Limits, Message, Name, Side};
use tls::{Acceptor, ClientTls, ServerTls};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message as Text, http::HeaderValue};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::transport::connector;

const PATIENCE: Duration = Duration::from_secs(10);

pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

enum Way {
    Udp(UdpSocket, Option<SocketAddr>),
    Stream(Box<dyn Io>, Box<Frames>),
    Ws(Box<WebSocketStream<Box<dyn Io>>>),
    Waiting(Door),
}

pub(super) struct Agent {
    way: Way,
    transport: &'static str,
    address: SocketAddr,
}

/// Where an agent waits for the edge to connect.
pub(super) struct Door {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
}

/// For `localhost` and 127.0.0.1, signed by itself.
pub(super) struct Certificate(tempfile::TempDir);

impl Certificate {
    pub(super) fn new() -> Self {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cert.pem"), cert.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), signing_key.serialize_pem()).unwrap();
        Self(folder)
    }

    pub(super) fn cert_file(&self) -> String {
        self.0.path().join("cert.pem").display().to_string()
    }

    pub(super) fn key_file(&self) -> String {
        self.0.path().join("key.pem").display().to_string()
    }
}

impl Door {
    pub(super) async fn tcp() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap(), tls: None }
    }

    pub(super) async fn tls(certificate: &Certificate) -> Self {
        let (cert, key) = (certificate.cert_file(), certificate.key_file());
        Self::secured(&format!("{{cert_file: {cert}, key_file: {key}}}")).await
    }

    /// By a `tls` section.
    pub(super) async fn secured(section: &str) -> Self {
        let tls: ServerTls = Node::load("tls.yaml", section).unwrap().parse().unwrap();
        let tls = Acceptor::new(&tls, &[]).unwrap().now();
        Self { tls: Some(tls), ..Self::tcp().await }
    }

    pub(super) fn uri(&self) -> String {
        let transport = if self.tls.is_some() { "tls" } else { "tcp" };
        format!("sip:{};transport={transport}", self.listener.local_addr().unwrap())
    }

    /// The stream of who comes; nothing where TLS fails.
    pub(super) async fn accept(&self) -> Option<Box<dyn Io>> {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.unwrap().unwrap();
        match &self.tls {
            None => Some(Box::new(stream)),
            Some(tls) => Some(Box::new(tls.accept(stream).await.ok()?)),
        }
    }
}

impl Agent {
    pub(super) async fn udp() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        Self { way: Way::Udp(socket, None), transport: "UDP", address }
    }

    pub(super) async fn tcp(edge: SocketAddr) -> Self {
        let stream = TcpStream::connect(edge).await.unwrap();
        let address = stream.local_addr().unwrap();
        Self::of(Box::new(stream), "TCP", address, Side::Opened)
    }

    pub(super) async fn tls(edge: SocketAddr, certificate: &Certificate) -> Self {
        let (stream, address) = secured(edge, certificate).await;
        Self::of(stream, "TLS", address, Side::Opened)
    }

    /// By a `tls` section; nothing where the edge does not let it in.
    pub(super) async fn secured(edge: SocketAddr, section: &str) -> Option<Self> {
        let tls: ClientTls = Node::load("tls.yaml", section).unwrap().parse().unwrap();
        let stream = TcpStream::connect(edge).await.unwrap();
        let address = stream.local_addr().unwrap();
        let mut stream =
            connector(&tls).unwrap().connect("127.0.0.1".try_into().unwrap(), stream).await.ok()?;
        // With TLS 1.3 a client hears after its own handshake that it is not wanted.
        stream.write_all(b"\r\n\r\n").await.ok()?;
        let mut pong = [0; 2];
        stream.read_exact(&mut pong).await.ok()?;
        Some(Self::of(Box::new(stream), "TLS", address, Side::Opened))
    }

    pub(super) async fn ws(edge: SocketAddr) -> Self {
        let stream = TcpStream::connect(edge).await.unwrap();
        let address = stream.local_addr().unwrap();
        Self::upgraded(Box::new(stream), "WS", address).await
    }

    pub(super) async fn wss(edge: SocketAddr, certificate: &Certificate) -> Self {
        let (stream, address) = secured(edge, certificate).await;
        Self::upgraded(stream, "WSS", address).await
    }

    async fn upgraded(stream: Box<dyn Io>, transport: &'static str, address: SocketAddr) -> Self {
        let mut request = "ws://edge.example.com/".into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("chat, sip"));
        let (socket, response) = client_async(request, stream).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], "sip");
        Self { way: Way::Ws(Box::new(socket)), transport, address }
    }

    pub(super) fn behind(door: Door) -> Self {
        let address = door.listener.local_addr().unwrap();
        let transport = if door.tls.is_some() { "TLS" } else { "TCP" };
        Self { way: Way::Waiting(door), transport, address }
    }

    fn of(stream: Box<dyn Io>, transport: &'static str, address: SocketAddr, side: Side) -> Self {
        Self { way: Way::Stream(stream, Box::new(Frames::new(side, Limits::default()))), transport, address }
    }

    pub(super) fn uri(&self) -> String {
        match self.transport {
            "UDP" => format!("sip:{}", self.address),
            // A browser has no address that it could name (RFC 7118, section 5).
            "WS" | "WSS" => "sip:x@x.invalid;transport=ws".to_owned(),
            transport => format!("sip:x@{};transport={}", self.address, transport.to_lowercase()),
        }
    }

    pub(super) fn towards(&mut self, edge: SocketAddr) {
        if let Way::Udp(_, to) = &mut self.way {
            *to = Some(edge);
        }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) {
        match &mut self.way {
            Way::Udp(socket, to) => _ = socket.send_to(bytes, to.unwrap()).await.unwrap(),
            Way::Stream(stream, _) => {
                stream.write_all(bytes).await.unwrap();
                stream.flush().await.unwrap();
            }
            Way::Ws(socket) => {
                let text = String::from_utf8(bytes.to_vec()).unwrap();
                socket.send(Text::text(text)).await.unwrap();
            }
            Way::Waiting(_) => panic!("nobody has connected"),
        }
    }

    /// Ends the connection, and sees that the edge has ended it too.
    pub(super) async fn hang_up(self) {
        if let Way::Ws(mut socket) = self.way {
            SinkExt::close(&mut *socket).await.unwrap();
            while let Some(Ok(_)) = timeout(PATIENCE, socket.next()).await.unwrap() {}
        }
    }

    pub(super) async fn receive(&mut self) -> Message {
        timeout(PATIENCE, self.next()).await.expect("a message in time")
    }

    async fn next(&mut self) -> Message {
        if let Way::Waiting(door) = &mut self.way {
            let stream = door.accept().await.unwrap();
            self.way = Way::Stream(stream, Box::new(Frames::new(Side::Accepted, Limits::default())));
        }
        match &mut self.way {
            Way::Udp(socket, to) => {
                let mut buffer = vec![0; 65_535];
                let (length, peer) = socket.recv_from(&mut buffer).await.unwrap();
                *to = Some(peer);
                buffer.truncate(length);
                Message::parse(buffer.into(), &Limits::default()).unwrap()
            }
            Way::Stream(stream, frames) => loop {
                match frames.next().unwrap() {
                    Some(Frame::Message(message)) => return message,
                    Some(_) => {}
                    None => assert!(stream.read_buf(frames.buffer()).await.unwrap() > 0, "the edge hung up"),
                }
            },
            Way::Ws(socket) => {
                let text = socket.next().await.unwrap().unwrap().into_text().unwrap();
                Message::parse(Bytes::from(text), &Limits::default()).unwrap()
            }
            Way::Waiting(_) => unreachable!("it has been opened"),
        }
    }

    pub(super) fn invite(&self, call: &str) -> Bytes {
        self.request("INVITE", "sip:+4930@edge.example.com", call, None).build().unwrap()
    }

    fn is_phone(&self) -> bool {
        matches!(self.way, Way::Ws(_))
    }

    pub(super) fn request(&self, method: &str, uri: &str, call: &str, to_tag: Option<&str>) -> Builder {
        let (own, name) = (self.address, self.transport);
        let host = if self.is_phone() { "x.invalid".to_owned() } else { own.to_string() };
        let tag = to_tag.map(|tag| format!(";tag={tag}")).unwrap_or_default();
        Builder::request(method, uri)
            .header(
                Name::Via,
                format!("SIP/2.0/{name} {host};rport;branch=z9hG4bK-{method}-{call}-{}", own.port()),
            )
            .header(Name::MaxForwards, "70")
            .header(Name::From, format!("<sip:a@example.com>;tag={}", self.address.port()))
            .header(Name::To, format!("<sip:+4930@example.com>{tag}"))
            .header(Name::CallId, call)
            .header(Name::CSeq, format!("1 {method}"))
            .header(Name::Contact, format!("<{}>", self.uri()))
    }

    pub(super) async fn answer(&mut self, request: &Message, status: u16) {
        let tag = self.address.port().to_string();
        let reply = Builder::reply(request, status, "Reason", Some(tag.as_bytes()))
            .copy(request, Name::RecordRoute)
            .header(Name::Contact, format!("<{}>", self.uri()));
        self.send(&reply.build().unwrap()).await;
    }

    /// In a call that the other side's message belongs to; `reverse` for the side that called.
    async fn within(&mut self, method: &str, other: &Message, reverse: bool, to_tag: &str) {
        let mut routes: Vec<&[u8]> = other.all(Name::RecordRoute).collect();
        if reverse {
            routes.reverse();
        }
        let contact = other.addresses(Name::Contact).next().unwrap().unwrap();
        let uri = String::from_utf8(contact.uri.to_vec()).unwrap();
        let call = String::from_utf8(other.call_id().unwrap().to_vec()).unwrap();
        let mut request = self.request(method, &uri, &call, Some(to_tag));
        for route in routes {
            request = request.header(Name::Route, route);
        }
        self.send(&request.build().unwrap()).await;
    }
}

/// A call from one side to the other, a question from the called side, and the end from each side.
pub(super) async fn call(caller: &mut Agent, called: &mut Agent) {
    let invite = caller.invite("call-1");
    call_by(caller, called, &invite).await;
}

/// The same by an INVITE that is given.
pub(super) async fn call_by(caller: &mut Agent, called: &mut Agent, invite: &[u8]) {
    let method =
        |message: &Message| String::from_utf8(message.method().unwrap().as_bytes().to_vec()).unwrap();
    caller.send(invite).await;
    let invite = called.receive().await;
    assert_eq!(method(&invite), "INVITE");
    called.answer(&invite, 180).await;
    assert_eq!(caller.receive().await.status(), Some(180));
    called.answer(&invite, 200).await;
    let ok = caller.receive().await;
    assert_eq!(ok.status(), Some(200));
    let to_tag = called.address.port().to_string();
    caller.within("ACK", &ok, true, &to_tag).await;
    assert_eq!(method(&called.receive().await), "ACK");
    called.within("INFO", &invite, false, &caller.address.port().to_string()).await;
    let info = caller.receive().await;
    assert_eq!((method(&info).as_str(), info.vias().count()), ("INFO", 2));
    caller.answer(&info, 200).await;
    assert_eq!(called.receive().await.status(), Some(200));
    caller.within("BYE", &ok, true, &to_tag).await;
    let bye = called.receive().await;
    assert_eq!((method(&bye).as_str(), bye.first(Name::Route)), ("BYE", None));
    called.answer(&bye, 200).await;
    assert_eq!(caller.receive().await.status(), Some(200));
}

async fn secured(edge: SocketAddr, certificate: &Certificate) -> (Box<dyn Io>, SocketAddr) {
    let stream = TcpStream::connect(edge).await.unwrap();
    let address = stream.local_addr().unwrap();
    let connector = connector(&ClientTls::trusting(&certificate.cert_file())).unwrap();
    (Box::new(connector.connect("localhost".try_into().unwrap(), stream).await.unwrap()), address)
}
