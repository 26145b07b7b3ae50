//! Spans in memory. A clone is cheap and stays as it is while the original goes on changing.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use throughline_context::TraceId;

use crate::answer::Appended;
use crate::attr_keys::AttrKeys;
use crate::carried::Carried;
use crate::error::StoreError;
use crate::facts::Facts;
use crate::part::{Fragment, Most, Part, Row, Started, short_id};
use crate::question::Range;
use crate::span::Span;

#[derive(Clone, Default)]
pub struct Shelf {
    /// The place in the order of arrival that all its rows have.
    seq: u64,
    traces: HashMap<TraceId, Arc<Shelved>>,
    interactions: HashMap<String, BTreeSet<TraceId>>,
    spans: usize,
    weight: usize,
}

/// One trace. The fragment is made when somebody asks, since most appends are not followed by a question.
#[derive(Clone, Default)]
struct Shelved {
    spans: HashSet<ByIdentity>,
    fragment: OnceLock<Arc<Fragment>>,
    weight: usize,
    touched: u64,
}

impl Shelf {
    pub fn new(seq: u64) -> Self {
        Self { seq, ..Self::default() }
    }

    pub fn seq(&self) -> u64 {
        self.seq
    }

    pub fn spans(&self) -> usize {
        self.spans
    }

    /// Estimated bytes.
    pub fn weight(&self) -> usize {
        self.weight
    }

    pub fn is_empty(&self) -> bool {
        self.traces.is_empty()
    }

    /// Adds spans that arrived at `now`.
    pub fn append(&mut self, spans: Vec<Span>, now: u64) -> Appended {
        let mut appended = Appended::default();
        let mut resource = std::ptr::null();
        for span in spans {
            // A resource that many spans share is counted at the first of them.
            let shared = Arc::as_ptr(&span.resource);
            let weight =
                span.weight() + if shared == resource { 0 } else { span.resource.attributes().heap() };
            resource = shared;
            if self.put(Arc::new(span), weight, now) {
                appended.spans += 1;
            } else {
                appended.duplicates += 1;
            }
        }
        appended
    }

    fn put(&mut self, span: Arc<Span>, weight: usize, now: u64) -> bool {
        let (id, new) = (span.trace_id, ByIdentity(span));
        if let Some(known) = self.traces.get(&id).and_then(|trace| trace.spans.get(&new))
            && known.0.revision() >= new.0.revision()
        {
            return false;
        }
        if let Some(interaction) = new.0.interaction() {
            match self.interactions.get_mut(interaction.as_ref()) {
                Some(traces) => {
                    traces.insert(id);
                }
                None => {
                    self.interactions.insert(interaction.into_owned(), BTreeSet::from([id]));
                }
            }
        }
        let trace = Arc::make_mut(self.traces.entry(id).or_default());
        let replaced = trace.spans.replace(new);
        trace.fragment = OnceLock::new();
        trace.weight += weight;
        trace.touched = now;
        self.weight += weight;
        self.spans += usize::from(replaced.is_none());
        true
    }

    /// All rows, in no order.
    pub fn all(&self) -> impl Iterator<Item = Row> {
        self.traces.values().flat_map(|trace| self.rows_of(trace))
    }

    /// Removes the interactions touched last before `since`, then the longest untouched ones until at most `most`
    /// bytes are left. A trace without an interaction counts as one.
    pub fn evict(&mut self, since: u64, most: usize) {
        let mut groups: Vec<(u64, TraceId)> = self.touched().collect();
        groups.sort_unstable();
        for (touched, trace) in groups {
            if touched >= since && self.weight <= most {
                break;
            }
            for member in self.group(trace) {
                self.remove(member);
            }
        }
        let left = &self.traces;
        self.interactions.retain(|_, traces| {
            traces.retain(|trace| left.contains_key(trace));
            !traces.is_empty()
        });
    }

    /// When each trace, or another one of its interactions, last got a span.
    fn touched(&self) -> impl Iterator<Item = (u64, TraceId)> {
        let last = |traces: &BTreeSet<TraceId>| {
            traces.iter().filter_map(|id| self.traces.get(id)).map(|trace| trace.touched).max()
        };
        let last: HashMap<&str, Option<u64>> =
            self.interactions.iter().map(|(id, traces)| (id.as_str(), last(traces))).collect();
        self.traces.iter().map(move |(id, trace)| {
            let interactions = &trace.fragment().facts.interactions;
            let times = interactions.iter().filter_map(|interaction| *last.get(interaction.as_str())?);
            (times.max().unwrap_or(0).max(trace.touched), *id)
        })
    }

    /// The traces of the interactions of a trace, itself among them.
    fn group(&self, trace: TraceId) -> BTreeSet<TraceId> {
        let mut members = BTreeSet::from([trace]);
        if let Some(shelved) = self.traces.get(&trace) {
            for id in &shelved.fragment().facts.interactions {
                members.extend(self.interactions.get(id).into_iter().flatten());
            }
        }
        members
    }

    fn remove(&mut self, trace: TraceId) {
        if let Some(gone) = self.traces.remove(&trace) {
            self.weight -= gone.weight;
            self.spans -= gone.spans.len();
        }
    }

    fn rows_of<'a>(&self, trace: &'a Shelved) -> impl Iterator<Item = Row> + use<'a> {
        let seq = self.seq;
        trace.spans.iter().map(move |span| Row { span: Arc::clone(&span.0), seq })
    }
}

impl Shelved {
    fn fragment(&self) -> &Arc<Fragment> {
        self.fragment.get_or_init(|| {
            let spans = || self.spans.iter().map(|span| span.0.as_ref());
            Arc::new(Fragment {
                facts: Facts::of(spans()),
                ids: spans().map(|span| short_id(&span.identity())).collect(),
            })
        })
    }
}

impl Part for Shelf {
    fn fragments(&self, traces: &[TraceId]) -> Result<Vec<(TraceId, Arc<Fragment>)>, StoreError> {
        let known = traces.iter().filter_map(|trace| Some((*trace, self.traces.get(trace)?)));
        Ok(known.map(|(trace, shelved)| (trace, Arc::clone(shelved.fragment()))).collect())
    }

    fn traces_of(&self, interactions: &[&str]) -> Result<Vec<TraceId>, StoreError> {
        Ok(interactions.iter().filter_map(|id| self.interactions.get(*id)).flatten().copied().collect())
    }

    fn started(&self, range: Range, most: usize) -> Result<Started, StoreError> {
        let fragments = self.traces.iter().map(|(id, shelved)| (*id, shelved.fragment()));
        Ok(Started::newest(fragments, range, most, |_| true))
    }

    fn open(&self, range: Range, most: usize) -> Result<Started, StoreError> {
        let fragments = self.traces.iter().map(|(id, shelved)| (*id, shelved.fragment()));
        let open = fragments.filter(|(_, fragment)| !fragment.facts.open.is_empty());
        Ok(Started::newest(open, range, most, |_| true))
    }

    fn carrying(&self, carried: &Carried, range: Range) -> Result<Option<Started>, StoreError> {
        let carries = |span: &ByIdentity| range.contains(span.0.start_ns) && carried.is_on(&span.0);
        let carrying = self.traces.iter().filter(|(_, shelved)| shelved.spans.iter().any(carries));
        let traces = carrying.map(|(id, _)| *id).collect();
        Ok(Some(Started { traces, complete_from: range.from, ..Started::default() }))
    }

    fn attr_keys(&self, range: Range) -> Result<Option<AttrKeys>, StoreError> {
        let spans = self.traces.values().flat_map(|trace| trace.spans.iter().map(|span| &span.0));
        Ok(Some(AttrKeys::of(spans, range)))
    }

    fn rows(&self, traces: &[TraceId], most: Most) -> Result<Vec<Row>, StoreError> {
        let shelved = traces.iter().filter_map(|trace| self.traces.get(trace));
        Ok(shelved.flat_map(|trace| self.rows_of(trace)).take(most.spans).collect())
    }
}

#[derive(Clone)]
struct ByIdentity(Arc<Span>);

impl PartialEq for ByIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.0.identity() == other.0.identity()
    }
}

impl Eq for ByIdentity {}

impl Hash for ByIdentity {
    fn hash<H: Hasher>(&self, to: &mut H) {
        self.0.identity().hash(to);
    }
}
