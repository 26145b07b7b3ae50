//! A response comes in and goes back the way that its Vias say (RFC 3261, section 16.11; 18.2.2; RFC 3581).

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use throughline_sip::{EditError, Heads, Message, Name, Via};

use super::Edge;
use super::counts::{Direction, Reason};
use super::flow::{Flow, Output};
use super::marks::{self, Learnt};
use super::place;
use super::request::framed;
use crate::hop::{End, Hop, Transport};
use crate::trunk::Trunk;

impl Edge {
    /// A response as it goes to who asked, and where that is.
    pub(super) fn backward(&mut self, at: u64, from: Flow, message: &Message) -> Option<(Flow, Bytes)> {
        let trunk = self.trunks.find(from.peer.ip()).cloned();
        let heads = message.check().ok()?;
        let next = second_via(message)?;
        let to = self.back(marks::read_via(&self.secret, &heads, &next), &next)?;
        let bytes = self.returned(at, (from, trunk.as_ref()), (message, &heads), to).ok()?;
        Some((to, bytes))
    }

    pub(super) fn response(&mut self, at: u64, from: Flow, message: &Message, out: &mut Vec<Output>) {
        let trunk = self.trunks.find(from.peer.ip()).cloned();
        let Ok(heads) = message.check() else {
            return self.counts.refused(Reason::Malformed);
        };
        if !self.own.is_via(&heads.via) {
            return self.counts.refused(Reason::StrayResponse);
        }
        let Some(next) = second_via(message) else {
            if !self.probed(&heads.via, message) {
                self.counts.refused(Reason::StrayResponse);
            }
            return;
        };
        if let Some(client) = self.client_of(&heads.via) {
            return self.answered(at, client, from, message, out);
        }
        let learnt = marks::read_via(&self.secret, &heads, &next);
        // The marks of an edge that was started anew cannot be checked; what comes from a trunk is believed then.
        if learnt.is_none() && trunk.is_none() {
            return self.counts.refused(Reason::StrayResponse);
        }
        let Some(to) = self.back(learnt, &next) else {
            return self.counts.refused(Reason::NoAddress);
        };
        match self.returned(at, (from, trunk.as_ref()), (message, &heads), to) {
            Ok(bytes) => out.push(Output::Send { to, bytes }),
            Err(_) => self.counts.refused(Reason::Unwritable),
        }
    }

    fn back(&self, learnt: Option<Learnt>, next: &Via<'_>) -> Option<Flow> {
        if let Some(flow) = learnt.and_then(|learnt| self.connections.get(&learnt.connection)) {
            return Some(*flow);
        }
        let transport = Transport::read(next.transport)?;
        let ip = place::ip(next.received().unwrap_or(next.host))?;
        let named = next.port.unwrap_or_else(|| transport.usual_port());
        // Of a stream the connection is gone, and nobody listens at the port that it came from.
        let port = if transport.is_stream() { named } else { next.rport().unwrap_or(named) };
        let came = learnt.map_or(0, |learnt| learnt.listener);
        let listener = self.own.outgoing(transport, ip, came)?;
        Some(Flow { listener, transport, peer: SocketAddr::new(ip, port), connection: 0 })
    }

    fn returned(
        &mut self,
        at: u64,
        (from, trunk): (Flow, Option<&Arc<Trunk>>),
        (message, heads): (&Message, &Heads<'_>),
        to: Flow,
    ) -> Result<Bytes, EditError> {
        let mut edit = message.edit();
        edit.remove_first(Name::Via, 1)?;
        framed(&mut edit, message, to.transport)?;
        let believed = self.trunks.find(to.peer.ip()).cloned();
        let hop = Hop {
            at,
            from: End { address: from.peer, transport: from.transport, trunk },
            to: End { address: to.peer, transport: to.transport, trunk: believed.as_ref() },
        };
        self.trace(|tracing| tracing.response(&hop, message, heads, &mut edit));
        self.counts.response(message.status().unwrap_or(0), Direction::Out, to.transport);
        Ok(edit.write())
    }
}

/// That of who asked this edge.
fn second_via(message: &Message) -> Option<Via<'_>> {
    message.all(Name::Via).nth(1).and_then(|via| Via::parse(via).ok())
}
