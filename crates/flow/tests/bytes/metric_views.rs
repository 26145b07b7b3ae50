//! Metrics as the views see them, put back into prost's types for comparison.

use std::hint::black_box;

use flow::Payload;
use flow::otlp::metrics as view;
use flow::otlp::metrics::DataKind;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1 as prost_metrics;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use prost_metrics::exponential_histogram_data_point::Buckets;
use prost_metrics::summary_data_point::ValueAtQuantile;
use prost_metrics::{
    Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, NumberDataPoint, SummaryDataPoint, exemplar,
    metric, number_data_point,
};

use crate::views::attributes;

pub(crate) fn request(payload: &Payload) -> ExportMetricsServiceRequest {
    let bytes = payload.to_bytes();
    let resource_metrics = view::resource_metrics(&bytes).map(|view| {
        let rest = prost_metrics::ResourceMetrics::decode(view.0).unwrap();
        let of_view =
            |resource| Resource { attributes: attributes(view.resource().attributes()), ..resource };
        prost_metrics::ResourceMetrics {
            resource: rest.resource.map(of_view),
            scope_metrics: view.scope_metrics().map(scope_metrics).collect(),
            ..rest
        }
    });
    ExportMetricsServiceRequest { resource_metrics: resource_metrics.collect() }
}

/// Reads everything there is, of any bytes.
pub(crate) fn walk(bytes: &[u8]) {
    for resource in view::resource_metrics(bytes) {
        black_box(attributes(resource.resource().attributes()));
        for scope in resource.scope_metrics() {
            let of = scope.scope();
            black_box((of.name(), of.version(), scope.schema_url(), attributes(of.attributes())));
            for metric in scope.metrics() {
                black_box((metric.name(), metric.description(), metric.unit(), metric.data()));
                metric.data().points().for_each(walk_point);
            }
        }
    }
}

fn walk_point(point: view::Point<'_>) {
    black_box(attributes(point.attributes()));
    black_box((point.start_ns(), point.time_ns(), point.is_stale(), point.number()));
    black_box((point.count(), point.sum(), point.bucket_counts(), point.explicit_bounds()));
    black_box((point.scale(), point.zero_count(), point.zero_threshold()));
    black_box((point.positive(), point.negative()));
    black_box((point.quantiles().count(), point.exemplars().count()));
}

fn scope_metrics(view: view::ScopeMetrics<'_>) -> prost_metrics::ScopeMetrics {
    let rest = prost_metrics::ScopeMetrics::decode(view.0).unwrap();
    prost_metrics::ScopeMetrics {
        metrics: view.metrics().map(one).collect(),
        schema_url: view.schema_url().into(),
        ..rest
    }
}

fn one(view: view::Metric<'_>) -> prost_metrics::Metric {
    let mut rest = prost_metrics::Metric::decode(view.0).unwrap();
    let data = view.data();
    let (kind, temporality) = (data.kind, data.temporality);
    match &mut rest.data {
        None => assert_eq!(data.points().count(), 0),
        Some(metric::Data::Gauge(gauge)) => {
            assert_eq!(kind, DataKind::Gauge);
            fill(data, &mut gauge.data_points, number);
        }
        Some(metric::Data::Sum(sum)) => {
            assert_eq!(kind, DataKind::Sum { monotonic: sum.is_monotonic });
            sum.aggregation_temporality = temporality;
            fill(data, &mut sum.data_points, number);
        }
        Some(metric::Data::Histogram(histogram)) => {
            assert_eq!(kind, DataKind::Histogram);
            histogram.aggregation_temporality = temporality;
            fill(data, &mut histogram.data_points, explicit);
        }
        Some(metric::Data::ExponentialHistogram(histogram)) => {
            assert_eq!(kind, DataKind::ExponentialHistogram);
            histogram.aggregation_temporality = temporality;
            fill(data, &mut histogram.data_points, exponential);
        }
        Some(metric::Data::Summary(histogram)) => {
            assert_eq!(kind, DataKind::Summary);
            fill(data, &mut histogram.data_points, summary);
        }
    }
    let (name, description, unit) = (view.name().into(), view.description().into(), view.unit().into());
    prost_metrics::Metric { name, description, unit, ..rest }
}

/// Each point as its view shows it; what views do not offer stays.
fn fill<P>(data: view::Data<'_>, points: &mut [P], show: impl Fn(view::Point<'_>, &mut P)) {
    let views: Vec<_> = data.points().collect();
    assert_eq!(views.len(), points.len());
    views.into_iter().zip(points).for_each(|(view, point)| show(view, point));
}

fn number(view: view::Point<'_>, point: &mut NumberDataPoint) {
    use number_data_point::Value;
    assert_eq!(view.is_stale(), point.flags & 1 == 1);
    point.attributes = attributes(view.attributes());
    (point.start_time_unix_nano, point.time_unix_nano) = (view.start_ns(), view.time_ns());
    match &mut point.value {
        None => assert_eq!(view.number(), 0.0),
        Some(Value::AsDouble(value)) => *value = view.number(),
        Some(Value::AsInt(value)) => assert_eq!(view.number(), *value as f64),
    }
    exemplars(view, &mut point.exemplars);
}

fn explicit(view: view::Point<'_>, point: &mut HistogramDataPoint) {
    assert_eq!(view.is_stale(), point.flags & 1 == 1);
    point.attributes = attributes(view.attributes());
    (point.start_time_unix_nano, point.time_unix_nano) = (view.start_ns(), view.time_ns());
    point.count = view.count();
    point.sum = point.sum.map(|_| view.sum());
    (point.bucket_counts, point.explicit_bounds) = (view.bucket_counts(), view.explicit_bounds());
    exemplars(view, &mut point.exemplars);
}

fn exponential(view: view::Point<'_>, point: &mut ExponentialHistogramDataPoint) {
    assert_eq!(view.is_stale(), point.flags & 1 == 1);
    point.attributes = attributes(view.attributes());
    (point.start_time_unix_nano, point.time_unix_nano) = (view.start_ns(), view.time_ns());
    point.count = view.count();
    point.sum = point.sum.map(|_| view.sum());
    point.scale = view.scale();
    (point.zero_count, point.zero_threshold) = (view.zero_count(), view.zero_threshold());
    let buckets = |buckets: view::Buckets| Buckets { offset: buckets.offset, bucket_counts: buckets.counts };
    point.positive = point.positive.take().map(|_| buckets(view.positive()));
    point.negative = point.negative.take().map(|_| buckets(view.negative()));
    exemplars(view, &mut point.exemplars);
}

fn summary(view: view::Point<'_>, point: &mut SummaryDataPoint) {
    assert_eq!(view.is_stale(), point.flags & 1 == 1);
    point.attributes = attributes(view.attributes());
    (point.start_time_unix_nano, point.time_unix_nano) = (view.start_ns(), view.time_ns());
    (point.count, point.sum) = (view.count(), view.sum());
    let quantiles = view.quantiles().map(|(quantile, value)| ValueAtQuantile { quantile, value });
    point.quantile_values = quantiles.collect();
    assert_eq!(view.exemplars().count(), 0);
}

fn exemplars(view: view::Point<'_>, exemplars: &mut [Exemplar]) {
    let views: Vec<_> = view.exemplars().collect();
    assert_eq!(views.len(), exemplars.len());
    for (view, exemplar) in views.into_iter().zip(exemplars) {
        exemplar.time_unix_nano = view.time_ns;
        (exemplar.trace_id, exemplar.span_id) = (view.trace_id.into(), view.span_id.into());
        match &mut exemplar.value {
            None => assert_eq!(view.value, 0.0),
            Some(exemplar::Value::AsDouble(value)) => *value = view.value,
            Some(exemplar::Value::AsInt(value)) => assert_eq!(view.value, *value as f64),
        }
    }
}
