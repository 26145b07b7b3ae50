//! Traces that spans came for lately, as little of each span as counting needs: so what comes is counted with all that
//! came before, and what was counted before is put right, without reading a file.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store_api::analysis::observe::{Context, Observation, Says};
use store_api::analysis::rollup::{self, Exemplar, LEAST_NS, Rollup, Series, Texts};
use store_api::part::{Row, resolve};
use store_api::shelf::Shelf;
use store_api::span::Span;
use store_api::time::Hour;
use throughline_context::{SpanId, TraceId};

use super::share::Share;
use crate::partition::Partition;

/// Half of it is forgotten at a time, the traces that nothing came for.
const BYTES: usize = 256 << 20;
/// What comes for a trace beyond so many spans is counted as if nothing had come before.
const SPANS: usize = 4096;
/// Pairs of spans of one trace that are compared one by one.
const MANY: usize = 4096;

#[derive(Default)]
pub(crate) struct Recent(Mutex<Known>);

#[derive(Default)]
struct Known {
    names: Names,
    young: HashMap<TraceId, Vec<Seen>>,
    old: HashMap<TraceId, Vec<Seen>>,
    young_bytes: usize,
    /// The place in the order of arrival of the shelf that was learned last, and what it added.
    last: Option<(u64, Vec<Arc<Share>>)>,
}

/// Few different ones come in many spans.
#[derive(Default)]
struct Names {
    texts: Texts,
    own: HashSet<Arc<Own>>,
    /// Where each span has another name they are many.
    bytes: usize,
}

/// What a span says itself.
#[derive(PartialEq, Eq, Hash)]
struct Own {
    series: Series,
    says: Says<Arc<str>>,
}

struct Seen {
    /// Of its identity within the trace.
    hash: u64,
    revision: u64,
    start_ns: u64,
    duration_ns: u64,
    span_id: SpanId,
    is_finished: bool,
    own: Arc<Own>,
}

/// What a shelf adds, and what is to be remembered of it when its files are there.
pub(crate) struct Learned {
    shares: BTreeMap<Partition, Arc<Share>>,
    seq: u64,
    traces: Vec<(TraceId, Step)>,
}

/// What came for one trace.
#[derive(Default)]
struct Step {
    /// In the place of what came before, by where that is.
    replaced: BTreeMap<usize, (Partition, Seen)>,
    more: Vec<(Partition, Seen)>,
}

impl Learned {
    /// What the file of a partition adds.
    pub(crate) fn share(&self, of: Partition) -> Arc<Share> {
        self.shares.get(&of).cloned().unwrap_or_default()
    }
}

/// A share in the making.
struct Making {
    plus: Rollup,
    minus: Rollup,
}

impl Default for Making {
    fn default() -> Self {
        // Names that are left out here would not be found where they are taken out.
        let [plus, minus] = [rollup::SERIES, usize::MAX].map(|most| Rollup::new(LEAST_NS, most));
        Self { plus, minus }
    }
}

impl Making {
    fn finish(self) -> Share {
        Share { plus: self.plus.rows(), minus: self.minus.rows() }
    }
}

impl Names {
    fn seen(&mut self, span: &Arc<Span>) -> Seen {
        let series = Series::of(&Observation::alone(span), &mut self.texts);
        let Says { region, channel, queue } = Says::of(span.as_ref());
        let says = Says {
            region: region.map(|(source, region)| (source, self.texts.shared(region))),
            channel: channel.map(|channel| self.texts.shared(channel)),
            queue: queue.map(|queue| self.texts.shared(queue)),
        };
        let own = Own { series, says };
        let own = self.own.get(&own).cloned().unwrap_or_else(|| {
            let own = Arc::new(own);
            self.own.insert(Arc::clone(&own));
            self.bytes += 2 * size_of::<Own>() + span.name.len();
            own
        });
        let mut hasher = DefaultHasher::new();
        span.identity().hash(&mut hasher);
        Seen {
            hash: hasher.finish(),
            revision: span.revision(),
            start_ns: span.start_ns,
            duration_ns: span.duration_ns,
            span_id: span.span_id,
            is_finished: span.finished(),
            own,
        }
    }
}

impl Seen {
    fn count(&self, trace_id: TraceId, series: Series, to: &mut Rollup) {
        let (duration_ns, span_id) = (self.duration_ns, self.span_id);
        to.count(series, self.start_ns, Exemplar { duration_ns, trace_id, span_id });
    }

    fn within(&self, context: &Context<&Arc<str>>) -> Series {
        self.own.series.within(context, self.start_ns)
    }
}

fn context<'s>(spans: impl Iterator<Item = &'s Seen>) -> Context<&'s Arc<str>> {
    Context::of(spans.map(|one| {
        let Says { region, channel, queue } = &one.own.says;
        let region = region.as_ref().map(|(source, region)| (*source, region));
        (one.start_ns, Says { region, channel: channel.as_ref(), queue: queue.as_ref() })
    }))
}

impl Step {
    fn of(known: &[Seen], new: Vec<(Partition, Seen)>) -> Self {
        let mut step = Self::default();
        // Of identities; few spans are gone through faster than they are put into a map.
        let places: HashMap<u64, usize> = match known.len() * new.len() {
            ..=MANY => HashMap::new(),
            _ => known.iter().map(|one| one.hash).zip(0..).collect(),
        };
        for (partition, one) in new {
            let place = match places.is_empty() {
                true => known.iter().position(|before| before.hash == one.hash),
                false => places.get(&one.hash).copied(),
            };
            match place.and_then(|at| Some((at, known.get(at)?))) {
                Some((at, before)) => {
                    let before = step.replaced.get(&at).map_or(before.revision, |(_, one)| one.revision);
                    if one.revision > before {
                        step.replaced.insert(at, (partition, one));
                    }
                }
                None => step.more.push((partition, one)),
            }
        }
        step
    }

    /// All that is known of the trace then.
    fn all<'s>(&'s self, known: &'s [Seen]) -> impl Iterator<Item = &'s Seen> {
        let known = known.iter().enumerate();
        let known = known.map(|(at, before)| self.replaced.get(&at).map_or(before, |(_, one)| one));
        known.chain(self.more.iter().map(|(_, one)| one))
    }

    /// Beside spans of the same trace, and of the same hour if there are any.
    fn beside(&self, one: &Seen) -> Partition {
        let own = Partition::Hour(Hour::of(one.start_ns));
        let mut new = self.replaced.values().chain(&self.more).map(|(partition, _)| *partition);
        let first = new.clone().next().unwrap_or(own);
        if new.any(|partition| partition == own) { own } else { first }
    }

    fn count(&self, trace: TraceId, known: &[Seen], makings: &mut BTreeMap<Partition, Making>) {
        let (before, after) = (context(known.iter()), context(self.all(known)));
        for (at, one) in known.iter().enumerate().filter(|(_, one)| one.is_finished) {
            let was = || one.within(&before);
            if self.replaced.contains_key(&at) {
                one.count(trace, was(), &mut makings.entry(self.beside(one)).or_default().minus);
            } else if before != after {
                let (was, is) = (was(), one.within(&after));
                if was != is {
                    let making = makings.entry(self.beside(one)).or_default();
                    one.count(trace, was, &mut making.minus);
                    one.count(trace, is, &mut making.plus);
                }
            }
        }
        for (partition, one) in self.replaced.values().chain(&self.more) {
            if one.is_finished {
                one.count(trace, one.within(&after), &mut makings.entry(*partition).or_default().plus);
            }
        }
    }

    /// What is to be remembered after it.
    fn join(self, known: &mut Vec<Seen>) {
        for (at, (_, one)) in self.replaced {
            if let Some(before) = known.get_mut(at) {
                *before = one;
            }
        }
        let left = SPANS.saturating_sub(known.len());
        known.reserve_exact(self.more.len().min(left));
        known.extend(self.more.into_iter().map(|(_, one)| one).take(left));
    }
}

impl Recent {
    /// Counts a shelf that is about to be written.
    pub(crate) fn look_at(&self, seq: u64, rows: &BTreeMap<Partition, Vec<Row>>) -> Learned {
        let rows = rows.iter().flat_map(|(partition, rows)| rows.iter().map(|row| (*partition, row)));
        let known = &mut *self.known();
        let (makings, traces) = known.count(rows);
        let shares = makings.into_iter().map(|(of, making)| (of, Arc::new(making.finish()))).collect();
        Learned { shares, seq, traces }
    }

    /// Called when the files of it are there, for all questions at once.
    pub(crate) fn learn(&self, learned: Learned) {
        let Learned { shares, seq, traces } = learned;
        let known = &mut *self.known();
        known.last = Some((seq, shares.into_values().collect()));
        for (trace, step) in traces {
            known.remember(trace, step);
        }
    }

    /// What shelves add that are in no file of the question.
    pub(super) fn of_hot(&self, shelves: &[&Arc<Shelf>]) -> Vec<Arc<Share>> {
        let known = &mut *self.known();
        let mut shares = Vec::new();
        let mut rows = Vec::new();
        for shelf in shelves {
            match &known.last {
                // Its files came to be since the question began.
                Some((seq, last)) if *seq == shelf.seq() => shares.extend(last.iter().cloned()),
                _ => rows.extend(shelf.all()),
            }
        }
        if shelves.len() > 1 {
            rows = resolve(&rows);
        }
        let partition = |row: &Row| Partition::Hour(Hour::of(row.span.start_ns));
        let (makings, _) = known.count(rows.iter().map(|row| (partition(row), row)));
        shares.extend(makings.into_values().map(|making| Arc::new(making.finish())));
        shares
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn count<'r>(
        &mut self,
        rows: impl Iterator<Item = (Partition, &'r Row)>,
    ) -> (BTreeMap<Partition, Making>, Vec<(TraceId, Step)>) {
        let mut new: HashMap<TraceId, Vec<(Partition, Seen)>> = HashMap::new();
        for (partition, row) in rows {
            new.entry(row.span.trace_id).or_default().push((partition, self.names.seen(&row.span)));
        }
        let mut makings = BTreeMap::new();
        let mut traces: Vec<(TraceId, Vec<(Partition, Seen)>)> = new.into_iter().collect();
        // In one order, so that limits on names leave out the same each time.
        traces.sort_unstable_by_key(|(trace, _)| *trace);
        let step = |(trace, new)| {
            let known = self.young.get(&trace).or_else(|| self.old.get(&trace));
            let known = known.map_or(&[] as &[Seen], Vec::as_slice);
            let step = Step::of(known, new);
            step.count(trace, known, &mut makings);
            (trace, step)
        };
        let traces = traces.into_iter().map(step).collect();
        (makings, traces)
    }

    fn remember(&mut self, trace: TraceId, step: Step) {
        let mut seen = self.young.remove(&trace).inspect(|seen| self.young_bytes -= weight(seen));
        let known = seen.get_or_insert_with(|| self.old.remove(&trace).unwrap_or_default());
        step.join(known);
        self.young_bytes += weight(known);
        self.young.insert(trace, seen.unwrap_or_default());
        if self.young_bytes + self.names.bytes > BYTES / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
            self.names = Names::default();
        }
    }
}

fn weight(seen: &[Seen]) -> usize {
    // A place in the map, and what the allocator takes.
    size_of_val(seen) + 2 * size_of::<(TraceId, Vec<Seen>)>()
}
