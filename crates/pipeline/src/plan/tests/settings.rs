//! Wrong settings of components and of the own telemetry.

use expect_test::expect;

use super::{alone, over_good};

#[test]
fn of_components() {
    over_good(
        "receivers: {otlp: {protocols: {http: {endpont: 'a:1'}}}}\n",
        expect![[r#"
            c.yaml:1:39: error: receivers::otlp::protocols::http::endpont: unknown key
              help: did you mean `endpoint`?
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "receivers: {otlp: {protocol: {http: }}}\n",
        expect![[r#"
            c.yaml:1:20: error: receivers::otlp::protocol: unknown key
              help: did you mean `protocols`?
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "processors: {memory_limiter: {check_interval: }}\n",
        expect![[r#"
            c.yaml:1:31: error: processors::memory_limiter::check_interval: `check_interval` is required
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "processors: {memory_limiter: {limit_mib: lots}}\n",
        expect![[r#"
            c.yaml:1:42: error: processors::memory_limiter::limit_mib: expected a whole number, 0 or more, found the text `lots`
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "processors: {memory_limiter: {check_interval: 1 second, limit_mib: -5}}\n",
        expect![[r#"
            c.yaml:1:47: error: processors::memory_limiter::check_interval: expected a duration such as `1s` or `200ms`, found the text `1 second`
              help: the units of a duration are ns, us, ms, s, m and h
            c.yaml:1:68: error: processors::memory_limiter::limit_mib: expected a whole number, 0 or more, found the number `-5`
            2 errors, 0 pieces of advice
        "#]],
    );
    over_good(
        "exporters: {otlphttp: {compression: gzpi, headers: [a], timeout: 30}}\n",
        expect![[r#"
            c.yaml:1:13: advice: exporters::otlphttp: configured, but no pipeline names it
              help: add `otlphttp` to a pipeline, or take it out here
            c.yaml:1:37: error: exporters::otlphttp::compression: expected one of `gzip`, `zstd`, `none`, found the text `gzpi`
              help: did you mean `gzip`?
            c.yaml:1:52: error: exporters::otlphttp::headers: expected a block of keys, found a list
            c.yaml:1:66: advice: exporters::otlphttp::timeout: a bare number is nanoseconds: `30` is 30 ns
              help: write the unit: `30s` if seconds are meant
            2 errors, 2 pieces of advice
        "#]],
    );
    over_good(
        "processors: {attributes: {actions: [{key: a}, {action: delete}, text]}}\n",
        expect![[r#"
            c.yaml:1:14: advice: processors::attributes: configured, but no pipeline names it
              help: add `attributes` to a pipeline, or take it out here
            c.yaml:1:37: error: processors::attributes::actions::0: `action` is required
            c.yaml:1:47: error: processors::attributes::actions::1: `key` is required
            c.yaml:1:65: error: processors::attributes::actions::2: expected a block of keys, found the text `text`
            3 errors, 1 piece of advice
        "#]],
    );
    over_good(
        "exporters: {lake: }\n",
        expect![[r#"
            c.yaml:1:13: error: exporters::lake: `directory` is required
            c.yaml:1:13: advice: exporters::lake: configured, but no pipeline names it
              help: add `lake` to a pipeline, or take it out here
            1 error, 1 piece of advice
        "#]],
    );
    over_good(
        "exporters: {debug: {verbosity: detailed}}\n",
        expect![[r#"
            c.yaml:1:21: error: exporters::debug::verbosity: unknown key
              help: there are no keys here
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "exporters: {debug: text}\n",
        expect![[r#"
            c.yaml:1:20: error: exporters::debug: expected a block of keys, found the text `text`
            1 error, 0 pieces of advice
        "#]],
    );
}

#[test]
fn of_own_telemetry() {
    over_good(
        "service: {telemetry: {logs: {level: verbose, encoding: jsno}, metrics: {level: mormal, reader: }}}\n",
        expect![[r#"
            c.yaml:1:88: error: service::telemetry::metrics::reader: unknown key
              help: did you mean `readers`?
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "service: {telemetry: {logs: {level: verbose, encoding: jsno}, metrics: {level: mormal}}}\n",
        expect![[r#"
            c.yaml:1:37: error: service::telemetry::logs::level: expected one of `debug`, `info`, `warn`, `error`, `dpanic`, `panic`, `fatal`, found the text `verbose`
            c.yaml:1:56: error: service::telemetry::logs::encoding: expected one of `console`, `json`, found the text `jsno`
              help: did you mean `json`?
            c.yaml:1:80: error: service::telemetry::metrics::level: expected one of `none`, `basic`, `normal`, `detailed`, found the text `mormal`
              help: did you mean `normal`?
            3 errors, 0 pieces of advice
        "#]],
    );
    over_good(
        "service: {telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {port: http}}}}]}}}\n",
        expect![[r#"
            c.yaml:1:81: error: service::telemetry::metrics::readers::0::pull::exporter::prometheus::port: expected a whole number from 0 to 65535, found the text `http`
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "service: {telemetry: {traces: {processors: []}, metrics: {address: ':8888', views: []}}}\n",
        expect![[r#"
            c.yaml:1:31: advice: service::telemetry::traces: this program records no spans of its own work; this has no effect
            c.yaml:1:68: advice: service::telemetry::metrics::address: `address` is deprecated
              help: write readers: [{pull: {exporter: {prometheus: {host: ..., port: ...}}}}]
            c.yaml:1:84: advice: service::telemetry::metrics::views: views of the own metrics are not supported; this has no effect
            0 errors, 3 pieces of advice
        "#]],
    );
    over_good(
        "service: {telemetry: {metrics: {readers: [{periodic: {interval: 10s}}]}}}\n",
        expect![[r#"
            c.yaml:1:43: advice: service::telemetry::metrics::readers::0: own metrics are served, not sent: this reader has no effect
              help: pull them from a `prometheus` reader
            0 errors, 1 piece of advice
        "#]],
    );
    over_good(
        "service: {telemetry: [a]}\n",
        expect![[r#"
            c.yaml:1:22: error: service::telemetry: expected a block of keys, found a list
            1 error, 0 pieces of advice
        "#]],
    );
}

#[test]
fn everything_at_once() {
    alone(
        "receivers:
  otlp:
    protocols:
      grpc:
        endpont: 0.0.0.0:4317
processors:
  batch:
    timeout: soon
  memory_limiter:
exporters:
  otlphtp:
    endpoint: https://backend.example/v1/traces
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [batch, memory_limiter]
      exporters: [otlphttp]
    metric:
      receivers: [otlp]
  telemetry:
    logs: {level: loud}
",
        expect![[r#"
            c.yaml:5:9: error: receivers::otlp::protocols::grpc::endpont: unknown key
              help: did you mean `endpoint`?
            c.yaml:8:14: error: processors::batch::timeout: expected a duration such as `1s` or `200ms`, found the text `soon`
              help: a number is missing in the duration
            c.yaml:9:3: error: processors::memory_limiter: `check_interval` is required
            c.yaml:11:3: error: exporters::otlphtp: unknown exporter `otlphtp`
              help: did you mean `otlphttp`? the exporters are debug, lake, otlp_grpc, otlp_http, prometheus
            c.yaml:17:27: advice: service::pipelines::traces::processors::1: `memory_limiter` is not the first processor
              help: put it first: only there it refuses data before memory is spent on it
            c.yaml:18:19: error: service::pipelines::traces::exporters::0: pipeline `traces` names exporter `otlphttp`, which is not configured
              help: did you mean `otlphtp`?
            c.yaml:19:5: error: service::pipelines::metric: there are no pipelines for `metric`
              help: did you mean `metrics`?
            c.yaml:22:19: error: service::telemetry::logs::level: expected one of `debug`, `info`, `warn`, `error`, `dpanic`, `panic`, `fatal`, found the text `loud`
            7 errors, 1 piece of advice
        "#]],
    );
}
