//! Answers as JSON. These are the stable surface: the names of the store's own types may change.

pub(crate) mod analysis;
mod hops;
mod outline;
pub(crate) mod status;
mod value;

use std::collections::{BTreeMap, HashSet};

use serde::{Serialize, Serializer};
use store_api::analysis::Objectives;
use store_api::analysis::calls::Served;
use store_api::span::{self, StatusCode};
use store_api::{Attributes, Count, Interaction, Page, Trace};
use utoipa::ToSchema;

pub(crate) use hops::Hops;
use outline::Outline;
pub(crate) use value::Plain;

use crate::query::SHORT_ABANDON_NS;

/// Nanoseconds, in decimal digits since JSON numbers have only 53 bits.
#[derive(Clone, Copy, ToSchema)]
#[schema(value_type = String, pattern = "^[0-9]+$", examples("1795165200000000000"))]
pub(crate) struct Ns(pub(crate) u64);

impl Serialize for Ns {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

/// One page of interactions, the newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct Interactions {
    interactions: Vec<Summary>,
    /// For the next page; null on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
    /// How many interactions have which value, leaving aside the filter on the property itself. Counted on the
    /// first page only.
    facets: Facets,
    /// The search stopped before the end of the range; the next page goes on.
    truncated: bool,
}

#[derive(Serialize, ToSchema)]
struct Facets {
    region: Vec<FacetValue>,
    queue: Vec<FacetValue>,
    channel: Vec<FacetValue>,
    outcome: Vec<FacetValue>,
    service: Vec<FacetValue>,
}

#[derive(Serialize, ToSchema)]
struct FacetValue {
    value: String,
    count: u64,
}

/// One interaction in a line. What is not known is null.
#[derive(Serialize, ToSchema)]
pub(crate) struct Summary {
    id: String,
    start_ns: Ns,
    duration_ns: Ns,
    end_ns: Ns,
    #[schema(required)]
    channel: Option<String>,
    #[schema(required)]
    direction: Option<String>,
    #[schema(required)]
    region: Option<String>,
    queues: Vec<String>,
    agents: Vec<String>,
    /// Names of agents by their ids, as far as spans tell them.
    agent_names: BTreeMap<String, String>,
    #[schema(required)]
    outcome: Option<String>,
    /// Some span goes on: times are those until now.
    running: bool,
    span_count: u64,
    trace_count: usize,
    error_count: u64,
    /// In the order of their names.
    services: Vec<String>,
    /// In the order of first start; spans of one stage are summed.
    stages: Vec<StageTime>,
    /// The caller waited: queue, alert, hold, park.
    waited_ns: Ns,
    /// Agents worked: talk, consult, wrapup.
    worked_ns: Ns,
    trace_ids: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct StageTime {
    stage: &'static str,
    duration_ns: Ns,
}

/// All spans of all traces of an interaction, in the order of their start.
#[derive(Serialize, ToSchema)]
pub(crate) struct InteractionSpans<'a> {
    interaction: Summary,
    /// Null where it never came to a queue.
    #[schema(required)]
    service_level: Option<ServiceLevel>,
    /// Spans that name a parent which is not here.
    missing_parents: usize,
    /// Empty where there is an outline.
    spans: Vec<Span<'a>>,
    /// Where `outline_above` asked for one; the events and the other attributes of a span are asked for by its id.
    #[schema(required)]
    outline: Option<Outline<'a>>,
    /// There are more spans than fit into an answer; `interaction` still covers all of them.
    truncated: bool,
}

/// How the wait of one interaction stands beside the service level of queues.
#[derive(Serialize, ToSchema)]
struct ServiceLevel {
    threshold_ns: Ns,
    /// From the first queue until somebody answered, or as long as it waited.
    waited_ns: Ns,
    /// answered, abandoned, elsewhere (a voicemail, a flow) or waiting
    end: &'static str,
    /// Null where it does not count: it left soon, went elsewhere, or waits and may still be answered in time.
    #[schema(required)]
    met: Option<bool>,
}

/// The spans of a trace that have an id: several where a client and a server share it.
#[derive(Serialize, ToSchema)]
pub(crate) struct SameId<'a> {
    spans: Vec<Span<'a>>,
}

/// All spans of a trace, in the order of their start.
#[derive(Serialize, ToSchema)]
pub(crate) struct TraceSpans<'a> {
    trace_id: String,
    interaction_ids: &'a [String],
    spans: Vec<Span<'a>>,
    /// There are more spans than fit into an answer.
    truncated: bool,
}

#[derive(Serialize, ToSchema)]
struct Span<'a> {
    trace_id: String,
    span_id: String,
    #[schema(required)]
    parent_span_id: Option<String>,
    name: &'a str,
    /// internal, server, client, producer, consumer or unspecified
    kind: &'static str,
    service: &'a str,
    scope: Scope<'a>,
    start_ns: Ns,
    /// Until now, where the span is not finished.
    duration_ns: Ns,
    status: Status<'a>,
    #[schema(required)]
    stage: Option<&'static str>,
    revision: u64,
    finished: bool,
    attributes: Vec<Attribute<'a>>,
    resource: Vec<Attribute<'a>>,
    events: Vec<Event<'a>>,
    links: Vec<Link<'a>>,
}

#[derive(Serialize, ToSchema)]
struct Scope<'a> {
    name: &'a str,
    version: &'a str,
}

#[derive(Serialize, ToSchema)]
struct Status<'a> {
    /// unset, ok or error
    code: &'static str,
    message: &'a str,
}

#[derive(Serialize, ToSchema)]
struct Attribute<'a> {
    key: &'a str,
    /// string, int, double, bool, bytes, array, map or empty
    #[serde(rename = "type")]
    kind: &'static str,
    /// An int is a string of digits, bytes are base64, and a double that JSON has no number for is `NaN`,
    /// `Infinity` or `-Infinity`.
    #[schema(value_type = serde_json::Value)]
    value: Plain<'a>,
}

#[derive(Serialize, ToSchema)]
struct Event<'a> {
    time_ns: Ns,
    name: &'a str,
    attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize, ToSchema)]
struct Link<'a> {
    trace_id: String,
    span_id: String,
    attributes: Vec<Attribute<'a>>,
}

impl Interactions {
    /// As of a time, like all that can go on.
    pub(crate) fn of(page: Page, now_ns: u64) -> Self {
        let facets = page.facets;
        Self {
            interactions: page.interactions.into_iter().map(|summary| summary.as_of(now_ns).into()).collect(),
            next_cursor: page.next.map(|cursor| cursor.to_string()),
            facets: Facets {
                region: counts(facets.region),
                queue: counts(facets.queue),
                channel: counts(facets.channel),
                outcome: counts(facets.outcome),
                service: counts(facets.service),
            },
            truncated: page.truncated,
        }
    }
}

fn counts(counts: Vec<Count>) -> Vec<FacetValue> {
    counts.into_iter().map(|Count { value, count }| FacetValue { value, count }).collect()
}

impl From<store_api::Summary> for Summary {
    fn from(summary: store_api::Summary) -> Self {
        let stage =
            |&(stage, ns): &(store_api::Stage, u64)| StageTime { stage: stage.name(), duration_ns: Ns(ns) };
        Self {
            start_ns: Ns(summary.start_ns),
            duration_ns: Ns(summary.duration_ns()),
            end_ns: Ns(summary.end_ns),
            running: summary.running(),
            span_count: summary.span_count,
            trace_count: summary.trace_ids.len(),
            error_count: summary.error_count,
            stages: summary.stages.iter().map(stage).collect(),
            waited_ns: Ns(summary.waited_ns()),
            worked_ns: Ns(summary.worked_ns()),
            trace_ids: summary.trace_ids.iter().map(ToString::to_string).collect(),
            id: summary.id,
            channel: summary.channel,
            direction: summary.direction,
            region: summary.region,
            queues: summary.queues,
            agents: summary.agents,
            outcome: summary.outcome,
            agent_names: summary.names,
            services: summary.services,
        }
    }
}

impl<'a> InteractionSpans<'a> {
    /// In outline where there are more spans than `outline_above`.
    pub(crate) fn of(
        found: &'a Interaction,
        objectives: &Objectives,
        outline_above: Option<usize>,
        now_ns: u64,
    ) -> Self {
        let all: Vec<&span::Span> = found.spans.iter().map(AsRef::as_ref).collect();
        let here: HashSet<_> = all.iter().map(|span| (span.trace_id, span.span_id)).collect();
        let lacks = |span: &&&span::Span| {
            span.parent_span_id.is_some_and(|parent| !here.contains(&(span.trace_id, parent)))
        };
        let summary = found.summary.clone().as_of(now_ns);
        let served = Served::of(&summary, all.iter().copied(), objectives, SHORT_ABANDON_NS);
        let outlined = outline_above.is_some_and(|most| all.len() > most);
        let (spans, outline) = match outlined {
            true => (Vec::new(), Some(Outline::of(&all, now_ns))),
            false => (all.iter().map(|span| Span::of(span, now_ns)).collect(), None),
        };
        Self {
            missing_parents: all.iter().filter(lacks).count(),
            service_level: served.map(ServiceLevel::from),
            interaction: summary.into(),
            spans,
            outline,
            truncated: found.truncated,
        }
    }
}

impl From<Served> for ServiceLevel {
    fn from(of: Served) -> Self {
        Self {
            threshold_ns: Ns(of.threshold_ns),
            waited_ns: Ns(of.waited_ns),
            end: of.end.name(),
            met: of.met,
        }
    }
}

impl<'a> SameId<'a> {
    pub(crate) fn of(spans: impl IntoIterator<Item = &'a span::Span>, now_ns: u64) -> Self {
        Self { spans: spans.into_iter().map(|span| Span::of(span, now_ns)).collect() }
    }
}

impl<'a> TraceSpans<'a> {
    pub(crate) fn of(found: &'a Trace, now_ns: u64) -> Self {
        Self {
            trace_id: found.trace_id.to_string(),
            interaction_ids: &found.interactions,
            spans: found.spans.iter().map(|span| Span::of(span, now_ns)).collect(),
            truncated: found.truncated,
        }
    }
}

impl<'a> Span<'a> {
    fn of(span: &'a span::Span, now_ns: u64) -> Self {
        let until_now = if span.finished() { 0 } else { now_ns.saturating_sub(span.start_ns) };
        Self {
            trace_id: span.trace_id.to_string(),
            span_id: span.span_id.to_string(),
            parent_span_id: span.parent_span_id.map(|id| id.to_string()),
            name: &span.name,
            kind: span.kind.name(),
            service: span.resource.service(),
            scope: Scope { name: &span.scope.name, version: &span.scope.version },
            start_ns: Ns(span.start_ns),
            duration_ns: Ns(span.duration_ns.max(until_now)),
            status: Status { code: StatusCode::name(span.status.code), message: &span.status.message },
            stage: span.stage().map(store_api::Stage::name),
            revision: span.revision(),
            finished: span.finished(),
            attributes: attributes(&span.attributes),
            resource: attributes(span.resource.attributes()),
            events: span.events.iter().map(event).collect(),
            links: span.links.iter().map(link).collect(),
        }
    }
}

fn attributes(attributes: &Attributes) -> Vec<Attribute<'_>> {
    let entry = |(key, value)| Attribute { key, kind: value::kind(value), value: Plain(value) };
    attributes.iter().map(entry).collect()
}

fn event(event: &span::Event) -> Event<'_> {
    Event { time_ns: Ns(event.time_ns), name: &event.name, attributes: attributes(&event.attributes) }
}

fn link(link: &span::Link) -> Link<'_> {
    Link {
        trace_id: link.trace_id.to_string(),
        span_id: link.span_id.to_string(),
        attributes: attributes(&link.attributes),
    }
}
