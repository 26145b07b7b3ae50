//! Arbitrary valid OTLP requests.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar,
    exponential_histogram_data_point::Buckets, metric::Data, number_data_point,
    summary_data_point::ValueAtQuantile,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use prost::Message;

/// A change of attributes, as the attributes processor makes it.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    Set(String, AnyValue),
    Copy(String, String),
    Remove(String),
    /// All keys that start so.
    RemoveWhere(String),
    Rewrite(String),
}

impl Edit {
    /// The keys that the edit can have to do with, where they are a list.
    pub(crate) fn keys(&self) -> Option<Vec<&str>> {
        match self {
            Self::Set(key, _) | Self::Remove(key) | Self::Rewrite(key) => Some(vec![key]),
            Self::Copy(from, to) => Some(vec![from, to]),
            Self::RemoveWhere(_) => None,
        }
    }
}

pub(crate) fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (key(), any_value()).prop_map(|(key, value)| Edit::Set(key, value)),
        (key(), key()).prop_map(|(from, to)| Edit::Copy(from, to)),
        key().prop_map(Edit::Remove),
        key().prop_map(Edit::RemoveWhere),
        key().prop_map(Edit::Rewrite)
    ]
}

pub(crate) fn traces() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let scope_spans = (of(scope()), vec(span(), 0..4), text())
        .prop_map(|(scope, spans, schema_url)| ScopeSpans { scope, spans, schema_url });
    let resource_spans = (of(resource()), vec(scope_spans, 0..3), text())
        .prop_map(|(resource, scope_spans, schema_url)| ResourceSpans { resource, scope_spans, schema_url });
    vec(resource_spans, 0..3).prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

pub(crate) fn logs() -> impl Strategy<Value = ExportLogsServiceRequest> {
    let record = (any::<[u64; 2]>(), -1_i32..30, text(), of(any_value()), attributes(), id(16), id(8))
        .prop_map(|([time, observed], severity, text, body, attributes, trace_id, span_id)| LogRecord {
            time_unix_nano: time,
            observed_time_unix_nano: observed,
            severity_number: severity,
            severity_text: text.clone(),
            body,
            attributes,
            dropped_attributes_count: time as u32,
            flags: observed as u32,
            trace_id,
            span_id,
            event_name: text,
        });
    let scope_logs = (of(scope()), vec(record, 0..4), text())
        .prop_map(|(scope, log_records, schema_url)| ScopeLogs { scope, log_records, schema_url });
    (of(resource()), vec(scope_logs, 0..3), text()).prop_map(|(resource, scope_logs, schema_url)| {
        ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { resource, scope_logs, schema_url }] }
    })
}

pub(crate) fn metrics() -> impl Strategy<Value = ExportMetricsServiceRequest> {
    let metric = (text(), of(data()), attributes()).prop_map(|(name, data, metadata)| Metric {
        description: name.clone(),
        unit: "ms".into(),
        name,
        metadata,
        data,
    });
    let scope_metrics = (of(scope()), vec(metric, 0..4), text())
        .prop_map(|(scope, metrics, schema_url)| ScopeMetrics { scope, metrics, schema_url });
    (of(resource()), vec(scope_metrics, 0..3), text()).prop_map(|(resource, scope_metrics, schema_url)| {
        ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics { resource, scope_metrics, schema_url }],
        }
    })
}

/// One span with the attribute `a`, twenty bytes long.
pub(crate) fn one_span() -> ExportTraceServiceRequest {
    let a = KeyValue { key: "a".into(), value: Some(string("thirteen more")), key_strindex: 0 };
    request_of(Span { attributes: vec![a], ..Span::default() })
}

fn request_of(span: Span) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }],
    }
}

/// A value of every kind.
pub(crate) fn every_value() -> [Value; 6] {
    [
        Value::StringValue("née".into()),
        Value::BoolValue(true),
        Value::IntValue(-1),
        Value::DoubleValue(0.5),
        Value::BytesValue(vec![0xff, 0]),
        Value::ArrayValue(ArrayValue { values: vec![string("x")] }),
    ]
}

/// One span with a field of every kind.
pub(crate) fn full_span() -> ExportTraceServiceRequest {
    let attributes: Vec<_> = every_value()
        .into_iter()
        .map(|value| KeyValue {
            key: "k".into(),
            value: Some(AnyValue { value: Some(value) }),
            key_strindex: 0,
        })
        .collect();
    let event = Event { time_unix_nano: 7, name: "e".into(), ..Event::default() };
    let link = Link { trace_id: vec![3; 16], span_id: vec![4; 8], flags: 1, ..Link::default() };
    let span = Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: "n".into(),
        kind: 2,
        start_time_unix_nano: 1,
        end_time_unix_nano: 2,
        attributes,
        events: vec![event],
        links: vec![link],
        status: Some(status("s")),
        flags: 0x101,
        ..Span::default()
    };
    request_of(span)
}

pub(crate) fn status(message: &str) -> Status {
    Status { message: message.into(), code: 2 }
}

pub(crate) fn string(text: &str) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(text.into())) }
}

/// Encodes every span of `request` with fields of `extra`'s first span put once more behind them.
pub(crate) fn repeat_singular(
    request: &ExportTraceServiceRequest,
    extra: &ExportTraceServiceRequest,
) -> Vec<u8> {
    let more = extra.resource_spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans).next();
    let mut out = Vec::new();
    for resource_spans in &request.resource_spans {
        let mut inner = resource_spans.encode_to_vec();
        if let Some(other) = extra.resource_spans.first() {
            inner.extend(other.encode_to_vec());
        }
        if let Some(span) = more {
            let scope_spans = ScopeSpans { spans: vec![], ..ScopeSpans::default() }.encode_to_vec();
            flow::wire::put_nested(&mut inner, 2, |out| {
                out.extend(&scope_spans);
                flow::wire::put_nested(out, 2, |out| {
                    out.extend(span.encode_to_vec());
                    out.extend(span.encode_to_vec());
                });
            });
        }
        flow::wire::put_len(&mut out, 1, &inner);
    }
    out
}

fn span() -> impl Strategy<Value = Span> {
    let ids = (id(16), id(8), id(8), text(), text());
    let numbers = (any::<i32>(), any::<[u64; 2]>(), any::<[u32; 4]>());
    let lists = (attributes(), vec(event(), 0..3), vec(link(), 0..3), of((text(), -1_i32..4)));
    (ids, numbers, lists).prop_map(|(ids, numbers, lists)| {
        let (trace_id, span_id, parent_span_id, trace_state, name) = ids;
        let (kind, [start, end], [flags, a, b, c]) = numbers;
        let (attributes, events, links, status) = lists;
        Span {
            trace_id,
            span_id,
            parent_span_id,
            trace_state,
            name,
            kind,
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            flags,
            dropped_attributes_count: a,
            dropped_events_count: b,
            dropped_links_count: c,
            attributes,
            events,
            links,
            status: status.map(|(message, code)| Status { message, code }),
        }
    })
}

fn event() -> impl Strategy<Value = Event> {
    (any::<u64>(), text(), attributes(), any::<u32>()).prop_map(
        |(time_unix_nano, name, attributes, dropped)| Event {
            time_unix_nano,
            name,
            attributes,
            dropped_attributes_count: dropped,
        },
    )
}

fn link() -> impl Strategy<Value = Link> {
    (id(16), id(8), text(), attributes(), any::<u32>()).prop_map(
        |(trace_id, span_id, trace_state, attributes, n)| Link {
            trace_id,
            span_id,
            trace_state,
            attributes,
            dropped_attributes_count: n,
            flags: n,
        },
    )
}

fn data() -> impl Strategy<Value = Data> {
    let number = (attributes(), any::<u64>(), of(any::<i64>()), of(any::<f64>()), vec(exemplar(), 0..2))
        .prop_map(|(attributes, t, i, d, exemplars)| {
            let value = i.map(number_data_point::Value::AsInt).or(d.map(number_data_point::Value::AsDouble));
            NumberDataPoint {
                attributes,
                start_time_unix_nano: t,
                time_unix_nano: t,
                exemplars,
                flags: t as u32,
                value,
            }
        })
        .boxed();
    let histogram = (
        attributes(),
        vec(any::<u64>(), 0..4),
        vec(any::<f64>(), 0..4),
        of(any::<f64>()),
        vec(exemplar(), 0..2),
    )
        .prop_map(|(attributes, bucket_counts, explicit_bounds, sum, exemplars)| HistogramDataPoint {
            attributes,
            exemplars,
            bucket_counts,
            explicit_bounds,
            sum,
            min: sum,
            ..HistogramDataPoint::default()
        });
    let exponential = (attributes(), any::<[i32; 2]>(), vec(any::<u64>(), 0..4)).prop_map(
        |(attributes, [scale, offset], bucket_counts)| ExponentialHistogramDataPoint {
            attributes,
            scale,
            positive: Some(Buckets { offset, bucket_counts }),
            ..ExponentialHistogramDataPoint::default()
        },
    );
    let summary = (attributes(), any::<f64>()).prop_map(|(attributes, value)| SummaryDataPoint {
        attributes,
        quantile_values: vec![ValueAtQuantile { quantile: 0.5, value }],
        ..SummaryDataPoint::default()
    });
    prop_oneof![
        vec(number.clone(), 0..6).prop_map(|data_points| Data::Gauge(Gauge { data_points })),
        (vec(number, 0..6), any::<bool>()).prop_map(|(data_points, is_monotonic)| {
            Data::Sum(Sum { data_points, aggregation_temporality: 2, is_monotonic })
        }),
        vec(histogram, 0..4).prop_map(|data_points| {
            Data::Histogram(Histogram { data_points, aggregation_temporality: 1 })
        }),
        vec(exponential, 0..4).prop_map(|data_points| {
            Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality: 1 })
        }),
        vec(summary, 0..4).prop_map(|data_points| Data::Summary(Summary { data_points })),
    ]
}

fn exemplar() -> impl Strategy<Value = Exemplar> {
    let value = prop_oneof![
        any::<f64>().prop_map(exemplar::Value::AsDouble),
        any::<i64>().prop_map(exemplar::Value::AsInt)
    ];
    (of(value), any::<u64>(), any::<bool>()).prop_map(|(value, time_unix_nano, traced)| Exemplar {
        time_unix_nano,
        value,
        trace_id: if traced { vec![5; 16] } else { vec![] },
        span_id: if traced { vec![6; 8] } else { vec![] },
        ..Exemplar::default()
    })
}

/// One point of every kind, with a field of every kind.
pub(crate) fn every_kind() -> ExportMetricsServiceRequest {
    let attributes = vec![KeyValue { key: "k".into(), value: Some(string("v")), key_strindex: 0 }];
    let exemplars = vec![Exemplar {
        time_unix_nano: 3,
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        value: Some(exemplar::Value::AsInt(-1)),
        ..Exemplar::default()
    }];
    let number = NumberDataPoint {
        attributes: attributes.clone(),
        exemplars: exemplars.clone(),
        time_unix_nano: 9,
        flags: 1,
        value: Some(number_data_point::Value::AsInt(7)),
        ..NumberDataPoint::default()
    };
    let histogram = HistogramDataPoint {
        attributes: attributes.clone(),
        exemplars: exemplars.clone(),
        count: 3,
        sum: Some(0.5),
        bucket_counts: vec![1, 2],
        explicit_bounds: vec![0.25],
        ..HistogramDataPoint::default()
    };
    let exponential = ExponentialHistogramDataPoint {
        attributes: attributes.clone(),
        exemplars,
        count: 300,
        scale: -2,
        zero_count: 1,
        zero_threshold: 0.125,
        positive: Some(Buckets { offset: -1, bucket_counts: vec![1, 200] }),
        negative: Some(Buckets { offset: 2, bucket_counts: vec![3] }),
        ..ExponentialHistogramDataPoint::default()
    };
    let quantile_values = vec![ValueAtQuantile { quantile: 0.5, value: 2.0 }];
    let summary =
        SummaryDataPoint { attributes, count: 4, sum: 8.0, quantile_values, ..SummaryDataPoint::default() };
    let data = [
        Data::Gauge(Gauge { data_points: vec![number.clone()] }),
        Data::Sum(Sum { data_points: vec![number], aggregation_temporality: 2, is_monotonic: true }),
        Data::Histogram(Histogram { data_points: vec![histogram], aggregation_temporality: 1 }),
        Data::ExponentialHistogram(ExponentialHistogram {
            data_points: vec![exponential],
            aggregation_temporality: 2,
        }),
        Data::Summary(Summary { data_points: vec![summary] }),
    ];
    let metric = |data| Metric { name: "n".into(), data: Some(data), ..Metric::default() };
    let scope_metrics = vec![ScopeMetrics { metrics: data.map(metric).into(), ..ScopeMetrics::default() }];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }],
    }
}

fn resource() -> impl Strategy<Value = Resource> {
    (attributes(), any::<u32>()).prop_map(|(attributes, dropped)| Resource {
        attributes,
        dropped_attributes_count: dropped,
        entity_refs: vec![],
    })
}

fn scope() -> impl Strategy<Value = InstrumentationScope> {
    (text(), text(), attributes(), any::<u32>()).prop_map(|(name, version, attributes, dropped)| {
        InstrumentationScope { name, version, attributes, dropped_attributes_count: dropped }
    })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    vec((key(), of(any_value())), 0..6).prop_map(|list| {
        list.into_iter().map(|(key, value)| KeyValue { key, value, key_strindex: 0 }).collect()
    })
}

/// Few keys, so that duplicates and hits of an edit happen.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("a".to_owned()),
        Just("customer.phone.number".to_owned()),
        Just(String::new()),
        "[a-c]{1,2}"
    ]
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        text().prop_map(Value::StringValue),
        "[x]{100,300}".prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        any::<f64>().prop_map(Value::DoubleValue),
        vec(any::<u8>(), 0..9).prop_map(Value::BytesValue),
    ];
    let value = leaf.prop_recursive(3, 12, 3, |inner| {
        let values = vec(of(inner), 0..3)
            .prop_map(|values| values.into_iter().map(|value| AnyValue { value }).collect::<Vec<_>>())
            .boxed();
        prop_oneof![
            values.clone().prop_map(|values| Value::ArrayValue(ArrayValue { values })),
            values.prop_map(|values| {
                let values = values
                    .into_iter()
                    .map(|value| KeyValue { key: "k".into(), value: Some(value), key_strindex: 0 })
                    .collect();
                Value::KvlistValue(KeyValueList { values })
            }),
        ]
    });
    of(value).prop_map(|value| AnyValue { value })
}

fn id(len: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![1 => Just(vec![]), 4 => vec(any::<u8>(), len)]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "\\PC{0,8}", "[a-z]{120,140}"]
}
