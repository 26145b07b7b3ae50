//! The configurations for regions and backends, run as they are but for their addresses.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use flow::config::Node;
use flow::{
    Batch, BoxFuture, BuildError, Ctx, ExportError, Exporter, Extension, Factory, Make, Memory, Registry,
    Signal, Telemetry,
};

use crate::engine::account::Accounts;
use crate::engine::running::Running;
use crate::net::addresses::Addresses;
use crate::plan::{Plan, Sources, World, findings_as_text, read_file};
use crate::{connectors, exporters, extensions, processors, receivers};

mod backends;
mod regions;
mod relay;

/// Stands for the store: keeps what comes.
static LAKE: Factory = Factory {
    name: "lake",
    aliases: &[],
    signals: &[Signal::Traces],
    check: |_| Vec::new(),
    make: Make::Exporter(|_, ctx| Ok(ctx.get::<Kept>().unwrap_or_default() as Arc<dyn Exporter>)),
};
static VIEW: Factory = Factory {
    name: "view",
    aliases: &[],
    signals: &Signal::ALL,
    check: |_| Vec::new(),
    make: Make::Extension(|_, _| Ok(Arc::new(Nothing) as Arc<dyn Extension>)),
};

struct Nothing;

impl Extension for Nothing {
    fn start(&self) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

#[derive(Default)]
struct Kept(Mutex<Vec<serde_json::Value>>);

impl Exporter for Kept {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        let json = flow::otlp::json::encode(batch.signal, &batch.payload);
        self.0.lock().unwrap().push(serde_json::from_slice(&json).unwrap());
        Box::pin(std::future::ready(Ok(())))
    }
}

fn context() -> Ctx {
    let telemetry = Telemetry::default();
    Ctx::new(Arc::new(Memory::default()), telemetry.clone())
        .with(Arc::new(Addresses::default()))
        .with(Arc::new(Accounts::new(telemetry)))
        .with(Arc::new(Kept::default()))
}

/// The plan of a file in `configs/`, of which nothing is said.
fn plan(
    name: &str,
    sets: &[&str],
    env: &[(&str, &str)],
    edit: &dyn Fn(String) -> String,
) -> Result<Plan, String> {
    let (plan, findings) = read(name, sets, env, edit);
    plan.filter(|_| findings.is_empty()).ok_or(findings)
}

/// The same, whatever advice there is.
fn lenient(
    name: &str,
    sets: &[&str],
    env: &[(&str, &str)],
    edit: &dyn Fn(String) -> String,
) -> Result<Plan, String> {
    let (plan, findings) = read(name, sets, env, edit);
    plan.ok_or(findings)
}

/// With `sets` over it; `edit` changes the text.
fn read(
    name: &str,
    sets: &[&str],
    env: &[(&str, &str)],
    edit: &dyn Fn(String) -> String,
) -> (Option<Plan>, String) {
    let file =
        |path: &str| read_file(&format!("{}/../../configs/{path}", env!("CARGO_MANIFEST_DIR"))).map(edit);
    let env = |name: &str| {
        let found = env.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let sources =
        Sources { configs: vec![name.to_owned()], sets: sets.iter().map(|set| (*set).to_owned()).collect() };
    let registry = Registry::new([
        receivers::otlp::FACTORY,
        processors::memory_limiter::FACTORY,
        processors::batch::FACTORY,
        processors::attributes::FACTORY,
        processors::region::FACTORY,
        exporters::otlp_grpc::FACTORY,
        exporters::otlp_http::FACTORY,
        exporters::prometheus::FACTORY,
        connectors::spanmetrics::FACTORY,
        LAKE,
        extensions::basicauth::FACTORY,
        extensions::health_check::FACTORY,
        VIEW,
    ]);
    let (plan, findings) = Plan::read(&sources, World { env: &env, file: &file }, &registry);
    let findings = if findings.is_empty() { String::new() } else { findings_as_text(&findings) };
    (plan, findings)
}

/// Every listener on a port of its own.
const ANYWHERE: [&str; 4] = [
    "receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0",
    "receivers.otlp.protocols.http.endpoint=127.0.0.1:0",
    "extensions.health_check.endpoint=127.0.0.1:0",
    "service.telemetry.metrics.level=none",
];

/// Sends spans by gRPC, one request for each.
async fn send(to: std::net::SocketAddr, spans: &[&str]) {
    let section = format!("{{endpoint: 'http://{to}', compression: none}}");
    let section = Node::load("client.yaml", &section).unwrap();
    let Make::Exporter(make) = exporters::otlp_grpc::FACTORY.make else { unreachable!() };
    let client = make(&section, &context().named("otlp_grpc")).unwrap();
    for json in spans {
        let bytes = flow::otlp::json::decode(Signal::Traces, json.as_bytes()).unwrap();
        let batch = flow::otlp::accept(Signal::Traces, bytes.into(), &flow::otlp::Limits::default()).unwrap();
        client.export(&batch).await.unwrap();
    }
}

/// Waits for what others do.
async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let waiting = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap_or_else(|_| panic!("{what}"));
}
