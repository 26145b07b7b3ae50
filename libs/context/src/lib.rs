//! Trace context that survives every hop.
//!
//! In:       headers of HTTP, SIP and queues; JSON bodies and messages; User-to-User information; ids of conversations.
//! Out:      `Context`, `Baggage`, and a `Decision`: go on with a trace, join it, or start one.
//! Core:     parse, print and splice; total on any bytes; nothing is allocated for a well-formed `traceparent`.
//! Must not: do I/O, make up random ids, know a carrier's library, panic.
//!
//! A service reads what came, decides, and sends a context of its own with each request that it makes:
//!
//! ```
//! use throughline_context::{Decision, Format, Found, SpanId, Trust, w3c};
//!
//! let request = [
//!     ("traceparent", "00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01"),
//!     ("tracestate", "ot=ro"),
//! ];
//! match Found::read(&request, &[Format::B3]).decide(Trust::Trusted) {
//!     Decision::Continue { context, source, .. } => {
//!         assert_eq!(source.name(), "traceparent");
//!         let mut outgoing: Vec<(String, String)> = Vec::new();
//!         w3c::inject(&context.child(SpanId([7; 8])), &mut outgoing);
//!         assert_eq!(outgoing[0].1, "00-4bf92f3577f34da6c19e9222d19e89b8-0707070707070707-01");
//!         assert_eq!(outgoing[1].1, "ot=ro");
//!     }
//!     other => panic!("{other:?}"),
//! }
//! ```
//!
//! | carrier | read and write with |
//! |---|---|
//! | HTTP headers | [`w3c`], [`Baggage`]; [`Format`] for B3, Jaeger, X-Ray and Datadog |
//! | REST bodies, WebSocket messages | [`json`], with places in [`genesys`] and [`websocket`] |
//! | headers of Kafka, AMQP, SQS | the same as HTTP; [`queue`] where names are restricted |
//! | SIP | [`sip`], [`uui`] |
//! | nothing but a conversation id | [`Traceparent::from_conversation`] |
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
pub mod json;
pub mod genesys;
pub mod websocket;
pub mod queue;
pub mod uui;
pub mod sip;
mod decision;

pub use baggage::{Baggage, BaggageMember, InvalidBaggage};
pub use carrier::{Getter, Setter};
pub use decision::{
    Candidate, Decision, Found, Link, OTEL_TRACE_ID, PREVIOUS_TRACE_ID, Reason, Source, Trust,
};
pub use format::{Format, UnknownFormat};
pub use id::{SpanId, TraceId};
pub use remote::{Remote, Sampling, Unreadable};
pub use traceparent::{InvalidTraceparent, Traceparent};
pub use tracestate::{InvalidTracestate, Ot, Tracestate};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
