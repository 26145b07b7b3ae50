//! The conservation law, over real sockets and through a plan from YAML, with exporters that fail.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flow::Telemetry;
use flow::config::Node;
use flow::{
    Batch, BoxFuture, BuildError, Ctx, ExportError, Exporter, Factory, Make, Memory, Registry, Signal,
};
use http::Method;
use pipeline::engine::account::{Accounts, Balance};
use pipeline::engine::running::Running;
use pipeline::net::addresses::Addresses;
use pipeline::plan::Plan;
use pipeline::{extensions, processors, receivers};

use crate::client::{Http1, Http2, PROTOBUF, http, post, request};
use crate::setup::spans;

const PLAN: &str = "
receivers:
  otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: '127.0.0.1:0'}}}
  otlp/direct: {protocols: {http: {endpoint: '127.0.0.1:0'}}}
processors:
  batch: {timeout: 5ms, send_batch_size: 300, send_batch_max_size: 450}
  memory_limiter: {check_interval: 1s, limit_mib: 4000}
  redaction: {allow_all_keys: true, detectors: {all: mask}}
  cardinality: {limit: 5, action: hash}
exporters:
  flaky/steady:
  flaky/moody:
    sending_queue: {queue_size: 3, num_consumers: 1}
    retry_on_failure: {initial_interval: 1ms, max_interval: 2ms, max_elapsed_time: 5ms}
  flaky/waited_for:
    sending_queue: {enabled: false}
    retry_on_failure: {enabled: false}
extensions: {health_check: {endpoint: '127.0.0.1:0'}}
service:
  extensions: [health_check]
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: 0}}}}]}}
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter, batch, redaction, cardinality], exporters: [flaky/steady, flaky/moody]}
    traces/direct: {receivers: [otlp/direct], exporters: [flaky/waited_for]}
";

static FLAKY: Factory = Factory {
    name: "flaky",
    aliases: &[],
    signals: &Signal::ALL,
    check: pipeline::engine::sending::check,
    make: Make::Exporter(|_, ctx| {
        let arrived = ctx.get::<Arrived>().ok_or_else(|| BuildError::new(&ctx.id, "nowhere to arrive"))?;
        Ok(Arc::new(Flaky { id: ctx.id.to_string(), calls: AtomicU64::new(0), arrived }))
    }),
};

/// Items that each exporter's destination has taken.
#[derive(Default)]
struct Arrived(Mutex<HashMap<String, usize>>);

struct Flaky {
    id: String,
    calls: AtomicU64,
    arrived: Arc<Arrived>,
}

impl Exporter for Flaky {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        Box::pin(async move {
            let call = self.calls.fetch_add(1, Ordering::Relaxed);
            let steady = self.id.ends_with("steady");
            if !steady {
                tokio::time::sleep(Duration::from_micros(call * 7919 % 1500)).await;
            }
            let (items, result) = match call {
                _ if steady => (batch.items, Ok(())),
                call if call % 11 == 3 => (0, Err(ExportError::Permanent("never".into()))),
                call if call % 7 == 5 => {
                    let error = ExportError::Partial { rejected: 1, why: "one is odd".into() };
                    (batch.items - 1, Err(error))
                }
                call if call % 3 == 1 => (0, Err(ExportError::Retry { why: "busy".into(), after: None })),
                _ => (batch.items, Ok(())),
            };
            *self.arrived.0.lock().unwrap().entry(self.id.clone()).or_default() += items;
            result
        })
    }
}

/// What clients were told about their spans.
#[derive(Default)]
struct Told {
    accepted: AtomicUsize,
    refused: AtomicUsize,
}

impl Told {
    fn hear(&self, accepted: bool, spans: usize) {
        if accepted { &self.accepted } else { &self.refused }.fetch_add(spans, Ordering::Relaxed);
    }

    fn both(&self) -> (i64, i64) {
        let number = |count: &AtomicUsize| count.load(Ordering::Relaxed) as i64;
        (number(&self.accepted), number(&self.refused))
    }
}

fn context() -> Ctx {
    let telemetry = Telemetry::default();
    Ctx::new(Arc::new(Memory::default()), telemetry.clone())
        .with(Arc::new(Addresses::default()))
        .with(Arc::new(Accounts::new(telemetry)))
        .with(Arc::new(Arrived::default()))
}

async fn start(ctx: &Ctx) -> Running {
    let registry = Registry::new([
        receivers::otlp::FACTORY,
        processors::memory_limiter::FACTORY,
        processors::batch::FACTORY,
        processors::redaction::FACTORY,
        processors::cardinality::FACTORY,
        FLAKY,
        extensions::health_check::FACTORY,
    ]);
    let (plan, findings) = Plan::of(&Node::load("law.yaml", PLAN).unwrap(), &registry);
    Running::start(&plan.unwrap_or_else(|| panic!("{findings:?}")), ctx).await.unwrap()
}

/// Scenario: twelve clients send 2400 requests by gRPC and HTTP to two receivers; behind them exporters fail for now,
/// for good, in part, and refuse because their queues are full.
/// Guarantees: once all is quiet nothing is unaccounted for, and client, receiver, pipeline, exporter and destination
/// tell the same story.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_item_is_accounted_for() {
    let ctx = context();
    let arrived = ctx.get::<Arrived>().unwrap();
    let mut running = start(&ctx).await;
    let told = drive(&ctx).await;

    let accounts = ctx.get::<Accounts>().unwrap();
    let quiet = |balance: &Balance| balance.in_flight == 0 && balance.difference() == 0;
    while !accounts.balances().iter().all(quiet) {
        tokio::task::yield_now().await;
    }
    let metrics = Metrics::scrape(&ctx).await;
    for (balance, told) in accounts.balances().iter().zip([&told[0], &told[0], &told[1]]) {
        let Balance { pipeline, exporter, .. } = balance;
        let (accepted, refused) = told.both();
        assert_eq!(balance.received, accepted + refused, "{pipeline}: what clients sent");
        assert_eq!(balance.refused, refused, "{pipeline}: what clients were told");
        assert_eq!(
            balance.exported,
            arrived.0.lock().unwrap()[&**exporter] as i64,
            "{exporter}: what arrived"
        );
        assert_eq!(balance.exported + balance.lost, accepted, "{exporter}: the law");
        let labels = [("pipeline", &**pipeline), ("exporter", &**exporter)];
        for (name, value) in [
            ("throughline_exporter_exported_items", balance.exported),
            ("throughline_exporter_lost_items", balance.lost),
            ("throughline_pipeline_in_flight_items", 0),
            ("throughline_pipeline_unaccounted_items", 0),
        ] {
            assert_eq!(metrics.sum(name, &labels), value, "{name} {exporter}");
        }
        let exporter = [("exporter", &**exporter)];
        assert_eq!(metrics.sum("otelcol_exporter_sent_spans", &exporter), balance.exported);
        let receiver = [("receiver", if &**pipeline == "traces" { "otlp" } else { "otlp/direct" })];
        let failed = metrics.sum("otelcol_receiver_failed_spans", &receiver);
        if &**pipeline == "traces" {
            let batch = [("processor", "batch")];
            // What comes in may be refused, and what goes out may be refused and then tried again.
            assert!(metrics.sum("otelcol_processor_incoming_items", &batch) >= accepted);
            assert!(metrics.sum("otelcol_processor_outgoing_items", &batch) >= accepted);
        }
        assert_eq!(metrics.sum("otelcol_receiver_accepted_spans", &receiver), accepted);
        assert_eq!(metrics.sum("otelcol_receiver_refused_spans", &receiver) + failed, refused);
    }
    for balance in accounts.balances() {
        assert_eq!(balance.lost > 0, &*balance.exporter != "flaky/steady", "a bad neighbour does no harm");
    }
    let (_, refused) = told[1].both();
    assert!(refused > 0, "a client that waits for the result hears of failures");
    assert_eq!(ctx.memory.held(), 0, "nothing is held");
    running.stop().await;
    assert!(accounts.balances().iter().all(quiet));
}

/// Scenario: one batch through, a scrape, and the documentation beside it.
/// Guarantees: every metric that there is stands in `docs/telemetry.md`.
#[tokio::test]
async fn every_metric_is_documented() {
    let ctx = context();
    let mut running = start(&ctx).await;
    let address = ctx.get::<Addresses>().unwrap().of("otlp", "http").unwrap();
    assert_eq!(http(address, post(&[PROTOBUF], spans(5))).await.status, 200);
    let metrics = Metrics::scrape(&ctx).await;
    let documented = include_str!("../../../../docs/telemetry.md");
    let names = metrics.0.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let missing: Vec<_> = names.filter(|name| !documented.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "not in docs/telemetry.md: {missing:#?}");
    running.stop().await;
}

/// What the clients of each receiver were told.
async fn drive(ctx: &Ctx) -> [Arc<Told>; 2] {
    let told = [Arc::new(Told::default()), Arc::new(Told::default())];
    let addresses = ctx.get::<Addresses>().unwrap();
    let [grpc, batched] = ["grpc", "http"].map(|what| addresses.of("otlp", what).unwrap());
    let direct = addresses.of("otlp/direct", "http").unwrap();
    let bodies: Arc<[Vec<u8>]> = (0..=90).map(spans).collect();
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..12_usize {
        let (told, bodies) = (Arc::clone(&told[usize::from(client % 3 == 2)]), Arc::clone(&bodies));
        clients.spawn(async move {
            let address = if client % 3 == 2 { direct } else { batched };
            let mut http1 = Http1::open(address).await;
            let mut http2 = Http2::open(grpc).await;
            for nth in 0..200 {
                let count = (client * 37 + nth * 13) % 90 + 1;
                let accepted = match client % 3 {
                    0 => http2.export(&bodies[count]).await.code == Some(0),
                    _ => http1.send(post(&[PROTOBUF], bodies[count].clone())).await.status == 200,
                };
                told.hear(accepted, count);
            }
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    told
}

/// The lines of a scrape.
struct Metrics(String);

impl Metrics {
    async fn scrape(ctx: &Ctx) -> Self {
        let address = ctx.get::<Addresses>().unwrap().of("service::telemetry::metrics", "http").unwrap();
        let answer = http(address, request(Method::GET, "/metrics", &[("host", "localhost")], "")).await;
        assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4");
        Self(String::from_utf8(answer.body.to_vec()).unwrap())
    }

    fn sum(&self, name: &str, labels: &[(&str, &str)]) -> i64 {
        let labels: Vec<_> = labels.iter().map(|(name, value)| format!(r#"{name}="{value}""#)).collect();
        let lines = self.0.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{'));
        let selected = lines.filter(|line| labels.iter().all(|label| line.contains(label)));
        selected.map(|line| line.rsplit_once(' ').unwrap().1.parse::<i64>().unwrap()).sum()
    }
}
