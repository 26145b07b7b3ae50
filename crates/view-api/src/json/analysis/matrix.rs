//! Sender by receiver.

use std::collections::BTreeSet;

use serde::Serialize;
use store_api::analysis::share;
use store_api::hops;
use utoipa::ToSchema;

use super::{Covers, Ns};

/// Which service passes contexts to which.
#[derive(Serialize, ToSchema)]
pub(crate) struct HopMatrix {
    covers: Covers,
    /// The lines, in the order of their names; senders that nothing tells are the line null.
    senders: Vec<Option<String>>,
    /// The columns, in the order of their names.
    receivers: Vec<String>,
    /// Those that lose the most first.
    cells: Vec<HopCell>,
}

#[derive(Serialize, ToSchema)]
struct HopCell {
    /// Null where nothing that is kept tells who called.
    #[schema(required)]
    sender: Option<String>,
    receiver: String,
    /// Requests seen at the receiver.
    n: u64,
    /// 0 to 1, of `n`: the receiver goes on with the sender's trace, or found it by the conversation's id.
    with_parent: f64,
    /// 0 to 1: the receiver began a trace of its own.
    new_root: f64,
    /// 0 to 1, of `n`, part of `new_root`: a header came and was refused, or could not be read.
    refused: f64,
    /// 0 to 1: the trace goes on below a span id that the sender never sent; with_parent, new_root and rewritten are 1
    /// together.
    rewritten: f64,
    /// How many were brought together by time and address alone.
    guessed: u64,
    /// ok, some (contexts get lost now and then) or lost (more than half do)
    state: &'static str,
    #[schema(required)]
    since_ns: Option<Ns>,
}

impl HopMatrix {
    pub(crate) fn of(found: hops::Hops, as_of: u64) -> Self {
        let senders: BTreeSet<Option<String>> = found.edges.iter().map(|edge| edge.caller.clone()).collect();
        let receivers: BTreeSet<String> = found.edges.iter().map(|edge| edge.callee.clone()).collect();
        Self {
            covers: Covers::of(&found.covered, as_of),
            senders: senders.into_iter().collect(),
            receivers: receivers.into_iter().collect(),
            cells: found.edges.into_iter().map(HopCell::from).collect(),
        }
    }
}

impl From<hops::Edge> for HopCell {
    fn from(edge: hops::Edge) -> Self {
        let arrivals = edge.arrivals;
        let n = arrivals.requests();
        let of = |part| share(part, n).unwrap_or(0.0);
        let lost = of(arrivals.lost());
        Self {
            sender: edge.caller,
            receiver: edge.callee,
            n,
            with_parent: of(arrivals.kept + arrivals.joined + arrivals.orphaned),
            new_root: of(arrivals.restarted + arrivals.absent),
            refused: of(arrivals.restarted),
            rewritten: of(arrivals.reparented),
            guessed: edge.guessed,
            state: match lost {
                0.0 => "ok",
                some if some <= 0.5 => "some",
                _ => "lost",
            },
            since_ns: match edge.since {
                Some(hops::Since::At { ns, .. }) => Some(Ns(ns)),
                _ => None,
            },
        }
    }
}
