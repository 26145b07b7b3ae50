//! Connectors: what can be wrong with them, and in what order things are made.

use expect_test::expect;

use super::{Given, over_good};
use crate::plan::Step;

#[test]
fn used_on_one_side_only() {
    over_good(
        "connectors: {spanmetrics: }\nservice: {pipelines: {traces: {exporters: [debug, spanmetrics]}}}\n",
        expect![[r#"
            c.yaml:2:51: error: service::pipelines::traces::exporters::1: `spanmetrics` gives to no pipeline
              help: name `spanmetrics` among the receivers of a pipeline for metrics
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "connectors: {spanmetrics/a: }\nservice: {pipelines: {metrics: {receivers: [spanmetrics/a], exporters: [debug]}}}\n",
        expect![[r#"
            c.yaml:2:45: error: service::pipelines::metrics::receivers::0: `spanmetrics/a` takes from no pipeline
              help: name `spanmetrics/a` among the exporters of a pipeline for traces
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "connectors: {spanmetrics: , servicegraph/unused: }\n",
        expect![[r#"
            c.yaml:1:14: advice: connectors::spanmetrics: configured, but no pipeline names it
              help: add `spanmetrics` to a pipeline, or take it out here
            c.yaml:1:29: advice: connectors::servicegraph/unused: configured, but no pipeline names it
              help: add `servicegraph/unused` to a pipeline, or take it out here
            0 errors, 2 pieces of advice
        "#]],
    );
}

#[test]
fn signals_that_it_does_not_take_or_make() {
    over_good(
        "connectors: {spanmetrics: , servicegraph: }
service:
  pipelines:
    traces: {receivers: [otlp, servicegraph], exporters: [debug, servicegraph]}
    metrics: {receivers: [otlp], exporters: [debug, spanmetrics]}
    metrics/b: {receivers: [spanmetrics], exporters: [debug]}
",
        expect![[r#"
            c.yaml:4:32: error: service::pipelines::traces::receivers::1: pipeline `traces` carries traces, which `servicegraph` does not give
              help: `servicegraph` gives metrics; take it out of this pipeline
            c.yaml:5:14: advice: service::pipelines::metrics: no `memory_limiter` guards this pipeline against a surge of calls
              help: make it the first of the processors
            c.yaml:5:53: error: service::pipelines::metrics::exporters::1: pipeline `metrics` carries metrics, which `spanmetrics` does not take
              help: `spanmetrics` takes traces; take it out of this pipeline
            2 errors, 1 piece of advice
        "#]],
    );
}

#[test]
fn a_connector_is_no_processor_and_no_second_of_its_name() {
    over_good(
        "connectors: {spanmetrics: , debug: }\nservice: {pipelines: {traces: {processors: [spanmetrics]}}}\n",
        expect![[r#"
            c.yaml:1:14: advice: connectors::spanmetrics: configured, but no pipeline names it
              help: add `spanmetrics` to a pipeline, or take it out here
            c.yaml:1:29: error: connectors::debug: `debug` is also configured in `exporters`
              help: pipelines could mean either: give one of them another name
            c.yaml:1:29: error: connectors::debug: unknown connector `debug`
              help: the connectors are forward, servicegraph, spanmetrics
            c.yaml:2:45: error: service::pipelines::traces::processors::0: pipeline `traces` names processor `spanmetrics`, which is not configured
              help: add it to `processors`, or take it out here
            good.yaml:3:14: advice: processors::memory_limiter: configured, but no pipeline names it
              help: add `memory_limiter` to a pipeline, or take it out here
            good.yaml:7:13: advice: service::pipelines::traces: no `memory_limiter` guards this pipeline against a surge of calls
              help: make it the first of the processors
            3 errors, 3 pieces of advice
        "#]],
    );
    over_good(
        "connectors: {forward: }\nexporters: {forward: }\nreceivers: {forward: }\n",
        expect![[r#"
            c.yaml:1:14: error: connectors::forward: `forward` is also configured in `exporters`
              help: pipelines could mean either: give one of them another name
            c.yaml:1:14: error: connectors::forward: `forward` is also configured in `receivers`
              help: pipelines could mean either: give one of them another name
            c.yaml:1:14: advice: connectors::forward: configured, but no pipeline names it
              help: add `forward` to a pipeline, or take it out here
            c.yaml:2:13: error: exporters::forward: unknown exporter `forward`
              help: the exporters are debug, lake, otlp_grpc, otlp_http, prometheus
            c.yaml:3:13: error: receivers::forward: unknown receiver `forward`
              help: the receivers are otlp
            4 errors, 1 piece of advice
        "#]],
    );
    over_good(
        "connectors: {forward/a: }\nreceivers: {otlp/b: {protocols: {grpc: }}, forward/a: }\nservice: {pipelines: {traces: {receivers: [otlp], exporters: [forward/a]}, traces/b: {receivers: [forward/a], exporters: [debug]}}}\n",
        expect![[r#"
            c.yaml:1:14: error: connectors::forward/a: `forward/a` is also configured in `receivers`
              help: pipelines could mean either: give one of them another name
            c.yaml:2:13: advice: receivers::otlp/b: configured, but no pipeline names it
              help: add `otlp/b` to a pipeline, or take it out here
            c.yaml:2:44: error: receivers::forward/a: unknown receiver `forward`
              help: the receivers are otlp
            2 errors, 1 piece of advice
        "#]],
    );
}

#[test]
fn circles() {
    over_good(
        "connectors: {forward: , forward/back: }
service:
  pipelines:
    traces: {receivers: [otlp, forward/back], exporters: [forward]}
    traces/b: {receivers: [forward], exporters: [forward/back, debug]}
",
        expect![[r#"
            c.yaml:5:50: error: service::pipelines::traces/b::exporters::0: data would go round for ever: traces -> forward -> traces/b -> forward/back -> traces
              help: take one of these connectors out of its pipeline
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "connectors: {forward: }\nservice: {pipelines: {traces: {receivers: [otlp, forward], exporters: [forward]}}}\n",
        expect![[r#"
            c.yaml:2:72: error: service::pipelines::traces::exporters::0: data would go round for ever: traces -> forward -> traces
              help: take one of these connectors out of its pipeline
            good.yaml:4:13: advice: exporters::debug: configured, but no pipeline names it
              help: add `debug` to a pipeline, or take it out here
            1 error, 1 piece of advice
        "#]],
    );
}

const GRAPH: &str = "
connectors: {forward: , spanmetrics: , servicegraph: }
service:
  pipelines:
    traces/first: {receivers: [otlp], processors: [memory_limiter], exporters: [forward, spanmetrics]}
    metrics: {receivers: [spanmetrics, servicegraph], exporters: [prometheus]}
    traces: {receivers: [forward], processors: [], exporters: [debug, servicegraph]}
    traces/other: {receivers: [otlp], processors: [memory_limiter], exporters: [forward]}
exporters: {prometheus: {endpoint: '127.0.0.1:8889'}}
";

#[test]
fn what_is_given_to_is_made_first() {
    let given = Given::default().file("good.yaml", super::GOOD).file("more.yaml", GRAPH);
    let (plan, findings) = given.read(&["good.yaml", "more.yaml"], &[]);
    let plan = plan.unwrap_or_else(|| panic!("{findings}"));
    let steps = plan.downstream_first();
    let names: Vec<_> = steps
        .iter()
        .map(|step| match step {
            Step::Pipeline(pipeline) => pipeline.name.as_str(),
            Step::Connector(connector) => connector.id.as_str(),
        })
        .collect();
    assert_eq!(
        names,
        ["metrics", "servicegraph", "traces", "forward", "spanmetrics", "traces/first", "traces/other"]
    );
    expect![[r#"
        traces        forward -> debug, servicegraph
        traces/first  otlp -> memory_limiter -> forward, spanmetrics
        metrics       spanmetrics, servicegraph -> prometheus
        traces/other  otlp -> memory_limiter -> forward
        own metrics: http://localhost:8888/metrics
    "#]]
    .assert_eq(&format!("{plan}{findings}"));
    let connectors = plan.as_json()["connectors"].to_string();
    expect![[r#"[{"id":"servicegraph","type":"servicegraph"},{"id":"forward","type":"forward"},{"id":"spanmetrics","type":"spanmetrics"}]"#]].assert_eq(&connectors);
}

#[test]
fn a_page_of_metrics_that_anybody_may_fetch() {
    over_good(
        "exporters: {prometheus: {endpoint: '0.0.0.0:8889'}}\nservice: {pipelines: {metrics: {receivers: [otlp], processors: [memory_limiter], exporters: [prometheus]}}}\n",
        expect![[r#"
            c.yaml:1:36: advice: exporters::prometheus::endpoint: this listens on all interfaces and shows the metrics to anybody
              help: name one interface (127.0.0.1:8889), or set `auth` or `tls::client_ca_file`
            0 errors, 1 piece of advice
        "#]],
    );
}
