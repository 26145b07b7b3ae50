//! Connections: which are open, and who may open another.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rustls::pki_types::ServerName;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;

use super::{Shared, connect};
use crate::edge::Flow;
use crate::hop::Transport;
use crate::settings::Secured;

/// Messages that wait for a peer to read. A peer that is so far behind is given up.
const UNREAD: usize = 256;

pub(crate) struct Streams {
    table: Mutex<Table>,
    limits: StreamLimits,
    /// Targets of which more is known; certificates of other peers show their address.
    secured: Secured,
    connector: TlsConnector,
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
    queue: mpsc::Sender<Bytes>,
    flow: Flow,
}

/// A place among the open connections, given back when it is dropped.
pub(super) struct Place {
    pub(super) flow: Flow,
    pub(super) unsent: mpsc::Receiver<Bytes>,
    shared: Arc<Shared>,
}

impl Streams {
    /// `first` is larger than any number that an earlier process has given.
    pub(crate) fn new(first: u64, limits: StreamLimits, secured: Secured, connector: TlsConnector) -> Self {
        let table = Table { last: first, ..Table::default() };
        Self { table: Mutex::new(table), limits, secured, connector }
    }

    pub(super) fn idle(&self) -> std::time::Duration {
        self.limits.idle
    }

    pub(super) fn connector(&self, peer: SocketAddr) -> (TlsConnector, ServerName<'static>) {
        let known = self.secured.get(&peer);
        let name = known.map_or_else(|| ServerName::IpAddress(peer.ip().into()), |known| known.name.clone());
        let connector = known.and_then(|known| known.connector.as_ref()).unwrap_or(&self.connector);
        (connector.clone(), name)
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
            return open.queue.try_send(bytes).map_err(|_| "full");
        }
        drop(table);
        if to.connection != 0 || matches!(to.transport, Transport::Ws | Transport::Wss) {
            return Err("closed");
        }
        let place = Self::enter(shared, to).ok_or("connections")?;
        let queued = streams.table().open.get(&place.flow.connection).map(|open| open.queue.try_send(bytes));
        tokio::spawn(connect::open(Arc::clone(shared), place));
        queued.filter(Result::is_ok).map(|_| ()).ok_or("full")
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
        let (queue, unsent) = mpsc::channel(UNREAD);
        *table.by_address.entry(flow.peer.ip()).or_default() += 1;
        table.by_peer.insert((flow.transport, flow.peer), flow.connection);
        table.open.insert(flow.connection, Open { queue, flow });
        drop(table);
        Some(Place { flow, unsent, shared: Arc::clone(shared) })
    }

    /// What waits is still written, and nothing after it.
    pub(super) fn hang_up(&self, connection: u64) {
        if let Some(open) = self.table().open.get_mut(&connection) {
            (open.queue, _) = mpsc::channel(1);
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
