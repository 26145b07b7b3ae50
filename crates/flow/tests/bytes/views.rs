//! The request as the views see it, put back into prost's types for comparison.

use flow::Payload;
use flow::otlp::view::{self, KeyValue, Value};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as trace;
use prost::Message;

pub(crate) fn request(payload: &Payload) -> ExportTraceServiceRequest {
    let bytes = payload.to_bytes();
    let resource_spans = view::resource_spans(&bytes).map(resource_spans).collect();
    ExportTraceServiceRequest { resource_spans }
}

fn resource_spans(view: view::ResourceSpans<'_>) -> trace::ResourceSpans {
    // What the views do not offer (entities, counts of dropped attributes) is taken from prost.
    let rest = trace::ResourceSpans::decode(view.0).unwrap();
    trace::ResourceSpans {
        resource: rest
            .resource
            .map(|resource| Resource { attributes: attributes(view.resource().attributes()), ..resource }),
        scope_spans: view.scope_spans().map(scope_spans).collect(),
        schema_url: view.schema_url().into(),
    }
}

fn scope_spans(view: view::ScopeSpans<'_>) -> trace::ScopeSpans {
    let rest = trace::ScopeSpans::decode(view.0).unwrap();
    trace::ScopeSpans {
        scope: rest.scope.map(|scope| common::InstrumentationScope {
            name: view.scope().name().into(),
            version: view.scope().version().into(),
            attributes: attributes(view.scope().attributes()),
            ..scope
        }),
        spans: view.spans().map(span).collect(),
        schema_url: view.schema_url().into(),
    }
}

fn span(view: view::Span<'_>) -> trace::Span {
    let has_status = trace::Span::decode(view.raw).unwrap().status.is_some();
    trace::Span {
        trace_id: view.trace_id.into(),
        span_id: view.span_id.into(),
        trace_state: view.trace_state.into(),
        parent_span_id: view.parent_span_id.into(),
        flags: view.flags,
        name: view.name.into(),
        kind: view.kind,
        start_time_unix_nano: view.start_ns,
        end_time_unix_nano: view.end_ns,
        attributes: attributes(view.attributes()),
        dropped_attributes_count: view.dropped_attributes,
        events: view.events().map(event).collect(),
        dropped_events_count: view.dropped_events,
        links: view.links().map(link).collect(),
        dropped_links_count: view.dropped_links,
        status: has_status
            .then(|| trace::Status { message: view.status_message.into(), code: view.status_code }),
    }
}

fn event(view: view::Event<'_>) -> trace::span::Event {
    trace::span::Event {
        time_unix_nano: view.time_ns(),
        name: view.name().into(),
        attributes: attributes(view.attributes()),
        dropped_attributes_count: view.dropped_attributes(),
    }
}

fn link(view: view::Link<'_>) -> trace::span::Link {
    trace::span::Link {
        trace_id: view.trace_id().into(),
        span_id: view.span_id().into(),
        trace_state: view.trace_state().into(),
        attributes: attributes(view.attributes()),
        dropped_attributes_count: view.dropped_attributes(),
        flags: view.flags(),
    }
}

/// An attribute without a value and one with an empty value read the same in a view: both as `None` here.
pub(crate) fn attributes<'a>(list: impl Iterator<Item = KeyValue<'a>>) -> Vec<common::KeyValue> {
    list.map(|attribute| common::KeyValue {
        key: attribute.key.into(),
        value: Some(any_value(attribute.value)),
        key_strindex: 0,
    })
    .collect()
}

fn any_value(view: Value<'_>) -> common::AnyValue {
    use common::any_value::Value as Prost;
    let value = match view {
        Value::Empty => return common::AnyValue { value: None },
        Value::String(text) => Prost::StringValue(text.into()),
        Value::Bool(value) => Prost::BoolValue(value),
        Value::Int(value) => Prost::IntValue(value),
        Value::Double(value) => Prost::DoubleValue(value),
        Value::Bytes(bytes) => Prost::BytesValue(bytes.into()),
        Value::Array(array) => {
            Prost::ArrayValue(common::ArrayValue { values: array.values().map(any_value).collect() })
        }
        Value::Map(map) => Prost::KvlistValue(common::KeyValueList { values: attributes(map.entries()) }),
    };
    common::AnyValue { value: Some(value) }
}
