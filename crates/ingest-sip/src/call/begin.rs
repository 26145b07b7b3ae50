//! The beginning of a call: which trace it belongs to.

use throughline_context::w3c::Context;
use throughline_context::{Decision, Reason, Source, SpanId, Traceparent, Trust};
use throughline_sip::{Message, Method, Name, NameAddr, Uri, unescape};

use super::Calls;
use super::dialog::Dialog;
use super::headers::{Headers, asserted};
use super::people;
use super::record::{Call, LONGEST_AGENT, LONGEST_CALL_ID, Link, People, Trace, Way};
use super::table::Key;
use super::token::Token;
use super::transfers::{Follows, Likeness, Referrer, Shown};
use crate::hop::{End, Hop};

impl Calls {
    /// A call that nobody knows yet.
    pub(crate) fn begin(
        &mut self,
        hop: &Hop<'_>,
        message: &Message,
        dialog: &Dialog<'_>,
        headers: &Headers<'_>,
        token: Option<Token>,
        generation: u32,
    ) -> Call {
        let tag = dialog.from_tag;
        let parts = [dialog.call_id, tag, &generation.to_be_bytes()];
        let identity = self.settings.secret.derive("call", &parts);
        let own = self.settings.secret.span_id(&identity, "call", 0);
        let mut trace = self.trace(hop, message, headers, token, &identity);
        trace.context = trace.context.child(own);
        let (numbers, secret) = (self.settings.numbers, &self.settings.number_secret);
        let people = People {
            from: people::shown(&dialog.from, numbers, secret),
            to: people::shown(&dialog.to, numbers, secret),
            agent: message.first(Name::UserAgent).map(agent),
            server_agent: None,
            session_id: headers.session_id().map(|id| id.local).filter(|id| *id != [0; 16]),
        };
        let way = Way {
            from: hop.from.address,
            to: Some(hop.to.address),
            transport: hop.from.transport,
            from_trunk: hop.from.trunk.cloned(),
            to_trunk: hop.to.trunk.cloned(),
        };
        let call_id = dialog.call_id.get(..LONGEST_CALL_ID).unwrap_or(dialog.call_id).into();
        Call { generation, call_id, people, way: Some(way), ..Call::new(identity, trace) }
    }

    fn trace(
        &mut self,
        hop: &Hop<'_>,
        message: &Message,
        headers: &Headers<'_>,
        token: Option<Token>,
        identity: &[u8],
    ) -> Trace {
        let believed = believes(&hop.from);
        let trust = if believed { Trust::Trusted } else { Trust::Untrusted };
        let reads = hop.from.trunk.is_some_and(|trunk| believed && trunk.p_asserted_identity);
        let decision = headers.decide(asserted(message).filter(|_| reads), trust);
        let parent = match &decision {
            Decision::Continue { context, .. } => Some(context.traceparent.parent_id),
            _ => None,
        };
        let is_invite = message.method() == Some(Method::Invite);
        let shown = Shown {
            token,
            parent,
            replaces: replaces(message).map(|[id, to, from]| self.table.hash(&[&id, &to, &from])),
            likeness: self.likeness(hop, message).filter(|_| parent.is_none()),
            by: self.referrer(message),
        };
        let follows = if is_invite { self.transfers.follow(&shown, hop.at) } else { Follows::None };
        let mut trace = self.choose(hop, message, headers, decision, follows, identity);
        trace.conversation = trace.conversation.or(headers.conversation().filter(|_| believed));
        if let Some(link) = headers.previous().filter(|_| believed)
            && link.trace_id != trace.context.traceparent.trace_id
            && !trace.links.iter().any(|known| known.trace_id == link.trace_id)
        {
            let span_id = link.span_id.unwrap_or(SpanId([0; 8]));
            trace.links.push(Link { trace_id: link.trace_id, span_id, kind: "previous", ambiguous: false });
        }
        trace
    }

    /// The order of trust: the context in the headers, the transfer that the call certainly follows, what else the
    /// headers know, the dialog that is replaced, other names of a call, a transfer that it can only be.
    fn choose(
        &mut self,
        hop: &Hop<'_>,
        message: &Message,
        headers: &Headers<'_>,
        decision: Decision,
        follows: Follows,
        identity: &[u8],
    ) -> Trace {
        let believed = believes(&hop.from);
        let name = decision.name();
        let in_header = decision.source() == Some(Source::Traceparent) && name == "continue";
        let (pending, source) = match &follows {
            Follows::Token(pending) => (Some(pending), "trace-token"),
            Follows::Replaces(pending) => (Some(pending), "replaces"),
            Follows::Parent(pending) => (Some(pending), "traceparent"),
            Follows::Guess(_) | Follows::Ambiguous(_) | Follows::None => (None, ""),
        };
        let replaced =
            self.replaced(message).map(|call| (call.trace.context.clone(), call.trace.conversation));
        let mut trace = match (decision, pending) {
            (Decision::Continue { context, source, .. }, _) if in_header => {
                let mut trace = Trace::new("continue", context, hop.at);
                trace.source = Some(source.name());
                trace
            }
            (_, Some(pending)) => {
                let mut trace = Trace::new("continue", pending.context.clone(), hop.at);
                trace.source = Some(source);
                trace.conversation = pending.conversation;
                trace
            }
            (Decision::Continue { context, source, .. }, None) => {
                let mut trace = Trace::new("continue", context, hop.at);
                trace.source = Some(source.name());
                trace
            }
            (Decision::Join { trace_id, parent_id, source, .. }, None) => {
                let placed = parent_id.unwrap_or(SpanId([0; 8]));
                let joined = Traceparent { trace_id, parent_id: placed, flags: Traceparent::SAMPLED };
                let mut trace = Trace::new("join", Context::new(joined), hop.at);
                (trace.parent, trace.source) = (parent_id, Some(source.name()));
                trace
            }
            (decision, None) => match self.elsewhere(hop, headers, believed, &follows, replaced.as_ref()) {
                Some(trace) => trace,
                None => self.anew(decision, hop.at, identity),
            },
        };
        self.link(&mut trace, &follows, replaced.map(|(context, _)| context));
        trace
    }

    /// A trace that is known without the headers.
    fn elsewhere(
        &mut self,
        hop: &Hop<'_>,
        headers: &Headers<'_>,
        believed: bool,
        follows: &Follows,
        replaced: Option<&(Context, Option<[u8; 16]>)>,
    ) -> Option<Trace> {
        let of = |context: &Context, conversation, source| {
            let mut trace = Trace::new("join", context.clone(), hop.at);
            (trace.source, trace.conversation) = (Some(source), conversation);
            trace
        };
        if let Some((context, conversation)) = replaced {
            return Some(of(context, *conversation, "replaces"));
        }
        let session = headers.session_id().filter(|id| believed && id.local != [0; 16]);
        let named = session.and_then(|id| self.table.named(self.table.hash(&[b"session", &id.local])));
        if let Some(call) = named {
            return Some(of(&call.trace.context, call.trace.conversation, "session-id"));
        }
        match follows {
            Follows::Guess(pending) => Some(of(&pending.context, pending.conversation, "transfer-guess")),
            _ => None,
        }
    }

    fn anew(&self, decision: Decision, at: u64, identity: &[u8]) -> Trace {
        let trace_id = self.settings.secret.trace_id(identity);
        let flags = Traceparent::SAMPLED | Traceparent::RANDOM;
        let context = Context::new(Traceparent { trace_id, parent_id: SpanId([0; 8]), flags });
        let mut trace = Trace::new(decision.name(), context, at);
        trace.parent = None;
        if let Decision::Restart { link, reason, .. } = decision {
            trace.source = link.map(|link| link.source.name());
            trace.reason = Some(reason.to_string().into());
            let kind = if reason == Reason::Untrusted { "claimed" } else { "previous" };
            if let Some(link) = link {
                let span_id = link.span_id.unwrap_or(SpanId([0; 8]));
                trace.links.push(Link { trace_id: link.trace_id, span_id, kind, ambiguous: false });
                // What strangers claim is not passed on.
                trace.previous = (reason != Reason::Untrusted).then_some(link.trace_id);
            }
        }
        trace
    }

    fn link(&mut self, trace: &mut Trace, follows: &Follows, replaced: Option<Context>) {
        if let Follows::Token(pending)
        | Follows::Replaces(pending)
        | Follows::Parent(pending)
        | Follows::Guess(pending) = follows
            && let (key, Some((side, cseq))) = pending.of
            && let Some(call) = self.table.get_mut(key)
            && let Some(refer) = call.timeline.refer(side, cseq)
        {
            super::timeline::earliest(&mut refer.followed, trace.at);
        }
        match follows {
            Follows::Token(pending) | Follows::Replaces(pending) | Follows::Parent(pending) => {
                self.counts.linked += 1;
                let kind = if pending.of.1.is_none() { "redirection" } else { "transfer" };
                trace.link(&pending.context, kind, false);
            }
            Follows::Guess(pending) if trace.source == Some("transfer-guess") => {
                self.counts.guessed += 1;
                trace.link(&pending.context, "transfer", false);
            }
            Follows::Ambiguous(contexts) if trace.decision != "continue" && trace.decision != "join" => {
                self.counts.ambiguous += 1;
                contexts.iter().for_each(|context| trace.link(context, "transfer", true));
            }
            Follows::Guess(_) | Follows::Ambiguous(_) | Follows::None => {}
        }
        if let Some(context) = replaced {
            trace.link(&context, "consult", false);
        }
    }

    /// The dialog that an INVITE takes the place of (RFC 3891).
    fn replaced(&mut self, message: &Message) -> Option<&Call> {
        let [call_id, one, other] = replaces(message)?;
        let key = [(&one, &other), (&other, &one)].into_iter().find_map(|(caller, callee)| {
            let (key, callee) = (self.table.key(&call_id, caller), self.table.hash(&[callee]));
            let call = self.table.knows(key).then(|| self.table.get(key)).flatten()?;
            call.timeline.branches.iter().any(|branch| branch.tag == callee).then_some(key)
        });
        self.table.get(key?)
    }

    /// What a new call shares with the transfer that it may follow.
    fn likeness(&self, hop: &Hop<'_>, message: &Message) -> Option<Likeness> {
        let target = Uri::parse(message.request_uri()?).ok()?;
        let user = message.from().ok()?.uri().ok()?.user.map(unescape).unwrap_or_default();
        Some(Likeness {
            target: self.target(&target),
            peer: hop.from.address.ip(),
            user: self.table.hash(&[&user]),
        })
    }

    /// Who asked for the transfer, where the header tells it: a name that many share does not.
    pub(crate) fn referrer(&self, message: &Message) -> Option<Referrer> {
        let address = message.referred_by().ok()??;
        let uri = address.uri().ok()?;
        let user = uri.user.map(unescape).filter(|user| !user.is_empty())?;
        let shared =
            user.eq_ignore_ascii_case(b"anonymous") || uri.host.eq_ignore_ascii_case(b"anonymous.invalid");
        (!shared).then(|| Referrer { user: self.table.hash(&[&user]), whole: self.target(&uri) })
    }

    /// Whom a URI means, without its parameters.
    pub(crate) fn target(&self, uri: &Uri<'_>) -> u64 {
        let user = uri.user.map(unescape).unwrap_or_default();
        self.table.hash(&[&user, &uri.host.to_ascii_lowercase()])
    }

    /// Other names by which this call may be found.
    pub(crate) fn name(&mut self, key: Key) {
        let Some(call) = self.table.get(key) else { return };
        if let Some(id) = call.people.session_id {
            let alias = self.table.hash(&[b"session", &id]);
            self.table.name(key, alias);
        }
    }
}

/// Whether what this peer says of traces is believed, and whether it is told of them.
pub(crate) fn believes(end: &End<'_>) -> bool {
    end.trunk.is_some_and(|trunk| trunk.preserve_trace_context)
}

/// Call-ID, to-tag and from-tag of the dialog that is replaced.
pub(crate) fn replaces(message: &Message) -> Option<[Box<[u8]>; 3]> {
    let replaces = message.replaces().ok()??;
    Some([replaces.call_id, replaces.to_tag, replaces.from_tag].map(Box::from))
}

/// The same in the URI of a Refer-To.
pub(crate) fn replaces_of(address: &NameAddr<'_>) -> Option<[Box<[u8]>; 3]> {
    let uri = address.uri().ok()?;
    let (_, value) = uri.headers().find(|(name, _)| name.eq_ignore_ascii_case(b"Replaces"))?;
    let plain = unescape(value);
    let replaces = throughline_sip::Replaces::parse(&plain).ok()?;
    Some([replaces.call_id, replaces.to_tag, replaces.from_tag].map(Box::from))
}

pub(crate) fn agent(name: &[u8]) -> Box<str> {
    String::from_utf8_lossy(name.get(..LONGEST_AGENT).unwrap_or(name)).into()
}
