//! One pass of a message through the edge, or past it.

use std::net::SocketAddr;
use std::sync::Arc;

use throughline_sip::{Edit, Heads, Message};

use crate::trunk::Trunk;

/// How a message travels.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
    /// WebSocket (RFC 7118).
    Ws,
    /// WebSocket over TLS.
    Wss,
}

/// A sender or a receiver.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    pub address: SocketAddr,
    pub transport: Transport,
    /// Nothing for strangers.
    pub trunk: Option<&'a Arc<Trunk>>,
}

/// Where a message came from, where it goes, and when.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'a> {
    /// Nanoseconds since 1970, when it came in.
    pub at: u64,
    pub from: End<'a>,
    pub to: End<'a>,
}

/// Who watches messages pass and puts contexts into them. Nothing that it does can keep a message from being passed on.
pub trait Tracing: Send {
    /// A request that is passed on. The edit has the proxy's own changes already.
    fn request(&mut self, hop: &Hop<'_>, message: &Message, heads: &Heads<'_>, edit: &mut Edit<'_>);

    /// A response that is passed on.
    fn response(&mut self, hop: &Hop<'_>, message: &Message, heads: &Heads<'_>, edit: &mut Edit<'_>);

    /// A request that the edge answers itself.
    fn answered(&mut self, at: u64, from: &End<'_>, request: &Message, status: u16);

    /// Time passes; called at least once a second.
    fn tick(&mut self, now: u64);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Untraced;

impl Tracing for Untraced {
    fn request(&mut self, _: &Hop<'_>, _: &Message, _: &Heads<'_>, _: &mut Edit<'_>) {}

    fn response(&mut self, _: &Hop<'_>, _: &Message, _: &Heads<'_>, _: &mut Edit<'_>) {}

    fn answered(&mut self, _: u64, _: &End<'_>, _: &Message, _: u16) {}

    fn tick(&mut self, _: u64) {}
}
