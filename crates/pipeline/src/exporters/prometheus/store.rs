//! The newest points of every series, by family.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use flow::otlp::metrics::{Data, DataKind, Metric, Point, resource_metrics};
use tokio::time::Instant;

use super::labels::{self, Labels};
use super::names::{self, Named};
use super::sample::Sample;
use super::settings::Own;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Summary,
    /// What is known of a target.
    Info,
}

pub(super) struct Family {
    pub(super) kind: Kind,
    pub(super) help: String,
    /// By their labels as they are written.
    pub(super) series: BTreeMap<Box<str>, Series>,
}

/// Points with the same labels. Several resources may have them; what they count is added up.
pub(super) struct Series {
    sources: Vec<Source>,
    /// What expired sources, and sources that began anew beside others, had counted.
    retired: Option<Sample>,
    pub(super) exemplars: Vec<Exemplar>,
    pub(super) time_ns: u64,
}

struct Source {
    id: u64,
    sample: Sample,
    time_ns: u64,
    seen: Instant,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Exemplar {
    pub(super) value: f64,
    pub(super) time_ns: u64,
    pub(super) trace_id: Box<[u8]>,
    pub(super) span_id: Box<[u8]>,
}

/// Points that cannot be shown.
#[derive(Default)]
pub(super) struct Rejected {
    pub(super) points: usize,
    pub(super) why: Option<String>,
}

impl Rejected {
    fn add(&mut self, why: impl FnOnce() -> String) {
        self.points += 1;
        self.why.get_or_insert_with(why);
    }
}

pub(super) struct Store {
    own: Own,
    families: BTreeMap<String, Family>,
    series: usize,
    /// Of all series.
    sources: usize,
    bytes: usize,
    /// When it was last looked for what has expired.
    looked: Option<Instant>,
}

/// What a map entry and a series cost beside names and values.
const OVERHEAD: usize = 256;
/// Of one series; more of them are resources that nothing tells apart.
const MOST_SOURCES: usize = 1000;
/// Of one series, as they are written; Prometheus would not take them either.
const LONGEST_LABELS: usize = 64 << 10;
/// Nobody may ever fetch: so often what has expired makes room of itself.
const LOOK: Duration = Duration::from_secs(60);
/// Of one series.
const MOST_EXEMPLARS: usize = 20;
const TARGET: &str = "target_info";
const DELTA: i32 = 1;

impl Store {
    pub(super) fn new(own: Own) -> Self {
        Self { own, families: BTreeMap::new(), series: 0, sources: 0, bytes: 0, looked: None }
    }

    pub(super) fn families(&self) -> &BTreeMap<String, Family> {
        &self.families
    }

    pub(super) fn series(&self) -> usize {
        self.series
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the points of one chunk.
    pub(super) fn take(&mut self, chunk: &[u8], now: Instant, rejected: &mut Rejected) {
        if now.saturating_duration_since(*self.looked.get_or_insert(now)) >= LOOK {
            self.expire(now);
        }
        for of in resource_metrics(chunk) {
            let resource = of.resource();
            let mut hasher = DefaultHasher::new();
            resource.0.hash(&mut hasher);
            let source = hasher.finish();
            let target = labels::target(&resource);
            for scope_metrics in of.scope_metrics() {
                let scope = scope_metrics.scope();
                let base = labels::base(&self.own, &target, &resource, &scope, scope_metrics.schema_url());
                for metric in scope_metrics.metrics() {
                    self.metric(&metric, &base, source, now, rejected);
                }
            }
            let info = labels::info(&resource);
            if !target.is_empty() && !info.is_empty() {
                let shown = Shown { kind: Kind::Info, help: "Target metadata", latest: true, source, now };
                let all: Labels = info.into_iter().chain(target).collect();
                // A target that finds no room is no point that is lost.
                self.put(
                    TARGET,
                    &shown,
                    labels::written(&all),
                    New::of(Sample::Number(1.0)),
                    &mut Rejected::default(),
                );
            }
        }
    }

    fn metric(
        &mut self,
        metric: &Metric<'_>,
        base: &Labels,
        source: u64,
        now: Instant,
        rejected: &mut Rejected,
    ) {
        let data = metric.data();
        let kind = kind(&data);
        let named = Named {
            name: metric.name(),
            unit: metric.unit(),
            counter: kind == Kind::Counter,
            gauge: kind == Kind::Gauge,
        };
        let name = names::metric(&self.own.namespace, named, self.own.suffixes());
        let delta = data.temporality == DELTA && !matches!(data.kind, DataKind::Gauge | DataKind::Summary);
        let latest = matches!(data.kind, DataKind::Gauge | DataKind::Summary);
        let shown = Shown { kind, help: metric.description(), latest, source, now };
        for point in data.points() {
            let mut all = base.clone();
            all.extend(labels::of(point.attributes()));
            let labels = labels::written(&all);
            if point.is_stale() {
                self.forget(&name, &labels, source);
                continue;
            }
            if labels.len() > LONGEST_LABELS {
                rejected.add(|| format!("`{name}` has labels of {} bytes", labels.len()));
                continue;
            }
            let Some(sample) = Sample::of(data.kind, &point) else {
                rejected.add(|| format!("`{name}` has more buckets than anybody can read"));
                continue;
            };
            let new = New { sample, time_ns: point.time_ns(), delta, exemplars: exemplars(&point) };
            self.put(&name, &shown, labels, new, rejected);
        }
    }

    fn put(&mut self, name: &str, shown: &Shown<'_>, labels: Box<str>, new: New, rejected: &mut Rejected) {
        let family = self.families.get_mut(name);
        if let Some(known) = family.as_ref().map(|family| family.kind).filter(|kind| *kind != shown.kind) {
            return rejected.add(|| {
                format!("`{name}` is there already, as {known:?}: metrics of two kinds have one name")
            });
        }
        let limit = self.own.series_limit;
        let full = limit > 0 && self.sources >= limit;
        let why = || format!("there are {limit} series already, which is the `series_limit`");
        let Some(series) = family.and_then(|family| family.series.get_mut(&labels)) else {
            return if full { rejected.add(why) } else { self.add(name, shown, labels, new) };
        };
        if series.grows(shown) && (full || series.sources.len() >= MOST_SOURCES) {
            return rejected.add(|| match full {
                true => why(),
                false => format!(
                    "`{name}` comes from {MOST_SOURCES} resources with the same labels: give them a \
                     `service.instance.id`"
                ),
            });
        }
        let before = (series.bytes(), series.sources.len());
        series.put(new, shown);
        self.bytes = self.bytes + series.bytes() - before.0;
        self.sources = self.sources + series.sources.len() - before.1;
    }

    fn add(&mut self, name: &str, shown: &Shown<'_>, labels: Box<str>, new: New) {
        let series = Series::of(new, shown);
        self.series += 1;
        self.sources += 1;
        self.bytes += series.bytes() + labels.len();
        let family = self.families.entry(name.to_owned()).or_insert_with(|| {
            let family = Family { kind: shown.kind, help: shown.help.to_owned(), series: BTreeMap::new() };
            self.bytes += family.bytes(name);
            family
        });
        family.series.insert(labels, series);
    }

    /// A source says that it has no value any more.
    fn forget(&mut self, name: &str, labels: &str, source: u64) {
        let Some(family) = self.families.get_mut(name) else { return };
        if let Some(series) = family.series.get_mut(labels) {
            let before = (series.bytes(), series.sources.len());
            series.sources.retain(|known| known.id != source);
            self.bytes = self.bytes + series.bytes() - before.0;
            self.sources = self.sources + series.sources.len() - before.1;
        }
        self.sweep();
    }

    /// Forgets what was not updated for too long.
    pub(super) fn expire(&mut self, now: Instant) {
        self.looked = Some(now);
        let age: Duration = self.own.metric_expiration.get();
        for family in self.families.values_mut() {
            let adds = matches!(family.kind, Kind::Counter | Kind::Histogram);
            for series in family.series.values_mut() {
                let before = (series.bytes(), series.sources.len());
                series.expire(now, age, adds);
                self.bytes = self.bytes + series.bytes() - before.0;
                self.sources = self.sources + series.sources.len() - before.1;
            }
        }
        self.sweep();
    }

    fn sweep(&mut self) {
        let (series, bytes) = (&mut self.series, &mut self.bytes);
        self.families.retain(|name, family| {
            family.series.retain(|labels, there| {
                let stays = !there.sources.is_empty();
                if !stays {
                    *series -= 1;
                    *bytes -= there.bytes() + labels.len();
                }
                stays
            });
            if family.series.is_empty() {
                *bytes -= family.bytes(name);
            }
            !family.series.is_empty()
        });
    }
}

/// What a metric's points have in common.
struct Shown<'a> {
    kind: Kind,
    help: &'a str,
    /// Of several sources the latest value counts, instead of the sum.
    latest: bool,
    source: u64,
    now: Instant,
}

struct New {
    sample: Sample,
    time_ns: u64,
    delta: bool,
    exemplars: Vec<Exemplar>,
}

impl New {
    fn of(sample: Sample) -> Self {
        Self { sample, time_ns: 0, delta: false, exemplars: Vec::new() }
    }
}

impl Family {
    /// Without its series.
    fn bytes(&self, name: &str) -> usize {
        OVERHEAD + name.len() + self.help.len()
    }
}

impl Series {
    fn of(new: New, shown: &Shown<'_>) -> Self {
        let New { sample, time_ns, exemplars, .. } = new;
        let source = Source { id: shown.source, sample, time_ns, seen: shown.now };
        Self { sources: vec![source], retired: None, exemplars, time_ns }
    }

    /// Whether this would be one more source.
    fn grows(&self, shown: &Shown<'_>) -> bool {
        !shown.latest && self.sources.iter().all(|source| source.id != shown.source)
    }

    /// What all sources together show.
    pub(super) fn sample(&self) -> Option<Sample> {
        let mut samples = self.sources.iter().map(|source| &source.sample);
        let mut all = samples.next()?.clone();
        samples.chain(&self.retired).for_each(|sample| all.add(sample));
        Some(all)
    }

    fn put(&mut self, new: New, shown: &Shown<'_>) {
        self.time_ns = self.time_ns.max(new.time_ns);
        if !new.exemplars.is_empty() {
            self.exemplars = new.exemplars;
        }
        if shown.latest {
            self.sources.retain(|source| source.id == shown.source || source.time_ns > new.time_ns);
            if self.sources.iter().any(|source| source.id != shown.source) {
                return;
            }
        }
        let alone = self.sources.len() < 2;
        let Some(source) = self.sources.iter_mut().find(|source| source.id == shown.source) else {
            let New { sample, time_ns, .. } = new;
            self.sources.push(Source { id: shown.source, sample, time_ns, seen: shown.now });
            return;
        };
        source.seen = shown.now;
        if new.delta {
            source.sample.add(&new.sample);
        } else if new.time_ns >= source.time_ns {
            let old = std::mem::replace(&mut source.sample, new.sample);
            // The sum of several must not fall because one of them begins anew; of one alone Prometheus sees to it.
            if !alone && !shown.latest && old.is_reset_by(&source.sample) {
                retire(&mut self.retired, old);
            }
        }
        source.time_ns = source.time_ns.max(new.time_ns);
    }

    fn expire(&mut self, now: Instant, age: Duration, adds: bool) {
        let fresh = |source: &Source| now.saturating_duration_since(source.seen) < age;
        if self.sources.iter().all(fresh) {
            return;
        }
        let gone: Vec<_> = self.sources.extract_if(.., |source| !fresh(source)).collect();
        for source in gone.into_iter().filter(|_| adds) {
            retire(&mut self.retired, source.sample);
        }
    }

    fn bytes(&self) -> usize {
        let sources = self.sources.iter().map(|source| size_of::<Source>() + source.sample.bytes());
        OVERHEAD
            + sources.sum::<usize>()
            + 64 * self.exemplars.len()
            + self.retired.as_ref().map_or(0, Sample::bytes)
    }
}

fn retire(retired: &mut Option<Sample>, sample: Sample) {
    match retired {
        Some(retired) => retired.add(&sample),
        None => *retired = Some(sample),
    }
}

fn kind(data: &Data<'_>) -> Kind {
    match data.kind {
        DataKind::Sum { monotonic: true } => Kind::Counter,
        DataKind::Gauge | DataKind::Sum { monotonic: false } => Kind::Gauge,
        DataKind::Histogram | DataKind::ExponentialHistogram => Kind::Histogram,
        DataKind::Summary => Kind::Summary,
    }
}

fn exemplars(point: &Point<'_>) -> Vec<Exemplar> {
    let own = |exemplar: flow::otlp::metrics::Exemplar<'_>| Exemplar {
        value: exemplar.value,
        time_ns: exemplar.time_ns,
        trace_id: exemplar.trace_id.into(),
        span_id: exemplar.span_id.into(),
    };
    point.exemplars().take(MOST_EXEMPLARS).map(own).collect()
}
