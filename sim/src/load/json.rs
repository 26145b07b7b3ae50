//! OTLP/JSON, as an SDK writes it: camel case, ids in hexadecimal, 64-bit integers as strings.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use serde_json::{Value, json};

/// The JSON form of a request made by this generator; it has no events, links or nested values.
pub(super) fn encode(request: &ExportTraceServiceRequest) -> Vec<u8> {
    let resources: Vec<Value> = request.resource_spans.iter().map(resource).collect();
    json!({ "resourceSpans": resources }).to_string().into_bytes()
}

fn resource(spans: &ResourceSpans) -> Value {
    let described = spans.resource.as_ref().map(|resource| attributes(&resource.attributes));
    let scopes: Vec<Value> = spans.scope_spans.iter().map(scope).collect();
    json!({ "resource": { "attributes": described }, "scopeSpans": scopes })
}

fn scope(spans: &ScopeSpans) -> Value {
    let name = spans.scope.as_ref().map(|scope| json!({ "name": scope.name, "version": scope.version }));
    json!({ "scope": name, "spans": spans.spans.iter().map(span).collect::<Vec<_>>() })
}

fn span(span: &Span) -> Value {
    json!({
        "traceId": hex(&span.trace_id),
        "spanId": hex(&span.span_id),
        "parentSpanId": hex(&span.parent_span_id),
        "flags": span.flags,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": span.start_time_unix_nano.to_string(),
        "endTimeUnixNano": span.end_time_unix_nano.to_string(),
        "attributes": attributes(&span.attributes),
        "status": {},
    })
}

fn attributes(attributes: &[KeyValue]) -> Value {
    attributes.iter().map(|pair| json!({ "key": pair.key, "value": value(pair.value.as_ref()) })).collect()
}

fn value(value: Option<&AnyValue>) -> Value {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Any::StringValue(text)) => json!({ "stringValue": text }),
        Some(Any::IntValue(number)) => json!({ "intValue": number.to_string() }),
        Some(Any::DoubleValue(number)) => json!({ "doubleValue": number }),
        Some(Any::BoolValue(truth)) => json!({ "boolValue": truth }),
        _ => json!({}),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
