//! Sockets: bind, accept, TLS, places for so many connections, and a stop that lets open requests finish.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::GracefulConnection;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{self, JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsAcceptor;

use super::activity::{Activity, End, Patience};
use super::stream::{Socket, Stream};
use super::tls::Acceptor;

/// How long open requests may take after the stop.
const GRACE: Duration = Duration::from_secs(10);
/// How long a connection without an open request may take to hear of the stop.
const PARTING: Duration = Duration::from_secs(1);
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Between two attempts to accept where the system is out of descriptors.
const PAUSE: Duration = Duration::from_millis(20);

/// A running listener.
pub struct Listener {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// One accepted connection.
pub struct Accepted {
    pub stream: Stream,
    pub peer: SocketAddr,
    pub activity: Arc<Activity>,
}

impl Listener {
    /// Accepts until stopped; `serve` is one connection's whole life.
    pub fn start<S, F>(tcp: TcpListener, tls: Option<Acceptor>, patience: Patience, serve: S) -> Self
    where
        S: Fn(Accepted) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::with_places(places(), tcp, tls, patience, serve)
    }

    fn with_places<S, F>(
        places: usize,
        tcp: TcpListener,
        tls: Option<Acceptor>,
        patience: Patience,
        serve: S,
    ) -> Self
    where
        S: Fn(Accepted) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        let door = Door {
            tls,
            patience,
            serve: Arc::new(serve),
            places,
            tasks: JoinSet::new(),
            inside: HashMap::new(),
        };
        Self { stop, task: tokio::spawn(door.keep(tcp, stopped)) }
    }

    /// Accepts no more; returns when the open requests are answered, or have had their time.
    pub async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "listener ended badly");
        }
    }
}

/// Runs an accepted connection until it ends or is told to.
pub async fn drive<C>(connection: C, activity: &Activity, peer: SocketAddr)
where
    C: GracefulConnection,
    C::Error: Display,
{
    let mut connection = pin!(connection);
    let end = tokio::select! {
        biased;
        served = connection.as_mut() => return ended(served, peer),
        end = activity.told() => end,
    };
    if let End::Gracefully(grace) = end {
        connection.as_mut().graceful_shutdown();
        if let Ok(served) = timeout(grace, connection).await {
            ended(served, peer);
        }
    }
}

fn ended<E: Display>(served: Result<(), E>, peer: SocketAddr) {
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "connection ended");
    }
}

/// The accepting side.
struct Door<S> {
    tls: Option<Acceptor>,
    patience: Patience,
    serve: Arc<S>,
    places: usize,
    tasks: JoinSet<()>,
    inside: HashMap<task::Id, Arc<Activity>>,
}

impl<S, F> Door<S>
where
    S: Fn(Accepted) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    async fn keep(mut self, tcp: TcpListener, mut stopped: oneshot::Receiver<()>) {
        let mut rhythm = interval(self.patience.rhythm());
        rhythm.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let full = self.inside.len() >= self.places;
            tokio::select! {
                accepted = tcp.accept(), if !full => match accepted {
                    Ok((socket, peer)) => self.admit(socket, peer),
                    // The connection went away while it waited: no reason to end.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept");
                        self.make_room();
                        tokio::time::sleep(PAUSE).await;
                    }
                },
                Some(ended) = self.tasks.join_next_with_id() => self.left(ended),
                _ = rhythm.tick(), if !self.inside.is_empty() => self.look_around(),
                _ = &mut stopped => break,
            }
        }
        drop(tcp);
        for activity in self.inside.values() {
            activity.tell(End::Gracefully(if activity.busy() { GRACE } else { PARTING }));
        }
        let finished = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(GRACE, finished).await.is_err() {
            tracing::warn!(open = self.tasks.len(), "connections closed before they were done");
        }
    }

    fn admit(&mut self, socket: TcpStream, peer: SocketAddr) {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%peer, %error, "connection without TCP_NODELAY");
        }
        let activity = Activity::new();
        let tls = self.tls.as_ref().map(Acceptor::now);
        let (serve, known) = (Arc::clone(&self.serve), Arc::clone(&activity));
        let life = self.tasks.spawn(async move {
            let socket = tokio::select! {
                socket = secured(socket, tls) => socket,
                _ = activity.told() => return,
            };
            if let Some(socket) = socket {
                let stream = Stream::new(socket, Arc::clone(&activity));
                serve(Accepted { stream, peer, activity }).await;
            }
        });
        self.inside.insert(life.id(), known);
        if self.inside.len() + self.a_few() > self.places {
            self.make_room();
        }
    }

    fn left(&mut self, ended: Result<(task::Id, ()), task::JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "a connection ended badly");
                error.id()
            }
        };
        self.inside.remove(&id);
    }

    /// Tells the connections to go that are of least use, a few at once since looking for them takes time; with every
    /// place taken by a busy one, newcomers wait.
    fn make_room(&self) {
        let now = Instant::now();
        let candidates = self.inside.values().filter_map(|one| Some((one.dispensable(now)?, one)));
        let mut candidates: Vec<_> = candidates.collect();
        candidates.sort_unstable_by_key(|(age, _)| Reverse(*age));
        for (_, activity) in candidates.iter().take(self.a_few()) {
            activity.tell(End::Gracefully(Duration::ZERO));
        }
    }

    fn a_few(&self) -> usize {
        self.places / 64 + 1
    }

    fn look_around(&self) {
        let now = Instant::now();
        for activity in self.inside.values() {
            if let Some(end) = activity.overdue(now, &self.patience) {
                activity.tell(end);
            }
        }
        if self.inside.len() >= self.places {
            self.make_room();
        }
    }
}

async fn secured(socket: TcpStream, tls: Option<TlsAcceptor>) -> Option<Socket> {
    let Some(tls) = tls else { return Some(Socket::Plain(socket)) };
    match timeout(HANDSHAKE, tls.accept(socket)).await {
        Ok(Ok(stream)) => Some(Socket::Tls(Box::new(stream))),
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS handshake failed");
            None
        }
        Err(_) => None,
    }
}

/// Connections that one listener serves at once: a part of the descriptors that this process may have, since
/// exporters, files and other listeners need some too.
fn places() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let files: usize =
        files.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(usize::MAX);
    (files / 4).clamp(64, 8192)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Scenario: every place is taken by somebody who says nothing.
    /// Guarantees: who comes next and has something to say is heard; a busy connection keeps its place.
    #[tokio::test]
    async fn the_silent_make_room() {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let busy = Arc::new(Mutex::new(Vec::new()));
        let requests = Arc::clone(&busy);
        let listener = Listener::with_places(3, tcp, None, Patience::default(), move |mut accepted| {
            let requests = Arc::clone(&requests);
            async move {
                let echo = async {
                    while let Ok(byte) = accepted.stream.read_u8().await {
                        requests.lock().unwrap().push(accepted.activity.request());
                        accepted.stream.write_u8(byte).await.unwrap();
                    }
                };
                tokio::select! { () = echo => {}, _ = accepted.activity.told() => {} }
            }
        });
        let mut first = TcpStream::connect(address).await.unwrap();
        first.write_u8(1).await.unwrap();
        assert_eq!(first.read_u8().await.unwrap(), 1);
        let mut silent = Vec::new();
        for _ in 0..3 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let mut last = TcpStream::connect(address).await.unwrap();
        last.write_u8(2).await.unwrap();
        assert_eq!(last.read_u8().await.unwrap(), 2);
        first.write_u8(3).await.unwrap();
        assert_eq!(first.read_u8().await.unwrap(), 3);
        assert!(silent.first_mut().unwrap().read_u8().await.is_err(), "closed");
        drop(busy.lock().unwrap().drain(..).collect::<Vec<_>>());
        listener.stop().await;
    }
}
