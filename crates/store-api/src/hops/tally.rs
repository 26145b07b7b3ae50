//! Requests counted by the services at both ends.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::call::Incoming;
use super::since::since;
use super::{Arrival, Arrivals, Edge, Example, Known, SpanOf, Version, mend};
use crate::answer::Count;

/// Most versions and reasons of one edge.
const VALUES: usize = 20;

/// What became of one request.
pub(super) struct Request {
    pub(super) arrival: Arrival,
    pub(super) known: Known,
    pub(super) caller: Option<(SpanOf, Arc<str>)>,
}

#[derive(Default)]
pub(super) struct Tally(HashMap<(Option<Arc<str>>, Arc<str>), Counts>);

#[derive(Default)]
struct Counts {
    arrivals: Arrivals,
    guessed: u64,
    seen: Vec<(u64, bool)>,
    versions: HashMap<Arc<str>, Version>,
    reasons: HashMap<Arc<str>, u64>,
    example: Option<Example>,
}

impl Tally {
    pub(super) fn count(&mut self, seen: Request, request: &Incoming) {
        let (place, caller) = seen.caller.unzip();
        let counts = self.0.entry((caller, Arc::clone(&request.end.service))).or_default();
        let (ns, lost) = (request.end.start_ns, seen.arrival.lost());
        counts.arrivals.count(seen.arrival);
        counts.guessed += u64::from(seen.known == Known::Guess);
        counts.seen.push((ns, lost));
        if counts.versions.len() < VALUES || counts.versions.contains_key(&request.version) {
            let version = counts.versions.entry(Arc::clone(&request.version)).or_insert_with(|| Version {
                version: request.version.to_string(),
                requests: 0,
                lost: 0,
                first_ns: ns,
            });
            version.requests += 1;
            version.lost += u64::from(lost);
            version.first_ns = version.first_ns.min(ns);
        }
        if !lost {
            return;
        }
        if let Some(reason) = &request.said.reason
            && (counts.reasons.len() < VALUES || counts.reasons.contains_key(reason))
        {
            *counts.reasons.entry(Arc::clone(reason)).or_default() += 1;
        }
        if counts.example.as_ref().is_none_or(|known| known.arrived_ns <= ns) {
            counts.example = Some(Example {
                arrival: seen.arrival,
                known: seen.known,
                caller: place,
                callee: request.at,
                arrived_ns: ns,
                raw: request.said.raw.as_deref().map(str::to_owned),
                reason: request.said.reason.as_deref().map(str::to_owned),
            });
        }
    }

    /// Those that lose the most first.
    pub(super) fn edges(self) -> Vec<Edge> {
        let sorted: BTreeMap<_, _> = self.0.into_iter().collect();
        let mut edges: Vec<Edge> =
            sorted.into_iter().map(|((caller, callee), counts)| counts.edge(caller, &callee)).collect();
        edges.sort_by_key(|edge| std::cmp::Reverse(edge.arrivals.lost()));
        edges
    }
}

impl Counts {
    fn edge(mut self, caller: Option<Arc<str>>, callee: &str) -> Edge {
        self.seen.sort_unstable();
        let mut versions: Vec<Version> = self.versions.into_values().collect();
        versions.sort_by(|a, b| (a.first_ns, &a.version).cmp(&(b.first_ns, &b.version)));
        let reason = |(reason, count): (Arc<str>, u64)| Count { value: reason.to_string(), count };
        let mut reasons: Vec<Count> = self.reasons.into_iter().map(reason).collect();
        reasons.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
        let caller = caller.map(|caller| caller.to_string());
        Edge {
            mend: mend::mend(caller.as_deref(), callee, &self.arrivals, reasons.first()),
            caller,
            callee: callee.to_owned(),
            arrivals: self.arrivals,
            guessed: self.guessed,
            since: since(&self.seen),
            versions,
            reasons,
            example: self.example,
        }
    }
}
