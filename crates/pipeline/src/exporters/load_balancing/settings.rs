//! Keys and defaults of the collector's `loadbalancingexporter`, and what can be wrong with them.

use flow::config::{Finding, GoDuration, Key, Node, Section, Value};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::key;
use crate::engine::sending::{QueueSettings, RetrySettings};
use crate::exporters::otlp_grpc;

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    /// Read by `otlp_grpc`.
    protocol: Protocol,
    pub(super) resolver: Resolvers,
    pub(super) routing_key: String,
    pub(super) routing_attributes: Vec<String>,
    /// A backend that has failed for so long is passed over until it answers again; 0 waits for it.
    pub(super) failover_after: GoDuration,
    /// Handing on takes no time here.
    timeout: GoDuration,
    retry_on_failure: RetrySettings,
    sending_queue: QueueSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            protocol: Protocol::default(),
            resolver: Resolvers::default(),
            routing_key: String::new(),
            routing_attributes: Vec::new(),
            failover_after: GoDuration::from_secs(30),
            timeout: GoDuration::ZERO,
            retry_on_failure: RetrySettings::default(),
            sending_queue: QueueSettings::default(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Protocol {
    otlp: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Resolvers {
    #[serde(rename = "static")]
    pub(super) fixed: Option<Section<Static>>,
    pub(super) dns: Option<Section<Dns>>,
    k8s: Option<IgnoredAny>,
    aws_cloud_map: Option<IgnoredAny>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Static {
    pub(super) hostnames: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Dns {
    pub(super) hostname: String,
    pub(super) port: String,
    pub(super) interval: GoDuration,
    pub(super) timeout: GoDuration,
}

impl Default for Dns {
    fn default() -> Self {
        Self {
            hostname: String::new(),
            port: "4317".into(),
            interval: GoDuration::from_secs(5),
            timeout: GoDuration::from_secs(1),
        }
    }
}

impl Settings {
    /// What routes, where the settings have it.
    pub(super) fn key(&self) -> Option<key::Key> {
        match self.routing_key.as_str() {
            "" | "traceID" => Some(key::Key::TraceId),
            "service" => Some(key::Key::Service),
            "attributes" => Some(key::Key::Attributes(self.routing_attributes.clone())),
            _ => None,
        }
    }
}

/// The section of `otlp_grpc` for one backend.
pub(super) fn backend(section: &Node, endpoint: &str) -> Node {
    let written = section.at(["protocol", "otlp"]).filter(|node| !node.is_null());
    let mark = written.unwrap_or(section).mark.clone();
    let mut node = written.cloned().unwrap_or_else(|| {
        let path = format!("{}::protocol::otlp", section.path);
        Node { path, ..Node::new(mark.clone(), Value::Map(Vec::new())) }
    });
    let path = format!("{}::endpoint", node.path);
    let endpoint = Node { path, ..Node::new(mark.clone(), Value::String(endpoint.to_owned())) };
    if let Value::Map(entries) = &mut node.value {
        entries.retain(|(key, _)| key.name != "endpoint");
        entries.push((Key { name: "endpoint".into(), mark }, endpoint));
    }
    node
}

/// An endpoint as it is connected to: without a port, OTLP's.
pub(super) fn with_port(host: &str) -> String {
    let host = host.trim();
    let bare = |host: &str| host.parse::<std::net::Ipv6Addr>().is_ok();
    match host.parse::<http::uri::Authority>() {
        _ if bare(host) => format!("[{host}]:4317"),
        Ok(authority) if authority.port().is_none() => format!("{host}:4317"),
        _ => host.to_owned(),
    }
}

/// Everything wrong with a section, and advice on it.
pub(super) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    let at = |path: &[&str]| section.at(path.iter().copied()).unwrap_or(section);
    findings.extend(check_key(section, &settings));
    findings.extend(check_resolver(section, &settings.resolver));
    let hosts = settings.resolver.fixed.as_ref().map(|fixed| fixed.hostnames.as_slice()).unwrap_or_default();
    let example = hosts.first().map_or("backend.example:4317".to_owned(), |host| with_port(host));
    let otlp = backend(section, &example);
    findings.extend(
        (otlp_grpc::FACTORY.check)(&otlp).into_iter().filter(|finding| !finding.path.ends_with("endpoint")),
    );
    findings.extend(crate::engine::sending::check(&otlp));
    for (key, unset) in [("enabled", false), ("wait_for_result", true)] {
        let node = at(&["protocol", "otlp", "sending_queue", key]);
        if node.path.ends_with(key) && node.parse::<bool>().is_ok_and(|value| value == unset) {
            let what = "each backend keeps a queue in memory, which nobody waits for";
            let help = "leave it out: what waits for a backend that goes is sent to the others";
            findings.push(Finding::advice(node, what).help(help));
        }
    }
    let storage = at(&["protocol", "otlp", "sending_queue", "storage"]);
    if storage.path.ends_with("storage") && !storage.is_null() {
        let what = "a backend's queue is in memory alone, since what it holds may go to another backend";
        let help = "write `sending_queue: {storage: ...}` beside `protocol`";
        findings.push(Finding::error(storage, what).help(help));
    }
    let batch = at(&["protocol", "otlp", "sending_queue", "batch"]);
    if batch.path.ends_with("batch") {
        let what = "spans are not batched again for each backend; this has no effect";
        findings.push(Finding::advice(batch, what).help("use the processor `batch`"));
    }
    findings
}

fn check_key(section: &Node, settings: &Settings) -> Option<Finding> {
    let at = section.get("routing_key").unwrap_or(section);
    let listed = section.get("routing_attributes");
    match settings.routing_key.as_str() {
        "attributes" if settings.routing_attributes.is_empty() => {
            let finding = Finding::error(at, "`routing_attributes` must name the attributes to route by");
            Some(finding.help("write for example `routing_attributes: [interaction.id]`"))
        }
        "" | "traceID" | "service" => listed.filter(|node| !node.items().is_empty()).map(|node| {
            let finding = Finding::advice(node, "these are not used by this `routing_key`");
            finding.help("write `routing_key: attributes`")
        }),
        "attributes" => None,
        "streamID" | "metric" | "resource" => {
            let message = format!("`{}` does not route traces", settings.routing_key);
            Some(Finding::error(at, message).help("write traceID, service or attributes"))
        }
        other => {
            let message = format!("`{other}` is not a routing key");
            Some(Finding::error(at, message).help("write traceID, service or attributes"))
        }
    }
}

fn check_resolver(section: &Node, resolvers: &Resolvers) -> Vec<Finding> {
    let at = section.get("resolver").unwrap_or(section);
    let of = |name: &str| at.get(name).unwrap_or(at);
    let mut findings = Vec::new();
    let mut wrong =
        |node: &Node, what: &str, help: &str| findings.push(Finding::error(node, what).help(help));
    for (name, given) in [("k8s", &resolvers.k8s), ("aws_cloud_map", &resolvers.aws_cloud_map)] {
        if given.is_some() {
            let help = "use `dns` with the name of a service that resolves to all backends (Kubernetes: a headless one)";
            wrong(of(name), "this resolver is not supported", help);
            return findings;
        }
    }
    match (&resolvers.fixed, &resolvers.dns) {
        (None, None) => {
            let help = "write `resolver: {static: {hostnames: [...]}}` or `resolver: {dns: {hostname: ...}}`";
            wrong(at, "no resolvers specified for the exporter", help);
        }
        (Some(_), Some(_)) => {
            wrong(at, "only one resolver should be specified", "keep one of static and dns")
        }
        (Some(fixed), None) => {
            let node = of("static").get("hostnames").unwrap_or(of("static"));
            if fixed.hostnames.is_empty() {
                wrong(
                    node,
                    "at least one hostname is required",
                    "write `hostnames: [backend-1:4317, backend-2:4317]`",
                );
            }
            for (host, node) in fixed.hostnames.iter().zip(node.items()) {
                if let Some((what, help)) = otlp_grpc::endpoint_complaint(&with_port(host)) {
                    wrong(node, &what, &help);
                }
            }
        }
        (None, Some(dns)) => {
            let node = |key: &str| of("dns").get(key).unwrap_or(of("dns"));
            if dns.hostname.is_empty() {
                wrong(
                    node("hostname"),
                    "`hostname` is required",
                    "write a name that resolves to all backends",
                );
            } else if dns.hostname.contains([':', '/', ' ']) {
                wrong(node("hostname"), "this is not the name of a host", "the port stands in `port`");
            }
            if dns.port.parse::<u16>().is_err() {
                wrong(node("port"), "this is not a port", "4317 is the default");
            }
            for (key, value) in [("interval", dns.interval), ("timeout", dns.timeout)] {
                if value.is_zero() {
                    wrong(node(key), "must be positive", "5s and 1s are the defaults");
                }
            }
        }
    }
    findings
}
