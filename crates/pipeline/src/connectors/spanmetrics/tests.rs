mod limits;

use expect_test::expect;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use prometheus::IntCounter;
use prost::Message;

use super::aggregate::SpanMetrics;
use super::*;
use crate::connectors::aggregating::Aggregate;
use crate::connectors::given::{
    MILLISECOND, SECOND, attributes, failed, findings, request, settings, shown, span, text, truth, written,
};

fn metrics(yaml: &str) -> SpanMetrics {
    SpanMetrics::new(&settings(&FACTORY, yaml), IntCounter::new("o", "o").unwrap())
}

const CRM: &[(&str, &str)] = &[("service.name", "crm"), ("service.version", "2.0-eu-west-2")];

#[test]
fn calls_and_durations() {
    let mut metrics = metrics(
        "{dimensions: [{name: interaction.stage}, {name: interaction.queue.name, default: none}, {name: interaction.region}],
          histogram: {unit: s, explicit: {buckets: [1s, 30s]}}, resource_metrics_key_attributes: [service.name]}",
    );
    let queue = &[("interaction.stage", "queue"), ("interaction.queue.name", "billing")];
    let spans = vec![
        span("Wait in queue", 20_000, queue),
        span("Wait in queue", 40_000, queue),
        failed(span("GET /customers", 500, &[])),
    ];
    metrics.read(&request(CRM, spans), SECOND);
    expect![[r#"
        traces_span_metrics_calls_total{interaction_queue_name="billing",interaction_region="eu-west-2",interaction_stage="queue",job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="Wait in queue",status_code="STATUS_CODE_UNSET"} 2
        traces_span_metrics_calls_total{interaction_queue_name="none",interaction_region="eu-west-2",job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="GET /customers",status_code="STATUS_CODE_ERROR"} 1
        traces_span_metrics_duration_seconds_bucket{interaction_queue_name="billing",interaction_region="eu-west-2",interaction_stage="queue",job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="Wait in queue",status_code="STATUS_CODE_UNSET",le="1"} 0
        traces_span_metrics_duration_seconds_bucket{interaction_queue_name="billing",interaction_region="eu-west-2",interaction_stage="queue",job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="Wait in queue",status_code="STATUS_CODE_UNSET",le="30"} 1
        traces_span_metrics_duration_seconds_bucket{interaction_queue_name="billing",interaction_region="eu-west-2",interaction_stage="queue",job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="Wait in queue",status_code="STATUS_CODE_UNSET",le="+Inf"} 2
        traces_span_metrics_duration_seconds_sum{interaction_queue_name="billing",interaction_region="eu-west-2",interaction_stage="queue",job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="Wait in queue",status_code="STATUS_CODE_UNSET"} 60
        traces_span_metrics_duration_seconds_count{interaction_queue_name="billing",interaction_region="eu-west-2",interaction_stage="queue",job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="Wait in queue",status_code="STATUS_CODE_UNSET"} 2
        traces_span_metrics_duration_seconds_bucket{interaction_queue_name="none",interaction_region="eu-west-2",job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="GET /customers",status_code="STATUS_CODE_ERROR",le="1"} 1
        traces_span_metrics_duration_seconds_bucket{interaction_queue_name="none",interaction_region="eu-west-2",job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="GET /customers",status_code="STATUS_CODE_ERROR",le="30"} 1
        traces_span_metrics_duration_seconds_bucket{interaction_queue_name="none",interaction_region="eu-west-2",job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="GET /customers",status_code="STATUS_CODE_ERROR",le="+Inf"} 1
        traces_span_metrics_duration_seconds_sum{interaction_queue_name="none",interaction_region="eu-west-2",job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="GET /customers",status_code="STATUS_CODE_ERROR"} 0.5
        traces_span_metrics_duration_seconds_count{interaction_queue_name="none",interaction_region="eu-west-2",job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="GET /customers",status_code="STATUS_CODE_ERROR"} 1
    "#]]
    .assert_eq(&shown(&mut metrics, 2 * SECOND, true));
}

#[test]
fn the_collectors_defaults() {
    let mut metrics = metrics("{}");
    metrics.read(&request(CRM, vec![span("a", 7, &[])]), SECOND);
    expect![[r#"
        target_info{job="crm",service_version="2.0-eu-west-2"} 1
        traces_span_metrics_calls_total{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET"} 1
        traces_span_metrics_duration_milliseconds_bucket{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET",le="2"} 0
        traces_span_metrics_duration_milliseconds_bucket{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET",le="4"} 0
        traces_span_metrics_duration_milliseconds_bucket{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET",le="6"} 0
        traces_span_metrics_duration_milliseconds_bucket{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET",le="8"} 1
        traces_span_metrics_duration_milliseconds_bucket{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET",le="10"} 1
        traces_span_metrics_duration_milliseconds_bucket{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET",le="50"} 1
        traces_span_metrics_duration_milliseconds_bucket{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET",le="100"} 1
        traces_span_metrics_duration_milliseconds_bucket{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET",le="200"} 1
        traces_span_metrics_duration_milliseconds_bucket{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET",le="400"} 1
        traces_span_metrics_duration_milliseconds_bucket{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET",le="800"} 1
        traces_span_metrics_duration_milliseconds_bucket{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET",le="1000"} 1
        traces_span_metrics_duration_milliseconds_bucket{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET",le="1400"} 1
        traces_span_metrics_duration_milliseconds_bucket{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET",le="2000"} 1
        traces_span_metrics_duration_milliseconds_bucket{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET",le="5000"} 1
        traces_span_metrics_duration_milliseconds_bucket{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET",le="10000"} 1
        traces_span_metrics_duration_milliseconds_bucket{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET",le="15000"} 1
        traces_span_metrics_duration_milliseconds_bucket{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET",le="+Inf"} 1
        traces_span_metrics_duration_milliseconds_sum{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET"} 7
        traces_span_metrics_duration_milliseconds_count{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET"} 1
    "#]]
    .assert_eq(&shown(&mut metrics, SECOND, true));
}

#[test]
fn labels_that_are_left_out_and_those_that_one_metric_has() {
    let mut metrics = metrics(
        "{namespace: '', exclude_dimensions: [span.name, span.kind], calls_dimensions: [{name: a}],
          histogram: {dimensions: [{name: b}]}, events: {enabled: true, dimensions: [{name: exception.type}]}}",
    );
    let mut span = span("x", 1, &[("a", "1"), ("b", "2")]);
    let thrown = |kind| Event { attributes: attributes(&[("exception.type", kind)]), ..Event::default() };
    span.events = vec![thrown("Timeout"), thrown("Timeout"), thrown("Refused")];
    metrics.read(&request(&[], vec![span]), SECOND);
    expect![[r#"
        calls_total{a="1",service_name="unknown_service",status_code="STATUS_CODE_UNSET"} 1
        duration_milliseconds_sum{b="2",service_name="unknown_service",status_code="STATUS_CODE_UNSET"} 1
        duration_milliseconds_count{b="2",service_name="unknown_service",status_code="STATUS_CODE_UNSET"} 1
        events_total{exception_type="Refused",service_name="unknown_service",status_code="STATUS_CODE_UNSET"} 1
        events_total{exception_type="Timeout",service_name="unknown_service",status_code="STATUS_CODE_UNSET"} 2
    "#]]
    .assert_eq(&shown(&mut metrics, SECOND, false));
}

#[test]
fn spans_that_go_on_or_were_taken_back_are_not_counted() {
    let mut metrics = metrics("{histogram: {disable: true}}");
    let marked = |key: &str, value| {
        let mut span = span("Talk", 1000, &[]);
        span.attributes.extend(attributes(&[(key, "")]).into_iter().map(|mut mark| {
            mark.value = Some(truth(value));
            mark
        }));
        span
    };
    let spans = vec![
        marked("throughline.unfinished", true),
        marked("throughline.superseded", true),
        marked("throughline.unfinished", false),
    ];
    metrics.read(&request(CRM, spans), SECOND);
    assert!(shown(&mut metrics, SECOND, false).trim_end().ends_with(" 1"));
}

#[test]
fn an_interaction_on_the_resource_makes_no_series_of_its_own() {
    let mut metrics = metrics("{histogram: {disable: true}}");
    for call in ["one", "two", "three"] {
        let resource = [CRM, &[("interaction.id", call)]].concat();
        metrics.read(&request(&resource, vec![span("a", 1, &[])]), SECOND);
    }
    expect![[r#"
        target_info{job="crm",service_version="2.0-eu-west-2"} 1
        traces_span_metrics_calls_total{job="crm",service_name="crm",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET"} 3
    "#]]
    .assert_eq(&shown(&mut metrics, SECOND, false));
}

#[test]
fn the_slowest_spans_are_examples_once() {
    let mut metrics = metrics("{exemplars: {enabled: true, max_per_data_point: 2}}");
    let spans = [30, 10, 20].map(|ms| span("a", ms, &[])).to_vec();
    metrics.read(&request(CRM, spans), SECOND);
    let exemplars = |metrics: &mut SpanMetrics| -> Vec<f64> {
        let decoded = ExportMetricsServiceRequest::decode(&*written(metrics, 2 * SECOND)[0]).unwrap();
        let all = &decoded.resource_metrics[0].scope_metrics[0].metrics;
        let Some(Data::Histogram(histogram)) = &all[1].data else { panic!("a histogram") };
        let point = &histogram.data_points[0];
        assert!(point.exemplars.iter().all(|exemplar| exemplar.trace_id == [7; 16]
            && exemplar.span_id == [1, 2, 3, 4, 5, 6, 7, 8]
            && exemplar.time_unix_nano == SECOND));
        let value = |value| match value {
            Some(opentelemetry_proto::tonic::metrics::v1::exemplar::Value::AsDouble(value)) => value,
            _ => panic!("a double"),
        };
        let mut values: Vec<_> = point.exemplars.iter().map(|exemplar| value(exemplar.value)).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    assert_eq!(exemplars(&mut metrics), [20.0, 30.0]);
    assert_eq!(exemplars(&mut metrics), [0.0; 0]);
}

#[test]
fn exponential_histograms() {
    let mut metrics = metrics("{histogram: {exponential: {max_size: 4}}}");
    let spans = [0, 1, 2, 1000].map(|ms| span("a", ms, &[])).to_vec();
    metrics.read(&request(CRM, spans), SECOND);
    let decoded = ExportMetricsServiceRequest::decode(&*written(&mut metrics, 2 * SECOND)[0]).unwrap();
    let Some(Data::ExponentialHistogram(histogram)) =
        &decoded.resource_metrics[0].scope_metrics[0].metrics[1].data
    else {
        panic!("an exponential histogram")
    };
    let point = &histogram.data_points[0];
    let positive = point.positive.as_ref().unwrap();
    assert_eq!((point.count, point.sum, point.zero_count, point.attributes.len()), (4, Some(1003.0), 1, 4));
    // Buckets of a factor of 16: 1 ms, 2 ms, none, 1000 ms.
    assert_eq!((point.scale, positive.offset, &*positive.bucket_counts), (-2, -1, &[1, 1, 0, 1][..]));
    let rows = shown(&mut metrics, 3 * SECOND, true);
    assert!(rows.contains("le=\"16\"} 3\n") && rows.contains("le=\"4096\"} 4\n"), "{rows}");
}

#[test]
fn deltas_tell_each_interval_alone() {
    let mut metrics =
        metrics("{aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA, histogram: {disable: true}}");
    let interval = |metrics: &mut SpanMetrics, from: u64, spans: usize, to: u64| {
        metrics.read(&request(CRM, vec![span("a", 1, &[]); spans]), from);
        let decoded = ExportMetricsServiceRequest::decode(&*written(metrics, to)[0]).unwrap();
        let Some(Data::Sum(sum)) = decoded.resource_metrics[0].scope_metrics[0].metrics[0].data.clone()
        else {
            panic!("a sum")
        };
        let point = &sum.data_points[0];
        (sum.aggregation_temporality, point.start_time_unix_nano, point.time_unix_nano, point.value)
    };
    let int = |value| Some(opentelemetry_proto::tonic::metrics::v1::number_data_point::Value::AsInt(value));
    assert_eq!(interval(&mut metrics, 10, 2, 20), (1, 10, 20, int(2)));
    assert_eq!(interval(&mut metrics, 25, 3, 40), (1, 20, 40, int(3)));
    assert!(written(&mut metrics, 50).is_empty());
}

#[test]
fn numbers_and_long_texts_as_dimensions() {
    let mut metrics = metrics(
        "{dimensions: [{name: code}], exclude_dimensions: [service.name, span.name, span.kind, status.code], histogram: {disable: true}}",
    );
    let mut number = span("a", 1, &[("code", "")]);
    number.attributes[0].value = Some(opentelemetry_proto::tonic::common::v1::AnyValue {
        value: Some(opentelemetry_proto::tonic::common::v1::any_value::Value::IntValue(200)),
    });
    let mut word = span("a", 1, &[("code", "")]);
    word.attributes[0].value = Some(text("200"));
    let long = "x".repeat(3000);
    metrics.read(&request(CRM, vec![number, word, span("a", 1, &[("code", &long)])]), SECOND);
    let rows = shown(&mut metrics, SECOND, false);
    assert!(rows.contains("code=\"200\"") && rows.contains(" 2\n"), "{rows}");
    assert!(rows.contains(&format!("code=\"{}\"", "x".repeat(1024))), "{rows}");
}

#[test]
fn a_span_that_ends_before_it_begins_took_no_time() {
    let mut metrics = metrics("{}");
    let mut odd = span("a", 5, &[]);
    odd.end_time_unix_nano = odd.start_time_unix_nano - MILLISECOND;
    metrics.read(&request(CRM, vec![odd]), SECOND);
    assert!(shown(&mut metrics, SECOND, false).contains("_sum{"));
    assert!(shown(&mut metrics, SECOND, false).contains("} 0\n"));
}

#[test]
fn what_can_be_wrong() {
    let all = [
        "{dimensions: [{name: span.kind}, {name: a}, {name: a}, {name: ''}]}",
        "{dimensions: [{name: a}], calls_dimensions: [{name: a}], histogram: {dimensions: [{default: x}]}}",
        "{histogram: {explicit: {buckets: [2s, 1s]}, exponential: }}",
        "{events: {enabled: true}, metrics_flush_interval: 0s}",
        "{aggregation_temporality: DELTA}",
        "{dimensions: [{name: interaction.id}], dimensions_cache_size: 5, namspace: x}",
        "{dimensions: [{name: interaction.id}], dimensions_cache_size: 5}",
        "{add_resource_attributes: false}",
    ];
    expect![[r#"
        c.yaml:1:22: error: dimensions::0::name: dimension `span.kind` is there already
          help: take it out here
        c.yaml:1:52: error: dimensions::2::name: dimension `a` is there already
          help: take it out here
        c.yaml:1:63: error: dimensions::3::name: an empty name
          help: name an attribute of spans or resources
        c.yaml:1:83: error: histogram::dimensions::0: `name` is required
        c.yaml:1:45: error: histogram::exponential: `explicit` is given as well
          help: keep one of the two
        c.yaml:1:39: error: histogram::explicit::buckets::1: not longer than the bucket before
          help: write the buckets from short to long
        c.yaml:1:51: error: metrics_flush_interval: must be longer than 0s
          help: 60s is the default
        c.yaml:1:10: error: events: `enabled` without `dimensions`
          help: name attributes of events, such as exception.type
        c.yaml:1:27: error: aggregation_temporality: expected one of `AGGREGATION_TEMPORALITY_CUMULATIVE`, `AGGREGATION_TEMPORALITY_DELTA`, found the text `DELTA`
        c.yaml:1:66: error: namspace: unknown key
          help: did you mean `namespace`?
        c.yaml:1:22: advice: dimensions::0::name: every call has its own `interaction.id`, and so its own series
          help: take it out; `exemplars` lead from a series to calls
        c.yaml:1:63: advice: dimensions_cache_size: this has no effect
          help: leave it out
        c.yaml:1:27: advice: add_resource_attributes: what tells resources apart always stands on their metrics; this has no effect
          help: name the attributes in `resource_metrics_key_attributes`
    "#]]
    .assert_eq(&all.map(|yaml| findings(&FACTORY, yaml)).concat());
}
