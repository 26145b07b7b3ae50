//! A request comes in: checked, told where to go, and passed on (RFC 3261, sections 16.3 to 16.6).

use std::iter;
use std::sync::Arc;

use bytes::Bytes;
use throughline_sip::{Edit, EditError, Heads, Message, Method, Name, Via};

use super::counts::{Direction, Reason};
use super::flow::{Flow, Output};
use super::marks::{self, Branch, Learnt, Outgoing};
use super::names::Lookup;
use super::next_hop::Target;
use super::path::{Path, Registered};
use super::place::{self, Place};
use super::transaction::Policy;
use super::{Edge, routes};
use crate::hop::{End, Hop, Transport};
use crate::trunk::Trunk;

/// What the proxy and the trace add to a request, so that it is known before whether a datagram gets too large.
const ADDED: usize = 420;
/// RFC 3261, section 18.1.1.
const DATAGRAM: usize = 1300;
const MAX_FORWARDS: u8 = 70;

/// Why a request is answered here, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) phrase: &'static str,
    pub(super) reason: Reason,
}

impl Refused {
    pub(super) const fn new(status: u16, phrase: &'static str, reason: Reason) -> Self {
        Self { status, phrase, reason }
    }
}

const NO_ROUTE: Refused = Refused::new(404, "Not Found", Reason::NoRoute);
const STRANGER: Refused = Refused::new(403, "Forbidden", Reason::Stranger);
const NO_TARGET: Refused = Refused::new(503, "Service Unavailable", Reason::NoTarget);
const NO_ADDRESS: Refused = Refused::new(503, "No Address For Next Hop", Reason::NoAddress);
const CROWDED: Refused = Refused::new(503, "Service Unavailable", Reason::Crowded);
const SCHEME: Refused = Refused::new(416, "Unsupported URI Scheme", Reason::Scheme);
const FLOW_FAILED: Refused = Refused::new(430, "Flow Failed", Reason::NoAddress);
const NOT_SECURE: Refused = Refused::new(480, "SIPS Not Allowed", Reason::Scheme);

/// What becomes of a request that nothing speaks against.
enum Next {
    To(Flow),
    /// One or all of these, with state.
    Some(Policy, Vec<Flow>),
    /// It is for the edge itself.
    Here,
    /// It comes again when the address of its next hop is known.
    Later,
}

/// A request with what has been found out about it.
pub(super) struct Request<'a> {
    pub(super) at: u64,
    pub(super) from: Flow,
    pub(super) trunk: Option<&'a Arc<Trunk>>,
    pub(super) message: &'a Message,
    pub(super) method: Method<'a>,
}

impl Edge {
    pub(super) fn request(&mut self, request: &Request<'_>, out: &mut Vec<Output>) {
        let message = request.message;
        if request.method == Method::Ack && self.answered_here(message) {
            return;
        }
        let checked = message
            .check()
            .map_err(|refusal| Refused::new(refusal.status(), refusal.phrase(), Reason::Malformed));
        let judged = checked.and_then(|heads| Ok((self.judge(request, &heads)?, heads)));
        match judged {
            Ok((branch, _)) if self.transactions.has(branch) => self.again(request, branch, out),
            Ok((branch, heads)) => self.pass(request, &heads, branch, out),
            Err(refused) => self.refuse(request, refused, out),
        }
    }

    fn pass(&mut self, request: &Request<'_>, heads: &Heads<'_>, branch: Branch, out: &mut Vec<Output>) {
        let Some(path) = Path::of(request.message, heads, &self.own, &self.secret) else { return };
        match self.next(request, heads, &path, out) {
            Ok(Next::Some(policy, targets)) => self.begin(request, branch, policy, targets, out),
            Ok(Next::Here) => self.answer(request, (200, "OK"), out),
            Ok(Next::Later) => {}
            Ok(Next::To(to)) => match self.forwarded(request, heads, &path, branch.stateless(), to) {
                Ok(bytes) => out.push(Output::Send { to, bytes }),
                Err(_) => {
                    self.counts.refused(Reason::Unwritable);
                    self.answer(request, (400, "Bad Request"), out);
                }
            },
            Err(refused) => self.refuse(request, refused, out),
        }
    }

    /// Whether this ACK is for a refusal of our own.
    fn answered_here(&self, message: &Message) -> bool {
        let tag = message.to().ok().and_then(|to| to.tag());
        tag.is_some_and(|tag| tag.starts_with(b"tl") && tag == marks::tag(&self.secret, message).as_bytes())
    }

    /// RFC 3261, section 16.3.
    fn judge(&self, request: &Request<'_>, heads: &Heads<'_>) -> Result<Branch, Refused> {
        let message = request.message;
        if heads.max_forwards == Some(0) {
            let asked = request.method == Method::Options;
            let status = if asked { (200, "OK") } else { (483, "Too Many Hops") };
            return Err(Refused::new(status.0, status.1, Reason::TooManyHops));
        }
        if message.all(Name::ProxyRequire).next().is_some() {
            return Err(Refused::new(420, "Bad Extension", Reason::Extension));
        }
        let branch = Branch::of(&self.secret, message, heads);
        let before = message.all(Name::Via).skip(1).filter_map(|via| Via::parse(via).ok());
        if iter::once(heads.via).chain(before).any(|via| self.own.is_via(&via) && branch.is_loop(&via)) {
            return Err(Refused::new(482, "Loop Detected", Reason::Loop));
        }
        Ok(branch)
    }

    /// Where the request goes: along its call where there is one that came through here, else by the table.
    fn next(
        &mut self,
        request: &Request<'_>,
        heads: &Heads<'_>,
        path: &Path<'_>,
        out: &mut Vec<Output>,
    ) -> Result<Next, Refused> {
        let in_call =
            path.learnt.is_some() || (path.own > 0 && request.trunk.is_some() && heads.to_tag.is_some());
        if in_call {
            let back = path.learnt.map(|learnt| learnt.connection);
            let back = back.filter(|back| *back != request.from.connection && path.routes.is_empty());
            if let Some(flow) = back.and_then(|back| self.connections.get(&back)) {
                return Ok(Next::To(*flow));
            }
            return self.along(request, path, out);
        }
        if request.trunk.is_some() {
            match path.registered {
                Registered::No => {}
                Registered::Over(learnt) => return self.to_phone(learnt),
                // Whoever registered here has to do so again (RFC 5626, section 5.3.1).
                Registered::Unknown => return Err(FLOW_FAILED),
            }
        }
        let uri = path.target;
        if !path.routes.is_empty() {
            // A way that the sender laid out beforehand may lead to those alone that are known here.
            let first = path.next().ok().and_then(|uri| Place::of(&uri)).and_then(|place| place.address());
            let known = first.is_some_and(|to| self.trunks.find(to.ip()).is_some() || self.is_target(to));
            return if known && request.trunk.is_some() {
                self.along(request, path, out)
            } else {
                Err(STRANGER)
            };
        }
        if uri.user.is_none() && request.method == Method::Options && self.own.is_uri(&uri) {
            return Ok(Next::Here);
        }
        let none = if request.trunk.is_some() { NO_ROUTE } else { STRANGER };
        if !uri.is_sip() && !uri.scheme.eq_ignore_ascii_case(b"tel") {
            return Err(if request.trunk.is_some() { SCHEME } else { STRANGER });
        }
        let group = routes::find(&self.routes, request.trunk, request.method, &uri).ok_or(none)?;
        self.by_table(request, heads, group, uri.is_sips())
    }

    /// Over the connection that it registered by.
    fn to_phone(&self, learnt: Learnt) -> Result<Next, Refused> {
        self.connections.get(&learnt.connection).map(|flow| Next::To(*flow)).ok_or(FLOW_FAILED)
    }

    fn by_table(
        &mut self,
        request: &Request<'_>,
        heads: &Heads<'_>,
        group: usize,
        secure: bool,
    ) -> Result<Next, Refused> {
        let group = self.groups.get(group).ok_or(NO_ROUTE)?;
        // Of one there is nothing to choose.
        let call = if group.targets.len() > 1 { marks::choice(&self.secret, heads.call_id) } else { 0 };
        let target = group.choose(call).ok_or(NO_TARGET)?;
        let large = is_large(request);
        let way = |target: &Target| {
            let transport = match target.transport {
                Transport::Udp if large && group.tcp_when_large => Transport::Tcp,
                transport => transport,
            };
            let fits = !secure || transport.is_secure();
            if fits { self.flow(request, transport, target.address) } else { Err(NOT_SECURE) }
        };
        let stateful = request.method == Method::Invite && group.policy.is_stateful();
        if stateful && self.transactions.has_room() {
            let all: Vec<Flow> =
                group.order(call).into_iter().filter_map(|target| way(target).ok()).collect();
            return if all.is_empty() { Err(NOT_SECURE) } else { Ok(Next::Some(group.policy, all)) };
        }
        way(target).map(Next::To)
    }

    /// By the next Route, or by the Request-URI.
    fn along(
        &mut self,
        request: &Request<'_>,
        path: &Path<'_>,
        out: &mut Vec<Output>,
    ) -> Result<Next, Refused> {
        let uri = path.next().map_err(|_| SCHEME)?;
        let place = Place::of(&uri).ok_or(SCHEME)?;
        let ip = match place::ip(place.host) {
            Some(ip) => ip,
            None => match self.lookup(request, place.host, out)? {
                Some(ip) => ip,
                None => return Ok(Next::Later),
            },
        };
        let address = (ip, place.port).into();
        if self.own.is_address(address) || self.own.is_uri(&uri) {
            return Err(NO_ROUTE);
        }
        let transport = match place.transport {
            Transport::Udp if is_large(request) && self.takes_tcp(ip) => Transport::Tcp,
            transport => transport,
        };
        self.flow(request, transport, address).map(Next::To)
    }

    /// Whether a target at this address takes large requests over TCP, those within a call too.
    fn takes_tcp(&self, ip: std::net::IpAddr) -> bool {
        let groups = self.groups.iter().filter(|group| group.tcp_when_large);
        groups.flat_map(|group| &group.targets).any(|target| target.address.ip() == ip)
    }

    fn lookup(
        &mut self,
        request: &Request<'_>,
        host: &[u8],
        out: &mut Vec<Output>,
    ) -> Result<Option<std::net::IpAddr>, Refused> {
        let host = str::from_utf8(host).map_err(|_| NO_ADDRESS)?.to_ascii_lowercase();
        match self.names.find(request.at, &host, request.from, request.message) {
            Lookup::Found(ip) => Ok(Some(ip)),
            Lookup::Stale(ip) => {
                out.push(Output::Resolve(host.into()));
                Ok(Some(ip))
            }
            Lookup::Wait { ask } => {
                if ask {
                    out.push(Output::Resolve(host.into()));
                }
                Ok(None)
            }
            Lookup::Nowhere => Err(NO_ADDRESS),
            Lookup::Crowded => Err(CROWDED),
        }
    }

    fn flow(
        &self,
        request: &Request<'_>,
        transport: Transport,
        peer: std::net::SocketAddr,
    ) -> Result<Flow, Refused> {
        let listener = self.own.outgoing(transport, peer.ip(), request.from.listener).ok_or(NO_ADDRESS)?;
        Ok(Flow { listener, transport, peer, connection: 0 })
    }

    pub(super) fn is_target(&self, address: std::net::SocketAddr) -> bool {
        self.groups.iter().any(|group| group.targets.iter().any(|target| target.address == address))
    }

    /// RFC 3261, section 16.6.
    pub(super) fn forwarded(
        &mut self,
        request: &Request<'_>,
        heads: &Heads<'_>,
        path: &Path<'_>,
        branch: Outgoing,
        to: Flow,
    ) -> Result<Bytes, EditError> {
        let message = request.message;
        let mut edit = message.edit();
        received(&mut edit, &heads.via, &request.from)?;
        reroute(&mut edit, message, path)?;
        let hops = heads.max_forwards.map_or(MAX_FORWARDS, |hops| hops.saturating_sub(1));
        edit.set(Name::MaxForwards, hops.to_string())?;
        self.record(&mut edit, request, heads, to)?;
        if let Some(listener) = self.own.get(to.listener) {
            let via = marks::via(&self.secret, heads, branch, &request.from, listener, to.transport);
            edit.prepend(Name::Via, via)?;
        }
        framed(&mut edit, message, to.transport)?;
        let trunk = self.trunks.find(to.peer.ip()).cloned();
        let hop = Hop {
            at: request.at,
            from: End { address: request.from.peer, transport: request.from.transport, trunk: request.trunk },
            to: End { address: to.peer, transport: to.transport, trunk: trunk.as_ref() },
        };
        self.trace(|tracing| tracing.request(&hop, message, heads, &mut edit));
        self.counts.request(request.method, Direction::Out, to.transport);
        Ok(edit.write())
    }
}

/// RFC 3261, section 18.1.1: too large for a datagram that must arrive whole.
fn is_large(request: &Request<'_>) -> bool {
    request.message.as_bytes().len() + ADDED > DATAGRAM
}

/// Notes where a request really came from (RFC 3261, section 18.2.1; RFC 3581).
pub(super) fn received(edit: &mut Edit<'_>, via: &Via<'_>, from: &Flow) -> Result<(), EditError> {
    let ip = from.peer.ip().to_canonical();
    if via.wants_rport() || via.received().is_some() || place::ip(via.host) != Some(ip) {
        edit.set_param(via.params, "received", Some(ip.to_string().as_bytes()))?;
    }
    if via.params.has("rport") {
        edit.set_param(via.params, "rport", Some(from.peer.port().to_string().as_bytes()))?;
    }
    Ok(())
}

/// A stream needs to know where the message ends.
pub(super) fn framed(edit: &mut Edit<'_>, message: &Message, transport: Transport) -> Result<(), EditError> {
    if transport.is_stream() && message.content_length() == Ok(None) {
        edit.append(Name::ContentLength, message.body().len().to_string())?;
    }
    Ok(())
}

/// Takes our own routes off, and writes the rest as the next hop needs it (RFC 3261, sections 16.4 and 16.6, step 6).
fn reroute(edit: &mut Edit<'_>, message: &Message, path: &Path<'_>) -> Result<(), EditError> {
    let strict = path.is_strict();
    if !strict && !path.rewritten {
        edit.remove_first(Name::Route, path.own)?;
        return Ok(());
    }
    edit.remove_all(Name::Route)?;
    let mut routes: Vec<&[u8]> = path.routes.iter().map(|route| route.uri).collect();
    let target = if strict {
        routes.push(path.target.raw);
        routes.remove(0)
    } else {
        path.target.raw
    };
    if message.request_uri() != Some(target) {
        edit.set_request_uri(target)?;
    }
    for route in routes {
        edit.append(Name::Route, [b"<", route, b">"].concat())?;
    }
    Ok(())
}
