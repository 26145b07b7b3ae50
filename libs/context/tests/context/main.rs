//! The rules of each format, one table each; and that no bytes can make a parser panic.

mod w3c;
mod tracestate;
mod baggage;
mod formats;

use throughline_context::{SpanId, TraceId, Traceparent};

pub const TRACE: &str = "4bf92f3577f34da6c19e9222d19e89b8";
pub const SPAN: &str = "ccbd124dbdfc3439";
pub const PARENT: &str = "00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01";

pub fn trace() -> TraceId {
    TRACE.parse().unwrap()
}

pub fn span() -> SpanId {
    SPAN.parse().unwrap()
}

pub fn parent() -> Traceparent {
    PARENT.parse().unwrap()
}

/// Header lists in the form that the tables below write.
pub type Headers = Vec<(String, String)>;

pub fn headers(pairs: &[(&str, &str)]) -> Headers {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
