//! What a good configuration comes to.

use expect_test::expect;

use super::{GOOD, Given};
use crate::plan::{Encoding, Level};

const MORE: &str = "
processors: {batch: , attributes: {actions: [{key: card, action: hash}]}}
exporters: {otlphttp: {endpoint: 'http://127.0.0.1:4319'}, lake: {directory: d}, otlp/2: {endpoint: 'localhost:1'}}
extensions: {view: , health_check: }
service:
  extensions: [health_check, view]
  pipelines:
    traces: {processors: [memory_limiter, batch, attributes], exporters: [otlphttp, lake]}
    metrics/host: {receivers: [otlp], processors: [memory_limiter], exporters: [debug, otlp/2]}
  telemetry:
    logs: {level: WARN, encoding: json, initial_fields: {site: 7}}
    metrics:
      level: detailed
      readers:
      - pull: {exporter: {prometheus: {host: '::1', port: 9000}}}
      - pull:
    resource: {deployment.environment: test}
";

#[test]
fn as_text_and_json() {
    let given = Given::default().file("good.yaml", GOOD).file("more.yaml", MORE);
    let (plan, findings) = given.read(&["good.yaml", "more.yaml"], &[]);
    assert_eq!(findings, "");
    let plan = plan.expect("a plan");
    expect![[r#"
        traces        otlp -> memory_limiter -> batch -> attributes -> otlphttp, lake
        metrics/host  otlp -> memory_limiter -> debug, otlp/2
        extensions: health_check, view
        own metrics: http://[::1]:9000/metrics
        own metrics: http://localhost:8888/metrics
    "#]]
    .assert_eq(&plan.to_string());
    expect![[r#"
        {
          "connectors": [],
          "exporters": [
            {
              "id": "otlphttp",
              "type": "otlp_http"
            },
            {
              "id": "lake",
              "type": "lake"
            },
            {
              "id": "debug",
              "type": "debug"
            },
            {
              "id": "otlp/2",
              "type": "otlp_grpc"
            }
          ],
          "extensions": [
            {
              "id": "health_check",
              "type": "health_check"
            },
            {
              "id": "view",
              "type": "view"
            }
          ],
          "own_metrics": [
            "[::1]:9000",
            "localhost:8888"
          ],
          "pipelines": [
            {
              "exporters": [
                "otlphttp",
                "lake"
              ],
              "name": "traces",
              "processors": [
                "memory_limiter",
                "batch",
                "attributes"
              ],
              "receivers": [
                "otlp"
              ],
              "signal": "traces"
            },
            {
              "exporters": [
                "debug",
                "otlp/2"
              ],
              "name": "metrics/host",
              "processors": [
                "memory_limiter"
              ],
              "receivers": [
                "otlp"
              ],
              "signal": "metrics"
            }
          ],
          "processors": [
            {
              "id": "memory_limiter",
              "type": "memory_limiter"
            },
            {
              "id": "batch",
              "type": "batch"
            },
            {
              "id": "attributes",
              "type": "attributes"
            }
          ],
          "receivers": [
            {
              "id": "otlp",
              "type": "otlp"
            }
          ]
        }"#]]
    .assert_eq(&format!("{:#}", plan.as_json()));
    expect![[r#"OwnTelemetry { metrics: Metrics { level: Detailed, addresses: ["[::1]:9000", "localhost:8888"] }, logs: Logs { level: Level(Warn), encoding: Json, output_paths: ["stderr"], initial_fields: {"site": "7"} }, resource: {"deployment.environment": "test"} }"#]].assert_eq(&format!("{:?}", plan.telemetry));
    let exporter = plan.component("exporters", "otlphttp").expect("the exporter");
    assert_eq!((exporter.factory.name, exporter.section.path.as_str()), ("otlp_http", "exporters::otlphttp"));
}

#[test]
fn own_telemetry_by_default() {
    let (plan, _) = Given::default().file("good.yaml", GOOD).read(&["good.yaml"], &[]);
    let telemetry = plan.expect("a plan").telemetry;
    assert_eq!(telemetry.metrics.addresses, ["localhost:8888"]);
    assert_eq!((telemetry.metrics.level, telemetry.logs.encoding), (Level::Normal, Encoding::Console));
}

#[test]
fn own_metrics_can_be_off() {
    let given = Given::default().file("good.yaml", GOOD);
    let (plan, findings) = given.read(&["good.yaml"], &["service.telemetry.metrics.level=none"]);
    assert_eq!(findings, "");
    assert!(plan.expect("a plan").telemetry.metrics.addresses.is_empty());
}
