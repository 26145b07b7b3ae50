//! Who is handed over to whom, and what it adds to the wait.

mod steps;

use std::borrow::Borrow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use throughline_context::TraceId;

use super::chain::Joint;
use super::gather::{batches, fitting_from};
use super::latency::Latency;
use super::scope::{Covered, Scope};
use crate::error::StoreError;
use crate::part::Most;
use crate::read::Reader;
use crate::select::Found;
use crate::span::Span;
use crate::stage::Stage;
use crate::summary::Summary;

pub use steps::To;
use steps::{HandOver, How, hand_overs};

const EDGES: usize = 500;
const LISTED: usize = 100;

#[derive(Clone, PartialEq, Debug)]
pub struct Transfers {
    pub covered: Covered,
    pub n: u64,
    pub transferred: u64,
    pub repeated: u64,
    /// The most frequent first.
    pub edges: Vec<Edge>,
    /// The most often first.
    pub repeats: Vec<(Summary, u64)>,
    /// The longest first, each in the order of time.
    pub chains: Vec<Vec<Summary>>,
    /// No link of what started from here on was left out.
    pub chains_from: u64,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Edge {
    pub from: Option<String>,
    pub to: To,
    pub n: u64,
    pub blind: u64,
    pub consult: u64,
    pub other: u64,
    /// Moved on by the platform: no hand-over.
    pub overflow: u64,
    pub added_wait: Latency,
    /// The latest interaction.
    pub example: String,
}

#[derive(Default)]
struct Tally {
    hows: BTreeMap<How, u64>,
    waits: Vec<u64>,
    latest: Option<(u64, String)>,
}

/// Whether the spans of a call have to be asked; if not, nobody handed it over.
pub(crate) fn may_be_handed_over(call: &Summary) -> bool {
    call.queues.len() > 1 || call.stages.iter().any(|(stage, _)| *stage == Stage::Transfer)
}

/// How often people handed a call over, by all its spans.
pub(crate) fn times_handed_over<S: Borrow<Span>>(spans: &[S]) -> u64 {
    by_people(&hand_overs(spans))
}

fn by_people(found: &[HandOver]) -> u64 {
    found.iter().filter(|one| one.how != How::Overflow).count() as u64
}

impl Reader<'_> {
    pub(crate) fn transfers(&mut self, scope: &Scope) -> Result<Transfers, StoreError> {
        let mut covered = Covered::nothing_yet(scope.range);
        let Found { mut calls, complete_from, cut } = self.calls(scope.range, &scope.filter())?;
        covered.cut(complete_from);
        covered.truncated |= cut;
        calls.retain(|call| call.start_ns >= complete_from && scope.range.contains(call.start_ns));
        calls.sort_by_key(|call| Reverse(call.start_ns));
        let asked = calls.iter().filter(|call| may_be_handed_over(call));
        let newest = asked.map(|call| (call.start_ns, call.span_count));
        covered.cut(fitting_from(newest, scope.spans as u64));
        calls.retain(|call| call.start_ns >= covered.complete_from);
        let n = calls.len() as u64;
        calls.retain(may_be_handed_over);
        // As files have them, so that what lies together is read together.
        calls.sort_by(|a, b| a.id.cmp(&b.id));
        let mut edges: BTreeMap<(Option<String>, To), Tally> = BTreeMap::new();
        let (mut transferred, mut repeats) = (0, Vec::new());
        for some in batches(&calls, |call| call.span_count) {
            if self.in_vain() {
                break;
            }
            for (call, spans) in some.iter().zip(self.spans_with_stages(some)?) {
                covered.spans += spans.len() as u64;
                covered.truncated |= spans.len() >= self.limits().spans;
                let found = hand_overs(&spans);
                let by_people = by_people(&found);
                transferred += u64::from(by_people > 0);
                if by_people > 1 {
                    repeats.push((call.clone(), by_people));
                }
                for one in found {
                    edges.entry((one.from.clone(), one.to.clone())).or_default().count(&one, call);
                }
            }
        }
        let repeated = repeats.len() as u64;
        repeats.sort_by_key(|(call, times)| (Reverse(*times), Reverse(call.start_ns)));
        repeats.truncate(LISTED);
        let mut edges: Vec<Edge> = edges.into_iter().map(|((from, to), of)| of.edge(from, to)).collect();
        edges.sort_by_key(|edge| Reverse(edge.n));
        edges.truncate(EDGES);
        let (joints, linked) = self.joints(scope)?;
        covered.truncated |= linked.truncated && linked.complete_from <= scope.range.from;
        covered.spans += linked.spans;
        let (chains, chains_from) = (self.chains(&joints)?, linked.complete_from);
        Ok(Transfers { covered, n, transferred, repeated, edges, repeats, chains, chains_from })
    }

    /// The spans of each call, of those of its traces that have a stage.
    fn spans_with_stages(&mut self, calls: &[Summary]) -> Result<Vec<Vec<Arc<Span>>>, StoreError> {
        let most = self.limits().spans;
        let mut traces: BTreeSet<TraceId> = BTreeSet::new();
        for trace in calls.iter().flat_map(|call| &call.trace_ids) {
            let known = self.fragment(*trace)?;
            traces.extend(known.is_some_and(|known| !known.facts.stages.is_empty()).then_some(*trace));
        }
        let traces: Vec<TraceId> = traces.into_iter().collect();
        let spans = self.rows(&traces, Most::spans(most))?;
        if spans.len() >= most && calls.len() > 1 {
            let each = calls.iter().map(|call| self.spans_with_stages(std::slice::from_ref(call)));
            return Ok(each.collect::<Result<Vec<_>, _>>()?.concat());
        }
        let mut of: HashMap<TraceId, Vec<Arc<Span>>> = HashMap::new();
        spans.into_iter().for_each(|span| of.entry(span.trace_id).or_default().push(span));
        let of_call =
            |call: &Summary| call.trace_ids.iter().filter_map(|id| of.get(id)).flatten().cloned().collect();
        Ok(calls.iter().map(of_call).collect())
    }

    fn chains(&mut self, joints: &[Joint]) -> Result<Vec<Vec<Summary>>, StoreError> {
        let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for joint in joints.iter().filter(|joint| !joint.ambiguous) {
            next.entry(&joint.from).or_default().insert(&joint.to);
            next.entry(&joint.to).or_default().insert(&joint.from);
        }
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut chains: Vec<Vec<Summary>> = Vec::new();
        for first in next.keys() {
            let (mut todo, mut chain) = (vec![*first], Vec::new());
            while let Some(id) = todo.pop().filter(|_| chain.len() < LISTED) {
                if seen.insert(id) {
                    chain.extend(self.summary(id)?);
                    todo.extend(next.get(id).into_iter().flatten());
                }
            }
            if chain.len() > 1 {
                chain.sort_by(|a, b| (a.start_ns, &a.id).cmp(&(b.start_ns, &b.id)));
                chains.push(chain);
            }
        }
        chains.sort_by_key(|chain| (Reverse(chain.len()), Reverse(chain.first().map(|call| call.start_ns))));
        chains.truncate(LISTED);
        Ok(chains)
    }
}

impl Tally {
    fn count(&mut self, one: &HandOver, call: &Summary) {
        *self.hows.entry(one.how).or_default() += 1;
        self.waits.push(one.added_wait_ns);
        let latest = (call.start_ns, call.id.clone());
        self.latest = self.latest.take().max(Some(latest));
    }

    fn edge(mut self, from: Option<String>, to: To) -> Edge {
        self.waits.sort_unstable();
        let count = |how| self.hows.get(&how).copied().unwrap_or(0);
        Edge {
            from,
            to,
            n: self.waits.len() as u64,
            blind: count(How::Blind),
            consult: count(How::Consult),
            other: count(How::Other),
            overflow: count(How::Overflow),
            added_wait: Latency::exact(&self.waits, 0),
            example: self.latest.map(|(_, id)| id).unwrap_or_default(),
        }
    }
}
