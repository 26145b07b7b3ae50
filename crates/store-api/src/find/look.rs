//! The look through traces, the newest first.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use throughline_context::TraceId;

use super::tree::Tree;
use super::{Extent, Find, Hit, Services};
use crate::error::StoreError;
use crate::part::{Fragment, Most};
use crate::question::Range;
use crate::read::Reader;
use crate::span::Span;

/// Traces whose spans are in memory together.
const AT_ONCE: usize = 64;

/// A trace with what is known of it.
type Candidate = (TraceId, Arc<Fragment>);

impl Reader<'_> {
    /// Shows each trace that is found, until the range ends, a limit is reached, or it is told to stop.
    pub fn find(
        &mut self,
        question: &Find,
        mut see: impl FnMut(&Hit<'_>) -> ControlFlow<()>,
    ) -> Result<Extent, StoreError> {
        let (candidates, complete_from) = self.candidates(question)?;
        let truncated = complete_from > question.range.from;
        let mut extent = Extent { complete_from, truncated, ..Extent::default() };
        let most = self.limits().spans;
        let mut rest = candidates.as_slice();
        while let Some((_, first)) = rest.first() {
            if extent.spans >= question.look_at as u64 || self.in_vain() {
                extent.complete_from = extent.complete_from.max(first.facts.start_ns.saturating_add(1));
                extent.truncated = true;
                break;
            }
            let (some, later) = rest.split_at(fitting(rest, most as u64));
            rest = later;
            let mut spans = self.spans_of(some, most)?;
            for (trace_id, known) in some {
                let tree = Tree::new(spans.remove(trace_id).unwrap_or_default());
                extent.traces += 1;
                extent.spans += tree.spans().len() as u64;
                extent.truncated |= (tree.spans().len() as u64) < known.facts.spans;
                let in_range =
                    |at: &usize| tree.span(*at).is_some_and(|span| question.range.contains(span.start_ns));
                let matched: Vec<usize> = question.spans.find(&tree).into_iter().filter(in_range).collect();
                let hit = Hit { trace_id: *trace_id, facts: &known.facts, tree: &tree, matched: &matched };
                if !matched.is_empty() && see(&hit).is_break() {
                    return Ok(extent);
                }
            }
        }
        Ok(extent)
    }

    /// The names of services with spans in the range, from what is known of traces without their spans.
    pub fn services(&mut self, range: Range) -> Result<(Services, Extent), StoreError> {
        let everything = Find { range, ..Find::default() };
        let (candidates, complete_from) = self.candidates(&everything)?;
        let mut services = Services::default();
        candidates.iter().for_each(|(_, known)| services.add(&known.facts));
        let truncated = complete_from > range.from;
        Ok((services, Extent { traces: candidates.len() as u64, spans: 0, complete_from, truncated }))
    }

    /// The traces that may be found, the newest first, and from when on none is missing.
    fn candidates(&mut self, question: &Find) -> Result<(Vec<Candidate>, u64), StoreError> {
        let carriers = match question.spans.must_carry() {
            // Both sides of a relation may lie anywhere in the trace, but what is named started in the range.
            Some(carried) => self.carriers(&carried, question.range)?,
            None => None,
        };
        let (traces, complete_from) = self.traces_among(carriers, self.limits().traces, question.range)?;
        self.know(traces.iter().copied())?;
        let mut candidates = Vec::new();
        for trace in traces {
            let Some(known) = self.fragment(trace)? else { continue };
            let facts = &known.facts;
            if question.range.overlaps(facts.start_ns, facts.last_start_ns)
                && question.spans.may_find(trace, facts)
            {
                candidates.push((trace, known));
            }
        }
        candidates.sort_unstable_by_key(|(trace, known)| (Reverse(known.facts.start_ns), *trace));
        Ok((candidates, complete_from))
    }

    fn spans_of(
        &self,
        traces: &[Candidate],
        most: usize,
    ) -> Result<HashMap<TraceId, Vec<Arc<Span>>>, StoreError> {
        let mut ids: Vec<TraceId> = traces.iter().map(|(trace, _)| *trace).collect();
        // As files have them, so that what lies together is read together.
        ids.sort_unstable();
        let mut of: HashMap<TraceId, Vec<Arc<Span>>> = HashMap::with_capacity(ids.len());
        for span in self.rows(&ids, Most::spans(most))? {
            of.entry(span.trace_id).or_default().push(span);
        }
        Ok(of)
    }
}

/// How many of the first traces have at most so many spans together; at least one.
fn fitting(traces: &[Candidate], most: u64) -> usize {
    let mut spans = 0_u64;
    let fit = traces.iter().take(AT_ONCE).take_while(|(_, known)| {
        spans = spans.saturating_add(known.facts.spans);
        spans <= most
    });
    fit.count().max(1)
}
