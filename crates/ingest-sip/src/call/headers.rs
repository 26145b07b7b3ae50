//! The headers of a context: read, taken out, put in.

use std::borrow::Cow;

use throughline_context::sip::{self, X_TRACEPARENT};
use throughline_context::uui;
use throughline_context::w3c::{Context, TRACEPARENT, TRACESTATE};
use throughline_context::{
    Candidate, Decision, Found, Getter, OTEL_TRACE_ID, PREVIOUS_TRACE_ID, Setter, Source, Traceparent, Trust,
    genesys,
};
use throughline_sip::{Edit, Header, Message, Name, unescape, unfold};

use crate::trunk::Trunk;

/// What tells somebody downstream to which trace a call belongs; taken out before a message goes to a stranger.
const OURS: [&str; 7] = [
    TRACEPARENT,
    X_TRACEPARENT,
    TRACESTATE,
    TRACERESPONSE,
    genesys::CONVERSATION_HEADER,
    OTEL_TRACE_ID,
    PREVIOUS_TRACE_ID,
];
/// Tells a caller which trace its request is in (W3C Trace Context, level 2).
pub(crate) const TRACERESPONSE: &str = "traceresponse";

/// Which headers stood in a message, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
pub(crate) struct Carriers(u16);

impl Carriers {
    pub(crate) const TOKEN: Self = Self(64);
    pub(crate) const CONVERSATION: Self = Self(16);
    const CONTEXT: Self = Self(1 | 2);
    const STATE: Self = Self(4);
    const UUI: Self = Self(8);
    const PREVIOUS: Self = Self(32);
    const SESSION: Self = Self(128);
    pub(crate) const RESPONSE: Self = Self(256);
    const NAMES: [(&'static str, u16); 9] = [
        (TRACEPARENT, 1),
        ("x-traceparent", 2),
        (TRACESTATE, 4),
        ("user-to-user", 8),
        (genesys::CONVERSATION_HEADER, 16),
        (PREVIOUS_TRACE_ID, 32),
        ("trace-token", 64),
        ("session-id", 128),
        (TRACERESPONSE, 256),
    ];

    pub(crate) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Their names in a fixed order, as on spans.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(_, bit)| self.0 & bit != 0).map(|(name, _)| name)
    }

    fn of(name: &str) -> Self {
        let bit = Self::NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let is_uui = name.eq_ignore_ascii_case(uui::X_HEADER);
        Self(bit.map_or(if is_uui { 8 } else { 0 }, |(_, bit)| *bit))
    }
}

/// Headers of a message that say something about its trace.
pub(crate) struct Headers<'m> {
    fields: Vec<(&'m str, Cow<'m, [u8]>)>,
}

impl<'m> Headers<'m> {
    pub(crate) fn of(message: &'m Message) -> Self {
        let known = message.headers().filter_map(|header| {
            let counts = match header.name {
                Name::SessionId | Name::UserToUser => true,
                Name::Other(name) => is_ours(name) || name.eq_ignore_ascii_case(uui::X_HEADER.as_bytes()),
                _ => false,
            };
            Some((str::from_utf8(header.raw_name).ok().filter(|_| counts)?, header.value))
        });
        Self { fields: known.map(|(name, value)| (name, unfold(value))).collect() }
    }

    pub(crate) fn carriers(&self) -> Carriers {
        let mut carriers = Carriers::default();
        self.fields.iter().for_each(|(name, _)| carriers.add(Carriers::of(name)));
        carriers
    }

    /// Those that a stranger gets all the same: what [`strip`] does not take out.
    pub(crate) fn kept(&self) -> Carriers {
        let mut kept = self.carriers().and(Carriers::SESSION);
        let of_others = |(name, value): &(&str, Cow<'_, [u8]>)| {
            Carriers::of(name) == Carriers::UUI && !holds_context(value)
        };
        if self.fields.iter().any(of_others) {
            kept.add(Carriers::UUI);
        }
        kept
    }

    /// The conversation of Genesys Cloud, if its trunk said so.
    pub(crate) fn conversation(&self) -> Option<[u8; 16]> {
        let id = genesys::conversation_id(&self.fields)?;
        throughline_context::TraceId::from_uuid(id).map(|id| id.0)
    }

    pub(crate) fn session_id(&self) -> Option<sip::SessionId> {
        sip::join_keys(&self.fields).session_id
    }

    /// The trace that the sender names as its own, believed or not.
    pub(crate) fn traceparent(&self) -> Option<Traceparent> {
        match sip::extract(&self.fields) {
            throughline_context::w3c::Extraction::Valid { context, .. } => Some(context.traceparent),
            _ => None,
        }
    }

    /// What is known beside the headers is less trusted than a `traceparent` and more than a Call-ID.
    pub(crate) fn decide(&self, asserted: Option<Traceparent>, trust: Trust) -> Decision {
        let mut found = Found::with_traceparent(sip::extract(&self.fields), &self.fields, &[]);
        if let Some(parent) = asserted {
            found.add(Candidate::new(Source::CallId, parent, b"P-Asserted-Identity"));
        }
        found.decide(trust)
    }

    /// The trace of a `previous-trace-id`, whatever else there is.
    pub(crate) fn previous(&self) -> Option<throughline_context::Link> {
        let value = self.fields.get_all(PREVIOUS_TRACE_ID).next()?;
        let found = [(PREVIOUS_TRACE_ID, value)];
        match Found::read(found.as_slice(), &[]).decide(Trust::Trusted) {
            Decision::Restart { link, .. } => link,
            _ => None,
        }
    }
}

fn is_ours(name: &[u8]) -> bool {
    OURS.iter().any(|own| own.as_bytes().eq_ignore_ascii_case(name))
}

/// The `traceparent` that some put into P-Asserted-Identity: a parameter of the header or of its URI.
pub(crate) fn asserted(message: &Message) -> Option<Traceparent> {
    message.addresses(Name::PAssertedIdentity).flatten().find_map(|identity| {
        let in_uri = identity.uri().ok().and_then(|uri| uri.params.value(TRACEPARENT));
        Traceparent::from_bytes(identity.params.value(TRACEPARENT).or(in_uri)?).ok()
    })
}

/// Takes out whatever tells a stranger of a trace. False where something could not be.
pub(crate) fn strip(message: &Message, edit: &mut Edit<'_>) -> bool {
    let mut all = true;
    for name in OURS {
        all &= edit.remove_all(name).is_ok();
    }
    for header in contexts_for_users(message) {
        all &= edit.remove(header).is_ok();
    }
    all & strip_identities(message, edit)
}

/// Each User-to-User that holds a context.
fn contexts_for_users(message: &Message) -> impl Iterator<Item = Header<'_>> {
    let headers = [uui::HEADER, uui::X_HEADER].into_iter().flat_map(|name| message.headers_named(name));
    headers.filter(|header| holds_context(&unfold(header.value)))
}

fn holds_context(user_to_user: &[u8]) -> bool {
    uui::parse(user_to_user).iter().any(|value| value.traceparent().is_some())
}

/// Takes the `traceparent` out of P-Asserted-Identity. False where one could not be.
fn strip_identities(message: &Message, edit: &mut Edit<'_>) -> bool {
    let mut all = true;
    for identity in message.addresses(Name::PAssertedIdentity).flatten() {
        let in_uri = identity.uri().ok().and_then(|uri| uri.params.get(TRACEPARENT));
        for param in identity.params.get(TRACEPARENT).into_iter().chain(in_uri) {
            all &= edit.remove_param(param).is_ok();
        }
    }
    all
}

/// Whether a header embedded in a URI tells of a trace; its value is still escaped.
pub(crate) fn embeds_context(name: &[u8], value: &[u8]) -> bool {
    let is_uui = [uui::HEADER, uui::X_HEADER].iter().any(|uui| uui.as_bytes().eq_ignore_ascii_case(name));
    is_ours(name) || (is_uui && holds_context(&unescape(value)))
}

/// What goes into a request to a peer that has asked for it.
pub(crate) struct Injection<'i> {
    pub(crate) context: &'i Context,
    pub(crate) previous: Option<&'i str>,
    pub(crate) trunk: &'i Trunk,
    /// Whether the sender's other headers are passed on.
    pub(crate) believed: bool,
}

impl Injection<'_> {
    /// Puts it in, and says what the message then carries; nothing where it could not be done.
    pub(crate) fn write(
        &self,
        message: &Message,
        headers: &Headers<'_>,
        edit: &mut Edit<'_>,
    ) -> Option<Carriers> {
        let mut writer = Writer { headers, edit, all: true };
        let mut sent = Carriers::CONTEXT;
        sip::inject(self.context, &mut writer);
        if !self.context.tracestate.is_empty() {
            sent.add(Carriers::STATE);
        }
        let user_to_user = self.trunk.user_to_user && uui::inject(&self.context.traceparent, &mut writer);
        if user_to_user {
            sent.add(Carriers::UUI);
        }
        if let Some(previous) = self.previous {
            writer.set(PREVIOUS_TRACE_ID, previous);
            sent.add(Carriers::PREVIOUS);
        }
        let seen = headers.carriers();
        sent.add(seen.and(Carriers::SESSION));
        if self.believed {
            sent.add(seen.and(Carriers::CONVERSATION));
            sent.add(seen.and(Carriers::UUI));
        } else {
            // Where it was written, there was nothing but contexts, and it took their place.
            let theirs = || contexts_for_users(message).filter(|_| !user_to_user);
            if theirs().next().is_none() {
                sent.add(seen.and(Carriers::UUI));
            }
            for header in theirs() {
                writer.all &= writer.edit.remove(header).is_ok();
            }
            writer.all &= strip_identities(message, writer.edit);
            for name in [genesys::CONVERSATION_HEADER, OTEL_TRACE_ID, TRACERESPONSE] {
                writer.unset(name);
            }
            if self.previous.is_none() {
                writer.unset(PREVIOUS_TRACE_ID);
            }
        }
        writer.all.then_some(sent)
    }
}

struct Writer<'w, 'm> {
    headers: &'w Headers<'w>,
    edit: &'w mut Edit<'m>,
    all: bool,
}

impl Getter for Writer<'_, '_> {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.fields.fields()
    }
}

impl Setter for Writer<'_, '_> {
    fn set(&mut self, name: &str, value: &str) {
        self.all &= self.edit.set(name, value).is_ok();
    }

    fn unset(&mut self, name: &str) {
        self.all &= self.edit.remove_all(name).is_ok();
    }
}
