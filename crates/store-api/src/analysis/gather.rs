//! Goes through the traces of a scope. What does not fit into the limits is the oldest: how many spans a trace has is known
//! before they are read.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use throughline_context::TraceId;

use super::counted::Finished;
use super::observe::Traced;
use super::rollup::{Kept, LEAST_NS};
use super::scope::{Covered, Scope};
use crate::error::StoreError;
use crate::facts::Facts;
use crate::part::{Fragment, Most};
use crate::question::{Filter, Range};
use crate::read::Reader;
use crate::select::{self, Found};
use crate::span::Span;

/// So many spans are in memory together, unless one trace has more.
const SPANS_AT_ONCE: u64 = 8192;

/// A trace that may be looked at, with what is known of it.
#[derive(Clone)]
pub(crate) struct Candidate {
    pub(crate) id: TraceId,
    known: Arc<Fragment>,
}

impl Candidate {
    pub(crate) fn facts(&self) -> &Facts {
        &self.known.facts
    }

    /// Where files have it.
    fn place(&self) -> (Option<&String>, TraceId) {
        (self.facts().interactions.first(), self.id)
    }
}

impl Reader<'_> {
    /// Shows every trace with a span that started in the range, and the part of the range in which nothing was left out:
    /// only what started there counts.
    pub(crate) fn each_trace(
        &mut self,
        scope: &Scope,
        see: impl FnMut(&Traced<'_>, Range),
    ) -> Result<Covered, StoreError> {
        // Each has a span at least.
        let candidates = self.candidates_where(scope, scope.spans, |_| true)?;
        self.each_fitting(candidates, scope, see)
    }

    /// The same of those traces of which this holds; of others no span is read.
    pub(crate) fn each_trace_where(
        &mut self,
        scope: &Scope,
        holds: impl Fn(&Facts) -> bool,
        see: impl FnMut(&Traced<'_>, Range),
    ) -> Result<Covered, StoreError> {
        let candidates = self.candidates_where(scope, usize::MAX, holds)?;
        self.each_fitting(candidates, scope, see)
    }

    fn each_fitting(
        &self,
        (candidates, mut covered): (Vec<Candidate>, Covered),
        scope: &Scope,
        see: impl FnMut(&Traced<'_>, Range),
    ) -> Result<Covered, StoreError> {
        let candidates = fitting(candidates, scope.spans, &mut covered);
        self.look_at(candidates, scope, &mut covered, see)?;
        Ok(covered)
    }

    /// The traces of a scope of which this holds, with no more than their facts, and from when on none is missing. Of all
    /// that started in its range about the newest `most` are looked at.
    pub(crate) fn candidates_where(
        &mut self,
        scope: &Scope,
        most: usize,
        holds: impl Fn(&Facts) -> bool,
    ) -> Result<(Vec<Candidate>, Covered), StoreError> {
        let mut covered = Covered::nothing_yet(scope.range);
        let chosen = self.chosen(scope, &mut covered)?;
        let most = if chosen.is_some() { usize::MAX } else { most };
        let (mut traces, complete_from) = self.newest(covered.window(), most)?;
        covered.cut(complete_from);
        traces.retain(|id| chosen.as_ref().is_none_or(|chosen| chosen.contains(id)));
        self.know(traces.iter().copied())?;
        let window = covered.window();
        let started = |facts: &Facts| window.overlaps(facts.start_ns, facts.last_start_ns);
        let mut candidates = Vec::new();
        for id in traces {
            let known = self.fragment(id)?.map(|known| Candidate { id, known });
            candidates.extend(known.filter(|one| started(one.facts()) && holds(one.facts())));
        }
        Ok((candidates, covered))
    }

    /// Reads traces and shows them, with the part of the range that is covered.
    pub(crate) fn look_at(
        &self,
        mut candidates: Vec<Candidate>,
        scope: &Scope,
        covered: &mut Covered,
        mut see: impl FnMut(&Traced<'_>, Range),
    ) -> Result<(), StoreError> {
        let window = covered.window();
        // What lies together is read together: each page of a file once.
        candidates.sort_unstable_by(|a, b| a.place().cmp(&b.place()));
        for some in batches(&candidates, |one| one.facts().spans) {
            // Nobody gets the answer, whatever it is.
            if self.in_vain() {
                break;
            }
            let some: Vec<TraceId> = some.iter().map(|one| one.id).collect();
            self.each_of(&some, window, scope, covered, &mut see)?;
        }
        Ok(())
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
        let (traces, complete_from) = self.traces(range)?;
        let ids = self.interactions_with(&traces)?;
        self.calls_among(ids, complete_from, filter)
    }

    /// Those of them that fit.
    pub(crate) fn calls_among(
        &mut self,
        ids: BTreeSet<String>,
        complete_from: u64,
        filter: &Filter,
    ) -> Result<Found, StoreError> {
        let calls = self.summaries(ids)?;
        let mut found = match &filter.q {
            Some(search) => self.searched(search, calls, complete_from)?,
            None => Found { calls, complete_from, cut: false },
        };
        found.calls.retain(|call| select::fits(filter, call));
        Ok(found)
    }
}

/// In the order in which they are, as many at a time as have spans for [`SPANS_AT_ONCE`]; one is always taken.
pub(crate) fn batches<T>(of: &[T], spans: impl Fn(&T) -> u64) -> impl Iterator<Item = &[T]> {
    let mut rest = of;
    std::iter::from_fn(move || {
        let mut together: u64 = 0;
        let fit = rest.iter().take_while(|one| {
            together = together.saturating_add(spans(one));
            together <= SPANS_AT_ONCE
        });
        let (some, later) = rest.split_at_checked(fit.count().max(1))?;
        rest = later;
        Some(some)
    })
}

/// The newest of them that together have no more than `most` spans; one trace is always taken.
pub(crate) fn fitting(mut candidates: Vec<Candidate>, most: usize, covered: &mut Covered) -> Vec<Candidate> {
    candidates.sort_unstable_by_key(|one| Reverse(one.facts().last_start_ns));
    let newest = candidates.iter().map(|one| (one.facts().last_start_ns, one.facts().spans));
    covered.cut(fitting_from(newest, most as u64));
    candidates.retain(|one| one.facts().last_start_ns >= covered.complete_from);
    candidates
}

/// From when on all have no more than `most` spans together. Each is told by its time and how many it has, the newest first.
pub(crate) fn fitting_from(newest: impl Iterator<Item = (u64, u64)>, most: u64) -> u64 {
    let mut together: u64 = 0;
    for (at, spans) in newest {
        let before = together;
        together = together.saturating_add(spans);
        if together > most && before > 0 {
            return at.saturating_add(1);
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_left_out_and_those_of_one_moment_together() {
        for (newest, most, from) in [
            (&[][..], 10, 0),
            (&[(5, 99)], 10, 0),
            (&[(9, 4), (5, 4)], 8, 0),
            (&[(9, 4), (5, 4)], 7, 6),
            (&[(9, 4), (9, 4), (5, 4)], 7, 10),
            (&[(9, 4), (5, 4), (1, 1)], 8, 2),
        ] {
            assert_eq!(fitting_from(newest.iter().copied(), most), from, "{newest:?}");
        }
    }
}
