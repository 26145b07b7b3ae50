//! What became of a caller's context, written on the span.

use opentelemetry::KeyValue;
#[cfg(feature = "tower")]
use opentelemetry::trace::{Link, SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use throughline_context::Decision;

/// Attributes that say what became of the caller's context.
pub mod attribute {
    /// `continue`, `join` (only the trace was known), `restart` or `new` (nothing was found).
    pub const DECISION: &str = "throughline.context.decision";
    /// Where the context, or that of the link, was found: `traceparent`, `b3`, `conversation-id` and so on.
    pub const SOURCE: &str = "throughline.context.source";
    /// Why the `traceparent` was not followed.
    pub const REASON: &str = "throughline.context.reason";
    /// The header that was not followed, as received, at most 256 characters.
    pub const RAW: &str = "throughline.context.raw";
}

pub(crate) fn attributes(decision: &Decision) -> Vec<KeyValue> {
    let (reason, raw) = match decision {
        Decision::Restart { reason, raw, .. } => (Some(reason.to_string()), Some(raw.clone())),
        Decision::Continue { rejected: Some(rejected), .. }
        | Decision::Join { rejected: Some(rejected), .. } => {
            (Some(rejected.reason.to_string()), Some(rejected.raw.clone()))
        }
        Decision::Continue { .. } | Decision::Join { .. } | Decision::New => (None, None),
    };
    let known = [
        (attribute::DECISION, Some(decision.name().to_owned())),
        (attribute::SOURCE, decision.source().map(|source| source.name().to_owned())),
        (attribute::REASON, reason),
        (attribute::RAW, raw),
    ];
    known.into_iter().filter_map(|(key, value)| Some(KeyValue::new(key, value?))).collect()
}

/// A link needs a span. Where only the trace is known, it names the one that the first 16 digits of the trace make.
#[cfg(feature = "tower")]
pub(crate) fn link(decision: &Decision) -> Option<Link> {
    let Decision::Restart { link: Some(link), .. } = decision else { return None };
    let span_id = link.span_id.unwrap_or_else(|| link.trace_id.root_span());
    let to = SpanContext::new(
        TraceId::from_bytes(link.trace_id.0),
        SpanId::from_bytes(span_id.0),
        TraceFlags::default(),
        true,
        TraceState::default(),
    );
    Some(Link::new(to, vec![KeyValue::new(attribute::SOURCE, link.source.name())], 0))
}
