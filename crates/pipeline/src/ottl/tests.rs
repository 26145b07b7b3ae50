use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

use super::*;
use crate::processors::attributes::tests::pair;

mod conditions;
mod errors;
mod statements;
pub(crate) mod model;
mod agreement;

/// 2024-02-29 12:34:56.5 UTC.
const START: u64 = 1_709_210_096_500_000_000;

/// A span with something in every field.
fn sample() -> ResourceSpans {
    let nested: Vec<KeyValue> =
        vec![pair("list", vec![1i64.any(), "two".any()]), pair("deep", vec![pair("x", true)])];
    let event = Event {
        time_unix_nano: START + 1000,
        name: "exception".into(),
        attributes: vec![pair("exception.type", "Timeout")],
        dropped_attributes_count: 7,
    };
    let span = Span {
        trace_id: (1..=16).collect(),
        span_id: (1..=8).collect(),
        parent_span_id: Vec::new(),
        trace_state: "ot=th:8,vendor=x".into(),
        name: "GET /api/users".into(),
        kind: 2,
        start_time_unix_nano: START,
        end_time_unix_nano: START + 2_500_000_000,
        attributes: vec![
            pair("http.status_code", 500i64),
            pair("http.method", "GET"),
            pair("ratio", 0.5),
            pair("ok", false),
            pair("raw", vec![1u8, 255]),
            pair("none", ()),
            pair("nested", nested),
            pair("text.number", "42"),
            pair("price", "12.50"),
        ],
        dropped_attributes_count: 3,
        events: vec![event, Event { name: "second".into(), ..Event::default() }],
        links: vec![Link::default()],
        status: Some(Status { code: 2, message: "timed out".into() }),
        flags: 0x101,
        ..Span::default()
    };
    let scope = InstrumentationScope {
        name: "io.net".into(),
        version: "1.2".into(),
        attributes: vec![pair("scope.key", "s")],
        dropped_attributes_count: 1,
    };
    ResourceSpans {
        resource: Some(Resource {
            attributes: vec![pair("service.name", "ivr"), pair("cloud.region", "eu-west-2")],
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            scope: Some(scope),
            spans: vec![span],
            schema_url: "scope-schema".into(),
        }],
        schema_url: "resource-schema".into(),
    }
}

use crate::processors::attributes::tests::Any;

/// Looks at the first event of the sample's span.
fn with_scene<T>(sample: &ResourceSpans, look: impl FnOnce(&Scene<'_>) -> T) -> T {
    use flow::otlp::view;
    let bytes = sample.encode_to_vec();
    let resource = view::ResourceSpans(&bytes);
    let scope = resource.scope_spans().next().unwrap();
    let span = scope.spans().next().unwrap();
    let scene = Scene::new(START).resource(resource).scope(scope).span(span.raw);
    match span.events().next() {
        Some(event) => look(&scene.event(event, 0)),
        None => look(&scene),
    }
}
