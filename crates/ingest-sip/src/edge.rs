//! The proxy of RFC 3261, section 16.11, without sockets and clocks: a message goes in, messages come out.
//!
//! It stays on the way of calls by Record-Route and remembers none of them: what it has to know later, it writes into its
//! Via and Record-Route, with a mark that nobody else can make.

mod flow;
mod secret;
mod place;
mod own;
mod trunks;
mod flood;
mod counts;
mod marks;
mod path;
mod names;
mod health;
mod next_hop;
mod routes;
mod transaction;
mod request;
mod record;
mod answer;
mod response;
mod probe;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use throughline_sip::{Broken, Message, Start};

use crate::hop::Tracing;
pub use crate::net::Net;
use crate::slack;
use crate::trunk::Trunk;
pub use counts::{Counts, Direction, Reason};
pub use flow::{Flow, Output};
pub use health::{Health, Probing};
pub use next_hop::{Group, Target};
pub use own::Listener;
pub use routes::{Pattern, Route};
pub use secret::Secret;
pub use transaction::{Fork, Policy};

/// Host, port and transport of a SIP URI; nothing where it leads nowhere.
pub fn target_of<'a>(uri: &throughline_sip::Uri<'a>) -> Option<(&'a str, u16, crate::hop::Transport)> {
    let place = place::Place::of(uri)?;
    Some((str::from_utf8(place.host).ok()?, place.port, place.transport))
}

/// What an edge is made with.
pub struct Setup {
    pub secret: Secret,
    pub listeners: Vec<Listener>,
    pub trunks: Vec<(Arc<Trunk>, Vec<Net>)>,
    pub groups: Vec<Group>,
    /// The first that fits decides.
    pub routes: Vec<Route>,
    /// Requests a second from one address that belongs to no trunk; nought is no limit.
    pub stranger_rate: u32,
    /// The same for addresses of trunks.
    pub trunk_rate: u32,
    /// INVITEs with state at once.
    pub transactions: usize,
    /// Hosts of URIs that may be known or asked for at once; with nought none is looked up.
    pub hosts: usize,
    /// `Server` in answers of the edge itself; none where it is empty.
    pub server: String,
}

/// A record-routing stateless proxy. Times are nanoseconds since 1970.
pub struct Edge {
    own: own::Own,
    secret: Secret,
    trunks: trunks::Trunks,
    groups: Vec<Group>,
    routes: Vec<Route>,
    names: names::Names,
    /// Connections that are open.
    connections: HashMap<u64, Flow>,
    strangers: flood::Flood,
    peers: flood::Flood,
    transactions: transaction::Transactions,
    counts: Counts,
    tracing: Box<dyn Tracing>,
    probes: u64,
    server: String,
    turned: Vec<(String, SocketAddr, bool)>,
}

impl Edge {
    pub fn new(setup: Setup, tracing: Box<dyn Tracing>) -> Self {
        Self {
            own: own::Own::new(setup.listeners),
            secret: setup.secret,
            trunks: trunks::Trunks::new(setup.trunks),
            groups: setup.groups,
            routes: setup.routes,
            names: names::Names::new(setup.hosts),
            connections: HashMap::new(),
            strangers: flood::Flood::new(setup.stranger_rate),
            peers: flood::Flood::new(setup.trunk_rate),
            transactions: transaction::Transactions::new(setup.transactions),
            counts: Counts::default(),
            tracing,
            probes: 0,
            server: setup.server,
            turned: Vec::new(),
        }
    }

    /// A message came in.
    pub fn receive(&mut self, now: u64, from: Flow, message: &Message, out: &mut Vec<Output>) {
        match message.start() {
            Start::Request { method, .. } => {
                self.counts.request(method, Direction::In, from.transport);
                let trunk = self.trunks.find(from.peer.ip()).cloned();
                let limit = if trunk.is_some() { &mut self.peers } else { &mut self.strangers };
                if !limit.admits(from.peer.ip(), now) {
                    // An answer would double the flood, and go to whomever a forged address names.
                    return self.counts.refused(Reason::Flood);
                }
                let request = request::Request { at: now, from, trunk: trunk.as_ref(), message, method };
                self.request(&request, out);
            }
            Start::Status { code, .. } => {
                self.counts.response(code, Direction::In, from.transport);
                self.response(now, from, message, out);
            }
        }
    }

    /// Bytes came in that are no message.
    pub fn unreadable(&mut self) {
        self.counts.refused(Reason::NotSip);
    }

    /// The same on a connection, which ends with it: who sent a request is told why.
    pub fn broken(&mut self, now: u64, from: Flow, rest: &[u8], broken: Broken, out: &mut Vec<Output>) {
        self.unreadable();
        let message = Message::parse(Bytes::copy_from_slice(rest), &answer::ANY);
        if let (Some(status), Ok(message)) = (broken.status(), message)
            && let Some(method) = message.method()
            && message.top_via().is_ok()
        {
            let trunk = self.trunks.find(from.peer.ip()).cloned();
            let request =
                request::Request { at: now, from, trunk: trunk.as_ref(), message: &message, method };
            self.answer(&request, (status, answer::phrase(status)), out);
        }
    }

    /// The answer to [`Output::Resolve`].
    pub fn resolved(&mut self, now: u64, host: &str, ip: Option<IpAddr>, out: &mut Vec<Output>) {
        for (from, message) in self.names.resolved(now, host, ip) {
            let Some(method) = message.method() else { continue };
            let trunk = self.trunks.find(from.peer.ip()).cloned();
            let request =
                request::Request { at: now, from, trunk: trunk.as_ref(), message: &message, method };
            self.request(&request, out);
        }
    }

    /// A connection is there: answers and requests of its calls can go over it.
    pub fn opened(&mut self, flow: Flow) {
        self.connections.insert(flow.connection, flow);
    }

    pub fn closed(&mut self, connection: u64) {
        self.connections.remove(&connection);
        slack::map(&mut self.connections);
    }

    /// Time passes; called at least once a second.
    pub fn tick(&mut self, now: u64, out: &mut Vec<Output>) {
        self.trace(|tracing| tracing.tick(now));
        self.names.tick(now);
        self.probe(now, out);
        self.tick_calls(now, out);
    }

    /// A call goes on whatever becomes of its trace: a fault there ends with the message at which it came.
    fn trace(&mut self, tell: impl FnOnce(&mut dyn Tracing)) {
        let told = catch_unwind(AssertUnwindSafe(|| tell(&mut *self.tracing)));
        self.counts.faults += u64::from(told.is_err());
    }

    /// What happened since this was last asked.
    pub fn counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    /// INVITEs with state.
    pub fn transactions(&self) -> usize {
        self.transactions.len()
    }

    /// Targets, and whether they are healthy.
    pub fn targets(&self) -> impl Iterator<Item = (&str, &Target)> {
        self.groups.iter().flat_map(|group| group.targets.iter().map(|target| (group.name.as_str(), target)))
    }

    /// Targets whose health has turned since this was last asked.
    pub fn turned(&mut self) -> Vec<(String, SocketAddr, bool)> {
        std::mem::take(&mut self.turned)
    }
}
