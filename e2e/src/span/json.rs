//! Spans out of an OTLP request in JSON, as SDKs write it.

use serde::Deserialize;
use serde_json::Value as Json;

use super::{Attributes, Code, Event, Kind, Link, Span, Status, Value};

/// Panics on what does not decode: no test wants that unnoticed.
pub(super) fn spans(message: &[u8]) -> Vec<Span> {
    let request: Request = serde_json::from_slice(message).expect("an OTLP request in JSON");
    let mut spans = Vec::new();
    for resource_spans in request.resource_spans {
        let resource = attributes(resource_spans.resource.attributes);
        for scope_spans in resource_spans.scope_spans {
            let scope = &scope_spans.scope.name;
            spans.extend(scope_spans.spans.into_iter().map(|span| read(span, &resource, scope)));
        }
    }
    spans
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans {
    resource: Resource,
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Deserialize)]
struct Resource {
    attributes: Vec<KeyValue>,
}

#[derive(Deserialize)]
struct ScopeSpans {
    scope: Scope,
    spans: Vec<WireSpan>,
}

#[derive(Deserialize)]
struct Scope {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSpan {
    trace_id: String,
    span_id: String,
    #[serde(default)]
    parent_span_id: String,
    name: String,
    #[serde(default)]
    kind: u8,
    start_time_unix_nano: Json,
    end_time_unix_nano: Json,
    #[serde(default)]
    attributes: Vec<KeyValue>,
    #[serde(default)]
    events: Vec<WireEvent>,
    #[serde(default)]
    links: Vec<WireLink>,
    #[serde(default)]
    status: WireStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireEvent {
    name: String,
    time_unix_nano: Json,
    #[serde(default)]
    attributes: Vec<KeyValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLink {
    trace_id: String,
    span_id: String,
    #[serde(default)]
    attributes: Vec<KeyValue>,
}

#[derive(Default, Deserialize)]
struct WireStatus {
    #[serde(default)]
    code: u8,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct KeyValue {
    key: String,
    value: Json,
}

fn read(span: WireSpan, resource: &Attributes, scope: &str) -> Span {
    let kinds =
        [Kind::Unspecified, Kind::Internal, Kind::Server, Kind::Client, Kind::Producer, Kind::Consumer];
    let codes = [Code::Unset, Code::Ok, Code::Error];
    let kind = kinds.get(usize::from(span.kind)).copied().expect("a span kind");
    let code = codes.get(usize::from(span.status.code)).copied().expect("a status code");
    let events = span.events.into_iter().map(|event| Event {
        name: event.name,
        time_ns: decimal(&event.time_unix_nano),
        attributes: attributes(event.attributes),
    });
    let links = span.links.into_iter().map(|link| Link {
        trace_id: link.trace_id,
        span_id: link.span_id,
        attributes: attributes(link.attributes),
    });
    Span {
        trace_id: span.trace_id,
        span_id: span.span_id,
        parent_span_id: Some(span.parent_span_id).filter(|parent| !parent.is_empty()),
        name: span.name,
        kind,
        start_ns: decimal(&span.start_time_unix_nano),
        end_ns: decimal(&span.end_time_unix_nano),
        status: Status { code, message: span.status.message },
        attributes: attributes(span.attributes),
        resource: resource.clone(),
        scope: scope.to_owned(),
        events: events.collect(),
        links: links.collect(),
    }
}

fn attributes(list: Vec<KeyValue>) -> Attributes {
    let mut attributes = Attributes::new();
    for KeyValue { key, value: given } in list {
        let twice = attributes.insert(key.clone(), value(&given));
        assert!(twice.is_none(), "the attribute {key} stands twice");
    }
    attributes
}

fn value(given: &Json) -> Value {
    let Some((kind, inner)) = given.as_object().and_then(|object| object.iter().next()) else {
        return Value::Empty;
    };
    let list = |key: &str| inner.get(key).and_then(Json::as_array).cloned().unwrap_or_default();
    match kind.as_str() {
        "stringValue" => Value::String(inner.as_str().expect("text").to_owned()),
        "intValue" => Value::Int(decimal(inner)),
        "doubleValue" => Value::Double(inner.as_f64().expect("a number")),
        "boolValue" => Value::Bool(inner.as_bool().expect("a truth value")),
        "arrayValue" => Value::Array(list("values").iter().map(value).collect()),
        other => panic!("an SDK wrote {other}, which is not read here"),
    }
}

/// 64-bit integers may be numbers or decimal text.
fn decimal(number: &Json) -> String {
    number.as_str().map_or_else(|| number.to_string(), str::to_owned)
}
