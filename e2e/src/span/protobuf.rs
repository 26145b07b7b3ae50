//! Spans out of an OTLP request in protobuf.

use std::fmt::Write;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Proto;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1 as proto;
use prost::Message;

use super::{Attributes, Code, Event, Kind, Link, Span, Status, Value};

/// Panics on what does not decode: a sink counted it, so it does.
pub(super) fn spans(message: &[u8]) -> Vec<Span> {
    let request = ExportTraceServiceRequest::decode(message).expect("an OTLP request");
    let mut spans = Vec::new();
    for resource_spans in request.resource_spans {
        let resource = attributes(resource_spans.resource.unwrap_or_default().attributes);
        for scope_spans in resource_spans.scope_spans {
            let scope = scope_spans.scope.unwrap_or_default().name;
            spans.extend(scope_spans.spans.into_iter().map(|span| read(span, &resource, &scope)));
        }
    }
    spans
}

fn read(span: proto::Span, resource: &Attributes, scope: &str) -> Span {
    let kind = match span.kind() {
        proto::span::SpanKind::Unspecified => Kind::Unspecified,
        proto::span::SpanKind::Internal => Kind::Internal,
        proto::span::SpanKind::Server => Kind::Server,
        proto::span::SpanKind::Client => Kind::Client,
        proto::span::SpanKind::Producer => Kind::Producer,
        proto::span::SpanKind::Consumer => Kind::Consumer,
    };
    let status = span.status.unwrap_or_default();
    let code = match status.code() {
        proto::status::StatusCode::Unset => Code::Unset,
        proto::status::StatusCode::Ok => Code::Ok,
        proto::status::StatusCode::Error => Code::Error,
    };
    let events = span.events.into_iter().map(|event| Event {
        name: event.name,
        time_ns: event.time_unix_nano.to_string(),
        attributes: attributes(event.attributes),
    });
    let links = span.links.into_iter().map(|link| Link {
        trace_id: hex(&link.trace_id),
        span_id: hex(&link.span_id),
        attributes: attributes(link.attributes),
    });
    Span {
        trace_id: hex(&span.trace_id),
        span_id: hex(&span.span_id),
        parent_span_id: Some(hex(&span.parent_span_id)).filter(|parent| !parent.is_empty()),
        name: span.name,
        kind,
        start_ns: span.start_time_unix_nano.to_string(),
        end_ns: span.end_time_unix_nano.to_string(),
        status: Status { code, message: status.message },
        attributes: attributes(span.attributes),
        resource: resource.clone(),
        scope: scope.to_owned(),
        events: events.collect(),
        links: links.collect(),
    }
}

/// Panics where a key stands twice: no test wants that unnoticed.
fn attributes(list: Vec<KeyValue>) -> Attributes {
    let mut attributes = Attributes::new();
    for KeyValue { key, value: given, .. } in list {
        let twice = attributes.insert(key.clone(), value(given));
        assert!(twice.is_none(), "the attribute {key} stands twice");
    }
    attributes
}

fn value(given: Option<AnyValue>) -> Value {
    match given.and_then(|given| given.value) {
        None => Value::Empty,
        Some(Proto::StringValue(text)) => Value::String(text),
        Some(Proto::IntValue(number)) => Value::Int(number.to_string()),
        Some(Proto::DoubleValue(number)) => Value::Double(number),
        Some(Proto::BoolValue(truth)) => Value::Bool(truth),
        Some(Proto::BytesValue(bytes)) => Value::Bytes(hex(&bytes)),
        Some(Proto::ArrayValue(array)) => {
            Value::Array(array.values.into_iter().map(|element| value(Some(element))).collect())
        }
        Some(Proto::KvlistValue(map)) => Value::Map(attributes(map.values)),
        Some(Proto::StringValueStrindex(_)) => panic!("a string index belongs to profiles"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text can always be written");
        text
    })
}
