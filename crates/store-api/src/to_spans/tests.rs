use expect_test::expect;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource as OtlpResource;
use opentelemetry_proto::tonic::trace::v1::span::{Event as OtlpEvent, Link as OtlpLink};
use opentelemetry_proto::tonic::trace::v1::{
    ResourceSpans, ScopeSpans, Span as OtlpSpan, Status as OtlpStatus,
};
use prost::Message;

use super::*;

fn pair(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..Default::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Any::StringValue(value.to_owned()))
}

fn full() -> OtlpSpan {
    OtlpSpan {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        parent_span_id: vec![3; 8],
        trace_state: "ot=ro".to_owned(),
        flags: 0x101,
        name: "GET /customers".to_owned(),
        kind: 3,
        start_time_unix_nano: 1_000,
        end_time_unix_nano: 3_500,
        attributes: vec![
            text("interaction.id", "call-1"),
            pair("n", Any::IntValue(-5)),
            pair("d", Any::DoubleValue(0.5)),
            pair("b", Any::BoolValue(true)),
            pair("raw", Any::BytesValue(vec![0, 1])),
            pair("list", Any::ArrayValue(ArrayValue { values: vec![AnyValue { value: None }] })),
            pair("map", Any::KvlistValue(KeyValueList { values: vec![text("k", "v")] })),
            KeyValue { key: "none".to_owned(), ..Default::default() },
            pair("throughline.revision", Any::IntValue(4)),
            pair("throughline.unfinished", Any::BoolValue(true)),
        ],
        dropped_attributes_count: 1,
        events: vec![OtlpEvent {
            time_unix_nano: 1_200,
            name: "retry".to_owned(),
            attributes: vec![text("why", "timeout")],
            ..Default::default()
        }],
        dropped_events_count: 2,
        links: vec![OtlpLink { trace_id: vec![9; 16], span_id: vec![8; 8], ..Default::default() }],
        dropped_links_count: 3,
        status: Some(OtlpStatus { code: 2, message: "no row".to_owned() }),
    }
}

fn payload(spans: Vec<OtlpSpan>) -> Payload {
    let scope =
        InstrumentationScope { name: "http".to_owned(), version: "1.2".to_owned(), ..Default::default() };
    let resource = OtlpResource {
        attributes: vec![text("service.name", "crm"), text("service.version", "2.0-eu-west-2")],
        ..Default::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![ScopeSpans { scope: Some(scope), spans, ..Default::default() }],
            ..Default::default()
        }],
    }
    .encode_to_vec()
    .into()
}

#[test]
fn every_field_arrives() {
    let mut payload = payload(vec![full()]);
    payload.join(payload.clone());
    let Spans { spans, nameless } = to_spans(&payload);
    assert_eq!((spans.len(), nameless), (2, 0));
    let span = &spans[0];
    assert_eq!(span.interaction().as_deref(), Some("call-1"));
    assert_eq!((span.revision(), span.finished()), (4, false));
    assert_eq!(span.region().unwrap().1, "eu-west-2");
    let Span { trace_id, span_id, parent_span_id, trace_state, flags, name, kind, .. } = span;
    let json = |attributes: &Attributes| serde_json::to_string(attributes).unwrap();
    let events: Vec<_> = span.events.iter().map(|e| (e.time_ns, &e.name, json(&e.attributes))).collect();
    let found = format!(
        "{trace_id} {span_id} {parent_span_id:?} {trace_state} {flags} {name} {kind:?}\n{} {} {:?}\n{}\n{events:?}\n\
         {:?}\n{} {}\n{:?}\n{:?}\n",
        span.start_ns,
        span.duration_ns,
        span.status,
        json(&span.attributes),
        span.links,
        span.resource.service(),
        json(span.resource.attributes()),
        span.scope,
        span.dropped,
    );
    expect![[r#"
        01010101010101010101010101010101 0202020202020202 Some(0303030303030303) ot=ro 257 GET /customers Client
        1000 2500 Status { code: Error, message: "no row" }
        {"b":{"bool":true},"d":{"double":"0.5"},"interaction.id":{"string":"call-1"},"list":{"array":["empty"]},"map":{"map":{"k":{"string":"v"}}},"n":{"int":-5},"none":"empty","raw":{"bytes":"0001"},"throughline.revision":{"int":4},"throughline.unfinished":{"bool":true}}
        [(1200, "retry", "{\"why\":{\"string\":\"timeout\"}}")]
        [Link { trace_id: 09090909090909090909090909090909, span_id: 0808080808080808, trace_state: "", attributes: Attributes([]) }]
        crm {"service.name":{"string":"crm"},"service.version":{"string":"2.0-eu-west-2"}}
        Scope { name: "http", version: "1.2", attributes: Attributes([]) }
        Dropped { attributes: 1, events: 2, links: 3 }
    "#]].assert_eq(&found);
}

#[test]
fn spans_that_nobody_could_ask_for_are_counted() {
    let nameless = [
        OtlpSpan { trace_id: Vec::new(), ..full() },
        OtlpSpan { trace_id: vec![0; 16], ..full() },
        OtlpSpan { span_id: vec![0; 8], ..full() },
    ];
    let spans = to_spans(&payload(nameless.into_iter().chain([full()]).collect()));
    assert_eq!((spans.spans.len(), spans.nameless), (1, 3));
}

#[test]
fn times_that_make_no_sense_are_bounded() {
    for (start, end, expected) in [
        (5, 3, (5, 0)),
        (5, 0, (5, 0)),
        (u64::MAX, u64::MAX, (i64::MAX as u64, 0)),
        (5, u64::MAX, (5, i64::MAX as u64 - 5)),
    ] {
        let raw = OtlpSpan { start_time_unix_nano: start, end_time_unix_nano: end, ..full() };
        let span = to_spans(&payload(vec![raw])).spans.remove(0);
        assert_eq!((span.start_ns, span.duration_ns), expected);
    }
}
