//! W3C Trace Context values.
//!
//! In:       header text, OTLP id bytes, conversation ids.
//! Out:      `TraceId`, `SpanId`, `Traceparent`.
//! Core:     parse and print; total on any input.
//! Must not: do I/O, allocate for a well-formed header, know a carrier's library.
#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod hex;
mod id;
mod traceparent;

pub use id::{SpanId, TraceId};
pub use traceparent::{Invalid, Traceparent};
