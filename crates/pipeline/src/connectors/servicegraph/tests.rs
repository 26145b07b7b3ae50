use expect_test::expect;
use flow::{Memory, Telemetry};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::exemplar;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::connectors::aggregating::Aggregate;
use crate::connectors::given::{
    SECOND, attributes, failed, findings, request, settings, shown, span, written,
};

fn graph(yaml: &str) -> (ServiceGraph, Telemetry) {
    let ctx = Ctx::new(std::sync::Arc::new(Memory::default()), Telemetry::default()).named("servicegraph");
    (ServiceGraph::new(&settings(&FACTORY, yaml), Counters::new(&ctx)), ctx.telemetry)
}

const CLIENT: i32 = 3;
const SERVER: i32 = 2;

/// Half of call `n`.
fn half(n: u8, kind: i32, milliseconds: u64, given: &[(&str, &str)]) -> Span {
    let mut span = span("call", milliseconds, given);
    span.trace_id = vec![n; 16];
    span.kind = kind;
    if matches!(kind, SERVER | 5) {
        span.parent_span_id = vec![n; 8];
        span.span_id = vec![n, 1, 1, 1, 1, 1, 1, 1];
    } else {
        span.span_id = vec![n; 8];
    }
    span
}

fn from(service: &str, spans: Vec<Span>) -> Vec<u8> {
    request(&[("service.name", service)], spans)
}

fn own(telemetry: &Telemetry, name: &str) -> u64 {
    let name = format!("otelcol_connector_servicegraph_{name}");
    telemetry.counter(&name, "", &["connector"]).with_label_values(&["servicegraph"]).get()
}

#[test]
fn pairs_of_client_and_server() {
    let (mut graph, telemetry) =
        graph("{latency_histogram_buckets: [100ms, 1s], dimensions: [interaction.region]}");
    let region = &[("interaction.region", "eu-west-1")];
    graph.read(&from("ivr", vec![half(1, CLIENT, 900, region), half(2, CLIENT, 50, &[])]), SECOND);
    graph.read(&from("crm", vec![half(2, SERVER, 40, &[]), failed(half(1, SERVER, 800, region))]), SECOND);
    expect![[r#"
        traces_service_graph_request_client_seconds_bucket{client="ivr",client_interaction_region="eu-west-1",failed="true",server="crm",server_interaction_region="eu-west-1",le="0.1"} 0
        traces_service_graph_request_client_seconds_bucket{client="ivr",client_interaction_region="eu-west-1",failed="true",server="crm",server_interaction_region="eu-west-1",le="1"} 1
        traces_service_graph_request_client_seconds_bucket{client="ivr",client_interaction_region="eu-west-1",failed="true",server="crm",server_interaction_region="eu-west-1",le="+Inf"} 1
        traces_service_graph_request_client_seconds_sum{client="ivr",client_interaction_region="eu-west-1",failed="true",server="crm",server_interaction_region="eu-west-1"} 0.9
        traces_service_graph_request_client_seconds_count{client="ivr",client_interaction_region="eu-west-1",failed="true",server="crm",server_interaction_region="eu-west-1"} 1
        traces_service_graph_request_client_seconds_bucket{client="ivr",failed="false",server="crm",le="0.1"} 1
        traces_service_graph_request_client_seconds_bucket{client="ivr",failed="false",server="crm",le="1"} 1
        traces_service_graph_request_client_seconds_bucket{client="ivr",failed="false",server="crm",le="+Inf"} 1
        traces_service_graph_request_client_seconds_sum{client="ivr",failed="false",server="crm"} 0.05
        traces_service_graph_request_client_seconds_count{client="ivr",failed="false",server="crm"} 1
        traces_service_graph_request_failed_total{client="ivr",client_interaction_region="eu-west-1",failed="true",server="crm",server_interaction_region="eu-west-1"} 1
        traces_service_graph_request_server_seconds_bucket{client="ivr",client_interaction_region="eu-west-1",failed="true",server="crm",server_interaction_region="eu-west-1",le="0.1"} 0
        traces_service_graph_request_server_seconds_bucket{client="ivr",client_interaction_region="eu-west-1",failed="true",server="crm",server_interaction_region="eu-west-1",le="1"} 1
        traces_service_graph_request_server_seconds_bucket{client="ivr",client_interaction_region="eu-west-1",failed="true",server="crm",server_interaction_region="eu-west-1",le="+Inf"} 1
        traces_service_graph_request_server_seconds_sum{client="ivr",client_interaction_region="eu-west-1",failed="true",server="crm",server_interaction_region="eu-west-1"} 0.8
        traces_service_graph_request_server_seconds_count{client="ivr",client_interaction_region="eu-west-1",failed="true",server="crm",server_interaction_region="eu-west-1"} 1
        traces_service_graph_request_server_seconds_bucket{client="ivr",failed="false",server="crm",le="0.1"} 1
        traces_service_graph_request_server_seconds_bucket{client="ivr",failed="false",server="crm",le="1"} 1
        traces_service_graph_request_server_seconds_bucket{client="ivr",failed="false",server="crm",le="+Inf"} 1
        traces_service_graph_request_server_seconds_sum{client="ivr",failed="false",server="crm"} 0.04
        traces_service_graph_request_server_seconds_count{client="ivr",failed="false",server="crm"} 1
        traces_service_graph_request_total{client="ivr",client_interaction_region="eu-west-1",failed="true",server="crm",server_interaction_region="eu-west-1"} 1
        traces_service_graph_request_total{client="ivr",failed="false",server="crm"} 1
    "#]]
    .assert_eq(&shown(&mut graph, 2 * SECOND, true));
    assert_eq!((own(&telemetry, "total_edges"), own(&telemetry, "expired_edges")), (2, 0));
}

#[test]
fn databases_and_queues() {
    let (mut graph, _) = graph("{}");
    let query = half(1, CLIENT, 5, &[("db.name", "customers")]);
    graph.read(&from("crm", vec![query, half(2, 4, 1, &[])]), SECOND);
    graph.read(&from("billing", vec![half(2, 5, 3, &[])]), SECOND);
    expect![[r#"
        traces_service_graph_request_client_seconds_sum{client="crm",connection_type="database",failed="false",server="customers"} 0.005
        traces_service_graph_request_client_seconds_count{client="crm",connection_type="database",failed="false",server="customers"} 1
        traces_service_graph_request_client_seconds_sum{client="crm",connection_type="messaging_system",failed="false",server="billing"} 0.001
        traces_service_graph_request_client_seconds_count{client="crm",connection_type="messaging_system",failed="false",server="billing"} 1
        traces_service_graph_request_server_seconds_sum{client="crm",connection_type="database",failed="false",server="customers"} 0.005
        traces_service_graph_request_server_seconds_count{client="crm",connection_type="database",failed="false",server="customers"} 1
        traces_service_graph_request_server_seconds_sum{client="crm",connection_type="messaging_system",failed="false",server="billing"} 0.003
        traces_service_graph_request_server_seconds_count{client="crm",connection_type="messaging_system",failed="false",server="billing"} 1
        traces_service_graph_request_total{client="crm",connection_type="database",failed="false",server="customers"} 1
        traces_service_graph_request_total{client="crm",connection_type="messaging_system",failed="false",server="billing"} 1
    "#]]
    .assert_eq(&shown(&mut graph, 2 * SECOND, false));
}

#[test]
fn halves_that_wait_too_long() {
    let (mut graph, telemetry) = graph("{virtual_node_extra_label: true}");
    let mut root = half(1, SERVER, 10, &[]);
    root.parent_span_id = Vec::new();
    graph.read(
        &from("ivr", vec![root, half(2, CLIENT, 20, &[("peer.service", "till")]), half(3, CLIENT, 30, &[])]),
        SECOND,
    );
    // Its client never came.
    graph.read(&from("crm", vec![half(4, SERVER, 40, &[])]), SECOND);
    assert_eq!(shown(&mut graph, 2 * SECOND, false), "", "they wait for two seconds");
    expect![[r#"
        traces_service_graph_request_client_seconds_sum{client="ivr",connection_type="virtual_node",failed="false",server="till",virtual_node="server"} 0.02
        traces_service_graph_request_client_seconds_count{client="ivr",connection_type="virtual_node",failed="false",server="till",virtual_node="server"} 1
        traces_service_graph_request_client_seconds_sum{client="ivr",connection_type="virtual_node",failed="false",server="unknown",virtual_node="server"} 0.03
        traces_service_graph_request_client_seconds_count{client="ivr",connection_type="virtual_node",failed="false",server="unknown",virtual_node="server"} 1
        traces_service_graph_request_client_seconds_sum{client="user",connection_type="virtual_node",failed="false",server="ivr",virtual_node="client"} 0.01
        traces_service_graph_request_client_seconds_count{client="user",connection_type="virtual_node",failed="false",server="ivr",virtual_node="client"} 1
        traces_service_graph_request_server_seconds_sum{client="ivr",connection_type="virtual_node",failed="false",server="till",virtual_node="server"} 0.02
        traces_service_graph_request_server_seconds_count{client="ivr",connection_type="virtual_node",failed="false",server="till",virtual_node="server"} 1
        traces_service_graph_request_server_seconds_sum{client="ivr",connection_type="virtual_node",failed="false",server="unknown",virtual_node="server"} 0.03
        traces_service_graph_request_server_seconds_count{client="ivr",connection_type="virtual_node",failed="false",server="unknown",virtual_node="server"} 1
        traces_service_graph_request_server_seconds_sum{client="user",connection_type="virtual_node",failed="false",server="ivr",virtual_node="client"} 0.01
        traces_service_graph_request_server_seconds_count{client="user",connection_type="virtual_node",failed="false",server="ivr",virtual_node="client"} 1
        traces_service_graph_request_total{client="ivr",connection_type="virtual_node",failed="false",server="till",virtual_node="server"} 1
        traces_service_graph_request_total{client="ivr",connection_type="virtual_node",failed="false",server="unknown",virtual_node="server"} 1
        traces_service_graph_request_total{client="user",connection_type="virtual_node",failed="false",server="ivr",virtual_node="client"} 1
        traces_service_graph_unpaired_spans_total{client="ivr",failed="false"} 2
        traces_service_graph_unpaired_spans_total{failed="false",server="crm"} 1
        traces_service_graph_unpaired_spans_total{failed="false",server="ivr"} 1
    "#]]
    .assert_eq(&shown(&mut graph, 3 * SECOND, false));
    assert_eq!(own(&telemetry, "expired_edges"), 4);
    // The other half of call 2 comes late: it is one more unpaired half, and no call.
    graph.read(&from("till", vec![half(2, SERVER, 15, &[])]), 4 * SECOND);
    let rows = shown(&mut graph, 7 * SECOND, false);
    assert!(
        rows.contains("traces_service_graph_unpaired_spans_total{failed=\"false\",server=\"till\"} 1\n"),
        "{rows}"
    );
    assert_eq!((own(&telemetry, "expired_edges"), own(&telemetry, "total_edges")), (5, 3));
}

#[test]
fn without_peer_attributes_there_are_no_virtual_nodes() {
    let (mut graph, _) = graph("{virtual_node_peer_attributes: []}");
    graph.read(&from("ivr", vec![half(2, CLIENT, 20, &[("peer.service", "till")])]), SECOND);
    let rows = shown(&mut graph, 9 * SECOND, false);
    assert_eq!(rows, "traces_service_graph_unpaired_spans_total{client=\"ivr\",failed=\"false\"} 1\n");
}

#[test]
fn only_so_many_halves_wait() {
    let (mut graph, telemetry) = graph("{store: {max_items: 2}}");
    graph.read(&from("ivr", (1..=5).map(|n| half(n, CLIENT, 1, &[])).collect()), SECOND);
    assert_eq!(own(&telemetry, "dropped_spans"), 3);
    graph.read(&from("crm", vec![half(1, SERVER, 1, &[])]), SECOND);
    let rows = shown(&mut graph, 2 * SECOND, false);
    assert!(rows.contains("traces_service_graph_dropped_spans_total 3\n"), "{rows}");
    assert!(rows.contains("request_total{client=\"ivr\",failed=\"false\",server=\"crm\"} 1\n"), "{rows}");
}

#[test]
fn calls_that_nobody_makes_any_more_are_forgotten() {
    let (mut graph, _) = graph("{}");
    graph.read(&from("ivr", vec![half(1, CLIENT, 1, &[])]), SECOND);
    graph.read(&from("crm", vec![half(1, SERVER, 1, &[])]), SECOND);
    assert!(!shown(&mut graph, 800 * SECOND, false).is_empty());
    assert!(shown(&mut graph, 902 * SECOND, false).is_empty());
    assert_eq!(graph.size(), (0, 0));
}

/// Guarantees: of an interval the slowest calls are examples, each side with its own span; of the next one none of them.
#[test]
fn the_slowest_calls_are_examples_once() {
    let (mut graph, _) = graph("{exemplars: {enabled: true, max_per_data_point: 2}}");
    for (n, took, answered) in [(1, 300, 10), (2, 100, 30), (3, 200, 20)] {
        graph.read(&from("ivr", vec![half(n, CLIENT, took, &[])]), SECOND);
        graph.read(&from("crm", vec![half(n, SERVER, answered, &[])]), SECOND);
    }
    // Seconds, and which span of which call.
    let exemplars = |graph: &mut ServiceGraph, name: &str| -> Vec<(f64, u8, Vec<u8>)> {
        let decoded = ExportMetricsServiceRequest::decode(&*written(graph, 2 * SECOND)[0]).unwrap();
        let all = &decoded.resource_metrics[0].scope_metrics[0].metrics;
        let metric = all.iter().find(|metric| metric.name == name).unwrap();
        let Some(Data::Histogram(histogram)) = &metric.data else { panic!("a histogram") };
        let all = histogram.data_points[0].exemplars.iter().map(|exemplar| {
            let Some(exemplar::Value::AsDouble(value)) = exemplar.value else { panic!("a double") };
            assert_eq!(exemplar.time_unix_nano, SECOND);
            (value, exemplar.trace_id[0], exemplar.span_id.clone())
        });
        let mut all: Vec<_> = all.collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        all
    };
    let (client, server) = ("traces_service_graph_request_client", "traces_service_graph_request_server");
    assert_eq!(exemplars(&mut graph, client), [(0.2, 3, vec![3; 8]), (0.3, 1, vec![1; 8])]);
    assert_eq!(exemplars(&mut graph, server), [], "they were told with the first of the two");
    for (n, took, answered) in [(4, 300, 10), (5, 100, 30), (6, 200, 20)] {
        graph.read(&from("ivr", vec![half(n, CLIENT, took, &[])]), SECOND);
        graph.read(&from("crm", vec![half(n, SERVER, answered, &[])]), SECOND);
    }
    let own = |n: u8| vec![n, 1, 1, 1, 1, 1, 1, 1];
    assert_eq!(exemplars(&mut graph, server), [(0.02, 6, own(6)), (0.03, 5, own(5))]);
    assert_eq!(exemplars(&mut graph, client), []);
}

/// Guarantees: 10 000 series of calls and as many of unpaired halves; what finds no room is counted in one more, so that
/// sums stay right.
#[test]
fn ten_thousand_series_unless_told_otherwise() {
    let (mut graph, telemetry) = graph("{virtual_node_peer_attributes: []}");
    for n in 0..12_000 {
        let query = half(1, CLIENT, 5, &[("db.name", "customers")]);
        graph.read(&from(&format!("service-{n}"), vec![query]), SECOND);
    }
    assert_eq!(graph.size().0, 10_000);
    let rows = shown(&mut graph, 2 * SECOND, false);
    let requests: Vec<_> =
        rows.lines().filter(|row| row.starts_with("traces_service_graph_request_total{")).collect();
    assert_eq!(requests.len(), 10_001);
    let over = "traces_service_graph_request_total{otel_metric_overflow=\"true\"} 2000";
    assert!(requests.contains(&over), "{:?}", requests.iter().find(|row| row.contains("overflow")));
    let overflowed = telemetry
        .counter("throughline_connector_overflowed_spans", "", &["connector"])
        .with_label_values(&["servicegraph"]);
    assert_eq!(overflowed.get(), 2_000);

    let (mut graph, _) = self::graph("{virtual_node_peer_attributes: [], store: {max_items: 20000}}");
    for n in 0..12_000_u64 {
        let mut alone = half(1, CLIENT, 5, &[]);
        alone.trace_id = [7, n].map(u64::to_be_bytes).concat();
        graph.read(&from(&format!("service-{n}"), vec![alone]), SECOND);
    }
    let rows = shown(&mut graph, 9 * SECOND, false);
    assert_eq!(graph.size().0, 10_000);
    assert!(rows.contains("traces_service_graph_unpaired_spans_total{otel_metric_overflow=\"true\"} 2000\n"));
}

#[test]
fn unfinished_spans_and_those_inside_of_a_service_are_no_calls() {
    let (mut graph, telemetry) = graph("{}");
    let mut talk = half(1, SERVER, 1, &[]);
    talk.attributes = attributes(&[("throughline.unfinished", "")]);
    talk.attributes[0].value = Some(crate::connectors::given::truth(true));
    graph.read(&from("genesys-cloud", vec![talk, half(2, 1, 1, &[]), half(3, 0, 1, &[])]), SECOND);
    assert_eq!(shown(&mut graph, 9 * SECOND, false), "");
    assert_eq!(own(&telemetry, "expired_edges"), 0);
}

#[test]
fn what_can_be_wrong() {
    let all = [
        "{latency_histogram_buckets: [1s, 1s], exponential_histogram_max_size: 5}",
        "{store: {max_items: 0, tll: 2s}}",
        "{store: {max_items: 0}, cache_loop: 5m}",
    ];
    expect![[r#"
        c.yaml:1:34: error: latency_histogram_buckets::1: not longer than the bucket before
          help: write the buckets from short to long
        c.yaml:1:71: error: exponential_histogram_max_size: `latency_histogram_buckets` is given as well
          help: keep one of the two
        c.yaml:1:24: error: store::tll: unknown key
          help: did you mean `ttl`?
        c.yaml:1:21: error: store::max_items: must be positive
          help: 1000 is the default
        c.yaml:1:37: advice: cache_loop: this has no effect
          help: leave it out
    "#]]
    .assert_eq(&all.map(|yaml| findings(&FACTORY, yaml)).concat());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Every half that came is in a call, waits, was given up or found no room; series stay within the limit.
    #[test]
    fn every_half_is_accounted_for(
        halves in proptest::collection::vec((0..40u8, any::<bool>(), 0..6u8, 0..5u64), 1..150),
        most in 1..20usize,
        limit in 1..10usize,
    ) {
        let (mut graph, telemetry) = graph(&format!(
            "{{store: {{max_items: {most}}}, aggregation_cardinality_limit: {limit}, virtual_node_peer_attributes: []}}"
        ));
        let mut now = SECOND;
        let mut seen = std::collections::HashSet::new();
        let mut sent = 0;
        for (n, client, service, pause) in halves {
            // A half that comes twice is the same half.
            if !seen.insert((n, client)) {
                continue;
            }
            sent += 1;
            now += pause * SECOND / 2;
            let kind = if client { CLIENT } else { SERVER };
            graph.read(&from(&format!("service-{service}"), vec![half(n, kind, 1, &[])]), now);
            let (series, _) = graph.size();
            prop_assert!(series <= 2 * limit, "{} series", series);
        }
        let rows = shown(&mut graph, now + 60 * SECOND, false);
        let requests = rows.lines().filter(|row| row.starts_with("traces_service_graph_request_total"));
        let calls: f64 = requests.map(|row| row.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum();
        prop_assert_eq!(calls as u64, own(&telemetry, "total_edges"));
        prop_assert_eq!(2 * own(&telemetry, "total_edges") + own(&telemetry, "expired_edges") + own(&telemetry, "dropped_spans"), sent);
    }
}
