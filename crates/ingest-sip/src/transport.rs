//! Sockets around the edge. Whoever reads a socket calls the edge itself and sends what comes out: no queue lies
//! between a message that comes in and the one that goes out.

mod clock;
mod secured;
mod sockets;
mod udp;
mod streams;
mod connect;
mod connection;
mod websocket;
mod meters;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use throughline_sip::{Broken, Message};
use tokio::net::lookup_host;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::edge::{Edge, Flow, Output};
use crate::hop::Transport;
use clock::Clock;
pub(crate) use meters::Meters;
pub(crate) use secured::connector;
pub(crate) use sockets::{Socket, bind};
pub(crate) use streams::{StreamLimits, Streams};

/// What all tasks share.
pub(crate) struct Shared {
    edge: Mutex<Edge>,
    clock: Clock,
    /// By listener.
    sockets: Vec<Socket>,
    streams: Streams,
    stopped: watch::Receiver<bool>,
    lookups: Arc<Semaphore>,
    meters: Meters,
}

/// How often time passes for the edge.
const TICK: Duration = Duration::from_millis(100);
const LOOKUP: Duration = Duration::from_secs(5);
const LOOKUPS: usize = 16;

impl Shared {
    pub(crate) fn new(
        edge: Edge,
        sockets: Vec<Socket>,
        streams: Streams,
        meters: Meters,
        stopped: watch::Receiver<bool>,
    ) -> Arc<Self> {
        let lookups = Arc::new(Semaphore::new(LOOKUPS));
        Arc::new(Self {
            edge: Mutex::new(edge),
            clock: Clock::new(),
            sockets,
            streams,
            stopped,
            lookups,
            meters,
        })
    }

    /// A message came in.
    pub(crate) fn receive(self: &Arc<Self>, from: Flow, message: &Message, out: &mut Vec<Output>) {
        let now = self.clock.now();
        self.with(out, |edge, out| edge.receive(now, from, message, out));
    }

    /// Bytes came after which nobody knows where the next message begins.
    pub(crate) fn broken(self: &Arc<Self>, from: Flow, rest: &[u8], broken: Broken, out: &mut Vec<Output>) {
        let now = self.clock.now();
        self.with(out, |edge, out| edge.broken(now, from, rest, broken, out));
    }

    /// Does something with the edge, and then what the edge wants done.
    pub(crate) fn with(
        self: &Arc<Self>,
        out: &mut Vec<Output>,
        work: impl FnOnce(&mut Edge, &mut Vec<Output>),
    ) {
        out.clear();
        work(&mut self.edge.lock().unwrap_or_else(PoisonError::into_inner), out);
        for output in out.drain(..) {
            match output {
                Output::Send { to, bytes } => self.send(to, bytes),
                Output::Resolve(host) => self.resolve(host),
            }
        }
    }

    fn send(self: &Arc<Self>, to: Flow, bytes: Bytes) {
        let sent = match (to.transport, self.sockets.get(usize::from(to.listener))) {
            (Transport::Udp, Some(Socket::Udp(socket))) => udp::send(socket, to.peer, &bytes),
            (Transport::Udp, _) => Err("no_socket"),
            _ => Streams::send(self, to, bytes),
        };
        if let Err(reason) = sent {
            self.meters.unsent(reason);
        }
    }

    /// A connection cannot be opened: calls that wait for it go elsewhere, where they may.
    fn unreachable(self: &Arc<Self>, flow: Flow, reason: &str) {
        self.meters.unsent(reason);
        let (now, flow) = (self.clock.now(), Flow { connection: 0, ..flow });
        let shared = Arc::clone(self);
        // Beside the connection that has failed, which is still in the table.
        tokio::spawn(async move {
            shared.with(&mut Vec::new(), |edge, out| edge.unreachable(now, &flow, out));
        });
    }

    /// Asks for the addresses of a host beside the traffic.
    fn resolve(self: &Arc<Self>, host: Box<str>) {
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            let place = Arc::clone(&shared.lookups).acquire_owned().await;
            let ip = resolved(&host).await;
            drop(place);
            let now = shared.clock.now();
            shared.with(&mut Vec::new(), |edge, out| edge.resolved(now, &host, ip, out));
        });
    }

    fn tick(self: &Arc<Self>, out: &mut Vec<Output>) {
        self.clock.follow();
        let now = self.clock.now();
        self.with(out, |edge, out| edge.tick(now, out));
        let mut edge = self.edge.lock().unwrap_or_else(PoisonError::into_inner);
        let (counts, turned) = (edge.counts(), edge.turned());
        let targets =
            edge.targets().map(|(group, target)| (group.to_owned(), target.address, target.health.is_up()));
        let targets: Vec<_> = targets.collect();
        let transactions = edge.transactions();
        drop(edge);
        self.meters.add(&counts, &targets, (self.streams.count(), transactions));
        for (group, address, up) in turned {
            match up {
                true => tracing::info!(group, %address, "a target answers again"),
                false => tracing::warn!(group, %address, "a target does not answer, calls go to others"),
            }
        }
    }
}

/// Until it is told to stop.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut stopped = shared.stopped.clone();
    let mut tasks = JoinSet::new();
    for listener in 0..shared.sockets.len() {
        listen(&shared, listener, &mut tasks);
    }
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut out = Vec::new();
    loop {
        tokio::select! {
            _ = ticks.tick() => shared.tick(&mut out),
            _ = stopped.wait_for(|stopped| *stopped) => break,
        }
    }
    tasks.shutdown().await;
    shared.tick(&mut out);
}

fn listen(shared: &Arc<Shared>, listener: usize, tasks: &mut JoinSet<()>) {
    let own = Arc::clone(shared);
    match shared.sockets.get(listener) {
        Some(Socket::Udp(_)) => {
            tasks.spawn_blocking(move || {
                if let Some(Socket::Udp(socket)) = own.sockets.get(listener) {
                    udp::serve(&own, listener, socket);
                }
            });
        }
        Some(Socket::Stream(..)) => {
            tasks.spawn(async move {
                if let Some(Socket::Stream(transport, socket, tls)) = own.sockets.get(listener) {
                    connect::listen(&own, listener, *transport, socket, tls.as_deref()).await;
                }
            });
        }
        None => {}
    }
}

/// Nanoseconds since 1970.
pub(crate) fn now() -> u64 {
    Clock::new().now()
}

/// The first address that the system knows.
pub(crate) async fn resolved(host: &str) -> Option<IpAddr> {
    let found = timeout(LOOKUP, lookup_host((host, 0))).await.ok()?.ok()?;
    found.map(|address: SocketAddr| address.ip()).next()
}
