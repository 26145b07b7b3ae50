//! What is said of settings.

use expect_test::expect;
use flow::config::Severity;

use super::*;
use crate::exporters::load_balancing::settings::{check, with_port};

pub(super) fn errors(section: &Node) -> Vec<String> {
    let findings = check(section);
    findings.iter().filter(|f| f.severity == Severity::Error).map(ToString::to_string).collect()
}

fn found(yaml: &str) -> String {
    let section = Node::load("c.yaml", yaml).unwrap();
    check(&section).iter().map(|finding| format!("{finding}\n")).collect()
}

#[test]
fn the_collectors_example_is_sound() {
    let yaml = "
routing_key: service
protocol:
  otlp:
    timeout: 1s
    tls: {insecure: true}
    sending_queue: {enabled: true, num_consumers: 2}
resolver: {dns: {hostname: otelcol-headless.observability.svc.cluster.local, port: 4317}}
timeout: 10s
retry_on_failure: {enabled: true, max_elapsed_time: 300s}
sending_queue: {enabled: true, num_consumers: 2, queue_size: 1000}
";
    expect![[""]].assert_eq(&found(yaml));
}

#[test]
fn everything_wrong_is_named() {
    let yaml = "
routing_key: streamID
routing_atributes: [a]
protocol:
  otlp:
    endpoint: ignored
    compression: lz4
    sending_queue: {enabled: false, queue_size: 0, batch: {}}
resolver:
  static: {hostnames: ['a b', 'http://x/y']}
";
    expect![[""]].assert_eq(&found(yaml));
    expect![[""]].assert_eq(
        &["{}", "{static: {}, dns: {}}", "{static: {}}", "{dns: {port: x, interval: 0s}}", "{k8s: {service: a}}"]
            .map(|resolver| found(&format!("resolver: {resolver}")))
            .concat(),
    );
    expect![[""]].assert_eq(&found("{routing_key: attributes, resolver: {static: {hostnames: [a]}}}"));
}

#[test]
fn ports_are_added() {
    let table = [
        ("a", "a:4317"),
        ("a:1", "a:1"),
        (" 10.0.0.1 ", "10.0.0.1:4317"),
        ("::1", "[::1]:4317"),
        ("[::1]", "[::1]:4317"),
        ("[::1]:5", "[::1]:5"),
        ("http://a:1", "http://a:1"),
    ];
    for (host, endpoint) in table {
        assert_eq!(with_port(host), endpoint);
    }
}
