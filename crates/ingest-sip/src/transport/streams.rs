//! Connections: which are open, and who may open another.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use rustls::pki_types::ServerName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::TlsConnector;

use super::secured::usual_connector;
use super::{Shared, connect};
use crate::edge::Flow;
use crate::hop::Transport;
use crate::settings::Secured;
use crate::slack;

/// Bytes that wait for a peer to read. What is more is lost, as on a network.
const UNREAD: usize = 256 << 10;
/// What a message takes while it waits, beside its bytes.
const ENVELOPE: usize = 128;

pub(crate) struct Streams {
    table: Mutex<Table>,
    limits: StreamLimits,
    /// Targets of which more is known; certificates of other peers show their address.
    secured: Secured,
    /// Made when it is first needed: the authorities of a system are megabytes.
    connector: OnceLock<TlsConnector>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct StreamLimits {
    pub(crate) connections: usize,
    pub(crate) by_address: usize,
    pub(crate) idle: std::time::Duration,
}

#[derive(Default)]
struct Table {
    open: HashMap<u64, Open>,
    by_peer: HashMap<(Transport, SocketAddr), u64>,
    by_address: HashMap<IpAddr, usize>,
    last: u64,
}

struct Open {
    queue: mpsc::UnboundedSender<Unsent>,
    /// What is left of [`UNREAD`].
    room: Arc<Semaphore>,
    flow: Flow,
}

/// A message that waits to be written, and the room that it takes until then.
pub(super) struct Unsent {
    pub(super) bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Open {
    fn push(&self, bytes: Bytes) -> Result<(), &'static str> {
        let size = u32::try_from(bytes.len() + ENVELOPE).map_err(|_| "full")?;
        let room = Arc::clone(&self.room).try_acquire_many_owned(size).map_err(|_| "full")?;
        self.queue.send(Unsent { bytes, _room: room }).map_err(|_| "closed")
    }
}

/// A place among the open connections, given back when it is dropped.
pub(super) struct Place {
    pub(super) flow: Flow,
    pub(super) unsent: mpsc::UnboundedReceiver<Unsent>,
    shared: Arc<Shared>,
}

impl Streams {
    /// `first` is larger than any number that an earlier process has given. Without a connector the authorities of the system
    /// are believed.
    pub(crate) fn new(
        first: u64,
        limits: StreamLimits,
        secured: Secured,
        connector: Option<TlsConnector>,
    ) -> Self {
        let table = Table { last: first, ..Table::default() };
        let connector = connector.map_or_else(OnceLock::new, OnceLock::from);
        Self { table: Mutex::new(table), limits, secured, connector }
    }

    pub(super) fn idle(&self) -> std::time::Duration {
        self.limits.idle
    }

    pub(super) fn connector(&self, peer: SocketAddr) -> io::Result<(TlsConnector, ServerName<'static>)> {
        let known = self.secured.get(&peer);
        let name = known.map_or_else(|| ServerName::IpAddress(peer.ip().into()), |known| known.name.clone());
        let own = known.and_then(|known| known.connector.as_ref()).or_else(|| self.connector.get());
        let connector = match own {
            Some(connector) => connector.clone(),
            None => {
                let new = usual_connector().map_err(io::Error::other)?;
                self.connector.get_or_init(|| new).clone()
            }
        };
        Ok((connector, name))
    }

    pub(super) fn count(&self) -> usize {
        self.table().open.len()
    }

    /// Over the connection that is meant, else over one that goes there, else over a new one.
    pub(super) fn send(shared: &Arc<Shared>, to: Flow, bytes: Bytes) -> Result<(), &'static str> {
        let streams = &shared.streams;
        let table = streams.table();
        let known = match to.connection {
            0 => table.by_peer.get(&(to.transport, to.peer)).copied(),
            connection => Some(connection),
        };
        if let Some(open) = known.and_then(|known| table.open.get(&known)) {
            return open.push(bytes);
        }
        drop(table);
        if to.connection != 0 || matches!(to.transport, Transport::Ws | Transport::Wss) {
            return Err("closed");
        }
        let place = Self::enter(shared, to).ok_or("connections")?;
        let queued = streams.table().open.get(&place.flow.connection).map(|open| open.push(bytes));
        tokio::spawn(connect::open(Arc::clone(shared), place));
        queued.unwrap_or(Err("closed"))
    }

    /// Nothing where there are too many, in all or with this address.
    pub(super) fn enter(shared: &Arc<Shared>, flow: Flow) -> Option<Place> {
        let limits = shared.streams.limits;
        let mut table = shared.streams.table();
        let of_address = table.by_address.get(&flow.peer.ip()).copied().unwrap_or(0);
        if table.open.len() >= limits.connections || of_address >= limits.by_address {
            return None;
        }
        table.last += 1;
        let flow = Flow { connection: table.last, ..flow };
        let (queue, unsent) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(UNREAD));
        *table.by_address.entry(flow.peer.ip()).or_default() += 1;
        table.by_peer.insert((flow.transport, flow.peer), flow.connection);
        table.open.insert(flow.connection, Open { queue, room, flow });
        drop(table);
        Some(Place { flow, unsent, shared: Arc::clone(shared) })
    }

    /// What waits is still written, and nothing after it.
    pub(super) fn hang_up(&self, connection: u64) {
        if let Some(open) = self.table().open.get_mut(&connection) {
            (open.queue, _) = mpsc::unbounded_channel();
        }
    }

    fn leave(&self, connection: u64) {
        let mut table = self.table();
        let Some(Open { flow, .. }) = table.open.remove(&connection) else { return };
        let key = (flow.transport, flow.peer);
        if table.by_peer.get(&key) == Some(&connection) {
            table.by_peer.remove(&key);
        }
        if let Some(count) = table.by_address.get_mut(&flow.peer.ip()) {
            *count -= 1;
            if *count == 0 {
                table.by_address.remove(&flow.peer.ip());
            }
        }
        let Table { open, by_peer, by_address, .. } = &mut *table;
        slack::map(open);
        slack::map(by_peer);
        slack::map(by_address);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.streams.leave(self.flow.connection);
        let connection = self.flow.connection;
        self.shared.with(&mut Vec::new(), |edge, _| edge.closed(connection));
    }
}
