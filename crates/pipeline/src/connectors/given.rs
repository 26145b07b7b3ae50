//! Spans for the tests of connectors, and what comes of them as Prometheus would see it.

use flow::config::{Node, Severity};
use flow::otlp::Limits;
use flow::{Factory, Signal};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use serde::de::DeserializeOwned;

use super::aggregating::Aggregate;
use super::points::Metrics;
use crate::exporters::prometheus::tests::Page;

pub(super) const SECOND: u64 = 1_000_000_000;
pub(super) const MILLISECOND: u64 = 1_000_000;

pub(super) fn text(value: &str) -> AnyValue {
    AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) }
}

pub(super) fn truth(value: bool) -> AnyValue {
    AnyValue { value: Some(any_value::Value::BoolValue(value)) }
}

pub(super) fn attributes(given: &[(&str, &str)]) -> Vec<KeyValue> {
    let one = |(key, value): &(&str, &str)| KeyValue {
        key: (*key).to_owned(),
        value: Some(text(value)),
        ..KeyValue::default()
    };
    given.iter().map(one).collect()
}

/// A server span in trace 7 that took so many milliseconds.
pub(super) fn span(name: &str, milliseconds: u64, given: &[(&str, &str)]) -> Span {
    Span {
        trace_id: vec![7; 16],
        span_id: vec![1, 2, 3, 4, 5, 6, 7, 8],
        name: name.to_owned(),
        kind: 2,
        start_time_unix_nano: SECOND,
        end_time_unix_nano: SECOND + milliseconds * MILLISECOND,
        attributes: attributes(given),
        ..Span::default()
    }
}

pub(super) fn failed(mut span: Span) -> Span {
    span.status = Some(Status { code: 2, message: String::new() });
    span
}

/// One request of one resource.
pub(super) fn request(resource: &[(&str, &str)], spans: Vec<Span>) -> Vec<u8> {
    let resource = Resource { attributes: attributes(resource), ..Resource::default() };
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans =
        vec![ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

/// Settings that its check finds nothing wrong with.
pub(super) fn settings<T: DeserializeOwned>(factory: &Factory, yaml: &str) -> T {
    let section = Node::load("c.yaml", yaml).unwrap();
    let findings = (factory.check)(&section);
    assert!(findings.iter().all(|finding| finding.severity != Severity::Error), "{findings:?}");
    section.parse().unwrap()
}

/// What is wrong with settings, line by line.
pub(super) fn findings(factory: &Factory, yaml: &str) -> String {
    let section = Node::load("c.yaml", yaml).unwrap();
    (factory.check)(&section).iter().map(|finding| format!("{finding}\n")).collect()
}

/// The points of an interval; the bytes are sound, and there are as many points as they say.
pub(super) fn written(aggregate: &mut impl Aggregate, now_ns: u64) -> Vec<Vec<u8>> {
    let mut metrics = Metrics::default();
    aggregate.write(now_ns, &mut metrics);
    let sound = |(payload, points): (flow::Payload, usize)| {
        let bytes = payload.to_bytes();
        let sound = flow::otlp::check(Signal::Metrics, &bytes, &Limits::default()).unwrap();
        assert_eq!((sound.items, sound.odd), (points, false));
        bytes.to_vec()
    };
    metrics.batches().into_iter().map(sound).collect()
}

/// The same as Prometheus would fetch it, without the lines of buckets unless they are asked for.
pub(super) fn shown(aggregate: &mut impl Aggregate, now_ns: u64, buckets: bool) -> String {
    let mut page = Page::new("endpoint: 127.0.0.1:0\nwithout_scope_info: true");
    for chunk in written(aggregate, now_ns) {
        assert_eq!(page.take(&chunk), 0);
    }
    let text = page.text(false);
    let kept = text.lines().filter(|line| !line.starts_with('#') && (buckets || !line.contains("_bucket")));
    kept.map(|line| format!("{line}\n")).collect()
}
