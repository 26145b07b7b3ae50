//! From checked OTLP bytes to spans.

use std::sync::Arc;

use flow::Payload;
use flow::otlp::view;
use throughline_context::{SpanId, TraceId};

use crate::span::{Dropped, Event, Kind, Link, Resource, Scope, Span, Status, StatusCode};
use crate::value::{Attributes, Value};

/// The spans of a batch.
#[derive(Default, Debug, PartialEq)]
pub struct Spans {
    pub spans: Vec<Span>,
    /// Spans without a trace id or a span id: nobody could ask for them.
    pub nameless: usize,
}

pub fn to_spans(payload: &Payload) -> Spans {
    let mut spans = Spans::default();
    for group in payload.chunks().iter().flat_map(|chunk| view::resource_spans(chunk)) {
        let resource = Arc::new(Resource::new(attributes(group.resource().attributes())));
        for scoped in group.scope_spans() {
            let scope = Arc::new(Scope {
                name: scoped.scope().name().to_owned(),
                version: scoped.scope().version().to_owned(),
                attributes: attributes(scoped.scope().attributes()),
            });
            for raw in scoped.spans() {
                match span(&raw, &resource, &scope) {
                    Some(span) => spans.spans.push(span),
                    None => spans.nameless += 1,
                }
            }
        }
    }
    spans
}

fn span(raw: &view::Span<'_>, resource: &Arc<Resource>, scope: &Arc<Scope>) -> Option<Span> {
    Some(Span {
        trace_id: TraceId::from_otlp(raw.trace_id).filter(TraceId::is_valid)?,
        span_id: SpanId::from_otlp(raw.span_id).filter(SpanId::is_valid)?,
        parent_span_id: SpanId::from_otlp(raw.parent_span_id).filter(SpanId::is_valid),
        trace_state: raw.trace_state.to_owned(),
        flags: raw.flags,
        name: raw.name.to_owned(),
        kind: Kind::from_otlp(raw.kind),
        start_ns: time(raw.start_ns),
        // A clock that went backwards, and a span that has not ended, take no time.
        duration_ns: time(raw.end_ns).saturating_sub(raw.start_ns),
        status: Status {
            code: StatusCode::from_otlp(raw.status_code),
            message: raw.status_message.to_owned(),
        },
        attributes: attributes(raw.attributes()),
        events: raw.events().map(|raw| event(&raw)).collect(),
        links: raw.links().map(|raw| link(&raw)).collect(),
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
        dropped: Dropped {
            attributes: raw.dropped_attributes,
            events: raw.dropped_events,
            links: raw.dropped_links,
        },
    })
}

/// No later than the year 2262, the end of time for everybody who counts nanoseconds in 63 bits.
fn time(ns: u64) -> u64 {
    ns.min(i64::MAX.unsigned_abs())
}

fn event(raw: &view::Event<'_>) -> Event {
    Event {
        time_ns: time(raw.time_ns()),
        name: raw.name().to_owned(),
        attributes: attributes(raw.attributes()),
    }
}

fn link(raw: &view::Link<'_>) -> Link {
    Link {
        trace_id: TraceId::from_otlp(raw.trace_id()).unwrap_or_default(),
        span_id: SpanId::from_otlp(raw.span_id()).unwrap_or_default(),
        trace_state: raw.trace_state().to_owned(),
        attributes: attributes(raw.attributes()),
    }
}

fn attributes<'a>(raw: impl Iterator<Item = view::KeyValue<'a>>) -> Attributes {
    raw.map(|entry| (entry.key, value(entry.value))).collect()
}

fn value(raw: view::Value<'_>) -> Value {
    match raw {
        view::Value::Empty => Value::Empty,
        view::Value::String(text) => Value::String(text.to_owned()),
        view::Value::Bool(truth) => Value::Bool(truth),
        view::Value::Int(number) => Value::Int(number),
        view::Value::Double(number) => Value::Double(number),
        view::Value::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
        view::Value::Array(array) => Value::Array(array.values().map(value).collect()),
        view::Value::Map(map) => Value::Map(attributes(map.entries())),
    }
}

#[cfg(test)]
mod tests;
