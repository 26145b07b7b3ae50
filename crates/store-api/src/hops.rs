//! Where trace contexts get lost: which service calls which, what became of the context on the way, and since when.
//!
//! A request is seen from both its ends: as a span of kind client or producer, and as one of kind server or consumer.
//! Where the callee did not go on with the caller's trace, the two are brought together again by what the callee
//! recorded of the header it received, else by time and address, which is a guess and is called one.

mod call;
mod guess;
mod traces;
mod tally;
mod since;
mod mend;

use throughline_context::{SpanId, TraceId};

use crate::analysis::Covered;
use crate::answer::Count;
use crate::question::{Limits, Range};

pub use since::Since;

/// Attributes that a service writes to say what became of its caller's context.
pub mod key {
    /// `continue`, `join` (only the trace was known), `restart` or `new` (nothing was found).
    pub const DECISION: &str = "throughline.context.decision";
    /// Why the header was not followed.
    pub const REASON: &str = "throughline.context.reason";
    /// The header that was not followed, as received.
    pub const RAW: &str = "throughline.context.raw";
    /// The same header where instrumentation of HTTP records headers.
    pub const HEADER: &str = "http.request.header.traceparent";
    /// Of a link: one of several that it could be, so that nothing is known by it.
    pub const AMBIGUOUS: &str = "throughline.link.ambiguous";
}

/// Which services pass contexts to which, of requests that arrived in a time range.
#[derive(Clone, Debug)]
pub struct Question {
    /// When the request arrived.
    pub range: Range,
    /// Only hops from or to this service.
    pub service: Option<String>,
    /// So many spans are looked at, the newest, and not many more. Each end of a request is held in some 300 bytes.
    pub spans: usize,
    pub limits: Limits,
}

impl Default for Question {
    fn default() -> Self {
        Self { range: Range::ALL, service: None, spans: 300_000, limits: Limits::default() }
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct Hops {
    /// Those that lose the most first.
    pub edges: Vec<Edge>,
    pub covered: Covered,
}

/// All requests from one service to another.
#[derive(Clone, PartialEq, Debug)]
pub struct Edge {
    /// `None` where the callee restarted the trace, or goes on with one, and nothing that is kept tells whose it was.
    pub caller: Option<String>,
    pub callee: String,
    pub arrivals: Arrivals,
    /// How many of these are here by a guess.
    pub guessed: u64,
    /// Since when the share of lost contexts is what it is; `None` where nothing is lost, or now and then.
    pub since: Option<Since>,
    /// By `service.version` of the callee, in the order of first arrival.
    pub versions: Vec<Version>,
    /// What callees recorded as the reason for a restart; the most frequent first.
    pub reasons: Vec<Count>,
    /// The latest request whose context was lost.
    pub example: Option<Example>,
    /// What to do about it; `None` where nothing is lost.
    pub mend: Option<String>,
}

/// How many requests arrived in which way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Arrivals {
    /// The callee's span is a child of the caller's.
    pub kept: u64,
    /// No context came, but the conversation's id, and the trace was found by it.
    pub joined: u64,
    /// The trace goes on, below a span that is not kept: not sampled, late, or of a service that sends no spans.
    pub orphaned: u64,
    /// The trace goes on, but a hop in between wrote a span id of its own.
    pub reparented: u64,
    /// A context came and was not followed.
    pub restarted: u64,
    /// No context came.
    pub absent: u64,
}

/// What became of the context of one request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Arrival {
    Kept,
    Joined,
    Orphaned,
    Reparented,
    Restarted,
    Absent,
}

/// How the two ends of a request were brought together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Known {
    /// The callee's span is below the caller's.
    Parent,
    /// The callee's span links to the caller's.
    Link,
    /// The header that the callee recorded names the caller's span.
    Header,
    /// Time and address agree.
    Guess,
    /// Not at all: the caller is not known.
    Not,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Version {
    /// Empty where the callee does not say.
    pub version: String,
    pub requests: u64,
    pub lost: u64,
    pub first_ns: u64,
}

/// One request whose context was lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Example {
    pub arrival: Arrival,
    pub known: Known,
    /// `None` where the caller is not known.
    pub caller: Option<SpanOf>,
    pub callee: SpanOf,
    pub arrived_ns: u64,
    /// The header as received.
    pub raw: Option<String>,
    pub reason: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SpanOf {
    pub trace_id: TraceId,
    pub span_id: SpanId,
}

impl Arrivals {
    pub fn requests(&self) -> u64 {
        self.kept + self.joined + self.orphaned + self.lost()
    }

    /// The callee's span is not where it belongs.
    pub fn lost(&self) -> u64 {
        self.reparented + self.restarted + self.absent
    }

    fn count(&mut self, arrival: Arrival) {
        *match arrival {
            Arrival::Kept => &mut self.kept,
            Arrival::Joined => &mut self.joined,
            Arrival::Orphaned => &mut self.orphaned,
            Arrival::Reparented => &mut self.reparented,
            Arrival::Restarted => &mut self.restarted,
            Arrival::Absent => &mut self.absent,
        } += 1;
    }
}

impl Arrival {
    pub fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Joined => "joined",
            Self::Orphaned => "orphaned",
            Self::Reparented => "reparented",
            Self::Restarted => "restarted",
            Self::Absent => "absent",
        }
    }

    pub fn lost(self) -> bool {
        matches!(self, Self::Reparented | Self::Restarted | Self::Absent)
    }
}

impl Known {
    pub fn name(self) -> &'static str {
        match self {
            Self::Parent => "parent",
            Self::Link => "link",
            Self::Header => "header",
            Self::Guess => "guess",
            Self::Not => "unknown",
        }
    }
}

#[cfg(test)]
mod tests;
