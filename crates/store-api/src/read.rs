//! Answers from parts. Each question gets a reader of its own, which looks at every trace at most once.

mod known;
mod attr_keys;
mod calls;

pub(crate) use calls::Call;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Weak};

use throughline_context::TraceId;

use crate::analysis::rollup::Rollups;
use crate::answer::{Interaction, Page, Trace};
use crate::carried::Carried;
use crate::error::StoreError;
use crate::part::{Fragment, Most, Part, Started, resolve};
use crate::question::{Limits, Range, Recent};
use crate::search::{Carriers, Carrying, Search};
use crate::select::{self, Found};
use crate::span::Span;
use crate::summary::Summary;

/// So many times the spans of an answer are looked at for one page of a search.
const SEARCHED: usize = 5;
/// As many traces may carry what is searched for so that those are looked at first.
const FEW: usize = 4096;

pub struct Reader<'a> {
    parts: &'a [&'a dyn Part],
    limits: Limits,
    known: HashMap<TraceId, Option<Arc<Fragment>>>,
    /// What was asked for before; nothing where it is not known.
    carrying: HashMap<Carried, (Range, Option<Carrying>)>,
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
        let (search, (ids, complete_from)) = match named.is_empty() {
            true => (search, self.begun(search, range)?),
            false => (None, (named, range.from)),
        };
        let mut calls = self.summaries(ids)?;
        calls.retain(|call| range.contains(call.start_ns) && call.start_ns >= complete_from);
        let Some(search) = search else {
            let found = Found { calls, complete_from, cut: false };
            return Ok(select::page(found, Vec::new(), question));
        };
        let mut found = self.searched(search, calls, complete_from)?;
        let led = question.cursor.as_ref().is_some_and(|cursor| cursor.led);
        let full = found.complete_from <= range.from || found.calls.len() >= question.limit;
        if full && !led {
            return Ok(select::page(found, Vec::new(), question));
        }
        let mut older = self.led_to(search, range)?;
        if led {
            let given: HashSet<&str> = older.iter().map(|call| call.id.as_str()).collect();
            found.calls.retain(|call| !given.contains(call.id.as_str()));
            return Ok(select::page(found, Vec::new(), question));
        }
        older.retain(|call| call.start_ns < found.complete_from);
        let older = self.searched(search, older, range.from)?;
        // Where not all of them could be looked at, they are found in their order.
        let all = older.complete_from <= range.from;
        found.cut |= all && older.cut;
        Ok(select::page(found, if all { older.calls } else { Vec::new() }, question))
    }

    /// The interactions that started in the range and that terms of a search lead to, each by itself.
    fn led_to(&mut self, search: &Search, range: Range) -> Result<Vec<Summary>, StoreError> {
        let mut traces = HashSet::new();
        for carried in search.leads() {
            let some = self.carriers(&carried, Range { to: u64::MAX, ..range })?;
            let some = some.filter(|some| some.traces.len() <= FEW);
            traces.extend(some.iter().flat_map(|some| some.traces.iter().copied()));
        }
        let ids = self.interactions_with(&traces.into_iter().collect::<Vec<_>>())?;
        let mut calls = self.summaries(ids)?;
        calls.retain(|call| range.contains(call.start_ns));
        Ok(calls)
    }

    /// The interactions that started in the range and may be found, and from when on none is missing.
    fn begun(
        &mut self,
        search: Option<&Search>,
        range: Range,
    ) -> Result<(BTreeSet<String>, u64), StoreError> {
        let carriers = match search.and_then(Search::must_carry) {
            // The trace that carries it may have begun long after the interaction.
            Some(carried) => self.carriers(&carried, Range { to: u64::MAX, ..range })?,
            None => None,
        };
        let (traces, complete_from) = self.traces_among(carriers, FEW.min(self.limits.traces), range)?;
        Ok((self.interactions_with(&traces)?, complete_from))
    }

    /// The traces of a range, and from when on none is missing: those that carry something where they are at most so many
    /// and that reaches farther back, else all.
    pub(crate) fn traces_among(
        &mut self,
        carriers: Option<Carrying>,
        most: usize,
        range: Range,
    ) -> Result<(Vec<TraceId>, u64), StoreError> {
        let Some(few) = carriers.filter(|carriers| carriers.traces.len() <= most) else {
            return self.traces(range);
        };
        if few.from > range.from {
            let (all, from) = self.traces(range)?;
            if from <= few.from {
                return Ok((all, from));
            }
        }
        Ok((few.traces.iter().copied().collect(), few.from.max(range.from)))
    }

    /// The traces with a span that started in the range and may carry this, where all parts can tell; with others that
    /// were asked for before.
    pub(crate) fn carriers(
        &mut self,
        carried: &Carried,
        range: Range,
    ) -> Result<Option<Carrying>, StoreError> {
        if let Some((known, carriers)) = self.carrying.get(carried)
            && known.from <= range.from
            && known.to >= range.to
        {
            return Ok(carriers.clone());
        }
        let mut known = Some((HashSet::new(), range.from));
        for part in self.parts {
            let Some((traces, from)) = &mut known else { break };
            match part.carrying(carried, range)? {
                Some(some) => {
                    traces.extend(some.traces);
                    *from = some.complete_from.max(*from);
                }
                None => known = None,
            }
        }
        let carriers = known.map(|(traces, from)| Carrying { traces: Arc::new(traces), from });
        self.carrying.insert(carried.clone(), (range, carriers.clone()));
        Ok(carriers)
    }

    /// Those that a search finds: where it asks for spans, not all may be looked at.
    pub(crate) fn searched(
        &mut self,
        search: &Search,
        mut candidates: Vec<Summary>,
        complete_from: u64,
    ) -> Result<Found, StoreError> {
        candidates.sort_by_key(|summary| Reverse(summary.start_ns));
        let carriers = self.all_carriers(search, &candidates)?;
        let mut found = Found { complete_from, ..Found::default() };
        let (mut looked_at, mut last) = (0, u64::MAX);
        for summary in candidates {
            if looked_at > self.limits.spans.saturating_mul(SEARCHED) && summary.start_ns < last {
                return Ok(Found { complete_from: last, ..found });
            }
            last = summary.start_ns;
            let holds = match search.by_summary(&summary, &carriers) {
                Some(holds) => holds,
                None => {
                    let spans = self.rows(&summary.trace_ids, self.most())?;
                    looked_at += spans.len();
                    found.cut |= (spans.len() as u64) < summary.span_count;
                    search.holds(&summary, &spans)
                }
            };
            if holds {
                found.calls.push(summary);
            }
        }
        Ok(found)
    }

    /// The traces that may carry what the terms of a search are about, for those terms that all parts can tell of; not
    /// asked for where the summaries tell all.
    fn all_carriers(&mut self, search: &Search, candidates: &[Summary]) -> Result<Carriers, StoreError> {
        let mut carriers = Carriers::new();
        let open = |summary: &Summary| search.by_summary(summary, &Carriers::new()).is_none();
        let from = candidates.iter().filter(|summary| open(summary)).map(|summary| summary.start_ns).min();
        let Some(from) = from else { return Ok(carriers) };
        for carried in search.carried() {
            if let Some(some) = self.carriers(&carried, Range { from, to: u64::MAX })? {
                carriers.insert(carried, some);
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

    /// The traces that started in the range, each once, and from when on none is missing.
    pub(crate) fn traces(&mut self, range: Range) -> Result<(Vec<TraceId>, u64), StoreError> {
        self.newest(range, usize::MAX)
    }

    /// Of these about so many of each part.
    pub(crate) fn newest(&mut self, range: Range, most: usize) -> Result<(Vec<TraceId>, u64), StoreError> {
        let most = self.limits.traces.min(most);
        self.started(range, |part| part.started(range, most))
    }

    /// Those that go on.
    pub(crate) fn open(&mut self, range: Range) -> Result<(Vec<TraceId>, u64), StoreError> {
        let most = self.limits.traces;
        self.started(range, |part| part.open(range, most))
    }

    /// Who asks for them wants to know them, too. They stay in the order of their part: what lies together in memory is
    /// gone through together.
    fn started(
        &mut self,
        range: Range,
        ask: impl Fn(&dyn Part) -> Result<Started, StoreError>,
    ) -> Result<(Vec<TraceId>, u64), StoreError> {
        let (mut traces, mut at_hand, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        let mut complete_from = range.from;
        for part in self.parts {
            let started = ask(*part)?;
            complete_from = complete_from.max(started.complete_from);
            seen.reserve(started.traces.len());
            traces.extend(started.traces.into_iter().filter(|trace| seen.insert(*trace)));
            at_hand.push(started.whole);
        }
        self.know_with(traces.iter().copied(), at_hand)?;
        Ok((traces, complete_from))
    }

    /// The interactions of traces.
    pub(crate) fn interactions_with(&mut self, traces: &[TraceId]) -> Result<BTreeSet<String>, StoreError> {
        self.know(traces.iter().copied())?;
        let known = traces.iter().filter_map(|trace| self.known.get(trace)?.as_ref());
        Ok(known.flat_map(|known| &known.facts.interactions).cloned().collect())
    }

    /// As much as an answer may have.
    fn most(&self) -> Most {
        Most { spans: self.limits.spans, bytes: self.limits.bytes }
    }

    pub(crate) fn rows(&self, traces: &[TraceId], most: Most) -> Result<Vec<Arc<Span>>, StoreError> {
        let mut rows = Vec::new();
        for part in self.parts {
            rows.extend(part.rows(traces, most)?);
        }
        Ok(resolve(&rows).into_iter().map(|row| row.span).collect())
    }

    fn spans(&self, traces: &[TraceId]) -> Result<Vec<Arc<Span>>, StoreError> {
        let mut spans = self.rows(traces, self.most())?;
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
