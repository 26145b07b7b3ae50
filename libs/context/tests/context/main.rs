//! The rules of each format, one table each; and that no bytes can make a parser panic.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod w3c;
mod tracestate;
mod baggage;
mod formats;
mod json;
mod carriers;
mod calls;
mod decision;
mod checks;
mod any_bytes;

use throughline_context::{SpanId, TraceId, Traceparent};

pub(crate) const TRACE: &str = "4bf92f3577f34da6c19e9222d19e89b8";
pub(crate) const SPAN: &str = "ccbd124dbdfc3439";
pub(crate) const PARENT: &str = "00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01";

pub(crate) fn trace() -> TraceId {
    TRACE.parse().unwrap()
}

pub(crate) fn span() -> SpanId {
    SPAN.parse().unwrap()
}

pub(crate) fn parent() -> Traceparent {
    PARENT.parse().unwrap()
}

/// Header lists in the form that the tables below write.
pub(crate) type Headers = Vec<(String, String)>;

pub(crate) fn headers(pairs: &[(&str, &str)]) -> Headers {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
