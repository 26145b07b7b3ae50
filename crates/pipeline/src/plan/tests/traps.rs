//! Advice, which never fails a configuration.

use expect_test::{Expect, expect};

use super::{GOOD, Given};

fn advised(text: &str, expected: Expect) {
    expected.assert_eq(&found(text));
}

fn found(text: &str) -> String {
    let given = Given::default().file("good.yaml", GOOD).file("c.yaml", text).env("TOKEN", "s3cret");
    let (plan, findings) = given.read(&["good.yaml", "c.yaml"], &[]);
    assert!(plan.is_some(), "{findings}");
    assert!(!findings.contains("s3cret"), "{findings}");
    findings
}

fn batch(timeout: &str) -> String {
    format!(
        "processors: {{batch: {{timeout: {timeout}}}}}\n\
         service: {{pipelines: {{traces: {{processors: [memory_limiter, batch]}}}}}}\n"
    )
}

#[test]
fn batch_timeouts() {
    advised(
        &batch("100ms"),
        expect![[r#"
            c.yaml:1:31: advice: processors::batch::timeout: sending after 100ms makes many small requests, which backends throttle
              help: 1s balances the number of requests and the delay for most contact centres
            0 errors, 1 piece of advice
        "#]],
    );
    advised(
        &batch("5s"),
        expect![[r#"
            c.yaml:1:31: advice: processors::batch::timeout: spans wait up to 5s here, too long for alerts on live calls
              help: 1s balances the number of requests and the delay for most contact centres
            0 errors, 1 piece of advice
        "#]],
    );
    advised(
        &batch("5"),
        expect![[r#"
            c.yaml:1:31: advice: processors::batch::timeout: a bare number is nanoseconds: `5` is 5 ns
              help: write the unit: `5s` if seconds are meant
            0 errors, 1 piece of advice
        "#]],
    );
    for good in ["101ms", "1s", "4.9s", "~"] {
        assert_eq!(found(&batch(good)), "");
    }
}

#[test]
fn limiters() {
    advised(
        "processors: {batch: }\nservice: {pipelines: {traces: {processors: [batch, memory_limiter]}}}\n",
        expect![[r#"
            c.yaml:2:52: advice: service::pipelines::traces::processors::1: `memory_limiter` is not the first processor
              help: put it first: only there it refuses data before memory is spent on it
            0 errors, 1 piece of advice
        "#]],
    );
    advised(
        "service: {pipelines: {traces/2: {receivers: [otlp], exporters: [debug]}}}\n",
        expect![[r#"
            c.yaml:1:33: advice: service::pipelines::traces/2: no `memory_limiter` guards this pipeline against a surge of calls
              help: make it the first of the processors
            0 errors, 1 piece of advice
        "#]],
    );
}

#[test]
fn sampling_within_the_memory_limit() {
    let sampling = |pending: &str| {
        format!(
            "processors: {{memory_limiter: {{check_interval: 1s, limit_mib: 500, spike_limit_mib: 100}}, \
             tail_sampling: {{{pending}policies: [{{name: all, type: always_sample}}]}}}}\n\
             service: {{pipelines: {{traces: {{processors: [memory_limiter, tail_sampling]}}}}}}\n"
        )
    };
    advised(
        &sampling(""),
        expect![[r#"
        c.yaml:1:105: advice: processors::tail_sampling: pending traces may take 512 MiB, and `memory_limiter` refuses data at 400 MiB: clients are turned away where traces could be decided early
          help: set `max_pending_mib` to 200 or less
        0 errors, 1 piece of advice
    "#]],
    );
    advised(&sampling("max_pending_mib: 200, "), expect![[r#""#]]);
}

#[test]
fn personal_data() {
    let remote = |exporter: &str, processors: &str| {
        format!(
            "exporters: {{otlp_http: {exporter}}}\n\
             processors: {{attributes: {{actions: [{processors}]}}}}\n\
             service: {{pipelines: {{traces: {{processors: [memory_limiter, attributes], exporters: [debug, otlp_http]}}}}}}\n"
        )
    };
    let insert = "{key: team, action: upsert, value: a}";
    let mask = "{key: customer.phone.number, action: UPSERT, value: '***'}";
    let copy = "{key: callerAni, action: insert, from_attribute: a}";
    let hash = "{key: callerAni, action: hash}";
    advised(
        &remote("{endpoint: 'https://backend.example'}", insert),
        expect![[r#"
            c.yaml:1:35: advice: exporters::otlp_http::endpoint: pipeline `traces` masks no personal data, and `otlp_http` sends its spans to backend.example: phone and account numbers go as recorded
              help: add `redaction` with `detectors: {all: mask}`, or `attributes` with `upsert`, `hash` or `delete` on keys such as customer.phone.number
            0 errors, 1 piece of advice
        "#]],
    );
    advised(
        &remote("{traces_endpoint: 'https://backend.example/x'}", insert),
        expect![[r#"
            c.yaml:1:42: advice: exporters::otlp_http::traces_endpoint: pipeline `traces` masks no personal data, and `otlp_http` sends its spans to backend.example: phone and account numbers go as recorded
              help: add `redaction` with `detectors: {all: mask}`, or `attributes` with `upsert`, `hash` or `delete` on keys such as customer.phone.number
            0 errors, 1 piece of advice
        "#]],
    );
    advised(
        &remote("{endpoint: 'https://backend.example'}", &format!("{mask}, {copy}")),
        expect![[r#"
            c.yaml:2:97: advice: processors::attributes::actions::1: `callerAni` looks like personal data, and goes to backend.example as it is
              help: leave this action out, or hash the key in a later one
            0 errors, 1 piece of advice
        "#]],
    );
    for (exporter, actions) in [
        ("{endpoint: 'https://backend.example'}", mask),
        ("{endpoint: 'https://backend.example'}", &*format!("{copy}, {hash}")),
        ("{endpoint: 'http://127.0.0.1:4318'}", insert),
        ("{endpoint: 'http://[::1]:4318'}", insert),
        ("{endpoint: 'http://localhost:4318'}", insert),
    ] {
        assert_eq!(found(&remote(exporter, actions)), "");
    }
}

#[test]
fn open_doors() {
    let receiver = |http: &str| format!("receivers: {{otlp: {{protocols: {{http: {http}}}}}}}\n");
    advised(
        &receiver("{endpoint: '0.0.0.0:4318'}"),
        expect![[r#"
            c.yaml:1:49: advice: receivers::otlp::protocols::http::endpoint: this listens on all interfaces and takes data from anybody
              help: name one interface (127.0.0.1:4318), or set `auth` or `tls::client_ca_file`
            0 errors, 1 piece of advice
        "#]],
    );
    advised(
        &receiver("{endpoint: '[::]:4318'}"),
        expect![[r#"
            c.yaml:1:49: advice: receivers::otlp::protocols::http::endpoint: this listens on all interfaces and takes data from anybody
              help: name one interface (127.0.0.1:4318), or set `auth` or `tls::client_ca_file`
            0 errors, 1 piece of advice
        "#]],
    );
    advised(
        &receiver("{endpoint: ':4318'}"),
        expect![[r#"
            c.yaml:1:49: advice: receivers::otlp::protocols::http::endpoint: this listens on all interfaces and takes data from anybody
              help: name one interface (127.0.0.1:4318), or set `auth` or `tls::client_ca_file`
            0 errors, 1 piece of advice
        "#]],
    );
    let auth =
        "extensions: {bearertokenauth: {token: '${env:TOKEN}'}}\nservice: {extensions: [bearertokenauth]}\n";
    let guarded = receiver("{endpoint: '0.0.0.0:4318', auth: {authenticator: bearertokenauth}}");
    assert_eq!(found(&(guarded + auth)), "");
    assert_eq!(found(&receiver("{endpoint: '0.0.0.0:4318', tls: {client_ca_file: ca.pem}}")), "");
    assert_eq!(found(&receiver("{endpoint: '10.0.0.1:4318'}")), "");
    advised(
        "extensions: {view: {endpoint: '0.0.0.0:7717'}, health_check: {endpoint: '0.0.0.0:13133'}}\n\
         service: {extensions: [view, health_check]}\n",
        expect![[r#"
            c.yaml:1:31: advice: extensions::view::endpoint: this listens on all interfaces and answers anybody
              help: name one interface (127.0.0.1:7717), or set `auth` or `tls::client_ca_file`
            0 errors, 1 piece of advice
        "#]],
    );
}

#[test]
fn endpoints_with_a_path() {
    advised(
        "exporters: {otlphttp: {endpoint: 'http://127.0.0.1:4318/v1/traces'}}\n\
         service: {pipelines: {traces: {exporters: [debug, otlphttp]}}}\n",
        expect![[r#"
            c.yaml:1:34: advice: exporters::otlphttp::endpoint: `endpoint` already ends in /v1/traces: it is used as it is, and nothing is added
              help: write `traces_endpoint` for a whole URL; the collector would send to /v1/traces/v1/traces
            0 errors, 1 piece of advice
        "#]],
    );
}

#[test]
fn secrets_in_the_file() {
    let exporter = |settings: &str| {
        format!(
            "exporters: {{otlphttp: {settings}}}\nservice: {{pipelines: {{traces: {{exporters: [debug, otlphttp]}}}}}}\n"
        )
    };
    advised(
        &exporter("{headers: {Authorization: Bearer s3cret}}"),
        expect![[r#"
            c.yaml:1:49: advice: exporters::otlphttp::headers::Authorization: this secret is written out in the configuration
              help: keep it in the environment: "Bearer ${env:AUTHORIZATION}"
            0 errors, 1 piece of advice
        "#]],
    );
    advised(
        &exporter("{headers: {dd-api-key: s3cret, x-team: a}}"),
        expect![[r#"
            c.yaml:1:46: advice: exporters::otlphttp::headers::dd-api-key: this secret is written out in the configuration
              help: keep it in the environment: "${env:DD_API_KEY}"
            0 errors, 1 piece of advice
        "#]],
    );
    advised(
        &exporter("{endpoint: 'http://me:s3cret@127.0.0.1:4318'}"),
        expect![[r#"
            c.yaml:1:34: advice: exporters::otlphttp::endpoint: the password in this URL is written out in the configuration
              help: keep it outside: scheme://user:${env:NAME}@host
            0 errors, 1 piece of advice
        "#]],
    );
    advised(
        &exporter("{headers: {Authorization: 'Bearer ${env:TOKEN}', token: '${TOKEN}', api_key: ''}}"),
        expect![""],
    );
}

#[test]
fn unused_and_unset() {
    advised(
        "extensions: {view: }\nprocessors: {batch: }\nexporters: {lake: {directory: '${env:NONE:-d}'}}\n",
        expect![[r#"
            c.yaml:1:14: advice: extensions::view: configured, but `service::extensions` does not name it
              help: add `view` to that list, or take it out here
            c.yaml:2:14: advice: processors::batch: configured, but no pipeline names it
              help: add `batch` to a pipeline, or take it out here
            c.yaml:3:13: advice: exporters::lake: configured, but no pipeline names it
              help: add `lake` to a pipeline, or take it out here
            0 errors, 3 pieces of advice
        "#]],
    );
    advised(
        "processors: {memory_limiter: {limit_mib: '${env:NONE}'}}\n",
        expect![[r#"
            c.yaml:1:42: advice: processors::memory_limiter::limit_mib: the environment variable `NONE` is not set
              help: set it, or give a default: `${env:NONE:-...}`
            0 errors, 1 piece of advice
        "#]],
    );
}
