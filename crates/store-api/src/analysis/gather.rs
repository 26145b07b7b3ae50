//! Goes through the traces of a scope. What does not fit into the limits is the oldest: how many spans a trace has is known
//! before they are read.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use throughline_context::TraceId;

use super::counted::Finished;
use super::observe::Traced;
use super::rollup::{Kept, LEAST_NS};
use super::scope::{Covered, Scope};
use crate::error::StoreError;
use crate::facts::Facts;
use crate::part::Most;
use crate::question::{Filter, Range};
use crate::read::Reader;
use crate::select::{self, Found};
use crate::span::Span;

/// Traces whose spans are in memory together.
const TRACES_AT_ONCE: usize = 64;

impl Reader<'_> {
    /// Shows every trace with a span that started in the range, and the part of the range in which nothing was left out:
    /// only what started there counts.
    pub(crate) fn each_trace(
        &mut self,
        scope: &Scope,
        mut see: impl FnMut(&Traced<'_>, Range),
    ) -> Result<Covered, StoreError> {
        let mut covered = Covered::nothing_yet(scope.range);
        let chosen = self.chosen(scope, &mut covered)?;
        // Each has a span at least.
        let most = if chosen.is_some() { usize::MAX } else { scope.spans };
        let (traces, complete_from) =
            self.newest(Range { from: covered.complete_from, to: scope.range.to }, most)?;
        covered.cut(complete_from);
        self.know(traces.iter().copied())?;
        let mut known = Vec::new();
        for trace in traces.into_iter().filter(|id| chosen.as_ref().is_none_or(|chosen| chosen.contains(id)))
        {
            let facts = self.fragment(trace)?;
            known.extend(facts.map(|known| (known.facts.last_start_ns, known.facts.spans, trace)));
        }
        covered.cut(fitting_from(&mut known, scope.spans as u64));
        let window = Range { from: covered.complete_from, to: scope.range.to };
        known.retain(|(last, ..)| *last >= window.from);
        let mut traces: Vec<TraceId> = known.into_iter().map(|(.., trace)| trace).collect();
        // As files have them, so that what lies together is read together.
        traces.sort_unstable();
        for some in traces.chunks(TRACES_AT_ONCE) {
            // Nobody gets the answer, whatever it is.
            if self.in_vain() {
                break;
            }
            self.each_of(some, window, scope, &mut covered, &mut see)?;
        }
        Ok(covered)
    }

    pub(super) fn each_of(
        &self,
        traces: &[TraceId],
        window: Range,
        scope: &Scope,
        covered: &mut Covered,
        see: &mut impl FnMut(&Traced<'_>, Range),
    ) -> Result<(), StoreError> {
        let most = self.limits().spans;
        let mut spans = self.rows(traces, Most::spans(most))?;
        if spans.len() >= most && traces.len() > 1 {
            for trace in traces {
                self.each_of(std::slice::from_ref(trace), window, scope, covered, see)?;
            }
            return Ok(());
        }
        covered.truncated |= spans.len() >= most;
        covered.spans += spans.len() as u64;
        // In one order, so that limits on names leave out the same each time.
        spans.sort_by(|a, b| (a.start_ns, a.identity()).cmp(&(b.start_ns, b.identity())));
        let mut of: BTreeMap<TraceId, Vec<&Arc<Span>>> = BTreeMap::new();
        spans.iter().for_each(|span| of.entry(span.trace_id).or_default().push(span));
        for spans in of.values() {
            let trace = Traced::of(spans);
            if scope.fits_trace(&trace) {
                see(&trace, window);
            }
        }
        Ok(())
    }

    /// Shows all that finished in a scope: rows no wider than `widest` where such are kept and can tell, and the spans of
    /// the rest.
    pub(crate) fn each_finished(
        &mut self,
        scope: &Scope,
        widest: u64,
        mut see: impl FnMut(&Finished<'_>),
    ) -> Result<Covered, StoreError> {
        let kept = match self.rollups() {
            Some(rollups) if widest >= LEAST_NS && !scope.needs_spans() => {
                rollups.rollups(scope.range, widest)?
            }
            _ => Kept { rows: Vec::new(), rest: vec![scope.range] },
        };
        let covered = self.each_trace_of(scope, &kept.rest, |trace, window| {
            Finished::of(trace, window).for_each(|one| see(&one));
        })?;
        kept.rows_since(covered.complete_from).for_each(|row| see(&Finished::Row(row)));
        Ok(covered)
    }

    /// [`Self::each_trace`] over parts of the scope's range, the newest first, as far as its limits go.
    fn each_trace_of(
        &mut self,
        scope: &Scope,
        rest: &[Range],
        mut see: impl FnMut(&Traced<'_>, Range),
    ) -> Result<Covered, StoreError> {
        let mut covered = Covered::nothing_yet(scope.range);
        for range in rest.iter().rev() {
            let spans = scope.spans.saturating_sub(usize::try_from(covered.spans).unwrap_or(usize::MAX));
            let part = self.each_trace(&Scope { spans, ..scope.at(*range) }, &mut see)?;
            covered.spans += part.spans;
            covered.truncated |= part.truncated;
            if part.complete_from > range.from {
                covered.cut(part.complete_from);
                break;
            }
        }
        Ok(covered)
    }

    /// The traces of the interactions that a scope is about; nothing where it is about all.
    fn chosen(
        &mut self,
        scope: &Scope,
        covered: &mut Covered,
    ) -> Result<Option<HashSet<TraceId>>, StoreError> {
        if scope.calls == Filter::default() {
            return Ok(None);
        }
        let found = self.calls(scope.range, &scope.calls)?;
        covered.cut(found.complete_from);
        covered.truncated |= found.cut;
        Ok(Some(found.calls.into_iter().flat_map(|call| call.trace_ids).collect()))
    }

    /// The interactions with a trace that has a span in the range, and that fit.
    pub(crate) fn calls(&mut self, range: Range, filter: &Filter) -> Result<Found, StoreError> {
        self.calls_where(range, filter, |_| true)
    }

    /// Those of them with a trace of which this holds.
    pub(crate) fn calls_where(
        &mut self,
        range: Range,
        filter: &Filter,
        holds: impl Fn(&Facts) -> bool,
    ) -> Result<Found, StoreError> {
        let (ids, complete_from) = self.started_where(range, holds)?;
        let calls = self.summaries(ids)?;
        let mut found = match &filter.q {
            Some(search) => self.searched(search, calls, complete_from)?,
            None => Found { calls, complete_from, cut: false },
        };
        found.calls.retain(|call| select::fits(filter, call));
        Ok(found)
    }
}

/// From when on all traces together have no more than `most` spans; one trace is always taken. Each trace is told by the
/// start of its last span, how many it has, and its id.
fn fitting_from(traces: &mut [(u64, u64, TraceId)], most: u64) -> u64 {
    traces.sort_unstable_by_key(|(last, ..)| std::cmp::Reverse(*last));
    let mut together: u64 = 0;
    for (last, spans, _) in traces {
        let before = together;
        together = together.saturating_add(*spans);
        if together > most && before > 0 {
            return last.saturating_add(1);
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_left_out_and_those_of_one_moment_together() {
        let traces = |of: &[(u64, u64)]| -> Vec<_> {
            of.iter().map(|(last, spans)| (*last, *spans, TraceId::default())).collect()
        };
        for (of, most, from) in [
            (vec![], 10, 0),
            (vec![(5, 99)], 10, 0),
            (vec![(5, 4), (9, 4)], 8, 0),
            (vec![(5, 4), (9, 4)], 7, 6),
            (vec![(5, 4), (9, 4), (9, 4)], 7, 10),
            (vec![(1, 1), (5, 4), (9, 4)], 8, 2),
        ] {
            assert_eq!(fitting_from(&mut traces(&of), most), from, "{of:?}");
        }
    }
}
