//! Answers from parts. Each question gets a reader of its own, which looks at every trace at most once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Weak};

use throughline_context::TraceId;

use crate::analysis::rollup::Rollups;
use crate::answer::{Interaction, Page, Trace};
use crate::error::StoreError;
use crate::facts::Facts;
use crate::hops::{self, Hops};
use crate::part::{Fragment, Part, resolve};
use crate::question::{Limits, Range, Recent};
use crate::search::Search;
use crate::select;
use crate::span::Span;
use crate::summary::Summary;

/// So many times the spans of an answer are looked at for one page of a search.
const SEARCHED: usize = 5;
/// Traces whose spans are in memory together.
const TRACES_AT_ONCE: usize = 64;

pub struct Reader<'a> {
    parts: &'a [&'a dyn Part],
    limits: Limits,
    known: HashMap<TraceId, Option<Arc<Fragment>>>,
    /// What was counted of all parts together.
    rollups: Option<&'a dyn Rollups>,
    /// Gone when whoever asked is.
    asked: Option<Weak<()>>,
}

impl<'a> Reader<'a> {
    pub fn new(parts: &'a [&'a dyn Part], limits: Limits) -> Self {
        Self { parts, limits, known: HashMap::new(), rollups: None, asked: None }
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

    pub(crate) fn rollups(&self) -> Option<&'a dyn Rollups> {
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
            true => (search, self.started(range)?),
            false => (None, (named, range.from)),
        };
        let mut found = Vec::new();
        for id in ids {
            found.extend(self.summary(&id)?);
        }
        found.retain(|summary| range.contains(summary.start_ns) && summary.start_ns >= complete_from);
        if let Some(search) = search {
            (found, complete_from) = self.searched(search, found, complete_from)?;
        }
        Ok(select::page(found, question, complete_from))
    }

    /// Those that a search finds, and from when on none is missing: where it asks for spans, not all may be looked at.
    pub(crate) fn searched(
        &self,
        search: &Search,
        mut candidates: Vec<Summary>,
        complete_from: u64,
    ) -> Result<(Vec<Summary>, u64), StoreError> {
        candidates.sort_by_key(|summary| Reverse(summary.start_ns));
        let mut found = Vec::new();
        let (mut looked_at, mut last) = (0, u64::MAX);
        for summary in candidates {
            if looked_at > self.limits.spans.saturating_mul(SEARCHED) && summary.start_ns < last {
                return Ok((found, last));
            }
            last = summary.start_ns;
            let holds = match search.by_summary(&summary) {
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
        let mut ids = BTreeSet::new();
        for trace in traces {
            if let Some(known) = self.fragment(trace)?.filter(|known| holds(&known.facts)) {
                ids.extend(
                    known
                        .facts
                        .interactions
                        .iter()
                        .filter(|id| !ids.contains(*id))
                        .cloned()
                        .collect::<Vec<_>>(),
                );
            }
        }
        Ok((ids, complete_from))
    }

    /// What an interaction amounts to; `None` where no span that is kept carries the id.
    pub fn summary(&mut self, id: &str) -> Result<Option<Summary>, StoreError> {
        let mut claimed = BTreeSet::new();
        for part in self.parts {
            claimed.extend(part.traces_of(id)?);
        }
        let mut traces = BTreeMap::new();
        for trace in claimed {
            if let Some(known) = self.fragment(trace)?.filter(|known| known.facts.interactions.contains(id)) {
                traces.insert(trace, known);
            }
        }
        let facts = traces.iter().map(|(trace, known)| (*trace, &known.facts));
        Ok(if traces.is_empty() { None } else { Some(Summary::of(id, facts)) })
    }

    /// One trace over all parts.
    pub(crate) fn fragment(&mut self, trace: TraceId) -> Result<Option<Arc<Fragment>>, StoreError> {
        if let Some(known) = self.known.get(&trace) {
            return Ok(known.clone());
        }
        let mut fragments = Vec::new();
        for part in self.parts {
            fragments.extend(part.fragments(trace)?);
        }
        let whole = match fragments.as_slice() {
            [] => None,
            [only] => Some(Arc::clone(only)),
            several => Some(Arc::new(Fragment { facts: self.join(trace, several)?, ids: Vec::new() })),
        };
        self.known.insert(trace, whole.clone());
        Ok(whole)
    }

    /// Joins facts where no span is in two fragments; otherwise the spans themselves must tell. A trace with more
    /// spans than an answer may have is not worth that: its counts may then be too high.
    fn join(&self, trace: TraceId, fragments: &[Arc<Fragment>]) -> Result<Facts, StoreError> {
        let count: usize = fragments.iter().map(|fragment| fragment.ids.len()).sum();
        let ids: HashSet<u32> = fragments.iter().flat_map(|fragment| &fragment.ids).copied().collect();
        if ids.len() < count && count <= 2 * self.limits.spans {
            let rows = self.rows(&[trace], usize::MAX)?;
            return Ok(Facts::of(rows.iter().map(AsRef::as_ref)));
        }
        let mut facts = Facts::default();
        fragments.iter().for_each(|fragment| facts.join(&fragment.facts));
        Ok(facts)
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
