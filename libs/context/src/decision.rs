//! What to make of everything that a request says about its trace: which source counts, and whether it is believed.

mod candidate;

use alloc::string::String;
use core::{fmt, iter};

use crate::carrier::Getter;
use crate::format::Format;
use crate::id::{SpanId, TraceId};
use crate::traceparent::{InvalidTraceparent, Traceparent};
use crate::w3c::{Context, Extraction, Rejected, extract, record};
use crate::{genesys, uui};

pub use candidate::{Candidate, OTEL_TRACE_ID, PREVIOUS_TRACE_ID, Source};

/// Whether what a peer says about traces is believed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Trust {
    /// A configured peer.
    Trusted,
    /// Everybody else: the trace restarts, with a link to what was claimed.
    #[default]
    Untrusted,
}

/// Everything that was found in a request.
///
/// ```
/// use throughline_context::{Decision, Found, Trust};
///
/// let headers = [("traceparent", "00-nonsense"), ("x-inin-cnv", "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54")];
/// let Decision::Join { trace_id, source, rejected, .. } = Found::read(&headers, &[]).decide(Trust::Trusted) else {
///     panic!()
/// };
/// assert_eq!(trace_id.to_string(), "c41e7d905b2a4f0e9a6d37c2e10b8f54");
/// assert_eq!(source.name(), "conversation-id");
/// assert_eq!(rejected.unwrap().raw, "00-nonsense");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found<'a> {
    traceparent: Extraction<'a>,
    best: Option<Candidate<'a>>,
}

/// What to do with the span of a request. Record where it comes from, so that a view can tell a trace that came
/// through from one that was put together again.
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

impl Decision {
    /// What happens to the trace, in a word to record: `continue`, `join`, `restart` or `new`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Continue { .. } => "continue",
            Self::Join { .. } => "join",
            Self::Restart { .. } => "restart",
            Self::New => "new",
        }
    }

    /// The source that counted; where the trace restarts, that of the link.
    pub fn source(&self) -> Option<Source> {
        match self {
            Self::Continue { source, .. } | Self::Join { source, .. } => Some(*source),
            Self::Restart { link, .. } => link.map(|link| link.source),
            Self::New => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untrusted => f.write_str("the peer is not trusted"),
            Self::Invalid(invalid) => write!(f, "the traceparent cannot be used: {invalid}"),
            Self::PreviousTrace => f.write_str("only the previous trace is known"),
        }
    }
}

impl<'a> Found<'a> {
    /// Reads the headers of a request: `traceparent` and `tracestate`, the first of these other formats that knows a
    /// span (or else a trace), User-to-User, `x-inin-cnv`, `otel-trace-id` and `previous-trace-id`. Where the
    /// `traceparent` is valid, nothing else is read.
    pub fn read(from: &'a (impl Getter + ?Sized), formats: &[Format]) -> Self {
        Self::with_traceparent(extract(from), from, formats)
    }

    /// The same for headers in which the `traceparent` was looked for already, as by
    /// [`sip::extract`](crate::sip::extract).
    pub fn with_traceparent(
        traceparent: Extraction<'a>,
        from: &'a (impl Getter + ?Sized),
        formats: &[Format],
    ) -> Self {
        let mut found = Self { traceparent, best: None };
        if matches!(found.traceparent, Extraction::Valid { .. }) {
            return found;
        }
        let in_formats = formats.iter().filter_map(|format| Candidate::in_format(*format, from));
        let in_format = in_formats.min_by_key(|candidate| candidate.parent_id.is_none());
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

    /// What the `traceparent` and the `tracestate` said, and why one of them was dropped.
    pub fn traceparent(&self) -> &Extraction<'a> {
        &self.traceparent
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
    let link = claimed.map(|Candidate { source, trace_id, parent_id: span_id, .. }| Link {
        trace_id,
        span_id,
        source,
    });
    match rejected {
        Some(Rejected { reason, raw }) => Decision::Restart { link, reason: Reason::Invalid(reason), raw },
        None => {
            let raw = claimed.map(|claimed| record(iter::once(claimed.raw))).unwrap_or_default();
            Decision::Restart { link, reason, raw }
        }
    }
}
