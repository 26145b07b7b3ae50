//! What is known of traces over all parts, many at once: parts look into each of their files once, however many traces
//! of it are asked for.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use throughline_context::TraceId;

use super::Reader;
use crate::error::StoreError;
use crate::facts::Facts;
use crate::part::{Fragment, Most};
use crate::span::Span;
use crate::summary::Summary;

/// Interactions, and rows, that are in memory together.
const IDS_AT_ONCE: usize = 4096;
const ROWS_AT_ONCE: usize = 50_000;

impl Reader<'_> {
    /// What interactions amount to; those without a span that is kept and carries the id are left out.
    pub(crate) fn summaries<I: AsRef<str>>(
        &mut self,
        ids: impl IntoIterator<Item = I>,
    ) -> Result<Vec<Summary>, StoreError> {
        let ids: Vec<I> = ids.into_iter().collect();
        let mut summaries = Vec::new();
        for some in ids.chunks(IDS_AT_ONCE) {
            let some: BTreeSet<&str> = some.iter().map(AsRef::as_ref).collect();
            let asked: Vec<&str> = some.iter().copied().collect();
            let mut claimed = BTreeSet::new();
            for part in self.parts {
                claimed.extend(part.traces_of(&asked)?);
            }
            self.know(claimed.iter().copied())?;
            let mut traces: BTreeMap<&str, BTreeMap<TraceId, Arc<Fragment>>> = BTreeMap::new();
            for trace in claimed {
                let Some(Some(known)) = self.known.get(&trace) else { continue };
                let named = known.facts.interactions.iter().filter_map(|id| some.get(id.as_str()));
                named.for_each(|id| drop(traces.entry(id).or_default().insert(trace, Arc::clone(known))));
            }
            summaries.extend(traces.into_iter().map(|(id, traces)| {
                Summary::of(id, traces.iter().map(|(trace, known)| (*trace, &known.facts)))
            }));
        }
        Ok(summaries)
    }

    /// What an interaction amounts to; `None` where no span that is kept carries the id.
    pub fn summary(&mut self, id: &str) -> Result<Option<Summary>, StoreError> {
        Ok(self.summaries([id])?.pop())
    }

    /// One trace over all parts.
    pub(crate) fn fragment(&mut self, trace: TraceId) -> Result<Option<Arc<Fragment>>, StoreError> {
        self.know([trace])?;
        Ok(self.known.get(&trace).cloned().flatten())
    }

    /// Makes traces known over all parts, those that are not yet.
    pub(crate) fn know(&mut self, traces: impl IntoIterator<Item = TraceId>) -> Result<(), StoreError> {
        self.know_with(traces, Vec::new())
    }

    /// With all that parts, in their order, have of some of them.
    pub(super) fn know_with(
        &mut self,
        traces: impl IntoIterator<Item = TraceId>,
        at_hand: Vec<Vec<(TraceId, Arc<Fragment>)>>,
    ) -> Result<(), StoreError> {
        let new = traces.into_iter().filter(|trace| !self.known.contains_key(trace));
        let mut new: Vec<TraceId> = new.collect();
        if new.is_empty() {
            return Ok(());
        }
        new.sort_unstable();
        new.dedup();
        let mut at_hand = at_hand.into_iter();
        let mut found: Vec<(TraceId, Arc<Fragment>)> = Vec::with_capacity(new.len());
        for part in self.parts {
            let mut at_hand = at_hand.next().unwrap_or_default();
            at_hand.sort_unstable_by_key(|(trace, _)| *trace);
            let mut at_hand = at_hand.into_iter().peekable();
            let mut ask = Vec::new();
            for trace in &new {
                while at_hand.next_if(|(other, _)| other < trace).is_some() {}
                match at_hand.next_if(|(other, _)| other == trace) {
                    Some(whole) => found.push(whole),
                    None => ask.push(*trace),
                }
            }
            if !ask.is_empty() {
                found.extend(part.fragments(&ask)?);
            }
        }
        found.sort_by_key(|(trace, _)| *trace);
        self.known.reserve(new.len());
        let (mut tangled, mut rest) = (Vec::new(), found.as_slice());
        for trace in new {
            let (same, others) = rest.split_at(rest.iter().take_while(|(of, _)| *of == trace).count());
            rest = others;
            let whole = match same {
                [] => None,
                [(_, only)] => Some(Arc::clone(only)),
                several => {
                    let several: Vec<Arc<Fragment>> =
                        several.iter().map(|(_, one)| Arc::clone(one)).collect();
                    if self.is_tangled(&several) {
                        tangled.push((trace, several));
                        continue;
                    }
                    Some(whole(join(&several)))
                }
            };
            self.known.insert(trace, whole);
        }
        self.untangle(tangled)
    }

    /// Whether a span seems to be in two fragments, so that the spans themselves must tell. A trace with more spans than
    /// an answer may have is not worth that: its counts may then be too high.
    fn is_tangled(&self, fragments: &[Arc<Fragment>]) -> bool {
        let count = count(fragments);
        let ids: HashSet<u32> = fragments.iter().flat_map(|fragment| &fragment.ids).copied().collect();
        ids.len() < count && count <= self.limits.spans.saturating_mul(2)
    }

    /// Makes facts of the rows that count, of as many traces at a time as fit into memory.
    fn untangle(&mut self, mut tangled: Vec<(TraceId, Vec<Arc<Fragment>>)>) -> Result<(), StoreError> {
        // As files have them, so that what lies together is read together.
        tangled.sort_by(|(a, x), (b, y)| (interaction(x), a).cmp(&(interaction(y), b)));
        let mut rest = tangled.as_slice();
        while !rest.is_empty() {
            let mut rows = 0;
            let fit = rest.iter().take_while(|(_, fragments)| {
                rows += count(fragments);
                rows <= ROWS_AT_ONCE
            });
            let (some, later) = rest.split_at(fit.count().clamp(1, rest.len()));
            rest = later;
            let traces: Vec<TraceId> = some.iter().map(|(trace, _)| *trace).collect();
            let spans = self.rows(&traces, Most::ALL)?;
            let mut of: HashMap<TraceId, Vec<&Span>> = HashMap::with_capacity(traces.len());
            spans.iter().for_each(|span| of.entry(span.trace_id).or_default().push(span));
            for trace in traces {
                let facts = Facts::of(of.remove(&trace).unwrap_or_default());
                self.known.insert(trace, Some(whole(facts)));
            }
        }
        Ok(())
    }
}

/// The facts of fragments that share no span.
fn join(fragments: &[Arc<Fragment>]) -> Facts {
    let mut facts = Facts::default();
    fragments.iter().for_each(|fragment| facts.join(&fragment.facts));
    facts
}

fn whole(facts: Facts) -> Arc<Fragment> {
    Arc::new(Fragment { facts, ids: Vec::new() })
}

fn count(fragments: &[Arc<Fragment>]) -> usize {
    fragments.iter().map(|fragment| fragment.ids.len()).sum()
}

fn interaction(fragments: &[Arc<Fragment>]) -> Option<&str> {
    fragments.iter().find_map(|fragment| fragment.facts.interactions.first().map(String::as_str))
}
