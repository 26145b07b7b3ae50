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
protocol:
  otlp:
    endpoint: ignored
    compression: lz4
    sending_queue: {enabled: false, queue_size: 0, batch: {}}
resolver:
  static: {hostnames: ['a b', 'http://x/y']}
";
    expect![[r#"
        c.yaml:2:14: error: routing_key: `streamID` does not route traces
          help: write traceID, service or attributes
        c.yaml:9:24: error: resolver::static::hostnames::0: it is not a host and a port
          help: write host and port, for example `127.0.0.1:4317`
        c.yaml:9:31: error: resolver::static::hostnames::1: a gRPC endpoint has no path
          help: write host and port only, or use `otlp_http`
        c.yaml:6:18: error: protocol::otlp::compression: `lz4` is not a compression of gRPC
          help: write gzip, snappy, zstd or none
        c.yaml:7:49: error: protocol::otlp::sending_queue::queue_size: must be positive
          help: 1000 is the default
        c.yaml:7:30: advice: protocol::otlp::sending_queue::enabled: each backend keeps a queue in memory, which nobody waits for
          help: leave it out: what waits for a backend that goes is sent to the others
        c.yaml:7:59: advice: protocol::otlp::sending_queue::batch: spans are not batched again for each backend; this has no effect
          help: use the processor `batch`
    "#]].assert_eq(&found(yaml));
    expect![[r#"
        c.yaml:1:2: error: routing_atributes: unknown key
          help: did you mean `routing_attributes`?
    "#]]
    .assert_eq(&found("{routing_atributes: [a]}"));
    expect![[r#"
        c.yaml:1:11: error: resolver: no resolvers specified for the exporter
          help: write `resolver: {static: {hostnames: [...]}}` or `resolver: {dns: {hostname: ...}}`
        c.yaml:1:11: error: resolver: only one resolver should be specified
          help: keep one of static and dns
        c.yaml:1:20: error: resolver::static: at least one hostname is required
          help: write `hostnames: [backend-1:4317, backend-2:4317]`
        c.yaml:1:17: error: resolver::dns: `hostname` is required
          help: write a name that resolves to all backends
        c.yaml:1:24: error: resolver::dns::port: this is not a port
          help: 4317 is the default
        c.yaml:1:37: error: resolver::dns::interval: must be positive
          help: 5s and 1s are the defaults
        c.yaml:1:17: error: resolver::k8s: this resolver is not supported
          help: use `dns` with the name of a service that resolves to all backends (Kubernetes: a headless one)
    "#]].assert_eq(
        &["{}", "{static: {}, dns: {}}", "{static: {}}", "{dns: {port: x, interval: 0s}}", "{k8s: {service: a}}"]
            .map(|resolver| found(&format!("resolver: {resolver}")))
            .concat(),
    );
    expect![[r#"
        c.yaml:1:15: error: routing_key: `routing_attributes` must name the attributes to route by
          help: write for example `routing_attributes: [interaction.id]`
    "#]]
    .assert_eq(&found("{routing_key: attributes, resolver: {static: {hostnames: [a]}}}"));
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
