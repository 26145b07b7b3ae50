//! Factories that check settings and make nothing; those of processors with a language of their own are the real ones.

use flow::config::{Finding, GoDuration, Node, Opaque, Section};
use flow::{BuildError, Factory, Make, Registry, Signal};
use serde::Deserialize;

use crate::{extensions, processors};

pub(super) fn registry() -> Registry {
    let receiver = Make::Receiver(|_, _| Err(BuildError::new("fake", "made of paper")));
    let processor = Make::Processor(|_, _, _| Err(BuildError::new("fake", "made of paper")));
    let exporter = Make::Exporter(|_, _| Err(BuildError::new("fake", "made of paper")));
    let extension = Make::Extension(|_, _| Err(BuildError::new("fake", "made of paper")));
    let connector =
        |gives| Make::Connector { gives, make: |_, _, _| Err(BuildError::new("fake", "made of paper")) };
    let traces: &[Signal] = &[Signal::Traces];
    let all: &[Signal] = &Signal::ALL;
    let factory = |name, aliases, signals, check, make| Factory { name, aliases, signals, check, make };
    let real = [
        processors::filter::FACTORY,
        processors::span::FACTORY,
        processors::transform::FACTORY,
        processors::groupbytrace::FACTORY,
        processors::probabilistic_sampler::FACTORY,
        extensions::journal::FACTORY,
        extensions::file_storage::FACTORY,
    ];
    let fake = [
        factory("otlp", &[], all, check::<Otlp>, receiver),
        factory("memory_limiter", &[], all, check::<Limiter>, processor),
        processors::tail_sampling::FACTORY,
        factory("batch", &[], all, check::<Batch>, processor),
        factory("attributes", &[], traces, check::<Attributes>, processor),
        processors::redaction::FACTORY,
        processors::cardinality::FACTORY,
        factory("otlp_grpc", &["otlp"], all, check::<Client>, exporter),
        factory("otlp_http", &["otlphttp"], all, check::<Client>, exporter),
        factory("debug", &[], all, check::<Nothing>, exporter),
        crate::exporters::prometheus::FACTORY,
        factory("forward", &[], all, check::<Nothing>, connector(&Signal::ALL)),
        crate::connectors::spanmetrics::FACTORY,
        crate::connectors::servicegraph::FACTORY,
        factory("lake", &[], traces, check::<Lake>, exporter),
        factory("health_check", &[], all, check::<Server>, extension),
        factory("view", &[], all, check::<View>, extension),
        factory("bearertokenauth", &[], all, check::<Bearer>, extension),
    ];
    Registry::new(fake.into_iter().chain(real))
}

fn check<T: serde::de::DeserializeOwned>(section: &Node) -> Vec<Finding> {
    section.check::<T>().1
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Nothing {}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Otlp {
    protocols: Protocols,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Protocols {
    grpc: Option<Section<Server>>,
    http: Option<Section<Server>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Server {
    endpoint: String,
    auth: Option<Auth>,
    tls: Tls,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    authenticator: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tls {
    client_ca_file: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only checked")]
struct Limiter {
    check_interval: GoDuration,
    #[serde(default)]
    limit_mib: u64,
    #[serde(default)]
    spike_limit_mib: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Batch {
    timeout: GoDuration,
    send_batch_size: u32,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only checked")]
struct Attributes {
    actions: Vec<Action>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only checked")]
struct Action {
    key: String,
    action: String,
    value: Option<String>,
    from_attribute: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Client {
    endpoint: String,
    traces_endpoint: String,
    headers: std::collections::BTreeMap<String, Opaque>,
    compression: Compression,
    sending_queue: Queue,
    timeout: GoDuration,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Compression {
    #[default]
    Gzip,
    Zstd,
    None,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Queue {
    queue_size: u32,
    storage: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only checked")]
struct Lake {
    directory: String,
    #[serde(rename = "retry_on_failure")]
    _retry: Option<Section<crate::engine::sending::RetrySettings>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct View {
    endpoint: String,
    store: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Bearer {
    token: Opaque,
}
