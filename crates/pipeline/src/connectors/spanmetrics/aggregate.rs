//! Counts and durations of spans, by resource and labels.

use std::collections::HashMap;

use flow::config::GoDuration;
use flow::otlp::view::{KeyValue, ResourceSpans, Span, resource_spans};
use prometheus::IntCounter;

use super::layout::{Layout, Seen};
use super::settings::Settings;
use crate::connectors::aggregating::Aggregate;
use crate::connectors::buckets::Unit;
use crate::connectors::distribution::{Distribution, Exemplar, Shape, keep_exemplar};
use crate::connectors::points::{Head, Metrics, Of, Temporality, put_attribute};
use crate::connectors::reading::{EVENT_ATTRIBUTES, RESOURCE_ATTRIBUTES, SPAN_ATTRIBUTES, weight};
use crate::connectors::series::{Label, Room, Table, attributes_of, fit, overflow, put_key};

const SCOPE: &str = "spanmetricsconnector";

pub(super) struct SpanMetrics {
    layout: Layout,
    names: [String; 3],
    unit: Unit,
    /// Nothing where histograms are off.
    shape: Option<Shape>,
    exemplars: usize,
    events: bool,
    temporality: Temporality,
    /// Nanoseconds after which a resource and a series are forgotten; 0 is never.
    expirations: [u64; 2],
    key_attributes: Vec<String>,
    most_resources: usize,
    resources: HashMap<Box<[u8]>, Group>,
    /// Of all resources what found no room.
    overflow: Tables,
    rooms: Rooms,
    overflowed: IntCounter,
    /// When the interval began.
    since_ns: u64,
}

#[derive(Default)]
struct Group {
    seen_ns: u64,
    tables: Tables,
}

#[derive(Default)]
struct Tables {
    calls: Table<u64>,
    durations: Table<(Distribution, Vec<Exemplar>)>,
    events: Table<u64>,
}

struct Rooms {
    calls: Room,
    durations: Room,
    events: Room,
}

impl Rooms {
    fn new(most: usize) -> Self {
        Self { calls: Room::new(most), durations: Room::new(most), events: Room::new(most) }
    }

    fn clear(&mut self) {
        [&mut self.calls, &mut self.durations, &mut self.events].into_iter().for_each(Room::clear);
    }
}

/// Buffers that are used again for each span.
#[derive(Default)]
struct Scratch<'n, 'a> {
    labels: Vec<Label<'n, 'a>>,
    key: Vec<u8>,
}

impl SpanMetrics {
    pub(super) fn new(settings: &Settings, overflowed: IntCounter) -> Self {
        let name = |name: &str| match settings.namespace.as_str() {
            "" => name.to_owned(),
            namespace => format!("{namespace}.{name}"),
        };
        Self {
            layout: Layout::new(settings),
            names: ["calls", "duration", "events"].map(name),
            unit: settings.histogram.unit,
            shape: (!settings.histogram.disable).then(|| settings.shape()),
            exemplars: settings.exemplars.most(),
            events: settings.events.enabled,
            temporality: settings.temporality(),
            expirations: [settings.metrics_expiration, settings.series_expiration].map(GoDuration::nanos),
            key_attributes: settings.resource_metrics_key_attributes.clone(),
            most_resources: settings.resource_metrics_cache_size,
            resources: HashMap::new(),
            overflow: Tables::default(),
            rooms: Rooms::new(settings.aggregation_cardinality_limit),
            overflowed,
            since_ns: 0,
        }
    }

    fn read_resource(&mut self, of: &ResourceSpans<'_>, now_ns: u64) {
        let identity = self.identity(of.resource().attributes());
        if !self.resources.contains_key(&identity) && self.is_full() {
            self.make_room();
        }
        let full = self.is_full();
        let Self { layout, resources, rooms, overflow, shape, .. } = self;
        let known = resources.contains_key(&identity);
        let mut group = if known || !full { Some(resources.entry(identity).or_default()) } else { None };
        if let Some(group) = &mut group {
            group.seen_ns = now_ns;
        }
        let mut counting = Counting {
            layout,
            own: group.map(|group| &mut group.tables),
            overflow,
            rooms,
            shape: shape.as_ref(),
            unit: self.unit,
            exemplars: self.exemplars,
            overflowed: &self.overflowed,
            now_ns,
        };
        let (mut resource, mut values, mut event) = (Vec::new(), Vec::new(), Vec::new());
        let mut scratch = Scratch::default();
        layout.wanted.read(of.resource().0, RESOURCE_ATTRIBUTES, &mut resource);
        for scope_spans in of.scope_spans() {
            let scope = scope_spans.scope();
            for span in scope_spans.spans() {
                layout.wanted.read(span.raw, SPAN_ATTRIBUTES, &mut values);
                if layout.wanted.left_out(&values) {
                    continue;
                }
                let weight = weight(&span);
                let seen = Seen { span: &span, weight, scope, values: &values, resource: &resource };
                layout.common(seen, &mut scratch.labels);
                let common = scratch.labels.len();
                counting.span(seen, &mut scratch, common);
                for happened in span.events().filter(|_| self.events) {
                    layout.wanted.read(happened.0, EVENT_ATTRIBUTES, &mut event);
                    scratch.labels.truncate(common);
                    layout.add(&layout.events, &[&event, &values, &resource], &mut scratch.labels);
                    counting.event(&mut scratch);
                }
            }
        }
    }

    /// The attributes that tell resources apart, in one order. An interaction is no resource of its own here: each
    /// call would have its own series.
    fn identity<'a>(&self, attributes: impl Iterator<Item = KeyValue<'a>>) -> Box<[u8]> {
        let told_apart = |key: &str| match self.key_attributes.as_slice() {
            [] => !key.starts_with("interaction."),
            keys => keys.iter().any(|known| known == key),
        };
        let mut kept: Vec<_> = attributes.filter(|attribute| told_apart(attribute.key)).collect();
        kept.sort_by_key(|attribute| attribute.key);
        kept.dedup_by_key(|attribute| attribute.key);
        let mut out = Vec::new();
        for attribute in kept {
            if let Some(value) = fit(attribute.value) {
                put_attribute(&mut out, attribute.key, &value);
            }
        }
        out.into()
    }

    fn is_full(&self) -> bool {
        self.resources.len() >= self.most_resources || self.rooms.calls.is_full()
    }

    /// Forgets the resource that has been silent for longest, unless it has something to tell yet. Else processes that
    /// have come and gone would fill all places, since nothing expires by default.
    fn make_room(&mut self) {
        let told = self.resources.iter().filter(|(_, group)| group.seen_ns < self.since_ns);
        let Some((identity, _)) = told.min_by_key(|(_, group)| group.seen_ns) else { return };
        let identity = identity.clone();
        if let Some(mut group) = self.resources.remove(&identity) {
            group.tables.expire(u64::MAX, &mut self.rooms);
        }
    }

    fn expire(&mut self, now_ns: u64) {
        let before = |age: u64| if age == 0 { 0 } else { now_ns.saturating_sub(age) };
        let [resources, series] = self.expirations.map(before);
        let rooms = &mut self.rooms;
        self.resources.retain(|_, group| {
            let before = if group.seen_ns < resources { u64::MAX } else { series };
            group.tables.expire(before, rooms);
            !group.tables.is_empty()
        });
    }
}

impl Tables {
    fn expire(&mut self, before_ns: u64, rooms: &mut Rooms) {
        if before_ns > 0 {
            self.calls.expire(before_ns, &mut rooms.calls);
            self.durations.expire(before_ns, &mut rooms.durations);
            self.events.expire(before_ns, &mut rooms.events);
        }
    }

    fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.durations.is_empty() && self.events.is_empty()
    }
}

/// The spans of one resource on their way into its series.
struct Counting<'c> {
    layout: &'c Layout,
    own: Option<&'c mut Tables>,
    overflow: &'c mut Tables,
    rooms: &'c mut Rooms,
    shape: Option<&'c Shape>,
    unit: Unit,
    exemplars: usize,
    overflowed: &'c IntCounter,
    now_ns: u64,
}

impl<'c> Counting<'c> {
    fn span<'a>(&mut self, seen: Seen<'_, 'a>, scratch: &mut Scratch<'c, 'a>, common: usize)
    where
        'c: 'a,
    {
        let times = seen.weight.unwrap_or(1);
        let places = [seen.values, seen.resource];
        self.layout.add(&self.layout.calls, &places, &mut scratch.labels);
        put_key(&scratch.labels, &mut scratch.key);
        let (labels, now_ns, rooms) = (&scratch.labels, self.now_ns, &mut *self.rooms);
        let new = || (attributes_of(labels), 0, 0);
        let count = |calls: &mut u64| *calls += times;
        let own = self.own.as_mut();
        if !own.is_some_and(|own| own.calls.update(&scratch.key, now_ns, &mut rooms.calls, new, count)) {
            self.overflowed.inc();
            let new = || (overflow(), 0, 0);
            self.overflow.calls.update(&[], now_ns, &mut Room::new(0), new, |calls| *calls += times);
        }
        let Some(shape) = self.shape else { return };
        scratch.labels.truncate(common);
        self.layout.add(&self.layout.durations, &places, &mut scratch.labels);
        put_key(&scratch.labels, &mut scratch.key);
        let (labels, rooms) = (&scratch.labels, &mut *self.rooms);
        let value = self.unit.of(seen.span.end_ns.saturating_sub(seen.span.start_ns));
        let exemplar = exemplar(seen.span, value, self.now_ns).filter(|_| self.exemplars > 0);
        let heap = Distribution::bytes(shape) + self.exemplars * size_of::<Exemplar>();
        let new = |attributes| (attributes, (Distribution::new(shape), Vec::new()), heap);
        let most = self.exemplars;
        let observe = |(distribution, exemplars): &mut (Distribution, Vec<Exemplar>)| {
            distribution.observe(value, times);
            if let Some(exemplar) = exemplar {
                keep_exemplar(exemplars, most, exemplar);
            }
        };
        let fresh = || new(attributes_of(labels));
        let own = self.own.as_mut();
        if !own.is_some_and(|own| {
            own.durations.update(&scratch.key, now_ns, &mut rooms.durations, fresh, observe)
        }) {
            let fresh = || new(overflow());
            self.overflow.durations.update(&[], now_ns, &mut Room::new(0), fresh, observe);
        }
    }

    fn event(&mut self, scratch: &mut Scratch<'_, '_>) {
        put_key(&scratch.labels, &mut scratch.key);
        let (labels, now_ns, rooms) = (&scratch.labels, self.now_ns, &mut *self.rooms);
        let new = || (attributes_of(labels), 0, 0);
        let count = |events: &mut u64| *events += 1;
        let own = self.own.as_mut();
        if !own.is_some_and(|own| own.events.update(&scratch.key, now_ns, &mut rooms.events, new, count)) {
            let new = || (overflow(), 0, 0);
            self.overflow.events.update(&[], now_ns, &mut Room::new(0), new, count);
        }
    }
}

/// Its time is that of the count, not of the span: Prometheus takes exemplars in the order of their time only.
fn exemplar(span: &Span<'_>, value: f64, now_ns: u64) -> Option<Exemplar> {
    let (trace_id, span_id) = (span.trace_id.try_into().ok()?, span.span_id.try_into().ok()?);
    Some(Exemplar { time_ns: now_ns, value, trace_id, span_id })
}

impl Aggregate for SpanMetrics {
    fn temporality(&self) -> Temporality {
        self.temporality
    }

    fn read(&mut self, chunk: &[u8], now_ns: u64) {
        if self.since_ns == 0 {
            self.since_ns = now_ns;
        }
        for of in resource_spans(chunk) {
            self.read_resource(&of, now_ns);
        }
    }

    fn write(&mut self, now_ns: u64, metrics: &mut Metrics) {
        self.expire(now_ns);
        let since_ns = (self.temporality == Temporality::Delta).then_some(self.since_ns);
        let all = self.resources.iter().map(|(identity, group)| (&**identity, &group.tables));
        for (identity, tables) in all.chain([(&[][..], &self.overflow)]) {
            if !tables.is_empty() {
                self.write_resource(identity, tables, since_ns, now_ns, metrics);
            }
        }
        self.since_ns = now_ns;
        if self.temporality == Temporality::Delta {
            self.resources.clear();
            self.overflow = Tables::default();
            self.rooms.clear();
        }
        let groups = self.resources.values_mut().map(|group| &mut group.tables);
        for tables in groups.chain([&mut self.overflow]) {
            tables.durations.values_mut().for_each(|(_, exemplars)| exemplars.clear());
        }
    }

    fn size(&self) -> (usize, usize) {
        let Rooms { calls, durations, events } = &self.rooms;
        let resources: usize = self.resources.keys().map(|identity| identity.len()).sum();
        (
            calls.used() + durations.used() + events.used(),
            resources + calls.bytes() + durations.bytes() + events.bytes(),
        )
    }
}

impl SpanMetrics {
    fn write_resource(
        &self,
        identity: &[u8],
        tables: &Tables,
        since_ns: Option<u64>,
        now_ns: u64,
        metrics: &mut Metrics,
    ) {
        let [calls, duration, events] = &self.names;
        let head = |name, description, unit| Head { name, description, unit, temporality: self.temporality };
        let count = |(of, value): (_, &u64)| (of, *value);
        metrics.resource(identity, SCOPE, |scope| {
            let points = tables.calls.points(since_ns, now_ns).map(count);
            scope.sum(&head(calls, "Spans.", ""), points);
            let points = tables.durations.points(since_ns, now_ns);
            let points = points.map(|(of, (distribution, exemplars))| (Of { exemplars, ..of }, distribution));
            scope.histogram(&head(duration, "How long spans took.", self.unit.name()), points);
            let points = tables.events.points(since_ns, now_ns).map(count);
            scope.sum(&head(events, "Events of spans.", ""), points);
        });
    }
}
