//! One source of a context, and how far it is trusted beside others.

use crate::carrier::Getter;
use crate::format::Format;
use crate::id::{SpanId, TraceId};
use crate::list;
use crate::traceparent::Traceparent;

/// The trace id alone, in a header of its own.
pub const OTEL_TRACE_ID: &str = "otel-trace-id";
/// The trace that a call was in before its context was lost: a trace id or a `traceparent`.
pub const PREVIOUS_TRACE_ID: &str = "previous-trace-id";

/// Where a context was found, the most trusted first; a format with a trace id and no span stands behind all that
/// know a span.
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

/// A context from a source other than `traceparent`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate<'a> {
    pub(super) source: Source,
    pub(super) trace_id: TraceId,
    pub(super) parent_id: Option<SpanId>,
    pub(super) flags: u8,
    pub(super) raw: &'a [u8],
}

impl Source {
    /// A name to record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Traceparent => "traceparent",
            Self::Format(format) => format.name(),
            Self::Uui => "user-to-user",
            Self::ParticipantData => "participant-data",
            Self::Conversation => "conversation-id",
            Self::CallId => "call-id",
            Self::OtelTraceId => OTEL_TRACE_ID,
            Self::PreviousTraceId => PREVIOUS_TRACE_ID,
        }
    }
}

impl<'a> Candidate<'a> {
    /// A whole context, read elsewhere: in User-to-User information or participant data, or remembered for a Call-ID.
    /// `raw` is the text it was read from.
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

    pub(super) fn in_format(format: Format, from: &'a (impl Getter + ?Sized)) -> Option<Self> {
        let remote = format.extract(from).ok()??;
        let trace_id = remote.trace_id?;
        let raw = format.headers().iter().find_map(|name| from.get_all(name).next());
        Some(Self {
            source: Source::Format(format),
            trace_id,
            parent_id: remote.parent_id,
            flags: remote.sampling.flags(),
            raw: raw.unwrap_or_default(),
        })
    }

    /// The lowest counts. A trace id without a span is worth less than any whole context: load balancers make up a
    /// new one for each request.
    pub(super) fn rank(&self) -> (bool, bool, Source) {
        (self.source == Source::PreviousTraceId, self.parent_id.is_none(), self.source)
    }
}
