//! Connectors between pipelines: who gets what, and that nothing is missing.

use expect_test::expect;
use flow::Signal;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;

use crate::product::{Product, failed, span};

const PLAN: &str = "yaml:
receivers:
  otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}
processors:
  batch: {timeout: 5ms}
  batch/metrics: {timeout: 1h}
connectors:
  spanmetrics: {metrics_flush_interval: 1h, dimensions: [{name: interaction.stage}], histogram: {explicit: {buckets: [1s]}}}
  servicegraph: {metrics_flush_interval: 0s, latency_histogram_buckets: [1s]}
exporters:
  kept:
  prometheus: {endpoint: '127.0.0.1:0', without_scope_info: true}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    metrics/calls: {receivers: [servicegraph], exporters: [prometheus]}
    metrics: {receivers: [spanmetrics], processors: [batch/metrics], exporters: [kept]}
    traces/second: {receivers: [otlp], exporters: [spanmetrics]}
    traces: {receivers: [otlp], processors: [batch], exporters: [kept, spanmetrics, servicegraph]}
";

/// Scenario: two pipelines give to one connector, one pipeline to two; the interval is longer than the test.
/// Guarantees: every span is accounted for in each pipeline, and at the stop the last points go through everything
/// that stands behind the connector, a waiting batch included.
#[tokio::test]
async fn spans_become_points_and_nothing_is_missing() {
    let mut product = Product::start(PLAN, &[]).await;
    let mut client = span(1, "GET", 500, &[]);
    client.kind = 3;
    let mut server = span(2, "GET", 400, &[]);
    (server.kind, server.trace_id, server.parent_span_id) =
        (2, client.trace_id.clone(), client.span_id.clone());
    product.send("ivr", vec![client, span(3, "Wait", 2000, &[("interaction.stage", "queue")])]).await;
    product.send("crm", vec![failed(server)]).await;
    product.quiet().await;
    // Points follow each batch, through a queue of their own.
    let calls = "traces_service_graph_request_total{client=\"ivr\",failed=\"true\",server=\"crm\"} 1\n";
    while !product.metrics("").await.contains(calls) {
        tokio::task::yield_now().await;
    }
    assert_eq!((product.kept.items(Signal::Traces), product.kept.items(Signal::Metrics)), (3, 0));
    product.stop().await;
    let balances: Vec<_> =
        product.quiet().await.into_iter().filter(|line| !line.starts_with("metrics/calls")).collect();
    expect![[r#"
        metrics -> kept: 6 received, 6 exported
        traces -> kept: 3 received, 3 exported
        traces -> servicegraph: 3 received, 3 exported
        traces -> spanmetrics: 3 received, 3 exported
        traces/second -> spanmetrics: 3 received, 3 exported"#]]
    .assert_eq(&balances.join("\n"));
    let points = product.kept.of(Signal::Metrics);
    let decoded = ExportMetricsServiceRequest::decode(&*points.concat()).unwrap();
    let names: Vec<_> = decoded
        .resource_metrics
        .iter()
        .flat_map(|resource| resource.scope_metrics[0].metrics.iter().map(|metric| metric.name.as_str()))
        .collect();
    assert_eq!(names.iter().filter(|name| **name == "traces.span.metrics.calls").count(), 2, "{names:?}");
}

/// Scenario: points go to an exporter by OTLP bytes while Prometheus fetches the same.
/// Guarantees: both tell the same number of calls.
#[tokio::test]
async fn prometheus_and_otlp_tell_the_same() {
    let mut product = Product::start(
        "yaml:
receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}
connectors: {spanmetrics: {metrics_flush_interval: 10ms, histogram: {disable: true}}}
exporters: {kept: , prometheus: {endpoint: '127.0.0.1:0', without_scope_info: true}}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], exporters: [spanmetrics]}
    metrics: {receivers: [spanmetrics], exporters: [kept, prometheus]}
",
        &[],
    )
    .await;
    for n in 0..20 {
        product.send("crm", vec![span(n, "GET", 5, &[]), span(n + 100, "GET", 5, &[])]).await;
    }
    let row = "traces_span_metrics_calls_total{job=\"crm\",service_name=\"crm\",span_kind=\"SPAN_KIND_INTERNAL\",span_name=\"GET\",status_code=\"STATUS_CODE_UNSET\"} 40\n";
    while !product.metrics("").await.contains(row) {
        tokio::task::yield_now().await;
    }
    product.stop().await;
    let last = product.kept.of(Signal::Metrics).pop().unwrap();
    let decoded = ExportMetricsServiceRequest::decode(&*last).unwrap();
    assert!(format!("{decoded:?}").contains("AsInt(40)"), "{decoded:?}");
}

/// Scenario: a receiver gives revisions of one span, of which one is for everybody.
/// Guarantees: a connector counts the span once; what it is not given is accounted for.
#[tokio::test]
async fn revisions_are_counted_once() {
    let mut product = Product::start(
        "yaml:
receivers: {revisions: }
connectors: {spanmetrics: {metrics_flush_interval: 1h, histogram: {disable: true}}, servicegraph: {metrics_flush_interval: 1h}}
exporters: {kept: }
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [revisions], exporters: [spanmetrics, servicegraph]}
    metrics: {receivers: [spanmetrics, servicegraph], exporters: [kept]}
",
        &[],
    )
    .await;
    product.stop().await;
    assert_eq!(
        product.quiet().await,
        [
            "metrics -> kept: 1 received, 1 exported",
            "traces -> servicegraph: 4 received, 1 exported",
            "traces -> spanmetrics: 4 received, 1 exported"
        ]
    );
    let decoded = ExportMetricsServiceRequest::decode(&*product.kept.of(Signal::Metrics).concat()).unwrap();
    assert!(format!("{decoded:?}").contains("AsInt(1)"), "{decoded:?}");
}

/// Scenario: one process counts spans and sends its points on by OTLP, gRPC and HTTP; another shows them.
/// Guarantees: what the first counted is what the second shows, exemplars included.
#[tokio::test]
async fn points_travel_by_otlp() {
    let mut central = Product::start(
        "yaml:
receivers:
  otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}, grpc: {endpoint: '127.0.0.1:0'}}}
exporters: {prometheus: {endpoint: '127.0.0.1:0', without_scope_info: true, enable_open_metrics: true}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {metrics: {receivers: [otlp], exporters: [prometheus]}}
",
        &[],
    )
    .await;
    let mut regional = Product::start(
        "yaml:
receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}
connectors:
  spanmetrics: {metrics_flush_interval: 1h, exemplars: {enabled: true}, histogram: {exponential: }}
  servicegraph: {metrics_flush_interval: 1h, store: {ttl: 1ns}}
exporters: {otlp_http: {}, otlp_grpc: {tls: {insecure: true}}}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], exporters: [spanmetrics, servicegraph]}
    metrics: {receivers: [spanmetrics], exporters: [otlp_http]}
    metrics/calls: {receivers: [servicegraph], exporters: [otlp_grpc]}
",
        &[
            &format!("exporters.otlp_http.endpoint=http://{}", central.address("otlp")),
            &format!("exporters.otlp_grpc.endpoint={}", central.grpc("otlp")),
        ],
    )
    .await;
    let mut client = span(2, "GET", 500, &[("peer.service", "till")]);
    client.kind = 3;
    regional.send("crm", vec![span(1, "GET", 250, &[]), client]).await;
    regional.stop().await;
    for line in regional.quiet().await {
        let (_, counts) = line.split_once(": ").unwrap();
        let (received, exported) = counts.split_once(" received, ").unwrap();
        assert_eq!(exported, format!("{received} exported"), "{line}");
    }
    central.quiet().await;
    let text = central.metrics("application/openmetrics-text").await;
    for row in [
        "traces_span_metrics_duration_milliseconds_count{job=\"crm\",service_name=\"crm\",span_kind=\"SPAN_KIND_INTERNAL\",span_name=\"GET\",status_code=\"STATUS_CODE_UNSET\"} 1\n",
        "le=\"256.0\"} 1 # {trace_id=\"00000000000000070000000000000001\",span_id=\"0000000000000001\"} 250 ",
        "traces_service_graph_request_total{client=\"crm\",connection_type=\"virtual_node\",failed=\"false\",server=\"till\"} 1\n",
    ] {
        assert!(text.contains(row), "{row}\n{text}");
    }
    central.stop().await;
}
