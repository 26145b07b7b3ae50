//! The configurations in `configs/`.

use expect_test::{Expect, expect};

use crate::plan::{Plan, Sources, World, findings_as_text, read_file};

fn shipped(name: &str, expected: Expect) {
    shipped_with(name, &|_| None, expected);
}

fn shipped_with(name: &str, env: &dyn Fn(&str) -> Option<String>, expected: Expect) {
    let file = |path: &str| read_file(&format!("{}/../../configs/{path}", env!("CARGO_MANIFEST_DIR")));
    let sources = Sources { configs: vec![name.to_owned()], sets: Vec::new() };
    let world = World { env, file: &file };
    let (plan, findings) = Plan::read(&sources, world, &super::registry());
    let plan = plan.map(|plan| plan.to_string()).unwrap_or_default();
    expected.assert_eq(&format!("{plan}{}", findings_as_text(&findings)));
}

#[test]
fn the_guide() {
    shipped(
        "guide.yaml",
        expect![[r#"
        traces  otlp -> memory_limiter -> batch -> attributes -> otlphttp
        own metrics: http://localhost:8888/metrics
        guide.yaml:7:19: advice: receivers::otlp::protocols::grpc::endpoint: this listens on all interfaces and takes data from anybody
          help: name one interface (127.0.0.1:4317), or set `auth` or `tls::client_ca_file`
        guide.yaml:9:19: advice: receivers::otlp::protocols::http::endpoint: this listens on all interfaces and takes data from anybody
          help: name one interface (127.0.0.1:4318), or set `auth` or `tls::client_ca_file`
        guide.yaml:27:15: advice: exporters::otlphttp::endpoint: `endpoint` already ends in /v1/traces: it is used as it is, and nothing is added
          help: write `traces_endpoint` for a whole URL; the collector would send to /v1/traces/v1/traces
        guide.yaml:29:22: advice: exporters::otlphttp::headers::Authorization: this secret is written out in the configuration
          help: keep it in the environment: "Bearer ${env:AUTHORIZATION}"
        0 errors, 4 pieces of advice
    "#]],
    );
}

#[test]
fn all_in_one() {
    shipped(
        "default.yaml",
        expect![[r#"
        traces  otlp -> memory_limiter -> batch -> lake
        extensions: journal, health_check, view
        own metrics: http://localhost:8888/metrics
    "#]],
    );
}

#[test]
fn beside_a_backend() {
    shipped(
        "forward.yaml",
        expect![[r#"
        traces  otlp -> memory_limiter -> batch -> attributes -> lake, otlp
        extensions: health_check, view
        own metrics: http://localhost:8888/metrics
    "#]],
    );
}

#[test]
fn nothing_personal_leaves() {
    let key = |name: &str| (name == "REDACTION_KEY").then(|| "0123456789abcdef0123456789abcdef".to_owned());
    shipped_with(
        "personal-data.yaml",
        &key,
        expect![[r#"
        traces  otlp -> memory_limiter -> batch -> redaction -> cardinality -> otlp
        own metrics: http://localhost:8888/metrics
    "#]],
    );
    shipped(
        "personal-data.yaml",
        expect![[r#"
        personal-data.yaml:24:7: error: processors::redaction::detectors: the action `hash` needs a key
          help: set `hmac_key: ${env:REDACTION_KEY}` or `hmac_key_file`; `openssl rand -hex 32` makes a key
        personal-data.yaml:30:15: advice: processors::redaction::hmac_key: the environment variable `REDACTION_KEY` is not set
          help: set it, or give a default: `${env:REDACTION_KEY:-...}`
        1 error, 1 piece of advice
    "#]],
    );
}

#[test]
fn the_guides_sampling() {
    shipped(
        "sampling.yaml",
        expect![[r#"
        traces  otlp -> memory_limiter -> tail_sampling -> batch -> otlphttp
        own metrics: http://localhost:8888/metrics
    "#]],
    );
}

#[test]
fn fewer_spans() {
    shipped(
        "reduce.yaml",
        expect![[r#"
        traces  otlp -> memory_limiter -> filter/probes -> span/routes -> transform/tidy -> groupbytrace -> probabilistic_sampler -> batch -> otlp
        extensions: health_check
        own metrics: http://localhost:8888/metrics
    "#]],
    );
}

#[test]
fn with_metrics() {
    shipped(
        "metrics.yaml",
        expect![[r#"
            traces   otlp -> memory_limiter -> batch -> lake, spanmetrics, servicegraph
            metrics  spanmetrics, servicegraph -> prometheus
            extensions: health_check, view
            own metrics: http://localhost:8888/metrics
        "#]],
    );
}
