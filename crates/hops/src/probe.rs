//! One numbered request, and what it is about.

use std::fmt;

use throughline_context::{SpanId, TraceId, Traceparent};

use crate::field::Field;

/// The header that tells one request from another, beside the query.
pub const MARK: &str = "x-throughline-probe";
/// Who asks: for the logs of the hops, and for those that refuse whoever does not say.
pub(crate) const AGENT: &str = concat!("throughline-hops/", env!("CARGO_PKG_VERSION"));
pub const TRACEPARENT: &str = "traceparent";
pub const TRACESTATE: &str = "tracestate";
pub const BAGGAGE: &str = "baggage";
/// The name under which SIP carries a second `traceparent`.
pub const X_TRACEPARENT: &str = "x-traceparent";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    Http1,
    Http2,
    WebSocket,
    Grpc,
    /// A SIP request outside of calls; many hops answer it themselves.
    Options,
    /// A SIP request that hops treat as a call.
    Invite,
}

/// What the specifications ask of a hop here decides what is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// No context at all: does the path lead to the echo, and does a hop start a trace of its own?
    Bare,
    /// A valid context that has to come through.
    Context,
    /// Headers that are valid and came in several lines: joining them is allowed, losing one is not.
    Lines,
    /// Names that stand in for `traceparent` where it cannot be used.
    Alias,
    /// A `tracestate` or `baggage` of so many bytes.
    Size(usize),
    /// Legal but odd, or wrong: worth knowing what becomes of it.
    Odd,
    /// Formats and ids of others beside `traceparent`.
    Beside,
}

#[derive(Clone, Debug)]
pub struct Probe {
    pub number: u16,
    pub name: &'static str,
    pub about: About,
    pub protocol: Protocol,
    pub method: &'static str,
    /// `{trace}` and `{parent}` stand for the ids of the request; see [`Probe::fields`].
    pub(crate) template: Vec<Field>,
}

impl About {
    /// A valid context of ordinary length.
    pub fn is_short(self) -> bool {
        matches!(self, Self::Bare | Self::Context | Self::Lines)
    }
}

/// Marks one request of one run.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// Of the run; two runs at once do not mix.
    pub run: u64,
    pub probe: u16,
    pub round: u16,
}

impl Mark {
    /// Every request has a trace of its own.
    pub fn traceparent(self) -> Traceparent {
        let low = 0x7468_6c68_0000_0000 | u64::from(self.probe) << 16 | u64::from(self.round);
        let trace = u128::from(self.run) << 64 | u128::from(low);
        Traceparent { trace_id: TraceId(trace.to_be_bytes()), parent_id: SpanId(low.to_be_bytes()), flags: 1 }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}.{}.{}", self.run, self.probe, self.round)
    }
}

impl Probe {
    /// The header lines to send, the mark apart.
    pub fn fields(&self, mark: Mark) -> Vec<Field> {
        let ids = mark.traceparent();
        let (trace, parent) = (ids.trace_id.to_string(), ids.parent_id.to_string());
        let other = Mark { run: !mark.run, ..mark }.traceparent().trace_id.to_string();
        let fill = |raw: &str| {
            raw.replace("{trace}", &trace).replace("{parent}", &parent).replace("{other}", &other)
        };
        self.template.iter().map(|field| Field::new(field.name.clone(), fill(&field.raw))).collect()
    }
}

impl Protocol {
    pub const HTTP: [Self; 4] = [Self::Http1, Self::Http2, Self::WebSocket, Self::Grpc];
    pub const SIP: [Self; 2] = [Self::Options, Self::Invite];
    pub const ALL: [Self; 6] =
        [Self::Http1, Self::Http2, Self::WebSocket, Self::Grpc, Self::Options, Self::Invite];

    pub fn is_sip(self) -> bool {
        Self::SIP.contains(&self)
    }

    /// For programs, and for the command line.
    pub fn key(self) -> &'static str {
        match self {
            Self::Http1 => "http1",
            Self::Http2 => "http2",
            Self::WebSocket => "websocket",
            Self::Grpc => "grpc",
            Self::Options => "options",
            Self::Invite => "invite",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
            Self::WebSocket => "WebSocket",
            Self::Grpc => "gRPC",
            Self::Options => "OPTIONS",
            Self::Invite => "INVITE",
        }
    }
}
