//! Where contexts get lost, as JSON.

use serde::Serialize;
use store_api::hops;
use utoipa::ToSchema;

use super::{FacetValue, Ns, counts};

/// Which services pass trace contexts to which; those that lose the most first.
#[derive(Serialize, ToSchema)]
pub(crate) struct Hops {
    hops: Vec<Hop>,
    /// From here on nothing was left out.
    complete_from_ns: Ns,
    /// There was more to look at than one question may.
    truncated: bool,
}

/// All requests from one service to another.
#[derive(Serialize, ToSchema)]
struct Hop {
    /// Null where nothing that is kept tells who called.
    #[schema(required)]
    caller: Option<String>,
    callee: String,
    requests: u64,
    /// reparented + restarted + absent: the callee's span is not where it belongs.
    lost: u64,
    /// The callee's span is a child of the caller's.
    kept: u64,
    /// No context came; the trace was found by the conversation's id.
    joined: u64,
    /// The trace goes on below a span that is not kept.
    orphaned: u64,
    /// The trace goes on, but a hop in between wrote a span id of its own.
    reparented: u64,
    /// A context came and was not followed.
    restarted: u64,
    /// No context came.
    absent: u64,
    /// How many of the requests were brought together by time and address alone.
    guessed: u64,
    /// Since when contexts are lost; null where none is, or now and then.
    #[schema(required)]
    since: Option<Since>,
    /// By `service.version` of the callee, in the order of first arrival.
    versions: Vec<Version>,
    /// What the callee recorded as the reason for a restart, the most frequent first.
    reasons: Vec<FacetValue>,
    /// The latest request whose context was lost.
    #[schema(required)]
    example: Option<Example>,
    /// What to do about it.
    #[schema(required)]
    mend: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Since {
    /// Null where all are lost, from the first request in the range on.
    #[schema(required)]
    ns: Option<Ns>,
    /// 0 to 1
    share_before: f64,
    /// 0 to 1
    share_after: f64,
}

#[derive(Serialize, ToSchema)]
struct Version {
    /// Empty where the callee does not say.
    version: String,
    requests: u64,
    lost: u64,
    first_ns: Ns,
}

#[derive(Serialize, ToSchema)]
struct Example {
    /// reparented, restarted or absent
    arrival: &'static str,
    /// How both ends were brought together: parent, link, header (as the callee received it), guess (time and
    /// address) or unknown (the caller is not known).
    known: &'static str,
    #[schema(required)]
    caller: Option<SpanOf>,
    callee: SpanOf,
    arrived_ns: Ns,
    /// The header as the callee received it.
    #[schema(required)]
    raw: Option<String>,
    #[schema(required)]
    reason: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct SpanOf {
    trace_id: String,
    span_id: String,
}

impl From<hops::Hops> for Hops {
    fn from(found: hops::Hops) -> Self {
        Self {
            hops: found.edges.into_iter().map(Hop::from).collect(),
            complete_from_ns: Ns(found.covered.complete_from),
            truncated: found.covered.truncated,
        }
    }
}

impl From<hops::Edge> for Hop {
    fn from(edge: hops::Edge) -> Self {
        let hops::Arrivals { kept, joined, orphaned, reparented, restarted, absent } = edge.arrivals;
        let version = |of: hops::Version| {
            let hops::Version { version, requests, lost, first_ns } = of;
            Version { version, requests, lost, first_ns: Ns(first_ns) }
        };
        Self {
            requests: edge.arrivals.requests(),
            lost: edge.arrivals.lost(),
            caller: edge.caller,
            callee: edge.callee,
            kept,
            joined,
            orphaned,
            reparented,
            restarted,
            absent,
            guessed: edge.guessed,
            since: edge.since.map(Since::from),
            versions: edge.versions.into_iter().map(version).collect(),
            reasons: counts(edge.reasons),
            example: edge.example.map(Example::from),
            mend: edge.mend,
        }
    }
}

impl From<hops::Since> for Since {
    fn from(since: hops::Since) -> Self {
        match since {
            hops::Since::Ever => Self { ns: None, share_before: 1.0, share_after: 1.0 },
            hops::Since::At { ns, share_before, share_after } => {
                Self { ns: Some(Ns(ns)), share_before, share_after }
            }
        }
    }
}

impl From<hops::Example> for Example {
    fn from(example: hops::Example) -> Self {
        let place =
            |of: hops::SpanOf| SpanOf { trace_id: of.trace_id.to_string(), span_id: of.span_id.to_string() };
        Self {
            arrival: example.arrival.name(),
            known: example.known.name(),
            caller: example.caller.map(place),
            callee: place(example.callee),
            arrived_ns: Ns(example.arrived_ns),
            raw: example.raw,
            reason: example.reason,
        }
    }
}
