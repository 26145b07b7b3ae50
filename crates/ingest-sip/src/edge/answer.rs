//! What the edge answers itself.

use bytes::Bytes;
use throughline_sip::{Builder, Limits, Message, Method, Name};

use super::Edge;
use super::counts::Direction;
use super::flow::{Flow, Output};
use super::request::{Refused, Request, received};
use super::{marks, place};
use crate::hop::{End, Transport};

/// For what is to be answered, whatever is wrong with it.
pub(super) const ANY: Limits =
    Limits { message: 1 << 20, head: 1 << 20, start_line: 1 << 20, headers: 1 << 20 };
/// When a caller may come again, in seconds.
const RETRY_AFTER: &str = "5";

impl Edge {
    pub(super) fn refuse(&mut self, request: &Request<'_>, refused: Refused, out: &mut Vec<Output>) {
        self.counts.refused(refused.reason);
        self.answer(request, (refused.status, refused.phrase), out);
    }

    /// Without a transaction: each request that comes again is answered again (RFC 3261, section 8.2.7).
    pub(super) fn answer(
        &mut self,
        request: &Request<'_>,
        (status, phrase): (u16, &str),
        out: &mut Vec<Output>,
    ) {
        if request.method == Method::Ack {
            return;
        }
        if let Some((to, bytes)) = self.told(request, status, phrase) {
            out.push(Output::Send { to, bytes });
        }
    }

    /// That an INVITE has come.
    pub(super) fn provisional(&mut self, request: &Request<'_>) -> Option<(Flow, Bytes)> {
        let written = self.written(request, 100, "Trying")?;
        self.counts.response(100, Direction::Out, written.0.transport);
        Some(written)
    }

    /// An answer of the edge itself, which is to be sent.
    pub(super) fn told(&mut self, request: &Request<'_>, status: u16, phrase: &str) -> Option<(Flow, Bytes)> {
        let (to, bytes) = self.written(request, status, phrase)?;
        let from =
            End { address: request.from.peer, transport: request.from.transport, trunk: request.trunk };
        self.trace(|tracing| tracing.answered(request.at, &from, request.message, status));
        self.counts.response(status, Direction::Out, to.transport);
        Some((to, bytes))
    }

    fn written(&self, request: &Request<'_>, status: u16, phrase: &str) -> Option<(Flow, Bytes)> {
        let message = request.message;
        let mut edit = message.edit();
        if let Ok(via) = message.top_via() {
            received(&mut edit, &via, &request.from).ok()?;
        }
        let stamped = Message::parse(edit.write(), &ANY).ok()?;
        let to = back(&request.from, &stamped)?;
        let tag = marks::tag(&self.secret, message);
        let tag = (status > 100).then_some(tag.as_bytes());
        let mut reply = Builder::reply(&stamped, status, phrase, tag);
        if !self.server.is_empty() {
            reply = reply.header(Name::Server, &self.server);
        }
        match status {
            200 => reply = reply.header(Name::Accept, "*/*"),
            420 => {
                for option in message.all(Name::ProxyRequire) {
                    reply = reply.header(Name::Unsupported, option);
                }
            }
            503 => reply = reply.header(Name::RetryAfter, RETRY_AFTER),
            _ => {}
        }
        Some((to, reply.build().ok()?))
    }
}

pub(super) fn phrase(status: u16) -> &'static str {
    match status {
        414 => "Request-URI Too Long",
        513 => "Message Too Large",
        _ => "Bad Request",
    }
}

/// Where the answer to a request goes: over its connection; else to the port that it came from where the sender asks
/// for that, else to the one that its Via names (RFC 3581, section 4).
fn back(from: &Flow, stamped: &Message) -> Option<Flow> {
    if from.transport != Transport::Udp {
        return Some(*from);
    }
    let via = stamped.top_via().ok()?;
    let port = via.rport().or(via.port).unwrap_or(Transport::Udp.usual_port());
    let ip = place::ip(via.received().unwrap_or(via.host))?;
    Some(Flow { peer: (ip, port).into(), ..*from })
}
