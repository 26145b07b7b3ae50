//! A service on raw sockets, good but for one place.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Place {
    Token,
    Queues,
    Users,
    Channel,
    Topics,
    Analytics,
    Details,
    Socket,
}

/// What is answered.
#[derive(Clone)]
pub(crate) enum Act {
    /// These bytes, and the end.
    Says(Vec<u8>),
    /// These, and nothing more.
    Holds(Vec<u8>),
    /// The first, and every second the other ones, for ever.
    Drips(Vec<u8>, Vec<u8>),
    /// The first, and the other ones as fast as they are taken, for ever.
    Pours(Vec<u8>, Vec<u8>),
    /// So often the same, and then counts what comes back.
    Floods(Vec<u8>, usize),
    /// After a handshake.
    Upgraded(Box<Act>),
}

#[derive(Default)]
struct State {
    hostile: Option<(Place, Act)>,
    good: BTreeMap<Place, u64>,
    heads: Vec<String>,
    beats: u64,
    /// Bytes that were taken of an act without an end, and those that came back.
    poured: usize,
    back: usize,
}

pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    state: Mutex<State>,
    /// Sockets end, or hear that the token is revoked.
    end: Notify,
    revoke: Notify,
}

impl Service {
    pub(crate) async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, revoke) = (Notify::new(), Notify::new());
        let service = Arc::new(Self { address, state: Mutex::default(), end, revoke });
        let serves = Arc::clone(&service);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Whoever leaves early is what this is about.
                let serves = Arc::clone(&serves);
                tokio::spawn(async move { serves.serve(stream).await.ok() });
            }
        });
        service
    }

    /// From now on, until it is well again. What is asked for once only is asked for again.
    pub(crate) fn turn(&self, place: Place, act: Act) {
        {
            let mut state = self.state.lock().unwrap();
            state.hostile = Some((place, act));
            (state.poured, state.back) = (0, 0);
        }
        match place {
            Place::Socket => self.end.notify_waiters(),
            Place::Channel | Place::Topics => self.revoke.notify_waiters(),
            _ => {}
        }
    }

    pub(crate) fn heal(&self) {
        self.state.lock().unwrap().hostile = None;
    }

    /// How often a place has given a good answer.
    pub(crate) fn good(&self, place: Place) -> u64 {
        self.state.lock().unwrap().good.get(&place).copied().unwrap_or_default()
    }

    /// Heartbeats on sockets.
    pub(crate) fn beats(&self) -> u64 {
        self.state.lock().unwrap().beats
    }

    pub(crate) fn poured(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap();
        (state.poured, state.back)
    }

    /// The heads of all requests.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.state.lock().unwrap().heads.clone()
    }

    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        loop {
            let head = head(&mut stream).await?;
            let lengths = head.lines().filter_map(|line| line.strip_prefix("content-length: "));
            let length = lengths.into_iter().next_back().and_then(|length| length.parse().ok()).unwrap_or(0);
            stream.read_exact(&mut vec![0; length]).await?;
            let place = place(&head);
            self.state.lock().unwrap().heads.push(head.clone());
            let hostile = self.state.lock().unwrap().hostile.clone();
            if let Some((_, act)) = hostile.filter(|(at, _)| *at == place) {
                return self.act(&mut stream, act, &head).await;
            }
            if place == Place::Socket {
                return self.socket(&mut stream, &head).await;
            }
            let body = self.answer(place);
            *self.state.lock().unwrap().good.entry(place).or_default() += 1;
            stream.write_all(&ok(&body)).await?;
        }
    }

    fn answer(&self, place: Place) -> Vec<u8> {
        let queue = "6f1b8f4e-0a8e-4a1b-9d8a-1d2c3b4a5f60";
        let answer = match place {
            Place::Token => json!({"access_token": "t0ken", "expires_in": 0}),
            Place::Queues => json!({"entities": [{"id": queue, "name": "billing"}]}),
            Place::Users => json!({"entities": [{"id": "7f3b2a10-6c1d-4e8f-9b0a-112233445566"}]}),
            Place::Channel => json!({"id": "c1", "connectUri": format!("ws://{}/channels/c1", self.address)}),
            Place::Topics => json!({"entities": []}),
            _ => json!({"conversations": []}),
        };
        answer.to_string().into_bytes()
    }

    /// A socket that tells of one conversation, and stays.
    async fn socket(&self, stream: &mut TcpStream, head: &str) -> std::io::Result<()> {
        stream.write_all(&handshake(head)).await?;
        let number = {
            let mut state = self.state.lock().unwrap();
            let good = state.good.entry(Place::Socket).or_default();
            *good += 1;
            *good
        };
        stream.write_all(&text(event(number).to_string().as_bytes())).await?;
        let beat = json!({"topicName": "channel.metadata", "eventBody": {"message": "WebSocket Heartbeat"}});
        let revoked = json!({"topicName": "v2.system.token_revoked.x", "eventBody": {}});
        let (mut read, mut write) = stream.split();
        let mut buffer = [0; 4096];
        loop {
            tokio::select! {
                () = self.end.notified() => return Ok(()),
                () = self.revoke.notified() => write.write_all(&text(revoked.to_string().as_bytes())).await?,
                () = tokio::time::sleep(Duration::from_secs(10)) => {
                    write.write_all(&text(beat.to_string().as_bytes())).await?;
                    self.state.lock().unwrap().beats += 1;
                }
                read = read.read(&mut buffer) => if read? == 0 {
                    return Ok(());
                },
            }
        }
    }

    async fn act(&self, stream: &mut TcpStream, act: Act, head: &str) -> std::io::Result<()> {
        match act {
            Act::Says(bytes) => stream.write_all(&bytes).await,
            Act::Holds(bytes) => {
                stream.write_all(&bytes).await?;
                stream.read_to_end(&mut Vec::new()).await.map(drop)
            }
            Act::Drips(first, again) => {
                stream.write_all(&first).await?;
                loop {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    stream.write_all(&again).await?;
                }
            }
            Act::Pours(first, again) => {
                stream.write_all(&first).await?;
                loop {
                    stream.write_all(&again).await?;
                    self.state.lock().unwrap().poured += again.len();
                }
            }
            Act::Floods(again, times) => {
                for _ in 0..times {
                    stream.write_all(&again).await?;
                    self.state.lock().unwrap().poured += again.len();
                }
                let mut buffer = vec![0; 1 << 16];
                loop {
                    let read = stream.read(&mut buffer).await?;
                    self.state.lock().unwrap().back += read;
                    if read == 0 {
                        return Ok(());
                    }
                }
            }
            Act::Upgraded(act) => {
                stream.write_all(&handshake(head)).await?;
                Box::pin(self.act(stream, *act, head)).await
            }
        }
    }
}

/// The trace of the conversation that a socket tells of.
pub(crate) fn conversation(number: u64) -> String {
    format!("c41e7d90-5b2a-4f0e-9a6d-{number:012}")
}

fn event(number: u64) -> serde_json::Value {
    let participant = json!({"id": "5f9b1c3a-2d4e-4f60-8a7b-9c0d1e2f3a4b", "purpose": "customer",
        "calls": [{"id": "1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d", "state": "connected",
            "direction": "inbound", "connectedTime": "2026-03-02T09:00:00.000Z"}]});
    json!({"topicName": "v2.routing.queues.6f1b8f4e-0a8e-4a1b-9d8a-1d2c3b4a5f60.conversations", "version": "2",
        "eventBody": {"id": conversation(number), "participants": [participant]}})
}

pub(crate) fn ok(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A frame as a server sends it, its length in the shortest form.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ ..126), _) => frame.push(length),
        (_, Ok(length)) => {
            frame.push(126);
            frame.extend(length.to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

pub(crate) fn text(payload: &[u8]) -> Vec<u8> {
    frame(0x81, payload)
}

async fn head(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn handshake(head: &str) -> Vec<u8> {
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("sec-websocket-key").then_some(value)
    });
    let accept = derive_accept_key(key.unwrap_or_default().as_bytes());
    format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n")
        .into_bytes()
}

fn place(head: &str) -> Place {
    let line = head.lines().next().unwrap_or_default();
    match line {
        _ if line.starts_with("POST /oauth/token") => Place::Token,
        _ if line.starts_with("GET /api/v2/routing/queues") => Place::Queues,
        _ if line.starts_with("GET /api/v2/users") => Place::Users,
        _ if line.starts_with("POST /api/v2/notifications/channels") => Place::Channel,
        _ if line.starts_with("PUT /api/v2/notifications/channels") => Place::Topics,
        _ if line.starts_with("POST /api/v2/analytics/conversations/details/query") => Place::Analytics,
        _ if line.starts_with("GET /api/v2/analytics/conversations/details") => Place::Details,
        _ if line.starts_with("GET /channels") => Place::Socket,
        // Whether a channel exists.
        _ => Place::Topics,
    }
}
