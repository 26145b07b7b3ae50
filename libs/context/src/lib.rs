//! W3C Trace Context values.
//!
//! In:       header text, OTLP id bytes, conversation ids.
//! Out:      `TraceId`, `SpanId`, `Traceparent`.
//! Core:     parse and print; total on any input.
//! Must not: do I/O, allocate for a well-formed header, know a carrier's library.
#![no_std]
#![deny(missing_docs)]
#![forbid(unsafe_code)]

extern crate alloc;

mod hex;
mod list;
mod id;
mod carrier;
mod traceparent;
mod tracestate;
mod percent;
mod baggage;
pub mod w3c;
mod remote;
pub mod b3;
pub mod jaeger;
pub mod xray;
pub mod datadog;
mod format;

pub use baggage::{Baggage, BaggageMember, InvalidBaggage};
pub use carrier::{Getter, Setter};
pub use format::{Format, UnknownFormat};
pub use id::{SpanId, TraceId};
pub use remote::{Remote, Sampling, Unreadable};
pub use traceparent::{InvalidTraceparent, Traceparent};
pub use tracestate::{InvalidTracestate, Ot, Tracestate};
