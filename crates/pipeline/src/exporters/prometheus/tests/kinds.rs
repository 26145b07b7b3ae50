//! Every kind of metric in both formats.

use expect_test::expect;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Summary, SummaryDataPoint, exemplar, exponential_histogram_data_point::Buckets,
    summary_data_point::ValueAtQuantile,
};
use proptest::prelude::*;

use super::*;

fn example(value: f64, id: u8) -> Exemplar {
    Exemplar {
        time_unix_nano: 1_700_000_000_500_000_000,
        trace_id: vec![id; 16],
        span_id: vec![id; 8],
        value: Some(exemplar::Value::AsDouble(value)),
        ..Exemplar::default()
    }
}

fn every_kind() -> Vec<u8> {
    let histogram = HistogramDataPoint {
        attributes: attributes(&[("interaction.stage", "queue")]),
        time_unix_nano: 1_700_000_000_123_000_000,
        count: 6,
        sum: Some(70.5),
        bucket_counts: vec![1, 2, 3],
        explicit_bounds: vec![0.5, 10.0],
        exemplars: vec![example(0.2, 1), example(12.0, 2), example(30.0, 3)],
        ..HistogramDataPoint::default()
    };
    let exponential = ExponentialHistogramDataPoint {
        time_unix_nano: 1_700_000_000_123_000_000,
        count: 11,
        sum: Some(40.0),
        scale: 3,
        zero_count: 1,
        positive: Some(Buckets { offset: -1, bucket_counts: vec![2, 0, 3, 4] }),
        negative: Some(Buckets { offset: 7, bucket_counts: vec![1] }),
        ..ExponentialHistogramDataPoint::default()
    };
    let summary = SummaryDataPoint {
        count: 3,
        sum: 9.5,
        quantile_values: vec![
            ValueAtQuantile { quantile: 0.5, value: 3.0 },
            ValueAtQuantile { quantile: 1.0, value: f64::INFINITY },
        ],
        time_unix_nano: 1_700_000_000_123_000_000,
        ..SummaryDataPoint::default()
    };
    let mut counted = number(17.0, &[("odd \"label\"", "back\\slash\nline"), ("a.b", "1"), ("a_b", "2")]);
    counted.exemplars = vec![example(1.0, 9)];
    request(
        &[
            ("service.name", "till"),
            ("service.namespace", "shop"),
            ("service.instance.id", "i-1"),
            ("host.name", "h"),
        ],
        vec![
            metric("calls", "{call}", counter(vec![counted], 2)),
            metric("fill", "1", metric::Data::Gauge(Gauge { data_points: vec![number(0.25, &[])] })),
            metric(
                "open",
                "",
                metric::Data::Sum(Sum {
                    data_points: vec![number(-3.0, &[])],
                    aggregation_temporality: 2,
                    is_monotonic: false,
                }),
            ),
            metric(
                "wait",
                "s",
                metric::Data::Histogram(Histogram {
                    data_points: vec![histogram],
                    aggregation_temporality: 2,
                }),
            ),
            metric(
                "size",
                "By",
                metric::Data::ExponentialHistogram(ExponentialHistogram {
                    data_points: vec![exponential],
                    aggregation_temporality: 2,
                }),
            ),
            metric("age", "ms", metric::Data::Summary(Summary { data_points: vec![summary] })),
        ],
    )
}

#[test]
fn as_text() {
    let mut page = Page::new(
        "{endpoint: '127.0.0.1:0', namespace: my, const_labels: {site: hq}, send_timestamps: true}",
    );
    assert_eq!(page.take(&every_kind()), 0);
    expect![[r##"
        # HELP my_age_milliseconds About age.
        # TYPE my_age_milliseconds summary
        my_age_milliseconds{instance="i-1",job="shop/till",otel_scope_layer="web",otel_scope_name="till",otel_scope_version="1.2",site="hq",quantile="0.5"} 3 1700000000123
        my_age_milliseconds{instance="i-1",job="shop/till",otel_scope_layer="web",otel_scope_name="till",otel_scope_version="1.2",site="hq",quantile="1"} +Inf 1700000000123
        my_age_milliseconds_sum{instance="i-1",job="shop/till",otel_scope_layer="web",otel_scope_name="till",otel_scope_version="1.2",site="hq"} 9.5 1700000000123
        my_age_milliseconds_count{instance="i-1",job="shop/till",otel_scope_layer="web",otel_scope_name="till",otel_scope_version="1.2",site="hq"} 3 1700000000123
        # HELP my_calls_total About calls.
        # TYPE my_calls_total counter
        my_calls_total{a_b="1;2",instance="i-1",job="shop/till",odd__label_="back\\slash\nline",otel_scope_layer="web",otel_scope_name="till",otel_scope_version="1.2",site="hq"} 17 1700000000123
        # HELP my_fill_ratio About fill.
        # TYPE my_fill_ratio gauge
        my_fill_ratio{instance="i-1",job="shop/till",otel_scope_layer="web",otel_scope_name="till",otel_scope_version="1.2",site="hq"} 0.25 1700000000123
        # HELP my_open About open.
        # TYPE my_open gauge
        my_open{instance="i-1",job="shop/till",otel_scope_layer="web",otel_scope_name="till",otel_scope_version="1.2",site="hq"} -3 1700000000123
        # HELP my_size_bytes About size.
        # TYPE my_size_bytes histogram
        my_size_bytes_bucket{instance="i-1",job="shop/till",otel_scope_layer="web",otel_scope_name="till",otel_scope_version="1.2",site="hq",le="-1.681792830507429"} 1 1700000000123
        my_size_bytes_bucket{instance="i-1",job="shop/till",otel_scope_layer="web",otel_scope_name="till",otel_scope_version="1.2",site="hq",le="0"} 2 1700000000123
        my_size_bytes_bucket{instance="i-1",job="shop/till",otel_scope_layer="web",otel_scope_name="till",otel_scope_version="1.2",site="hq",le="1"} 4 1700000000123
        my_size_bytes_bucket{instance="i-1",job="shop/till",otel_scope_layer="web",otel_scope_name="till",otel_scope_version="1.2",site="hq",le="1.189207115002721"} 7 1700000000123
        my_size_bytes_bucket{instance="i-1",job="shop/till",otel_scope_layer="web",otel_scope_name="till",otel_scope_version="1.2",site="hq",le="1.4142135623730951"} 11 1700000000123
        my_size_bytes_bucket{instance="i-1",job="shop/till",otel_scope_layer="web",otel_scope_name="till",otel_scope_version="1.2",site="hq",le="+Inf"} 11 1700000000123
        my_size_bytes_sum{instance="i-1",job="shop/till",otel_scope_layer="web",otel_scope_name="till",otel_scope_version="1.2",site="hq"} 40 1700000000123
        my_size_bytes_count{instance="i-1",job="shop/till",otel_scope_layer="web",otel_scope_name="till",otel_scope_version="1.2",site="hq"} 11 1700000000123
        # HELP my_wait_seconds About wait.
        # TYPE my_wait_seconds histogram
        my_wait_seconds_bucket{instance="i-1",interaction_stage="queue",job="shop/till",otel_scope_layer="web",otel_scope_name="till",otel_scope_version="1.2",site="hq",le="0.5"} 1 1700000000123
        my_wait_seconds_bucket{instance="i-1",interaction_stage="queue",job="shop/till",otel_scope_layer="web",otel_scope_name="till",otel_scope_version="1.2",site="hq",le="10"} 3 1700000000123
        my_wait_seconds_bucket{instance="i-1",interaction_stage="queue",job="shop/till",otel_scope_layer="web",otel_scope_name="till",otel_scope_version="1.2",site="hq",le="+Inf"} 6 1700000000123
        my_wait_seconds_sum{instance="i-1",interaction_stage="queue",job="shop/till",otel_scope_layer="web",otel_scope_name="till",otel_scope_version="1.2",site="hq"} 70.5 1700000000123
        my_wait_seconds_count{instance="i-1",interaction_stage="queue",job="shop/till",otel_scope_layer="web",otel_scope_name="till",otel_scope_version="1.2",site="hq"} 6 1700000000123
        # HELP target_info Target metadata
        # TYPE target_info gauge
        target_info{host_name="h",instance="i-1",job="shop/till"} 1
    "##]]
    .assert_eq(&page.text(false));
}

#[test]
fn as_openmetrics() {
    let mut page = Page::new(
        "{endpoint: '127.0.0.1:0', resource_to_telemetry_conversion: {enabled: true, exclude_service_attributes: true}, without_scope_info: true}",
    );
    assert_eq!(page.take(&every_kind()), 0);
    expect![[r##"
        # HELP age_milliseconds About age.
        # TYPE age_milliseconds summary
        age_milliseconds{host_name="h",instance="i-1",job="shop/till",quantile="0.5"} 3
        age_milliseconds{host_name="h",instance="i-1",job="shop/till",quantile="1.0"} +Inf
        age_milliseconds_sum{host_name="h",instance="i-1",job="shop/till"} 9.5
        age_milliseconds_count{host_name="h",instance="i-1",job="shop/till"} 3
        # HELP calls About calls.
        # TYPE calls counter
        calls_total{a_b="1;2",host_name="h",instance="i-1",job="shop/till",odd__label_="back\\slash\nline"} 17 # {trace_id="09090909090909090909090909090909",span_id="0909090909090909"} 1 1700000000.500
        # HELP fill_ratio About fill.
        # TYPE fill_ratio gauge
        fill_ratio{host_name="h",instance="i-1",job="shop/till"} 0.25
        # HELP open About open.
        # TYPE open gauge
        open{host_name="h",instance="i-1",job="shop/till"} -3
        # HELP size_bytes About size.
        # TYPE size_bytes histogram
        size_bytes_bucket{host_name="h",instance="i-1",job="shop/till",le="-1.681792830507429"} 1
        size_bytes_bucket{host_name="h",instance="i-1",job="shop/till",le="0.0"} 2
        size_bytes_bucket{host_name="h",instance="i-1",job="shop/till",le="1.0"} 4
        size_bytes_bucket{host_name="h",instance="i-1",job="shop/till",le="1.189207115002721"} 7
        size_bytes_bucket{host_name="h",instance="i-1",job="shop/till",le="1.4142135623730951"} 11
        size_bytes_bucket{host_name="h",instance="i-1",job="shop/till",le="+Inf"} 11
        size_bytes_sum{host_name="h",instance="i-1",job="shop/till"} 40
        size_bytes_count{host_name="h",instance="i-1",job="shop/till"} 11
        # HELP target Target metadata
        # TYPE target info
        target_info{host_name="h",instance="i-1",job="shop/till"} 1
        # HELP wait_seconds About wait.
        # TYPE wait_seconds histogram
        wait_seconds_bucket{host_name="h",instance="i-1",interaction_stage="queue",job="shop/till",le="0.5"} 1 # {trace_id="01010101010101010101010101010101",span_id="0101010101010101"} 0.2 1700000000.500
        wait_seconds_bucket{host_name="h",instance="i-1",interaction_stage="queue",job="shop/till",le="10.0"} 3
        wait_seconds_bucket{host_name="h",instance="i-1",interaction_stage="queue",job="shop/till",le="+Inf"} 6 # {trace_id="03030303030303030303030303030303",span_id="0303030303030303"} 30 1700000000.500
        wait_seconds_sum{host_name="h",instance="i-1",interaction_stage="queue",job="shop/till"} 70.5
        wait_seconds_count{host_name="h",instance="i-1",interaction_stage="queue",job="shop/till"} 6
        # EOF
    "##]]
    .assert_eq(&page.text(true));
}

#[test]
fn without_suffixes_a_counter_is_of_unknown_kind_to_openmetrics() {
    let mut page =
        Page::new("{endpoint: '127.0.0.1:0', add_metric_suffixes: false, without_scope_info: true}");
    page.take(&request(&[], vec![metric("a.calls", "s", counter(vec![number(1.0, &[])], 2))]));
    expect![[r#"
        # HELP a_calls About a.calls.
        # TYPE a_calls unknown
        a_calls 1
        # EOF
    "#]]
    .assert_eq(&page.text(true));
}

#[test]
fn two_kinds_cannot_have_one_name() {
    let mut page = Page::new("endpoint: 127.0.0.1:0");
    let gauge = metric::Data::Gauge(Gauge { data_points: vec![number(2.0, &[])] });
    let bytes =
        request(&[], vec![metric("a.total", "", gauge), metric("a", "", counter(vec![number(1.0, &[])], 2))]);
    let rejected = page.rejected(&bytes);
    assert_eq!(rejected.points, 1);
    assert_eq!(
        rejected.why.unwrap(),
        "`a_total` is there already, as Gauge: metrics of two kinds have one name"
    );
}

#[test]
fn a_histogram_of_very_many_buckets_is_rejected() {
    let bounds: Vec<_> = (0..5000).map(f64::from).collect();
    let point = HistogramDataPoint {
        count: 1,
        bucket_counts: vec![0; bounds.len() + 1],
        explicit_bounds: bounds,
        ..HistogramDataPoint::default()
    };
    let data = metric::Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality: 2 });
    assert_eq!(Page::new("endpoint: 127.0.0.1:0").take(&request(&[], vec![metric("a", "", data)])), 1);
}

proptest! {
    /// Whatever names and values clients send, lines stay lines.
    #[test]
    fn nothing_breaks_the_format(name in "\\PC{0,12}", key in ".{0,8}", value in "(?s).{0,12}", amount in any::<f64>(), open in any::<bool>()) {
        let mut page = Page::new("endpoint: 127.0.0.1:0");
        let bytes = request(&[("service.name", &value)], vec![metric(&name, &key, counter(vec![number(amount, &[(&key, &value)])], 2))]);
        prop_assert_eq!(page.take(&bytes), 0);
        let text = page.text(open);
        let line = regex::Regex::new(r#"^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\["\\n])*",?)+\})? \S+$"#).unwrap();
        for part in text.split('\n').filter(|part| !part.starts_with('#') && !part.is_empty()) {
            prop_assert!(line.is_match(part), "{}", part);
        }
    }
}
