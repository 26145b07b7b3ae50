//! What to make of everything that a request says about its trace: which source counts, and whether it is believed.

use alloc::string::String;
use core::iter;

use crate::carrier::Getter;
use crate::format::Format;
use crate::id::{SpanId, TraceId};
use crate::traceparent::{InvalidTraceparent, Traceparent};
use crate::w3c::{Context, Extraction, Rejected, extract, record};
use crate::{genesys, list, uui};

/// The trace id alone, in a header of its own.
pub const OTEL_TRACE_ID: &str = "otel-trace-id";
/// The trace that a call was in before its context was lost: a trace id or a `traceparent`.
pub const PREVIOUS_TRACE_ID: &str = "previous-trace-id";

/// Where a context was found, the most trusted first; a format with a trace id and no span stands behind all that know a span.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Source {
    /// A valid `traceparent`.
    Traceparent,
    /// The headers of another format.
    Format(Format),
    /// User-to-User information of a SIP call.
    Uui,
    /// Attributes of a participant of the conversation.
    ParticipantData,
    /// The conversation id: the trace id is made from it.
    Conversation,
    /// What was remembered for a SIP Call-ID.
    CallId,
    /// `otel-trace-id`
    OtelTraceId,
    /// `previous-trace-id`: good for a link, never for a parent.
    PreviousTraceId,
}

/// Whether what a peer says about traces is believed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Trust {
    /// A configured peer.
    Trusted,
    /// Everybody else: the trace restarts, with a link to what was claimed.
    Untrusted,
}

/// A context from a source other than `traceparent`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate<'a> {
    source: Source,
    trace_id: TraceId,
    parent_id: Option<SpanId>,
    flags: u8,
    raw: &'a [u8],
}

/// Everything that was found in a request.
///
/// ```
/// use throughline_context::{Candidate, Decision, Found, Source, Trust};
///
/// let headers = [("traceparent", "00-nonsense"), ("x-inin-cnv", "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54")];
/// let Decision::Join { trace_id, source, rejected, .. } = Found::read(&headers, &[]).decide(Trust::Trusted) else {
///     panic!()
/// };
/// assert_eq!(trace_id.to_string(), "c41e7d905b2a4f0e9a6d37c2e10b8f54");
/// assert_eq!(source.name(), "x-inin-cnv");
/// assert_eq!(rejected.unwrap().raw, "00-nonsense");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found<'a> {
    traceparent: Extraction<'a>,
    best: Option<Candidate<'a>>,
}

/// What to do with the span of a request. Record where it comes from, so that a view can tell a trace that came through from
/// one that was put together again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Go on with the trace; the caller's span is the parent.
    Continue {
        /// The caller's context.
        context: Context,
        /// Where it was found.
        source: Source,
        /// The `traceparent` that could not be used.
        rejected: Option<Rejected>,
    },
    /// Go on with the trace, whose id is all that is known for sure.
    Join {
        /// The trace.
        trace_id: TraceId,
        /// The root span that a conversation has by rule; without one, the span has no parent.
        parent_id: Option<SpanId>,
        /// Where the trace id was found.
        source: Source,
        /// The `traceparent` that could not be used.
        rejected: Option<Rejected>,
    },
    /// Start a new trace, and say why.
    Restart {
        /// What the new span links to.
        link: Option<Link>,
        /// Why the trace restarts.
        reason: Reason,
        /// The header as received, for the record; see [`Rejected::raw`].
        raw: String,
    },
    /// Start a new trace: nothing was found.
    New,
}

/// A link to a span of another trace.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Link {
    /// The trace.
    pub trace_id: TraceId,
    /// The span, where it is known.
    pub span_id: Option<SpanId>,
    /// Where it was found.
    pub source: Source,
}

/// Why a trace restarts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The peer is not trusted.
    Untrusted,
    /// The `traceparent` cannot be used, and nothing else tells the trace.
    Invalid(InvalidTraceparent),
    /// Only the previous trace is known.
    PreviousTrace,
}

impl Source {
    /// A name to record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Traceparent => "traceparent",
            Self::Format(format) => format.name(),
            Self::Uui => "user-to-user",
            Self::ParticipantData => "participant-data",
            Self::Conversation => genesys::CONVERSATION_HEADER,
            Self::CallId => "call-id",
            Self::OtelTraceId => OTEL_TRACE_ID,
            Self::PreviousTraceId => PREVIOUS_TRACE_ID,
        }
    }
}

impl<'a> Candidate<'a> {
    /// A whole context, read elsewhere: in User-to-User information or participant data, or remembered for a Call-ID. `raw` is
    /// the text it was read from.
    pub fn new(source: Source, parent: Traceparent, raw: &'a [u8]) -> Self {
        Self {
            source,
            trace_id: parent.trace_id,
            parent_id: Some(parent.parent_id),
            flags: parent.flags,
            raw,
        }
    }

    /// The `traceparent` in an attribute of a participant.
    pub fn participant_data(text: &'a str) -> Option<Self> {
        let parent = Traceparent::from_bytes(list::trim(text.as_bytes())).ok()?;
        Some(Self::new(Source::ParticipantData, parent, text.as_bytes()))
    }

    /// What follows from a conversation id, which is a UUID.
    pub fn conversation(id: &'a str) -> Option<Self> {
        Some(Self::new(Source::Conversation, Traceparent::from_conversation(id)?, id.as_bytes()))
    }

    /// The value of `otel-trace-id`.
    pub fn otel_trace_id(value: &'a [u8]) -> Option<Self> {
        Self::trace_alone(Source::OtelTraceId, value)
    }

    /// The value of `previous-trace-id`: a trace id or a `traceparent`.
    pub fn previous_trace_id(value: &'a [u8]) -> Option<Self> {
        let source = Source::PreviousTraceId;
        match Traceparent::from_bytes(list::trim(value)) {
            Ok(parent) => Some(Self::new(source, parent, value)),
            Err(_) => Self::trace_alone(source, value),
        }
    }

    fn trace_alone(source: Source, raw: &'a [u8]) -> Option<Self> {
        let trace_id = str::from_utf8(list::trim(raw)).ok()?.parse().ok()?;
        Some(Self { source, trace_id, parent_id: None, flags: 0, raw })
    }

    fn in_format(format: Format, from: &'a impl Getter) -> Option<Self> {
        let remote = format.extract(from).ok()??;
        let trace_id = remote.trace_id?;
        let raw = format.headers().iter().find_map(|name| from.get_all(name).next());
        Some(Self {
            source: Source::Format(format),
            trace_id,
            parent_id: remote.parent_id,
            flags: u8::from(remote.sampling.keeps()) * Traceparent::SAMPLED,
            raw: raw.unwrap_or_default(),
        })
    }

    /// The lowest counts. A trace id without a span is worth less than any whole context: load balancers make up a new one for
    /// each request.
    fn rank(&self) -> (bool, bool, Source) {
        (self.source == Source::PreviousTraceId, self.parent_id.is_none(), self.source)
    }

    fn link(&self) -> Link {
        Link { trace_id: self.trace_id, span_id: self.parent_id, source: self.source }
    }
}

impl<'a> Found<'a> {
    /// Reads the headers of a request: `traceparent` and `tracestate`, the first of these other formats that is there,
    /// User-to-User, `x-inin-cnv`, `otel-trace-id` and `previous-trace-id`. Where the `traceparent` is valid, nothing else is read.
    pub fn read(from: &'a impl Getter, formats: &[Format]) -> Self {
        Self::with_traceparent(extract(from), from, formats)
    }

    /// The same for headers in which the `traceparent` was looked for already, as by [`sip::extract`](crate::sip::extract).
    pub fn with_traceparent(traceparent: Extraction<'a>, from: &'a impl Getter, formats: &[Format]) -> Self {
        let mut found = Self { traceparent, best: None };
        if matches!(found.traceparent, Extraction::Valid { .. }) {
            return found;
        }
        let in_format = formats.iter().find_map(|format| Candidate::in_format(*format, from));
        let only = |name: &'a str| {
            let mut values = from.get_all(name);
            values.next().filter(|_| values.next().is_none())
        };
        let raw_uui = || [uui::HEADER, uui::X_HEADER].iter().find_map(|name| from.get_all(name).next());
        let uui = uui::extract(from)
            .map(|parent| Candidate::new(Source::Uui, parent, raw_uui().unwrap_or_default()));
        in_format
            .into_iter()
            .chain(uui)
            .chain(genesys::conversation_id(from).and_then(Candidate::conversation))
            .chain(only(OTEL_TRACE_ID).and_then(Candidate::otel_trace_id))
            .chain(only(PREVIOUS_TRACE_ID).and_then(Candidate::previous_trace_id))
            .for_each(|candidate| found.add(candidate));
        found
    }

    /// Adds what was found elsewhere. The most trusted source counts, and of equals the first.
    pub fn add(&mut self, candidate: Candidate<'a>) {
        if self.best.is_none_or(|best| candidate.rank() < best.rank()) {
            self.best = Some(candidate);
        }
    }

    /// Decides.
    pub fn decide(self, trust: Trust) -> Decision {
        match (self.traceparent, trust) {
            (Extraction::Valid { context, .. }, Trust::Trusted) => {
                Decision::Continue { context, source: Source::Traceparent, rejected: None }
            }
            (Extraction::Valid { context, raw, .. }, Trust::Untrusted) => {
                let claimed = Candidate::new(Source::Traceparent, context.traceparent, raw);
                restart(Some(claimed), None, Reason::Untrusted)
            }
            (Extraction::Invalid(rejected), trust) => follow(self.best, Some(rejected), trust),
            (Extraction::Absent, trust) => follow(self.best, None, trust),
        }
    }
}

/// The decision without a valid `traceparent`.
fn follow(best: Option<Candidate<'_>>, rejected: Option<Rejected>, trust: Trust) -> Decision {
    match (best, trust) {
        (None, _) if rejected.is_none() => Decision::New,
        (best, Trust::Untrusted) => restart(best, rejected, Reason::Untrusted),
        (None | Some(Candidate { source: Source::PreviousTraceId, .. }), Trust::Trusted) => {
            restart(best, rejected, Reason::PreviousTrace)
        }
        (Some(Candidate { source, trace_id, parent_id, flags, .. }), Trust::Trusted) => match parent_id {
            Some(parent_id) if source != Source::Conversation => {
                let context = Context::new(Traceparent { trace_id, parent_id, flags });
                Decision::Continue { context, source, rejected }
            }
            parent_id => Decision::Join { trace_id, parent_id, source, rejected },
        },
    }
}

/// A `traceparent` that cannot be used is the first reason, and the first thing to record.
fn restart(claimed: Option<Candidate<'_>>, rejected: Option<Rejected>, reason: Reason) -> Decision {
    let link = claimed.map(|claimed| claimed.link());
    match rejected {
        Some(Rejected { reason, raw }) => Decision::Restart { link, reason: Reason::Invalid(reason), raw },
        None => {
            let raw = claimed.map(|claimed| record(iter::once(claimed.raw))).unwrap_or_default();
            Decision::Restart { link, reason, raw }
        }
    }
}
