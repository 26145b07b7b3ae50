//! Answers from parts. Each question gets a reader of its own, which looks at every trace at most once.

mod known;
mod attr_keys;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Weak};

use throughline_context::TraceId;

use crate::analysis::rollup::Rollups;
use crate::answer::{Interaction, Page, Trace};
use crate::carried::Carried;
use crate::error::StoreError;
use crate::facts::Facts;
use crate::hops::{self, Hops};
use crate::part::{Fragment, Part, resolve};
use crate::question::{Limits, Range, Recent};
use crate::search::{Carriers, Search};
use crate::select;
use crate::span::Span;
use crate::summary::Summary;

/// So many times the spans of an answer are looked at for one page of a search.
const SEARCHED: usize = 5;
/// Traces that may carry something; nothing where that is not known.
type Carrying = Option<Arc<HashSet<TraceId>>>;

/// As many traces may carry what is searched for so that those are looked at first.
const FEW: usize = 4096;
/// Traces whose spans are in memory together.
const TRACES_AT_ONCE: usize = 64;

pub struct Reader<'a> {
    parts: &'a [&'a dyn Part],
    limits: Limits,
    known: HashMap<TraceId, Option<Arc<Fragment>>>,
    carrying: HashMap<Carried, (Range, Carrying)>,
    /// What was counted of all parts together.
    rollups: Option<&'a dyn Rollups>,
    /// Gone when whoever asked is.
    asked: Option<Weak<()>>,
}

impl<'a> Reader<'a> {
    pub fn new(parts: &'a [&'a dyn Part], limits: Limits) -> Self {
        Self { parts, limits, known: HashMap::new(), carrying: HashMap::new(), rollups: None, asked: None }
    }

    /// Asks for rows before it looks at spans.
    pub fn with_rollups(self, rollups: &'a dyn Rollups) -> Self {
        Self { rollups: Some(rollups), ..self }
    }

    /// Looks for as long as somebody holds what this points to.
    pub(crate) fn look_while(&mut self, asked: Weak<()>) {
        self.asked = Some(asked);
    }

    /// Nobody waits for the answer any more.
    pub(crate) fn in_vain(&self) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.strong_count() == 0)
    }

    /// What it asks for rows.
    pub fn rollups(&self) -> Option<&'a dyn Rollups> {
        self.rollups
    }

    /// What it answers from.
    pub fn parts(&self) -> &'a [&'a dyn Part] {
        self.parts
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    pub fn trace(&mut self, trace_id: TraceId) -> Result<Option<Trace>, StoreError> {
        let Some(known) = self.fragment(trace_id)? else { return Ok(None) };
        let spans = self.spans(&[trace_id])?;
        Ok(Some(Trace {
            trace_id,
            interactions: known.facts.interactions.iter().cloned().collect(),
            truncated: known.facts.spans > spans.len() as u64,
            spans,
        }))
    }

    pub fn interaction(&mut self, id: &str) -> Result<Option<Interaction>, StoreError> {
        let Some(summary) = self.summary(id)? else { return Ok(None) };
        let spans = self.spans(&summary.trace_ids)?;
        Ok(Some(Interaction { truncated: summary.span_count > spans.len() as u64, summary, spans }))
    }

    pub fn recent(&mut self, question: &Recent) -> Result<Page, StoreError> {
        let mut range = question.range;
        if let Some(cursor) = &question.cursor {
            range.to = range.to.min(cursor.start_ns.saturating_add(u64::from(!cursor.id.is_empty())));
        }
        let search = question.filter.q.as_ref();
        let named = self.named(search.and_then(Search::word))?;
        let (search, (ids, mut complete_from)) = match named.is_empty() {
            true => (search, self.begun(search, range)?),
            false => (None, (named, range.from)),
        };
        let mut found = self.summaries(ids)?;
        found.retain(|summary| range.contains(summary.start_ns) && summary.start_ns >= complete_from);
        if let Some(search) = search {
            (found, complete_from) = self.searched(search, found, complete_from)?;
        }
        Ok(select::page(found, question, complete_from))
    }

    /// The interactions that started in the range and may be found, and from when on none is missing.
    fn begun(
        &mut self,
        search: Option<&Search>,
        range: Range,
    ) -> Result<(BTreeSet<String>, u64), StoreError> {
        if let Some(carried) = search.and_then(Search::must_carry)
            // The trace that carries it may have begun long after the interaction.
            && let Some(traces) = self.carriers(&carried, Range { to: u64::MAX, ..range })?
            && traces.len() <= FEW.min(self.limits.traces)
        {
            return Ok((self.interactions_with(&traces)?, range.from));
        }
        self.started(range)
    }

    /// The traces with a span that started in the range and may carry this, where all parts can tell; with others that
    /// were asked for before.
    pub(crate) fn carriers(&mut self, carried: &Carried, range: Range) -> Result<Carrying, StoreError> {
        if let Some((known, traces)) = self.carrying.get(carried)
            && known.from <= range.from
            && known.to >= range.to
        {
            return Ok(traces.clone());
        }
        let mut traces = Some(HashSet::new());
        for part in self.parts {
            match (part.carrying(carried, range)?, &mut traces) {
                (Some(some), Some(all)) => all.extend(some),
                _ => traces = None,
            }
            if traces.is_none() {
                break;
            }
        }
        let traces = traces.map(Arc::new);
        self.carrying.insert(carried.clone(), (range, traces.clone()));
        Ok(traces)
    }

    /// Those that a search finds, and from when on none is missing: where it asks for spans, not all may be looked at.
    pub(crate) fn searched(
        &mut self,
        search: &Search,
        mut candidates: Vec<Summary>,
        complete_from: u64,
    ) -> Result<(Vec<Summary>, u64), StoreError> {
        candidates.sort_by_key(|summary| Reverse(summary.start_ns));
        let carriers = self.all_carriers(search, &candidates)?;
        let mut found = Vec::new();
        let (mut looked_at, mut last) = (0, u64::MAX);
        for summary in candidates {
            if looked_at > self.limits.spans.saturating_mul(SEARCHED) && summary.start_ns < last {
                return Ok((found, last));
            }
            last = summary.start_ns;
            let holds = match search.by_summary(&summary, &carriers) {
                Some(holds) => holds,
                None => {
                    let spans = self.rows(&summary.trace_ids, self.limits.spans)?;
                    looked_at += spans.len();
                    search.holds(&summary, &spans)
                }
            };
            if holds {
                found.push(summary);
            }
        }
        Ok((found, complete_from))
    }

    /// The traces that may carry what the terms of a search are about, for those terms that all parts can tell of; not
    /// asked for where the summaries tell all.
    fn all_carriers(&mut self, search: &Search, candidates: &[Summary]) -> Result<Carriers, StoreError> {
        let mut carriers = Carriers::new();
        let open = |summary: &Summary| search.by_summary(summary, &Carriers::new()).is_none();
        let from = candidates.iter().filter(|summary| open(summary)).map(|summary| summary.start_ns).min();
        let Some(from) = from else { return Ok(carriers) };
        for carried in search.carried() {
            if let Some(traces) = self.carriers(&carried, Range { from, to: u64::MAX })? {
                carriers.insert(carried, traces);
            }
        }
        Ok(carriers)
    }

    /// The interactions that a text names by their own id or by the id of one of their traces.
    fn named(&mut self, text: Option<&str>) -> Result<BTreeSet<String>, StoreError> {
        let Some(text) = text else { return Ok(BTreeSet::new()) };
        let mut ids = BTreeSet::new();
        if self.summary(text)?.is_some() {
            ids.insert(text.to_owned());
        }
        if let Ok(trace) = text.parse()
            && let Some(known) = self.fragment(trace)?
        {
            ids.extend(known.facts.interactions.iter().cloned());
        }
        Ok(ids)
    }

    pub fn hops(&mut self, question: &hops::Question) -> Result<Hops, StoreError> {
        let (traces, complete_from) = self.traces(question.range)?;
        let mut traces: Vec<TraceId> = traces.into_iter().collect();
        // As files have them, so that what lies together is read together.
        traces.sort_unstable();
        let mut seen = hops::Traces::new(question);
        let mut truncated = complete_from > question.range.from;
        for some in traces.chunks(TRACES_AT_ONCE) {
            if seen.full() || self.in_vain() {
                truncated = true;
                break;
            }
            let spans = self.rows(some, self.limits.spans)?;
            truncated |= spans.len() >= self.limits.spans;
            let mut of: HashMap<TraceId, Vec<&Arc<Span>>> = HashMap::new();
            spans.iter().for_each(|span| of.entry(span.trace_id).or_default().push(span));
            of.values().for_each(|spans| seen.add(spans));
        }
        Ok(seen.finish(complete_from, truncated))
    }

    /// The traces that started in the range, and from when on none is missing.
    pub(crate) fn traces(&self, range: Range) -> Result<(HashSet<TraceId>, u64), StoreError> {
        let mut traces = HashSet::new();
        let mut complete_from = range.from;
        for part in self.parts {
            let started = part.started(range, self.limits.traces)?;
            complete_from = complete_from.max(started.complete_from);
            traces.extend(started.traces);
        }
        Ok((traces, complete_from))
    }

    /// The interactions with a trace that started in the range, and from when on none is missing.
    pub(crate) fn started(&mut self, range: Range) -> Result<(BTreeSet<String>, u64), StoreError> {
        self.started_where(range, |_| true)
    }

    /// The same of such traces.
    pub(crate) fn started_where(
        &mut self,
        range: Range,
        holds: impl Fn(&Facts) -> bool,
    ) -> Result<(BTreeSet<String>, u64), StoreError> {
        let (traces, complete_from) = self.traces(range)?;
        Ok((self.interactions_where(&traces, holds)?, complete_from))
    }

    fn interactions_with(&mut self, traces: &HashSet<TraceId>) -> Result<BTreeSet<String>, StoreError> {
        self.interactions_where(traces, |_| true)
    }

    fn interactions_where(
        &mut self,
        traces: &HashSet<TraceId>,
        holds: impl Fn(&Facts) -> bool,
    ) -> Result<BTreeSet<String>, StoreError> {
        self.know(traces.iter().copied())?;
        let known = traces.iter().filter_map(|trace| self.known.get(trace)?.as_ref());
        let known = known.filter(|known| holds(&known.facts));
        Ok(known.flat_map(|known| &known.facts.interactions).cloned().collect())
    }

    pub(crate) fn rows(&self, traces: &[TraceId], most: usize) -> Result<Vec<Arc<Span>>, StoreError> {
        let mut rows = Vec::new();
        for part in self.parts {
            rows.extend(part.rows(traces, most)?);
        }
        Ok(resolve(&rows).into_iter().map(|row| row.span).collect())
    }

    fn spans(&self, traces: &[TraceId]) -> Result<Vec<Arc<Span>>, StoreError> {
        let mut spans = self.rows(traces, self.limits.spans)?;
        spans.sort_by(|a, b| (a.start_ns, a.identity()).cmp(&(b.start_ns, b.identity())));
        let mut bytes = 0;
        let fit = spans.iter().take_while(|span| {
            bytes += span.weight();
            bytes <= self.limits.bytes
        });
        let fit = fit.count().min(self.limits.spans);
        spans.truncate(fit);
        Ok(spans)
    }
}
