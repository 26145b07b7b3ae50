//! A trace as Jaeger's UI reads it: times in microseconds, attributes with types of its own.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde_json::json;
use store_api::span::{Event, Kind, Resource, StatusCode, key};
use store_api::{Attributes, Span, Value};

use super::Whole;
use crate::json::Plain;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::jaeger) struct UiTrace<'a> {
    #[serde(rename = "traceID")]
    trace_id: String,
    spans: Vec<UiSpan<'a>>,
    processes: serde_json::Map<String, serde_json::Value>,
    warnings: Option<[&'static str; 1]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UiSpan<'a> {
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
    flags: u32,
    operation_name: &'a str,
    references: Vec<Reference>,
    start_time: u64,
    duration: u64,
    tags: Vec<Tag<'a>>,
    logs: Vec<Log<'a>>,
    #[serde(rename = "processID")]
    process_id: String,
    warnings: Option<[&'static str; 1]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    ref_type: &'static str,
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
}

#[derive(Serialize)]
struct Tag<'a> {
    key: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    value: serde_json::Value,
}

#[derive(Serialize)]
struct Log<'a> {
    timestamp: u64,
    fields: Vec<Tag<'a>>,
}

impl<'a> UiTrace<'a> {
    pub(in crate::jaeger) fn of(trace: &'a Whole) -> Self {
        let mut resources: Vec<&'a Arc<Resource>> = Vec::new();
        let mut spans = Vec::with_capacity(trace.spans.len());
        for span in &trace.spans {
            let known = resources
                .iter()
                .position(|known| Arc::ptr_eq(known, &span.resource) || **known == span.resource);
            let number = known.unwrap_or_else(|| {
                resources.push(&span.resource);
                resources.len() - 1
            });
            spans.push(UiSpan::of(span, number + 1));
        }
        let process = |resource: &Resource| {
            let own = |tag: &Tag<'_>| tag.key != key::SERVICE;
            let tags: Vec<Tag<'_>> = tags(resource.attributes()).filter(own).collect();
            json!({"serviceName": resource.service(), "tags": tags})
        };
        let processes =
            (1..).zip(&resources).map(|(number, resource)| (format!("p{number}"), process(resource)));
        Self {
            trace_id: trace.trace_id.to_string(),
            spans,
            processes: processes.collect(),
            warnings: trace.truncated.then_some(["the trace has more spans than fit into an answer"]),
        }
    }
}

impl<'a> UiSpan<'a> {
    fn of(span: &'a Span, process: usize) -> Self {
        Self {
            trace_id: span.trace_id.to_string(),
            span_id: span.span_id.to_string(),
            flags: span.flags & 0xff,
            operation_name: &span.name,
            references: references(span),
            start_time: span.start_ns / 1000,
            duration: span.duration_ns / 1000,
            tags: tags(&span.attributes).chain(own_tags(span)).collect(),
            logs: span.events.iter().map(log).collect(),
            process_id: format!("p{process}"),
            warnings: (!span.finished()).then_some(["the span has not ended yet"]),
        }
    }
}

fn references(span: &Span) -> Vec<Reference> {
    let reference =
        |ref_type, trace: String, span: String| Reference { ref_type, trace_id: trace, span_id: span };
    let parent =
        span.parent_span_id.map(|id| reference("CHILD_OF", span.trace_id.to_string(), id.to_string()));
    let links = span
        .links
        .iter()
        .map(|link| reference("FOLLOWS_FROM", link.trace_id.to_string(), link.span_id.to_string()));
    parent.into_iter().chain(links).collect()
}

fn log(event: &Event) -> Log<'_> {
    let name = (!event.name.is_empty()).then(|| text("event", &event.name));
    Log { timestamp: event.time_ns / 1000, fields: name.into_iter().chain(tags(&event.attributes)).collect() }
}

/// What OTLP has fields for and Jaeger tags.
pub(in crate::jaeger) fn said(span: &Span) -> Vec<(&'static str, Value)> {
    let mut said: Vec<(&str, Value)> = Vec::new();
    if span.kind != Kind::Unspecified {
        said.push(("span.kind", span.kind.name().into()));
    }
    match span.status.code {
        StatusCode::Unset => {}
        StatusCode::Ok => said.push(("otel.status_code", "OK".into())),
        StatusCode::Error => {
            said.push(("otel.status_code", "ERROR".into()));
            said.push(("error", true.into()));
        }
    }
    let texts = [
        ("otel.status_description", &span.status.message),
        ("otel.scope.name", &span.scope.name),
        ("otel.scope.version", &span.scope.version),
        ("w3c.tracestate", &span.trace_state),
    ];
    said.extend(
        texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(key, text)| (key, text.as_str().into())),
    );
    said.retain(|(key, _)| span.attributes.get(key).is_none());
    said
}

fn own_tags(span: &Span) -> impl Iterator<Item = Tag<'_>> {
    said(span).into_iter().map(|(key, value)| tag(key, &value))
}

fn tags(attributes: &Attributes) -> impl Iterator<Item = Tag<'_>> {
    attributes.iter().map(|(key, value)| tag(key, value))
}

fn text<'a>(key: &'a str, text: &str) -> Tag<'a> {
    Tag { key, kind: "string", value: text.into() }
}

fn tag<'a>(key: &'a str, value: &Value) -> Tag<'a> {
    let (kind, value) = match value {
        Value::Empty => ("string", "".into()),
        Value::String(text) => ("string", text.as_str().into()),
        Value::Bool(truth) => ("bool", (*truth).into()),
        Value::Int(number) => ("int64", (*number).into()),
        Value::Double(number) if number.is_finite() => ("float64", (*number).into()),
        Value::Double(number) => ("string", number.to_string().into()),
        Value::Bytes(bytes) => ("binary", BASE64_STANDARD.encode(bytes).into()),
        Value::Array(_) | Value::Map(_) => ("string", written(value).into()),
    };
    Tag { key, kind, value }
}

/// Lists and maps as JSON text.
pub(in crate::jaeger) fn written(value: &Value) -> String {
    serde_json::to_string(&Plain(value)).unwrap_or_default()
}
